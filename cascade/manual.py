"""The pages of the documentation that comes with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cascade.errors import UsageError

_FOLDER = Path(__file__).resolve().parent / "docs"


class Hit(NamedTuple):
    """A line of a page that holds what was searched for."""

    page: str
    heading: str
    line: str


def pages() -> dict[str, str]:
    """Return the title of each page by its name."""
    return {_name(path): _title(path) for path in sorted(_FOLDER.rglob("*.md"))}


def page(topic: str) -> str:
    """Return the text of a page.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    for path in _FOLDER.rglob("*.md"):
        if _name(path) == topic.removesuffix(".md"):
            return path.read_text(encoding="utf-8").rstrip()
    from cascade.scenario.words import did_you_mean

    known = pages()
    remedy = f"pages: {', '.join(known)}" if known else "this installation has no pages; reinstall it"
    raise UsageError(f"no page '{topic}'{did_you_mean(topic, known)}", remedy=remedy, code="CAS803")


def search(words: str) -> Iterator[Hit]:
    """Yield the lines that hold all words of a search, whatever their case, by page; headings before the rest.

    Raises
    ------
    UsageError
        If there is no word, or none of the pages has them.
    """
    wanted = words.lower().split()
    hits = [hit for name in pages() for hit in _hits(name, wanted)] if wanted else []
    if not hits:
        raise UsageError(
            f"no page has '{words}'" if wanted else "there is nothing to search for",
            remedy="try one word, or its beginning; cascade docs lists the pages",
            code="CAS803",
        )
    yield from sorted(hits, key=lambda hit: hit.heading != hit.line)  # stable: else by page and line


def _hits(name: str, wanted: list[str]) -> Iterator[Hit]:
    heading, is_code = "", False
    for text in page(name).splitlines():
        is_code ^= text.startswith("```")
        if text.startswith("#") and not is_code:
            heading = text.lstrip("# ")
        line = heading if text.lstrip("# ") == heading else text.strip()
        if all(word in line.lower() for word in wanted):
            yield Hit(name, heading, line)


def _name(path: Path) -> str:
    return path.relative_to(_FOLDER).with_suffix("").as_posix()


def _title(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), path.stem)
