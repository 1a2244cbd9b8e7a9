"""Figures of liquidations: where they wait, and when they come."""

from __future__ import annotations

from cascade.report.builders.headline import cell
from cascade.report.builders.liquidation_map import MapTable, liquidation_map
from cascade.report.builders.liquidations import OverTime, over_time
from cascade.report.builders.outcomes import way
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, join, said, with_interval
from cascade.report.figures.captions import NINE_TENTHS, count, of_first, shocks, spans, time
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Band, Bar, FigureSpec, Line, Note, Panel, Rule, Series


@figure(
    "liquidation_map",
    section="map",
    build=liquidation_map,
    shows="Before anything happens: what is to be liquidated at which price, by leverage, and the sum up to each "
    "price beside the depth of the book up to there.",
    reading="Where the sum of liquidations crosses the depth of the book, forced orders exceed what the book holds: "
    "there a fall feeds itself.",
    needs="`scenario.resolved.yaml` of the run, drawn again",
)
def map_figure(study: Study, item: MapTable) -> FigureSpec:
    """Draw the map of a market."""
    bars = tuple(Bar(y=column, name=f"leverage {name}", color=column) for column, name in item.buckets)
    curves: list[Series] = []
    for side in ("long", "short"):
        first = side == "long"
        where = ("side", side)
        curves += [
            _curve("depth", "book depth, cumulative" if first else "", "depth", where),
            _curve("thin", "book depth, makers withdrawn" if first else "", "thin", where),
            _curve("cumulative", "to be liquidated, cumulative" if first else "", "long", where),
        ]
    crossing = item.facts.value(0, "below")
    reach = item.reach
    rules = (
        (Rule(-float(crossing), "more than the book holds"),)
        if crossing is not None and float(crossing) <= reach
        else ()
    )
    upper = Panel(y=Axis("up to here", "USD"), series=tuple(curves), rules=rules, height=1.2)
    return FigureSpec(
        name=item.table.name,
        title=_map_title(study, item),
        table=item.table,
        x=Axis("move of the price from the start", "%"),
        x_column="move",
        panels=(upper, Panel(y=Axis("in each bucket", "USD"), series=bars, bars="stack"))
        if bars
        else (upper,),
        n="the population of the first replicate at its start",
        interval="",
        read="Where the sum of liquidations crosses the depth of the book, forced orders exceed what the book holds: "
        "there a fall feeds itself. Longs are to the left, shorts to the right; each counts in full.",
        alt=f"Liquidation map of {item.market.name} against cumulative book depth.",
    )


def _curve(column: str, name: str, color: str, where: tuple[str, str]) -> Line:
    """Return a curve of what there is up to the far edge of each bucket."""
    return Line(x="edge", y=column, name=name, color=color, where=where)


def _map_title(study: Study, item: MapTable) -> Said:
    """Return what waits on the side to which the market was stressed, and where it exceeds the book."""
    move = way(study, item.market.name)
    side, who = ("above", "shorts") if move == "rise" else ("below", "longs")
    name, total = item.market.name, Ref(item.facts, 2, side)
    reach = Ref(item.facts, 3, side)
    within = said(
        f"{{total}} of {who} wait within {{reach}} {side} the start{of_first(study)}",
        total=total,
        reach=reach,
    )
    for row, how in ((0, "book"), (1, "book, once makers withdraw,")):
        crossing = Ref(item.facts, row, side)
        if crossing.value is not None:
            end = said(f"and exceed the {how} at a {move} of {{at}}", at=crossing)
            return join([said(f"{name}:"), within, end])
    return join([said(f"{name}:"), within, said("and never exceed the book")])


@figure(
    "liquidations",
    section="liquidations",
    build=over_time,
    shows="Notional liquidated over time, long and short, and its running total; of several runs the totals.",
    reading="Bars are means over replicates, so that they add up; the line below is the total up to then.",
    needs="`liquidations`",
)
def liquidations(study: Study, item: OverTime) -> FigureSpec:
    """Draw liquidations over time."""
    running: list[Series] = []
    for number, variant in enumerate(study.variants):
        if f"v{number}_p05" in item.table and not study.is_comparison:
            running.append(Band(low="v0_p05", high="v0_p95", name="", color="run1"))
        name = variant.label if study.is_comparison else ""
        running.append(Line(y=f"v{number}_total", name=name, color=variant.color))
    bars = (
        Bar(y="v0_long", name="longs", color="long"),
        Bar(y="v0_short", name="shorts", color="short"),
    )
    peak = Ref(item.table, item.peak, "v0_long")
    other = Ref(item.table, item.peak, "v0_short")
    larger = peak if float(peak.value or 0) >= float(other.value or 0) else other
    when = float(item.table.numbers("time")[item.peak])
    top = float(peak.value or 0) + float(other.value or 0)
    note = Note(when, top, said("{most}", most=larger))
    of = f" of {study.first.label}" if study.is_comparison else ""
    return FigureSpec(
        name=item.table.name,
        title=_title(study, item),
        table=item.table,
        x=time(study),
        x_column="time",
        panels=(
            Panel(y=Axis("mean", "USD"), series=bars, bars="stack", notes=(note,)),
            Panel(y=Axis("up to then", "USD"), series=tuple(running)),
        ),
        n=count(study),
        interval=f"bars: means; {NINE_TENTHS}" if study.n > 1 else "",
        read=f"Each bar is what was liquidated{of} in a point of time; below it the total up to then.{shocks(study)}",
        alt="Bars of liquidated notional over time, long and short, and the running total.",
        spans=spans(study),
    )


def _title(study: Study, item: OverTime) -> Said:
    total = cell(study, "complete_usd")
    share = Ref(item.facts, 2, "median")
    if total is None or share.value is None:
        return said("Liquidations over time")
    of = f" in {study.first.label}" if study.is_comparison else ""
    return join(
        [with_interval(total), said(f"liquidated{of}, {{share}} of it in the worst 1 % of time", share=share)]
    )
