"""The report as one HTML file that needs nothing else: no network, no folder, and, if asked for, no script."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cascade.analysis.formats import format_replicates
from cascade.analysis.statistics import CONFIDENCE
from cascade.errors import UsageError
from cascade.experiment.attribution import recorded, whole_of
from cascade.experiment.comparison import compare
from cascade.experiment.threshold import Frontier, frontier_of, is_searched
from cascade.output.manifest import software_version
from cascade.output.reader import Result
from cascade.output.sweep import Sweep, named_results, read
from cascade.report.attribution import answer as answer_of_attribution
from cascade.report.builders.comparison import comparison_verdict
from cascade.report.builders.differences import labels
from cascade.report.builders.outcome_table import Outcomes, outcome_table
from cascade.report.builders.screen import Card, answer, cards
from cascade.report.builders.study import FEWEST_BINS, Study, Variant
from cascade.report.builders.table import Column, Floats, Said, Table, plain, said, show
from cascade.report.contagion import answer as answer_of_contagion
from cascade.report.contagion import how as how_of_contagion
from cascade.report.contagion import remarks as remarks_of_contagion
from cascade.report.draw.legend import swatch
from cascade.report.draw.plotly import figure_json
from cascade.report.figures import FigureSpec
from cascade.report.score import answer as answer_of_score
from cascade.report.score import how as how_scored
from cascade.report.score import remarks as remarks_of_score
from cascade.report.sections import OVERVIEW, Section, sections
from cascade.report.stylised import answer as answer_of_facts
from cascade.report.stylised import remarks
from cascade.report.threshold import how, line_text, question_text, threshold_text
from cascade.report.threshold import remarks as remarks_of

if TYPE_CHECKING:
    from jinja2 import Environment

    from cascade.calibration.scorecard import Scorecard
    from cascade.experiment.contagion_found import Contagion
    from cascade.experiment.facts import Facts

FOLDER: Final = Path(__file__).resolve().parent
MOST_BYTES: Final = 3_000_000
MOST_RUNS: Final = 8
"""Runs of a page: as many as there are looks to tell them apart, and the baseline."""

LONG, SHORT = 60, 8
"""Rows of a table that is shown, and of one whose rows are folded; a longer one can be downloaded."""

FITS: Final = (38, 68, 98)
"""Letters across a table that fit a phone, a tablet, and the page."""

NARROW, _ROW_NAME = 32, 16
"""Letters of a text after which it breaks, and those that the name of a row takes."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a page is made."""

    static: bool = False
    """Figures as SVG, and no script."""
    made: datetime | None = None
    """When; None for now."""


def study_of(
    sources: Iterable[str | Path | Result | Sweep], baseline: str | None = None,
    metrics: Sequence[str] | None = None, *, confidence: float = CONFIDENCE,
) -> Study:  # fmt: skip
    """Return what a report is about: one run, or several, each held against the first or against `baseline`.

    Parameters
    ----------
    sources
        Folders of runs or sweeps, or what was read from them; of a sweep all variants. Of one sweep of
        `attribute` alone, the run with all channels on, and what each channel did.
    baseline, metrics, confidence
        As of `compare`; of no use for one run.

    Raises
    ------
    ResultsError, UsageError
        Results that can't be read or compared, too many of them, or a baseline that is none of them.
    """
    listed = list(sources)
    searched = found_by(listed[0]) if len(listed) == 1 and baseline is None and metrics is None else None
    if searched is not None:
        return Study((), frontier=searched)
    whole = attributed(listed[0]) if len(listed) == 1 and baseline is None and metrics is None else None
    if whole:
        return whole
    named = named_results(listed)
    if len(named) == 1:
        return Study((Variant(named[0].name, named[0].result, 1),))  # not in the baseline's grey
    if len(named) > MOST_RUNS:
        raise UsageError(
            f"these are {len(named)} runs, and a page shows at most {MOST_RUNS}",
            remedy="give some of them; `cascade compare` prints any number",
            code="CAS805",
        )
    called = labels(named)
    new_names = dict(zip((each.name for each in named), called, strict=True))
    results = dict(zip(called, (each.result for each in named), strict=True))
    comparison = compare(results, new_names.get(baseline or "", baseline), metrics, confidence=confidence)
    variants = [Variant(each.name, results[each.name], k) for k, each in enumerate(comparison.variants)]
    return Study(tuple(variants), comparison, *_asked(listed))


