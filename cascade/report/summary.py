"""The readable summary of a run: what a liquidation report answers, complete and as the public saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade.analysis.formats import format_estimate, format_replicates, format_value
from cascade.analysis.metrics import METRICS, EnsembleMetric, column_name
from cascade.analysis.statistics import CONFIDENCE, Estimate, Quantile, about, replicates_needed
from cascade.analysis.statistics.studentised import of_mean
from cascade.analysis.verdict import CascadeVerdict
from cascade.analysis.verdict import verdict as judge
from cascade.output.columns import to_numpy
from cascade.output.reader import Result
from cascade.output.schemas import RUNS
from cascade.report.builders.answer import verdict_said, verdict_table
from cascade.report.summary_plan import first_of_each_asset, plan

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cascade.analysis.graph import CascadeGraph

_MEDIAN: Final = Quantile(0.5)

_NOTE: Final = "Conditional on the scenario and its {n}: a stress result, not a forecast."


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over the replicates; `text` holds one that is a name."""

    metric: str
    unit: str
    estimate: Estimate | None = None
    text: str = ""
    reason: str = ""
    """Why there is no value, or none in some replicates."""
    of: int = 0
    """Replicates that finished; an estimate may rest on fewer."""
    mean: float | None = None
    standard_error: float | None = None
    """Of the mean; None for one replicate."""

    def show(self) -> str:
        """Return the figure as a reader would write it, and of how many replicates where some have none."""
        if self.text:
            return self.text
        if self.estimate is None:
            return "n/a"
        partial = f" ({self.estimate.n} of {self.of})" if self.estimate.n < self.of else ""
        return format_estimate(self.estimate, self.unit) + partial


