"""Reading the problem of a calibration: everything that is wrong with it, its events and its scenarios, at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from cascade.analysis.metrics import metrics_of
from cascade.calibration.event_file import VALUE, Event, Observation, load_event, load_observed
from cascade.calibration.figures import MEASURES
from cascade.calibration.priors import Amount, PriorError
from cascade.calibration.problem import Calibration, Day, Parameter
from cascade.calibration.problem_file import MomentAsked, ParameterAsked, ProblemFile
from cascade.calibration.reference_table import Moment
from cascade.errors import Problem, ScenarioError
from cascade.experiment.parameters import kind_at
from cascade.experiment.recorder import units_of
from cascade.scenario.document import top_mapping
from cascade.scenario.draws import SECONDS, numbers_of
from cascade.scenario.files import Allowed, absolute
from cascade.scenario.load import load
from cascade.scenario.messages import problems_of
from cascade.scenario.reading import read_yaml
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Node, Place
from cascade.scenario.words import did_you_mean, listing
from cascade.units import SHARE, Quantity, parse_duration

NO_FIT: Final = "CAS332"

FEWEST_DRAWS: Final = 4
"""Draws for each coefficient of a plane below which nothing is fitted."""

FEWEST_OF_COVERAGE: Final = 3
"""Replicates without which coverage cannot be tried."""

PRICES: Final = ("low_usd", "high_usd")
ERROR, ERROR_OF_PRICE, ERROR_IN_UNITS = 0.1, 0.001, 0.0
"""Errors of observation where none is written: shares of a figure, of a price, and what is not compared as a share."""

Found = TypeVar("Found")


@dataclass
class _Reading:
    """A problem file that is being read, with what is wrong so far."""

    path: Path
    root: Node
    asked: ProblemFile
    allow: Allowed
    problems: list[Problem] = field(default_factory=list)

    def node(self, *steps: str | int) -> Node:
        """Return what is written at a path, or the deepest there is on the way."""
        node = self.root
        for step in steps:
            node = node.child(step) or node
        return node

    def place(self, *steps: str | int) -> Place:
        """Return where the key at the end of a path is written."""
        node = self.node(*steps)
        return node.key_place or node.place

    def refuse(self, steps: Sequence[str | int], message: str, hint: str, *, on_key: bool = False) -> None:
        """Note what is wrong at a path."""
        place = self.place(*steps) if on_key else self.node(*steps).place
        self.problems.append(place.problem(NO_FIT, message, hint, path=".".join(map(str, steps))))


def load_problem(
    path: str | Path, *, simulations: int | None = None, trials: int = 0, allow: Allowed = ()
) -> Calibration:
    """Return the problem of a file, with its events and scenarios.

    Parameters
    ----------
    simulations
        Draws from the priors, in place of the problem's.
    trials
        Fits to truths that are known, which coverage will ask for.

    Raises
    ------
    ScenarioError
        With everything that is wrong with it, and where.
    """
    path = Path(path)
    reading = read_yaml(path, what="problem")
    root = top_mapping(reading, path, "problem")
    try:
        asked = ProblemFile.model_validate(root.plain())
        if simulations is not None:
            asked = ProblemFile.model_validate({**root.plain(), "simulations": simulations})
    except ValidationError as error:
        beside = _of_events(root, absolute(path).parent, allow)
        raise ScenarioError([*reading.problems, *problems_of(error, ProblemFile, root), *beside]) from None
    read = _Reading(absolute(path), root, asked, allow, list(reading.problems))
    pairs = [*_events(read), *_ordinary(read)]
    if not asked.events and not asked.scenarios:
        hint = "add events: [FOLDER], or scenarios: {calm: {scenario: FILE, observed: {...}}}"
        read.refuse((), "nothing was observed: there are no events and no scenarios", hint)
    _refuse_little(read, trials)
    days = tuple(day for day, _ in pairs)
    moments = tuple(_moments(read, pairs))
    parameters = tuple(_parameters(read, days))
    if any(each.severity == "error" for each in read.problems):
        raise ScenarioError(read.problems)
    return Calibration(asked, read.path, path.read_text(encoding="utf-8"), parameters, days, moments)


def _of_events(root: Node, folder: Path, allow: Allowed) -> list[Problem]:
    """Return what is wrong with the events that a problem names, which is not valid itself."""
    found: list[Problem] = []
    named = root.child("events")
    for node in (named.items if named is not None else None) or ():
        if isinstance(node.value, str):
            _event(folder, node.value, allow, found)
    return found


def _refuse_little(read: _Reading, trials: int) -> None:
    """Note what is too little for what is asked."""
    asked, n = read.asked, len(read.asked.parameters)
    least = FEWEST_DRAWS * (1 + n)
    if asked.simulations < least:
        message = f"{asked.simulations} draws are too few for {n} parameters"
        read.refuse(("simulations",), message, f"write {least} or more, here or with --simulations")
    if trials and asked.replicates < FEWEST_OF_COVERAGE:
        message = f"--check-coverage needs {FEWEST_OF_COVERAGE} replicates: one plays the day, and two show the luck"
        read.refuse(("replicates",), message, "write replicates: 4")


# --- days and their figures -------------------------------------------------------------------------

Usual: TypeAlias = tuple[float, float, bool, str]
"""Observed value, its usual error, whether logarithms are compared, and unit."""

Pair: TypeAlias = tuple[Day, dict[str, tuple[Usual, MomentAsked]]]


def _events(read: _Reading) -> Iterator[Pair]:
    """Yield the days of the events, with what was observed of each."""
    for number, folder in enumerate(read.asked.events):
        found = _event(read.path.parent, folder, read.allow, read.problems)
        if found is None:
            continue
        event, observed, scenario = found
        if not observed:
            read.refuse(
                ("events", number), f"nothing of {event.name} was observed", f"write {event.observed.name}"
            )
        usual = {name: _usual_of(event, name, found.value) for name, found in observed.items()}
        yield (
            _day(event.name, scenario, event.scenario, event, tuple(usual), read.asked.seed + number),
            {name: (each, MomentAsked()) for name, each in usual.items()},
        )


def _event(
    folder: Path, name: str, allow: Allowed, problems: list[Problem]
) -> tuple[Event, Mapping[str, Observation], Scenario] | None:
    """Return an event with what was observed and its scenario; None, with all that is wrong noted, where it cannot."""
    event = _trying(partial(load_event, folder / name), problems)
    if event is None:
        return None
    observed = _trying(partial(load_observed, event), problems)
    scenario = _trying(partial(load, event.scenario, allow=_allowed(allow, folder, event.scenario)), problems)
    return None if observed is None or scenario is None else (event, observed, scenario)


def _trying(call: Callable[[], Found], problems: list[Problem]) -> Found | None:
    """Return what a call returns; None, with its problems noted, where it refuses."""
    try:
        return call()
    except ScenarioError as error:
        problems += error.problems
        return None


def _usual_of(event: Event, name: str, value: float) -> Usual:
    """Return how a figure of an event is usually compared."""
    figure = event.asked[name]
    low, high = MEASURES[figure.what].bounds
    is_log = low == 0.0 and high > 1.0 and value > 0.0
    error = ERROR_IN_UNITS if not is_log else ERROR_OF_PRICE if figure.what in PRICES else ERROR
    return value, error, is_log, figure.unit


def _ordinary(read: _Reading) -> Iterator[Pair]:
    """Yield the other days, with what was observed of each."""
    for number, (name, asked) in enumerate(read.asked.scenarios.items()):
        path = read.path.parent / asked.scenario
        scenario = _trying(
            partial(load, path, allow=_allowed(read.allow, read.path.parent, path)), read.problems
        )
        if scenario is None:
            continue
        known = metrics_of(units_of(scenario))
        usual: dict[str, tuple[Usual, MomentAsked]] = {}
        for metric, found in asked.observed.items():
            if metric not in known:
                hint = f"metrics are those of `cascade explain metrics`: {listing(known, 6)}"
                message = f"runs of {name} have no metric {metric}{did_you_mean(metric, known)}"
                read.refuse(("scenarios", name, "observed", metric), message, hint, on_key=True)
                continue
            entry = known[metric].entry
            is_log = found.value > 0.0 and (entry.unit == "USD" or entry.kind == "int64")
            usual[metric] = (found.value, ERROR if is_log else ERROR_IN_UNITS, is_log, entry.unit), found
        seed = read.asked.seed + len(read.asked.events) + number
        yield _day(name, scenario, path, None, tuple(usual), seed), usual


def _allowed(allow: Allowed, folder: Path, path: Path) -> Allowed:
    """Return the folders whose files a scenario may name: that of the problem besides its own."""
    return None if allow is None else (*allow, folder, path.parent)


def _day(
    name: str, scenario: Scenario, path: Path, event: Event | None, figures: tuple[str, ...], seed: int
) -> Day:
    scenario = scenario.replace(parameters=None)  # what is fitted takes the place of what was drawn
    return Day(name, scenario, path, event, figures, seed, frozenset(numbers_of(scenario)))


def _moments(read: _Reading, pairs: Sequence[Pair]) -> Iterator[Moment]:
    """Yield the moments of all days, each as it is asked for."""
    names = [f"{day.name}.{name}" for day, figures in pairs for name in figures]
    for name in read.asked.moments:
        if not any(fnmatchcase(each, name) for each in names):
            message = f"no figure is called {name}{did_you_mean(name, names)}"
            read.refuse(("moments", name), message, f"figures are: {listing(names)}", on_key=True)
    for day, figures in pairs:
        for figure, (usual, own) in figures.items():
            yield from _moment(read, day, figure, usual, own)


def _moment(read: _Reading, day: Day, figure: str, usual: Usual, own: MomentAsked) -> Iterator[Moment]:
    """Yield a figure as a moment, unless it cannot be compared as it is asked for."""
    value, error, is_log, unit = usual
    name = f"{day.name}.{figure}"
    key = _key_of(name, read.asked.moments)
    asked = own if key is None else read.asked.moments[key]
    steps = ("scenarios", day.name, "observed", figure) if key is None else ("moments", key)
    if asked.scale is not None and (asked.scale == "log") != is_log:
        is_log = not is_log
        error = ERROR if is_log else ERROR_IN_UNITS
    if is_log and value <= 0.0:
        read.refuse(steps, f"{value:g} has no logarithm", "write scale: linear")
        return
    if asked.error is not None:
        try:
            error = float((SHARE if is_log else VALUE).parse(asked.error))
        except PydanticCustomError as fault:
            told = fault.context or {}
            read.refuse((*steps, "error"), str(told["message"]), str(told["hint"]))
    yield Moment(name, day.name, value, error, is_log, asked.weight, unit)


def _key_of(name: str, moments: Mapping[str, MomentAsked]) -> str | None:
    """Return what is said of a figure: under its own name, else under the first pattern that it fits."""
    return name if name in moments else next((key for key in moments if fnmatchcase(name, key)), None)


# --- parameters -------------------------------------------------------------------------------------


def _parameters(read: _Reading, days: Sequence[Day]) -> Iterator[Parameter]:
    """Yield the parameters whose paths are there and whose priors can be read."""
    taken: dict[str, str] = {}
    is_complete = len(days) == len(read.asked.events) + len(read.asked.scenarios) > 0
    for name, asked in read.asked.parameters.items():
        steps = ("parameters", name, "paths")
        n_before = len(read.problems)
        for path in asked.paths:
            if path in taken:
                read.refuse(steps, f"{path} is set by {taken[path]} already", "let one parameter set it")
            taken[path] = name
            if is_complete and not any(path in day.numbers for day in days):
                known = sorted({known for day in days for known in day.numbers})
                message = f"no scenario holds a number at {path}{did_you_mean(path, known)}"
                read.refuse(steps, message, "write the path of a number, items of lists by their names")
        if len(read.problems) > n_before:
            continue
        found = _parameter(read, name, asked, days)
        if found is not None:
            yield found


def _parameter(read: _Reading, name: str, asked: ParameterAsked, days: Sequence[Day]) -> Parameter | None:
    kinds = {path: _kind(path, days) for path in asked.paths}
    if None in kinds.values():  # what the parameter is cannot be seen: of its prior nothing can be said
        return None
    known = {path: kind for path, kind in kinds.items() if kind is not None}
    quantity, _ = next(iter(known.values()))
    unit = "" if quantity is None else quantity.unit
    steps = ("parameters", name, "prior")
    n_before = len(read.problems)

    def number(key: str, value: Amount) -> float:
        """Return an amount of the prior in the unit of its paths; one that is wrong is noted, and NaN."""
        if unit == SECONDS:
            seconds = parse_duration(value) if isinstance(value, str) else None
            if seconds is None:
                read.refuse((*steps, key), f"{key}: {value} is not a duration", "write it as 38h or 90s")
            return math.nan if seconds is None else seconds
        try:
            return float((quantity or VALUE).parse(value))
        except PydanticCustomError as error:
            told = error.context or {}
            read.refuse((*steps, key), f"{key}: {told['message']}", str(told["hint"]))
            return math.nan

    try:
        prior = asked.prior.prior(number)
    except PriorError as error:
        read.refuse((*steps, error.key), str(error), error.hint)
        return None
    if len(read.problems) > n_before:
        return None
    wholes = frozenset(path for path, (_, is_whole) in known.items() if is_whole)
    return Parameter(name, asked.paths, prior, unit, wholes, read.place("parameters", name))


def _kind(path: str, days: Sequence[Day]) -> tuple[Quantity | None, bool] | None:
    """Return how a path is written, and whether it takes whole numbers only; None where no day has it."""
    scenario = next((each.scenario for each in days if path in each.numbers), None)
    return None if scenario is None else kind_at(scenario, path)
