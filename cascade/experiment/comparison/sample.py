"""A run as numbers that can be compared, and which of its replicates share their luck with another's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cascade.analysis.metrics import ColumnMetric, metrics_of
from cascade.analysis.statistics.estimate import Floats
from cascade.output.columns import to_numpy
from cascade.output.reader import Result

Ints = npt.NDArray[np.int64]

_ROUNDING: Final = 1e-12
"""Part of a figure below which a difference is the rounding of its sum: a thousandth of a USD in a billion."""


@dataclass(frozen=True)
class Sample:
    """The replicates of a run: a row of `runs` each, in the order of their numbers."""

    name: str
    result: Result

    @cached_property
    def replicates(self) -> Ints:
        """Numbers of the replicates."""
        return self._numbers("replicate").astype(np.int64)[self._order]

    @cached_property
    def seeds(self) -> Ints:
        """Seed of each replicate."""
        return self._numbers("seed").astype(np.int64)[self._order]

    @cached_property
    def metrics(self) -> dict[str, ColumnMetric]:
        """Metrics of replicates that the run has, but for names, by column."""
        present = set(self.result.runs.column_names)
        known = metrics_of(self.result.units)
        return {
            name: found for name, found in known.items() if name in present and found.entry.kind != "text"
        }

    @cached_property
    def columns(self) -> dict[str, Floats]:
        """Values of the metrics, NaN where a replicate has none."""
        return {name: self._numbers(name).astype(np.float64)[self._order] for name in self.metrics}

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario as plain data; empty for a run kept in memory."""
        if self.result.path is None:
            return {}
        from ruamel.yaml import YAML

        return dict(YAML(typ="safe").load(self.result.resolved()))

    @property
    def has_stops(self) -> bool:
        """Whether anybody's stop-loss may go off."""
        layers = self.scenario.get("population", [])
        is_on = self.scenario.get("channels", {}).get("stop_losses", True)
        return is_on and any((layer.get("stop_loss") or {}).get("share") for layer in layers)

    @property
    def where(self) -> str:
        """Folder of the run, or its name, for messages."""
        return str(self.result.path or self.name)

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self._numbers("replicate"), kind="stable")

    def _numbers(self, column: str) -> npt.NDArray[Any]:
        return to_numpy(self.result.runs.column(column))


class Pairing(NamedTuple):
    """Rows of two samples, one pair of rows after another; all rows of both where no luck is shared."""

    left: Ints
    right: Ints
    paired: bool
    reason: str = ""
    """Why no luck is shared."""

    def values(self, baseline: Floats, other: Floats) -> tuple[Floats, Floats]:
        """Return the values that enter a comparison; a pair needs both."""
        before, after = baseline[self.left], other[self.right]
        if self.paired:
            known = ~(np.isnan(before) | np.isnan(after))
            return before[known], _level(before[known], after[known])
        return before[~np.isnan(before)], after[~np.isnan(after)]


def _level(before: Floats, after: Floats) -> Floats:
    """Return values without what only the order of a sum makes of them: equal money summed in other parts."""
    return np.where(np.abs(after - before) <= _ROUNDING * np.abs(before), before, after)


def pair(baseline: Sample, other: Sample) -> Pairing:
    """Return which replicates of two runs have the same luck: those of one seed and number.

    The luck of a replicate is keyed by seed, decision, replicate, step and slot, never by the scenario.
    """
    rows = {key: row for row, key in enumerate(_keys(other))}
    found = [(row, rows[key]) for row, key in enumerate(_keys(baseline)) if key in rows]
    if found:
        left, right = np.array(found, dtype=np.int64).T
        return Pairing(left, right, paired=True)
    seeds = {*baseline.seeds.tolist()} & {*other.seeds.tolist()}
    reason = "no replicate has the same number" if seeds else "the seeds differ"
    return Pairing(np.arange(len(baseline.seeds)), np.arange(len(other.seeds)), paired=False, reason=reason)


def _keys(sample: Sample) -> list[tuple[int, int]]:
    return list(zip(sample.seeds.tolist(), sample.replicates.tolist(), strict=True))
