"""The page: every number is that of the table it comes from, nothing is fetched, and nothing is missing unsaid."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

import cascade
import cascade.report.write as writing
from cascade.analysis.formats import format_apart, format_bare, format_value
from cascade.errors import ResultsError
from cascade.installation import install_command
from cascade.output.log import note
from cascade.output.manifest import MANIFEST
from cascade.report.builders.table import show
from cascade.report.figures import FIGURES
from cascade.report.page import MOST_BYTES, Options, page, study_of
from cascade.report.sections import sections
from cascade.report.write import read_for_report, write_report
from tests.report.conftest import MADE
from tests.report.reading import Page, decoded

OF_RUNS = ("script", "compared", "swept")
"""Pages of a run, of four that are compared, and of a sweep."""


@pytest.mark.parametrize("name", OF_RUNS)
def test_every_number_is_that_of_its_table(pages, name):
    found = Page.of(pages[name])
    assert len(found.numbers) > 300
    for number in found.numbers:
        assert number.value == found.cell(number.place), number


@pytest.mark.parametrize("name", OF_RUNS)
def test_every_number_reads_as_its_value(pages, name, stress, four, swept):
    tables = all_tables(*{"script": [stress], "compared": four, "swept": [swept]}[name])
    for number in Page.of(pages[name]).numbers:
        table, row, column = number.place.split("/")
        unit = tables[table].unit(int(row), column)
        value = tables[table].value(int(row), column)
        if tables[table][column].is_apart:
            assert number.text in {format_apart(value, unit), format_apart(value, unit, is_bare=True)}, number
        else:
            assert number.text in {format_value(value, unit), format_bare(value, unit)}, number


def test_prose_has_no_number_that_is_not_a_cell(parsed):
    """Verdict and titles: what remains without their numbers has no digit, but in names and constants."""
    known = re.compile(r"venue:BTCUSDT|BTC|95 %|1 %|50x|50 bps")
    for kind in ("verdict", "figcaption"):
        said = " ".join(parsed.texts[kind])
        assert not re.search(r"\d", known.sub("", said)), said
    assert any("verdict" not in number.inside and not number.is_cell for number in parsed.numbers)


def test_cards_say_what_a_committee_asks_first(parsed, stress):
    """Five cards, whose medians have intervals, and the split of the move into its parts."""
    shown = [given for tag, given in parsed.elements if given.get("class") == "card"]
    assert len(shown) == 5
    in_cards = [number for number in parsed.numbers if "li" in number.inside and not number.is_cell]
    assert {"headline", "beyond"} <= {number.place.split("/")[0] for number in in_cards}
    said = " ".join(parsed.texts["p"])
    for part in ("from outside", "added by liquidations", "accounts", "chance of auto-deleveraging"):
        assert part in said


def test_no_word_that_only_its_author_knows(pages):
    for text in pages.values():
        shown = re.sub(r"<script.*?</script>|<style.*?</style>|data:[^\"]*", "", text, flags=re.DOTALL)
        for word in (
            "in logarithms",
            "more than forced orders",
            "go back to",
            "straw",
            "lar95",
            "depth of *",
        ):
            assert word not in shown, word
        assert not re.search(r"luck \d", shown)


@pytest.mark.parametrize("name", OF_RUNS)
def test_numbers_are_written_as_people_write_them(pages, name):
    """No `15000000`, in a number or in the text around it, and no mark-up that was not marked up."""
    found = Page.of(pages[name])
    texts = [each for kind, said in found.texts.items() if kind not in {"style", "script"} for each in said]
    for text in (*texts, *(number.text for number in found.numbers)):
        assert not re.search(r"(?<![\w.-])\d{6,}(?![\w-])", text), text
        assert "`" not in text, text


def test_a_title_says_of_which_run_it_speaks(pages, four):
    labels = [each.label for each in study_of(four).variants]
    titles = re.findall(r"<figcaption[^>]*>(.*?)</figcaption>", pages["compared"], flags=re.DOTALL)
    for title in (re.sub(r"<[^>]+>", "", each) for each in titles):
        assert any(label in title for label in labels), title


def test_a_shock_that_is_always_on_shades_nothing(pages, four):
    """Its shade would be the ground of every figure; the caption says it."""
    assert "All the time: depth of all markets." in pages["compared"]
    shocks = four[0].scenario.shocks if four[0].scenario else study_of(four).first.scenario.shocks
    assert len(shocks) == 2
    (overview,) = Page.of(pages["compared"]).figures["overview"]["layout"]["shapes"][:1]
    assert overview["x0"] > 0.0


def test_who_bore_the_losses_is_a_sentence(four):
    for study in (study_of(four), study_of(four[:1])):
        (title,) = [
            spec.title.text
            for section in sections(study)[0]
            for spec in section.figures
            if spec.name == "waterfall"
        ]
        assert not re.search(r"(took over|held) \d", title), title
        assert re.search(r"funds (took|lost) [\d.]+[kM]? USD", title), title


def test_a_path_of_this_machine_is_not_on_the_page(pages, stress):
    for text in pages.values():
        assert str(stress.path.parent) not in text


def all_tables(*sources):
    found, _ = sections(study_of(sources))
    tables = {table.name: table for section in found for table in section.tables}
    return tables | {spec.table.name: spec.table for section in found for spec in section.figures}


def specs(result):
    found, _ = sections(study_of([result]))
    return {spec.name: spec for section in found for spec in section.figures}


def test_figures_draw_the_cells_of_their_table(parsed, stress):
    found = specs(stress)
    assert set(parsed.figures) == set(found)
    assert len(found) >= 12
    for name, figure in parsed.figures.items():
        rows = parsed.csv[found[name].table.name]
        columns = {key: numbers(rows, key) for key in rows[0]}
        for trace in figure["data"]:
            for drawn in drawn_numbers(trace):
                assert any(holds(column, drawn) for column in columns.values()), (name, trace["name"])


def numbers(rows, key):
    try:
        return np.array([float(row[key]) if row[key] else np.nan for row in rows])
    except ValueError:
        return np.empty(0)


def drawn_numbers(trace):
    """Yield the columns of numbers that a trace draws; of a heatmap each row of cells."""
    for key in ("x", "y", "base"):
        values = decoded(trace[key]) if key in trace else []
        if isinstance(values, np.ndarray):
            yield values
    if "z" in trace:
        yield from decoded(trace["z"])


def holds(column, drawn):
    """Tell whether all drawn numbers are in a column, in its order, as 32-bit floats have them."""
    if len(column) < len(drawn):
        return False
    known = column.astype(np.float32).astype(np.float64)
    places = [np.flatnonzero(same(known, value)) for value in drawn]
    return all(len(each) for each in places)


def same(known, value):
    return np.isnan(known) if np.isnan(value) else np.isclose(known, value, rtol=2e-7, atol=0)


def test_whiskers_end_where_the_intervals_end(parsed):
    rows = parsed.csv["waterfall"]
    (trace,) = parsed.figures["waterfall"]["data"]
    middle, up, down = (
        decoded(trace[k] if k == "x" else trace["error_x"][k]) for k in ("x", "array", "arrayminus")
    )
    assert middle + up == pytest.approx([float(row["median_high"]) for row in rows], rel=1e-6)
    assert middle - down == pytest.approx([float(row["median_low"]) for row in rows], rel=1e-6, abs=1e-3)


def test_every_figure_says_what_it_must(stress):
    for name, spec in specs(stress).items():
        assert spec.title.text, name
        assert spec.n, name
        assert spec.read, name
        assert spec.alt, name
        axes = [spec.x, *(panel.y for panel in spec.panels)]
        assert all(axis.unit or axis.kind == "category" for axis in axes), name
        has_band = any(
            "low" in vars_of(s) and vars_of(s)["low"] for panel in spec.panels for s in panel.series
        )
        assert spec.interval or not has_band, f"{name} does not say what its bands mean"


def vars_of(series):
    return {name: getattr(series, name) for name in type(series).__dataclass_fields__}


def test_sections_stand_in_the_order_of_the_plan_and_are_listed(parsed):
    ids = [given["id"] for tag, given in parsed.elements if tag == "section"]
    links = [
        given["href"] for tag, given in parsed.elements if tag == "a" and re.match("#(?!t-)", given["href"])
    ]
    assert links[1:] == [f"#{each}" for each in ids if each != "absent"]
    assert ids[:3] == ["price", "map", "liquidations"]
    assert ids[-5:] == ["liquidated", "assumptions", "checks", "provenance", "definitions"]
    assert "fairness" in ids, "the stress ends in auto-deleveraging"
    assert len(ids) == len(set(ids))


def test_names_in_the_page_are_unique(pages):
    for text in pages.values():
        found = [given["id"] for _, given in Page.of(text).elements if "id" in given]
        assert [each for each in found if found.count(each) > 1] == []


def test_figures_of_one_table_share_its_numbers(stress, monkeypatch):
    """The second leads to the table of the first, whose cells have one place on the page."""
    kind, drawn = FIGURES["adl_haircuts"], FIGURES["adl_haircuts"].draw
    again = replace(kind, name="again", draw=lambda study, item: replace(drawn(study, item), name="again"))
    monkeypatch.setitem(FIGURES, "again", again)
    text = page(study_of([stress]), Options())
    assert text.count('id="f-again"') == text.count('id="f-adl-haircuts"') == 1
    assert text.count('<table id="t-adl-haircuts"') == 1
    assert '<a href="#t-adl-haircuts"' in text


def test_what_the_author_wrote_is_escaped(pages, parsed):
    for text in pages.values():
        assert "<at once>" not in text
        assert "<1 July>" not in text
    assert any("<at once>" in text for text in parsed.texts["lead"])


def test_nothing_can_be_fetched(pages):
    for text in pages.values():
        for tag, given in Page.of(text).elements:
            for name in ("src", "href", "xlink:href", "action"):
                if given.get(name):
                    assert given[name].startswith(("data:", "#")), (tag, given)
        assert "Content-Security-Policy" in text
        assert "default-src 'none'" in text


@pytest.mark.slow
def test_static_page_has_no_script(pages):
    assert "<script" not in pages["static"]
    assert "javascript" not in pages["static"].lower()
    assert pages["static"].count("<svg xmlns") + pages["static"].count("<svg viewBox") > 0
    scripted, static = (Page.of(pages[name]) for name in ("script", "static"))
    assert scripted.csv == static.csv
    assert [n[:4] for n in scripted.numbers] == [n[:4] for n in static.numbers]


def test_size(pages):
    assert max(len(text.encode()) for text in pages.values()) < MOST_BYTES


def test_same_run_same_bytes_but_for_the_time_stamp(pages, stress):
    assert page(study_of([cascade.read(stress.path)]), Options(made=MADE)) == pages["script"]


@pytest.mark.slow
def test_same_run_same_bytes_without_a_script(pages, stress):
    again = study_of([cascade.read(stress.path)])
    assert page(again, Options(static=True, made=MADE)) == pages["static"]


@pytest.mark.slow
def test_many_replicates_against_one(stress, quiet):
    for runs in ([stress, quiet], [quiet, stress]):
        assert "Which differences are not luck?" in page(study_of(runs), Options(made=MADE))


def test_one_quiet_replicate(quiet):
    text = page(study_of([quiet]), Options(made=MADE))
    found = Page.of(text)
    assert "No, it did not cascade: nothing was liquidated." in "".join(found.texts["verdict"])
    ids = [given["id"] for tag, given in found.elements if tag == "section"]
    for absent in ("liquidations", "amplification", "losses", "fairness", "outcomes", "worst", "graph"):
        assert absent not in ids
    said = " ".join(found.texts["li"])
    assert "--counterfactual" in said
    assert "outputs: {accounts: true}" in "".join(found.texts["code"])
    assert "how much of it is luck" in text
    assert "[95 %" not in text
    for number in found.numbers:
        assert number.value == found.cell(number.place)


def test_run_that_has_not_finished(stress, tmp_path):
    folder = tmp_path / "killed"
    shutil.copytree(stress.path, folder)
    for name in (MANIFEST, "runs.parquet"):
        (folder / name).unlink()
    for part in sorted((folder / ".parts" / "runs").iterdir())[4:]:  # of one replicate each: four were done
        lost = [each.relative_to(folder).as_posix() for each in folder.rglob(part.name)]
        note(folder, "unwritten", checksums=dict.fromkeys(lost))
        part.unlink()
    result = read_for_report(folder)
    assert result.replicates == [0, 1, 2, 3]
    text = page(study_of([result]), Options(made=MADE))
    assert "This run has not finished" in text
    assert "4 finished" in text
    assert len(Page.of(text).csv["worst"]) == 4


def test_run_of_which_nothing_finished_is_refused(stress, tmp_path):
    (tmp_path / "scenario.resolved.yaml").write_text("cascade: 1\n")
    note(tmp_path, "started")
    with pytest.raises(ResultsError, match="no replicate has finished"):
        read_for_report(tmp_path)
    with pytest.raises(ResultsError):
        read_for_report(tmp_path / "nowhere")


def test_failed_replicates_are_told(write_run):
    path = write_run(n=2)
    result = cascade.read(path)
    outcome = {"status": "partly failed", "text": "1 of 3 replicates failed.", "replicates_failed": 1}
    object.__setattr__(result, "manifest", dict(result.manifest) | {"outcome": outcome})
    text = page(study_of([result]), Options(made=MADE))
    assert "1 of 3 replicates failed." in text
    assert "2 finished, 1 failed" in text


def test_a_run_whose_scenario_is_lost_has_a_report_without_what_needs_it(write_run):
    found = Page.of(page(study_of([cascade.read(write_run(n=2))]), Options(made=MADE)))
    assert any("scenario can't be read again" in text for text in found.texts["li"])
    assert "parameters" not in found.csv


def test_missing_matplotlib_is_said_before_the_work(stress, monkeypatch, tmp_path):
    monkeypatch.setattr(writing, "study_of", lambda *_args, **_options: pytest.fail("it began"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(cascade.CascadeError, match="matplotlib") as caught:
        write_report([stress], tmp_path / "page.html", static=True)
    assert caught.value.remedy == f"{install_command('paper')}, or leave out --static"


def test_registry_names_and_sections_agree():
    from cascade.report.sections import CONTAGION, PLANS, SCORES, SEARCHES

    planned = {plan.id for plan in (*PLANS, *SEARCHES, *SCORES, *CONTAGION)}
    assert {entry.section for entry in FIGURES.values()} <= planned
    assert all(entry.shows and entry.reading and entry.needs for entry in FIGURES.values())


def test_missing_numbers_are_not_zeros():
    assert show(None, "USD") == "n/a"
