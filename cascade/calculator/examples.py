"""Worked examples from a file: computed by their kind, compared within their tolerance."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cascade.calculator.inputs import CannotComputeError, Inputs
from cascade.calculator.kinds import KINDS
from cascade.errors import CascadeError, Problem, ScenarioError
from cascade.scenario.words import did_you_mean

Verdict: TypeAlias = Literal["pass", "FAIL", "inconsistent", "cannot compute", "unknown kind"]

_ULP = 4.0 * 2.0**-52
"""The rounding of two floats, relative to them; a tolerance does not have to allow for it."""

_DEFAULT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Checked:
    """A worked example and what the rules make of it.

    Attributes
    ----------
    verdict : str
        `inconsistent`: the example is marked so, an error of its source; it is computed all the same.
    tolerance : float
        Largest absolute difference of any number.
    unused : tuple of str
        Inputs that no rule asked for.
    """

    name: str
    venue: str
    kind: str
    expected: Any
    computed: Any
    tolerance: float
    verdict: Verdict
    message: str = ""
    unused: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether the example is as it should be: it passes, or is said to be inconsistent."""
        return self.verdict in ("pass", "inconsistent")

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "id": self.name,
            "venue": self.venue,
            "kind": self.kind,
            "expected": self.expected,
            "computed": finite(self.computed),
            "tolerance": self.tolerance,
            "verdict": self.verdict.lower(),
            "message": self.message,
            "unused_inputs": list(self.unused),
        }


def finite(value: Any) -> Any:
    """Return a value with infinities as text, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [finite(each) for each in value]
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return value


def counts(examples: list[Checked]) -> dict[str, int]:
    """Return how many examples have each verdict, in the order of first appearance."""
    return dict(Counter(example.verdict for example in examples))


# --- reading ------------------------------------------------------------------------------------------


def check_file(path: Path) -> list[Checked]:
    """Return every example of a file, checked.

    Raises
    ------
    ScenarioError
        If the file cannot be read, or holds something that is no example; with all of its problems.
    """
    return [check(example, path.parent) for example in read_examples(path)]


def read_examples(path: Path) -> list[dict[str, Any]]:
    """Return the examples of a file, as they are written."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, ValueError) else "cannot be read"
        raise ScenarioError([Problem("CAS003", f"the file {reason}", "", str(path))]) from None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1] if text.strip() else ""
        hint = "write a list of examples: " + _FORM
        problem = Problem(
            "CAS023", f"not JSON: {error.msg}", hint, str(path), error.lineno, error.colno, 1, line
        )
        raise ScenarioError([problem]) from None
    if isinstance(found, dict) and isinstance(found.get("examples"), list):
        found = found["examples"]
    if not isinstance(found, list) or not found:
        message = "the file holds no list of examples"
        raise ScenarioError([Problem("CAS023", message, "write " + _FORM, str(path))])
    problems = [problem for k, each in enumerate(found) for problem in _problems(each, k, str(path))]
    if problems:
        raise ScenarioError(problems)
    return found


_FORM = '[{"id": "...", "venue": "...", "kind": "...", "inputs": {...}, "expected": ..., "tolerance": 1e-6}]'


def _problems(example: Any, k: int, file: str) -> list[Problem]:
    """Return what keeps one entry from being an example."""
    if not isinstance(example, dict):
        return [Problem("CAS023", "not an example", "write " + _FORM, file, path=f"[{k}]")]
    at = f"[{k}]" if "id" not in example else f"[{k}] {example['id']}"
    problems = [
        Problem("CAS023", f"lacks '{name}'", f"add {form}", file, path=at)
        for name, form in (
            ("kind", '"kind": "liq_price_isolated"'),
            ("inputs", '"inputs": {...}'),
            ("expected", '"expected": the value the venue states, or null for none'),
        )
        if name not in example
    ]
    if not isinstance(example.get("inputs", {}), dict):
        problems.append(Problem("CAS023", "'inputs' is not a mapping", "", file, path=at))
    tolerance = example.get("tolerance", 0)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not tolerance >= 0:
        hint = "write the largest absolute difference, such as 1e-6"
        problems.append(Problem("CAS023", f"'tolerance' is {tolerance!r}, not a number", hint, file, path=at))
    return problems


# --- checking -----------------------------------------------------------------------------------------


def check(example: dict[str, Any], folder: Path = Path()) -> Checked:
    """Return an example, checked; tables of tiers that it names are looked for in `folder`."""
    kind = KINDS.get(str(example["kind"]))
    computed: Any = None
    message, unused = "", ()
    tolerance = float(example.get("tolerance", _scale(example["expected"]) * _DEFAULT_TOLERANCE))
    if kind is None:
        verdict: Verdict = "unknown kind"
        message = f"no rule computes '{example['kind']}'{did_you_mean(str(example['kind']), KINDS)}"
    else:
        inputs = Inputs(example["inputs"], folder=folder)
        try:
            computed = kind.rule(inputs)
            agrees = matches(example["expected"], computed, tolerance)
            verdict = "pass" if agrees else "FAIL"
        except (CannotComputeError, CascadeError) as error:
            verdict, message = "cannot compute", getattr(error, "problem", str(error))
        except (ArithmeticError, TypeError, ValueError, LookupError) as error:
            verdict, message = "cannot compute", f"the inputs make no sense together ({error})"
        unused = inputs.unused
    if example.get("consistent", True) is False:
        agrees = "the rules agree with it all the same" if verdict == "pass" else ""
        note = str(example.get("note", "")).strip()
        message = "; ".join(part for part in (agrees, message, note) if part)
        verdict = "inconsistent"
    return Checked(
        str(example.get("id", "")), str(example.get("venue", "")), str(example["kind"]),
        example["expected"], computed, tolerance, verdict, message, unused,
    )  # fmt: skip


def matches(expected: Any, computed: Any, tolerance: float) -> bool:
    """Tell whether a computed value is the expected one, every number within the tolerance.

    Of a mapping only the expected keys count. One number expected of a list means its last: an example
    may ask for the last tier alone. No price is null, or "--" as venues show it.
    """
    if isinstance(expected, dict):
        same = isinstance(computed, dict) and expected.keys() <= computed.keys()
        return same and all(matches(value, computed[key], tolerance) for key, value in expected.items())
    if isinstance(expected, list):
        same = isinstance(computed, list) and len(expected) == len(computed)
        return same and all(matches(*pair, tolerance) for pair in zip(expected, computed, strict=True))
    if isinstance(computed, list) and computed:
        return matches(expected, computed[-1], tolerance)
    if _is_number(expected) and _is_number(computed):
        return expected == computed or abs(expected - computed) <= tolerance + _ULP * abs(expected)
    if computed is None:
        return expected in (None, "--")
    return type(expected) is type(finite(computed)) and expected == finite(computed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scale(expected: Any) -> float:
    """Return the size of an expected value, for a tolerance that is not given."""
    if isinstance(expected, dict):
        return max(map(_scale, expected.values()), default=1.0)
    if isinstance(expected, list):
        return max(map(_scale, expected), default=1.0)
    return max(abs(float(expected)), 1.0) if _is_number(expected) else 1.0
