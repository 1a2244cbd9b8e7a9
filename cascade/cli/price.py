"""`cascade price`: liquidation prices and margins of one position, or of the accounts of a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import show, show_json, show_rich
from cascade.errors import UsageError

Venue: TypeAlias = Annotated[str, typer.Option("--venue", metavar="RULEBOOK", help="E.g. binance-2025-07.")]
Contract: TypeAlias = Annotated[str | None, typer.Option("--contract", help="E.g. BTCUSDT.")]
SideName: TypeAlias = Annotated[str | None, typer.Option("--side", help="long or short.")]
Entry: TypeAlias = Annotated[float | None, typer.Option("--entry", metavar="PRICE", help="Entry price, USD.")]
Size: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--size", metavar="UNITS", help="Size, in units of the asset; of an inverse contract in USD."
    ),
]
Leverage: TypeAlias = Annotated[float | None, typer.Option("--leverage", metavar="X", help="E.g. 20.")]
Margin: TypeAlias = Annotated[
    float | None, typer.Option("--margin", metavar="AMOUNT", help="Isolated margin, instead of --leverage.")
]
Marks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--mark", metavar="PRICE", help="Mark price; of a file's contracts BTCUSDT=105000; default the entry."
    ),
]
Positions: TypeAlias = Annotated[
    Path | None,
    typer.Option("--positions", metavar="FILE", help="CSV or parquet of positions, instead of one position."),
]
Account: TypeAlias = Annotated[
    str | None, typer.Option("--account", metavar="LABEL", help="With --positions: this account alone.")
]


def price(
    venue: Venue, contract: Contract = None, side: SideName = None, entry: Entry = None, size: Size = None,
    leverage: Leverage = None, margin: Margin = None, mark: Marks = None, positions: Positions = None,
    account: Account = None, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Price one isolated position, or the accounts of a file of positions.

    By the rulebook's tiers and the margin test that a run liquidates by. Trading fees are not counted, but what
    a venue sets aside for closing is. Of an inverse contract the size is in USD and the margin in coin.
    """
    if positions is not None:
        given = {"--side": side, "--entry": entry, "--size": size, "--leverage": leverage, "--margin": margin}
        _refuse_single(name for name, value in given.items() if value is not None)
        _portfolios(positions, venue, contract, mark or [], account, json=json)
        return
    from cascade.calculator.sheet import price_sheet
    from cascade.report.price_sheet import sheet_text

    if contract is None or entry is None or size is None:
        told = "a position has a contract, a side, an entry and a size"
        remedy = "write --contract BTCUSDT --side long --entry 107000 --size 1.5 --leverage 20, or --positions FILE"
        raise UsageError(told, remedy=remedy)
    if side not in ("long", "short"):
        raise UsageError(f"side '{side}' is neither long nor short", remedy="write --side long")
    sheet = price_sheet(
        venue, contract, side=side, entry=entry, size=size, leverage=leverage, margin=margin,
        mark=_number(mark[-1]) if mark else None,
    )  # fmt: skip
    if json:
        show_json(sheet)
        return
    show(sheet_text(sheet))


def _refuse_single(given: Iterable[str]) -> None:
    """Raise where what describes one position stands beside a file of them."""
    names = ", ".join(given)
    if names:
        told = "the file says side, entry, size and margin of each position"
        remedy = f"leave out {names}, or leave out --positions to price one position"
        raise UsageError(told, where=names, remedy=remedy)


def _portfolios(
    file: Path, venue: str, contract: str | None, marks: list[str], label: str | None, *, json: bool
) -> None:
    """Print the accounts of a file, or one of them."""
    from cascade.calculator.snapshot import read_portfolios
    from cascade.report.portfolio import portfolio_dict, portfolio_rich, portfolios_rich
    from cascade.scenario.words import did_you_mean

    accounts = read_portfolios(file, venue, contract=contract, marks=dict(map(_named, marks)))
    chosen = [each for each in accounts if label in (None, each.label)]
    if not chosen:
        labels = [each.label for each in accounts if each.label]
        told = f"no account '{label}' in {file}{did_you_mean(label or '', labels)}"
        raise UsageError(told, where="--account", remedy="write a label of the file")
    if json:
        show_json([portfolio_dict(each) for each in chosen])
    elif len(chosen) > 1 and label is None:
        show_rich(*portfolios_rich(chosen))
    else:
        for each in chosen:
            show_rich(*portfolio_rich(each))


def _named(text: str) -> tuple[str, float]:
    """Return contract and price of a mark."""
    name, equals, price = text.partition("=")
    if not equals:
        remedy = "write the contract, too: --mark BTCUSDT=105000"
        raise UsageError(
            f"'{text}' does not say of which contract it is the mark", where="--mark", remedy=remedy
        )
    return name, _number(price)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        told = f"'{text}' is not a number"
        raise UsageError(told, where="--mark", remedy="write a price: --mark 105000") from None
