"""The registry of named checks, and how they run.

A check tests what no single value can tell: that names refer to something, that figures fit together,
that the book can hold the open interest. Each has a code, a title and a function that yields findings;
a finding names the path of the culprit, so that it is located like any other problem. Checks also run
on the sound parts of a scenario whose schema is broken elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from cascade.errors import Problem, ScenarioError, Severity
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_prices import AnchorsNews, BarsNews
from cascade.scenario.source import Node, Steps, dotted, follow

if TYPE_CHECKING:
    from cascade.scenario.tables import Bars
    from cascade.venues.rulebook import Rulebook

LISTS = ("makers", "news_takers", "flow", "arbitrage", "population", "shocks")
"""Sections whose items can be checked one by one, whatever is wrong with the others."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found at a path."""

    steps: Steps
    message: str
    hint: str = ""
    severity: Severity = "error"
    on_key: bool = False


Found: TypeAlias = Iterator[Finding | Problem]


@dataclass(frozen=True, slots=True)
class Check:
    """A named check.

    Attributes
    ----------
    reads : frozenset[str]
        Sections it looks at; it is left out when one of them is broken.
    whole : frozenset[str]
        Lists it needs with all their items.
    """

    code: str
    title: str
    reads: frozenset[str]
    whole: frozenset[str]
    run: Callable[[Context], Found]

    def can_run(self, broken: Iterable[str]) -> bool:
        """Tell whether the check makes sense while these sections are broken."""
        return not any(section in self.whole or section in self.reads - set(LISTS) for section in broken)


_REGISTRY: dict[str, Check] = {}


def register(
    code: str, title: str, reads: str, whole: str = ""
) -> Callable[[Callable[[Context], Found]], Callable[[Context], Found]]:
    """Register a check under its code; `reads` and `whole` name sections, separated by blanks."""

    def add(run: Callable[[Context], Found]) -> Callable[[Context], Found]:
        assert code not in _REGISTRY, code
        _REGISTRY[code] = Check(code, title, frozenset(reads.split()), frozenset(whole.split()), run)
        return run

    return add


@cache
def all_checks() -> tuple[Check, ...]:
    """Return every check, in the order of their codes."""
    for topic in ("agents", "amounts", "collateral", "files", "markets", "population", "times"):
        import_module(f"cascade.scenario.checks_{topic}")
    return tuple(_REGISTRY[code] for code in sorted(_REGISTRY))


@dataclass
class Context:
    """A scenario and what checks need to know about it, computed once."""

    scenario: Scenario
    root: Node
    rulebooks: dict[str, Rulebook] = field(default_factory=dict)
    _bars: dict[tuple[str, str], Bars | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Load the rulebooks that load; the others are the business of their own check."""
        from cascade.venues.load import rulebook_of

        for name, venue in self.scenario.venues.items():
            try:
                self.rulebooks[name] = rulebook_of(venue)
            except ScenarioError:
                continue

    def rulebook_of(self, market: str) -> Rulebook | None:
        """Return the rulebook of a market's venue, if there is a valid one."""
        return self.rulebooks.get(market.partition(":")[0])

    def seconds(self, moment: Any) -> float | None:
        """Return seconds from the start, or None where a date meets a scenario without start."""
        try:
            return self.scenario.seconds(moment)
        except ValueError:
            return None

    def bars(self, news: BarsNews) -> Bars | None:
        """Return the bars of a file that is sound."""
        from cascade.scenario.tables import read_bars

        key = (news.file, news.time_column)
        if key not in self._bars:
            try:
                self._bars[key] = read_bars(*key)
            except ScenarioError:
                self._bars[key] = None
        return self._bars[key]

    def start_price(self, asset: str) -> float | None:
        """Return the news value at the start."""
        if asset not in self.scenario.assets:
            return None
        news = self.scenario.assets[asset].news
        if isinstance(news, AnchorsNews):
            return news.points[0][1]
        if not isinstance(news, BarsNews):
            return news.price
        bars = self.bars(news)
        if bars is None or self.scenario.start is None:
            return None
        place = int(bars.time_s.searchsorted(self.scenario.start.timestamp(), side="right")) - 1
        return float(bars.open[max(place, 0)])


def check(scenario: Scenario, root: Node) -> list[Problem]:
    """Return what all checks find in a scenario, located in the tree it came from."""
    return _run(Context(scenario, root), all_checks(), {})


def check_intact(data: Mapping[str, Any], broken: Mapping[str, set[int] | None], root: Node) -> list[Problem]:
    """Return what the checks find in the sound parts of data that do not meet the schema.

    Parameters
    ----------
    broken
        Sections that are broken: None as a whole, or the numbers of their bad items.
    """
    partial, numbers = _sound_parts(data, broken)
    try:
        scenario = Scenario.model_validate(partial)
    except ValidationError:
        return []
    checks = [c for c in all_checks() if c.can_run(broken)]
    whole_lists = {name for name in broken if name not in numbers}
    checks = [c for c in checks if not (c.reads & whole_lists)]
    return _run(Context(scenario, root), checks, numbers)


_PLACEHOLDERS: dict[str, Any] = {
    "cascade": 1,
    "name": "broken",
    "duration": "1h",
    "assets": {"X": {"news": {"type": "constant", "price": 1}}},
    "venues": {"x": {"rulebook": "spot"}},
    "markets": {"x:X": {"type": "spot", "asset": "X", "tick": 1, "lot": 1}},
}


def _sound_parts(
    data: Mapping[str, Any], broken: Mapping[str, set[int] | None]
) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Return the data without its broken parts, and the original numbers of the items that stay."""
    partial: dict[str, Any] = {}
    numbers: dict[str, list[int]] = {}
    for section, value in data.items():
        bad = broken.get(section, set())
        if section in broken and (bad is None or section not in LISTS):
            continue
        if section in broken and isinstance(value, list):
            kept = [n for n in range(len(value)) if n not in (bad or ())]  # pyright: ignore
            numbers[section] = kept
            partial[section] = [value[n] for n in kept]
        else:
            partial[section] = value
    return {**{k: v for k, v in _PLACEHOLDERS.items() if k not in partial}, **partial}, numbers


def _run(context: Context, checks: Iterable[Check], numbers: Mapping[str, list[int]]) -> list[Problem]:
    problems: list[Problem] = []
    for each in checks:
        for found in each.run(context):
            problem = (
                found if isinstance(found, Problem) else _located(each.code, found, context.root, numbers)
            )
            problems.append(problem)
    return problems


def _located(code: str, finding: Finding, root: Node, numbers: Mapping[str, list[int]]) -> Problem:
    steps = finding.steps
    if len(steps) > 1 and steps[0] in numbers and isinstance(steps[1], int):
        steps = (steps[0], numbers[str(steps[0])][steps[1]], *steps[2:])
    node, taken = follow(root, steps)
    on_key = node.key_place is not None and (finding.on_key or taken != steps)
    place = node.key_place if on_key and node.key_place is not None else node.place
    return place.problem(
        code, finding.message, finding.hint, path=dotted(root, steps), severity=finding.severity
    )
