"""Text of others stays text: in Markdown, in files for spreadsheets, on pages; and names have an alphabet."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from io import StringIO
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import cascade
from cascade.errors import ScenarioError
from cascade.escape import cell, markdown, markdown_code, markdown_coded
from cascade.experiment.comparison import text as comparison_text
from cascade.output.manifest import load as manifest_of
from cascade.report.builders.table import Column, Table, text_column
from cascade.report.markdown import markdown_table, memo
from cascade.report.page import Options, page, study_of
from tests.support.forge import forge
from tests.support.scenarios import small_data, small_scenario

HOSTILE = [
    "<script>alert(1)</script>", "a | b", "`x` `", "``", "[a](javascript:alert(1))", "![a](http://x/y.png)", "[a][b]",
    "*a* _b_ **c**", "&lt;b&gt; &amp; & &#60;", "a\\", "a\n\n# b", "~~gone~~", "<!-- a", "<https://x>", "\\`a`", "a_b_c",
]  # fmt: skip

RENDERER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def one_line(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_text_as_it_is(text: str) -> None:
    """As a renderer that lets HTML pass shows it, in a paragraph, in bold and in a cell of a table."""
    assert RENDERER.render(markdown(text)).strip() == f"<p>{one_line(text)}</p>"
    assert RENDERER.render(f"**{markdown(text)}**").strip() == f"<p><strong>{one_line(text)}</strong></p>"
    shown = RENDERER.render(f"| a | b |\n| --- | --- |\n| {markdown(text)} | {markdown_code(text)} |\n")
    plain, code = re.findall(r"<td>(.*?)</td>", shown, re.DOTALL)
    assert plain == one_line(text)
    assert html.unescape(re.fullmatch(r"<code>(.*)</code>", code)[1]) == " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_of_text_with_code_only_the_code_is_markup(text: str) -> None:
    shown = RENDERER.render(
        f"| a |\n| --- |\n| {markdown_coded(f'`bars: {{a|b: 1s}}` is not in {text}')} |\n"
    )
    (found,) = re.findall(r"<td>(.*?)</td>", shown, re.DOTALL)
    assert set(re.findall(r"<(\w+)", found)) == {"code"}
    assert found.startswith("<code>bars: {a|b: 1s}</code> is not in ")
    told = html.unescape(re.sub("</?code>", "", found))
    assert told.replace("`", "") == f"bars: {{a|b: 1s}} is not in {' '.join(text.split())}".replace("`", "")


def test_what_needs_no_escape_is_written_as_it_is() -> None:
    for text in ("fall of 4.00 % [3.1, 4.9]", "venue:BTCUSDT (USD)", "-2 %"):
        assert markdown(text) == text
    assert markdown_code("venue_btc-usdt") == "`venue_btc-usdt`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"), ("-2+3", "'-2+3"), ("\t=1", "'\t=1"), ("\r=1", "'\n=1"), ("-", "'-"),
        ("-2 %", "-2 %"), ("-1.5e-07", "-1.5e-07"), ("+4", "+4"), ("-1,200.5", "-1,200.5"), ("a=1", "a=1"), ("", ""),
        ("\uff1d1+1", "'\uff1d1+1"), ("\uff0b1+cmd", "'\uff0b1+cmd"), ("\uff201", "'\uff201"), ("-٢", "'-٢"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula_and_numbers_stay_numbers(text: str, shown: str) -> None:
    assert cell(text) == shown
    columns = (text_column("name", "", [text]), Column("x", "X", [-1.5], "USD"), Column("y", "Y", [-3], ""))
    rows = list(csv.reader(StringIO(Table("t", "T", columns).csv())))
    assert rows[1][1:] == ["-1.5", "-3"]
    assert rows[1][0] == shown


def test_a_table_in_markdown_holds_hostile_names() -> None:
    columns = (text_column("a", "<A>", HOSTILE), text_column("b", "B", HOSTILE, kind="code"))
    shown = RENDERER.render(markdown_table(Table("t", "T", columns)))
    assert re.findall(r"<t[hd]>(.*?)</t[hd]>", shown)[0] == "&lt;A&gt;"
    cells = re.findall(r"<td>(.*?)</td>", shown)
    assert [html.unescape(each) for each in cells[::2]] == [" ".join(text.split()) for text in HOSTILE]
    assert not re.search(r"<(script|img|a|h1|strong|em|s)\b", shown)


PUBLISHED = "<script>alert(1)</script> | `x"


@pytest.fixture
def hostile(write_run, tmp_path: Path) -> list[Path]:
    """Return two runs in folders of hostile names, with a source that is a script."""
    first = write_run(n=6, folder="one")
    folders = [tmp_path / "<b>x<", tmp_path / "$y$ `=1"]
    for folder in folders:
        shutil.copytree(first, folder)
        published = [{"what": "public_usd", "value": 1.0, "source": PUBLISHED}]
        forge(folder, published=published)
    return folders


@pytest.mark.slow
def test_memos_and_comparisons_hold_what_others_wrote_as_text(hostile: list[Path]) -> None:
    result = cascade.read(hostile[0])
    assert manifest_of(hostile[0])["published"][0]["source"] == PUBLISHED
    alone, both = memo(study_of([result])), memo(study_of(hostile))
    compared = comparison_text.markdown(cascade.compare([str(each) for each in hostile]))
    assert html.escape(PUBLISHED) in html.escape(html.unescape(RENDERER.render(alone)))
    for text in (alone, both, compared):
        shown = RENDERER.render(text)
        assert not re.search(r"<(script|b|img|a)\b", shown)
        assert len(set(shown.splitlines())) > 5
    assert "<code>&lt;b&gt;x&lt;</code>" in RENDERER.render(both)


def page_of_hostile(hostile: list[Path], options: Options) -> str:
    """Return a page of runs of which no name or source is markup."""
    text = page(study_of(hostile), options)
    assert "<b>x" not in text
    assert "&lt;b&gt;x" in text
    assert "<script>alert" not in page(study_of(hostile[:1]), options)
    return text


def test_pages_hold_what_others_wrote_as_text(hostile: list[Path]) -> None:
    text = page_of_hostile(hostile, Options())
    data = re.findall(r"<script[^>]*data-for[^>]*>(.*?)</script>", text, re.DOTALL)
    hovers = [trace.get("hovertemplate", "") for each in data for trace in json.loads(each)["data"]]
    assert any("<extra>" in hover for hover in hovers)
    assert not any("<b>" in hover for hover in hovers)


@pytest.mark.slow
def test_pages_without_a_script_hold_it_as_text_too(hostile: list[Path]) -> None:
    pytest.importorskip("matplotlib")
    assert page_of_hostile(hostile, Options(static=True))


@pytest.mark.parametrize(
    "name", ["venue:<script>", "ven ue:BTCUSDT", "venue:BTC|USDT", "venue:=1", "venue:a:b", "_:b", "a:"]
)
def test_a_name_of_a_market_has_an_alphabet(name: str) -> None:
    data = small_data()
    data["markets"][name] = data["markets"]["venue:BTCUSDT"]
    with pytest.raises(ScenarioError, match="is no market name") as refused:
        small_scenario().replace(markets=data["markets"])
    assert "letters, digits" in str(refused.value)


@pytest.mark.parametrize(
    "name", ["venue:BTC-USDT-SWAP", "venue:BTC/USD", "venue:1000PEPE_250926", "venue:BTC.P"]
)
def test_names_that_venues_use_are_names(name: str) -> None:
    data = small_data()
    data["markets"][name] = data["markets"]["venue:BTCUSDT"] | {"contract": "BTCUSDT"}
    data["makers"][0]["markets"] = "*"
    assert name in type(small_scenario()).model_validate(data).markets
