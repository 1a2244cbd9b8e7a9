"""One replicate run in memory for what facts are measured on: no folder, and nothing that is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade.acting import opened
from cascade.analysis.facts.tables import fall_bps
from cascade.assembly import Assembled, assemble
from cascade.core.state import Array
from cascade.engine import Engine, Outcome, counterfactual, simulate
from cascade.experiment.recorder import units_of
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.run_units import RunUnits
from cascade.scenario.schema import Scenario

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[int], None]
Stopped = Callable[[], bool]

ROWS: Final = 65_536
"""Records that wait before they are converted."""

Columns = Mapping[str, Sequence[str]]
"""Columns to keep, by table."""


@dataclass
class Observer:
    """A sink that keeps some columns of some markets in memory.

    Attributes
    ----------
    markets
        Markets whose bars and trades are kept.
    window
        First and last step whose trades are kept.
    taker
        Account of whose trades alone are kept.
    """

    units: RunUnits
    columns: Columns
    markets: Sequence[str]
    window: tuple[int, int] | None = None
    taker: int | None = None
    _waiting: dict[str, list[Array]] = field(default_factory=dict[str, "list[Array]"])
    _batches: dict[str, list[pa.RecordBatch]] = field(default_factory=dict[str, "list[pa.RecordBatch]"])

    def take(self, table: str, records: Array) -> None:
        """Take copies of records, and drop at once what is not kept."""
        if table not in self.columns:
            return
        if table in {"bars", "trades"}:
            names = [market.name for market in self.units.markets]
            records = records[np.isin(records["market"], [names.index(each) for each in self.markets])]
        if table == "trades" and self.window is not None:
            first, last = self.window
            records = records[(records["step"] >= first) & (records["step"] <= last)]
        if table == "trades" and self.taker is not None:
            records = records[records["taker"] == self.taker]
        waiting = self._waiting.setdefault(table, [])
        waiting.append(records)
        if sum(map(len, waiting)) >= ROWS:
            self._convert(table)

    def chunk(self, engine: Engine) -> None:
        """Look at nothing between two chunks."""

    def __contains__(self, name: object) -> bool:
        """Tell whether a table is kept."""
        return name in self.columns

    def replicate(self, name: str, number: int) -> pa.Table:
        """Return what was kept of a table."""
        self._convert(name)
        return concatenate(self._batches[name])

    def _convert(self, table: str) -> None:
        waiting = self._waiting.pop(table, [])
        if not waiting and table in self._batches:
            return
        from cascade.engine import LOGS

        log = np.concatenate([np.zeros(0, LOGS[table]), *waiting])
        extra = {"cause": [None] * len(log)} if table == "liquidations" else None
        batch = to_batch(table, log, self.units, 0, extra=extra)
        self._batches.setdefault(table, []).append(batch.select(list(self.columns[table])))


def recorded(scenario: Scenario, bars_s: float = 1.0, **changes: Any) -> Scenario:
    """Return a scenario that records bars as long as given, or as a step where that is longer, and every trade."""
    length = max(bars_s, scenario.dt)
    return scenario.replace(
        **{"outputs.bars": f"{length:g}s", "outputs.trades": True, "outputs.window": None, **changes}
    )


def observe(
    scenario: Scenario, replicate: int, columns: Columns, markets: Sequence[str], window: tuple[int, int] | None,
    progress: Progress | None, stopped: Stopped,
) -> Observer:  # fmt: skip
    """Run a replicate and return what was kept of it."""
    observer = Observer(units_of(scenario), columns, markets, window)
    _run(scenario, replicate, assemble(scenario, replicate), observer, progress, stopped)
    return observer


def fall_without_forced_orders(
    scenario: Scenario, replicate: int, market: str, progress: Progress | None, stopped: Stopped
) -> float:
    """Return the fall of a mark below the first trade in bps, forced orders kept out of the book."""
    observer = Observer(units_of(scenario), {"bars": ("market", "open_price", "mark_low_price")}, (market,))
    _run(scenario, replicate, counterfactual(assemble(scenario, replicate)), observer, progress, stopped)
    return fall_bps(observer.replicate("bars", replicate), market)


def _run(
    scenario: Scenario, replicate: int, assembled: Assembled, observer: Observer, progress: Progress | None,
    stopped: Stopped,
) -> None:  # fmt: skip
    """Run a market to its end; end as if the user had interrupted where it is stopped."""
    with opened(scenario, replicate, assembled, observer) as engine:
        if simulate(engine, scenario.n_steps, progress, stopped) is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
