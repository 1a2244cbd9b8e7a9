"""`score`: events are foretold, registered, opened and scored, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from cascade.calibration.event_file import Event, check_observed, load_event
from cascade.calibration.history import History, read_history
from cascade.calibration.map_registration import MapRegistration, MapRequest, open_realised, register_map
from cascade.calibration.map_score import MapForecast, check_realised, map_of, score_map
from cascade.calibration.predictions import foretell, window_of
from cascade.calibration.registration import (
    Registration,
    Request,
    open_observed,
    place_of,
    register,
    registered,
)
from cascade.calibration.scorecard import Card, MapCard, Scorecard, card_of
from cascade.calibration.sealed import Sealed
from cascade.data.opening import sha256_of
from cascade.errors import Problem, ScenarioError, UsageError
from cascade.experiment.replicate import Progress
from cascade.experiment.run import Say, run, unsaid
from cascade.scenario.files import Allowed
from cascade.scenario.load import digest, load
from cascade.scenario.schema import Scenario
from cascade.scenario.source import shown_name

SHORT: Final = "CAS322"

REPLICATES: Final = 20
"""Replicates of an event at least, unless asked for: 19 reach out to 5 % either way."""


@dataclass(frozen=True)
class Asked:
    """An event that is read, its observed values excepted, and what is asked of it."""

    event: Event
    scenario: Scenario
    history: History | None
    request: Request


@dataclass(frozen=True)
class AskedMap:
    """The map of an event, and the table that it is scored against, of which nothing is read."""

    expected: MapForecast
    request: MapRequest
    asset: str
    realised: Path


@dataclass(frozen=True)
class Foretold:
    """What is registered: predictions of each event, and of the one event its map."""

    registrations: tuple[Registration, ...]
    map: MapRegistration | None = None

    @property
    def all(self) -> tuple[Sealed[Any, Any], ...]:
        """Return every registration."""
        return self.registrations if self.map is None else (*self.registrations, self.map)


@dataclass(frozen=True)
class Prepared:
    """Events, and the map of one of them, checked before anything runs.

    Attributes
    ----------
    repeated
        Events that were given more than once, and are counted once.
    """

    events: tuple[Asked, ...]
    allow: Allowed = ()
    map: AskedMap | None = None
    repeated: tuple[str, ...] = ()

    def steps(self, out: Path) -> int:
        """Return the steps that will be simulated: of events that are registered none."""
        new = [each for each in self.events if not place_of(out, each.event, each.request).exists()]
        return sum(each.scenario.n_steps * each.request.replicates for each in new)

    def run(
        self, *, out: str | Path = "results", jobs: int | None = None, progress: Progress | None = None,
        allow_code: bool = False, say: Say | None = None,
    ) -> Scorecard:  # fmt: skip
        """Foretell, register, open and score; everything is registered before anything is opened."""
        return self.open(self.foretell(out=out, jobs=jobs, progress=progress, allow_code=allow_code, say=say))

    def open(self, foretold: Foretold) -> Scorecard:
        """Open what was observed of everything that is registered, and score it."""
        cards = [
            card_of(each.event, registration, open_observed(each.event, registration))
            for each, registration in zip(self.events, foretold.registrations, strict=True)
        ]
        return Scorecard(tuple(cards), self._maps(cards[0], foretold.map))

    def foretell(
        self, *, out: str | Path = "results", jobs: int | None = None, progress: Progress | None = None,
        allow_code: bool = False, say: Say | None = None,
    ) -> Foretold:  # fmt: skip
        """Simulate the events and write down what is foretold of them; no observed value is opened."""
        tell, folder = say or unsaid, Path(out)
        for name in self.repeated:
            tell(f"{name}: given more than once, and counted once")

        def registered_of(each: Asked) -> Registration:
            """Return the registration of an event: that which is there, or one of what it is now foretold."""
            known = registered(folder, each.event, each.request)
            if known is not None:
                tell(f"{each.event.name}: registered at {known.registered:%Y-%m-%d %H:%M} UTC already")
                return known
            result = run(
                each.scenario, replicates=each.request.replicates, allow=self.allow, allow_code=allow_code, out=out,
                jobs=jobs, progress=progress,
            )  # fmt: skip
            found = register(folder, each.event, each.request, foretell(each.event, result, each.history))
            tell(f"{each.event.name}: registered in {found.path}, sha256 {found.sha256}")
            return found

        registrations = tuple(registered_of(each) for each in self.events)
        if self.map is None:
            return Foretold(registrations)
        made = register_map(
            folder, self.events[0].event, self.map.request, self.map.expected, self.map.realised
        )
        tell(f"{made.event}: its map is registered in {made.path}, sha256 {made.sha256}")
        return Foretold(registrations, made)

    def _maps(self, card: Card, made: MapRegistration | None) -> tuple[MapCard, ...]:
        """Return how the map of the event did; the path is that of its observed prices, where it has them."""
        if self.map is None or made is None:
            return ()
        prices = {
            prediction.figure.what: card.opened.values[name]
            for name, prediction in card.registration.predictions.items()
            if name in card.opened.values and prediction.figure.asset == self.map.asset
        }
        path = (prices["low_usd"], prices["high_usd"]) if {"low_usd", "high_usd"} <= set(prices) else None
        opened = open_realised(self.map.realised, made)
        return (MapCard(made, opened, score_map(made.predictions, opened.values, path)),)


def score(
    events: str | Path | Iterable[str | Path], *, replicates: int | None = None, seed: int | None = None,
    realised: str | Path | None = None, positions: str | Path | None = None, market: str | None = None,
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
    realised, positions, market
        A table of liquidations, against which the map of the one event is scored; a table of positions that the map
        is made of, in place of the scenario's population; the market, where there are several.
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
    prepared = prepare_score(
        events,
        replicates=replicates,
        seed=seed,
        realised=realised,
        positions=positions,
        market=market,
        allow=allow,
    )
    return prepared.run(out=out, jobs=jobs, progress=progress, allow_code=allow_code, say=say)


def prepare_score(
    events: str | Path | Iterable[str | Path], *, replicates: int | None = None, seed: int | None = None,
    realised: str | Path | None = None, positions: str | Path | None = None, market: str | None = None,
    allow: Allowed = (), is_blind: bool = False,
) -> Prepared:  # fmt: skip
    """Return events as they are read, all that is wrong with them told before anything runs.

    Parameters
    ----------
    replicates, seed, realised, positions, market, allow
        As of `score`.
    is_blind
        Whether observed files need not be there: predictions will be registered, and nothing opened.
    """
    paths = [events] if isinstance(events, str | Path) else list(events)
    asked: dict[Path, Asked] = {}
    repeated: list[str] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            event = load_event(path)
            if event.path.resolve() in asked:
                repeated.append(event.name)
                continue
            asked[event.path.resolve()] = _asked(event, replicates, seed, allow)
            if not is_blind:
                check_observed(event)
        except ScenarioError as error:
            problems += error.problems
    if realised is not None and not is_blind:
        try:
            check_realised(Path(realised))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    found = tuple(asked.values())
    _refuse_twins([each.event for each in found])
    if realised is None:
        _refuse_idle(positions, market)
        return Prepared(found, allow, repeated=tuple(dict.fromkeys(repeated)))
    if len(found) != 1:
        remedy = "give the event whose liquidations these are"
        raise UsageError(
            f"a map is scored for one event, and these are {len(found)}", where="--map", remedy=remedy
        )
    of_it = _asked_map(found[0], Path(realised), positions, market)
    return Prepared(found, allow, of_it, tuple(dict.fromkeys(repeated)))


def _asked_map(asked: Asked, realised: Path, positions: str | Path | None, market: str | None) -> AskedMap:
    scenario = asked.scenario
    if positions is not None:
        table = {"type": "table", "name": "positions", "file": str(Path(positions).resolve())}
        scenario = scenario.replace(population=[table])
    expected = map_of(scenario, market)
    request = MapRequest(asked.request.event_sha256, digest(scenario), expected.market)
    return AskedMap(expected, request, scenario.markets[expected.market].asset, realised)


def _refuse_idle(positions: str | Path | None, market: str | None) -> None:
    """Refuse what is said of a map where none is scored."""
    if positions is not None or market is not None:
        option = "--positions" if positions is not None else "--market"
        raise UsageError(
            "it is of a map, and no map is scored", where=option, remedy="add --map LIQUIDATIONS"
        )


def _refuse_twins(events: Sequence[Event]) -> None:
    """Refuse no event, and two of one name: their registrations would be taken for each other's."""
    if not events:
        raise UsageError("there is no event to score", where="EVENT", remedy="give the folders of events")
    names = Counter(each.name for each in events)
    for name in (name for name, n in names.items() if n > 1):
        where = ", ".join(str(each.path) for each in events if each.name == name)
        raise UsageError(f"two events are called {name}", where=where, remedy="rename one, or leave it out")


