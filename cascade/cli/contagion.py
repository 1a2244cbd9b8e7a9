"""`cascade contagion`: what a dollar that is liquidated in one place brings in others."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast, get_args

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, running, say, show, show_json, show_rich

if TYPE_CHECKING:
    from cascade.experiment.contagion import Prepared
    from cascade.experiment.contagion_found import Contagion
    from cascade.experiment.contagion_question import By


Word: TypeAlias = Annotated[
    str, typer.Option("--by", metavar="WORD", help="What is held against each other: asset, market or venue.")
]
Sell: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sell", metavar="USD", help="What is sold by force in each; by default 1 % of its open interest."
    ),
]
Buy: TypeAlias = Annotated[
    str | None, typer.Option("--buy", metavar="USD", help="The same, bought: for shorts.")
]
At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIMES", help="When the market is branched: 10m,20m; by default four times."
    ),
]
Watch: TypeAlias = Annotated[
    str | None,
    typer.Option("--watch", metavar="TIME", help="How long branches go on; by default 10m at most."),
]
Channels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--channels", metavar="A,B,C",
        help="Channels to be switched off, every coalition of them; `contagion` for all of that kind.",
    ),
]  # fmt: skip
Alone: TypeAlias = Annotated[
    bool, typer.Option("--alone", help="Switch channels off one at a time, not in every coalition.")
]
Shock: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shock", metavar="NAME", help="Trade an order of the scenario, as it is written, instead."
    ),
]
Check: TypeAlias = Annotated[
    int,
    typer.Option(
        "--check", metavar="N", min=0,
        help="Hold it against N whole runs of other luck, with the shock and without, each channel on and off.",
    ),
]  # fmt: skip
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FOLDER", help="Also write tables, and a page with the figures."),
]


def contagion(
    scenario: opt.Scenario, overrides: opt.Overrides = None, by: Word = "asset", sell: Sell = None, buy: Buy = None,
    at: At = None, watch: Watch = None, channels: Channels = None, alone: Alone = False, shock: Shock = None,
    check: Check = 0, replicates: opt.Pairs = 16, seed: opt.Seed = None, jobs: opt.Jobs = None, out: Folder = None,
    static: opt.Static = False, force: opt.Force = False, dry_run: opt.DryRun = False, quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Measure what is liquidated in each asset, market or venue for a dollar sold by force in another.

    A running market is cloned at several times, and goes on under the same luck with and without a forced sale in each
    place. With --channels it is done again for every coalition of channels: k channels take 2^k times as long. With
    --check the scenario is also run from start to end, and what its shock brings is held against the matrix.

    Exit code 2 for a place, time, channel or shock there is not, 3 if the scenario is invalid.
    """
    from cascade.experiment.contagion import prepare_contagion
    from cascade.experiment.order_words import amount_of, order_in_words
    from cascade.report.contagion import contagion_dict, contagion_rich
    from cascade.scenario.load import load
    from cascade.scenario.words import words_in
    from cascade.units import DURATION

    if shock is not None:
        _refuse_beside_shock({"--sell": sell, "--buy": buy, "--at": at})
    side, notional = order_in_words(sell, buy, may_lack=True)
    loaded = load(scenario, overrides or ())
    prepared = prepare_contagion(
        loaded if seed is None else loaded.replace(seed=seed),
        by=_by(by), side=side or "sell", notional=notional, at_s=_times(at),
        horizon_s=None if watch is None else amount_of(DURATION, watch, "--watch"),
        channels=None if channels is None else words_in(channels), alone=alone, shock=shock, check=check,
        replicates=replicates,
    )  # fmt: skip
    if out is not None:
        _refuse_existing(out, force=force)
    found = _measured(prepared, jobs, dry_run=dry_run, json=json, quiet=quiet)
    if found is None:
        return
    show_json(contagion_dict(found)) if json else show_rich(*contagion_rich(found))
    if out is not None:
        from cascade.report.write import write_contagion

        say(f"page: {write_contagion(found, out, static=static)}")


def _measured(
    prepared: Prepared, jobs: int | None, *, dry_run: bool, json: bool, quiet: bool
) -> Contagion | None:
    """Say what it takes and do it; None where it was only to be said."""
    from cascade.explain.branches_cost import branches_cost
    from cascade.explain.pace import remember
    from cascade.installation import cores

    cost = branches_cost(prepared, jobs or cores())
    if dry_run:
        show_json(cost.as_dict()) if json else show(cost.text)
        return None
    say("" if quiet else cost.text)
    expect_compiling()
    with running(prepared.n_steps, quiet=quiet) as progress:
        begun = time.monotonic()
        found = prepared.run(jobs=jobs, progress=progress)
        remember(cost.name, (time.monotonic() - begun) / cost.measured_s)
    return found


def _refuse_existing(out: Path, *, force: bool) -> None:
    """Refuse a folder that holds what would be written."""
    from cascade.errors import refuse_existing

    files = ("contagion.html", "contagion.csv", "contagion.parquet", "attribution.parquet")
    for name in (*files, "contagion_check.csv", "contagion_check.parquet"):
        refuse_existing(out / name, force=force)


def _refuse_beside_shock(options: Mapping[str, str | None]) -> None:
    """Refuse options that say what a shock says."""
    from cascade.errors import UsageError

    if given := [name for name, value in options.items() if value is not None]:
        raise UsageError(
            "the shock says already what is traded, and when", where=", ".join(given),
            remedy=f"leave {', '.join(given)} out, or leave --shock out",
        )  # fmt: skip


def _times(text: str | None) -> tuple[float, ...] | None:
    """Return the times of `--at`; None where it is not written."""
    from cascade.experiment.order_words import amounts_of
    from cascade.units import DURATION

    if text is None:
        return None
    return tuple(amounts_of(DURATION, text, "--at")) if text.strip(" ,") else ()


def _by(word: str) -> By:
    from cascade.errors import UsageError
    from cascade.experiment.contagion_question import By

    if word in get_args(By):
        return cast("By", word)
    raise UsageError(f"'{word}' is nothing to go by", where="--by", remedy="write asset, market or venue")
