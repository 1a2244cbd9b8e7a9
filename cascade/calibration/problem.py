"""The problem of a calibration: which parameters, against which figures of which days, with which effort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascade import provenance
from cascade.calibration.event_file import Event
from cascade.calibration.priors import Prior
from cascade.calibration.problem_file import ProblemFile
from cascade.calibration.reference_table import Moment
from cascade.scenario.load import digest
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Place


@dataclass(frozen=True)
class Parameter:
    """A parameter that is fitted."""

    name: str
    paths: Mapping[str, float]
    prior: Prior
    unit: str
    wholes: frozenset[str]
    """Paths that take whole numbers only."""
    at: Place
    """Where it is written."""

    def set_by(self, value: float) -> dict[str, float]:
        """Return what a value of it sets, by path."""
        exact = {path: value * factor for path, factor in self.paths.items()}
        return {path: float(round(each)) if path in self.wholes else each for path, each in exact.items()}


@dataclass(frozen=True)
class Day:
    """A scenario that is run, and the figures of it that are compared.

    Attributes
    ----------
    numbers : frozenset[str]
        Paths of the numbers that the scenario holds.
    """

    name: str
    scenario: Scenario
    path: Path
    event: Event | None
    figures: tuple[str, ...]
    seed: int
    numbers: frozenset[str]


@dataclass(frozen=True)
class Calibration:
    """A problem that has been checked."""

    asked: ProblemFile
    path: Path
    text: str
    parameters: tuple[Parameter, ...]
    days: tuple[Day, ...]
    moments: tuple[Moment, ...]

    @property
    def priors(self) -> tuple[Prior, ...]:
        """Return the priors of the parameters."""
        return tuple(each.prior for each in self.parameters)

    @property
    def units(self) -> dict[str, str]:
        """Return the unit of each path, in the order of the columns of its draws."""
        return {path: each.unit for each in self.parameters for path in each.paths}

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of what the problem means."""
        meaning = self.asked.model_dump(mode="json", exclude={"description", "events", "scenarios"})
        moments = [vars(each) for each in self.moments]
        days = [[each.name, digest(each.scenario), *self._windows(each)] for each in self.days]
        return provenance.sha256(repr([sorted(meaning.items()), moments, days]))

    def simulated(self, day: Day) -> dict[str, Any]:
        """Return what decides the runs of a day, whatever they are compared with."""
        return {
            "parameters": self.asked.model_dump(mode="json")["parameters"], "seed": day.seed,
            "replicates": self.asked.replicates, "scenario": digest(day.scenario),
        }  # fmt: skip

    @staticmethod
    def _windows(day: Day) -> list[str]:
        return [repr(day.event.asked[name]) for name in day.figures] if day.event else list(day.figures)
