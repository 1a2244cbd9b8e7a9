"""What a comparison of runs says: the types that reports, terminals and notebooks read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from cascade.analysis.metrics.registry import Level, Worse
from cascade.analysis.statistics.estimate import TIED, Estimate
from cascade.analysis.statistics.signs import Signs

SAME: Final = "identical scenarios"
"""Method of a difference that is exactly zero, since the same scenario had the same luck."""


class Verdict(StrEnum):
    """What can be said of a metric of a variant against the baseline; its value is the sentence."""

    WORSE = "worse"
    BETTER = "better"
    HIGHER = "higher"
    """Detectably higher, and no direction of this metric is worse."""
    LOWER = "lower"
    NONE = "no detectable difference"
    UNDECIDED = "too few replicates to tell"
    """No outcome of these replicates could have been called a difference; see `Difference.tells`."""
    UNTESTED = "this stress does not test it"
    """It is zero in every replicate of both: nothing happened that could differ."""
    INPUT = "set by the scenario"
    """An input that was changed, and no outcome."""
    UNKNOWN = "cannot be compared"
    """One side has no value, or too few; `Difference.reason` says which."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs between the resolved scenarios of the baseline and a variant."""

    path: str
    """Dotted, as `-s` takes it: `makers.0.depth.scale`."""
    baseline: str
    """As YAML; empty where the baseline has no such value."""
    variant: str


@dataclass(frozen=True, slots=True)
class Variant:
    """A run that is compared; the first is the baseline."""

    name: str
    """Unique in the comparison."""
    path: str
    """Folder of its run; empty for one kept in memory."""
    n: int
    """Replicates that finished."""
    n_failed: int
    seed: int | None
    """None where replicates have different seeds."""
    paired: bool
    """Whether it shares its luck with the baseline; true for the baseline itself."""
    n_pairs: int
    """Replicates that it and the baseline both have; 0 where the luck is not shared."""
    luck: str
    """Why the luck is not shared; empty where it is."""
    changes: tuple[Change, ...]
    """What differs from the scenario of the baseline; empty for the baseline."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric that is compared: what its column in `runs` means, or how it is made of one."""

    name: str
    """`complete_usd`, `offshore_btcusdt_fall_bps`, `bad_debt_var95_usd`."""
    entry: str
    """Its name in the registry: `{market}_fall_bps`."""
    unit: str
    definition: str
    formula: str
    worse: Worse | None
    """Which way is worse, as the registry says; None where neither is."""
    level: Level
    """`replicate`: a column of `runs`, compared by its mean. `ensemble`: one figure of all replicates."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a metric of replicates lies over the replicates of one variant, all of them."""

    n: int
    """Replicates in which it has a value."""
    mean: Estimate
    median: Estimate
    low: float
    """5th percentile."""
    high: float
    """95th percentile."""
    worst: float
    """The most harmful value: the highest where no direction is worse."""
    worst_replicate: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of a variant against the baseline: `value` less `baseline` is `difference`."""

    metric: str
    variant: str
    """Name of the variant."""
    baseline: Estimate | None
    """Over the replicates that enter the difference: the pairs, or all where the luck is not shared."""
    value: Estimate | None
    """Of the variant, over the same."""
    difference: Estimate | None
    """Its interval is of the comparison's confidence, for this metric alone. None: see `reason`."""
    paired: bool
    p: float | None
    """Least level at which the interval excludes zero; 1 where all replicates tie."""
    least_p: float
    """The smallest p-value that these replicates could have given."""
    adjusted_p: float | None
    """After the correction for the number of metrics shown: the verdict rests on this one."""
    verdict: Verdict
    variance_reduction: float | None
    """Variance of the unpaired difference over that of the paired; `inf` where pairs differ by the same; None
    where there are no pairs or the metric does not vary."""
    needed: int | None
    """Replicates after which a change of 1 % of the baseline would be known to that precision."""
    higher: Estimate | None
    """Share of pairs in which the variant is higher, ties counted half; replicate metrics only."""
    pairs: Signs | None
    """How the pairs lie; None where there are none, or the metric is of the ensemble."""
    reason: str = ""
    """Why something above is None, or what to know of it."""
    direction: Verdict | None = None
    """What the difference is, should it be one: worse, better, higher or lower; None where it is zero."""
    tells: int | None = None
    """Where the verdict is that these are too few: replicates, about, after which there can be another."""

    @property
    def way(self) -> Verdict | None:
        """Return the verdict that every pair points to, for all that they are too few; None where they do not."""
        is_open = self.verdict is Verdict.UNDECIDED and self.pairs is not None and self.pairs.is_one_way
        return self.direction if is_open else None

    @property
    def is_tested(self) -> bool:
        """Whether it is one of the tests that verdicts are corrected for.

        A difference of which no replicate tells anything could never have been taken for another, and does not
        count (Tarone 1990, Biometrics 46, 515-522).
        """
        return self.p is not None and not self.is_tied and self.verdict is not Verdict.INPUT

    @property
    def is_tied(self) -> bool:
        """Whether no replicate differs; only of identical scenarios is the difference then exactly zero."""
        return self.difference is not None and self.difference.method in {TIED, SAME}


@dataclass(frozen=True)
class Comparison:
    """Runs of several variants, each held against the baseline.

    Attributes
    ----------
    headline
        Names of the metrics to show first, in order. Their verdicts are corrected for the number of
        headline metrics and variants; those of all other metrics for the number of everything.
    differences
        By name of the variant, then of the metric; the baseline is not in it.
    spreads
        By name of the variant, baseline included, then of the metric; replicate metrics only.
    ensembles
        The same for ensemble metrics, over all replicates of a variant.
    notes
        What the reader must know: what could not be compared and why, what was left out.
    """

    variants: tuple[Variant, ...]
    confidence: float
    measures: Mapping[str, Measure]
    headline: tuple[str, ...]
    differences: Mapping[str, Mapping[str, Difference]]
    spreads: Mapping[str, Mapping[str, Spread]]
    ensembles: Mapping[str, Mapping[str, Estimate]]
    notes: tuple[str, ...]

    @property
    def baseline(self) -> Variant:
        """The variant that all others are held against."""
        return self.variants[0]

    @property
    def n_tests(self) -> int:
        """Differences of the headline that were tested: their verdicts hold together."""
        return sum(found[name].is_tested for found in self.differences.values() for name in self.headline)

    def figure(self, variant: str, metric: str) -> Estimate | None:
        """Return a metric of one variant over all its replicates: the mean, or that of the ensemble."""
        if metric in self.spreads[variant]:
            return self.spreads[variant][metric].mean
        return self.ensembles[variant].get(metric)

    to_text: ClassVar[Callable[..., str]]
    """Return the comparison as plain text; as `to_html` it comes from the module `text`."""
    to_html: ClassVar[Callable[..., str]]
    """Return the comparison for a notebook."""

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints: everything, with infinite and missing numbers as null."""
        return {
            "baseline": self.baseline.name,
            "confidence": self.confidence,
            "variants": [asdict(each) for each in self.variants],
            "headline": list(self.headline),
            "metrics": {name: asdict(each) for name, each in self.measures.items()},
            "differences": [
                _plain(asdict(each)) for found in self.differences.values() for each in found.values()
            ],
            "spreads": {
                name: {metric: asdict(each) for metric, each in found.items()}
                for name, found in self.spreads.items()
            },
            "ensembles": {
                name: {metric: asdict(each) for metric, each in found.items()}
                for name, found in self.ensembles.items()
            },
            "notes": list(self.notes),
        }


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without infinite numbers, which JSON does not have."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
