"""Accounts of several positions as a reader sees them: where they are liquidated, jointly and leg by leg."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from cascade.analysis.formats import MISSING, format_bare, format_quote
from cascade.calculator.account import USD, notional, profit
from cascade.calculator.portfolio import Portfolio, PortfolioLeg, Range
from cascade.calculator.whole import exact
from cascade.report.plain_table import rich_table
from cascade.units import format_usd

if TYPE_CHECKING:
    from rich.console import RenderableType

MOVES: Final = tuple(Fraction(percent, 100) for percent in (-30, -20, -10, -5, 0, 5, 10, 20, 30))
"""Moves of a mark in the tables."""

FAR: Final = 10
"""A rise by so many times a mark counts as none in a terminal."""

MOST: Final = 20
"""Accounts that are listed in a terminal."""


def portfolio_dict(account: Portfolio) -> dict[str, Any]:
    """Return an account as ``--json`` prints it; moves are relative, and null where nothing liquidates."""
    amounts = {
        "balance": account.balance, "equity": account.equity(), "maintenance": account.maintenance(),
        "free": account.free(),
    }  # fmt: skip
    found: dict[str, Any] = {
        "label": account.label or None, "currency": account.currency,
        **{f"{name}_{_unit(account)}": float(amount) for name, amount in amounts.items()},
        "is_liquidated": account.is_liquidated(), "joint_moves": _range(account.safe()),
        "legs": [_leg_dict(account, leg) for leg in account.legs],
    }  # fmt: skip
    if len(account.contracts) > 1:
        first, second = account.contracts[:2]
        found["line"] = [
            {
                "contract": first,
                "move": float(a),
                "other": second,
                "moves": _range(account.safe([second], {first: a})),
            }
            for a in MOVES
        ]
        found["moves"] = [
            {first: float(a), second: float(b), "margin_ratio": _ratio(account, {first: a, second: b})}
            for a in MOVES
            for b in MOVES
        ]
    return found


def _leg_dict(account: Portfolio, leg: PortfolioLeg) -> dict[str, Any]:
    at, mark = leg.position, account.mark(leg.contract)
    alone = account.safe([leg.contract])
    prices = None if alone is None else {end: _price(mark, move) for end, move in alone._asdict().items()}
    amounts = {"notional": notional(at), "profit": profit(at), "maintenance": float(leg.kept(mark))}
    return {
        "contract": leg.contract, "side": at.side, "size": float(at.size), "entry": float(at.entry), "mark": float(mark),
        **{f"{name}_{_unit(account)}": amount for name, amount in amounts.items()},
        "liquidation_prices": prices, "moves": _range(alone), "joint_moves_without": _range(account.without(leg).safe()),
    }  # fmt: skip


def _unit(account: Portfolio) -> str:
    """Return what ends the names of its amounts."""
    return "usd" if account.currency == USD else "coin"


def _amount(account: Portfolio, amount: float | Fraction) -> str:
    """Return an amount of the currency of an account; of a coin with the digits that are worth something."""
    return format_usd(float(amount)) if account.currency == USD else f"{float(amount):,.6g}"


def _price(mark: Fraction, move: Fraction | None) -> float | None:
    return None if move is None else float(mark * (1 + move))


def _range(found: Range | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    return {end: None if move is None else float(move) for end, move in found._asdict().items()}


def _ratio(account: Portfolio, moves: dict[str, Fraction] | None = None) -> float | None:
    """Return maintenance margin as a part of equity; None where nothing is left."""
    equity = account.equity(moves)
    return float(account.maintenance(moves) / equity) if equity > 0 else None


def portfolio_rich(account: Portfolio) -> list[RenderableType]:
    """Return an account for a terminal: itself, its legs, and where two assets liquidate it together."""
    parts: list[RenderableType] = [
        _heading(account),
        f"All marks alike: {_ends(account.safe())}.",
        _legs(account),
    ]
    if len(account.contracts) == 1:
        return parts
    first, second = account.contracts[:2]
    if len(account.contracts) > 2:
        parts.append(f"{first} and {second} are the largest; other marks stay.")
    return [*parts, *_line(account, first, second), *_moves(account, first, second)]


def portfolios_rich(accounts: Sequence[Portfolio]) -> list[RenderableType]:
    """Return many accounts for a terminal: the nearest to their liquidation first."""
    due = sorted(accounts, key=_distance)
    titles = ("account", "positions", "in", "equity", "maintenance", "ratio", "free", "all marks alike")
    rows = [
        (
            account.label or MISSING, f"{len(account.legs)}", account.currency, _amount(account, account.equity()),
            _amount(account, account.maintenance()), _percent(_ratio(account)), _amount(account, account.free()),
            _ends(account.safe()),
        )
        for account in due[:MOST]
    ]  # fmt: skip
    n_due = sum(account.is_liquidated() for account in accounts)
    told = f"{len(accounts):,} accounts, {n_due:,} of them liquidated at these marks; the nearest first."
    more = f" {len(due) - MOST:,} more: --json." if len(due) > MOST else ""
    return [told, _table(titles, rows), f"--account LABEL prints one with its legs and joint moves.{more}"]


def _distance(account: Portfolio) -> float:
    """Return the smallest common move that liquidates an account; below zero where it is due already."""
    found = account.safe()
    if account.is_liquidated() or found is None:
        return -1.0
    return min((abs(float(end)) for end in found if end is not None), default=float("inf"))


def _heading(account: Portfolio) -> str:
    told = (
        "liquidated at these marks"
        if account.is_liquidated()
        else f"margin ratio {_percent(_ratio(account))}"
    )
    return (
        f"{account.label or 'account'}: balance {_amount(account, exact(account.balance))} {account.currency}, equity "
        f"{_amount(account, account.equity())}, maintenance {_amount(account, account.maintenance())}, "
        f"free {_amount(account, account.free())}; {told}"
    )


def _legs(account: Portfolio) -> RenderableType:
    titles = (
        "position", "mark", *(f"{name}, {account.currency}" for name in ("notional", "profit", "maintenance")),
        "liquidated, other marks still",
        "without it, all marks alike",
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for leg in account.legs:
        at, mark = leg.position, account.mark(leg.contract)
        amounts = (_amount(account, each) for each in (notional(at), profit(at), leg.kept(mark)))
        rows.append((
            f"{at.side} {float(at.size):g} {leg.contract}", format_quote(float(mark)), *amounts,
            _ends(account.safe([leg.contract]), mark), _ends(account.without(leg).safe()),
        ))  # fmt: skip
    return _table(titles, rows)


def _line(account: Portfolio, first: str, second: str) -> list[RenderableType]:
    """Return where one asset liquidates the account, by the mark of another."""
    rows: list[tuple[str, ...]] = []
    for move in MOVES:
        ends = _ends(account.safe([second], {first: move}), account.mark(second))
        rows.append((f"{float(move):+.0%}", format_quote(_price(account.mark(first), move)), ends))
    table = _table((f"{first} moves", "to", f"{second} liquidates"), rows)
    return [f"Where {second} liquidates it, by the mark of {first}:", table]


def _moves(account: Portfolio, first: str, second: str) -> list[RenderableType]:
    """Return the margin ratio by the moves of two assets."""
    titles = (f"{first} \\ {second}", *(f"{float(move):+.0%}" for move in MOVES))
    rows: list[tuple[str, ...]] = []
    for a in MOVES:
        both = ({first: a, second: b} for b in MOVES)
        cells = ("liquidated" if account.is_liquidated(at) else _percent(_ratio(account, at)) for at in both)
        rows.append((f"{float(a):+.0%}", *cells))
    return ["Margin ratio after both have moved (liquidated at 100 %):", _table(titles, rows)]


def _ends(found: Range | None, mark: Fraction | None = None) -> str:
    """Return where a range ends, as moves, and as prices of a mark where one is given."""
    if found is None:
        return "liquidated at any mark"
    words = [
        f"{word} {_end(move, mark)}"
        for word, move in zip(("below", "above"), found, strict=True)
        if move is not None and move < FAR
    ]
    return "liquidated " + " and ".join(words) if words else "liquidated at no mark"


def _end(move: Fraction, mark: Fraction | None) -> str:
    text = f"{float(move):+.2%}"
    return text if mark is None else f"{format_quote(_price(mark, move))} ({text})"


def _percent(ratio: float | None) -> str:
    return MISSING if ratio is None else format_bare(100.0 * ratio, "%") + " %"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    return rich_table(titles, rows, left=(0,), wraps=range(len(titles)))
