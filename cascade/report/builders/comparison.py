"""How the runs of a comparison differ: paired differences with their verdicts, and who is worse than whom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from cascade.analysis.formats import format_level
from cascade.analysis.statistics import Estimate, about, higher_share
from cascade.experiment.comparison import Comparison, Difference, Verdict
from cascade.experiment.comparison.text import no_outcome
from cascade.report.builders.headline import headline
from cascade.report.builders.outcomes import judged
from cascade.report.builders.study import Study, Variant
from cascade.report.builders.table import (
    Column,
    Ref,
    Said,
    Table,
    estimate_columns,
    join,
    said,
    scaled,
    text_column,
    with_interval,
)
from cascade.report.summary import ENSEMBLE_LABELS

_SAID_MOST = 2
"""Metrics that the verdict names for each run and direction; the table has all."""

_SENTENCES = 3
"""Sentences in which the verdict says what differs."""

_LEFT = {Verdict.INPUT: "what the scenario sets", Verdict.UNKNOWN: "what cannot be compared"}
"""Verdicts on what is no outcome of both runs."""

_LEAST_P = 0.0005
"""Below this three digits would say zero."""

_NAMED = 4
"""Runs that a sentence names."""

N_DOMINANCE = 3


def differences(study: Study) -> Table | None:
    """Return each headline metric of each run against the baseline."""
    return study.once(_differences)


def _differences(study: Study) -> Table | None:
    if study.comparison is None:
        return None
    return differences_of(study.comparison, lambda metric: label_of(study, metric))


def differences_of(found: Comparison, called: Callable[[str], str]) -> Table:
    """Return each headline metric of each run against the baseline, by what a metric is called."""
    rows = list(_rows(found))
    keys = [f"{each.variant}/{each.metric}" for each in rows]
    units = [found.measures[each.metric].unit for each in rows]
    columns = (
        Column("key", "", keys, kind="text", hidden=True),
        text_column("group", "", [f"{each.variant} against {found.baseline.name}" for each in rows]),
        text_column("metric", "metric", [called(each.metric) for each in rows]),
        Column("unit", "unit", units, kind="text", hidden=True),
        Column("baseline", "baseline", [_value(each.baseline) for each in rows], None),
        Column("value", "run", [_value(each.value) for each in rows], None),
        *estimate_columns(
            "difference", "difference", [each.difference for each in rows], None, is_apart=True
        ),
        text_column("verdict", "verdict", [each.verdict.value for each in rows]),
        Column("p", "p, corrected", [each.adjusted_p for each in rows], "1"),
        Column("n", "n", [each.difference.n if each.difference else None for each in rows], ""),
        text_column("signs", "higher, lower of pairs", [_signs(each) for each in rows]),
        Column(
            "exact_p", "exact p of the signs", [each.pairs.p if each.pairs else None for each in rows], "1"
        ),
        Column("tells", "replicates for a verdict", [each.tells and about(each.tells) for each in rows], ""),
        Column("needed", "for ±1 %", [each.needed and about(each.needed) for each in rows], "replicates"),
        text_column("paired", "same luck", ["yes" if each.paired else "no" for each in rows]),
        text_column("reason", "remark", [each.reason for each in rows]),
    )
    return Table(
        "comparison", f"Means against the baseline, {format_level(found.confidence)} intervals", columns
    )


def _signs(each: Difference) -> str:
    return f"{each.pairs.higher}, {each.pairs.lower} of {each.pairs.n}" if each.pairs else ""


def label_of(study: Study, metric: str) -> str:
    """Return what the summary calls a metric and of which market; of one it does not show, its name in words."""
    table = headline(study)
    if metric in ENSEMBLE_LABELS:
        return ENSEMBLE_LABELS[metric]
    if metric not in table.names("metric"):
        return metric.removesuffix("_usd").replace("_", " ")
    row = table.row(metric)
    group, label = str(table.value(row, "group")), str(table.value(row, "label"))
    if group.startswith("Price of "):
        return f"{group.removeprefix('Price of ')}: {label}"
    return f"{label} liquidated" if group == "Liquidated" else label


def _rows(found: Comparison) -> Iterator[Difference]:
    for variant in found.variants[1:]:
        for metric in found.headline:
            if metric in found.differences[variant.name]:
                yield found.differences[variant.name][metric]


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def forest(study: Study) -> list[Table] | None:
    """Return differences in percent of the baseline: of outcomes whose baseline is not zero."""
    found = study.comparison
    if found is None:
        return None
    rows = sorted((each for each in _rows(found) if _is_drawn(each)), key=_place(found))
    metrics = [label_of(study, each.metric) for each in rows]
    labels = [f"{m}: {each.variant}" for m, each in zip(metrics, rows, strict=True)]
    values = [each.difference and scaled(each.difference, _scale(each) / 100.0) for each in rows]
    columns = (
        text_column("label", "metric", labels if len(found.variants) > 2 else metrics),
        text_column("run", "run", [each.variant for each in rows]),
        text_column("verdict", "verdict", [each.verdict.value for each in rows]),
        text_column("way", "in every pair", [each.way.value if each.way else "" for each in rows]),
        *estimate_columns("difference", "difference, of the baseline", values, "%"),
    )
    return [Table("forest", "Differences in percent of the baseline", columns)] if rows else None


def _is_drawn(each: Difference) -> bool:
    """Tell whether a difference says something beside others: no input, nor what no pair differs in."""
    return bool(_scale(each)) and not each.is_tied and each.verdict is not Verdict.INPUT


def _place(found: Comparison) -> Callable[[Difference], int]:
    """Return what orders differences by metric, as the headline has them."""
    return lambda each: found.headline.index(each.metric)


def _scale(each: Difference) -> float:
    """Return the size of the baseline; 0 where a difference can't be put in relation to it, or has no interval."""
    has_interval = each.difference is not None and each.difference.low is not None
    if each.baseline is None or not has_interval or not math.isfinite(each.baseline.value):
        return 0.0
    return abs(each.baseline.value)


