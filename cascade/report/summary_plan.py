"""What the summary of a run shows, in which order: the questions of a liquidation report, and their metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cascade.analysis.metrics import column_name
from cascade.output.reader import Result
from cascade.output.run_units import MarketUnits, RunUnits

_TOTAL_ROWS = (
    ("total", "complete_usd", "public_usd"),
    ("longs", "complete_long_usd", "public_long_usd"),
    ("shorts", "complete_short_usd", "public_short_usd"),
    ("share of longs", "long_share", "public_long_share"),
    ("closed in the book", "book_usd"),
    ("taken over by funds", "taken_over_usd"),
)

_ORDER_ROWS = (
    ("accounts", "liquidated_accounts"),
    ("liquidations", "liquidations", "public_liquidations"),
    ("  forced orders that filled", "forced_orders"),
    ("largest single liquidation", "largest_liquidation_usd", "public_largest_liquidation_usd"),
    ("  venue", "largest_liquidation_venue", "public_largest_liquidation_venue"),
    ("  pair", "largest_liquidation_market", "public_largest_liquidation_market"),
)

_TAKER_ROWS = (
    ("share that the book took", "book_share"),
    ("share that the fund or backstop took", "taken_over_share"),
    ("share that was auto-deleveraged", "adl_share"),
)

_EACH_TOLD: Final = 4
"""Leveraged markets up to which each has sections of its own; of more it is the first of each asset."""

_MARKET_ROWS = (
    ("Peak to trough, by market", "peak_to_trough_bps"),
    ("Share that the book took, by market", "book_share"),
)
"""What is told of every market where they are many: a section each."""

_COLLATERAL_ROWS = (("collateral sold", "collateral_sold_usd"),)

_PRICE_ROWS = (
    ("start", "start_price"),
    ("peak", "peak_price"),
    ("trough", "trough_price"),
    ("peak to trough", "peak_to_trough_bps"),
    ("recovery within 60 min, or to the end", "rebound_60m_bps"),
    ("worst hour", "worst_hour_bps"),
    ("realised volatility", "realised_volatility"),
    ("fall of the mark below its start", "fall_bps"),
    ("  from outside", "outside_fall_bps"),
    ("  added by stops", "stops_fall_bps"),
    ("  added by liquidations", "added_fall_bps"),
    ("amplification", "amplification"),
    ("rise of the mark above its start", "rise_bps"),
    ("  added by stops", "stops_rise_bps"),
    ("  added by liquidations", "added_rise_bps"),
    ("largest fall of open interest", "open_interest_drop"),
)

_COIN_ROWS = (("lowest", "low_price"), ("end", "last_price"))

_POOL_ROWS = (
    ("collateral seized", "seized_usd"),
    ("debt repaid", "repaid_usd"),
    ("bonus that borrowers paid", "bonus_usd"),
    ("profit of liquidators, before gas", "liquidator_profit_usd"),
    ("debt left without collateral", "deficit_usd"),
    ("borrowers whom no call paid for, for a time", "waiting_accounts"),
)

_CAUSE_ROWS = (
    ("liquidated in any case", "exogenous_usd"),
    ("brought forward by the cascade", "brought_forward_usd"),
    ("  by how much", "brought_forward_s"),
    ("only because of the cascade", "endogenous_usd"),
)

_WATERFALL_ROWS = (
    ("insurance fund, start", "fund_start_usd"),
    ("insurance fund, lowest", "fund_low_usd"),
    ("insurance fund, end", "fund_end_usd"),
    ("losses the fund took over", "fund_draw_usd"),
    ("  its result on what it held", "fund_result_usd"),
    ("auto-deleveraged", "adl_usd"),
    ("accounts that gave way", "adl_accounts"),
    ("  their loss against mark", "adl_forgone_usd"),
    ("  beyond what was needed, or < 0 short of it", "adl_overshoot_usd"),
    ("  share of the ten that lost most", "adl_top_share"),
    ("  leverage left to them", "adl_leverage_after"),
    ("bad debt", "bad_debt_usd"),
)

_LIQUIDATED: Final = {label for label, *_ in (*_TOTAL_ROWS[:3], _ORDER_ROWS[0])}
"""Rows of the section `Liquidated` that need its title to be understood."""

RUN_LABELS: Final = {
    metric: f"{label} liquidated" if label in _LIQUIDATED else label
    for label, metric, *_ in (*_TOTAL_ROWS, *_ORDER_ROWS, *_COLLATERAL_ROWS, *_CAUSE_ROWS, *_WATERFALL_ROWS)
    if not label.startswith(" ")
}
"""What a reader sees instead of the name of a metric of a run; none of a row that is read below another."""

MARKET_LABELS: Final = {
    name: label for label, name in (*_TAKER_ROWS, *_PRICE_ROWS) if not label.startswith(" ")
}
"""The same of a metric of a market, by its name without the market's."""


def plan(result: Result) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield each section's title and its rows: label, metric and public counterpart."""
    units = result.units
    assets = [
        (asset, column_name("complete_{asset}_usd", asset), column_name("public_{asset}_usd", asset))
        for asset in units.assets
    ]
    sold = _COLLATERAL_ROWS if _has_any(result, "collateral_sold_usd") else ()
    yield "Liquidated", [*_TOTAL_ROWS, *assets, *_ORDER_ROWS, *sold]
    leveraged = [market.name for market in units.markets if market.leveraged]
    are_many = len(leveraged) > _EACH_TOLD
    priced = {market.name for market in first_of_each_asset(units)} if are_many else {*leveraged}
    for market in units.markets:
        if market.name in units.coins:
            names = [(label, column_name(f"{{coin}}_{name}", market.name)) for label, name in _COIN_ROWS]
            yield f"Price of {market.name}", [*names]
        if market.name in priced:
            names = [(label, column_name(f"{{market}}_{name}", market.name)) for label, name in _PRICE_ROWS]
            stops = [column_name(f"{{market}}_stops_{way}_bps", market.name) for way in ("fall", "rise")]
            idle = {name for name in stops if not any(_has_any(result, each) for each in stops)}
            yield f"Price of {market.name}", [row for row in names if row[1] not in idle]
        if market.leveraged and not are_many:
            names = [(label, column_name(f"{{market}}_{name}", market.name)) for label, name in _TAKER_ROWS]
            yield f"Liquidated on {market.name}", [*names]
        if market.lending:
            names = [(label, column_name(f"{{pool}}_{name}", market.name)) for label, name in _POOL_ROWS]
            yield f"Calls on {market.name}", [*names]
    if are_many:
        for title, name in _MARKET_ROWS:
            yield title, [(market, column_name(f"{{market}}_{name}", market)) for market in leveraged]
    yield "Cause", [*_CAUSE_ROWS]
    yield "Who bore it", [*_WATERFALL_ROWS]


def _has_any(result: Result, name: str) -> bool:
    """Tell whether a metric is other than 0 in any replicate."""
    return name in result.runs.column_names and any(result.runs.column(name).to_pylist())


def first_of_each_asset(units: RunUnits) -> list[MarketUnits]:
    """Return the leveraged market of each asset that the scenario names first."""
    first: dict[str, MarketUnits] = {}
    for market in units.markets:
        if market.leveraged:
            first.setdefault(market.asset, market)
    return list(first.values())
