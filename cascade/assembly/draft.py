"""A market that is being drafted: its entities, its makers and agents so far, and what every group is made with."""

from __future__ import annotations

from typing import Any

import numpy as np

from cascade import names as kinds
from cascade.assembly.entities import Entities
from cascade.core import params as k
from cascade.core.exact import INVERSE
from cascade.core.state import Array
from cascade.names import number_of
from cascade.rng import decision_key
from cascade.scenario.schema import Scenario


class Draft:
    """What has been added to a replicate of a scenario, and how more is."""

    def __init__(
        self, scenario: Scenario, replicate: int, markets: Array, prices: Array, entities: Entities
    ) -> None:
        self.scenario, self.replicate, self.markets, self.prices = scenario, replicate, markets, prices
        self.entities = entities
        self.names = list(scenario.markets)
        self.makers: list[dict[str, Any]] = []
        self.agents: list[dict[str, Any]] = []

    def key(self, group: str, market: str) -> np.uint64:
        """Return the key of a group's draws in one market."""
        return decision_key(self.scenario.seed, f"{group}/{market}", self.replicate)

    def lots(self, m: int, usd: float) -> float:
        """Return USD as lots of a market at its start price."""
        if self.markets[m].contract == INVERSE:
            return usd / self.markets[m].lot_size
        return usd / (self.prices[self.markets[m].asset] * self.markets[m].lot_size)

    def per_step(self, rate: float) -> float:
        """Return how likely somebody who looks at a rate does so in a step."""
        return min(rate * self.scenario.dt, 1.0)

    def agent(self, kind: int, m: int, usd: float, *, with_stock: bool = True) -> tuple[int, int]:
        """Add an account with cash, and on a spot market with as much stock; return position and stock."""
        stock = int(self.lots(m, usd)) if with_stock and self.markets[m].kind == k.SPOT else 0
        _, position = self.entities.add(kind, int(self.markets[m].venue), [m], usd, [stock])
        return position, stock

    def add_agent(self, kind: str, figures: dict[str, Any]) -> None:
        """Add an agent of a kind."""
        self.agents.append({"kind": number_of(kinds.Agent, kind), **figures})
