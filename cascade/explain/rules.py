"""The rules of a scenario's venues: how each figure is known, and which are not confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cascade.explain.figures import NONE, show_value, unit_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import LendingPool, Perpetual
from cascade.venues.load import rulebook_of
from cascade.venues.rulebook import Rulebook

_NO_FIGURES = ("name", "venue", "date", "kind", "description", "sources")


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

    def as_dict(self) -> dict[str, str]:
        """Return the record ``--json`` prints."""
        return asdict(self)


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
    return tuple(_rule(book, *figure) for figure in _figures(book, "", None))


def _rule(book: Rulebook, path: str, value: str) -> Rule:
    pattern = book.pattern_of(path)
    if pattern is None:
        return Rule(path, value, "", NONE, "")
    provenance = book.sources[pattern]
    text = "; ".join(part for part in (provenance.source, provenance.note) if part)
    return Rule(path, value, pattern, provenance.status, text)


def _figures(value: Any, path: str, info: FieldInfo | None) -> Iterator[tuple[str, str]]:
    """Yield path and value of what is written out at or below a value."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            if name in value.model_fields_set and (path or name not in _NO_FIGURES):
                yield from _figures(getattr(value, name), f"{path}.{name}".lstrip("."), field)
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[str, Any]", value).items():
            yield from _figures(item, f"{path}.{name}", info)
    elif isinstance(value, tuple):
        for number, item in enumerate(cast("tuple[Any, ...]", value)):
            yield from _figures(item, f"{path}.{number}", info)
    else:
        yield path, show_value(value, unit_of(info))
