"""The registry of stylised facts: what each measures, how it is estimated, and the band it is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from cascade.analysis.facts.evidence import Evidence
from cascade.analysis.facts.observed import LackingError, Sample, Window

Rule: TypeAlias = Literal["days", "windows", "bootstrap", "stated", "union", "own"]
"""How a band comes about; `RULES` says it in words."""

RULES: Final[dict[Rule, str]] = {
    "days": "5 to 95 % of the days of the data",
    "windows": "range of the windows of the data, rounded outwards",
    "bootstrap": "95 % block bootstrap interval of the data",
    "stated": "as the literature has it",
    "union": "from the least to the largest of what literature and data have",
    "own": "chosen here, since the sources give no range",
}

Reduce: TypeAlias = Literal["mean", "median", "pooled"]
"""How windows and replicates become one figure."""


@dataclass(frozen=True, slots=True)
class Band:
    """Where a figure of a real market lies.

    Attributes
    ----------
    observed
        Figures that the same estimator has on real data, by the name of the data: the tests compute them.
    """

    low: float
    high: float
    rule: Rule
    source: str
    observed: Mapping[str, float] = field(default_factory=dict[str, float])

    def holds(self, value: float) -> bool:
        """Tell whether a value lies inside, the ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of a fact, with its band."""

    label: str
    band: Band


Measured: TypeAlias = tuple["Evidence | LackingError", ...]
"""Evidence of each part of a fact, or why a part has none."""

Measure: TypeAlias = Callable[[Sample], Measured]


@dataclass(frozen=True, slots=True)
class Fact:
    """A stylised fact.

    Attributes
    ----------
    row
        Its number in the table of the documentation.
    must
        Whether a market may not miss it: list A.
    applies
        Where it applies, if not everywhere.
    """

    row: int
    name: str
    title: str
    estimator: str
    unit: str
    parts: tuple[Part, ...]
    measure: Measure
    window: Window
    reduce: Reduce
    must: bool
    applies: str
    days: float
    """Days of observation, all replicates together, below which it says nothing."""


FACTS: Final[dict[str, Fact]] = {}
"""Every fact by its name."""


def in_order() -> list[Fact]:
    """Return the facts in the order of their table."""
    return sorted(FACTS.values(), key=lambda each: each.row)


def fact(
    row: int, name: str, title: str, estimator: str, *parts: Part, unit: str = "1", window: Window = "run",
    reduce: Reduce = "mean", must: bool = False, applies: str = "", days: float = 0.0,
) -> Callable[[Measure], Measure]:  # fmt: skip
    """Register a function from a window of observations to the evidence of each part of a fact.

    Parameters
    ----------
    window
        The stretch that it is called with, one after the other.
    reduce
        How the figures of windows, and then those of replicates, become one; `pooled` takes all windows as one.
    """

    def register(measure: Measure) -> Measure:
        if name in FACTS or any(row == each.row for each in FACTS.values()):
            raise ValueError(f"fact {row} {name!r} is declared twice")
        FACTS[name] = Fact(
            row, name, title, estimator, unit, parts, measure, window, reduce, must, applies, days
        )
        return measure

    return register
