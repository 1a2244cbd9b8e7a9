"""`cascade score`: events are foretold, the predictions registered, and then held against what was observed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, running, say, show_json, show_rich, show_rows
from cascade.errors import UsageError, refuse_existing
from cascade.limits import MOST_REPLICATES

if TYPE_CHECKING:
    from cascade.calibration.score import Foretold

Events: TypeAlias = Annotated[list[Path], typer.Argument(metavar="EVENT...", help="Folders of events.")]
AtLeast: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "-n", "--replicates", min=1, max=MOST_REPLICATES,
        help="Replicates of each event; by default those of its scenario, but at least 20.",
    ),
]  # fmt: skip
Realised: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--map", metavar="LIQUIDATIONS", help="Also score the map of the one event: liquidations by price."
    ),
]
Positions: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--positions", metavar="POSITIONS", help="Positions that the map is made of; else the population."
    ),
]
Market: TypeAlias = Annotated[
    str | None, typer.Option("--market", help="Market of the map, where there are several.")
]
FailIf: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--fail-if", metavar="TEST", help="Exit 1 if 'coverage_90<0.75' or 'worse:climatology'."),
]
Blind: TypeAlias = Annotated[
    bool,
    typer.Option("--register", help="Only write predictions down: observed values need not be there yet."),
]
Folder: TypeAlias = Annotated[
    Path, typer.Option("--results", metavar="DIR", help="Folder of registrations and runs.")
]


def score(
    events: Events,
    replicates: AtLeast = None,
    seed: opt.Seed = None,
    realised: Realised = None,
    positions: Positions = None,
    market: Market = None,
    fail_if: FailIf = None,
    register: Blind = False,
    allow: opt.Allow = None,
    allow_code: opt.AllowCode = False,
    registrations: Folder = Path("results"),
    jobs: opt.Jobs = None,
    out: opt.PageFile = None,
    static: opt.Static = False,
    force: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:
    """Score events: how many figures lie in their intervals, and whether simple formulas did better.

    Each event's scenario is simulated, or a run of the same that is there is taken; what it foretells is written
    down with its checksum and the time; then the observed values are opened. What is registered is never written
    again: asked again, it is checked and taken as it is.

    Exit code 1 if a --fail-if is met, 3 if an event or its scenario is invalid, 6 if a registration was altered.
    """
    from cascade.calibration.demands import parse_demand, refuse_breaches
    from cascade.calibration.score import prepare_score
    from cascade.report.page import Options, score_page
    from cascade.report.score import score_dict, score_rich
    from cascade.report.write import write_page

    demands = [parse_demand(each) for each in fail_if or ()]
    if register and (demands or out is not None):
        told = "predictions are only written down, and there is nothing yet to judge or to draw"
        raise UsageError(told, where="--register", remedy="leave out --fail-if and -o")
    if out is not None:
        refuse_existing(out, force=force)
    prepared = prepare_score(
        events, replicates=replicates, seed=seed, realised=realised, positions=positions, market=market,
        allow=allow or (), is_blind=register,
    )  # fmt: skip
    expect_compiling()
    with running(prepared.steps(registrations), quiet=quiet) as progress:
        foretold = prepared.foretell(
            out=registrations, jobs=jobs, progress=progress, allow_code=allow_code, say=None if quiet else say
        )
    if register:
        _show_registered(foretold, json=json)
        return
    found = prepared.open(foretold)
    show_json(score_dict(found)) if json else show_rich(*score_rich(found))
    if out is not None:
        say(f"page: {write_page(score_page(found, Options(static=static)), out)}")
    refuse_breaches(found, demands)


def _show_registered(foretold: Foretold, *, json: bool) -> None:
    from cascade.report.score import registration_dict, when

    if json:
        show_json([registration_dict(each) for each in foretold.all])
    else:
        show_rows([(each.event, when(each.registered), each.sha256, str(each.path)) for each in foretold.all])
