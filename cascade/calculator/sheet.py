"""The calculator people know from a venue's site: one isolated position under a rulebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cascade.calculator.account import (
    Position,
    Side,
    bankruptcy_price,
    initial_margin,
    liquidation_price,
    maintenance_margin,
    tier_number,
    trigger_prices,
)
from cascade.calculator.tables import contract_of, rulebook_tiers
from cascade.errors import UsageError
from cascade.venues.load import load_rulebook
from cascade.venues.rulebook import Contract

FORMULA = (
    "margin + Q (mark - entry) <= |Q| mark x rate - amount, with rate and amount of the tier at that mark"
)
"""The test of an isolated position; the liquidation price is where it first holds."""

_BINANCE = "https://www.binance.com/en/support/faq/b3c689c1f50a44cabb3a84e663b81d93"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Margins and prices of a position. Money in USD, prices in USD per unit, sizes in units.

    Attributes
    ----------
    liquidation_price : float or None
        Where the margin test fails; None where no mark reaches it.
    liquidation_tick_price : float or None
        The first price on the contract's tick at which it does, as in a run.
    margin_ratio : float
        Maintenance margin / equity at the mark; liquidated from 1 on, None without equity.
    """

    rulebook: str
    venue: str
    contract: str
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
    amount: float
    max_leverage: float
    initial_margin: float
    maintenance_margin: float
    margin_ratio: float | None
    liquidation_price: float | None
    liquidation_tick_price: float | None
    bankruptcy_price: float | None
    formula: str
    sources: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return asdict(self)


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
    position = Position(side=side, size=size, entry=entry, mark=mark, tiers=tiers)
    opened = figures.tiers[tier_number(position, entry)]
    posted, leverage = _posted(size * entry, leverage, margin, opened.max_leverage)
    at = entry if mark is None else mark
    number = tier_number(position)
    equity = posted + (at - entry) * (size if side == "long" else -size)
    kept = maintenance_margin(position)
    return Sheet(
        rulebook=book.name, venue=book.venue, contract=contract, side=side, size=size, entry=entry, mark=at,
        margin=posted, leverage=leverage, notional=size * at, tier=number + 1, tiers=len(tiers),
        rate=figures.tiers[number].mmr, amount=float(tiers[number].amount),
        max_leverage=figures.tiers[number].max_leverage, initial_margin=initial_margin(position, entry, leverage),
        maintenance_margin=kept, margin_ratio=kept / equity if equity > 0 else None,
        liquidation_price=liquidation_price(position, posted),
        liquidation_tick_price=_on_tick(position, posted, figures),
        bankruptcy_price=bankruptcy_price(position, posted), formula=FORMULA,
        sources=_sources(rulebook, contract, number),
    )  # fmt: skip


def _posted(
    value: float, leverage: float | None, margin: float | None, largest: float
) -> tuple[float, float]:  # fmt: skip
    """Return margin and leverage, given one of them."""
    if (leverage is None) == (margin is None):
        remedy = "the margin is entry value / leverage, or what is given"
        raise UsageError("give either --leverage or --margin", remedy=remedy)
    for name, given in (("leverage", leverage), ("margin", margin)):
        if given is not None and not 0 < given < float("inf"):
            raise UsageError(f"{name} {given:g} is not a positive number")
    if margin is not None:
        return margin, value / margin
    assert leverage is not None
    if leverage > largest:
        message = f"at {value:,.0f} USD the venue allows {largest:g}x, not {leverage:g}x"
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


def _sources(rulebook: str, contract: str, tier: int) -> tuple[str, ...]:
    """Return where the tier and the formula come from, each with how it is known."""
    book = load_rulebook(rulebook)
    found = book.provenance(f"contracts.{contract}.tiers.{tier}.mmr")
    sources = [f"tiers ({found.status}): {found.source}"] if found else []
    if book.venue.lower().startswith("binance"):
        sources.append(f"formula (stated): {_BINANCE}")
    return tuple(sources)
