"""The registry of named checks, and how they run.

A check tests what no single value can tell: that names refer to something, that figures fit together,
that the book can hold the open interest. Each has a code, a title and a function that yields findings;
a finding names the path of the culprit, so that it is located like any other problem. Checks also run
on what is left of a scenario whose schema is broken elsewhere (`mending`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from cascade.errors import Problem, ScenarioError, Severity
from cascade.scenario.missing import LISTED, Missing
from cascade.scenario.patterns import matches
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_prices import AnchorsNews, BarsNews
from cascade.scenario.source import Node, Steps, dotted, follow

if TYPE_CHECKING:
    from cascade.scenario.mending import Mended
    from cascade.scenario.positions import Positions
    from cascade.scenario.schema_population import TableLayer
    from cascade.scenario.tables import Bars
    from cascade.venues.rulebook import Rulebook


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
        Sections it looks at, entry by entry; it is left out when one of them is broken as a whole and no list.
    whole : frozenset[str]
        Sections it needs with all their entries.
    """

    code: str
    title: str
    reads: frozenset[str]
    whole: frozenset[str]
    run: Callable[[Context], Found]

    def can_run(self, gone: Set[str], damaged: Set[str]) -> bool:
        """Tell whether the check makes sense without some sections, and with parts of others missing."""
        return not ((self.reads - frozenset(LISTED) | self.whole) & gone or self.whole & damaged)


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
    for topic in (
        "agents",
        "amounts",
        "collateral",
        "draws",
        "files",
        "formation",
        "halts",
        "markets",
        "orders",
        "population",
        "positions",
        "python",
        "sizes",
        "ties",
        "times",
    ):
        import_module(f"cascade.scenario.checks_{topic}")
    return tuple(_REGISTRY[code] for code in sorted(_REGISTRY))


@dataclass
class Context:
    """A scenario and what checks need to know about it, computed once."""

    scenario: Scenario
    root: Node
    rulebooks: dict[str, Rulebook] = field(default_factory=dict)
    missing: Missing = field(default_factory=Missing)
    """What is written but broken: whoever names it is not wrong."""

    _bars: dict[tuple[str, str], Bars | None] = field(default_factory=dict)
    _holdings: dict[str, Positions | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Load the rulebooks that load; the others are the business of their own check."""
        from cascade.venues.load import rulebook_of

        for name, venue in self.scenario.venues.items():
            try:
                self.rulebooks[name] = rulebook_of(venue.rulebook, venue.rules)
            except ScenarioError:
                continue

    def is_absent(self, section: str, pattern: str) -> bool:
        """Tell whether a name or pattern may mean an entry that is broken."""
        return any(matches(name, pattern) for name in self.missing.absent.get(section, ()))

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

    def holdings(self, layer: TableLayer) -> Positions | None:
        """Return the positions of a file that is sound."""
        from cascade.scenario.positions import holdings_of

        if layer.name not in self._holdings:
            try:
                self._holdings[layer.name] = holdings_of(self.scenario, layer)
            except ScenarioError:
                self._holdings[layer.name] = None
        return self._holdings[layer.name]

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
    context = Context(scenario, root)
    return [located(each.code, found, root) for each in all_checks() for found in each.run(context)]


def check_mended(scenario: Scenario, mended: Mended) -> list[Problem]:
    """Return what the checks find in what is left of a scenario that does not meet the schema."""
    context = Context(scenario, mended.root, missing=mended)
    problems: list[Problem] = []
    for each in all_checks():
        if each.can_run(mended.gone, mended.damaged):
            found = [
                f for f in each.run(context) if isinstance(f, Problem) or not mended.is_about_mended(f.steps)
            ]
            problems += [located(each.code, f, mended.root) for f in found]
    return problems


def located(code: str, found: Finding | Problem, root: Node) -> Problem:
    """Return what a check found, located in a tree."""
    if isinstance(found, Problem):
        return found
    steps = found.steps
    node, taken = follow(root, steps)
    on_key = node.key_place is not None and (found.on_key or taken != steps)
    place = node.key_place if on_key and node.key_place is not None else node.place
    return place.problem(code, found.message, found.hint, path=dotted(root, steps), severity=found.severity)
