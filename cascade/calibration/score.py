"""`score`: events are foretold, registered, opened and scored, in this order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cascade.calibration.event_file import Event, load_event
from cascade.calibration.history import History, read_history
from cascade.calibration.predictions import foretell
from cascade.calibration.registration import (
    Registration,
    Request,
    open_observed,
    place_of,
    register,
    registered,
)
from cascade.calibration.scorecard import Scorecard, card_of
from cascade.errors import ScenarioError, UsageError
from cascade.experiment.replicate import Progress
from cascade.experiment.run import Say, run, unsaid
from cascade.scenario.files import Allowed
from cascade.scenario.load import digest, load
from cascade.scenario.schema import Scenario

REPLICATES = 20
"""Replicates of an event at least, unless asked for: 19 reach out to 5 % either way."""


@dataclass(frozen=True)
class Prepared:
    """An event that is read, its observed values excepted."""

    event: Event
    scenario: Scenario
    history: History | None
    request: Request

    @property
    def n_steps(self) -> int:
        """Return the steps that its simulation takes."""
        return self.scenario.n_steps * self.request.replicates


def score(
    events: str | Path | Iterable[str | Path], *, replicates: int | None = None, seed: int | None = None,
    allow: Allowed = (), allow_code: bool = False, out: str | Path = "results", jobs: int | None = None,
    progress: Progress | None = None, say: Say | None = None,
) -> Scorecard:  # fmt: skip
    """Return the scorecard of events: what was foretold of each, against what was observed.

    The scenario of each is simulated (a run of the same request in `out` is taken as it is), predictions are
    written to `out` with their checksum and the time, and only then are the observed values opened.

    Parameters
    ----------
    events
        Event folders, or event files.
    replicates
        Of each event; by default those of its scenario, but at least 20.
    allow, allow_code, out, jobs, progress, say
        As of `run`.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the events, their scenarios, histories and observed values.
    ResultsError
        A registration that was altered.
    ReplicatesError, InterruptedRunError
        As of `run`; what finished is kept.
    """
    prepared = prepare(events, replicates=replicates, seed=seed, allow=allow)

    def foretold(each: Prepared) -> Registration:
        return _foretold(each, Path(out), allow, jobs, progress, say or unsaid, allow_code=allow_code)

    # all are foretold before any is opened
    registrations = [foretold(each) for each in prepared]
    cards = [
        card_of(each.event, registration, open_observed(each.event, registration))
        for each, registration in zip(prepared, registrations, strict=True)
    ]
    return Scorecard(tuple(cards))


def prepare(
    events: str | Path | Iterable[str | Path], *, replicates: int | None = None, seed: int | None = None,
    allow: Allowed = (),
) -> list[Prepared]:  # fmt: skip
    """Return events as they are read, with everything that is wrong with any of them told at once."""
    paths = [events] if isinstance(events, str | Path) else list(events)
    if not paths:
        raise UsageError("there is no event to score", where="EVENTS", remedy="give the folders of events")
    found: list[Prepared] = []
    problems: list[ScenarioError] = []
    for path in paths:
        try:
            found.append(_prepared(load_event(path), replicates, seed, allow))
        except ScenarioError as error:
            problems.append(error)
    if problems:
        raise ScenarioError([problem for error in problems for problem in error.problems])
    _refuse_twins(found)
    return found


def _refuse_twins(found: Sequence[Prepared]) -> None:
    names = [each.event.name for each in found]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            where = ", ".join(str(each.event.path) for each in found if each.event.name == name)
            raise UsageError(
                f"two events are called {name}", where=where, remedy="rename one, or leave it out"
            )


def _prepared(event: Event, replicates: int | None, seed: int | None, allow: Allowed) -> Prepared:
    scenario = load(event.scenario, allow=allow)
    scenario = scenario if seed is None else scenario.replace(seed=seed)
    history = None if event.history is None else read_history(event.history, event.asked.values())
    request = Request(
        _sha256(event.path), digest(scenario), "" if event.history is None else _sha256(event.history),
        scenario.seed, replicates or max(scenario.replicates, REPLICATES),
    )  # fmt: skip
    return Prepared(event, scenario, history, request)


def _foretold(
    prepared: Prepared, out: Path, allow: Allowed, jobs: int | None, progress: Progress | None,
    say: Callable[[str], None], *, allow_code: bool,
) -> Registration:  # fmt: skip
    """Return the registration of an event: the one that there is, or a new one."""
    event, request = prepared.event, prepared.request
    known = registered(out, event, request)
    if known is not None:
        say(f"{event.name}: registered already, {known.registered:%Y-%m-%d %H:%M} UTC: {known.path}")
        return known
    result = run(
        prepared.scenario, replicates=request.replicates, allow=allow, allow_code=allow_code, out=out, jobs=jobs,
        progress=progress,
    )  # fmt: skip
    found = register(out, event, request, foretell(event, result, prepared.history))
    say(f"{event.name}: registered {place_of(out, event, request)}, sha256 {found.sha256[:16]}")
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
