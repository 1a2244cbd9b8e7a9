"""`cascade facts`: whether the market of a scenario, or of a run, behaves as a real one does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, running, say, show, show_json, show_rich

if TYPE_CHECKING:
    from cascade.experiment.facts import Facts


def facts(
    source: Annotated[Path, typer.Argument(metavar="SCENARIO|RUN", help="Scenario file, or folder of a run.")],
    overrides: opt.Overrides = None,
    allow_code: opt.AllowCode = False,
    replicates: Annotated[
        int | None, typer.Option("-n", "--replicates", min=1, help="Replicates; of a scenario at least 4 by default.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against", metavar="BARS.csv", help="Your own bars, whose figures become the bands; twice for two assets."
        ),
    ] = None,
    trades: Annotated[
        Path | None, typer.Option("--trades", metavar="TRADES.csv", help="Your own trades, for the same.")
    ] = None,
    market: Annotated[
        str | None, typer.Option("--market", help="Market to judge; by default the first perpetual.")
    ] = None,
    sales: Annotated[
        int | None, typer.Option("--sales", min=0, help="Replicates of the sales that facts of impact need; 0: none.")
    ] = None,
    seed: opt.Seed = None,
    jobs: opt.Jobs = None,
    out: opt.PageFile = None,
    static: opt.Static = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a fact is outside that no market may miss.")
    ] = False,
    markdown: opt.Markdown = False,
    force: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Hold the stylised facts of a market against bands of real ones.

    A scenario is run for them in memory: nothing is written, and nothing is taken from an earlier call. Of a run
    what it recorded is judged, and what it did not record is named.

    Exit code 1 if --strict is not met, 3 if the scenario or a file of data is invalid.
    """
    from cascade.errors import ThresholdError, refuse_existing
    from cascade.experiment.facts import prepare_facts

    prepared = prepare_facts(
        source, overrides or (), against=against or (), trades=trades, market=market, replicates=replicates,
        sales=sales, seed=seed, allow_code=allow_code,
    )  # fmt: skip
    if out is not None:
        refuse_existing(out, force=force)
    expect_compiling()
    with running(prepared.n_steps, quiet=quiet) as progress:
        found = prepared.run(jobs=jobs, progress=progress)
    _show(found, json=json, markdown=markdown)
    if out is not None:
        _write(found, out, static=static)
    if strict and found.missed:
        rows = ", ".join(str(row.fact.row) for row in found.missed)
        raise ThresholdError(f"facts that no market may miss are outside: {rows}", code="CAS900")


def _show(found: Facts, *, json: bool, markdown: bool) -> None:
    from cascade.report.stylised import facts_dict, facts_markdown, facts_rich

    if json:
        show_json(facts_dict(found))
    elif markdown:
        show(facts_markdown(found))
    else:
        show_rich(*facts_rich(found))


def _write(found: Facts, out: Path, *, static: bool) -> None:
    from cascade.report.page import Options, facts_page
    from cascade.report.write import write_page

    say(f"page: {write_page(facts_page(found, Options(static=static)), out)}")
