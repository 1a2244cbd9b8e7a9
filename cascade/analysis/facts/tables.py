"""From the tables of a run to what facts are measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from cascade.analysis.facts.observed import DAY_S, Floats, Liquidations, Orders, Sample, Series
from cascade.analysis.metrics import column_name
from cascade.errors import UsageError
from cascade.output.columns import is_name, to_names, to_numpy
from cascade.output.run_units import MarketUnits, RunUnits
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import Perpetual
from cascade.scenario.words import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from cascade.output.reader import Result

FEED: Final = "bybit"
"""Reporting venue whose feed is complete, and which facts of liquidations are held against."""

STAMP_S: Final = 8 * 3600.0
"""Seconds between two fundings."""

DISTANCES_BPS: Final = (10, 50, 100)

LEAST_FALL_BPS: Final = 50.0
"""A fall below this is too small to be shared out."""

BAR_COLUMNS: Final = (
    "market", "t_s", "replicate", "open_price", "high_price", "low_price", "mark_low_price", "news_value_price",
    "best_bid_price", "best_ask_price", "volume_usd", "flow_usd", "funding_rate_bps",
    *(f"{side}_depth_{bps}bps_usd" for side in ("bid", "ask") for bps in DISTANCES_BPS),
)  # fmt: skip
"""Columns of bars that facts are measured on."""

TRADE_COLUMNS: Final = ("market", "step", "replicate", "side", "size_usd", "taker")
LIQUIDATION_COLUMNS: Final = ("asset", "t_s", "replicate", "account", "life", "reporting", "liquidated_usd")


class Tables(Protocol):
    """Where rows come from: the tables of a run, or of one replicate in memory."""

    def replicate(self, name: str, number: int) -> pa.Table:
        """Return the rows of a replicate."""
        ...

    def __contains__(self, name: object) -> bool:
        """Tell whether a table was recorded."""
        ...


class RunTables:
    """What facts need of a run, each column read once for all replicates."""

    def __init__(self, result: Result) -> None:
        self._tables: dict[str, pa.Table] = {"runs": result.runs}
        self._places: dict[str, Floats] = {}
        wanted = {"bars": BAR_COLUMNS, "trades": TRADE_COLUMNS, "liquidations": LIQUIDATION_COLUMNS}
        for name, columns in wanted.items():
            if name in result.tables:
                self._tables[name] = result.tables.columns(name, columns)
        for name, table in self._tables.items():
            self._places[name] = to_numpy(table.column("replicate"))

    def replicate(self, name: str, number: int) -> pa.Table:
        """Return the rows of a replicate, which lie together."""
        first, until = np.searchsorted(self._places[name], [number, number + 1])
        return self._tables[name].slice(int(first), int(until - first))

    def __contains__(self, name: object) -> bool:
        """Tell whether a table was recorded."""
        return name in self._tables


@dataclass(frozen=True)
class Subject:
    """What facts are about: a perpetual market, its asset's spot market, and a perpetual of another asset."""

    market: MarketUnits
    reference: MarketUnits | None
    pair: MarketUnits | None


def subject_of(units: RunUnits, market: str | None = None) -> Subject:
    """Return what facts are about; by default the first leveraged market.

    Raises
    ------
    UsageError
        If there is no such market.
    """
    leveraged = [each for each in units.markets if each.leveraged and not each.lending]
    names = [each.name for each in leveraged]
    if not leveraged or (market is not None and market not in names):
        wanted = (
            f"no leveraged market '{market}'{did_you_mean(market, names)}"
            if market
            else "no leveraged market"
        )
        known = f"leveraged markets are: {', '.join(names)}" if names else "facts are about a perpetual"
        raise UsageError(f"the scenario has {wanted}", remedy=known)
    chosen = leveraged[names.index(market) if market else 0]
    spots = [m for m in units.markets if not m.leveraged and m.asset == chosen.asset and not m.lending]
    others = [each for each in leveraged if each.asset != chosen.asset]
    return Subject(chosen, spots[0] if spots else None, others[0] if others else None)


