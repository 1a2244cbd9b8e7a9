"""The static site has every page and name, its links lead somewhere, and what is searched for is found."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli.app import build
from cascade.errors import UsageError
from cascade.manual import pages, search
from cascade.report.reference import interface
from cascade.report.site import render, write_site


class Read(HTMLParser):
    """What a page has of anchors and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            assert found["id"] not in self.ids, f"two anchors {found['id']}"
            self.ids.add(str(found["id"]))
        self.links += [str(found[name]) for name in ("href", "src") if found.get(name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("site")).parent


def test_every_page_is_there(site: Path) -> None:
    names = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert names == {*pages(), "api"}


def test_every_link_leads_to_a_file_and_an_anchor_of_it(site: Path) -> None:
    read = {path: Read(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    n = 0
    for path, page in read.items():
        for link in page.links:
            if link.startswith(("data:", "https:", "http:")):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), f"{path.name}: {link}"
            if anchor and target.suffix == ".html":
                assert anchor in read[target].ids, f"{path.name}: {link}"
            n += 1
    assert n > 37 * 37


def test_links_between_pages_stay_links(site: Path) -> None:
    assert 'href="scenario.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'href="venues/binance.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_what_is_written_is_text() -> None:
    page = render("x", "# A\n\n<script>alert(1)</script> [out](../../LICENSE) [in](b.md#c)", {"x", "b"}).html
    assert "<script>" not in page
    assert "<a>out</a>" in page
    assert '<a href="b.html#c">in</a>' in page


def test_the_interface_has_every_public_name_and_its_parameters() -> None:
    text = interface()
    for name in cascade.__all__:
        assert f"\n## {name}\n" in text, name
    assert "- `allow_code` Whether agents in Python" in text
    assert "### Trader.buy" in text


def test_the_search_of_the_site_has_every_part(site: Path) -> None:
    text = (site / "search.js").read_text(encoding="utf-8")
    found = re.match(r"const PARTS = (.*);\n", text)
    assert found is not None
    parts = json.loads(found[1])
    assert any(part["page"] == "mesa" and part["heading"] == "Three agents" for part in parts)
    assert any("allow-code" in part["text"] for part in parts)
    for part in parts:
        if part["anchor"]:
            page = (site / f"{part['page']}.html").read_text(encoding="utf-8")
            assert f'id="{part["anchor"]}"' in page


def test_a_search_finds_lines_with_all_words_headings_first() -> None:
    hits = list(search("three AGENTS"))
    assert (hits[0].page, hits[0].heading, hits[0].line) == ("mesa", "Three agents", "Three agents")
    assert all("three" in hit.line.lower() and "agents" in hit.line.lower() for hit in hits)
    with pytest.raises(UsageError, match="no page has"):
        list(search("xyzzy"))


def test_the_command(site: Path) -> None:
    def docs(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(build(["docs"]), ["docs", *words])
        return result.exit_code, result.output

    code, told = docs("--search", "insurance fund")
    assert code == 0
    assert "glossary" in told
    assert docs("--search", "xyzzy")[0] == 2
    assert docs("--html", str(site))[0] == 2
    assert docs("--html", str(site), "--force")[0] == 0
    assert docs("mesa")[1].startswith("# Agents of your own")


def test_a_terminal_gets_a_page_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("rich.pager.SystemPager.show", lambda _, content: shown.append(content))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    from cascade.cli.docs import _show_page

    _show_page("# A title\n\n- one **word**\n")
    (text,) = shown
    assert "A title" in text
    assert "**word**" not in text