def _asked(event: Event, replicates: int | None, seed: int | None, allow: Allowed) -> Asked:
    scenario = load(event.scenario, allow=allow)
    scenario = scenario if seed is None else scenario.replace(seed=seed)
    _refuse_short(event, scenario)
    history = None if event.history is None else read_history(event.history, event.asked.values())
    request = Request(
        sha256_of(event.path), digest(scenario), "" if event.history is None else sha256_of(event.history),
        scenario.seed, replicates or max(scenario.replicates, REPLICATES),
    )  # fmt: skip
    return Asked(event, scenario, history, request)


def _refuse_short(event: Event, scenario: Scenario) -> None:
    """Refuse a scenario that does not run through the windows of the figures."""
    name, hint = shown_name(event.scenario), f"write start: {event.start:%Y-%m-%dT%H:%M:%SZ}"
    if scenario.start is None:
        raise ScenarioError(
            [Problem(SHORT, "the scenario of an event needs a date", hint, name, path="start")]
        )
    end = scenario.start + timedelta(seconds=scenario.n_steps * scenario.dt)
    windows = [window_of(figure) for figure in event.asked.values()]
    first, last = min(each[0] for each in windows), max(each[1] for each in windows)
    if scenario.start > first or end < last:
        message = (
            f"the scenario runs from {scenario.start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}, and figures are asked "
            f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        )
        hint = f"{hint} and the duration, or give figures a from: and to: within it"
        raise ScenarioError([Problem(SHORT, message, hint, name, path="duration")])
