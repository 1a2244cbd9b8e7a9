"""Through which channel a move came: waterfalls and Shapley values of a sweep over channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cascade.analysis.formats import capital
from cascade.analysis.statistics import Estimate
from cascade.experiment.attribution import MetricAttribution
from cascade.report.builders.outcomes import judged
from cascade.report.builders.study import Study
from cascade.report.builders.table import Column, Table, estimate_columns, scaled, text_column


class Attributed(NamedTuple):
    """A metric split by channel."""

    label: str
    unit: str
    n: int
    table: Table
    """Parts in the order in which channels are switched on, or by channel with the effect of all at the end."""


class _Part(NamedTuple):
    name: str
    kind: str
    estimate: Estimate
    base: float = 0.0


def waterfalls(study: Study) -> list[Attributed] | None:
    """Return, for each metric, what it is with all channels off, what each adds, and what it is with all on."""
    return _made(study, "attribution", "by channel, one after another", _steps)


def shares(study: Study) -> list[Attributed] | None:
    """Return, for each metric, the Shapley value of each channel, and the effect that they sum to."""
    return _made(study, "shapley", "by channel, over all orders", _shapley)


def _made(
    study: Study, kind: str, how: str, parts_of: Callable[[MetricAttribution], list[_Part]]
) -> list[Attributed] | None:
    if study.attribution is None:
        return None
    moved = [each for each in study.attribution.metrics if each.total.value or each.outside.value]
    return [_attributed(study, each, kind, how, parts_of(each)) for each in moved] or None


def _steps(metric: MetricAttribution) -> list[_Part]:
    """Return parts that stand on each other."""
    parts, base = [_Part("all channels off", "outside", metric.outside)], metric.outside.value
    for share in metric.shares:
        kind = "added" if share.waterfall.value >= 0 else "taken"
        parts.append(_Part(share.channel, kind, share.waterfall, base))
        base += share.waterfall.value
    return [*parts, _Part("all channels on", "total", metric.total)]


def _shapley(metric: MetricAttribution) -> list[_Part]:
    parts = [_Part(share.channel, "channel", share.shapley) for share in metric.shares]
    return [*parts, _Part("all channels", "total", metric.effect)]


def _attributed(
    study: Study, metric: MetricAttribution, kind: str, how: str, parts: list[_Part]
) -> Attributed:
    """Return a table of means with intervals; basis points become percent."""
    scale, unit = (100.0, "%") if metric.unit == "bps" else (1.0, metric.unit)
    labels = {name: label for name, label, _ in judged(study)}
    label = labels.get(metric.metric, metric.metric)
    columns = (
        text_column("label", "channel", [part.name.replace("_", " ") for part in parts]),
        Column("kind", "kind", [part.kind for part in parts], kind="text", hidden=True),
        *estimate_columns("mean", "mean [95 % interval]", [scaled(p.estimate, scale) for p in parts], unit),
        Column("base", "drawn from", [part.base / scale for part in parts], unit, hidden=True),
        Column("n", "n", [part.estimate.n for part in parts]),
    )
    table = Table(f"{kind}-{metric.metric.replace('_', '-')}", f"{capital(label)} {how}", columns)
    return Attributed(label, unit, metric.n, table)