def _asked(sources: Sequence[str | Path | Result | Sweep]) -> tuple[str, str]:
    """Return what a sweep asks and how it describes itself, if it is all that is reported on."""
    if len(sources) != 1:
        return "", ""
    opened = sources[0] if isinstance(sources[0], Result | Sweep) else read(sources[0])
    return str(opened.manifest.get("question") or ""), str(opened.manifest.get("description") or "")


def attributed(source: str | Path | Result | Sweep) -> Study | None:
    """Return the study of a sweep over channels that `attribute` has evaluated, or None if it is none."""
    opened = source if isinstance(source, Result | Sweep) else read(source)
    found = recorded(opened) if isinstance(opened, Sweep) else None
    if found is None or not isinstance(opened, Sweep):
        return None
    whole = whole_of(opened)
    return Study((Variant(whole.name, whole, 1),), attribution=found)


def found_by(source: str | Path | Result | Sweep) -> Frontier | None:
    """Return what a search found, if a sweep is one of a search."""
    opened = source if isinstance(source, Result | Sweep) else read(source)
    return frontier_of(opened) if isinstance(opened, Sweep) and is_searched(opened) else None


def page(study: Study, options: Options | None = None) -> str:
    """Return the report of a study as HTML, its series coarser where it would have over MOST_BYTES.

    Raises
    ------
    UsageError
        If the page is to be static and matplotlib is not installed.
    """
    if study.frontier is not None:
        return _searched(study.frontier, options or Options())
    text = _rendered(study, options or Options())
    while len(text.encode()) > MOST_BYTES and study.first.bins >= 2 * FEWEST_BINS:
        study = study.coarser()
        text = _rendered(study, options or Options())
    return text


def facts_page(found: Facts, options: Options | None = None) -> str:
    """Return a page of stylised facts as HTML: the verdicts, and the curves behind them.

    Raises
    ------
    UsageError
        If the page is to be static and matplotlib is not installed.
    """
    head = _Head(
        f"{found.name}: stylised facts", said("{answer}", answer=answer_of_facts(found)), " ".join(remarks(found)),
        "every number comes from the facts as cascade computed them",
    )  # fmt: skip
    return _filled(Study((), facts=found), options or Options(), head)


def score_page(found: Scorecard, options: Options | None = None) -> str:
    """Return a page of a scorecard as HTML: the answer, then figures, baselines and registrations.

    Raises
    ------
    UsageError
        If the page is to be static and matplotlib is not installed.
    """
    events = [each.event for each in found.cards]
    title = events[0].title or events[0].name if len(events) == 1 else f"{len(events)} events scored"
    head = _Head(
        title, said(answer_of_score(found)), " ".join([*remarks_of_score(found), how_scored()]),
        "every number comes from the registrations and the observed values",
    )  # fmt: skip
    return _filled(Study((), scorecard=found), options or Options(), head)


def contagion_page(found: Contagion, options: Options | None = None) -> str:
    """Return a page of the matrix of contagion as HTML.

    Raises
    ------
    UsageError
        If the page is to be static and matplotlib is not installed.
    """
    head = _Head(
        f"{found.name}: contagion", said("{answer}", answer=answer_of_contagion(found)),
        " ".join([*remarks_of_contagion(found), how_of_contagion(found)]),
        "every number comes from the matrix as cascade computed it",
    )  # fmt: skip
    return _filled(Study((), contagion=found), options or Options(), head)


def _searched(found: Frontier, options: Options) -> str:
    """Return a page of what a search found."""
    first = found.thresholds[0]
    sentence = line_text(found) if found.question.against else threshold_text(first)
    notes = dict.fromkeys(note for each in found.thresholds for note in remarks_of(each))
    head = _Head(
        f"{found.scenario}: the threshold of {found.question.vary}", said("{answer}", answer=sentence),
        " ".join([*notes, how(first)]), "every number comes from the tables of the search", lead=question_text(first),
    )  # fmt: skip
    return _filled(Study((), frontier=found), options, head)


