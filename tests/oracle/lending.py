"""Calls on borrowers of a lending pool (Aave v3), in Python integers."""

from __future__ import annotations

from dataclasses import dataclass

from cascade.core import params as par
from tests.oracle.ledger import RATE, charge
from tests.oracle.matching import LAST_TICK, Exchange
from tests.support.world import World, lot_value


@dataclass(frozen=True)
class Call:
    """What a call could seize, and what it did."""

    wanted: int = 0
    sold: int = 0
    value: int = 0
    protocol: int = 0
    repaid: int = 0


class Pool(Exchange):
    """Liquidators, the vault, and what they do with collateral."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.called = self.unpaid = self.scaled = self.dusty = self.poor = 0  # counted for tests

    def call(self, account: int, position: int) -> Call:
        """Repay what is allowed, seize what that takes, sell it as far as it pays."""
        row, pool = self.ledger.positions[position], self.ledger.rules(position)
        venue, seller = self.world.venues[pool.venue], self.ledger.special(par.LIQUIDATOR, pool.venue)
        assert pool.sold_in is not None
        price, debt = lot_value(pool, self.marks[row.market]), max(-self.ledger.wallet(account), 0)
        most = self._repayable(account, position, debt, row.lots * price)
        self.poor += most > self.ledger.wallet(seller)
        most = min(most, max(self.ledger.wallet(seller), 0))
        seized = min(-(-(most * pool.bonus // RATE) // price), row.lots)
        repaid = min(most, seized * price * RATE // pool.bonus)
        protocol = (repaid * pool.bonus // RATE - repaid) * pool.protocol_fee // RATE // price
        sold = seized - protocol
        if sold <= 0:
            return Call()
        fee = self.ledger.fee_rate(seller, pool.sold_in, taker=True)
        limit = self._paying_tick(pool.sold_in, repaid + charge(repaid, venue.min_profit), sold, fee)
        bids = self._bids(pool.sold_in, seller, limit)
        filled = min(sold, sum(lots for lots, _ in bids))
        closes = repaid == debt or seized == row.lots
        if filled < sold or not closes:
            kept = max(row.lots - -(-venue.leftover // price), 0)
            owed = max(debt - venue.leftover, 0)
            most = min(sold * min(kept, seized) // seized, sold * min(owed, repaid) // max(repaid, 1))
            self.dusty += most < filled
            filled = min(filled, most)
        self.scaled += 0 < filled < sold
        value, repaid, protocol = _worth(bids, filled), repaid * filled // sold, protocol * filled // sold
        if filled == 0 or value - charge(value, fee) - repaid < venue.gas + charge(repaid, venue.min_profit):
            return Call(wanted=seized)
        self._seize(account, position, filled, protocol, repaid)
        self._sell(seller, pool.sold_in, filled, limit, fee)
        self.ledger.transfer(seller, -venue.gas)
        return Call(seized, filled, value, protocol, repaid)

    def _repayable(self, account: int, position: int, debt: int, collateral: int) -> int:
        """Return how much debt a call may repay: none, a part, or all."""
        venue = self.world.venues[self.ledger.rules(position).venue]
        health = max(self.margin.excess(account) + debt, 0) * RATE // max(debt, 1)
        if health >= RATE:
            return 0
        if health <= venue.close_health or min(debt, collateral) < venue.close_least:
            return debt
        return debt * venue.close_factor // RATE

    def _paying_tick(self, spot: int, cost: int, lots: int, fee: int) -> int:
        """Return the lowest price at which a sale makes up for its cost."""
        wanted = cost * RATE // (RATE - fee) + 1
        return min(-(-wanted // (lots * self.world.markets[spot].unit)), LAST_TICK)

    def _bids(self, spot: int, seller: int, limit: int) -> list[tuple[int, int]]:
        """Return lots and value per lot of what is bid for within a limit, the best first."""
        market = self.world.markets[spot]
        if not self.world.forced_orders:
            mark = self.marks[spot]
            return [(10**12, lot_value(market, mark))] if mark >= limit else []
        if self.off(spot, "shut"):
            return []
        resting = [o for o in self.books[spot].side(buys=True) if o.account != seller and o.tick >= limit]
        return [(o.lots, lot_value(market, o.tick)) for o in sorted(resting, key=lambda o: -o.tick)]

    def _seize(self, account: int, position: int, lots: int, protocol: int, repaid: int) -> None:
        """Pay debt, hand out collateral, and leave the venue its part."""
        m = self.ledger.positions[position].market
        pool = self.world.markets[m]
        assert pool.sold_in is not None
        place = self.ledger.place
        vault = self.ledger.special(par.VAULT, pool.venue)
        seller = self.ledger.special(par.LIQUIDATOR, pool.venue)
        kept = protocol * lot_value(pool, self.marks[m])
        self.ledger.pay(account, repaid)
        self.ledger.pay(seller, -repaid)
        self.ledger.fund_income[self.ledger.settles[account]] += kept
        self.ledger.change(position, -lots - protocol, -repaid - kept)
        self.ledger.change(place(self.ledger.fund_of(account), m), protocol, kept)
        self.ledger.change(place(vault, m), lots, repaid)
        self.ledger.change(place(vault, pool.sold_in), -lots, -repaid)
        self.ledger.change(place(seller, pool.sold_in), lots, repaid)

    def _sell(self, seller: int, spot: int, lots: int, limit: int, fee: int) -> None:
        """Sell in the book, or to the absorber of the counterfactual at mark."""
        place = self.ledger.place(seller, spot)
        if self.world.forced_orders:
            self.take(place, -lots, limit, par.SEIZED)
            return
        value = lots * lot_value(self.world.markets[spot], self.marks[spot])
        absorber = self.ledger.special(par.ABSORBER, self.ledger.roster[seller].venue)
        self.ledger.fill(place, -lots, -value, fee)
        self.ledger.fill(self.ledger.place(absorber, spot), lots, value, 0)


def _worth(bids: list[tuple[int, int]], lots: int) -> int:
    """Return what selling lots into bids fetches."""
    total = 0
    for held, value in bids:
        part = min(held, lots)
        total += part * value
        lots -= part
    return total
