"""What leveraged accounts hold: their open positions, and how many, how large and how leveraged they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from cascade.assembly import MONEY, Assembled
from cascade.core.exact import INVERSE
from cascade.core.params import CROSS, SPOT
from cascade.core.state import Array
from cascade.scenario.schema import Scenario

QUANTILES = (0.1, 0.5, 0.9, 0.99)


class Holdings(NamedTuple):
    """The open positions that leveraged accounts hold of one market."""

    account: Array
    lots: Array
    usd: Array
    """Notional at mark."""
    leverage: Array
    """That of the account's trader, at entry."""


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


def holdings(now: Assembled, m: int) -> Holdings:
    """Return what leveraged accounts hold of a market; nothing of a spot market, where it is collateral."""
    st, p = now.state, now.params
    rows = st.positions
    held = (rows.market == m) & (rows.lots != 0) & (rows.account >= p.run[0].first_trader)
    found = rows[held & (p.markets[m].kind != SPOT)]
    leverage = st.traders.leverage[found.account - p.run[0].first_trader].astype(np.float64)
    return Holdings(found.account, found.lots, np.abs(found.lots) * _lot_value(now, m) / MONEY, leverage)


def price_usd(now: Assembled, m: int) -> float:
    """Return the mark of a market in USD."""
    return float(now.state.markets.mark[m]) * float(now.params.markets.tick_size[m])


def _lot_value(now: Assembled, m: int) -> float:
    """Return the USD, in their money units, that a lot stands for at mark."""
    market = now.params.markets[m]
    return float(market.face if market.contract == INVERSE else now.state.markets.mark[m] * market.unit)


def populations(scenario: Scenario, drawn: Assembled) -> tuple[Population, ...]:
    """Return what was drawn for each market that has leveraged accounts."""
    found = (_of_market(name, m, drawn) for m, name in enumerate(scenario.markets))
    return tuple(each for each in found if each.accounts)


def _of_market(name: str, m: int, drawn: Assembled) -> Population:
    held = holdings(drawn, m)
    long = held.lots > 0
    cross = int((drawn.state.accounts.margin[held.account] == CROSS).sum())
    return Population(
        market=name,
        price=price_usd(drawn, m),
        accounts=len(held.account),
        isolated=len(held.account) - cross,
        cross=cross,
        open_interest_usd=float(drawn.state.markets.open_interest[m]) * (_lot_value(drawn, m) / MONEY),
        long_usd=float(held.usd[long].sum()),
        short_usd=float(held.usd[~long].sum()),
        leverage=_spread(held.leverage),
        size_usd=_spread(held.usd),
        weighted_leverage=float(held.leverage @ held.usd / held.usd.sum()) if long.size else 0.0,
    )


def _spread(values: Array) -> Spread:
    if not len(values):
        return Spread((0.0,) * len(QUANTILES), 0.0)
    return Spread(tuple(float(x) for x in np.quantile(values, QUANTILES)), float(values.max()))
