"""The population as it is drawn: how many, how large, how leveraged, on which side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cascade.assembly import MONEY, Assembled
from cascade.core.exact import INVERSE
from cascade.core.params import CROSS, SPOT
from cascade.core.state import Array
from cascade.scenario.schema import Scenario

QUANTILES = (0.1, 0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of a figure over accounts (QUANTILES), and its largest value."""

    quantiles: tuple[float, ...]
    largest: float


@dataclass(frozen=True, slots=True)
class Population:
    """The leveraged accounts of a market at the start."""

    market: str
    price: float
    accounts: int
    isolated: int
    cross: int
    open_interest_usd: float
    long_usd: float
    short_usd: float
    leverage: Spread
    size_usd: Spread
    weighted_leverage: float
    """Mean leverage, weighted by notional."""

    @property
    def long_share(self) -> float:
        """Return the share of the leveraged notional that is long."""
        total = self.long_usd + self.short_usd
        return self.long_usd / total if total > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {**asdict(self), "long_share": self.long_share, "quantiles": QUANTILES}


def populations(scenario: Scenario, drawn: Assembled) -> tuple[Population, ...]:
    """Return what was drawn for each market that has leveraged accounts."""
    markets = drawn.params.markets
    found = [_of_market(name, m, drawn) for m, name in enumerate(scenario.markets) if markets[m].kind != SPOT]
    return tuple(each for each in found if each.accounts)


def open_positions(drawn: Assembled, m: int) -> Array:
    """Return the numbers of the open positions that leveraged accounts hold of a market."""
    positions = drawn.state.positions
    held = (positions.market == m) & (positions.lots != 0)
    return np.flatnonzero(held & (positions.account >= drawn.params.run[0].first_trader))


def notional_usd(drawn: Assembled, numbers: Array) -> Array:
    """Return the notional of positions at the start mark."""
    positions, p = drawn.state.positions[numbers], drawn.params
    market = positions.market
    value = np.where(
        p.markets.contract[market] == INVERSE,
        p.markets.face[market],
        drawn.state.markets.mark[market].astype(np.float64) * p.markets.unit[market],
    )
    return np.abs(positions.lots) * value / MONEY


def _of_market(name: str, m: int, drawn: Assembled) -> Population:
    state, p = drawn.state, drawn.params
    numbers = open_positions(drawn, m)
    accounts = state.positions.account[numbers]
    sizes = notional_usd(drawn, numbers)
    long = state.positions.lots[numbers] > 0
    leverage = state.traders.leverage[accounts - p.run[0].first_trader].astype(np.float64)
    cross = int((state.accounts.margin[accounts] == CROSS).sum())
    inverse = p.markets[m].contract == INVERSE
    value = float(p.markets.face[m] if inverse else state.markets.mark[m] * p.markets.unit[m]) / MONEY
    return Population(
        market=name,
        price=float(state.markets.mark[m]) * float(p.markets.tick_size[m]),
        accounts=len(accounts),
        isolated=len(accounts) - cross,
        cross=cross,
        open_interest_usd=float(state.markets.open_interest[m]) * value,
        long_usd=float(sizes[long].sum()),
        short_usd=float(sizes[~long].sum()),
        leverage=_spread(leverage),
        size_usd=_spread(sizes),
        weighted_leverage=float(leverage @ sizes / sizes.sum()) if len(sizes) else 0.0,
    )


def _spread(values: Array) -> Spread:
    if not len(values):
        return Spread((0.0,) * len(QUANTILES), 0.0)
    return Spread(tuple(float(x) for x in np.quantile(values, QUANTILES)), float(values.max()))