def sample_of(
    tables: Tables, number: int, units: RunUnits, subject: Subject, scenario: Scenario | None,
    reasons: Mapping[str, str], unforced_fall_bps: float | None = None,
) -> Sample:  # fmt: skip
    """Return what was observed of one replicate.

    Parameters
    ----------
    scenario
        As it was run; None where it cannot be read again.
    reasons
        Why something is not there, by what it is.
    unforced_fall_bps
        Fall of the mark without forced orders, where the tables do not have it.
    """
    rows = tables.replicate("bars", number)
    own = _series(rows, units, subject.market, subject.reference)
    pair = (_series(rows, units, subject.pair, None),) if subject.pair else ()
    why: dict[str, str] = dict(reasons)
    if not pair:
        why["pair"] = "the scenario has one asset"
    orders = liquidations = None
    if "trades" in tables:
        orders = _orders(tables.replicate("trades", number), subject.market)
    if "liquidations" in tables:
        duration = len(own) * own.seconds
        liquidations = _liquidations(
            tables.replicate("liquidations", number), units, subject.market.asset, duration
        )
    funding, asked, added = None, None, None
    if scenario is not None and _follows_rule(scenario, subject.market.name):
        funding = _funding(rows, units, subject.market)
    else:
        why["funding_bps"] = "funding is given by the scenario: an input, not a result"
    if scenario is None or not (asked := _asked(scenario, subject.market.name)):
        why["asked"] = "the scenario's makers have no depth profile for this market"
    if scenario is None or not scenario.published:
        why["added_share"] = "the scenario is of no real day: nothing was published to hold it against"
    else:
        fall = fall_bps(rows, subject.market.name)
        added_bps = _added_bps(tables, number, subject.market)
        if unforced_fall_bps is not None:
            added_bps = fall - unforced_fall_bps
        added = _added_share(fall, added_bps, why)
    return Sample((own,), pair, orders, liquidations, None, asked, funding, added, why)


def _numbers(rows: pa.Table, column: str, mask: npt.NDArray[np.bool_]) -> Floats:
    return to_numpy(rows.column(column))[mask].astype(np.float64)


def _series(rows: pa.Table, units: RunUnits, market: MarketUnits, reference: MarketUnits | None) -> Series:
    """Return the bars of a market: the mid, and what else facts are measured on."""
    mask = is_name(rows.column("market"), market.name)
    ends = _numbers(rows, "t_s", mask) + units.dt  # a row carries the time at which its last step begins
    seconds = round(float(np.median(np.diff(ends))), 9) if len(ends) > 1 else units.dt
    bid, ask = _numbers(rows, "best_bid_price", mask), _numbers(rows, "best_ask_price", mask)
    columns = {"price": (bid + ask) / 2.0, "spread": np.rint((ask - bid) / market.tick_size)}
    for name in ("high", "low", "news_value"):
        columns["news" if name == "news_value" else name] = _numbers(rows, f"{name}_price", mask)
    for name in ("volume", "flow"):
        columns[name] = _numbers(rows, f"{name}_usd", mask)
    for bps in DISTANCES_BPS:
        for side in ("bid", "ask"):
            columns[f"{side}_{bps}"] = _numbers(rows, f"{side}_depth_{bps}bps_usd", mask)
    if reference is not None:
        spot = is_name(rows.column("market"), reference.name)
        columns["reference"] = (
            _numbers(rows, "best_bid_price", spot) + _numbers(rows, "best_ask_price", spot)
        ) / 2.0
    whole = np.abs(ends - seconds * np.arange(1, len(ends) + 1)) < 1e-6 * seconds
    n = len(whole) if whole.all() else int(np.argmin(whole))  # the last bar may be shorter
    start_s = None if units.start is None else units.start.timestamp() % DAY_S
    return Series(seconds, {name: values[:n] for name, values in columns.items()}, start_s)


