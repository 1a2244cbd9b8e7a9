"""The price of one position as a reader sees it: a line for each figure, with where it comes from."""

from __future__ import annotations

from cascade.analysis.formats import MISSING, format_quote
from cascade.calculator.sheet import Sheet


def sheet_text(sheet: Sheet) -> str:
    """Return the figures of a position, what is to be known of them, and their sources, as lines."""
    figures = (
        f"{name:<20} {value:>22} {unit:<4} {told}".rstrip() for name, value, unit, told in _lines(sheet)
    )
    remarks = (f"{'remark':<20} {remark}" for remark in sheet.remarks)
    sources = (f"{'source':<20} {source}" for source in sheet.sources)
    return "\n".join((*figures, *remarks, *sources))


def _lines(sheet: Sheet) -> list[tuple[str, str, str, str]]:
    """Return name, value, unit and remark of what the sheet says."""
    ratio = sheet.margin_ratio
    told = "liquidated" if ratio is None or ratio >= 1 else "liquidated at 100 %"
    on_tick = sheet.liquidation_tick_price
    first = f"first on the tick: {format_quote(on_tick)}" if on_tick is not None else ""
    unit = sheet.currency
    rate = f"rate {100 * sheet.rate:g} %"
    if sheet.closing_fee:
        rate += f" + {100 * sheet.closing_fee:g} % set aside for closing"
    tier = f"{rate}, amount {format_quote(sheet.amount)} {unit}, up to {sheet.max_leverage:g}x"
    return [
        ("position", f"{sheet.side} {sheet.size:g}", "", f"{sheet.contract} at {format_quote(sheet.entry)}"),
        ("rulebook", sheet.rulebook, "", sheet.venue),
        ("mark", format_quote(sheet.mark), "USD", ""),
        ("notional", format_quote(sheet.notional), unit, ""),
        ("tier", f"{sheet.tier} of {sheet.tiers}", "", tier),
        ("margin", format_quote(sheet.margin), unit, f"{sheet.leverage:g}x"),
        ("initial margin", format_quote(sheet.initial_margin), unit, "at this leverage and the entry"),
        ("maintenance margin", format_quote(sheet.maintenance_margin), unit, "at the mark"),
        ("margin ratio", MISSING if ratio is None else f"{100 * ratio:.4g}", "%", told),
        ("liquidation price", format_quote(sheet.liquidation_price), "USD", first),
        ("bankruptcy price", format_quote(sheet.bankruptcy_price), "USD", "without fees"),
        ("formula", "", "", sheet.formula),
    ]
