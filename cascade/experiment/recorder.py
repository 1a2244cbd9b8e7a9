"""What a replicate leaves: its logs as Arrow batches, written as they come and kept for the metrics."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from cascade.analysis.cause import CauseLabeller
from cascade.assembly import MONEY
from cascade.core import params as k
from cascade.core.check import lot_values
from cascade.core.state import Array
from cascade.engine import Engine
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.run_units import MarketUnits, ReportingTag, RunUnits
from cascade.output.schemas import schema
from cascade.output.snapshots import book_rows, fund_rows, positions_batch
from cascade.output.writer import RunWriter
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import LinearPerpetual, SpotMarket

if TYPE_CHECKING:
    import pyarrow as pa

FOR_METRICS = ("bars", "liquidations", "adl", "funds")


def units_of(scenario: Scenario) -> RunUnits:
    """Return the names and units of a scenario's tables."""
    return RunUnits(
        scenario=scenario.name,
        markets=tuple(_market_units(name, market) for name, market in scenario.markets.items()),
        dt=scenario.dt,
        start=scenario.start,
        reporting=tuple(
            ReportingTag(tag.name, tag.feed) for venue in scenario.venues.values() for tag in venue.reporting
        ),
        purposes=k.PURPOSES,
        kinds=k.ACCOUNT_KINDS,
        funds=("USD",),
    )


def _market_units(name: str, market: SpotMarket | LinearPerpetual) -> MarketUnits:
    """Return the units of one market."""
    return MarketUnits(
        name=name,
        asset=market.asset,
        venue=name.partition(":")[0],
        tick_size=market.tick,
        lot_size=market.lot,
        unit=round(market.tick * market.lot * MONEY),
        money_unit=1.0 / MONEY,
        leveraged=market.type != "spot",
    )


def tables_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the tables a scenario asks for, besides runs and failures."""
    asked = scenario.outputs
    wanted = {
        "bars": True, "liquidations": asked.liquidations, "adl": asked.adl, "trades": asked.trades,
        "accounts": asked.accounts, "book": asked.book, "funds": asked.funds,
    }  # fmt: skip
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


class Recorder:
    """The sink of one replicate.

    Parameters
    ----------
    writer
        Where rows are written; None for a counterfactual, which is only kept.
    cause
        Labels liquidations by the counterfactual.
    """

    def __init__(
        self, units: RunUnits, replicate: int, tables: tuple[str, ...], writer: RunWriter | None = None,
        cause: CauseLabeller | None = None,
    ) -> None:  # fmt: skip
        self.units, self.replicate, self.tables = units, replicate, tables
        self.writer, self.cause = writer, cause
        self.logs: list[Array] = []  # liquidations as the kernels wrote them
        self._batches: dict[str, list[pa.RecordBatch]] = defaultdict(list)

    def take(self, table: str, records: Array) -> None:
        """Convert, write and keep records."""
        extra = None
        if table == "liquidations":
            self.logs.append(records)
            if self.cause is not None:
                extra = {"cause": self.cause.label(records)}
        self._add(table, to_batch(table, records, self.units, self.replicate, extra=extra))

    def chunk(self, engine: Engine) -> None:
        """Take the snapshots that are due between two chunks."""
        st = engine.state
        equity = fund_equity(engine)
        uncovered = np.maximum(-equity, 0).sum(axis=0)
        self.take("funds", fund_rows(engine.step, equity.sum(axis=0), uncovered, st.ledger))
        if self.writer is None:
            return
        if "book" in self.tables:
            self._take_books(engine)
        if "accounts" in self.tables and engine.step in (0, engine.n_steps):
            rows = positions_batch(
                st.positions, st.accounts, st.balances, st.markets.mark, self.units,
                step=engine.step, replicate=self.replicate,
            )  # fmt: skip
            self._add("accounts", rows)

    def table(self, name: str) -> pa.Table:
        """Return a table that the metrics need, whole."""
        return concatenate(self._batches[name], schema(name, dated=self.units.dated))

    def liquidations(self) -> Array:
        """Return the log of liquidations as the kernels wrote it."""
        from cascade.core.state import LIQUIDATION

        return np.concatenate(self.logs) if self.logs else np.zeros(0, LIQUIDATION)

    def _add(self, table: str, batch: pa.RecordBatch) -> None:
        if table in FOR_METRICS:
            self._batches[table].append(batch)
        if self.writer is not None and table in self.tables:
            self.writer.write(table, batch)

    def _take_books(self, engine: Engine) -> None:
        st, n = engine.state, int(engine.params.run[0].n_ticks)
        for m in range(len(st.markets)):
            lots = st.levels.lots[m * n : (m + 1) * n]
            slots = np.flatnonzero(lots)
            ticks = slots + int(st.markets[m].window)
            self.take("book", book_rows(m, engine.step, ticks, lots[slots], int(st.markets[m].mid2)))


def fund_equity(engine: Engine) -> Array:
    """Return the equity of each venue's fund at mark, in money units, shape (n_venues, n_settlements)."""
    st, p = engine.state, engine.params
    values = lot_values(p, st.markets.mark.astype(np.int64))
    equity = st.balances[p.venues.fund].copy()
    for v, fund in enumerate(p.venues.fund):
        first = int(st.accounts[fund].first_position)
        for m in range(len(p.markets)):
            equity[v, p.markets[m].settlement] += int(st.positions[first + m].lots) * int(values[m])
    return equity
