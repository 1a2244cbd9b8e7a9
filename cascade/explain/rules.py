"""The rules of a scenario's venues: how each figure is known, and which are not confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cascade.explain.sources import NONE, show_value, unit_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import LendingPool, Perpetual
from cascade.venues.figures import Leaf, leaves
from cascade.venues.load import rulebook_of
from cascade.venues.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Rule:
    """A figure of a rulebook; `pattern` is the entry of its `sources` that counts."""

    path: str
    value: str
    pattern: str
    status: str
    source: str


@dataclass(frozen=True, slots=True)
class Assumption:
    """Figures of a venue's rules that one entry of `sources` calls unconfirmed."""

    venue: str
    figures: str
    value: str
    source: str


def rulebook_counts(scenario: Scenario) -> dict[str, dict[str, int]]:
    """Return how many figures of each rulebook have each status; of a changed one, by its venue as well."""
    found: dict[str, dict[str, int]] = {}
    for name, venue in scenario.venues.items():
        title = Path(venue.rulebook).stem + (f", changed for {name}" if venue.rules else "")
        rules = rules_of(rulebook_of(venue.rulebook, venue.rules))
        found[title] = dict(Counter(rule.status for rule in rules).most_common())
    return found


def assumptions_of(scenario: Scenario) -> tuple[Assumption, ...]:
    """Return what the scenario takes from rulebooks though it is not confirmed, or sets against them."""
    return tuple(each for name in scenario.venues for each in _assumptions(scenario, name))


def _assumptions(scenario: Scenario, name: str) -> Iterator[Assumption]:
    markets = scenario.markets.items()
    own = [market for key, market in markets if key.startswith(f"{name}:")]
    listed = [f"contracts.{market.contract}" for market in own if isinstance(market, Perpetual)]
    listed += [f"pools.{market.pool}" for market in own if isinstance(market, LendingPool)]
    venue = scenario.venues[name]
    book = rulebook_of(venue.rulebook, venue.rules)
    rules = [rule for rule in rules_of(book) if rule.status == "unconfirmed"]
    used = [rule for rule in rules if _is_used(rule.path, listed)]
    for pattern in dict.fromkeys(rule.pattern for rule in used):
        same = [rule for rule in used if rule.pattern == pattern]
        figures = same[0].path if len(same) == 1 else pattern
        values = list(dict.fromkeys(rule.value for rule in same))
        shown = ", ".join(values) if len(values) <= 3 else f"{len(same)} figures"
        yield Assumption(name, figures, shown, same[0].source)


def _is_used(path: str, listed: list[str]) -> bool:
    of_one = path.startswith(("contracts.", "pools."))
    return not of_one or any(path.startswith(f"{each}.") for each in listed)


def rules_of(book: Rulebook) -> tuple[Rule, ...]:
    """Return every figure that a rulebook writes out, in the order of its format."""
    return tuple(_rule(book, leaf) for leaf in leaves(book) if leaf.is_written)


def _rule(book: Rulebook, leaf: Leaf) -> Rule:
    pattern, value = book.pattern_of(leaf.path), show_value(leaf.value, unit_of(leaf.field))
    if pattern is None:
        return Rule(leaf.path, value, "", NONE, "")
    provenance = book.sources[pattern]
    text = "; ".join(part for part in (provenance.source, provenance.note) if part)
    return Rule(leaf.path, value, pattern, provenance.status, text)
