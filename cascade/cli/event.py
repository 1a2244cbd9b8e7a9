"""`cascade event`: events of real days, written from archives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import guarded, say, show, show_json

event = typer.Typer(
    help="Write an event from archives: a market, what was known, what is asked, what was observed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@event.command("new")
@guarded
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the event, and of its folder.")],
    archives: Annotated[
        Path, typer.Option("--from", metavar="DIR", help="Folder of files as they are published.")
    ],
    start: Annotated[str, typer.Option("--start", metavar="TIME", help="Begin, such as 2025-07-01T00:00Z.")],
    end: Annotated[str, typer.Option("--end", metavar="TIME", help="End, such as 2025-07-02T00:00Z.")],
    coins: Annotated[
        str, typer.Option("--coins", metavar="BTC,ETH", help="Coins; by default those that have bars.")
    ] = "",
    venues: Annotated[
        str, typer.Option("--venues", metavar="NAMES", help="Venues whose figures are read.")
    ] = "binance,okx,bybit",
    on: Annotated[
        str, typer.Option("--on", metavar="SCENARIO", help="Shipped market that the event extends.")
    ] = "btc-2025-07-01",
    warm_up: Annotated[
        str,
        typer.Option("--warm-up", metavar="DAYS", help="Prices before the start that positions are from."),
    ] = "14d",
    ask: Annotated[
        str,
        typer.Option("--ask", metavar="KINDS", help="What is asked: liquidations, open_interest, prices."),
    ] = "liquidations",
    assume: Annotated[
        bool, typer.Option("--assume", help="Write what is missing as assumed, in place of asking for it.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FOLDER", help="Folder to write; by default NAME.")
    ] = None,
    force: opt.Force = False,
    json: opt.AsJson = False,
) -> None:
    """Write an event from a folder of archives: scenario.yaml, event.yaml, observed.yaml and files of bars.

    What the archives lack is named with what to fetch, and nothing is written (exit code 3).
    """
    from cascade.calibration.new_event import new_event, wanted_of

    wanted = wanted_of(
        name, start, end, coins=coins, venues=venues, base=on, warm_up=warm_up, ask=ask, assume=assume
    )
    written = new_event(wanted, archives, out or Path(name), force=force)
    if json:
        show_json(written)
        return
    for note in written.notes:
        say(f"note: {note}")
    show(str(written.folder))
    say(f"next: cascade validate {written.folder}/scenario.yaml")
