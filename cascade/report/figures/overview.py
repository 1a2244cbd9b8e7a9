"""The picture of the first screen: price, liquidations and shocks on one clock."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.report.builders.headline import cell
from cascade.report.builders.prices import MarketTable, overview
from cascade.report.builders.study import Study
from cascade.report.builders.table import Said, join, said, with_interval
from cascade.report.figures.captions import MIDDLE, count, shocks, spans, time
from cascade.report.figures.prices import PRICE_UNIT, moved
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Band, Bar, FigureSpec, Line, Panel, Series


@figure(
    "overview",
    section="overview",
    build=overview,
    shows="The mark of the market where most was liquidated, with what replicates did, above what was liquidated "
    "meanwhile; shocks are shaded and named. Of several runs the median mark and the running total of each.",
    reading="What falls after a shock has ended, while liquidations run, is what to ask about.",
    needs="`bars` (always recorded); the lower half `liquidations`",
)
def picture(study: Study, item: MarketTable) -> FigureSpec:
    """Draw price and liquidations over time."""
    upper, lower = list(_prices(study, item)), list(_liquidations(study, item))
    below = "the running total" if study.is_comparison else "the mean of each point of time"
    panels = [Panel(y=Axis("mark", PRICE_UNIT), series=tuple(upper), height=1.1)]
    if lower:
        panels.append(Panel(y=Axis("liquidated", "USD"), series=tuple(lower), bars="stack", height=0.6))
    return FigureSpec(
        name="overview",
        title=_title(study, item),
        table=item.table,
        x=time(study),
        x_column="time",
        panels=tuple(panels),
        n=count(study),
        interval=_interval(study, item),
        read=f"Above the mark; below what was liquidated, {below}.{shocks(study)}",
        alt=f"Price of {item.market.name} and liquidations over time.",
        spans=spans(study),
        names_spans=True,
    )


def _prices(study: Study, item: MarketTable) -> Iterator[Series]:
    if study.is_comparison:
        for number, variant in enumerate(study.variants):
            yield Line(y=f"v{number}_mark", name=variant.label, color=variant.color)
        return
    if "v0_p05" in item.table:
        yield Band(low="v0_p05", high="v0_p95", name="mark, 5 to 95 %", color="run1")
        yield Band(low="v0_p25", high="v0_p75", name="mark, middle half", color="run1", inner=True)
    else:
        yield Band(low="v0_low", high="v0_high", name="range of the mark", color="run1")
    yield Line(y="v0_mark", name="mark", color="run1")


def _liquidations(study: Study, item: MarketTable) -> Iterator[Series]:
    if study.is_comparison:
        for number, variant in enumerate(study.variants):
            if f"v{number}_total" in item.table:
                yield Line(y=f"v{number}_total", name=variant.label, color=variant.color)
        return
    for side in ("long", "short"):
        if f"v0_{side}" in item.table and item.table.numbers(f"v0_{side}").any():
            yield Bar(y=f"v0_{side}", name=f"{side}s liquidated", color=side)


def _interval(study: Study, item: MarketTable) -> str:
    if study.is_comparison:
        return "lines: medians"
    return MIDDLE if "v0_p05" in item.table else "band: lowest and highest mark within each point of time"


def _title(study: Study, item: MarketTable) -> Said:
    """Return how far the mark went while how much was liquidated."""
    move, total = moved(study, item), cell(study, "complete_usd")
    if total is None or not total.value:
        return move
    return join([move, said("while"), with_interval(total), said("is liquidated")])
