"""`cascade cost`: what an order costs, and what it does to the market, by how long it is worked."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, running, show, show_json, show_rich

Sell: TypeAlias = Annotated[
    str | None, typer.Option("--sell", metavar="USD", help="Size of the order, to be sold: 60M.")
]
Buy: TypeAlias = Annotated[str | None, typer.Option("--buy", metavar="USD", help="The same, to be bought.")]
Account: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--account", metavar="LABEL",
        help="Account of a table whose position is closed: all of it, unless --sell or --buy say less.",
    ),
]  # fmt: skip
Over: TypeAlias = Annotated[
    str,
    typer.Option("--over", metavar="TIMES", help="How long it is worked, each in turn; 0s is at once."),
]
Schedules: TypeAlias = Annotated[
    str,
    typer.Option(
        "--schedule", metavar="WORDS", help="How it is worked, each in turn: twap, pov or almgren-chriss."
    ),
]
Participation: TypeAlias = Annotated[
    str,
    typer.Option("--participation", metavar="SHARES", help="With pov: its share of volume, each in turn."),
]
RiskAversion: TypeAlias = Annotated[
    str,
    typer.Option(
        "--risk-aversion", metavar="NUMBERS", help="With almgren-chriss: per USD of cost, each in turn."
    ),
]
TemporaryImpact: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--temporary-impact", metavar="BPS",
        help="With almgren-chriss: what 1M USD a minute costs, each in turn; left out, by depth.",
    ),
]  # fmt: skip
Volatility: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--volatility", metavar="SHARES",
        help="With almgren-chriss: yearly volatility feared, each in turn; left out, that of the news.",
    ),
]  # fmt: skip
Market: TypeAlias = Annotated[
    str | None, typer.Option("--market", help="Where it is traded; by default the first perpetual.")
]
At: TypeAlias = Annotated[str, typer.Option("--at", metavar="TIME", help="When it begins, since the start.")]
Watch: TypeAlias = Annotated[
    str, typer.Option("--watch", metavar="TIME", help="How long the market is looked at after its end.")
]


def cost(
    scenario: opt.Scenario, overrides: opt.Overrides = None, sell: Sell = None, buy: Buy = None, account: Account = None,
    over: Over = "1h,4h,24h", schedule: Schedules = "twap", participation: Participation = "10%",
    risk_aversion: RiskAversion = "1e-9", temporary_impact: TemporaryImpact = None, volatility: Volatility = None,
    market: Market = None, at: At = "10m", watch: Watch = "1h", replicates: opt.Pairs = 8, seed: opt.Seed = None,
    allow_code: opt.AllowCode = False, jobs: opt.Jobs = None,
    markdown: opt.Markdown = False,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Measure what an order costs, against the same luck without it.

    The order is worked evenly, unless a schedule is given. Each replicate runs up to its beginning, and goes on from
    there once for each time and schedule and once without it: what differs is the order's doing. The scenario's own
    shocks and its liquidations stay. Nothing is written.

    Exit code 2 if the order cannot be traded in this scenario, 3 if the scenario is invalid.
    """
    from cascade.acting import admit_code
    from cascade.experiment.order_cost import prepare_cost
    from cascade.experiment.order_words import ScheduleWords, amount_of, amounts_of, order_in_words
    from cascade.report.order_cost import cost_dict, cost_markdown, cost_rich
    from cascade.scenario.load import load
    from cascade.units import DURATION

    side, notional = order_in_words(sell, buy, may_lack=account is not None, instead=", or --account")
    words = ScheduleWords(schedule, participation, risk_aversion, temporary_impact, volatility)
    times = {"at_s": amount_of(DURATION, at, "--at"), "watch_s": amount_of(DURATION, watch, "--watch")}
    loaded = load(scenario, overrides or ())
    admit_code([loaded], scenario, overrides or (), allowed=allow_code)
    prepared = prepare_cost(
        loaded if seed is None else loaded.replace(seed=seed), side, notional, amounts_of(DURATION, over, "--over"),
        market=market, account=account, schedules=words.read(), replicates=replicates, allow_code=allow_code,
        **times,
    )  # fmt: skip
    expect_compiling()
    with running(prepared.n_steps, quiet=quiet) as progress:
        found = prepared.run(jobs=jobs, progress=progress)
    if json:
        show_json(cost_dict(found, prepared.scenario))
    elif markdown:
        show(cost_markdown(found, prepared.scenario))
    else:
        show_rich(*cost_rich(found, prepared.scenario))
