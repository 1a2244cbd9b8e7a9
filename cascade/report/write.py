"""Writes reports to files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cascade.analysis.statistics import CONFIDENCE
from cascade.errors import UsageError, refuse_existing
from cascade.experiment.recorder import units_of
from cascade.experiment.request import scenario_of
from cascade.output.manifest import MANIFEST, RESOLVED, write_atomically
from cascade.output.reader import Result
from cascade.output.reader import read as read_run
from cascade.output.sweep import Sweep, is_sweep, read
from cascade.report.draw.svg import require_matplotlib
from cascade.report.page import Options, contagion_page, page, study_of
from cascade.report.pdf import browser, write_pdf

if TYPE_CHECKING:
    from cascade.experiment.contagion_found import Contagion


def read_for_report(folder: str | Path) -> Result | Sweep:
    """Return a run or a sweep; of a run that has not finished, the replicates that have.

    Raises
    ------
    ResultsError
        The folder is not there, not of Cascade, of a newer version, or no replicate has finished.
    """
    folder = Path(folder)
    if is_sweep(folder) or (folder / MANIFEST).exists() or not (folder / RESOLVED).exists():
        return read(folder)
    found = read_run(folder, partial=True)
    scenario = scenario_of(found)
    manifest = {
        "scenario": {"name": scenario.name},
        "units": units_of(scenario).to_json(),
        "description": scenario.description,
        "request": {"seed": scenario.seed},
        "published": [item.model_dump() for item in scenario.published],
    }
    return replace(found, manifest=MappingProxyType(manifest))


def write_report(
    sources: Iterable[str | Path | Result | Sweep], path: str | Path, *, baseline: str | None = None,
    metrics: Sequence[str] | None = None, confidence: float = CONFIDENCE,
    static: bool = False, markdown: bool = False, pdf: bool = False, force: bool = False,
) -> Path:  # fmt: skip
    """Write a report of one run, or of several compared, and return its file.

    Parameters
    ----------
    sources
        Folders of runs or sweeps, or what was read from them; of a sweep all variants.
    baseline, metrics, confidence
        As of `compare`, where there are several runs.
    static
        Draw the figures as SVG, and use no JavaScript.
    markdown
        Write a memo in Markdown in place of a page.
    pdf
        Print the page, by a Chromium that is on the machine.
    force
        Overwrite the file.

    Raises
    ------
    UsageError
        The file exists and `force` is not given, matplotlib is missing for a static page, or a browser for a PDF.
    ResultsError
        Results that can't be read, or can't be compared.
    """
    path = Path(path)
    refuse_existing(path, force=force)
    if static:  # before the work, and not after it
        require_matplotlib()
    refuse_printed_memo(pdf=pdf, markdown=markdown)
    if pdf:
        browser()
    study = study_of(sources, baseline, metrics, confidence=confidence)
    if markdown:
        from cascade.report.markdown import memo

        text = memo(study)
    else:
        text = page(study, Options(static=static))
    if pdf:
        return write_pdf(text, path)
    return write_page(text, path)


def refuse_printed_memo(*, pdf: bool, markdown: bool) -> None:
    """Refuse what asks for a memo and for a page on paper."""
    if pdf and markdown:
        remedy = "take one of the two: --pdf prints the page, --markdown writes a memo"
        raise UsageError("a memo in Markdown is not printed", where="--pdf --markdown", remedy=remedy)


def write_page(text: str, path: Path) -> Path:
    """Write a page, with the folder that it is to lie in, and return its file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return path


def write_contagion(found: Contagion, folder: str | Path, *, static: bool = False) -> Path:
    """Write the tables of contagion and a page into a folder, and return the page; see `refuse_existing`.

    Raises
    ------
    UsageError
        If matplotlib is missing for a static page.
    """
    from cascade.experiment.contagion_found import written
    from cascade.report.builders.contagion import check_tables, entry_table

    text, path = contagion_page(found, Options(static=static)), Path(folder) / "contagion.html"
    written(found, path.parent)
    for table in (entry_table(found), *check_tables(found)):
        write_atomically(path.with_name(f"{table.name}.csv"), table.csv())
    write_atomically(path, text)
    return path