def _orders(rows: pa.Table, market: MarketUnits) -> Orders:
    """Return the taker orders of a market: fills of one taker, side and step that follow each other are one."""
    mask = is_name(rows.column("market"), market.name)
    is_buy = is_name(rows.column("side"), "buy")[mask]
    taker, step = (to_numpy(rows.column(name))[mask] for name in ("taker", "step"))
    if len(taker) == 0:
        return Orders(np.empty(0), np.empty(0))
    is_new = (np.diff(taker) != 0) | (np.diff(step) != 0) | (np.diff(is_buy.astype(np.int8)) != 0)
    begins = np.flatnonzero(np.concatenate([[True], is_new]))
    usd = np.add.reduceat(_numbers(rows, "size_usd", mask), begins)
    return Orders(np.where(is_buy[begins], 1.0, -1.0), usd)


def _liquidations(rows: pa.Table, units: RunUnits, asset: str, duration_s: float) -> Liquidations:
    """Return the liquidations of an asset."""
    mask = is_name(rows.column("asset"), asset)
    usd, t_s = _numbers(rows, "liquidated_usd", mask), _numbers(rows, "t_s", mask)
    venues = to_names(rows.column("reporting"))[mask]
    keys = np.stack([to_numpy(rows.column(name))[mask] for name in ("account", "life")])
    _, episode = np.unique(keys, axis=1, return_inverse=True)
    sizes = np.bincount(episode.ravel(), weights=usd).astype(np.float64)
    seen = (venues == FEED) & (usd > 0)
    feed = (t_s[seen], usd[seen]) if FEED in units.feeds else None
    return Liquidations(sizes[sizes > 0], t_s[usd > 0], feed, duration_s)


def _follows_rule(scenario: Scenario, market: str) -> bool:
    found = scenario.markets.get(market)
    return isinstance(found, Perpetual) and found.funding.schedule == "rule"


def _funding(rows: pa.Table, units: RunUnits, market: MarketUnits) -> Floats:
    """Return the funding rates at their stamps."""
    mask = is_name(rows.column("market"), market.name)
    ends, rates = _numbers(rows, "t_s", mask) + units.dt, _numbers(rows, "funding_rate_bps", mask)
    return rates[np.isclose(ends % STAMP_S, 0.0)]


def _asked(scenario: Scenario, market: str) -> dict[int, float] | None:
    """Return the USD that makers are asked for on one side, by distance; None where nobody quotes at one of them."""
    groups = [group for group in scenario.makers if market in scenario.select_markets(group.markets)]
    asked = {bps: sum(group.within(bps) for group in groups) for bps in DISTANCES_BPS}
    return asked if all(asked.values()) else None


def fall_bps(rows: pa.Table, market: str) -> float:
    """Return the fall of a mark below the first trade."""
    mask = is_name(rows.column("market"), market)
    first, low = (_numbers(rows, name, mask) for name in ("open_price", "mark_low_price"))
    return max(0.0, 1e4 * float(np.log(first[0] / np.nanmin(low))))


def _added_bps(tables: Tables, number: int, market: MarketUnits) -> float | None:
    """Return what liquidations added, as a metric of the run; None without a counterfactual."""
    name = column_name("{market}_added_fall_bps", market.name)
    runs = tables.replicate("runs", number) if "runs" in tables else None
    if runs is None or name not in runs.column_names:
        return None
    return float(to_numpy(runs.column(name)).astype(np.float64)[0])


def _added_share(fall: float, added_bps: float | None, why: dict[str, str]) -> float | None:
    """Return what liquidations added, of the fall."""
    if added_bps is None:
        why["added_share"] = "there is no counterfactual: run it with --counterfactual"
    elif fall < LEAST_FALL_BPS:
        why["added_share"] = f"the mark falls by {fall:.0f} bps, too little to share out"
    else:
        return added_bps / fall
    return None
