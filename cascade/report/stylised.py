"""Stylised facts as a reader sees them: a table in a terminal, in Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from cascade import escape
from cascade.analysis.facts import RULES, Band, Reading, Row, Verdict
from cascade.analysis.formats import format_replicates
from cascade.analysis.statistics import CONFIDENCE
from cascade.report.plain_table import markdown_lines, rich_table
from cascade.units import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cascade.experiment.facts import Facts

_TINTS = {Verdict.INSIDE: "green", Verdict.EDGE: "yellow", Verdict.OUTSIDE: "red", Verdict.NOT_JUDGED: "dim"}

HEADINGS = (
    "#",
    "fact",
    "value",
    f"{CONFIDENCE:.0%} interval",
    "band",
    "verdict",
    "inside",
    "band from, or why not",
)


class Cells(NamedTuple):
    """A reading as text."""

    row: str
    fact: str
    value: str
    interval: str
    band: str
    verdict: str
    share: str
    """Share of the replicates whose own figure lies in the band."""
    remark: str
    """Where the band comes from, or why there is no verdict."""


def number(value: float) -> str:
    """Return a figure with three digits."""
    text = f"{value:.3g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return "0" if text in {"-0", "0"} else text


def band_text(band: Band) -> str:
    """Return the ends of a band."""
    return number(band.low) if band.low == band.high else f"{number(band.low)} to {number(band.high)}"


def cells(row: Row, reading: Reading, *, is_first: bool = True) -> Cells:
    """Return a reading as text; the first of a fact has its number and title."""
    fact, estimate = row.fact, reading.estimate
    unit = f", {fact.unit}" if fact.unit != "1" else ""
    title = f"{fact.title}{unit}" if is_first else ""
    label = (
        f"{title}: {reading.part.label}"
        if title and reading.part.label
        else title or f"  {reading.part.label}"
    )
    interval = ""
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        interval = f"{number(estimate.low)} to {number(estimate.high)}"
    remark = reading.band.source if reading.verdict is not Verdict.NOT_JUDGED else reading.reason
    return Cells(
        f"{fact.row}{'*' if fact.must else ''}" if is_first else "", label,
        "" if estimate is None else number(estimate.value), interval, band_text(reading.band), reading.verdict,
        "" if reading.share is None else f"{reading.share:.0%}", remark,
    )  # fmt: skip


def all_cells(found: Facts) -> Iterator[Cells]:
    """Yield every reading as text."""
    for row in found.rows:
        for number_, reading in enumerate(row.readings):
            yield cells(row, reading, is_first=number_ == 0)


def heading(found: Facts) -> str:
    """Return what was judged, and how it came out."""
    counts = ", ".join(f"{n} {verdict}" for verdict, n in found.tally.items())
    return f"{found.name}: {found.market}, {_length(found)}: {counts}"


def answer(found: Facts) -> str:
    """Return how it came out, in a sentence."""
    inside, edge, outside, absent = (found.tally.get(verdict, 0) for verdict in Verdict)
    rest = f" {absent} could not be judged." if absent else ""
    return (
        f"Of {inside + edge + outside} stylised facts judged of {found.market}, {inside} lie inside the bands of real "
        f"markets, {edge} on their edge and {outside} outside.{rest} Judged of {_length(found)}."
    )


def _length(found: Facts) -> str:
    length = (
        f"{number(found.hours)} h" if found.hours >= 1.0 else format_duration(round(3600.0 * found.hours))
    )
    return f"{format_replicates(found.n)} of {length}"


def remarks(found: Facts) -> list[str]:
    """Return what else to know."""
    missed = ", ".join(str(row.fact.row) for row in found.missed)
    lines = [f"Outside of those that no market may miss (*): {missed or 'none'}."]
    if found.against:
        lines.append(f"Bands are those of {found.against} where it says anything of the fact.")
    return [*lines, *found.notes]


def facts_rich(found: Facts) -> list[RenderableType]:
    """Return the facts for a terminal."""
    from rich.text import Text

    left = [place for place, title in enumerate(HEADINGS) if title not in {"#", "value", "inside"}]
    rows = [
        [*each[:5], Text(each.verdict, style=_TINTS[Verdict(each.verdict)]), *each[6:]]
        for each in all_cells(found)
    ]
    table = rich_table(HEADINGS, rows, left=left, wraps=(1, 7))
    return [heading(found), table, *remarks(found)]


def facts_markdown(found: Facts) -> str:
    """Return the facts as a table in Markdown."""
    table = markdown_lines(HEADINGS, ([cell.strip() for cell in each] for each in all_cells(found)))
    return "\n".join(
        [f"{escape.markdown(heading(found))}.", "", *table, "", *map(escape.markdown_coded, remarks(found))]
    )


def facts_dict(found: Facts) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "name": found.name, "market": found.market, "replicates": found.n, "hours": found.hours,
        "confidence": CONFIDENCE, "against": found.against,
        "tally": {str(verdict): n for verdict, n in found.tally.items()},
        "missed": [row.fact.row for row in found.missed],
        "facts": [_row_dict(row) for row in found.rows],
        "notes": list(found.notes),
    }  # fmt: skip


def _row_dict(row: Row) -> dict[str, Any]:
    fact = row.fact
    return {
        "row": fact.row, "name": fact.name, "title": fact.title, "unit": fact.unit, "estimator": fact.estimator,
        "must": fact.must, "verdict": str(row.verdict), "readings": [_reading_dict(each) for each in row.readings],
    }  # fmt: skip


def _reading_dict(reading: Reading) -> dict[str, Any]:
    band = reading.band
    return {
        "label": reading.part.label, "verdict": str(reading.verdict), "reason": reading.reason,
        "estimate": None if reading.estimate is None else asdict(reading.estimate), "share_inside": reading.share,
        "band": {
            "low": band.low, "high": band.high, "rule": RULES[band.rule], "source": band.source,
            "observed": dict(band.observed),
        },
    }  # fmt: skip
