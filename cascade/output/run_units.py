"""What turns ticks, lots, money units and codes of a run back into prices, USD and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Feed = Literal["complete", "latest_per_second", "none"]

_EXACT_DIGITS = 12

USD_UNIT, COIN_UNIT = 1e-6, 1e-8
"""A money unit of USD, and of any other asset in which markets settle."""


@dataclass(frozen=True, slots=True)
class MarketUnits:
    """A market's units: a price is ticks x `tick_size`, money is lots x ticks x `unit` x `money_unit`.

    An inverse contract is worth lots x `unit` / ticks x `money_unit` of its asset, and lots x `lot_size` USD.
    """

    name: str
    asset: str
    venue: str
    tick_size: float
    """Quote units of a tick."""
    lot_size: float
    """Units of the asset in a lot; of an inverse contract USD."""
    unit: int
    """Money units of one lot at a price of one tick."""
    money_unit: float = 1e-6
    """A money unit in the settlement asset: USD, or the asset of an inverse contract."""
    leveraged: bool = True
    """False for spot: nothing is liquidated there."""
    lending: bool = False
    """Whether it is a pool of collateral, which liquidators sell on spot."""
    inverse: bool = False
    """Whether the market settles in its asset."""
    clock_s: float = 1.0
    """Seconds between two margin tests of the venue."""
    feed: Feed = "complete"
    """What the venue publishes of its liquidations."""

    def waves(self, dt: float) -> int:
        """Return how many margin tests a step of dt seconds has at the most."""
        return max(round(dt / self.clock_s), 1)

    @property
    def settlement(self) -> str:
        """Asset that margin and profit are in."""
        return self.asset if self.inverse else "USD"


@dataclass(frozen=True, slots=True)
class ReportingTag:
    """A venue whose accounts are simulated in a composite, and what its public feed shows."""

    name: str
    feed: Feed = "complete"


@dataclass(frozen=True, slots=True)
class OrderUnits:
    """A scheduled order that has a name, and the market that it is sent to."""

    name: str
    market: str


@dataclass(frozen=True)
class RunUnits:
    """Names and units of a run, in the order of the codes that the logs use."""

    scenario: str
    markets: tuple[MarketUnits, ...]
    dt: float
    """Seconds of a step."""
    start: datetime | None = None
    """UTC time of step 0."""
    reporting: tuple[ReportingTag, ...] = ()
    """Reporting tags; a tag outside the list reads as the venue of the market, with its feed."""
    purposes: tuple[str, ...] = ()
    """Why an order was sent, by code."""
    kinds: tuple[str, ...] = ()
    """Kinds of accounts, by code."""
    funds: tuple[str, ...] = ()
    """Settlement assets, by code: each has its insurance funds."""
    orders: tuple[OrderUnits, ...] = ()
    capped: tuple[str, ...] = ()
    """Layers whose leverage is capped."""
    traders: tuple[str, ...] = ()
    """Those on finite capital, whose gain is counted: groups, or the treasury that several share."""

    @property
    def dated(self) -> bool:
        """Whether the scenario has a start, and the tables therefore a `time`."""
        return self.start is not None

    @cached_property
    def feeds(self) -> dict[str, Feed]:
        """Feed by reporting name, venues of untagged accounts included."""
        feeds: dict[str, Feed] = {}
        feeds.update((market.venue, market.feed) for market in self.markets)
        feeds.update((tag.name, tag.feed) for tag in self.reporting)
        return feeds

    @property
    def assets(self) -> tuple[str, ...]:
        """Assets with a leveraged market, in order of appearance."""
        return tuple(dict.fromkeys(market.asset for market in self.markets if market.leveraged))

    @property
    def coins(self) -> tuple[str, ...]:
        """Spot markets of assets that nobody trades with leverage: they matter as collateral."""
        return tuple(m.name for m in self.markets if not m.leveraged and m.asset not in self.assets)

    def to_json(self) -> dict[str, Any]:
        """Return the form kept in the manifest."""
        return asdict(self) | {"start": self.start.isoformat() if self.start else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunUnits:
        """Return the units that `to_json` wrote."""
        start = cast("str | None", data["start"])
        return cls(
            scenario=data["scenario"],
            markets=tuple(MarketUnits(**market) for market in data["markets"]),
            dt=data["dt"],
            start=datetime.fromisoformat(start) if start else None,
            reporting=tuple(ReportingTag(**tag) for tag in data["reporting"]),
            purposes=tuple(data["purposes"]),
            kinds=tuple(data["kinds"]),
            funds=tuple(data["funds"]),
            orders=tuple(OrderUnits(**order) for order in data.get("orders", ())),
            capped=tuple(data.get("capped", ())),
            traders=tuple(data.get("traders", ())),
        )


def scale(counts: npt.NDArray[Any], step: float) -> Floats:
    """Return counts x step as the float nearest to the decimal product: 1070001 x 0.1 is 107000.1.

    A step with more than 12 decimals is not a decimal anyone wrote, and multiplies as it is.
    """
    decimal = Decimal(repr(float(step))).normalize()
    digits = max(0, -cast("int", decimal.as_tuple().exponent))
    if digits > _EXACT_DIGITS:
        return np.asarray(counts, dtype=np.float64) * step
    mantissa = int(decimal.scaleb(digits))
    return np.asarray(counts, dtype=np.float64) * float(mantissa) / float(10**digits)
