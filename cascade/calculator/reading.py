"""A file of worked examples, read: JSON with located problems, whatever the file holds."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cascade.calculator.whole import decimal
from cascade.errors import Problem, ScenarioError
from cascade.scenario.words import listing

_FORM = '[{"id": "...", "venue": "...", "kind": "...", "inputs": {...}, "expected": ..., "tolerance": 1e-6}]'
_DEEPEST = 40
"""Levels of lists and mappings in an example; no kind needs more than a few."""


class _Mapping(dict[str, Any]):
    """A mapping of a file, with the keys that stand in it more than once."""

    repeated: tuple[str, ...] = ()


def _mapping(pairs: list[tuple[str, Any]]) -> _Mapping:
    found = _Mapping(pairs)
    found.repeated = tuple(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
    return found


def read_examples(path: Path) -> list[dict[str, Any]]:
    """Return the examples of a file, as they are written.

    Raises
    ------
    ScenarioError
        If the file cannot be read, or holds something that is no example; with all of its problems.
    """
    found = _parsed(path)
    if isinstance(found, dict) and isinstance(found.get("examples"), list):
        found = found["examples"]
    if not isinstance(found, list) or not found:
        message = "the file holds no list of examples"
        raise ScenarioError([Problem("CAS023", message, "write " + _FORM, str(path))])
    problems = [problem for k, each in enumerate(found) for problem in _problems(each, k, str(path))]
    if problems:
        raise ScenarioError(problems)
    return [_printable(each) for each in found]


def _parsed(path: Path) -> Any:
    """Return what a file of JSON says, with or without a byte order mark."""
    hint = "write a list of examples: " + _FORM
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, ValueError) else "cannot be read"
        raise ScenarioError([Problem("CAS003", f"the file {reason}", "", str(path))]) from None
    try:
        return json.loads(text, object_pairs_hook=_mapping, parse_int=_integer)
    except json.JSONDecodeError as error:
        lines = text.split("\n")
        line = lines[error.lineno - 1] if error.lineno <= len(lines) else ""
        problem = Problem(
            "CAS023", f"not JSON: {error.msg}", hint, str(path), error.lineno, error.colno, 1, _plain(line)
        )
        raise ScenarioError([problem]) from None
    except RecursionError:
        problem = Problem("CAS023", "lists or mappings lie too deep in one another", hint, str(path))
        raise ScenarioError([problem]) from None


def _integer(digits: str) -> int | float:
    """Return an integer; one of hundreds of digits as infinity, so that its place is named as that of no number."""
    return int(digits) if len(digits) <= 300 else math.copysign(math.inf, float(digits[0] + "1"))


# --- what keeps an entry from being an example --------------------------------------------------------


def _problems(example: Any, k: int, file: str) -> list[Problem]:
    if not isinstance(example, dict):
        return [Problem("CAS023", "not an example", "write " + _FORM, file, path=f"[{k}]")]
    at = f"[{k}]" if "id" not in example else f"[{k}] {_plain(str(example['id']))[:60]}"
    return [Problem("CAS023", message, hint, file, path=at) for message, hint in _faults(example)]


def _faults(example: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an example, and what to write instead."""
    for name, form in (
        ("kind", 'add "kind": "liq_price_isolated"'),
        ("inputs", 'add "inputs": {...}'),
        ("expected", 'add "expected": the value the venue states, or null for none'),
    ):
        if name not in example:
            yield f"lacks '{name}'", form
    if not isinstance(example.get("inputs", {}), dict):
        yield "'inputs' is not a mapping", ""
    tolerance = example.get("tolerance")
    if (tolerance is not None and not (decimal(tolerance) or 0) >= 0) or decimal(tolerance or 0) is None:
        yield f"'tolerance' is {_shown(tolerance)}", "write the largest absolute difference, such as 1e-6"
    if any(each == {} or _is_nan(each) for each in _inside(example.get("expected"))):
        yield "'expected' holds an empty mapping or NaN, which says nothing", "write what the venue states"
    if _is_deep(example):
        yield "lists or mappings lie too deep in one another", ""
    repeated = sorted({key for each in _inside(example) for key in getattr(each, "repeated", ())})
    if repeated:
        yield (
            f"has {listing([_plain(key) for key in repeated])} twice in one mapping",
            "leave out one of them",
        )


def _inside(value: Any) -> Iterator[Any]:
    """Yield a value and all that lies in it, in any depth."""
    queue = [value]
    while queue:
        found = queue.pop()
        yield found
        if isinstance(found, dict | list):
            queue.extend(found.values() if isinstance(found, dict) else found)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        parts = [part for part in level if isinstance(part, dict | list)]
        level = [each for part in parts for each in (part.values() if isinstance(part, dict) else part)]
    return bool(level)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _shown(value: Any) -> str:
    return _plain(repr(value) if not isinstance(value, dict | list) else "no number")[:60]


# --- text that can be printed ---------------------------------------------------------------------------


def _printable(value: Any) -> Any:
    """Return a value whose text can be printed: JSON may hold halves of characters."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {_plain(key): _printable(each) for key, each in value.items()}
    return value


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
