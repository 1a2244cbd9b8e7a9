"""Figures of a scorecard: foretold against observed, places in what was foretold, baselines, and bands of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cascade.report.builders.scorecard import Drawn, bands, drawn, forest, histogram
from cascade.report.builders.table import Table, said
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Line, Panel, Points, Rule
from cascade.report.score import estimate_text, map_answer

if TYPE_CHECKING:
    from cascade.calibration.map_score import MapScore
    from cascade.report.builders.study import Study

_NEEDS = "`cascade score` of events"


def _count(n: int) -> str:
    return f"{n:,} figures"


@figure(
    "score_days", section="score-days", build=drawn, needs=f"{_NEEDS}, three figures of a kind",
    shows="What was foretold of figures of a kind, with its 90 % interval, by what was observed.",
    reading="On the line both are equal; nine of ten whiskers should cross it.",
)  # fmt: skip
def score_days(study: Study, item: Drawn) -> FigureSpec:
    """Draw what was foretold by what was observed."""
    unit = item.table["observed"].unit or ""
    kind = "log" if len(item.table) else "linear"
    told = item.of.log_correlation
    title = (
        item.of.name if told is None else f"{item.of.name}: correlation of logarithms {estimate_text(told)}"
    )
    return FigureSpec(
        name=item.table.name, title=said("{title}", title=title), table=item.table, x_column="median",
        x=Axis("foretold", unit, kind),
        panels=(
            Panel(
                y=Axis("observed", unit, kind), height=1.4,
                series=(
                    Line(y="observed", x="observed", name="equal", color="total", dash="dot"),
                    Points(y="observed", low="low", high="high", name="figures", color="run1"),
                ),
            ),
        ),
        n=_count(len(item.table)), interval="whiskers: 90 % interval of what was foretold",
        alt=f"{item.of.name}, foretold and observed.",
    )  # fmt: skip


@figure(
    "score_pit", section="scores", build=histogram, needs=f"{_NEEDS}, ten figures",
    shows="Where observed values lie in what was foretold: their probability integral transform.",
    reading="Flat is calibrated; a bowl is too sure, a hill not sure enough, a slope biased.",
)  # fmt: skip
def score_pit(study: Study, item: Table) -> FigureSpec:
    """Draw the histogram of places."""
    return FigureSpec(
        name=item.name, title=said("{title}", title=item.title), table=item, x_column="place",
        x=Axis("place in what was foretold", "", "category"),
        panels=(
            Panel(
                y=Axis("figures"), bars="overlay",
                series=(
                    Bar(y="figures", name="observed", color="run1"),
                    Line(y="expected", name="of a true forecast", color="total", dash="dash"),
                ),
            ),
        ),
        n=_count(round(float(item.numbers("figures").sum()))), interval="",
        alt="Histogram of the probability integral transform.",
    )  # fmt: skip


@figure(
    "score_against", section="score-baselines", build=forest, needs=f"{_NEEDS}, six events or days",
    shows="The simulation's CRPS less that of each baseline, with its interval.",
    reading="Left of zero the simulation is better; an interval that crosses zero tells nothing.",
)  # fmt: skip
def score_against(study: Study, item: Table) -> FigureSpec:
    """Draw differences of CRPS with their intervals."""
    points = Points(y="against", x="share", low="share_low", high="share_high", name="", color="run1")
    return FigureSpec(
        name="against_baselines", title=said("Against simple formulas"), table=item, x_column="share",
        x=Axis("CRPS of the simulation less that of the baseline, of the latter", "%"),
        panels=(Panel(y=Axis("", "", "category"), series=(points,), rules=(Rule(0.0, ""),)),),
        n=_count(max(int(each) for each in item.numbers("n"))),
        interval="whiskers: 95 % interval of the mean difference, by a block bootstrap over events or days",
        alt="Differences of CRPS from each baseline.",
    )  # fmt: skip


@figure(
    "score_map", section="score-map", build=bands, needs="`cascade score EVENT --map LIQUIDATIONS`",
    shows="What a liquidation map has in each band of the price that was crossed, and what was liquidated there.",
    reading="A map that knows something is high where much was liquidated.",
)  # fmt: skip
def score_map(study: Study, item: tuple[MapScore, Table]) -> FigureSpec:
    """Draw the bands of a map."""
    found, table = item
    return FigureSpec(
        name="map_bands", title=said("{title}", title=map_answer(found)[:-1]), table=table, x_column="price",
        x=Axis("price", "USD"),
        panels=(
            Panel(
                y=Axis("in the band", "USD"), height=1.2, bars="group",
                series=(
                    Bar(y="expected", name="the map", color="run2"),
                    Bar(y="realised", name="liquidated", color="run1"),
                ),
                rules=(Rule(found.price, "start"),),
            ),
        ),
        n=f"{found.n} bands of 0.25 %", interval="",
        alt="USD by bands of the price: the map, and what was liquidated.",
    )  # fmt: skip
