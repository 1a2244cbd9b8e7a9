"""The structural branching ratio at times of a replicate: what is at risk against what the book takes.

Tables do not hold positions over time, so the replicate is run again; luck makes it the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cascade.acting import opened
from cascade.analysis.graph.branching import Branching, structural
from cascade.assembly import MONEY, Assembled, assemble
from cascade.core.params import PERPETUAL
from cascade.engine import Engine, Nothing, run_on
from cascade.exposure.failing import failing_moves
from cascade.exposure.holdings import holdings
from cascade.scenario.schema import Scenario

DISTANCE: Final = 0.005
"""How far from the mark the ratio looks, as a share: where most books still quote, and most shocks end."""


@dataclass(frozen=True, slots=True)
class Criticality:
    """The structural ratio of one market and direction at one time."""

    step: int
    """Steps done."""
    t_s: float
    market: str
    direction: str
    """`fall` or `rise`."""
    at_risk_usd: float
    """To be liquidated within `DISTANCE`."""
    depth_usd: float
    """Resting in the book within `DISTANCE`, on the side that liquidations would take from."""
    branching: Branching


def criticality(
    scenario: Scenario, replicate: int, steps: Iterable[int], *,
    progress: Callable[[int], None] | None = None, start: Assembled | None = None,
) -> list[Criticality]:  # fmt: skip
    """Return the structural ratio of every perpetual market after so many steps, and run no farther than the last.

    Parameters
    ----------
    scenario
        Its code has been admitted, where it names any.
    steps
        Steps done at each look. Before the first nobody has quoted, so that none is earlier than after it.
    progress
        Told the steps just done.
    start
        The replicate at its start, where it has been drawn already: it is what runs, and is not at its start after.
    """
    start = start or assemble(scenario, replicate)
    found: list[Criticality] = []
    with opened(scenario, replicate, start, Nothing()) as engine:
        for due in sorted({min(max(step, 1), engine.n_steps) for step in steps}):
            run_on(engine, due, progress, lambda: False)
            engine.drain()
            found += _look(engine, scenario)
    return found


def _look(engine: Engine, scenario: Scenario) -> Iterator[Criticality]:
    """Yield the ratio of every perpetual now, once for falls and once for rises."""
    now = Assembled(engine.params, engine.state, engine.endowment)
    moves = failing_moves(now)._asdict()
    for m, name in enumerate(scenario.markets):
        if now.params.markets[m].kind != PERPETUAL:
            continue
        held = holdings(now, m)
        for direction, move in moves.items():
            at_risk = held.usd[move[held.account] <= DISTANCE]  # never, where it is NaN
            depth = book_depth(now, m, DISTANCE, bids=direction == "fall")
            yield Criticality(
                engine.step, engine.step * scenario.dt, name, direction, float(at_risk.sum()), depth,
                structural(at_risk, depth),
            )  # fmt: skip


def book_depth(now: Assembled, m: int, distance: float, *, bids: bool) -> float:
    """Return what rests on one side of a book within a distance of the mark, in USD at the mark."""
    st, n = now.state, int(now.params.run[0].n_ticks)
    market = st.markets[m]
    lots = st.levels.lots[m * n : (m + 1) * n]
    mark = int(market.mark)
    reach = round(mark * distance)
    low, high = (mark - reach, mark) if bids else (mark, mark + reach)
    low, high = (max(int(tick) - int(market.window), 0) for tick in (low, high))
    side = lots[low : high + 1]
    held = int(side[side > 0].sum()) if bids else -int(side[side < 0].sum())
    return held * mark * float(now.params.markets[m].unit) / MONEY


__all__ = ["DISTANCE", "Criticality", "book_depth", "criticality"]
