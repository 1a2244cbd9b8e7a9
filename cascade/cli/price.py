"""`cascade price`: liquidation price, bankruptcy price and margins of one position."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cascade.cli.terminal import AsJson, show, show_json
from cascade.errors import UsageError


def price(
    venue: Annotated[str, typer.Option("--venue", metavar="RULEBOOK", help="E.g. binance-2025-07.")],
    contract: Annotated[str, typer.Option("--contract", help="E.g. BTCUSDT.")],
    side: Annotated[str, typer.Option("--side", help="long or short.")],
    entry: Annotated[float, typer.Option("--entry", metavar="PRICE", help="Entry price, USD.")],
    size: Annotated[
        float,
        typer.Option(
            "--size", metavar="UNITS", help="Size, in units of the asset; of an inverse contract in USD."
        ),
    ],
    leverage: Annotated[float | None, typer.Option("--leverage", metavar="X", help="E.g. 20.")] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="AMOUNT", help="Isolated margin, instead of --leverage."),
    ] = None,
    mark: Annotated[
        float | None, typer.Option("--mark", metavar="PRICE", help="Mark price; default the entry.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Price one isolated position: maintenance margin, liquidation price, bankruptcy price.

    By the rulebook's tiers and the functions that a run liquidates by. Trading fees are not counted, but what
    a venue sets aside for closing is. Of an inverse contract the size is in USD and the margin in coin.
    """
    from cascade.calculator.sheet import price_sheet

    if side not in ("long", "short"):
        raise UsageError(f"side '{side}' is neither long nor short", remedy="write --side long")
    sheet = price_sheet(
        venue, contract, side=side, entry=entry, size=size, leverage=leverage, margin=margin,
        mark=mark,
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