@dataclass(frozen=True, slots=True)
class Row:
    """A question of the report: the whole answer, what the public feeds show, what was published."""

    label: str
    complete: Figure | None
    public: Figure | None = None
    published: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in short."""

    scenario: str
    path: str
    outcome: str
    notes: tuple[str, ...]
    """What else to know of how it ended."""
    verdict: str
    n: int
    """Replicates that finished."""
    n_failed: int
    sections: tuple[Section, ...]
    figures: Mapping[str, Figure]
    """Every metric by name."""
    ensemble: Mapping[str, Figure]
    """Metrics of all replicates together, those for which there are enough."""
    cascade: CascadeVerdict
    """Whether it cascaded."""
    published: tuple[Mapping[str, Any], ...] = ()
    """`what` (a metric), `value` and `source`."""

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints: every metric, not only those the summary shows."""
        return {
            "scenario": self.scenario,
            "path": self.path,
            "outcome": self.outcome,
            "notes": list(self.notes),
            "verdict": self.verdict,
            "cascade": asdict(self.cascade),
            "replicates": self.n,
            "replicates_failed": self.n_failed,
            "confidence": CONFIDENCE,
            "metrics": {name: _figure_dict(figure) for name, figure in self.figures.items()},
            "ensemble": {name: _ensemble_dict(figure) for name, figure in self.ensemble.items()},
            "published": [dict(entry) for entry in self.published],
        }

    def render(self) -> RenderableType:
        """Return the summary for a rich console."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.text import Text

        count = format_replicates(self.n)
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        said = "\n".join((self.outcome, *self.notes, self.verdict))
        heading = Text.assemble((self.scenario, "bold"), f"  {count}{failed}\n{said}")
        tables = [Padding(self._table(section), (1, 0, 0, 0)) for section in self.sections]
        return Group(heading, *tables, Text("\n" + self._footnote(count), style="dim"))

    def to_text(self, width: int = 110) -> str:
        """Return the summary as plain text."""
        from rich.console import Console

        file = StringIO()
        plain = Console(file=file, width=width, color_system=None, highlight=False, emoji=False)
        plain.print(self.render())
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"

    def print(self, console: Console) -> None:
        """Print the summary."""
        console.print(self.render(), highlight=False)

    def __str__(self) -> str:
        return self.to_text()

    def _table(self, section: Section) -> RenderableType:
        """Return a section; columns that no row fills are left out."""
        from rich.table import Table

        headings = [("complete", [row.complete.show() if row.complete else "" for row in section.rows])]
        headings += [("public feed", [row.public.show() if row.public else "" for row in section.rows])]
        headings += [("published", [row.published for row in section.rows])]
        shown = [(title, cells) for title, cells in headings if any(cells)]
        if [title for title, _ in shown] == ["complete"]:
            shown = [("", shown[0][1])]
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column(section.title, header_style="bold", min_width=30)
        for title, _ in shown:
            table.add_column(title, justify="right", header_style="dim")
        for i, row in enumerate(section.rows):
            table.add_row(row.label, *(cells[i] for _, cells in shown))
        return table

    def _footnote(self, count: str) -> str:
        """Return what brackets mean and what the figures are conditional on."""
        if self.n >= _MEDIAN.least():
            said = f"Median [{CONFIDENCE:.0%} interval of the median]. {self._needed()}"
            return said + _NOTE.format(n=count)
        few = f"Medians; an interval needs {_MEDIAN.least()} replicates. " if self.n > 1 else ""
        return few + _NOTE.format(n=count)

    def _needed(self) -> str:
        """Return how many replicates the total takes to be known to 1 %; empty where these do."""
        total = self.figures.get("complete_usd")
        if total is None or total.estimate is None:
            return ""
        n = replicates_needed(total.estimate, 0.01 * abs(total.estimate.value))
        return f"You need about {about(n):,} replicates for ±1 % of the total. " if n and n > self.n else ""


def summarise(
    result: Result, published: Sequence[Mapping[str, Any]] | None = None,
    graphs: Sequence[CascadeGraph] | None = None,
) -> Summary:  # fmt: skip
    """Return the summary of a run.

    Parameters
    ----------
    published
        Published figures (`what`, `value`, `source`) to set beside the simulated ones; as a rule
        those of the scenario, which the manifest carries.
    graphs
        Those of the first replicates, where they are built already.
    """
    entries = tuple(result.manifest.get("published", ()) if published is None else published)
    figures, ensemble = dict(_figures(result)), dict(_ensemble(result))
    outcome = result.manifest.get("outcome", {})
    known = {entry["what"]: _published_value(entry, figures) for entry in entries}
    cascade = judge(result, graphs)
    return Summary(
        scenario=result.name,
        path=str(result.path or ""),
        outcome=str(outcome.get("text") or result.outcome),
        notes=tuple(outcome.get("notes", ())),
        verdict=_verdict(result, figures, cascade),
        n=len(result.runs),
        n_failed=int(outcome.get("replicates_failed", 0)),
        sections=(*_sections(result, figures, known), *_ensemble_section(ensemble)),
        figures=figures,
        ensemble=ensemble,
        cascade=cascade,
        published=entries,
    )


def _figures(result: Result) -> Iterator[tuple[str, Figure]]:
    """Yield every metric of `runs`."""
    declared = {column.name for column in RUNS.columns} | {"scenario", "replicate"}
    notes = _reasons(result)
    for field in result.runs.schema:
        if field.name in declared:
            continue
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        values = [value for value in result.runs.column(field.name).to_pylist() if value is not None]
        reason = notes.get(field.name, "")
        if any(isinstance(value, str) for value in values):
            yield field.name, Figure(field.name, unit, text=_most_frequent(values))
        else:
            numbers = np.array(values, dtype=np.float64)
            found = _MEDIAN.estimate(numbers) if values else None
            mean = float(numbers.mean()) if values else None
            error = of_mean(numbers).error if len(values) > 1 else None
            yield field.name, Figure(field.name, unit, found, "", reason, len(result.runs), mean, error)


def _ensemble(result: Result) -> Iterator[tuple[str, Figure]]:
    """Yield the metrics of all replicates for which there are enough of them."""
    present = set(result.runs.column_names)
    for entry in METRICS.values():
        if isinstance(entry, EnsembleMetric) and entry.of in present:
            values = to_numpy(result.runs.column(entry.of)).astype(np.float64)
            known = values[~np.isnan(values)]
            if len(known) >= entry.statistic.least():
                yield entry.name, Figure(entry.name, entry.unit, entry.statistic.estimate(known))


def _ensemble_section(ensemble: Mapping[str, Figure]) -> Iterator[Section]:
    """Yield the section of the tail; none where there are too few replicates for one."""
    rows = tuple(Row(label, ensemble[name]) for name, label in ENSEMBLE_LABELS.items() if name in ensemble)
    if rows:
        yield Section("Over all replicates", rows)


def _ensemble_dict(figure: Figure) -> dict[str, Any]:
    """Return a metric of the ensemble for JSON."""
    return (asdict(figure.estimate) if figure.estimate else {}) | {"unit": figure.unit}


def _reasons(result: Result) -> dict[str, str]:
    """Return why metrics are absent, by metric; of several replicates the first that says so."""
    reasons: dict[str, str] = {}
    for note in result.runs.column("notes").to_pylist():
        for line in (note or "").splitlines():
            name, _, reason = line.partition(": ")
            reasons.setdefault(name, reason)
    return reasons


def _most_frequent(values: Sequence[str]) -> str:
    """Return the most frequent name, and how frequent it is."""
    name, count = Counter(values).most_common(1)[0]
    return name if count == len(values) else f"{name} ({count} of {len(values)})"


def _sections(result: Result, figures: Mapping[str, Figure], published: Mapping[str, str]) -> list[Section]:
    """Return the sections in the order of a liquidation report."""
    sections = [Section(title, _rows(names, figures, published)) for title, names in plan(result)]
    shown = {
        figure.metric
        for section in sections
        for row in section.rows
        for figure in (row.complete, row.public)
        if figure
    }
    others = [
        Row(what, figures.get(what, Figure(what, "", text="no such metric")), None, text)
        for what, text in published.items()
        if what not in shown
    ]
    return [
        section for section in (*sections, Section("Other published figures", tuple(others))) if section.rows
    ]


def _rows(
    names: Iterable[tuple[str, ...]], figures: Mapping[str, Figure], published: Mapping[str, str]
) -> tuple[Row, ...]:
    """Return the rows whose metric the run has; a third name is the public counterpart."""
    rows: list[Row] = []
    for label, name, *public in names:
        if name in figures:
            beside = " · ".join(published[key] for key in (name, *public) if key in published)
            rows.append(Row(label, figures[name], figures.get(public[0]) if public else None, beside))
    return tuple(rows)


ENSEMBLE_LABELS = {
    "complete_var95_usd": "liquidation at risk, 95 %",
    "bad_debt_var95_usd": "bad debt at risk, 95 %",
    "bad_debt_es95_usd": "mean bad debt of the worst 5 %",
    "bad_debt_probability": "probability of bad debt",
    "fund_depletion_probability": "probability that a fund is used up",
    "adl_probability": "probability of auto-deleveraging",
}
"""What a reader sees instead of the name of a metric of the ensemble."""


def _published_value(entry: Mapping[str, Any], figures: Mapping[str, Figure]) -> str:
    """Return a published figure in the unit of its metric."""
    figure = figures.get(entry["what"])
    return format_value(float(entry["value"]), figure.unit if figure else "")


def _verdict(result: Result, figures: Mapping[str, Figure], cascade: CascadeVerdict) -> str:
    """Return whether it cascaded, and what happened in a sentence per asset with a leveraged market."""
    answer = verdict_said(cascade, verdict_table(cascade)).text
    sentences = (
        _sentence(market.asset, market.name, figures) for market in first_of_each_asset(result.units)
    )
    return " ".join(filter(None, (*sentences, answer)))


def _sentence(asset: str, market: str, figures: Mapping[str, Figure]) -> str:
    """Return how far a market fell, and what shares of it stops and liquidations added."""

    def median(name: str) -> float | None:
        figure = figures.get(column_name(f"{{market}}_{name}", market))
        return figure.estimate.value if figure and figure.estimate else None

    move, amplification, stops = map(median, ("peak_to_trough_bps", "amplification", "stops_fall_share"))
    if move is None:
        return ""
    sentence = f"{asset} fell {format_value(abs(move), 'bps')} from peak to trough"
    if amplification is None or amplification <= 0:
        return f"{sentence}."
    added = f"liquidations added {format_value(100.0 * max(0.0, 1.0 - 1.0 / amplification), '%')}"
    before = f"stops added {format_value(100.0 * max(0.0, stops), '%')} and " if stops else ""
    return f"{sentence}; {before}{added} of the fall of the mark below its start."


def _figure_dict(figure: Figure) -> dict[str, Any]:
    """Return a figure for JSON."""
    if figure.text:
        return {"value": figure.text}
    known = figure.estimate
    found = {
        "median": known.value if known else None,
        "low": known.low if known else None,
        "high": known.high if known else None,
        "mean": figure.mean,
        "standard_error": figure.standard_error,
        "n": known.n if known else 0,
    }
    return found | {"unit": figure.unit} | ({"reason": figure.reason} if figure.reason else {})
