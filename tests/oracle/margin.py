"""The margin test in exact integers; ticks are found by asking the test, never by solving for them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

from tests.oracle.ledger import RATE, Ledger, charge
from tests.support.world import Collateral, Market, Tier, lot_value

LAST_TICK = 2_147_483_646


def tier_of(market: Market, notional: int) -> int:
    """Return the number of a notional's tier: caps are inclusive, the last tier has none."""
    for k, tier in enumerate(market.tiers):
        if notional <= tier.cap:
            return k
    return len(market.tiers) - 1


def maintenance(market: Market, notional: int) -> int:
    """Return the maintenance margin of a notional."""
    if not market.tiers or notional == 0:
        return 0
    tier: Tier = market.tiers[tier_of(market, notional)]
    return max(charge(notional, tier.rate) - tier.deduction, 0)


def initial(market: Market, notional: int) -> int:
    """Return the initial margin at the highest leverage of the notional's tier."""
    if not market.tiers:
        return notional
    return charge(notional, int(RATE / market.tiers[tier_of(market, notional)].leverage + 0.5))


def excess_at(market: Market, lots: int, balance: int, tick: int) -> int:
    """Return equity less maintenance margin of one position at a tick."""
    value = lots * lot_value(market, tick)
    return balance + value - maintenance(market, abs(value))


def first_true(low: int, high: int, test: Callable[[int], bool]) -> int | None:
    """Return the lowest number in low..high for which a test that stays true once true holds."""
    if not test(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if test(middle) else (middle + 1, high)
    return low


def liquidation_tick(market: Market, lots: int, balance: int) -> int | None:
    """Return the tick nearest the money at which a lone position fails its test."""
    if lots > 0:
        safe = first_true(1, LAST_TICK, lambda t: excess_at(market, lots, balance, t) > 0)
        if safe is None:
            return LAST_TICK - 1
        return safe - 1 if safe > 1 else None
    return first_true(1, LAST_TICK - 1, lambda t: excess_at(market, lots, balance, t) <= 0)


def failing_tick(market: Market, lots: int, balance: int, mark: int) -> int | None:
    """Return the tick nearest to the mark, on the adverse side, at which a position fails its test."""
    if not market.step_tiers:
        return liquidation_tick(market, lots, balance)
    step = -1 if lots > 0 else 1
    tick = mark
    while 1 <= tick < LAST_TICK:
        if excess_at(market, lots, balance, tick) <= 0:
            return tick
        tick += step
    return None


def bankruptcy_tick(market: Market, lots: int, balance: int) -> int:
    """Return the worst tick at which closing a position leaves no loss, or the first or last tick."""
    if lots > 0:
        worst = first_true(1, LAST_TICK, lambda t: balance + lots * lot_value(market, t) >= 0)
        return LAST_TICK if worst is None else worst
    lost = first_true(1, LAST_TICK, lambda t: balance + lots * lot_value(market, t) < 0)
    return LAST_TICK if lost is None else max(lost - 1, 1)


class Margin:
    """Equity and margin of accounts at the present marks."""

    def __init__(self, ledger: Ledger, marks: list[int]) -> None:
        self.ledger, self.marks = ledger, marks

    def value(self, position: int) -> int:
        """Return what a position is worth at the mark."""
        row = self.ledger.positions[position]
        return row.lots * lot_value(self.ledger.world.markets[row.market], self.marks[row.market])

    def equity(self, account: int) -> int:
        """Return the equity that an account's margin is tested with."""
        return self.equity_in(account, self.ledger.settles[account])

    def equity_in(self, account: int, settlement: int) -> int:
        """Return balance plus the value of all positions that settle in an asset."""
        own = [k for k in self.ledger.places[account] if self.ledger.rules(k).settlement == settlement]
        return self.ledger.balance[account][settlement] + sum(self.counted(k) for k in own)

    def counted(self, position: int) -> int:
        """Return what a position adds to equity: of spot that backs a margin, its kept part at the collateral price."""
        row, world = self.ledger.positions[position], self.ledger.world
        if not self.ledger.rules(position).spot or not self.ledger.is_margined(row.account):
            return self.value(position)
        rule = world.counts(self.ledger.roster[row.account].venue, row.market)
        value = row.lots * lot_value(world.markets[row.market], self._collateral_tick(rule, row.market))
        return value * rule.kept // RATE if row.lots > 0 else value

    def _collateral_tick(self, rule: Collateral, m: int) -> int:
        """Return the price of collateral by its venue's rule."""
        own, markets = self.marks[m], self.ledger.world.markets
        if rule.price == "median":
            sources = [k for k, x in enumerate(markets) if x.spot and x.asset == markets[m].asset]
            price = statistics.median(self.marks[k] * markets[k].tick_size for k in sources)
            return max(math.floor(price / markets[m].tick_size + 0.5), 1)
        return {"own_spot": own, "floor": max(own, rule.given), "redemption": rule.given}[rule.price]

    def maintenance(self, account: int) -> int:
        """Return the maintenance margin of all positions."""
        return sum(maintenance(self.ledger.rules(k), abs(self.value(k))) for k in self.ledger.places[account])

    def initial(self, account: int) -> int:
        """Return the initial margin of all positions."""
        return sum(
            initial(self.ledger.rules(k), abs(self.value(k)))
            for k in self.ledger.places[account]
            if self.ledger.positions[k].lots
        )

    def excess(self, account: int) -> int:
        """Return equity less maintenance margin."""
        return self.equity(account) - self.maintenance(account)