# --- who is worse than whom ----------------------------------------------------------------------------


class Dominance(NamedTuple):
    """The share of shared luck in which the run of a row is worse than that of a column, for one metric."""

    metric: str
    label: str
    table: Table


def dominance(study: Study) -> list[Dominance] | None:
    """Return who is worse than whom, for the metrics a stress is judged by in which runs differ."""
    found = study.comparison
    if found is None or len(found.variants) < 3 or not all(variant.paired for variant in found.variants):
        return None
    made = [_dominance(study, metric, label) for metric, label, _ in judged(study)]
    return [each for each in made if each][:N_DOMINANCE] or None


def _dominance(study: Study, metric: str, label: str) -> Dominance | None:
    """Return the matrix of a metric of which more is worse; ties count half."""
    values = [dict(_by_replicate(variant, metric)) for variant in study.variants]
    shared = sorted(set.intersection(*(set(each) for each in values)))
    paths = [np.array([each[k] for k in shared]) for each in values]
    if len(shared) < 2 or all(np.array_equal(paths[0], path) for path in paths):
        return None
    names = [variant.label for variant in study.variants]
    columns = [text_column("run", "is worse than", names)]
    for number, other in enumerate(paths):
        shares = [higher_share(other, own).value if own is not other else None for own in paths]
        columns.append(
            Column(f"v{number}", names[number], [None if x is None else 100.0 * x for x in shares], "%")
        )
    columns.append(Column("n", "n", [len(shared)] * len(names), ""))
    return Dominance(
        metric, label, Table(f"dominance-{metric.replace('_', '-')}", f"Worse by {label}", tuple(columns))
    )


def _by_replicate(variant: Variant, metric: str) -> Iterator[tuple[int, float]]:
    values = variant.metric(metric)
    for number, value in zip(variant.result.replicates, values if len(values) else (), strict=False):
        if not math.isnan(value):
            yield number, float(value)


# --- in words ------------------------------------------------------------------------------------------


def comparison_verdict(study: Study) -> Said | None:
    """Return, for each run, what is worse and what is better than in the baseline; the rest is in the table."""
    table, found = differences(study), study.comparison
    return None if table is None or found is None else verdict_of(found, table)


