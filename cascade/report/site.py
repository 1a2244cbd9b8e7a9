"""The documentation as a static site: every page, and the public interface from its docstrings, to read and search."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from cascade.errors import UsageError
from cascade.manual import page, pages
from cascade.report.reference import interface

if TYPE_CHECKING:
    from markdown_it.token import Token

API: Final = "api"
_ROOM = Path(__file__).parent


class Part(NamedTuple):
    """A heading with the text below it, as the search looks through it."""

    page: str
    anchor: str
    heading: str
    text: str


class Rendered(NamedTuple):
    """A page as HTML, and its parts."""

    html: str
    parts: Sequence[Part]


def write_site(folder: Path, *, force: bool = False) -> Path:
    """Write the site into a folder and return its first page.

    Raises
    ------
    UsageError
        If a site is there already.
    """
    first = folder / "index.html"
    if first.exists() and not force:
        raise UsageError(
            "the site exists", where=str(first), remedy="use --force to write it anew", code="CAS802"
        )
    titles = {**pages(), API: "The public interface"}
    texts = {**{name: page(name) for name in pages()}, API: interface()}
    parts: list[Part] = []
    for name, text in texts.items():
        rendered = render(name, text, titles)
        parts += rendered.parts
        path = folder / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_framed(name, titles, rendered.html), encoding="utf-8")
    style = (_ROOM / "assets" / "style.css").read_text(encoding="utf-8")
    (folder / "style.css").write_text(style, encoding="utf-8")
    found = json.dumps([part._asdict() for part in parts], ensure_ascii=False)
    script = (_ROOM / "assets" / "search.js").read_text(encoding="utf-8")
    (folder / "search.js").write_text(f"const PARTS = {found};\n{script}", encoding="utf-8")
    return first


def render(name: str, text: str, known: Any) -> Rendered:
    """Return a page of Markdown as HTML; its links lead to pages of the site, or are text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    parts = list(_parts(name, tokens))
    for token in tokens:
        for child in token.children or ():
            _relink(name, child, known)
    html = parser.renderer.render(tokens, parser.options, {})
    tables = html.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")
    return Rendered(tables, parts)


def _parts(name: str, tokens: Sequence[Token]) -> Iterator[Part]:
    """Give headings their anchors, and yield what is below each."""
    anchor, heading, below = "", name, list[str]()
    taken: dict[str, int] = {}
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            yield Part(name, anchor, heading, " ".join(below))
            heading, below = _plain(tokens[place + 1]), []
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            taken[slug] = taken.get(slug, 0) + 1
            anchor = slug if taken[slug] == 1 else f"{slug}-{taken[slug] - 1}"
            token.attrSet("id", anchor)
        elif token.type in ("inline", "fence") and tokens[place - 1].type != "heading_open":
            below.append(_plain(token))
    yield Part(name, anchor, heading, " ".join(below))


def _plain(token: Token) -> str:
    """Return the words of a token."""
    if not token.children:
        return token.content
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children)


def _relink(name: str, token: Token, known: Any) -> None:
    """Lead a link to the page of the site; one to what is no page becomes text."""
    href = token.attrGet("href") if token.type == "link_open" else None
    if href is None or "://" in str(href):
        return
    target = urlsplit(str(href))
    here = os.path.dirname(name)  # noqa: PTH120 - of an address, not of a file
    path = os.path.normpath(os.path.join(here, target.path)).removesuffix(".md") if target.path else name  # noqa: PTH118
    if path not in known:
        token.attrs.pop("href", None)
        return
    anchor = f"#{target.fragment}" if target.fragment else ""
    token.attrSet("href", f"{os.path.relpath(path, here or '.')}.html{anchor}")


def _framed(name: str, titles: dict[str, str], body: str) -> str:
    """Return a page with the navigation around it."""
    from jinja2 import Environment, FileSystemLoader

    from cascade import __version__

    loader = FileSystemLoader(_ROOM / "templates")
    template = Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("site.html")
    up = "../" * name.count("/")
    return template.render(
        name=name, titles=titles, title=titles[name], body=body, up=up, version=__version__
    )
