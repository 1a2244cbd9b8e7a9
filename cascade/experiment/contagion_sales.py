"""What is traded by force in each place at a moment, by orders that wait until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.assembly import Assembled
from cascade.core import params as par
from cascade.errors import UsageError
from cascade.experiment.branches import Sale
from cascade.experiment.contagion_question import Question, place_of, row_of_order, sources_of
from cascade.experiment.recorder import units_of
from cascade.output.run_units import RunUnits
from cascade.scenario.schema import Scenario

SHARE: Final = 0.01
"""What is sold of the open interest of a place, unless asked for."""


@dataclass(frozen=True)
class Sales:
    """The orders of a market that wait to be traded by force.

    Attributes
    ----------
    rows
        Of the shocks: one for each perpetual.
    shock
        The row of the scenario's own order, where that is what is asked for, and its lots.
    """

    units: RunUnits
    question: Question
    names: Sequence[str]
    rows: range
    shock: tuple[int, float] | None

    @classmethod
    def of(cls, scenario: Scenario, drawn: Assembled, question: Question, names: Sequence[str]) -> Sales:
        """Return the orders of a scenario that has them, see `with_sales`."""
        units, shocks = units_of(scenario), drawn.params.shocks
        rows, shock = range(len(shocks) - len(sources_of(units)), len(shocks)), None
        if question.shock is not None:
            row = order_row(drawn, row_of_order(scenario, question.by, question.shock))
            shock = row, float(shocks.amount[row])
        return cls(units, question, names, rows, shock)

    @property
    def waiting(self) -> list[int]:
        """Return the rows of all orders that wait."""
        return [*self.rows] if self.shock is None else [self.shock[0], *self.rows]

    def at(self, now: Assembled) -> list[Sale]:
        """Return what is traded of each place: the shock in its own, else as much, spread by open interest."""
        if self.shock is None:
            return [self._spread(now, name, self.question.notional) for name in self.names]
        row, lots = self.shock
        target, usd = int(now.params.shocks[row].target), self.question.notional
        if usd is None:  # it closes what its account holds
            usd = abs(lots) * _lot_usd(now, self.units, target)
        own = place_of(self.units.markets[target], self.question.by)
        return [{row: lots} if name == own else self._spread(now, name, usd) for name in self.names]

    def _spread(self, now: Assembled, name: str, usd: float | None) -> Sale:
        """Return the order of a place, spread over its markets by their open interest."""
        target, interest = now.params.shocks.target, now.state.markets.open_interest
        mine = [
            row for row in self.rows if place_of(self.units.markets[target[row]], self.question.by) == name
        ]
        held = {row: float(interest[target[row]]) for row in mine}
        worth = sum(lots * _lot_usd(now, self.units, int(target[row])) for row, lots in held.items())
        if worth <= 0.0:
            raise UsageError(
                f"nobody holds a position in {name}: there is nothing to sell by force",
                remedy="give its markets a population, or leave them out",
            )
        share, sign = SHARE if usd is None else usd / worth, 1.0 if self.question.side == "buy" else -1.0
        return {row: sign * max(share * lots, 1.0) for row, lots in held.items()}


def order_row(drawn: Assembled, number: int) -> int:
    """Return the row of the shocks that an order of the scenario has, by which of its orders it is."""
    return int(np.flatnonzero(drawn.params.shocks.kind == par.MARKET_SHOCK)[number])


def _lot_usd(now: Assembled, units: RunUnits, m: int) -> float:
    """Return what a lot of a market is worth at mark."""
    market = units.markets[m]
    if market.inverse:
        return market.lot_size
    return float(now.state.markets.mark[m]) * market.tick_size * market.lot_size
