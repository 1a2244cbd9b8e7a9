"""What the figures rest on: assumptions, checks, provenance, definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cascade.analysis.metrics import METRICS
from cascade.analysis.metrics.registry import EnsembleMetric, Metric
from cascade.explain.rules import assumptions_of
from cascade.explain.sources import Figure, figures_of
from cascade.report.builders.study import Study, Variant
from cascade.report.builders.table import Table, text_column

_SHORT = 120


def parameters(study: Study) -> Table | None:
    """Return every figure that the first scenario's author wrote, and how it is known."""
    if study.first.scenario is None:
        return None
    figures = [figure for figure in study.once(_figures) if figure.kind != "default"]
    columns = (
        text_column("path", "figure", [figure.path for figure in figures]),
        text_column("value", "value", [short(figure.value) for figure in figures]),
        text_column("unit", "unit", [figure.unit for figure in figures]),
        text_column("kind", "how it is known", [figure.kind for figure in figures]),
        text_column("source", "source", [figure.source for figure in figures]),
    )
    return Table("parameters", "Figures of the scenario", columns)


def kinds(study: Study) -> Table | None:
    """Return how many figures of the first scenario are measured, fitted, stated, assumed, or without a source."""
    if study.first.scenario is None:
        return None
    found: dict[str, int] = {}
    for figure in study.once(_figures):
        found[figure.kind] = found.get(figure.kind, 0) + 1
    return Table(
        "kinds",
        "How the figures of the scenario are known",
        (text_column("kind", "kind", list(found)), text_column("count", "figures", list(found.values()))),
    )


def _figures(study: Study) -> tuple[Figure, ...]:
    """Return every figure of the first scenario; none where it can't be read again."""
    scenario = study.first.scenario
    return figures_of(scenario) if scenario else ()


def unconfirmed(study: Study) -> Table | None:
    """Return the venues' rules that are not confirmed."""
    scenario = study.first.scenario
    found = assumptions_of(scenario) if scenario else ()
    if not found:
        return None
    columns = (
        text_column("figures", "rule", [f"{each.venue}: {each.figures}" for each in found]),
        text_column("value", "value", [short(each.value) for each in found]),
        text_column("source", "why", [each.source for each in found]),
    )
    return Table("unconfirmed", "Rules of venues that are not confirmed", columns)


def short(text: str) -> str:
    """Return text that fits a cell."""
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."


def checks(study: Study) -> Table:
    """Return how each run ended, and what it has to say of itself."""
    rows = [row for variant in study.variants for row in _ending(variant)]
    columns = (
        text_column("run", "run", [row[0] for row in rows]),
        text_column("what", "", [row[1] for row in rows]),
        text_column("text", "", [row[2] for row in rows]),
    )
    return Table("checks", "How the runs ended, and what they remark", columns)


def _ending(variant: Variant) -> Iterator[tuple[str, str, str]]:
    outcome = variant.result.manifest.get("outcome", {})
    yield variant.label, "outcome", variant.summary.outcome
    failed = int(outcome.get("replicates_failed", 0))
    yield variant.label, "replicates", f"{variant.n:,} finished, {failed:,} failed"
    for note in variant.summary.notes:
        yield variant.label, "note", note
    if variant.result.outcome != "unfinished":
        yield variant.label, "conservation", "positions, balances and equities added up at every check"
    remarks: dict[str, list[str]] = {}
    for note in variant.result.runs.column("notes").to_pylist():
        for subject, line in {line.partition(":")[0]: line for line in (note or "").splitlines()}.items():
            remarks.setdefault(subject, []).append(line)
    for lines in remarks.values():
        also = ", or the like" if len(set(lines)) > 1 else ""
        yield variant.label, f"note of {len(lines)} of {variant.n} replicates", f"{lines[0]}{also}"


def provenance(study: Study) -> Table:
    """Return where each run comes from, and what it takes to repeat it."""
    found = [dict(_provenance(variant.result.manifest, variant)) for variant in study.variants]
    names = list(dict.fromkeys(name for each in found for name in each))
    columns = [text_column("what", "", names)]
    for number, (variant, each) in enumerate(zip(study.variants, found, strict=True)):
        columns.append(text_column(f"v{number}", variant.label, [each.get(name, "") for name in names]))
    return Table("provenance", "Where the numbers come from", tuple(columns))


def _provenance(manifest: Mapping[str, Any], variant: Variant) -> Iterator[tuple[str, str]]:
    yield "folder", variant.result.path.name if variant.result.path else "in memory"
    software = manifest.get("cascade", {})
    if software:
        git = software.get("git")
        dirty = " with changes" if git and git["dirty"] else ""
        commit = f", {git['commit'][:10]}{dirty}" if git else ""
        yield "Cascade", f"{software['version']}{commit}"
    request = manifest.get("request", {})
    if request:
        yield "seed", str(request.get("seed", ""))
        yield "counterfactual", "yes" if request.get("counterfactual") else "no"
    yield "replicates", ", ".join(_ranges(variant.result.replicates))
    for name in ("started", "results_version"):
        if name in manifest:
            yield name.replace("_", " "), str(manifest[name])
    platform = manifest.get("platform", {})
    if platform:
        yield "platform", ", ".join(f"{value}" for value in platform.values() if isinstance(value, str))
    packages = manifest.get("packages", {})
    if packages:
        yield "packages", ", ".join(f"{name} {number}" for name, number in packages.items())


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yield sorted numbers as ranges: 0-3, 7."""
    start = previous = None
    for number in [*sorted(numbers), None]:
        if start is not None and (number is None or number != previous + 1):  # type: ignore[operator]
            yield f"{start}" if start == previous else f"{start}-{previous}"
            start = None
        start = number if start is None else start
        previous = number


def definitions(study: Study) -> Table:
    """Return unit, definition and formula of every metric of the runs."""
    rows = list(_definitions(study.first.result.runs.column_names))
    columns = (
        text_column("metric", "metric", [name for name, _ in rows]),
        text_column("definition", "definition", [metric.definition for _, metric in rows]),
        text_column("formula", "formula", [metric.formula for _, metric in rows], kind="code"),
        text_column("unit", "unit", [metric.unit for _, metric in rows]),
    )
    return Table("definitions", "Definitions of the metrics", columns)


def _definitions(recorded: Sequence[str]) -> Iterator[tuple[str, Metric | EnsembleMetric]]:
    """Yield the metrics that have a column, and those made of one."""
    for metric in METRICS.values():
        column = metric.of if isinstance(metric, EnsembleMetric) else metric.name
        pattern = re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(column)))
        if any(pattern.fullmatch(name) for name in recorded):
            yield metric.name, metric
