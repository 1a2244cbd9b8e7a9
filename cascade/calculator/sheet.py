"""The calculator people know from a venue's site: one isolated position under a rulebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cascade.calculator.account import (
    Position,
    Side,
    bankruptcy_price,
    currency_of,
    initial_margin,
    liquidation_price,
    maintenance_margin,
    notional,
    profit,
    tier_number,
    trigger_prices,
    with_margin_of_entry,
)
from cascade.calculator.tiers import contract_of, rulebook_tiers
from cascade.errors import UsageError
from cascade.venues.load import load_rulebook
from cascade.venues.rulebook import Contract, Rulebook

_BINANCE = "https://www.binance.com/en/support/faq/b3c689c1f50a44cabb3a84e663b81d93"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Margins and prices of a position. Prices in USD per unit; money in `currency`, sizes in units.

    Of an inverse contract sizes are in USD, and money is in the coin that it settles in.

    Attributes
    ----------
    rate : float
        Maintenance rate of the tier; `closing_fee`, which the venue sets aside as well, comes on top.
    liquidation_price : float or None
        Where the margin test fails; None where no mark reaches it.
    liquidation_tick_price : float or None
        The first price on the contract's tick at which it does, as in a run.
    margin_ratio : float
        Maintenance margin / equity at the mark; liquidated from 1 on, None without equity.
    formula : str
        The test of an isolated position; the liquidation price is where it first holds.
    remarks : tuple of str
        What is open about the venue's rule, and what the venue would not allow.
    """

    rulebook: str
    venue: str
    contract: str
    currency: str
    side: Side
    size: float
    entry: float
    mark: float
    margin: float
    leverage: float
    notional: float
    tier: int
    tiers: int
    rate: float
    closing_fee: float
    amount: float
    max_leverage: float
    initial_margin: float
    maintenance_margin: float
    margin_ratio: float | None
    liquidation_price: float | None
    liquidation_tick_price: float | None
    bankruptcy_price: float | None
    formula: str
    remarks: tuple[str, ...]
    sources: tuple[str, ...]


def price_sheet(
    rulebook: str,
    contract: str,
    *,
    side: Side,
    entry: float,
    size: float,
    leverage: float | None = None,
    margin: float | None = None,
    mark: float | None = None,
) -> Sheet:
    """Return margins and prices of an isolated position.

    Its margin is entry value / leverage, or what is given. Raises `UsageError` for neither or both, and
    for a leverage above that of the tier.
    """
    book = load_rulebook(rulebook)
    figures = contract_of(book, contract)
    tiers = rulebook_tiers(rulebook, contract)
    inverse = figures.inverse
    position = Position(side=side, size=size, entry=entry, mark=mark, tiers=tiers, inverse=inverse)
    opened, number = figures.tiers[tier_number(position, entry)], tier_number(position)
    posted, leverage = _posted(position, leverage, margin, opened.max_leverage)
    kept, equity = maintenance_margin(position), posted + profit(position)
    return Sheet(
        rulebook=book.name, venue=book.venue, contract=contract,
        currency=currency_of(contract, inverse=inverse), side=side, size=size, entry=entry,
        mark=float(position.valued_at), margin=posted, leverage=leverage, notional=notional(position),
        tier=number + 1, tiers=len(tiers), rate=figures.tiers[number].mmr, closing_fee=book.margin.closing_fee,
        amount=float(tiers[number].amount), max_leverage=figures.tiers[number].max_leverage,
        initial_margin=initial_margin(position, entry, leverage), maintenance_margin=kept,
        margin_ratio=kept / equity if equity > 0 else None,
        liquidation_price=liquidation_price(position, posted),
        liquidation_tick_price=_on_tick(position, posted, figures),
        bankruptcy_price=bankruptcy_price(position, posted), formula=_formula(book, figures),
        remarks=tuple(_remarks(book, position, posted, leverage, opened.max_leverage)),
        sources=_sources(book, contract, number),
    )  # fmt: skip


def _posted(
    position: Position, leverage: float | None, margin: float | None, largest: float
) -> tuple[float, float]:  # fmt: skip
    """Return margin and leverage, given one of them."""
    if (leverage is None) == (margin is None):
        remedy = "the margin is entry value / leverage, or what is given"
        raise UsageError("give either --leverage or --margin", remedy=remedy)
    for name, given in (("leverage", leverage), ("margin", margin)):
        if given is not None and not 0 < given < float("inf"):
            raise UsageError(f"{name} {given:g} is not a positive number")
    value = notional(position, position.entry)
    if margin is not None:
        return margin, value / margin
    assert leverage is not None
    if leverage > largest:
        message = f"for a position of this size the venue allows {largest:g}x, not {leverage:g}x"
        raise UsageError(message, remedy=f"write --leverage {largest:g} or less, or a smaller --size")
    return value / leverage, leverage


def _on_tick(position: Position, margin: float, figures: Contract) -> float | None:
    """Return the liquidation price on the contract's tick, if it has one and the size is in lots."""
    if figures.tick is None or figures.lot is None:
        return None
    try:
        return trigger_prices(position, margin, figures.tick, figures.lot)[0]
    except UsageError:
        return None


def _formula(book: Rulebook, figures: Contract) -> str:
    profit, value = ("Q (1 / entry - 1 / mark)", "|Q| / mark") if figures.inverse else _LINEAR
    rate = "(rate + closing fee)" if book.margin.closing_fee else "rate"
    amount, which = (" - amount", "rate and amount") if book.margin.tiers == "marginal" else ("", "the rate")
    return f"margin + {profit} <= {value} x {rate}{amount}, with {which} of the tier at that mark"


_LINEAR = ("Q (mark - entry)", "|Q| mark")


def _remarks(
    book: Rulebook, position: Position, margin: float, leverage: float, largest: float
) -> Iterator[str]:
    """Yield what is open about the venue's rule, and what the venue would not allow."""
    if book.name.startswith("bybit"):
        price = liquidation_price(with_margin_of_entry(position), margin)
        there = "no price" if price is None else f"{price:,.10g} USD"
        yield (
            "unconfirmed: maintenance margin is taken at the mark here, as the venue's text of 2026 has it; "
            f"at the entry value, as in its text of 2023-24, the liquidation price is {there}"
        )
    last = float(position.tiers[-1].cap)
    if max(notional(position), notional(position, position.entry)) > last:
        yield f"beyond the venue's largest position, a notional of {last:,.10g}: the last tier's rate is taken"
    if leverage > largest * (1 + 1e-9):
        yield f"{leverage:,.6g}x is more than the venue allows at this size, {largest:g}x"


def _sources(book: Rulebook, contract: str, tier: int) -> tuple[str, ...]:
    """Return where the tier and the formula come from, each with how it is known."""
    found = book.provenance(f"contracts.{contract}.tiers.{tier}.mmr")
    sources = [f"tiers ({found.status}): {found.source}"] if found else []
    fee = book.provenance("margin.closing_fee") if book.margin.closing_fee else None
    if fee:
        sources.append(f"closing fee ({fee.status}): {fee.source}")
    if book.venue.lower().startswith("binance"):
        sources.append(f"formula (stated): {_BINANCE}")
    return tuple(sources)
