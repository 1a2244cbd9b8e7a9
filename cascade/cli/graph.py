"""`cascade graph`: who tripped whom in a run, its trees, and how many each liquidation set off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import running, say, show, show_json

if TYPE_CHECKING:
    from cascade.analysis.graph import CascadeGraph
    from cascade.scenario.schema import Scenario


def graph(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    replicate: Annotated[
        int | None, typer.Option("--replicate", min=0, help="Replicate; by default the first.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.graphml|DIR", help="Write the graph: GraphML, or parquet."
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory", help="How long a forced fill can trip others, e.g. 5s; else until the next mark."
        ),
    ] = None,
    window: Annotated[str, typer.Option("--window", help="Length of the windows over time.")] = "10m",
    structural: Annotated[
        bool,
        typer.Option("--structural/--no-structural", help="Run the replicate again to see what was at risk."),
    ] = True,
    top: Annotated[int, typer.Option("--top", min=0, help="Trees and transmitters to print.")] = 5,
    allow_code: opt.AllowCode = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files.")] = False,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:
    """Show who tripped whom in one replicate, and the branching ratio by three estimators.

    Exit code 6 if the run has no such replicate or did not record its liquidations.
    """
    from cascade.analysis.graph import of_result, write
    from cascade.experiment.request import rerun_of
    from cascade.output.reader import read
    from cascade.report.graph import GraphReport, describe

    memory_s, window_s = _seconds(memory, "--memory"), _seconds(window, "--window")
    result = read(run)
    number = _replicate(result.replicates, replicate)
    found = of_result(result, number, memory_s=memory_s)
    scenario = rerun_of(result, allow_code=allow_code) if structural and len(found) else None
    if output is not None:
        for file in write(found, output, force=force):
            say(f"written: {file}")
    at_risk = [] if scenario is None else _at_risk(scenario, found, window_s or 600.0, quiet=quiet)
    report: GraphReport = describe(result, found, at_risk, window_s or 600.0)
    if json:
        show_json(report.as_dict(top))
    else:
        show(report.to_text(top))


def _replicate(there: list[int], asked: int | None) -> int:
    """Return the replicate that is asked for, or the first."""
    from cascade.errors import ResultsError

    if asked is None and there:
        return there[0]
    if asked not in there:
        listed = f"finished are: {', '.join(map(str, there[:12]))}{', ...' if len(there) > 12 else ''}"
        raise ResultsError(
            f"the run has no replicate {asked}", remedy=listed if there else "none has finished"
        )
    return asked


def _seconds(text: str | None, option: str) -> float | None:
    """Return a duration above zero that an option gives."""
    from cascade.errors import UsageError
    from cascade.units import parse_duration

    if text is None:
        return None
    found = parse_duration(text)
    if found is None or found <= 0:
        raise UsageError(f"'{text}' is no duration above zero", where=option, remedy=f"write {option} 10s")
    return found


def _at_risk(scenario: Scenario, graph: CascadeGraph, every_s: float, *, quiet: bool) -> list[Any]:
    """Run a replicate again and return what was at risk before most was liquidated, and before each window."""
    from cascade.exposure.criticality import criticality
    from cascade.report.graph import looks

    say(f"running replicate {graph.replicate} again to see what was at risk; --no-structural leaves it out")
    steps = looks(graph, every_s)
    with running(max(steps), quiet=quiet) as progress:
        return criticality(scenario, graph.replicate, steps, progress=progress)
