"""What those who tie markets on capital of their own, and hunters, have gained."""

from __future__ import annotations

from collections.abc import Sequence

from cascade.assembly.ties import Tied
from cascade.core.exact import INVERSE
from cascade.engine import Engine
from cascade.output.run_units import COIN_UNIT, USD_UNIT, RunUnits


def gains_of(engine: Engine, tied: Sequence[Tied], units: RunUnits) -> dict[str, float]:
    """Return the gain of each group in USD, at the marks at the end."""
    return {each.name: _gain(engine, each) * _worth(engine, each, units) for each in tied}


def _gain(engine: Engine, group: Tied) -> int:
    """Return by how much a group is worth more than at the start, in money units; what it was lent is returned."""
    st = engine.state
    gain = -group.cash
    for account in group.accounts:
        row = st.accounts[account]
        gain += int(st.balances[account, group.settlement])
        for position in st.positions[row.first_position : row.first_position + row.n_positions]:
            gain += int(position.lots) * _value(engine, int(position.market))
    return gain - sum(lots * _value(engine, m) for m, lots in group.stock)


def _value(engine: Engine, m: int) -> int:
    """Return what a lot of market m is worth at its mark."""
    market, mark = engine.params.markets[m], int(engine.state.markets[m].mark)
    unit = int(market.unit)
    return -((2 * unit + mark) // (2 * mark)) if market.contract == INVERSE else mark * unit


def _worth(engine: Engine, group: Tied, units: RunUnits) -> float:
    """Return the USD of a money unit of a group: of a coin at the mark of the first market that settles in it."""
    if group.settlement == 0:
        return USD_UNIT
    m = next(m for m, market in enumerate(engine.params.markets) if market.settlement == group.settlement)
    return COIN_UNIT * float(engine.state.markets[m].mark) * units.markets[m].tick_size
