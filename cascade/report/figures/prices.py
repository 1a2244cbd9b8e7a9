"""Figures of prices: the fan over replicates, basis and funding."""

from __future__ import annotations

import numpy as np

from cascade.analysis.metrics import column_name
from cascade.report.builders.headline import cell
from cascade.report.builders.prices import MarketTable, basis_and_funding, price_paths
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, Table, join, said, with_interval
from cascade.report.figures.captions import MIDDLE, NINE_TENTHS, count, of_first, shocks, spans, time
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Band, FigureSpec, Line, Panel, Series

PRICE_UNIT = "USD per unit"


@figure(
    "price",
    section="price",
    build=price_paths,
    shows="Index, mark and last price of each market over time, with what replicates did; shocks are shaded. Of "
    "several runs, the mark of each.",
    reading="Where the mark leaves the index, the perpetual trades apart from spot; where the fan widens, luck "
    "decides.",
    needs="`bars` (always recorded)",
)
def price(study: Study, item: MarketTable) -> FigureSpec:
    """Draw the fan of a market."""
    many = "v0_p05" in item.table
    series: list[Series] = []
    if not study.is_comparison:
        if many:
            series.append(Band(low="v0_p05", high="v0_p95", name="mark, 5 to 95 %", color="run1"))
            series.append(
                Band(low="v0_p25", high="v0_p75", name="mark, middle half", color="run1", inner=True)
            )
        else:
            series.append(Band(low="v0_low", high="v0_high", name="range of the mark", color="run1"))
        series += [
            Line(y="index", name="index", color="index"),
            Line(y="last", name="last", color="last"),
            Line(y="v0_mark", name="mark", color="run1"),
        ]
    else:
        for number, variant in enumerate(study.variants):
            if number < 2 and f"v{number}_p05" in item.table:  # a run of one replicate has no band
                series.append(Band(low=f"v{number}_p05", high=f"v{number}_p95", name="", color=variant.color))
            series.append(Line(y=f"v{number}_mark", name=variant.label, color=variant.color))
    return FigureSpec(
        name=item.table.name,
        title=moved(study, item),
        table=item.table,
        x=time(study),
        x_column="time",
        panels=(Panel(y=Axis("price", PRICE_UNIT), series=tuple(series), height=1.6),),
        n=count(study),
        interval=_interval(study, many),
        read="Where the mark leaves the index, the perpetual trades apart from spot; where the fan widens, luck "
        f"decides.{shocks(study)}",
        alt=f"Line chart of the prices of {item.market.name} over time.",
        spans=spans(study),
    )


def _interval(study: Study, many: bool) -> str:
    if not many:
        return "band: lowest and highest mark within each point of time"
    if study.is_comparison:
        return "lines: medians; bands, of the first two runs: 5 to 95 % of the replicates"
    return MIDDLE


def moved(study: Study, item: MarketTable) -> Said:
    """Return how far the mark went from its start."""
    name = column_name("{market}_fall_bps", item.market.name)
    fall, rise = cell(study, name), cell(study, name.replace("_fall_", "_rise_"))
    if fall is None or rise is None:
        return said(f"Prices of {item.market.name}")
    way, move = ("below", fall) if float(fall.value or 0) >= float(rise.value or 0) else ("above", rise)
    start = said(f"The mark of {item.market.name} goes")
    return join([start, with_interval(move), said(f"{way} its start{of_first(study)}")])


@figure(
    "basis",
    section="funding",
    build=basis_and_funding,
    shows="How far the mark stands from the index, and the funding rate, over time.",
    reading="A mark below the index means that the perpetual is sold harder than spot; longs pay where funding is "
    "positive.",
    needs="`bars` (always recorded)",
)
def basis(study: Study, item: MarketTable) -> FigureSpec:
    """Draw basis and funding of a market."""
    upper: list[Series] = []
    lower: list[Series] = []
    for number, variant in enumerate(study.variants):
        name = variant.label if study.is_comparison else "basis"
        if f"v{number}_p05" in item.table and not study.is_comparison:
            upper.append(Band(low="v0_p05", high="v0_p95", name="basis, 5 to 95 %", color="run1"))
        upper.append(Line(y=f"v{number}_basis", name=name, color=variant.color))
        funding = "" if study.is_comparison else "funding rate"
        lower.append(Line(y=f"v{number}_funding", name=funding, color=variant.color, step=True))
    paid = any(np.nan_to_num(item.table.numbers(f"v{k}_funding")).any() for k in range(len(study.variants)))
    funded = (Panel(y=Axis("funding rate", "%"), series=tuple(lower), height=0.6),) if paid else ()
    rate = "longs pay where funding is positive" if paid else "funding is not paid within the run"
    return FigureSpec(
        name=item.table.name,
        title=_widest(study, item.table, item.market.name),
        table=item.table,
        x=time(study),
        x_column="time",
        panels=(Panel(y=Axis("mark over index", "%"), series=tuple(upper)), *funded),
        n=count(study),
        interval=NINE_TENTHS if study.n > 1 and not study.is_comparison else "",
        read=f"A mark below the index means that the perpetual is sold harder than spot; {rate}.{shocks(study)}",
        alt=f"Basis and funding rate of {item.market.name} over time.",
        spans=spans(study),
    )


def _widest(study: Study, table: Table, market: str) -> Said:
    """Return the largest distance of the mark from the index."""
    values = np.nan_to_num(np.abs(table.numbers("v0_basis")))
    row = int(np.argmax(values))
    return said(
        f"{market}: the median mark{of_first(study)} strays {{basis}} from the index at most, at {{when}}",
        basis=Ref(table, row, "v0_basis"), when=Ref(table, row, "time"),
    )  # fmt: skip
