"""What moves the price, as a terminal shows it: a line for each asset, a row for each market."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cascade.explain.moves import AssetMoves, MarketMoves, Moves
from cascade.explain.parts import heading, note, table
from cascade.explain.sale import LATER_S, OVER_S, SALE_USD
from cascade.explain.ties import Tie
from cascade.units import format_duration, format_usd

if TYPE_CHECKING:
    from rich.console import RenderableType

_NEWS = {
    "constant": "a constant",
    "gbm": "a Brownian motion",
    "jump_diffusion": "a Brownian motion with jumps",
    "clustered": "clusters of volatility and jumps",
    "anchors": "given prices with a bridge between them",
    "bars": "given bars",
}


def render_moves(moves: Moves) -> Iterator[RenderableType]:
    """Yield what moves the price, and what a sale would do."""
    yield heading("What moves the price")
    rows = table("", "", "")
    for asset in moves.assets:
        rows.add_row(asset.asset, "news", f"{_NEWS[asset.news]}: {asset.daily_volatility:.2%} a day")
        rows.add_row("", "impact", _impact(asset))
    yield rows
    if not moves.markets:
        return
    rows = table(
        "market", "within 10 bps", "within 1 %", "half is back after", "flow a day", right=(1, 2, 3, 4)
    )
    for each in moves.markets:
        back = f"{_time(each.near_back_s)}, {_time(each.far_back_s)}"
        depth = (format_usd(each.near_usd), format_usd(each.far_usd))
        rows.add_row(each.market, *depth, back, format_usd(each.flow_usd_per_day))
    yield rows
    yield note("USD; depth on one side. Leveraged accounts, arbitrage and news-takers trade on top of flow.")
    if moves.ties:
        yield from _ties(moves.ties)
    yield from _sales(moves.markets)


_SHOWN = 8
"""Groups that tie markets and are shown; a market of many books has as many as books."""


def _ties(ties: Sequence[Tie]) -> Iterator[RenderableType]:
    rows = table("who ties them", "", "markets", "")
    for tie in ties[:_SHOWN]:
        rows.add_row(tie.name, tie.kind, " ".join(tie.markets), tie.text)
    yield rows
    if len(ties) > _SHOWN:
        yield note(f"And {len(ties) - _SHOWN} more.")


def _impact(asset: AssetMoves) -> str:
    told = asset.rule
    if asset.impact == "root law":
        volume, volatility = format_usd(told["daily_volume_usd"]), told["daily_volatility"]
        return f"root law: {told['y']:g} x {volatility:.2%} x root(size / {volume} USD a day), decays as a power of time"
    if not told:
        return "none: makers do not learn from orders"
    half_life = format_duration(round(told["half_life_s"]))
    how = "in inverse proportion to their depth" if told["follows_depth"] else "in proportion"
    return f"learning: makers follow flow {how}, and forget half of it in {half_life}"


def _sales(markets: tuple[MarketMoves, ...]) -> Iterator[RenderableType]:
    worked, later = format_duration(OVER_S), format_duration(LATER_S)
    titles = (f"a sale of {format_usd(SALE_USD)} USD", "at once: mean, last fill", f"worked over {worked}")
    rows = table(*titles, f"left {later} later", right=(1, 2, 3))
    for each in markets:
        sale = each.sale
        at_once = "more than the book"
        if sale.mean_bps is not None and sale.last_bps is not None:
            at_once = f"{sale.mean_bps:.3g}, {sale.last_bps:.3g} bps"
        rows.add_row(each.market, at_once, f"{sale.end_bps:.3g} bps", f"{sale.later_bps:.2g} bps")
    yield rows
    yield note(
        "Below the mid at the start, in calm and without forced orders: makers' quotes at once, impact if worked. "
        "A run agrees within a quarter."
    )


def _time(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "never"
    return f"{seconds / 60.0:.2g} min" if seconds >= 120.0 else f"{seconds:.2g} s"
