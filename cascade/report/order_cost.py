"""The cost of an order as a reader sees it: a table in a terminal, in Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cascade import escape
from cascade.analysis.formats import MISSING, format_bps, format_quote, format_replicates
from cascade.analysis.statistics import CONFIDENCE, Mean
from cascade.assembly import assemble
from cascade.experiment.order_cost import OrderCost, Row
from cascade.explain.sale import expected_bps
from cascade.report.plain_table import markdown_lines, rich_table
from cascade.scenario.schema import Scenario
from cascade.units import format_duration, format_usd

if TYPE_CHECKING:
    from rich.console import RenderableType


class Cell(NamedTuple):
    """A figure as text, and its interval; empty where there is none."""

    value: str
    interval: str = ""

    @property
    def line(self) -> str:
        """Return both in a line."""
        return f"{self.value} ({self.interval})" if self.interval else self.value


def headings(found: OrderCost) -> tuple[str, ...]:
    """Return the titles of the columns."""
    move = "fall" if found.order.side == "sell" else "rise"
    return (
        "worked over", "filled, USD", "VWAP", "shortfall, USD", "shortfall, bps", "slippage, bps", "in closed form, bps",
        "liquidations triggered, USD", f"{move}, bps", "share of it",
    )  # fmt: skip


def cells(row: Row, expected: float | None) -> tuple[Cell, ...]:
    """Return a row as text."""
    share = row.share
    apart = "" if share.share_error is None else f"standard error {share.share_error:.0%}"
    return (
        Cell(row.plan.name), _cell(row, "filled_usd", format_usd),
        _cell(row, "vwap_price", format_quote), _cell(row, "shortfall_usd", format_usd),
        _cell(row, "shortfall_bps", format_bps), _cell(row, "slippage_bps", format_bps),
        Cell(MISSING if expected is None else format_bps(expected)), _cell(row, "triggered_usd", format_usd),
        _cell(row, "move_bps", format_bps), Cell(MISSING) if share.share is None else Cell(f"{share.share:.0%}", apart),
    )  # fmt: skip


def _rows(found: OrderCost, scenario: Scenario) -> list[tuple[Cell, ...]]:
    return [cells(*each) for each in zip(found.rows, expectations(found, scenario), strict=True)]


def _cell(row: Row, name: str, write: Callable[[float], str]) -> Cell:
    estimate = row.estimate(name)
    if estimate is None:
        return Cell(MISSING)
    if estimate.low is None or estimate.high is None:
        return Cell(write(estimate.value))
    return Cell(write(estimate.value), f"{write(estimate.low)} to {write(estimate.high)}")


def expectations(found: OrderCost, scenario: Scenario) -> list[float | None]:
    """Return the cost that is to be expected in calm, by row, in bps."""
    drawn, order = assemble(scenario), found.order
    return [
        expected_bps(scenario, drawn, order.market, order.notional, row.plan.over_s)
        if row.plan.schedule is None or row.plan.schedule.type == "twap" else None
        for row in found.rows
    ]  # fmt: skip


def heading(found: OrderCost) -> str:
    """Return what was measured."""
    order = found.order
    whose = "" if order.account is None else f" for {order.account}"
    doing = f"{order.side} {format_usd(order.notional)} USD at {order.market}{whose}"
    return f"{found.name}: {doing} from {format_duration(order.at_s)} on, {format_replicates(found.n)}"


def answer(found: OrderCost) -> str:
    """Return what the order costs worked in the cheapest way, and in the dearest, and what it triggers."""
    known = [
        (estimate.value, row) for row in found.rows if (estimate := row.estimate("slippage_bps")) is not None
    ]
    if not known:
        return "The order was not filled."
    best, worst = min(known, key=lambda each: each[0])[1], max(known, key=lambda each: each[0])[1]
    doing = "Selling" if found.order.side == "sell" else "Buying"
    size = f"{doing} {format_usd(found.order.notional)} USD"
    against = "against the same luck without it"
    if len(found.rows) == 1:
        costs = f"{size} {_how(best)} costs {_slippage(best)} {against}."
    else:
        costs = (
            f"{size} costs least {_how(best)}: {_slippage(best)} {against}; most "
            f"{_how(worst)}: {_slippage(worst)}."
        )
    triggered = max(found.rows, key=lambda row: float(row.values["triggered_usd"].mean()))
    if not triggered.values["triggered_usd"].any():
        return f"{costs} It triggers no liquidations."
    usd = _cell(triggered, "triggered_usd", format_usd).line
    return f"{costs} {_how(triggered).capitalize()} it triggers liquidations of {usd} USD."


def _slippage(row: Row) -> str:
    found = _cell(row, "slippage_bps", format_bps)
    return found._replace(value=f"{found.value} bps").line


def _how(row: Row) -> str:
    return "at once" if row.plan.over_s == 0.0 else f"over {row.plan.name}"


def remarks(found: OrderCost) -> list[str]:
    """Return how to read the table, and what it lacks."""
    than = "below" if found.order.side == "sell" else "above"
    lines = [
        f"Shortfall is by how much the order was filled {than} the mid at its start; slippage, {than} the mid of the "
        "same luck without it. Liquidations, and the order's share of the move, are against that luck, too.",
        f"Intervals are of {CONFIDENCE:.0%}." if found.n >= Mean().least() else
        f"An interval needs {Mean().least()} replicates: -n {Mean().least()}.",
    ]  # fmt: skip
    for row in found.rows:
        name = _how(row)
        share = float(row.values["filled_share"].mean())
        if share < _ALL:
            lines.append(f"{name}: {share:.0%} of the order was filled; costs are of that part.")
        forced = row.values.get("own_liquidated_usd", np.zeros(found.n))
        if (forced > 0.0).any():
            lines.append(
                f"{name}: {found.order.account} itself was liquidated in {(forced > 0.0).sum()} of {found.n} "
                f"replicates, {format_usd(float(forced.mean()))} USD on the mean."
            )
        if row.watched_s < found.order.watch_s:
            lines.append(
                f"{name}: watched for {format_duration(row.watched_s)} after its end, when the run ends."
            )
    return lines


_ALL = 0.995
"""From this share on an order counts as filled: the rest is rounding."""


def cost_rich(found: OrderCost, scenario: Scenario) -> list[RenderableType]:
    """Return the cost of an order for a terminal."""
    titles = headings(found)
    rows = [["\n".join(filter(None, cell)) for cell in row] for row in _rows(found, scenario)]
    table = rich_table(titles, rows, wraps=range(len(titles)))
    return [answer(found), heading(found), table, *remarks(found)]


def cost_markdown(found: OrderCost, scenario: Scenario) -> str:
    """Return the cost of an order as a table in Markdown."""
    rows = [[cell.line for cell in row] for row in _rows(found, scenario)]
    table = markdown_lines(headings(found), rows)
    said = escape.markdown(answer(found)), "", f"{escape.markdown(heading(found))}.", ""
    return "\n".join([*said, *table, "", *map(escape.markdown, remarks(found))])


def cost_dict(found: OrderCost, scenario: Scenario) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    expected = expectations(found, scenario)
    return {
        "name": found.name, "order": asdict(found.order), "replicates": found.n, "confidence": CONFIDENCE,
        "rows": [_row_dict(row, each) for row, each in zip(found.rows, expected, strict=True)],
        "notes": remarks(found),
    }  # fmt: skip


def _row_dict(row: Row, expected: float | None) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in row.values:
        estimate = row.estimate(name)
        figures[name] = None if estimate is None else {**asdict(estimate), "error": row.error(name)}
    share = row.share
    return {
        "over_s": row.plan.over_s, "schedule": None if row.plan.schedule is None else row.plan.schedule.model_dump(),
        "watched_s": row.watched_s, "expected_bps": expected,
        "share": share.share, "share_error": share.share_error, "figures": figures,
    }  # fmt: skip
