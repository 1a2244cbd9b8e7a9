"""Logs of the kernels to Arrow: ticks, lots, money units and codes become prices, USD and names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cascade.output import schemas
from cascade.output.columns import category, column, name_by_code
from cascade.output.run_units import COIN_UNIT, USD_UNIT, Floats, Ints, RunUnits, scale

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[Any]
Columns = dict[str, Any]

ABSENT_ABOVE: Final = 2_147_483_647
"""The logs write a price that does not exist as a tick of at most 0, or of at least this."""

RATE: Final = 1e-8
"""A rate of one unit, as a fraction."""

_BPS_PER_RATE = RATE * 1e4

SIDES = ("short", "long")
TAKER_SIDES = ("sell", "buy")
BOOK_SIDES = ("ask", "bid")

BOOK_ROW: Final = np.dtype([("step", "i8"), ("market", "i8"), ("tick", "i8"), ("lots", "i8"), ("mid2", "i8")])
"""A level of the book: `lots` > 0 bid, < 0 ask; `mid2` is best bid + best ask, or 0."""


def to_batch(
    table: str,
    log: Array,
    units: RunUnits,
    replicate: int,
    extra: Mapping[str, Any] | None = None,
) -> pa.RecordBatch:
    """Return the rows of a kernel's log as a batch of `table`.

    Parameters
    ----------
    log
        Record array of the dtype that belongs to the table: BAR, LIQUIDATION, ADL and TRADE of
        `cascade.core.state`, or `BOOK_ROW`.
    extra
        Columns the log does not hold: `cause` of liquidations.
    """
    log = np.asarray(log)
    named = _CONVERTERS[table](log, units) | dict(extra or {})
    return from_columns(table, named, units, replicate, steps=np.asarray(log["step"], dtype=np.int64))


def from_columns(
    table: str,
    named: Mapping[str, Any],
    units: RunUnits,
    replicate: int,
    *,
    steps: Ints | None = None,
    extra: tuple[schemas.Column, ...] = (),
) -> pa.RecordBatch:
    """Return a batch of `table` from columns in final units; scenario, replicate and times are added."""
    import pyarrow as pa

    schema = schemas.schema(table, dated=units.dated, extra=extra)
    values = dict(named)
    n_rows = len(steps) if steps is not None else len(next(iter(values.values())))
    values |= {
        "scenario": category(np.zeros(n_rows, dtype=np.int64), (units.scenario,)),
        "replicate": np.full(n_rows, replicate, dtype=np.int32),
    }
    if steps is not None:
        values |= _timing(steps, units)
    arrays = [column(values.get(field.name), field, n_rows) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _timing(steps: Ints, units: RunUnits) -> Columns:
    """Return step, seconds since the start and, where there is one, the time of day."""
    micros = np.rint(steps * (units.dt * 1e6)).astype(np.int64)
    timing: Columns = {"step": steps, "t_s": micros / 1e6}
    if units.start is not None:
        start = np.datetime64(units.start.astimezone(UTC).replace(tzinfo=None), "us")
        timing["time"] = start + micros.astype("timedelta64[us]")
    return timing


def is_absent(ticks: Array) -> npt.NDArray[np.bool_]:
    """Tell which ticks stand for a price that does not exist; NaN does too."""
    return ~((np.asarray(ticks) > 0) & (np.asarray(ticks) < ABSENT_ABOVE))


class MarketRows:
    """The units of the market of each row of a log."""

    def __init__(self, codes: Array, units: RunUnits) -> None:
        self.codes = np.asarray(codes, dtype=np.int64)
        self.units = units

    def per_row(self, name: str) -> Array:
        """Return an attribute of the market of each row."""
        return np.array([getattr(market, name) for market in self.units.markets])[self.codes]

    def scaled(self, counts: Array, name: str) -> Floats:
        """Return counts times an attribute of their market, exact in decimals."""
        result = np.zeros(len(self.codes))
        for code, market in enumerate(self.units.markets):
            mask = self.codes == code
            result[mask] = scale(counts[mask], getattr(market, name))
        return result

    def prices(self, ticks: Array) -> Floats:
        """Return prices; NaN where a tick is absent."""
        return np.where(is_absent(ticks), np.nan, self.scaled(ticks, "tick_size"))

    @property
    def inverse(self) -> npt.NDArray[np.bool_]:
        """Tell which rows are of inverse contracts."""
        return self.per_row("inverse")

    def money(self, amounts: Array, prices: Array) -> Floats:
        """Return money units in USD; those of inverse contracts are worth what their asset is, at `prices`."""
        return self.scaled(amounts, "money_unit") * np.where(self.inverse, prices, 1.0)

    def usd(self, amounts: Array) -> Floats:
        """Return amounts that are in money units of USD whatever the market settles in."""
        return scale(amounts, USD_UNIT)

    def notional(self, lots: Array, ticks: Array) -> Floats:
        """Return lots at a price in USD; whole money units while both are whole; NaN at an absent price."""
        absent = is_absent(ticks)
        value = self.scaled(
            np.asarray(lots) * np.where(absent, 0, ticks) * self.per_row("unit"), "money_unit"
        )
        value = np.where(self.inverse, self.scaled(lots, "lot_size"), value)
        return np.where(absent, np.nan, value)

    def fill_ticks(self, lots: Array, values: Array) -> Floats:
        """Return the mean price, in ticks, of lots that were worth so many money units; NaN of no lots."""
        lots, values = np.abs(lots).astype(np.float64), np.abs(values).astype(np.float64)
        none, unit = np.full(len(lots), np.nan), self.per_row("unit")
        linear = np.divide(values, lots * unit, out=none.copy(), where=lots > 0)
        inverse = np.divide(lots * unit, values, out=none, where=(lots > 0) & (values > 0))
        return np.where(self.inverse, inverse, linear)

    def names(self) -> Columns:
        """Return the column `market`."""
        return {"market": category(self.codes, [market.name for market in self.units.markets])}

    def assets(self) -> pa.DictionaryArray:
        """Return the asset of each row."""
        return name_by_code(self.codes, [market.asset for market in self.units.markets])

    def reporting(self, tags: Array) -> pa.DictionaryArray:
        """Return the reporting venue of each row: its tag, or else the venue of its market."""
        tagged = [tag.name for tag in self.units.reporting]
        codes = np.where((tags >= 0) & (tags < len(tagged)), tags, len(tagged) + self.codes)
        return name_by_code(codes, tagged + [market.venue for market in self.units.markets])


def _bars(log: Array, units: RunUnits) -> Columns:
    """Convert bars."""
    markets = MarketRows(log["market"], units)
    no_mid = is_absent(log["best_bid"]) | is_absent(log["best_ask"])
    mid = np.where(no_mid, np.nan, (log["best_bid"] + log["best_ask"]) / 2)
    prices = {
        f"{name}_price": markets.prices(log[name])
        for name in ("open", "high", "low", "last", "mark", "mark_high", "mark_low", "best_bid", "best_ask")
    }
    depth = {
        f"{side}_depth_{bps}bps_usd": markets.notional(log[f"{side}_{bps}"], mid)
        for side in ("bid", "ask")
        for bps in (10, 50, 100)
    }
    money = {
        f"{name}_usd": markets.usd(log[name])
        for name in ("volume", "flow", "long_liquidated", "short_liquidated")
    }
    money["fund_equity_usd"] = markets.money(log["fund_equity"], log["index"])
    return {
        **markets.names(),
        **prices,
        **depth,
        **money,
        "index_price": np.where(log["index"] > 0, log["index"], np.nan),
        "news_value_price": log["news_value"],
        "n_trades": log["n_trades"],
        "open_interest_lots": log["open_interest"],
        "open_interest_usd": markets.notional(log["open_interest"], log["mark"]),
        "on_margin_usd": markets.notional(log["on_margin"], log["mark"]),
        "funding_rate_bps": log["funding_rate"] * _BPS_PER_RATE,
        "depth_factor": log["depth_factor"],
    }


def _liquidations(log: Array, units: RunUnits) -> Columns:
    """Convert forced orders."""
    markets = MarketRows(log["market"], units)
    mark = log["trigger_mark"]
    average, slippage = _fills(log, markets)
    price = markets.prices(mark)
    linear = markets.money(np.abs(log["filled_value"]), price)
    filled = np.where(markets.inverse, markets.scaled(np.abs(log["filled_lots"]), "lot_size"), linear)
    sizes = {name: np.abs(log[f"{name}_lots"]) for name in ("position", "order", "taken_over", "adl")}
    at_mark = {f"{name}_usd": markets.notional(lots, mark) for name, lots in sizes.items()}
    return {
        **markets.names(),
        **{name: log[name] for name in ("wave", "account", "life", "part")},
        "entry_leverage": log["leverage"],
        **{f"{name}_lots": lots for name, lots in sizes.items()},
        **at_mark,
        "asset": markets.assets(),
        "reporting": markets.reporting(log["tag"]),
        "side": category((log["side"] > 0).astype(np.int64), SIDES),
        "filled_lots": np.abs(log["filled_lots"]),
        "filled_usd": filled,
        "liquidated_usd": markets.per_row("leveraged")
        * (filled + at_mark["taken_over_usd"] + at_mark["adl_usd"]),
        "trigger_mark_price": price,
        "liquidation_price": markets.prices(log["liquidation_tick"]),
        "shortfall_usd": markets.money(log["shortfall"], price),
        "bankruptcy_price": markets.prices(log["bankruptcy_tick"]),
        "worst_fill_price": np.where(log["filled_lots"] == 0, np.nan, markets.prices(log["worst_tick"])),
        "best_before_price": markets.prices(log["best_before"]),
        "best_after_price": markets.prices(log["best_after"]),
        "average_fill_price": average,
        "slippage_bps": slippage,
        "fee_usd": markets.money(log["fee"], price),
        "fund_draw_usd": markets.money(log["fund_draw"], price),
        "deficit_usd": markets.money(log["deficit"], price),
        "repaid_usd": markets.money(log["repaid"], price),
    }


def _fills(log: Array, markets: MarketRows) -> tuple[Floats, Floats]:
    """Return the mean fill price and its slippage in bps, NaN where nothing filled."""
    ticks = markets.fill_ticks(log["filled_lots"], log["filled_value"])
    mark = log["trigger_mark"]
    return ticks * markets.per_row("tick_size"), log["side"] * (mark - ticks) / mark * 1e4


def _adl(log: Array, units: RunUnits) -> Columns:
    """Convert auto-deleveraging fills; a socialised loss is one without lots."""
    markets = MarketRows(log["market"], units)
    size = np.abs(log["lots"])
    value, mark_value = np.abs(log["value"]), np.abs(log["mark_value"])
    ticks, price = markets.fill_ticks(size, value), markets.prices(log["mark"])
    return {
        **markets.names(),
        **{name: log[name] for name in ("wave", "account", "counterparty", "rank", "score")},
        "side": category((log["side"] > 0).astype(np.int64), SIDES),
        "size_lots": size,
        "settlement_price": ticks * markets.per_row("tick_size"),
        "value_usd": markets.money(value, price),
        "mark_value_usd": markets.money(mark_value, price),
        "forgone_usd": markets.money(log["forgone"], price),
        "leverage_after": log["leverage_after"],
    }


def _trades(log: Array, units: RunUnits) -> Columns:
    """Convert fills."""
    markets = MarketRows(log["market"], units)
    size = np.abs(log["lots"])
    return {
        **markets.names(),
        "side": category((log["lots"] > 0).astype(np.int64), TAKER_SIDES),
        "trade_price": markets.prices(log["tick"]),
        "size_lots": size,
        "size_usd": markets.notional(size, log["tick"]),
        "maker": log["maker"],
        "taker": log["taker"],
        "purpose": category(log["purpose"], units.purposes),
    }


def _book(log: Array, units: RunUnits) -> Columns:
    """Convert levels of the book."""
    markets = MarketRows(log["market"], units)
    size = np.abs(log["lots"])
    mid = np.where(is_absent(log["mid2"]), np.nan, log["mid2"] / 2)
    return {
        **markets.names(),
        "side": category((log["lots"] > 0).astype(np.int64), BOOK_SIDES),
        "level_price": markets.prices(log["tick"]),
        "distance_bps": np.abs(log["tick"] / mid - 1) * 1e4,
        "size_lots": size,
        "size_usd": markets.notional(size, log["tick"]),
    }


def _funds(log: Array, units: RunUnits) -> Columns:
    """Convert funds: each amount at the price that its asset has at the snapshot."""
    named = {
        "equity_usd": "equity", "income_usd": "income", "losses_usd": "losses", "fees_usd": "fees",
        "uncovered_usd": "uncovered", "adl_usd": "adl_value", "deposits_usd": "deposits",
        "withdrawals_usd": "withdrawals",
    }  # fmt: skip
    unit = np.where(log["fund"] == 0, USD_UNIT, COIN_UNIT)
    coins = {c: _scaled_by(log[name], unit) for c, name in named.items()}
    return {
        "fund": category(log["fund"], units.funds),
        "asset_price": log["price"],
        "equity_units": coins["equity_usd"],
        **{column: amounts * log["price"] for column, amounts in coins.items()},
    }


def _scaled_by(counts: Array, units: Floats) -> Floats:
    """Return counts times a money unit each, exact in decimals."""
    return np.where(units == USD_UNIT, scale(counts, USD_UNIT), scale(counts, COIN_UNIT))


_CONVERTERS: Final[dict[str, Callable[[Array, RunUnits], Columns]]] = {
    "bars": _bars,
    "liquidations": _liquidations,
    "adl": _adl,
    "trades": _trades,
    "book": _book,
    "funds": _funds,
}
