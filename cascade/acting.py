"""A market that runs, with whoever acts for its agents in Python; without any, nothing of Mesa is loaded."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cascade.assembly import Assembled
from cascade.engine import Engine, Sink
from cascade.scenario.schema import Scenario


def admit_code(
    scenarios: Sequence[Scenario], source: str | Path | Scenario, overrides: Sequence[str] = (), *, allowed: bool
) -> None:  # fmt: skip
    """Refuse scenarios that name code without leave; without agents in Python, nothing of Mesa is loaded."""
    if any(scenario.python_agents for scenario in scenarios):
        from cascade.admission import admit

        admit(scenarios, source, overrides, allowed=allowed)


def refuse_changed_code(scenario: Scenario, begun_with: Mapping[str, Mapping[str, str]]) -> None:
    """Stop where the code of an agent is not what it was when a run began."""
    if scenario.python_agents:
        from cascade.admission import refuse_changed

        refuse_changed(scenario, begun_with)


@contextmanager
def opened(scenario: Scenario, replicate: int, market: Assembled, sink: Sink) -> Generator[Engine]:
    """Open a market of a scenario whose code has been admitted; its agents in Python are made anew for it."""
    if not scenario.python_agents:
        yield Engine(market, sink)
        return
    from cascade.admission import makers_of
    from cascade.floor import Floor

    floor = Floor(scenario, replicate, market, sink, makers_of(scenario))
    try:
        yield floor.engine
    finally:
        floor.close()
