"""What those who tie markets on capital of their own, and hunters, have gained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cascade.assembly.ties import Tied
from cascade.core.exact import INVERSE, lot_values_of
from cascade.engine import Engine
from cascade.output.run_units import COIN_UNIT, USD_UNIT, RunUnits


def gains_of(engine: Engine, tied: Sequence[Tied], units: RunUnits) -> dict[str, float]:
    """Return the gain of each group in USD, at the marks at the end."""
    return {each.name: _gain(engine, each, units) for each in tied}


def _gain(engine: Engine, group: Tied, units: RunUnits) -> float:
    """Return by how much a group is worth more than at the start; what it was lent is returned."""
    st, gained = engine.state, defaultdict[int, int](int)
    for account, cash in zip(group.accounts, group.cash, strict=True):
        row = st.accounts[account]
        settlement = int(row.settlement)
        gained[settlement] += int(st.balances[account, settlement]) - cash
        for position in st.positions[row.first_position : row.first_position + row.n_positions]:
            gained[settlement] += int(position.lots) * _value(engine, int(position.market))
    for m, lots in group.stock:
        gained[int(engine.params.markets[m].settlement)] -= lots * _value(engine, m)
    return sum(money * _worth(engine, settlement, units) for settlement, money in gained.items())


def _value(engine: Engine, m: int) -> int:
    """Return what a lot of market m is worth at its mark."""
    market, mark = engine.params.markets[m], int(engine.state.markets[m].mark)
    return int(lot_values_of(market.unit, market.contract == INVERSE, mark))


def _worth(engine: Engine, settlement: int, units: RunUnits) -> float:
    """Return the USD of a money unit: of a coin at the mark of the first market that settles in it."""
    if settlement == 0:
        return USD_UNIT
    m = next(m for m, market in enumerate(engine.params.markets) if market.settlement == settlement)
    return COIN_UNIT * float(engine.state.markets[m].mark) * units.markets[m].tick_size
