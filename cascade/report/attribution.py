"""An attribution as a reader sees it: for each metric the waterfall, and Shapley values beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from cascade.analysis.formats import format_estimate, format_replicates
from cascade.analysis.statistics import CONFIDENCE
from cascade.experiment.attribution import Attribution, MetricAttribution


def attribution_text(found: Attribution) -> str:
    """Return an attribution as plain text."""
    return "\n".join(_lines(found))


def answer(found: Attribution) -> str:
    """Return how much of the first metric comes through channels, through which most, and whether luck explains it."""
    metric = found.metrics[0]
    show = lambda estimate: format_estimate(estimate, metric.unit)  # noqa: E731
    ends = f"{show(metric.total)} with all channels on, {show(metric.outside)} with all off"
    whole = f"{metric.definition}: {ends}."
    if not metric.effect.value:
        return f"{whole} No channel adds to it."
    most = max(metric.shares, key=lambda share: abs(share.shapley.value))
    through = f"Channels add {show(metric.effect)}, most of it through {most.channel} ({show(most.shapley)})."
    if metric.effect.low is None:
        return f"{whole} {through} So few replicates cannot tell that from luck."
    return f"{whole} {through}" + ("" if metric.effect.excludes(0.0) else " That cannot be told from luck.")


def attribution_dict(found: Attribution) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "scenario": found.scenario, "path": str(found.path), "channels": list(found.channels),
        "replicates": found.n, "confidence": CONFIDENCE, "notes": list(found.notes),
        "metrics": [asdict(metric) for metric in found.metrics],
    }  # fmt: skip


def _lines(found: Attribution) -> Iterator[str]:
    count = format_replicates(found.n)
    yield answer(found)
    yield ""
    yield f"{found.scenario}  {len(found.channels)} channels, {2 ** len(found.channels)} coalitions, {count}"
    for metric in found.metrics:
        yield ""
        yield metric.definition
        yield from metric_lines(metric)
    yield ""
    yield from found.notes
    yield (
        f"Means over replicates with the {CONFIDENCE:.0%} intervals of pairs. A waterfall depends on its order; "
        "Shapley values are averaged over all orders. Both sum to the effect."
    )
    if any(metric.effect.reason for metric in found.metrics):
        yield next(metric.effect.reason for metric in found.metrics if metric.effect.reason)


def metric_lines(metric: MetricAttribution) -> Iterator[str]:
    """Yield the waterfall of one metric as rows of a table."""
    show = lambda estimate: format_estimate(estimate, metric.unit)  # noqa: E731
    rows = [(metric.metric, "waterfall", "Shapley"), ("  outside", show(metric.outside), "")]
    rows += [(f"  + {share.channel}", show(share.waterfall), show(share.shapley)) for share in metric.shares]
    rows += [("  = total", show(metric.total), ""), ("  effect", show(metric.effect), show(metric.effect))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "   ".join((name.ljust(widths[0]), *aligned)).rstrip()
