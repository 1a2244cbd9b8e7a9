"""Balances, positions, entry values, fees and reserved margin, in Python integers."""

from __future__ import annotations

from dataclasses import dataclass

from cascade.core import params as par
from tests.support.world import Account, Holding, Market, World, lot_value

RATE = 100_000_000


def charge(amount: int, rate: int) -> int:
    """Return amount x rate / 1e8, rounded up: against whoever pays."""
    return -((-amount * rate) // RATE)


@dataclass
class Position:
    """A signed position and what its entry was worth."""

    account: int
    market: int
    lots: int
    entry_value: int


class Ledger:
    """Who owns what, and where money entered and left."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.roster: tuple[Account, ...] = world.roster()
        self.balance = [a.balance for a in self.roster]
        self.reserved = [0] * len(self.roster)
        self.positions: list[Position] = []
        self.places: list[list[int]] = []
        for number, a in enumerate(self.roster):
            first = len(self.positions)
            self.positions += [self._open(number, h) for h in a.holdings]
            self.places.append(list(range(first, len(self.positions))))
        self.deposits, self.withdrawals = sum(self.balance), 0
        self.fund_income = self.fund_losses = self.adl_value = 0

    def _open(self, account: int, holding: Holding) -> Position:
        """Return the position a holding starts as."""
        value = (
            holding.lots * lot_value(self.world.markets[holding.market], holding.entry) if holding.lots else 0
        )
        return Position(account, holding.market, holding.lots, value)

    def rules(self, position: int) -> Market:
        """Return the market of a position."""
        return self.world.markets[self.positions[position].market]

    def special(self, kind: int, venue: int) -> int:
        """Return a venue's own account of a kind."""
        return next(k for k, a in enumerate(self.roster) if a.kind == kind and a.venue == venue)

    def place(self, account: int, market: int) -> int:
        """Return an account's position in a market."""
        return next(k for k in self.places[account] if self.positions[k].market == market)

    def fund_of(self, account: int) -> int:
        """Return the fund of an account's venue."""
        return self.special(par.FUND, self.roster[account].venue)

    def is_margined(self, account: int) -> bool:
        """Tell whether an account has a margin to fail."""
        return self.roster[account].margin != par.UNMARGINED

    def is_flat(self, account: int) -> bool:
        """Tell whether an account holds nothing."""
        return all(self.positions[k].lots == 0 for k in self.places[account])

    def change(self, position: int, lots: int, value: int) -> None:
        """Change a position by signed lots worth signed value, and its entry value in proportion."""
        row = self.positions[position]
        held, after = row.lots, row.lots + lots
        if held * lots >= 0:
            row.entry_value += value
        elif abs(lots) <= abs(held):
            row.entry_value -= row.entry_value * abs(lots) // abs(held)
        else:  # through zero: what is left was entered now
            row.entry_value = value - value * abs(held) // abs(lots)
        row.lots = after

    def fill(self, position: int, lots: int, value: int, rate: int) -> int:
        """Book a fill: the account pays its value and a fee."""
        self.change(position, lots, value)
        account = self.positions[position].account
        fee = charge(abs(value), rate)
        self.balance[account] -= value + fee
        self.balance[self.special(par.FEES, self.rules(position).venue)] += fee
        return fee

    def move(self, source: int, target: int, lots: int, value: int) -> None:
        """Move lots, and the quote balance that goes with them, from one position to another."""
        self.change(source, -lots, value)
        self.change(target, lots, -value)
        self.balance[self.positions[source].account] -= value
        self.balance[self.positions[target].account] += value

    def transfer(self, account: int, amount: int) -> None:
        """Deposit, or withdraw where the amount is negative."""
        self.balance[account] += amount
        self.deposits += max(amount, 0)
        self.withdrawals += max(-amount, 0)

    def fee_rate(self, account: int, market: int, taker: bool) -> int:
        """Return the fee rate of an account in a market; some trade free."""
        venue = self.world.venues[self.world.markets[market].venue]
        return venue.fees[int(taker)] if self.roster[account].fees else 0

    def open_interest(self, market: int) -> int:
        """Return the lots held long."""
        return sum(max(p.lots, 0) for p in self.positions if p.market == market)
