"""How replicates ended, and what a reader should know of it: in the notes of each, and of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cascade.core import params as k
from cascade.engine import Engine, Outcome, rejections
from cascade.output.run_units import RunUnits

if TYPE_CHECKING:
    import pyarrow as pa


class Unfilled(NamedTuple):
    """A market shock that did not fill wholly."""

    market: int
    step: int
    """Step at which it started."""
    lots: int
    """Lots left at the end, of `of`."""
    of: int


class Ending(NamedTuple):
    """How a replicate ended."""

    outcome: Outcome
    unfinished_waves: int
    """Steps whose last wave left accounts flagged."""
    unfilled: tuple[Unfilled, ...]
    rejections: Mapping[str, int]

    def row(self) -> dict[str, Any]:
        """Return what `runs` says of it, in columns."""
        return {
            "outcome": self.outcome.name.lower(), "outcome_text": self.outcome.value,
            "waiting_steps": self.unfinished_waves, "unfilled_shocks": len(self.unfilled),
        }  # fmt: skip

    def notes(self, units: RunUnits) -> Iterator[str]:
        """Yield what the reader of the replicate should know, as `subject: remark`."""
        for reason, n in self.rejections.items():
            yield f"orders: {n:,} rejected: {reason}"
        if self.unfinished_waves:
            yield f"liquidations: {self.unfinished_waves:,} steps left accounts waiting for the next step"
        if self.outcome is Outcome.WAITING:
            yield "liquidations: accounts were still waiting when the run ended"
        for shock in self.unfilled:
            yield (
                f"market shock at {shock.step * units.dt:g} s in {units.markets[shock.market].name}: "
                f"{shock.lots:,} of {shock.of:,} lots did not fill"
            )


def ending_of(engine: Engine, outcome: Outcome) -> Ending:
    """Return how a market that was run has ended."""
    return Ending(
        outcome, int(engine.state.clock[0].unfinished_waves), tuple(_unfilled(engine)), rejections(engine)
    )


def _unfilled(engine: Engine) -> Iterator[Unfilled]:
    """Yield the market shocks of which lots are left."""
    for shock, work in zip(engine.params.shocks, engine.state.works, strict=False):  # which has a row, anyway
        if shock.kind == k.MARKET_SHOCK:
            wanted = int(shock.amount)  # whole lots: the kernel never sends a part of one
            held = int(engine.state.positions[shock.position].lots)
            by_fills = shock.closes or shock.margined  # what such a position holds may have been liquidated
            left = abs(wanted - (int(work.filled) if by_fills else held - int(shock.initial)))
            left = min(left, abs(held)) if shock.closes else left
            if left:
                yield Unfilled(int(shock.target), int(shock.start), left, abs(wanted))


def outcome_of(runs: pa.Table, n_failed: int) -> dict[str, Any]:
    """Return the outcome of a run for its manifest, from its table `runs` and the replicates that failed."""
    n = len(runs)
    n_waiting = sum(word == Outcome.WAITING.name.lower() for word in runs.column("outcome").to_pylist())
    return {
        "status": "completed" if not n_failed else "partly failed" if n else "failed",
        "text": _text(n, n_waiting, n_failed),
        "notes": list(_notes(runs)),
        "replicates_waiting": n_waiting,
    }


def _text(n: int, n_waiting: int, n_failed: int) -> str:
    """Return the outcome of a run as sentences."""
    if not n_failed and n == 1:
        return (Outcome.WAITING if n_waiting else Outcome.COMPLETED).value
    text = f"{n_failed} of {n + n_failed} replicates failed." if n_failed else Outcome.COMPLETED.value
    if n_waiting:
        text += f" {n_waiting} of {n} replicates ended with accounts still waiting for their liquidation."
    return text


def _notes(runs: pa.Table) -> Iterator[str]:
    """Yield what concerns several replicates, each remark with the number of replicates it holds for."""
    steps = [k for k in runs.column("waiting_steps").to_pylist() if k]
    if steps:
        yield (
            f"Liquidations had to wait for the next step in {_count(len(steps), len(runs))}, "
            f"in at most {max(steps):,} steps of one."
        )
    n_unfilled = sum(k > 0 for k in runs.column("unfilled_shocks").to_pylist())
    if n_unfilled:
        where = _count(n_unfilled, len(runs))
        yield f"A market shock did not fill wholly in {where}: see `notes` of runs.parquet."


def _count(n: int, of: int) -> str:
    return f"{n} of {of} replicates" if of > 1 else "the replicate"