def _rendered(study: Study, options: Options) -> str:
    head = _Head(
        _title(study), _verdict(study), _conditions(study),
        "every number comes from the tables of the run", _lead(study), _references(study), cards(study),
        outcome_table(study), is_unfinished=study.first.result.outcome == "unfinished",
    )  # fmt: skip
    return _filled(study, options, head)


def _verdict(study: Study) -> Said:
    """Return the answer: what channels did, where the page is asked that, or what differs, or whether it cascaded."""
    if study.attribution is not None:
        return said("{answer}", answer=answer_of_attribution(study.attribution))
    return comparison_verdict(study) or answer(study)


class _Head(NamedTuple):
    """What stands above the sections of a page."""

    title: str
    verdict: Said
    conditions: str
    origin: str
    lead: str = ""
    references: Sequence[str] = ()
    cards: Sequence[Card] = ()
    outcomes: Outcomes | None = None
    is_unfinished: bool = False


def _filled(study: Study, options: Options, head: _Head) -> str:
    """Return the page of a study: its sections, and what stands about them."""
    found, absent = sections(study)
    shown = [section for section in found if section.id != OVERVIEW]
    overview = [spec for section in found if section.id == OVERVIEW for spec in section.figures]
    made = options.made or datetime.now(UTC)
    template = _environment().get_template("page.html")
    return template.render(
        sections=shown, overview=overview, absent=absent, is_static=options.static, made=f"{made:%Y-%m-%d %H:%M} UTC",
        version=software_version(), draw=_Drawer(static=options.static), is_new=_Seen(), style=_asset("style.css"),
        script=_asset("script.js"), plotly="" if options.static else _asset("plotly/plotly-cartesian.min.js"),
        **head._asdict(),
    )  # fmt: skip


def _conditions(study: Study) -> str:
    """Return how many replicates a page rests on, and what its figures are."""
    n = format_replicates(study.n)
    after = "A stress result, conditional on the scenario; not a forecast."
    if study.comparison is not None:
        confidence = f"{100 * study.comparison.confidence:g} %"
        return (
            f"Baseline: {study.first.label}. {n} of each run. The table shows means, and differences with intervals of "
            f"{confidence}. {after}"
        )
    if study.n > 5:
        return f"{n}. Medians [95 % order-statistic interval of the median]. {after}"
    if study.n > 1:
        return f"{n}. Medians; an interval needs 6 replicates. {after}"
    return f"{n}. One realisation: nothing here says how much of it is luck. {after}"


def _title(study: Study) -> str:
    """Return what is asked, where that is said, or of what the page is."""
    if study.question:
        return study.question
    names = list(dict.fromkeys(variant.result.name for variant in study.variants))
    return " against ".join(names) if study.is_comparison and len(names) > 1 else names[0]


def _lead(study: Study) -> str:
    """Return what was run."""
    scenario = study.first.scenario
    text = scenario.description if scenario else str(study.first.result.manifest.get("description", ""))
    return study.description or text


def _references(study: Study) -> list[str]:
    scenario = study.first.scenario
    return [each if isinstance(each, str) else each.text for each in scenario.references] if scenario else []


class _Seen:
    """Tells whether a table is met for the first time on a page: its cells have one place there."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def __call__(self, table: Table) -> bool:
        is_new = table.name not in self._names
        self._names.add(table.name)
        return is_new


class _Drawer:
    """Draws figures into the page."""

    def __init__(self, *, static: bool) -> None:
        self._static = static

    def __call__(self, spec: FigureSpec) -> Any:
        from markupsafe import Markup

        if self._static:
            from cascade.report.draw.svg import figure_svg

            return Markup(figure_svg(spec))
        text = json.dumps(figure_json(spec), separators=(",", ":"), allow_nan=False, sort_keys=True)
        return Markup(text.replace("<", "\\u003c"))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from cascade.report.kept_templates import kept_templates

    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, bytecode_cache=kept_templates(Path(__file__).read_text(encoding="utf-8")),
    )  # fmt: skip
    environment.filters.update(plain=plain, coded=coded, csv_uri=csv_uri, swatch=swatch, spark=spark)
    own: dict[str, Any] = {"cells": cells, "visible": visible, "fit": fit, "is_shown": is_shown}
    environment.globals.update(own)
    return environment


@lru_cache(maxsize=8)
def _asset(name: str) -> Any:
    """Return a file of the page's, to be put in as it is."""
    from markupsafe import Markup

    return Markup((FOLDER / "assets" / name).read_text(encoding="utf-8"))


