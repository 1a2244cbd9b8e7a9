"""What a replicate leaves: its logs as Arrow batches, written as they come and kept for the metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cascade.analysis.cause import CauseLabeller
from cascade.assembly import Owners, lot_unit, money_units
from cascade.core import params as k
from cascade.core.state import Array
from cascade.engine import Engine
from cascade.output.columns import owned
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.piece import Piece
from cascade.output.run_units import MarketUnits, OrderUnits, ReportingTag, RunUnits
from cascade.output.schemas import schema
from cascade.output.snapshots import book_rows, positions_batch
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import Hunter
from cascade.scenario.schema_shocks import MarketOrderShock
from cascade.venues.load import rulebook_of

if TYPE_CHECKING:
    import pyarrow as pa

FOR_METRICS = ("bars", "liquidations", "adl", "funds")

ROWS = 65_536
"""Records of a table that wait before they are converted."""


def units_of(scenario: Scenario) -> RunUnits:
    """Return the names and units of a scenario's tables."""
    return RunUnits(
        scenario=scenario.name,
        markets=tuple(_market_units(scenario, name) for name in scenario.markets),
        dt=scenario.dt,
        start=scenario.start,
        reporting=tuple(
            ReportingTag(tag.name, tag.feed) for venue in scenario.venues.values() for tag in venue.reporting
        ),
        purposes=k.PURPOSES,
        kinds=k.ACCOUNT_KINDS,
        funds=scenario.settlements,
        orders=tuple(
            OrderUnits(shock.name, shock.market)
            for shock in scenario.shocks
            if isinstance(shock, MarketOrderShock) and shock.name is not None
        ),
        capped=tuple(
            layer.name for layer in scenario.population if getattr(layer, "leverage_cap", None) is not None
        ),
        traders=tuple(dict.fromkeys(_traders(scenario))),
    )


def _traders(scenario: Scenario) -> Iterator[str]:
    """Yield who trades on finite capital that is counted: pairs with wallets, desks that hedge, hunters."""
    for pair in scenario.arbitrage:
        if pair.wallets is not None:
            yield pair.wallets.treasury or pair.name
    yield from filter(None, (group.desk for group in scenario.makers))
    for agent in scenario.agents:
        if isinstance(agent, Hunter):
            yield agent.name


def _market_units(scenario: Scenario, name: str) -> MarketUnits:
    """Return the units of one market."""
    market, place = scenario.markets[name], name.partition(":")[0]
    venue = scenario.venues[place]
    rulebook = rulebook_of(venue.rulebook, venue.rules)
    return MarketUnits(
        name=name,
        asset=market.asset,
        venue=place,
        tick_size=market.tick,
        lot_size=market.lot,
        unit=lot_unit(market),
        money_unit=1.0 / money_units(market.settles),
        leveraged=market.type != "spot",
        lending=market.type == "lending_pool",
        inverse=market.type == "inverse_perpetual",
        clock_s=rulebook.liquidation.clock_s,
        feed=rulebook.feed or "complete" if venue.feed == "rulebook" else venue.feed,
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
    piece
        Where rows are written; None for a counterfactual, which is only kept.
    cause
        Labels liquidations by the counterfactual.
    window
        First and last step of which trades, the book and accounts are recorded; None for all.
    owners
        Say which layer and label accounts have.
    """

    def __init__(
        self, units: RunUnits, replicate: int, tables: tuple[str, ...], piece: Piece | None = None,
        cause: CauseLabeller | None = None, window: tuple[int, int] | None = None, owners: Owners | None = None,
    ) -> None:  # fmt: skip
        self.units, self.replicate, self.tables = units, replicate, tables
        self.piece, self.cause, self.window, self.owners = piece, cause, window, owners
        self.logs: list[Array] = []  # liquidations as the kernels wrote them
        self._waiting: dict[str, list[Array]] = defaultdict(list)  # records not yet converted
        self._n_waiting: dict[str, int] = defaultdict(int)
        self._batches: dict[str, list[pa.RecordBatch]] = defaultdict(list)

    def take(self, table: str, records: Array) -> None:
        """Take records; they are converted many at a time, which costs a fraction of few at a time."""
        if table == "liquidations":
            self.logs.append(records)
        if table == "trades" and self.window is not None:
            first, last = self.window
            records = records[(records["step"] >= first) & (records["step"] <= last)]
        self._waiting[table].append(records)
        self._n_waiting[table] += len(records)
        if self._n_waiting[table] >= ROWS:
            self._convert(table)

    def finish(self) -> None:
        """Convert and write what is left."""
        for table in list(self._waiting):
            self._convert(table)

    def chunk(self, engine: Engine) -> None:
        """Take the snapshots that are due between two chunks."""
        if self.piece is None:
            return
        if "book" in self.tables and self._is_within(engine.step):
            self._take_books(engine)
        if "accounts" in self.tables and self._is_accounts_step(engine):
            st = engine.state
            rows = positions_batch(
                st.positions, st.accounts, st.balances, st.markets.mark, self.units,
                step=engine.step, replicate=self.replicate, owners=self.owners,
            )  # fmt: skip
            self._add("accounts", rows)

    def table(self, name: str) -> pa.Table:
        """Return a table that the metrics need, whole, after `finish`."""
        return concatenate(self._batches[name], schema(name, dated=self.units.dated))

    def liquidations(self) -> Array:
        """Return the log of liquidations as the kernels wrote it."""
        from cascade.core.state import LIQUIDATION

        return _joined(self.logs) if self.logs else np.zeros(0, LIQUIDATION)

    def _is_within(self, step: int) -> bool:
        return self.window is None or self.window[0] <= step <= self.window[1]

    def _is_accounts_step(self, engine: Engine) -> bool:
        """Tell whether accounts are recorded now: at both ends, or at every snapshot of a window."""
        return engine.step in (0, engine.n_steps) if self.window is None else self._is_within(engine.step)

    def _convert(self, table: str) -> None:
        """Convert the records that wait into a batch, write it, and keep it for the metrics."""
        records = self._waiting.pop(table)
        if not self._n_waiting.pop(table):
            return
        whole = _joined(records)
        extra: dict[str, Any] = {}
        if table == "liquidations" and self.cause is not None:
            extra["cause"] = self.cause.label(whole)
        if table in ("liquidations", "adl") and self.owners is not None:
            extra |= owned(self.owners, whole["account"])
        if table == "adl" and self.owners is not None:
            extra |= owned(self.owners, whole["counterparty"], "counterparty_")
        self._add(table, to_batch(table, whole, self.units, self.replicate, extra=extra))

    def _add(self, table: str, batch: pa.RecordBatch) -> None:
        if table in FOR_METRICS:
            self._batches[table].append(batch)
        if self.piece is not None and table in self.tables:
            self.piece.write(table, batch)

    def _take_books(self, engine: Engine) -> None:
        st, n = engine.state, int(engine.params.run[0].n_ticks)
        for m in range(len(st.markets)):
            lots = st.levels.lots[m * n : (m + 1) * n]
            slots = np.flatnonzero(lots)
            ticks = slots + int(st.markets[m].window)
            self.take("book", book_rows(m, engine.step, ticks, lots[slots], int(st.markets[m].mid2)))


def _joined(records: list[Array]) -> Array:
    """Return records in one array; they are joined as bytes, since numpy compares types field by field."""
    dtype = records[0].dtype
    return np.concatenate([part.view(f"V{dtype.itemsize}") for part in records]).view(dtype)
