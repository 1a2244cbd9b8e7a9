"""A small market that runs on the kernels, its logs gathered as its buffers fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cascade.assembly.entities import records
from cascade.compiler.jit import entry
from cascade.core import inbox, start, step
from cascade.core import params as par
from cascade.core import state as cols
from tests.support.build import SMALL, build
from tests.support.world import World

LOGS = ("liquidations", "adl", "trades", "bars", "funds")


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a test wants done: the fields of an INTENT row."""

    position: int
    kind: int
    lots: int = 0
    tick: int = 0
    purpose: int = par.ANY
    offset: float = 0.5
    reduce_only: int = 0
    ref: int = cols.NONE
    generation: int = 0
    life_steps: int = cols.NONE


@entry
def send(st: cols.State, rows: Any, first: int) -> int:
    """Append intents `first`.. to the inbox; return the first one for which it has no room."""
    for k in range(first, len(rows)):
        if not inbox.has_room(st, 1):
            return k
        row = rows[k]
        number = inbox.append(
            st,
            np.int64(row.position),
            row.lots,
            row.tick,
            np.int64(row.kind),
            np.int64(row.purpose),
            row.offset,
            row.reduce_only,
        )
        st.inbox[number].ref = row.ref
        st.inbox[number].generation = row.generation
        st.inbox[number].life_steps = row.life_steps
    return len(rows)


class Resting(NamedTuple):
    """A resting order: whose it is, and its number and generation."""

    position: int
    number: int
    generation: int


class Runner:
    """Drives `step.advance` through every status, growing what must grow and draining what is a log."""

    def __init__(self, world: World, capacity: start.Capacity = SMALL) -> None:
        self.p, self.st, self.endowment = build(world, capacity)
        self.logs: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in LOGS}
        self.script: Callable[[int], list[Intent]] = lambda _step: []

    @property
    def now(self) -> int:
        """Return the present step."""
        return int(self.st.clock[0].step)

    def step(self, intents: list[Intent]) -> None:
        """Run one step in which the given intents are sent."""
        self.script = lambda _step: intents
        self.run(self.now + 1)

    def run(self, until: int) -> None:
        """Run until a step; the script says what is sent at each."""
        while (status := step.advance(self.st, self.p, until)) != step.FINISHED:
            self._handle(status)
        self.drain()

    def drain(self) -> None:
        """Move what the buffers of the logs hold to the logs."""
        for name in LOGS:
            self._drain(name)

    def log(self, name: str) -> cols.Array:
        """Return one log as gathered so far."""
        rows = self.logs[name]
        return np.concatenate(rows) if rows else np.zeros(0, getattr(self.st, name).dtype)

    def resting(self) -> list[Resting]:
        """Return the resting orders, by number."""
        live = np.flatnonzero(self.st.orders["lots"])
        rows = self.st.orders[live][["position", "generation"]].tolist()
        return [Resting(row[0], int(k), row[1]) for row, k in zip(rows, live, strict=True)]

    def _handle(self, status: int) -> None:
        """Do what a status asks for."""
        clock = self.st.clock[0]
        if status == step.AGENTS_DUE:
            self._send(self.script(self.now))
        elif status == step.INBOX_FULL:
            self._grow("inbox", int(clock.need))
        elif status == step.WAITING_FULL:
            self._grow("waiting", int(clock.need))
        elif status == step.ORDERS_FULL:
            self._grow("orders", int(clock.need))
        elif status == step.RESIDUALS_FULL:
            self._grow("residuals", int(clock.need))
        elif status == step.RANKED_FULL:
            self._grow("ranked", int(clock.need))
        else:
            full = {
                step.TRADES_FULL: "trades",
                step.LIQUIDATIONS_FULL: "liquidations",
                step.ADL_FULL: "adl",
                step.BARS_FULL: "bars",
                step.FUNDS_FULL: "funds",
            }[status]
            # rows of liquidations that residuals still point to stay where they are
            held = full == "liquidations" and clock.n_residual > 0
            if not held:
                self._drain(full)
            self._grow(full, int(clock[f"n_{full}"] + clock.need))

    def _drain(self, name: str) -> None:
        """Move the rows of one log out of its buffer."""
        clock = self.st.clock[0]
        n = int(clock[f"n_{name}"])
        if n:
            self.logs[name].append(np.array(getattr(self.st, name)[:n]))
            clock[f"n_{name}"] = 0

    def _grow(self, name: str, length: int) -> None:
        """Lengthen a buffer."""
        before = getattr(self.st, name)
        n = len(before)
        if length <= n:
            return
        after = start.empty(before.dtype, length)
        after[:n] = before
        if name == "orders":
            start.chain_free(after, n, length, int(self.st.clock[0].free_order))
            self.st.clock[0].free_order = n
        self.st = self.st._replace(**{name: after})

    def _send(self, intents: list[Intent]) -> None:
        """Write intents into the inbox, which grows as it must."""
        if not intents:
            return
        rows = records(cols.INTENT, [vars(intent) for intent in intents])
        sent = 0
        while (sent := send(self.st, rows, sent)) < len(rows):
            self._grow("inbox", int(self.st.clock[0].need))
