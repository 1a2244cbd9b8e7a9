"""Both renderers draw any figure; colours tell runs apart for everybody; no spike is lost."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cascade.report.builders.table import Column, Table, said, text_column
from cascade.report.draw import plotly
from cascade.report.draw.legend import swatch
from cascade.report.draw.palette import LEVERAGES, RUNS, look
from cascade.report.draw.points import MOST_POINTS, thinned
from cascade.report.figures.spec import (
    Axis,
    Band,
    Bar,
    FigureSpec,
    Heat,
    Line,
    Links,
    Note,
    Panel,
    Points,
    Rule,
    Span,
)
from tests.report.reading import decoded

ASSETS = Path(plotly.__file__).parents[1] / "assets" / "plotly"

TABLE = Table(
    "table",
    "A table",
    (
        Column("x", "x", np.arange(4.0), "h"),
        text_column("name", "name", ["a", "b", "a", "b"]),
        Column("low", "low", np.array([1.0, 2.0, np.nan, 3.0]), "USD"),
        Column("y", "y", np.array([2.0, 3.0, np.nan, 4.0]), "USD"),
        Column("high", "high", np.array([3.0, 4.0, np.nan, 5.0]), "USD"),
    ),
)


def spec(*panels, horizontal=False, x=None, column="x"):
    return FigureSpec(
        name="any", title=said("Any"), table=TABLE, x=x or Axis("time", "h"), x_column=column, panels=panels, n="1",
        interval="", read="Look.", alt="Any.", is_horizontal=horizontal, spans=(Span(1, 2, "shock"),),
    )  # fmt: skip


USD, NAMES = Axis("money", "USD"), Axis("name", "", "category")

FIGURES = {
    "lines": spec(
        Panel(
            y=USD,
            series=(
                Band(low="low", high="high", name="b", color="run1"),
                Line(y="y", name="l", color="run2", step=True),
            ),
            notes=(Note(1, 3.0, said("here")),), rules=(Rule(2, "then"), Rule(3.0, "", "y")),
        ),
        Panel(y=Axis("money", "USD", "log"), series=(Line(y="y", name="m", color="long", where=("name", "a")),)),
    ),
    "stack": spec(
        Panel(y=USD, series=(Bar(y="y", name="u", color="run1"), Bar(y="low", name="v", color="run2")), bars="stack")
    ),
    "lying": spec(
        Panel(
            y=USD,
            series=(Bar(y="y", name="w", color="run3", base="low", low="low", high="high", where=("name", "b")),),
        ),
        horizontal=True, x=NAMES, column="name",
    ),
    "forest": spec(
        Panel(y=NAMES, series=(Points(y="name", x="y", low="low", high="high", name="p", color="run4"),)),
        x=USD, column="y",
    ),
    "links": spec(
        Panel(
            y=Axis("money", "USD", "log"),
            series=(
                Links(x_from="low", y_from="low", y="high", name="k", color="run0"),
                Points(y="y", name="q", color="run1"),
            ),
        ),
        x=Axis("time", "h", ticks=(0.0, 2.0)),
    ),
    "heat": spec(Panel(y=NAMES, series=(Heat(rows=("low", "high"), labels=("one", "two"), name="", unit="USD"),))),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_draws_every_kind_of_series(name):
    found = plotly.figure_json(FIGURES[name])
    json.dumps(found, allow_nan=False)
    axes = {f"y{k + 1}".replace("y1", "y") for k in range(len(FIGURES[name].panels))}
    assert {trace["yaxis"] for trace in found["data"]} == axes
    assert "template" not in found["layout"]


def test_plotly_draws_the_numbers_of_the_table():
    lines, lying, forest = (
        plotly.figure_json(FIGURES[name])["data"] for name in ("lines", "lying", "forest")
    )
    assert decoded(lines[2]["y"]) == pytest.approx([2, 3, np.nan, 4], nan_ok=True)
    assert decoded(lines[3]["x"]) == pytest.approx([0, 2])
    (bar,) = lying
    assert bar["orientation"] == "h"
    assert bar["y"] == ["b", "b"]
    assert decoded(bar["base"]) == pytest.approx([2, 3])
    (points,) = forest
    assert points["y"] == ["a", "b", "b"], "a row without a value has no marker"
    assert decoded(points["error_x"]["array"]) == pytest.approx([1, 1, 1])


def test_a_name_with_nothing_beside_it_is_left_out():
    none = Column("y", "y", np.array([2.0, np.nan, 3.0, np.nan]), "USD")
    few = replace(FIGURES["forest"], table=Table("few", "Few", (*TABLE.columns[:3], none, TABLE.columns[4])))
    assert plotly.figure_json(few)["layout"]["yaxis"]["categoryarray"] == ["a"]
    assert plotly.figure_json(FIGURES["forest"])["layout"]["yaxis"]["categoryarray"] == ["a", "b"]


def test_what_counts_something_begins_at_zero():
    counted = spec(
        Panel(y=Axis("share", "%", is_from_zero=True), series=(Line(y="y", name="l", color="run1"),))
    )
    assert plotly.figure_json(counted)["layout"]["yaxis"]["rangemode"] == "tozero"
    assert "rangemode" not in plotly.figure_json(FIGURES["lines"])["layout"]["yaxis"]


def test_links_lead_from_one_point_to_another():
    drawn = plotly.figure_json(FIGURES["links"])
    links, points = drawn["data"]
    gap = np.nan
    assert decoded(links["x"]) == pytest.approx([1, 0, gap, 2, 1, gap, gap, 2, gap, 3, 3, gap], nan_ok=True)
    assert decoded(links["y"]) == pytest.approx([1, 3, gap, 2, 4, gap, gap, gap, gap, 3, 5, gap], nan_ok=True)
    assert decoded(points["y"]) == pytest.approx([2, 3, gap, 4], nan_ok=True), "on an axis of numbers"
    assert drawn["layout"]["xaxis"]["tickvals"] == [0.0, 2.0]
    assert "autorange" not in drawn["layout"]["yaxis"], "rows run down on a category axis only"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FIGURES)
def test_matplotlib_draws_every_kind_of_series(name):
    pytest.importorskip("matplotlib")
    from cascade.report.draw.svg import figure_svg

    svg = figure_svg(FIGURES[name])
    assert svg.startswith("<svg")
    assert "var(--ink)" in svg
    assert "<text" in svg, "text stays text"
    assert not re.search(r'\bid="(?!any-)', svg), "names are unique in the page"
    assert svg == figure_svg(FIGURES[name]), "the same bytes every time"
    opened = svg[: svg.index(">")]
    assert "viewBox" in opened
    assert "width" not in opened


@pytest.mark.parametrize("name", FIGURES)
def test_every_series_has_a_key(name):
    for series in FIGURES[name].legend:
        assert str(swatch(series)).startswith("<svg")


def test_shipped_library_is_the_one_the_figures_are_written_for():
    text = (ASSETS / "plotly-cartesian.min.js").read_text(encoding="utf-8")
    assert f"plotly.js (cartesian - minified) v{plotly.PLOTLY_JS}" in text[:100]
    assert "MIT" in (ASSETS / "LICENSE").read_text(encoding="utf-8")
    assert "</script" not in text.lower(), "it would end the element it is put in"


def test_thinning_keeps_spikes_and_ends():
    y = np.sin(np.linspace(0, 30, 100_000))
    y[12_345], y[54_321], y[777] = 50.0, -50.0, np.nan
    kept = thinned(y)
    assert len(kept) <= MOST_POINTS
    assert {0, 12_345, 54_321, 99_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()
    assert thinned(y[:MOST_POINTS]).tolist() == list(range(MOST_POINTS))


# --- colours -----------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(color):
    v = np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return CIE L*a*b* of linear RGB under D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    t = xyz / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("looks", [RUNS[:5], LEVERAGES], ids=["runs", "leverages"])
def test_colours_differ_for_every_eye(sight, looks):
    seen = {each.color: lab(np.array(SIGHT[sight]) @ linear(each.color)) for each in looks}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)


def test_runs_differ_without_any_colour():
    assert len({(each.dash, each.marker) for each in RUNS}) == len(RUNS)
    assert len({each.hatch for each in RUNS}) == len(RUNS)


@pytest.mark.parametrize("ground", ["#ffffff", "#f6f7f9", "#14171b", "#1c2026"])
def test_lines_stand_out_from_the_page(ground):
    def light(color):
        return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(color)) + 0.05

    for each in RUNS:
        pair = light(each.color), light(ground)
        assert max(pair) / min(pair) > (2.8 if each in RUNS[:5] else 2.0), each


def test_more_runs_than_colours_go_round_but_never_to_the_baseline():
    assert look("run0") is RUNS[0]
    assert look("run7") is RUNS[1]
    assert {look(f"run{k}") for k in range(1, 30)} == set(RUNS[1:])


@pytest.mark.parametrize(("value", "expected"), [(0.01, [0.0, 0.02]), (-3.0, [-6.0, 0.0])])
def test_an_axis_on_which_nothing_moves_shows_where_it_stands(value, expected):
    """By itself plotly.js draws 0.01 between -0.99 and 1.01, where it reads as zero."""
    table = Table(
        "t", "t", (Column("time", "time", [0.0, 1.0], "min"), Column("v", "v", [value, value], "%"))
    )
    spec = FigureSpec(
        name="t", title=said("t"), table=table, x=Axis("time", "min"), x_column="time",
        panels=(Panel(y=Axis("rate", "%"), series=(Line(y="v", name="", color="run1"),)),),
        n="n", interval="", read="", alt="",
    )  # fmt: skip
    assert plotly.figure_json(spec)["layout"]["yaxis"]["range"] == expected
