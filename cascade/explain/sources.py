"""The figures of a scenario: each number with its unit and where it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, cast, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cascade.scenario.distribution_base import Distribution
from cascade.scenario.patterns import matches
from cascade.scenario.schema import Scenario
from cascade.units import Quantity, TextForm, format_duration, format_instant

Steps: TypeAlias = tuple[str, ...]

SECTIONS = (
    "assets",
    "venues",
    "markets",
    "makers",
    "news_takers",
    "agents",
    "flow",
    "arbitrage",
    "population",
    "shocks",
)
"""Sections whose numbers are figures; the others say how long and how often to run."""

DEFAULT, NONE = "default", "no source"
KINDS = ("measured", "fitted", "stated", "assumed", DEFAULT, NONE)

_DIMENSIONAL = {"value", "low", "high", "mean", "median", "values", "loc", "scale", "min", "max"}
_SPECIAL_UNITS = {
    "impact_bps_per_million": "bps per 1M USD", "lot": "asset", "jumps_per_day": "1/d",
    "reference_leverage": "x", "size_leverage_reference": "x", "count": "makers", "accounts": "accounts",
}  # fmt: skip
_NAMES = {"name", "type", "dist", "markets", "market", "asset", "spot", "perpetual", "side", "contract"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a scenario; `kind` is one of KINDS."""

    path: str
    value: str
    unit: str
    kind: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Leaf:
    named: Steps
    numbered: Steps
    value: Any
    info: FieldInfo | None
    written: bool


def figures_of(scenario: Scenario) -> tuple[Figure, ...]:
    """Return every figure of a scenario, defaults included, in the order of the file."""
    return tuple(_figure(leaf, scenario) for leaf in _leaves_of(scenario))


def counts(figures: Sequence[Figure]) -> dict[str, int]:
    """Return how many figures there are of each kind."""
    found = Counter(figure.kind for figure in figures)
    return {kind: found[kind] for kind in KINDS if found[kind]}


def _figure(leaf: _Leaf, scenario: Scenario) -> Figure:
    path = ".".join(leaf.named)
    unit = _SPECIAL_UNITS.get(leaf.named[-1]) or unit_of(leaf.info)
    value = show_value(leaf.value, unit)
    source = _source(leaf, scenario)
    if source is None:
        return Figure(path, value, unit, NONE if leaf.written else DEFAULT)
    text = "; ".join(part for part in (source.source, source.note) if part)
    return Figure(path, value, unit, source.kind, text)


def _source(leaf: _Leaf, scenario: Scenario) -> Any:
    """Return the source whose pattern matches a figure or what it is part of; the last one counts."""
    paths = {".".join(steps[:n]) for steps in (leaf.named, leaf.numbered) for n in range(1, len(steps) + 1)}
    for pattern, source in reversed(scenario.sources.items()):
        if any(matches(path, pattern) for path in paths):
            return source
    return None


def _leaves_of(scenario: Scenario) -> Iterator[_Leaf]:
    for section in SECTIONS:
        yield from _leaves(_Leaf((section,), (section,), getattr(scenario, section), None, True))


def _leaves(leaf: _Leaf) -> Iterator[_Leaf]:
    """Yield the numbers below a value: models and lists of models are opened, distributions stay whole."""
    value = leaf.value
    if isinstance(value, Distribution):
        yield leaf
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            if name not in _NAMES:
                written = leaf.written and name in value.model_fields_set
                yield from _leaves(_below(leaf, name, name, getattr(value, name), info, written))
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[str, Any]", value).items():
            yield from _leaves(_below(leaf, name, name, item, leaf.info, leaf.written))
    elif isinstance(value, tuple) and any(
        isinstance(item, BaseModel) for item in cast("tuple[Any, ...]", value)
    ):
        for number, item in enumerate(cast("tuple[Any, ...]", value)):
            name = getattr(item, "name", None) or str(number)
            yield from _leaves(_below(leaf, name, str(number), item, leaf.info, leaf.written))
    elif _is_figure(leaf, value):
        yield leaf


def _below(leaf: _Leaf, name: str, number: str, value: Any, info: FieldInfo | None, written: bool) -> _Leaf:
    return _Leaf((*leaf.named, name), (*leaf.numbered, number), value, info, written)


def _is_figure(leaf: _Leaf, value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, str):
        return leaf.named[-1] == "file"
    if isinstance(value, tuple):
        flat = _flat(cast("tuple[Any, ...]", value))
        return any(isinstance(item, int | float) for item in flat)
    return isinstance(value, int | float | datetime)


def _flat(value: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for item in value:
        found.extend(_flat(cast("tuple[Any, ...]", item)) if isinstance(item, tuple) else [item])
    return found


# --- units -----------------------------------------------------------------------------------------


def unit_of(info: FieldInfo | None) -> str:
    """Return the unit of a field, or that of its numbers in turn."""
    if info is None:
        return ""
    units = list(dict.fromkeys(_units(info.annotation, info.metadata)))
    return ", ".join(unit for unit in units if unit)


def _units(annotation: Any, metadata: Sequence[Any] = ()) -> Iterator[str]:
    for entry in (*metadata, *getattr(annotation, "__metadata__", ())):
        quantity = getattr(getattr(entry, "func", None), "quantity", entry)
        if isinstance(quantity, Quantity | TextForm) and quantity.unit:
            yield quantity.unit
            return
    for part in get_args(annotation):
        yield from _units(part)


def show_value(value: Any, unit: str) -> str:
    """Return a value as a scenario would write it."""
    if isinstance(value, Distribution):
        parts = value.model_dump(exclude_none=True)
        own = {key: unit if key in _DIMENSIONAL else "" for key in parts}
        rest = ", ".join(f"{key} {_plain(item, own[key])}" for key, item in parts.items() if key != "dist")
        return f"{parts['dist']}: {rest}"
    return _plain(value, unit)


def _plain(value: Any, unit: str) -> str:
    if isinstance(value, tuple | list):
        units = unit.split(", ") if ", " in unit else [unit] * len(value)
        items = cast("Sequence[Any]", value)
        inner = [
            _plain(x, unit if isinstance(x, tuple) else units[k % len(units)]) for k, x in enumerate(items)
        ]
        shown = inner if len(inner) <= 9 else [*inner[:2], f"... {len(inner) - 4} more", *inner[-2:]]
        return f"[{', '.join(shown)}]"
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{key} {_plain(item, '')}" for key, item in entries) + "}"
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return _number(float(value), unit)


def _number(value: float, unit: str) -> str:
    if unit in ("s", "time"):
        return format_duration(value)
    if unit == "fraction":
        return f"{value * 100:.10g} %"
    if unit == "x":
        return f"{value:g}x"
    if unit == "USD":
        for size, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= size and float(f"{value / size:.4g}") * size == value:
                return f"{value / size:.4g}{suffix}"
    return f"{value:.12g}"
