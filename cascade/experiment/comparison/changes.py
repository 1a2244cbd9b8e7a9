"""What differs between two resolved scenarios."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from cascade.experiment.comparison.types import Change

SILENT: Final = frozenset({"name", "description", "references", "sources", "published", "outputs"})
"""Parts of a scenario that change no number of a metric."""

_ABSENT: Final = object()


def changes(baseline: Mapping[str, Any], variant: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the values that differ, each by its path as `-s` takes it; what is silent is left out."""
    kept = [{key: value for key, value in each.items() if key not in SILENT} for each in (baseline, variant)]
    return tuple(_differ("", *kept))


def _differ(path: str, before: Any, after: Any) -> Iterator[Change]:
    """Yield what differs below a path."""
    if before == after:
        return
    mine, theirs = _entries(before), _entries(after)
    if mine is None or theirs is None:
        yield Change(path, _text(before), _text(after))
        return
    for key in dict.fromkeys((*mine, *theirs)):
        below = f"{path}.{key}" if path else key
        yield from _differ(below, mine.get(key, _ABSENT), theirs.get(key, _ABSENT))


def _entries(value: Any) -> dict[str, Any] | None:
    """Return what a path may go into: a mapping, or a list of mappings by name or number; else None."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[Any]", value)
        if items and all(isinstance(item, Mapping) for item in items):
            names = [item.get("name") for item in items]
            keys = names if None not in names and len(set(names)) == len(names) else range(len(items))
            return {str(key): item for key, item in zip(keys, items, strict=True)}
    return None


def _text(value: Any) -> str:
    """Return a value in one line of YAML; empty for one that is not there."""
    if value is _ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
