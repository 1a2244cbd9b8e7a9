"""Figures of the book and of the open positions."""

from __future__ import annotations

import numpy as np

from cascade.report.builders.depth import (
    DISTANCES_BPS,
    depth_over_time,
    leverage_before_and_after,
    open_interest,
)
from cascade.report.builders.prices import MarketTable
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, Table, said
from cascade.report.figures.captions import NINE_TENTHS, count, of_first, shocks, spans, time
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Band, Bar, FigureSpec, Heat, Line, Panel, Series


@figure(
    "depth",
    section="book",
    build=depth_over_time,
    shows="Depth on both sides at three distances, against the first bar, and the spread.",
    reading="Dark is thin. A dark stretch that outlasts the shock is a book that does not come back.",
    needs="`bars` (always recorded)",
)
def depth(study: Study, item: MarketTable) -> FigureSpec:
    """Draw depth and spread of a market; of several runs, the depth near the mid of each."""
    spreads = tuple(
        Line(y=f"v{k}_spread", name=v.label if study.is_comparison else "spread", color=v.color)
        for k, v in enumerate(study.variants)
    )
    upper = Panel(y=Axis("", "", "category"), series=(_heat(),))
    if study.is_comparison:
        near = tuple(Line(y=f"v{k}_near", name=v.label, color=v.color) for k, v in enumerate(study.variants))
        upper = Panel(y=Axis("within 100 bps", "USD"), series=near)
    return FigureSpec(
        name=item.table.name,
        title=_thinnest(study, item),
        table=item.table,
        x=time(study),
        x_column="time",
        panels=(upper, Panel(y=Axis("spread", "bps"), series=spreads, height=0.7)),
        n=count(study),
        interval="medians over replicates" if study.n > 1 else "",
        read=f"Dark is thin. A dark stretch that outlasts the shock is a book that does not come back.{shocks(study)}"
        if not study.is_comparison
        else f"Depth on both sides within 100 bps of the mid, and the spread.{shocks(study)}",
        alt=f"Depth of the book of {item.market.name} at three distances on both sides over time, and the spread.",
        spans=spans(study),
    )


def _heat() -> Heat:
    rows = [("bid", bps) for bps in DISTANCES_BPS] + [("ask", bps) for bps in DISTANCES_BPS[::-1]]
    return Heat(
        rows=tuple(f"{side}_{bps}_share" for side, bps in rows),
        labels=tuple(f"{side}s {bps} bps" for side, bps in rows),
        name="",
        unit="% of the first",
    )


def _thinnest(study: Study, item: MarketTable) -> Said:
    """Return when the book was thinnest."""
    shares = {
        side: np.nan_to_num(item.table.numbers(f"{side}_50_share"), nan=np.inf) for side in ("bid", "ask")
    }
    side = min(shares, key=lambda name: float(shares[name].min()))
    row = int(np.argmin(shares[side]))
    return said(
        f"{item.market.name}: {side}s within 50 bps fall to {{share}} of the first{of_first(study)}, at {{when}}",
        share=Ref(item.table, row, f"{side}_50_share"), when=Ref(item.table, row, "time"),
    )  # fmt: skip


@figure(
    "open_interest",
    section="interest",
    build=open_interest,
    shows="Open interest over time, of the first bar.",
    reading="What disappears was closed, by its owners or by force.",
    needs="`bars` (always recorded)",
)
def interest(study: Study, item: MarketTable) -> FigureSpec:
    """Draw the open interest of a market."""
    series: list[Series] = []
    for number, variant in enumerate(study.variants):
        if f"v{number}_p05" in item.table and not study.is_comparison:
            series.append(Band(low="v0_p05", high="v0_p95", name="", color="run1"))
        series.append(
            Line(y=f"v{number}", name=variant.label if study.is_comparison else "", color=variant.color)
        )
    end = Ref(item.table, len(item.table) - 1, "v0")
    of = f" of {study.first.label}" if study.is_comparison else ""
    return FigureSpec(
        name=item.table.name,
        title=said(f"{item.market.name}: open interest{of} ends at {{end}} of what it was", end=end),
        table=item.table,
        x=time(study),
        x_column="time",
        panels=(Panel(y=Axis("open interest, of the first bar", "%"), series=tuple(series)),),
        n=count(study),
        interval=NINE_TENTHS if study.n > 1 and not study.is_comparison else "",
        read=f"What disappears was closed, by its owners or by force; what is new was opened.{shocks(study)}",
        alt=f"Open interest of {item.market.name} over time.",
        spans=spans(study),
    )


@figure(
    "leverage",
    section="interest",
    build=leverage_before_and_after,
    shows="Notional and equity of open positions by effective leverage, at the start and at the end.",
    reading="Bars that shrink at high leverage are the accounts that were liquidated or closed.",
    needs="`accounts`: `outputs: {accounts: true}`",
)
def leverage(study: Study, item: Table) -> FigureSpec:
    """Draw open positions by leverage, before and after."""
    panels = tuple(
        Panel(
            y=Axis(what, "USD"),
            series=(
                Bar(y=f"{what}_start", name="at the start" if k == 0 else "", color="run0"),
                Bar(y=f"{what}_end", name="at the end" if k == 0 else "", color="run1"),
            ),
        )
        for k, what in enumerate(("notional", "equity"))
    )
    row = len(item) - 1
    return FigureSpec(
        name=item.name,
        title=said(
            f"Positions at 50x and more hold {{start}} at the start and {{end}} at the end{of_first(study)}",
            start=Ref(item, row, "notional_start"), end=Ref(item, row, "notional_end"),
        ),
        table=item,
        x=Axis("notional over equity of the account", "", "category"),
        x_column="label",
        panels=panels,
        n=count(study),
        interval="means over replicates" if study.n > 1 else "",
        read="Effective leverage is notional over equity at mark. Bars that shrink are accounts that closed, were "
        "liquidated, or moved to another leverage.",
        alt="Bars of notional and equity by leverage, at the start and at the end.",
    )  # fmt: skip
