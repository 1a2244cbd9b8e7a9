"""`cascade cost`: what an order costs, and what it does to the market, by how long it is worked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cascade.cli.terminal import (
    AsJson,
    Jobs,
    Overrides,
    Seed,
    running,
    show,
    show_json,
    show_rich,
    tell_compiling,
)

if TYPE_CHECKING:
    from cascade.units import Quantity


def cost(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="Scenario file.")],
    overrides: Overrides = None,
    sell: Annotated[
        str | None, typer.Option("--sell", metavar="USD", help="Size of the order, to be sold: 60M.")
    ] = None,
    buy: Annotated[str | None, typer.Option("--buy", metavar="USD", help="The same, to be bought.")] = None,
    over: Annotated[
        str,
        typer.Option("--over", metavar="TIMES", help="How long it is worked, each in turn; 0s is at once."),
    ] = "1h,4h,24h",
    market: Annotated[
        str | None, typer.Option("--market", help="Where it is traded; by default the first perpetual.")
    ] = None,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="When it begins, since the start.")] = "10m",
    watch: Annotated[
        str, typer.Option("--watch", metavar="TIME", help="How long the market is looked at after its end.")
    ] = "1h",
    replicates: Annotated[
        int, typer.Option("-n", "--replicates", min=1, help="Replicates; an interval needs 6.")
    ] = 8,
    seed: Seed = None,
    jobs: Jobs = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    json: AsJson = False,
) -> None:
    """Measure what an order costs, against the same luck without it.

    The order is worked evenly. Each replicate runs up to its beginning, and goes on from there once for each time
    that it is worked over and once without it: what differs is the order's doing. The scenario's own shocks and its
    liquidations stay. Nothing is written.

    Exit code 2 if the order cannot be traded in this scenario, 3 if the scenario is invalid.
    """
    from cascade.experiment.order_cost import prepare_cost
    from cascade.report.order_cost import cost_dict, cost_markdown, cost_rich
    from cascade.scenario.load import load
    from cascade.units import DURATION

    side, notional = _order(sell, buy)
    overs = [_amount(DURATION, part, "--over") for part in over.split(",")]
    times = {"at_s": _amount(DURATION, at, "--at"), "watch_s": _amount(DURATION, watch, "--watch")}
    loaded = load(scenario, overrides or ())
    loaded = loaded if seed is None else loaded.replace(seed=seed)
    prepared = prepare_cost(loaded, side, notional, overs, market=market, replicates=replicates, **times)
    tell_compiling()
    with running(prepared.n_steps, quiet=quiet) as progress:
        found = prepared.run(jobs=jobs, progress=progress)
    if json:
        show_json(cost_dict(found, prepared.scenario))
    elif markdown:
        show(cost_markdown(found, prepared.scenario))
    else:
        show_rich(*cost_rich(found, prepared.scenario))


def _order(sell: str | None, buy: str | None) -> tuple[Literal["buy", "sell"], float]:
    """Return the side and the size of the order that is asked for."""
    from cascade.errors import UsageError
    from cascade.units import USD

    if (sell is None) == (buy is None):
        told = "no order is given" if sell is None else "an order is either sold or bought"
        raise UsageError(told, where="--sell, --buy", remedy="write one of them: --sell 60M")
    side: Literal["buy", "sell"] = "buy" if sell is None else "sell"
    notional = _amount(USD, sell or buy or "", f"--{side}")
    if notional <= 0.0:
        raise UsageError("the order has no size", where=f"--{side}", remedy=f"write --{side} 60M")
    return side, notional


def _amount(quantity: Quantity, text: str, option: str) -> float:
    """Return a quantity that an option gives."""
    from pydantic_core import PydanticCustomError

    from cascade.errors import UsageError

    try:
        amount = float(quantity.parse(text))
    except PydanticCustomError as error:
        told = error.context or {}
        raise UsageError(told["message"], where=option, remedy=told["hint"]) from None
    if amount < 0.0:
        raise UsageError(f"'{text}' is below zero", where=option, remedy="leave out the sign")
    return amount
