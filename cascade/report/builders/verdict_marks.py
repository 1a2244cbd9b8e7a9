"""Verdicts as signs that need no colour: on a page, and in a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cascade.experiment.comparison import Difference, Verdict


@dataclass(frozen=True, slots=True)
class Sign:
    """A verdict as a sign, beside its word."""

    kind: str
    """`worse`, `better`, `other` or `open`: its colour."""
    text: str
    meaning: str


_SIGNS: Final = {
    Verdict.WORSE: Sign("worse", "✕", "worse"),
    Verdict.BETTER: Sign("better", "✓", "better"),
    Verdict.HIGHER: Sign("other", "↑", "higher"),
    Verdict.LOWER: Sign("other", "↓", "lower"),
    Verdict.NONE: Sign("open", "≈", "no detectable difference"),
    Verdict.UNDECIDED: Sign("open", "?", "too few replicates to tell"),
    Verdict.UNTESTED: Sign("open", "–", "not tested by this stress"),
    Verdict.INPUT: Sign("open", "–", "set by the scenario"),
    Verdict.UNKNOWN: Sign("open", "–", "cannot be compared"),
}

_EQUAL: Final = {
    True: Sign("open", "=", "equal in every pair"),
    False: Sign("open", "=", "one value in all replicates"),
}
"""By whether replicates are pairs."""


def sign_of(difference: Difference) -> Sign:
    """Return the sign of a difference; in brackets what every pair points to where they are too few to tell."""
    if difference.way is not None:
        sure = _SIGNS[difference.way]
        return Sign(sure.kind, f"({sure.text})", sure.meaning)
    if difference.verdict in {Verdict.NONE, Verdict.UNDECIDED} and difference.is_tied:
        return _EQUAL[difference.paired]
    return _SIGNS[difference.verdict]
