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
        self.balance = [world.balances(a) for a in self.roster]
        self.settles = [world.settles(a) for a in self.roster]
        self.reserved = [0] * len(self.roster)
        self.positions: list[Position] = []
        self.places: list[list[int]] = []
        for number, a in enumerate(self.roster):
            first = len(self.positions)
            self.positions += [self._open(number, h) for h in a.holdings]
            self.places.append(list(range(first, len(self.positions))))
        self.deposits = [sum(column) for column in zip(*self.balance, strict=True)]
        self.withdrawals, self.fund_income, self.fund_losses, self.adl_value = (
            [0] * world.n_settlements for _ in range(4)
        )

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
        s = self.rules(position).settlement
        self.balance[account][s] -= value + fee
        self.balance[self.special(par.FEES, self.rules(position).venue)][s] += fee
        return fee

    def move(self, source: int, target: int, lots: int, value: int) -> None:
        """Move lots, and the quote balance that goes with them, from one position to another."""
        self.change(source, -lots, value)
        self.change(target, lots, -value)
        s = self.rules(source).settlement
        self.balance[self.positions[source].account][s] -= value
        self.balance[self.positions[target].account][s] += value

    def wallet(self, account: int) -> int:
        """Return the balance that an account's margin is in."""
        return self.balance[account][self.settles[account]]

    def pay(self, account: int, amount: int) -> None:
        """Change the balance that an account's margin is in."""
        self.balance[account][self.settles[account]] += amount

    def pay_fund(self, account: int, amount: int) -> None:
        """Move money of an account's settlement asset to its venue's fund, or back."""
        self.pay(account, -amount)
        self.balance[self.fund_of(account)][self.settles[account]] += amount

    def transfer(self, account: int, amount: int) -> None:
        """Deposit, or withdraw where the amount is negative."""
        self.pay(account, amount)
        self.deposits[self.settles[account]] += max(amount, 0)
        self.withdrawals[self.settles[account]] += max(-amount, 0)

    def fee_rate(self, account: int, market: int, taker: bool) -> int:
        """Return the fee rate of an account in a market; some trade free."""
        venue = self.world.venues[self.world.markets[market].venue]
        return venue.fees[int(taker)] if self.roster[account].fees else 0

    def open_interest(self, market: int) -> int:
        """Return the lots held long."""
        return sum(max(p.lots, 0) for p in self.positions if p.market == market)
