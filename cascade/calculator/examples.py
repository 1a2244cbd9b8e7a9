"""Worked examples from a file: computed by their kind, compared within their tolerance."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cascade.calculator.inputs import CannotComputeError, Inputs
from cascade.calculator.kinds import KINDS, Rule
from cascade.calculator.reading import read_examples
from cascade.calculator.whole import decimal, exact
from cascade.errors import CascadeError
from cascade.scenario.words import did_you_mean

Verdict: TypeAlias = Literal["pass", "FAIL", "inconsistent", "cannot compute", "unknown kind"]

_ULP = Fraction(4, 2**52)
"""The rounding of two floats, relative to them; a tolerance does not have to allow for it."""

_DEFAULT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Checked:
    """A worked example and what the rules make of it.

    Attributes
    ----------
    basis : str
        What computed it, of `kinds.Kind`; empty for an unknown kind.
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
    basis: str = ""

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
            "basis": self.basis,
            "expected": finite(self.expected),
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


# --- checking -----------------------------------------------------------------------------------------


def check_file(path: Path) -> list[Checked]:
    """Return every example of a file, checked.

    Raises
    ------
    ScenarioError
        If the file cannot be read, or holds something that is no example; with all of its problems.
    """
    return [check(example, path.parent) for example in read_examples(path)]


def check(example: dict[str, Any], folder: Path = Path()) -> Checked:
    """Return an example, checked; tables of tiers that it names are looked for in `folder`."""
    name, expected = str(example["kind"]), example["expected"]
    kind, unused, basis = KINDS.get(name), (), ""
    tolerance = float(decimal(example.get("tolerance")) or 0)
    if example.get("tolerance") is None:
        tolerance = _scale(expected) * _DEFAULT_TOLERANCE
    if kind is None:
        computed, message = None, f"no rule computes '{name}'{did_you_mean(name, KINDS)}"
        verdict: Verdict = "unknown kind"
    else:
        inputs = Inputs(example["inputs"], folder=folder)
        rule, basis = kind.rule_for(inputs)
        computed, message = _computed(rule, inputs)
        passes = not message and matches(expected, computed, tolerance)
        verdict = "cannot compute" if message else "pass" if passes else "FAIL"
        unused = inputs.unused
    if str(example.get("consistent", True)).lower() in _FALSE:
        agrees = "the rules agree with it all the same" if verdict == "pass" else ""
        message = "; ".join(part for part in (agrees, message, str(example.get("note", "")).strip()) if part)
        verdict = "inconsistent"
    labels = (str(example.get("id", "")), str(example.get("venue", "")), name)
    return Checked(*labels, expected, computed, tolerance, verdict, message, unused, basis)


def _computed(rule: Rule, inputs: Inputs) -> tuple[Any, str]:
    """Return what a kind's rule computes, or None and why it cannot."""
    try:
        return rule(inputs), ""
    except CannotComputeError as error:
        return None, str(error)
    except CascadeError as error:
        return None, str(getattr(error, "problem", error))
    except ArithmeticError:
        return None, "the inputs are too large, too small or divide by zero"
    except (TypeError, ValueError, LookupError):
        return None, "the inputs make no sense together"


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
    if _is_number(computed):
        return _is_close(expected, computed, tolerance)
    if computed is None:
        return expected in (None, "--")
    return type(expected) is type(computed) and expected == computed


def _is_close(expected: Any, computed: Any, tolerance: float) -> bool:
    number = decimal(expected)
    if number is not None and math.isfinite(computed):
        return abs(number - exact(float(computed))) <= exact(tolerance) + abs(number) * _ULP
    return computed == math.inf and str(expected).lower() in _INFINITE


_INFINITE = ("inf", "infinity", "+inf", "+infinity")
_FALSE = ("false", "no", "0")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scale(expected: Any) -> float:
    """Return the size of an expected value, for a tolerance that is not given."""
    if isinstance(expected, dict):
        return max(map(_scale, expected.values()), default=1.0)
    if isinstance(expected, list):
        return max(map(_scale, expected), default=1.0)
    return max(abs(float(decimal(expected) or 0)), 1.0)
