"""`cascade price`: liquidation prices and margins of one position, or of the accounts of a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cascade.cli.terminal import AsJson, show, show_json, show_rich
from cascade.errors import UsageError


def price(
    venue: Annotated[str, typer.Option("--venue", metavar="RULEBOOK", help="E.g. binance-2025-07.")],
    contract: Annotated[str | None, typer.Option("--contract", help="E.g. BTCUSDT.")] = None,
    side: Annotated[str | None, typer.Option("--side", help="long or short.")] = None,
    entry: Annotated[float | None, typer.Option("--entry", metavar="PRICE", help="Entry price, USD.")] = None,
    size: Annotated[
        float | None,
        typer.Option(
            "--size", metavar="UNITS", help="Size, in units of the asset; of an inverse contract in USD."
        ),
    ] = None,
    leverage: Annotated[float | None, typer.Option("--leverage", metavar="X", help="E.g. 20.")] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="AMOUNT", help="Isolated margin, instead of --leverage."),
    ] = None,
    mark: Annotated[
        list[str] | None,
        typer.Option(
            "--mark",
            metavar="PRICE",
            help="Mark price; of a file's contracts BTCUSDT=105000; default the entry.",
        ),
    ] = None,
    positions: Annotated[
        Path | None,
        typer.Option(
            "--positions", metavar="FILE", help="CSV or parquet of positions, instead of one position."
        ),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="LABEL", help="With --positions: this account alone.")
    ] = None,
    json: AsJson = False,
) -> None:
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
    for name, value, unit, told in _lines(sheet):
        show(f"{name:<20} {value:>22} {unit:<4} {told}".rstrip())
    for remark in sheet.remarks:
        show(f"{'remark':<20} {remark}")
    for source in sheet.sources:
        show(f"{'source':<20} {source}")


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


def _lines(sheet: Any) -> list[tuple[str, str, str, str]]:
    """Return name, value, unit and remark of what the sheet says."""
    ratio = sheet.margin_ratio
    told = "liquidated" if ratio is None or ratio >= 1 else "liquidated at 100 %"
    on_tick = sheet.liquidation_tick_price
    first = f"first on the tick: {_money(on_tick)}" if on_tick is not None else ""
    unit = sheet.currency
    rate = f"rate {100 * sheet.rate:g} %"
    if sheet.closing_fee:
        rate += f" + {100 * sheet.closing_fee:g} % set aside for closing"
    tier = f"{rate}, amount {_money(sheet.amount)} {unit}, up to {sheet.max_leverage:g}x"
    return [
        ("position", f"{sheet.side} {sheet.size:g}", "", f"{sheet.contract} at {_money(sheet.entry)}"),
        ("rulebook", sheet.rulebook, "", sheet.venue),
        ("mark", _money(sheet.mark), "USD", ""),
        ("notional", _money(sheet.notional), unit, ""),
        ("tier", f"{sheet.tier} of {sheet.tiers}", "", tier),
        ("margin", _money(sheet.margin), unit, f"{sheet.leverage:g}x"),
        ("initial margin", _money(sheet.initial_margin), unit, "at this leverage and the entry"),
        ("maintenance margin", _money(sheet.maintenance_margin), unit, "at the mark"),
        ("margin ratio", "--" if ratio is None else f"{100 * ratio:.4g}", "%", told),
        ("liquidation price", _money(sheet.liquidation_price), "USD", first),
        ("bankruptcy price", _money(sheet.bankruptcy_price), "USD", "without fees"),
        ("formula", "", "", sheet.formula),
    ]


def _money(value: float | None) -> str:
    """Return an amount or price for people; none as venues show it."""
    if value is None:
        return "--"
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:,.8g}"