def verdict_of(found: Comparison, table: Table) -> Said:
    """Return the same of a comparison and its differences; runs of which the same is told share a sentence."""
    told: dict[str, tuple[Said, list[str]]] = {}
    for variant in found.variants[1:]:
        rows = [each for each in _rows(found) if each.variant == variant.name]
        parts = list(_told(table, rows)) or [said(_silence(rows))]
        sentence = join(parts, "; ")
        told.setdefault(sentence.text, (sentence, []))[1].append(variant.name)
    sentences = [
        join([said(f"{listed(names)} against {found.baseline.name}: "), sentence, said(".")], "")
        for sentence, names in [*told.values()][:_SENTENCES]
    ]
    if len(told) > _SENTENCES:
        sentences.append(said("The table has the other runs."))
    return join([*sentences, *_too_few(table, [each for each in _rows(found) if each.tells])])


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them, and of many how many more there are."""
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more runs"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _told(table: Table, rows: list[Difference]) -> Iterator[Said]:
    """Yield what can be told of a run, and what all of its pairs point to where they are too few."""
    for verdict in (Verdict.WORSE, Verdict.BETTER, Verdict.HIGHER, Verdict.LOWER):
        yield from _listed(table, said(f"{verdict} in "), [each for each in rows if each.verdict is verdict])
        one_way = [each for each in rows if each.way is verdict]
        for p in dict.fromkeys(each.pairs.p for each in one_way if each.pairs):
            alike = [each for each in one_way if each.pairs and each.pairs.p == p]
            yield from _listed(table, _every_pair(table, alike[0]), alike)


def _every_pair(table: Table, each: Difference) -> Said:
    """Return which way every pair points, with the p-value of the exact test that this rests on."""
    p = table.refer(f"{each.variant}/{each.metric}", "exact_p")
    exact = said("{p}", p=p) if float(p.value or 0.0) >= _LEAST_P else said("below 0.001")
    return join([said(f"{each.way} in every pair (exact p "), exact, said(") in ")], "")


def _silence(rows: list[Difference]) -> str:
    """Return what is said of a run of which nothing can be told."""
    if none := no_outcome(rows):
        return none
    left = [words for verdict, words in _LEFT.items() if any(each.verdict is verdict for each in rows)]
    beside = f" beside {' and '.join(left)}" if left else ""
    outcomes = [each for each in rows if each.verdict not in _LEFT]
    if all(each.verdict is Verdict.UNTESTED for each in outcomes):
        return f"this stress tests nothing of it{beside}"
    if all(each.is_tied for each in outcomes):
        return f"every replicate is the same in the headline metrics{beside}"
    is_open = any(each.tells for each in outcomes)
    none = "no difference that so few replicates can tell" if is_open else "no detectable difference"
    return f"{none} in the headline metrics{beside}"


def _listed(table: Table, start: Said, rows: list[Difference]) -> Iterator[Said]:
    """Yield the first of some differences, of the metrics that come first."""
    if rows:
        more = " and more" if len(rows) > _SAID_MOST else ""
        named = [_named(table, each) for each in rows[:_SAID_MOST]]
        yield join([start, join(named, ", "), said(more)], "")


def _too_few(table: Table, rows: list[Difference]) -> Iterator[Said]:
    """Yield how many replicates it takes until the first and the last of what these cannot tell can be told."""
    if not rows:
        return
    ordered = sorted(rows, key=lambda each: each.tells or 0)
    first, last = (
        Ref(table, table.row(f"{each.variant}/{each.metric}"), "tells") for each in (ordered[0], ordered[-1])
    )
    span = (
        said("{first}", first=first)
        if first.value == last.value
        else said("{first} to {last}", first=first, last=last)
    )
    yield join([said("To tell the rest takes about"), span, said("replicates.")])


def _named(table: Table, each: Difference) -> Said:
    """Return a metric with its difference and interval."""
    row = table.row(f"{each.variant}/{each.metric}")
    difference = with_interval(Ref(table, row, "difference"))
    return join([said(f"{table.value(row, 'metric')} ("), difference, said(")")], "")
