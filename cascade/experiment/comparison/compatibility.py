"""Whether runs can be compared at all, and what a reader must know where they differ in more than intended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cascade.errors import ResultsError
from cascade.experiment.comparison.changes import changes
from cascade.experiment.comparison.sample import Pairing, Sample
from cascade.scenario.words import listing

_NAMED: Final = 6
"""Replicates that a note names; of more it says how many."""


def refuse_unrelated(baseline: Sample, other: Sample) -> None:
    """Stop where a comparison would mean nothing.

    Raises
    ------
    ResultsError
        CAS620 where metrics may be defined differently, CAS621 where the scenarios have nothing in common.
    """
    _refuse_versions(baseline, other)
    _refuse_empty(baseline, other)
    _refuse_durations(baseline, other)
    _refuse_assets(baseline, other)


def are_identical(baseline: Sample, other: Sample, pairing: Pairing) -> bool:
    """Tell whether two runs are one computation, so that what is equal in their replicates is equal in all luck."""
    first, second = baseline.result.manifest, other.result.manifest
    return (
        pairing.paired
        and bool(baseline.scenario and other.scenario)
        and not changes(baseline.scenario, other.scenario)
        and not [*_about_software("", first, second)]
    )


def notes(baseline: Sample, other: Sample, pairing: Pairing) -> Iterator[str]:
    """Yield what a reader must know of a comparison that is possible."""
    who = f"{other.name} and {baseline.name}"
    if other.where == baseline.where and other.result.path is not None:
        yield f"{who} are the same run."
    yield from _about_software(who, baseline.result.manifest, other.result.manifest)
    yield from _about_pairs(who, baseline, other, pairing)
    yield from _about_metrics(baseline, other)


def _refuse_versions(baseline: Sample, other: Sample) -> None:
    versions = [str(each.result.manifest.get("results_version", "")) for each in (baseline, other)]
    if versions[0].partition(".")[0] != versions[1].partition(".")[0]:
        raise ResultsError(
            f"its results have version {versions[1]}, those of the baseline {baseline.name} {versions[0]}: "
            "metrics of the same name may mean different things",
            where=other.where,
            remedy="run the older one again with this Cascade: cascade run <its folder>/scenario.resolved.yaml",
            code="CAS620",
        )


def _refuse_empty(baseline: Sample, other: Sample) -> None:
    for each in (baseline, other):
        if len(each.replicates) == 0:
            raise ResultsError(
                "no replicate of it has finished, so there is nothing to compare",
                where=each.where,
                remedy="its failures.parquet says why, and has the command that reproduces each",
                code="CAS602",
            )


def _refuse_durations(baseline: Sample, other: Sample) -> None:
    lengths = [each.scenario.get("duration") for each in (baseline, other)]
    if None not in lengths and lengths[0] != lengths[1]:
        raise ResultsError(
            f"it lasts {lengths[1]}, the baseline {baseline.name} {lengths[0]}: totals and extremes grow with "
            "time, so that a difference would say nothing of the rest",
            where=other.where,
            remedy=f"run it with -s duration={lengths[0]}",
            code="CAS621",
        )


def _refuse_assets(baseline: Sample, other: Sample) -> None:
    mine, theirs = baseline.result.units.assets, other.result.units.assets
    if not {*mine} & {*theirs}:
        raise ResultsError(
            f"its leveraged markets are of {listing(theirs) or 'no asset'}, those of the baseline "
            f"{baseline.name} of {listing(mine) or 'no asset'}: the scenarios have nothing in common",
            where=other.where,
            remedy="compare variants of one scenario: files that `extends:` it, or the same file with -s",
            code="CAS621",
        )


def _about_software(who: str, first: Any, second: Any) -> Iterator[str]:
    """Yield where the runs come from different programs or machines."""
    versions = [_version(each) for each in (first, second)]
    if versions[0] != versions[1]:
        yield (
            f"{who} come from different versions of Cascade ({versions[1]} and {versions[0]}): a difference "
            "may be of the program. Run both with one version to be sure."
        )
    prints = [each.get("platform", {}).get("fingerprint") for each in (first, second)]
    if prints[0] != prints[1]:
        yield (
            f"{who} come from machines or packages that may differ in the last bit: equal scenarios need not "
            "give a difference of exactly zero."
        )


def _version(manifest: Any) -> str:
    """Return version and commit of the Cascade that made a run."""
    cascade = manifest.get("cascade", {})
    git = cascade.get("git") or {}
    commit = str(git.get("commit", ""))[:8]
    dirty = " with changes" if git.get("dirty") else ""
    return " ".join(filter(None, (str(cascade.get("version", "unknown")), commit + dirty)))


def _about_pairs(who: str, baseline: Sample, other: Sample, pairing: Pairing) -> Iterator[str]:
    """Yield which replicates are left out, or that there are no pairs."""
    if not pairing.paired:
        yield (
            f"{who} do not share their luck ({pairing.reason}): they are compared as independent samples, "
            "which takes more replicates. Run both with the same seed and replicates to pair them."
        )
        return
    for each, rows in ((baseline, pairing.left), (other, pairing.right)):
        alone = sorted({*each.replicates.tolist()} - {*each.replicates[rows].tolist()})
        if alone:
            yield f"Of {each.name}, {_replicates(alone)} are left out: the other run has none of that luck."
    for each in (baseline, other):
        failed = int(each.result.manifest.get("outcome", {}).get("replicates_failed", 0))
        if failed:
            yield (
                f"{failed} replicates of {each.name} failed. If they failed because the market was extreme, "
                "its figures look better than they are."
            )


def _replicates(numbers: Sequence[int]) -> str:
    if len(numbers) > _NAMED:
        return f"{len(numbers)} replicates"
    return f"replicates {', '.join(map(str, numbers))}"


def _about_metrics(baseline: Sample, other: Sample) -> Iterator[str]:
    """Yield which metrics only one of two runs has."""
    for has, lacks in ((baseline, other), (other, baseline)):
        missing = [name for name in has.metrics if name not in lacks.metrics]
        twins = [name for name in missing if has.metrics[name].entry.needs_twin]
        known = {name for name, found in lacks.metrics.items() if found.entry.needs_twin}
        if twins and not known:
            yield (
                f"{lacks.name} has no counterfactual: what stops and liquidations added is not compared. Run it "
                "with --counterfactual."
            )
            missing = [name for name in missing if name not in twins]
        if missing:
            yield f"Only {has.name} has {listing(missing, 4)}: not compared."