def coded(text: str) -> Any:
    """Return a text as HTML, what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def csv_uri(table: Table) -> str:
    """Return a table as an address that holds it."""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(table.csv().encode()).decode()}"


def visible(table: Table) -> list[Column]:
    """Return the columns a reader sees: those that are filled and not part of another."""
    return [
        column for column in table.columns
        if not column.hidden and any(value not in (None, "") for value in column.values)
    ]  # fmt: skip


def fit(table: Table) -> int:
    """Return how wide a table is, from 1 to 4: the style folds its rows where that is more than there is room for."""
    columns = [column for column in visible(table) if column.name != "group"]
    width = sum(_width(table, column, is_first=k == 0) for k, column in enumerate(columns))
    return 1 + sum(width > most for most in FITS)


def is_shown(table: Table) -> bool:
    """Tell whether the numbers of a figure are read on the page, and not in a file."""
    return len(table) <= SHORT or (len(table) <= LONG and fit(table) <= len(FITS))


def _width(table: Table, column: Column, *, is_first: bool) -> int:
    """Return the letters across a column, with what stands between two."""
    rows = range(len(table))
    if column.kind == "number":
        shown = [_shown(table, row, column) for row in rows]
        texts = [f"{' '.join(text for _, _, text in each.parts)} {each.unit}  " for each in shown]
    else:
        texts = [str(table.value(row, column.name) or "") for row in rows]
        texts = [text if len(text) < NARROW else max(text[:NARROW], *text.split(), key=len) for text in texts]
    words = [len(word) for word in column.label.split()]
    least = NARROW if column.kind == "code" else _ROW_NAME if is_first else 0
    return max([least, *words, *(min(len(text), 2 * NARROW) for text in texts)]) + 2


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as the page shows it: the text of each number, beside the number itself."""

    kind: str
    label: str
    parts: tuple[tuple[str, str, str], ...]
    """Column, number and text of the value, and of the ends of its interval."""
    unit: str


def cells(table: Table, row: int) -> list[Shown]:
    """Return the visible cells of a row."""
    return [_shown(table, row, column) for column in visible(table) if column.name != "group"]


def _shown(table: Table, row: int, column: Column) -> Shown:
    unit = table.unit(row, column.name) if column.kind == "number" else ""
    names = [column.name]
    if column.interval and table.value(row, column.interval[0]) is not None:
        names += column.interval
    values = [(name, table.value(row, name)) for name in names]
    parts = tuple(
        (
            name,
            plain(value),
            "" if value is None else show(value, unit, is_bare=place > 0, is_apart=column.is_apart),
        )
        for place, (name, value) in enumerate(values)
    )
    return Shown(column.kind, column.label, parts, _SAID.get(unit, unit) if column.unit is None else "")


_SAID: Final = dict.fromkeys(
    ("USD", "bps", "%", "h", "min", "s", "per square root of a year", "1", ""), ""
) | {"USD per unit of the asset": "USD"}
"""Units that the text of a number says, or that need no word."""


def spark(values: Floats) -> Any:
    """Return a path as a small SVG line."""
    from markupsafe import Markup

    known = values[~np.isnan(values)]
    low, high = (float(np.min(known)), float(np.max(known))) if len(known) else (0.0, 1.0)
    span = (high - low) or 1.0
    step = 160.0 / max(len(known) - 1, 1)
    points = " ".join(f"{k * step:.1f},{34 - 32 * (float(v) - low) / span:.1f}" for k, v in enumerate(known))
    return Markup(
        f'<svg class="spark" viewBox="0 0 160 36" aria-hidden="true"><polyline points="{points}"/></svg>'
    )


__all__ = [
    "MOST_BYTES", "Options", "Section", "contagion_page", "facts_page", "page", "score_page", "study_of",
]  # fmt: skip
