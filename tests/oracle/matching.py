"""What becomes of an intent: an order, fills, or a counted rejection."""

from __future__ import annotations

from dataclasses import dataclass, field

from cascade.core import params as par
from tests.oracle.book import Book, Order
from tests.oracle.ledger import RATE, Ledger, charge
from tests.oracle.margin import Margin, initial, tier_of
from tests.support.runner import Intent
from tests.support.world import NEVER, Seat, World, lot_value, usd_value

LAST_TICK = 2_147_483_646


@dataclass
class Seats:
    """Standing orders of one trader, as they are now."""

    habits: Seat
    stop: int = NEVER
    take: int = NEVER
    top_up: int = NEVER


@dataclass
class Logs:
    """What happened, row by row."""

    trades: list[dict[str, int]] = field(default_factory=list)
    liquidations: list[dict[str, float]] = field(default_factory=list)
    adl: list[dict[str, float]] = field(default_factory=list)


class Exchange:
    """Books, ledger and marks, and the rules by which intents are carried out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = Ledger(world)
        self.marks = [m.start for m in world.markets]
        self.last = list(self.marks)
        self.marks_before = list(self.marks)
        self.margin = Margin(self.ledger, self.marks)
        self.books = [Book() for _ in world.markets]
        self.quotes: dict[int, Order] = {}
        self.rejected = [0] * len(par.REASONS)
        self.seats = {
            k: Seats(a.seat, a.seat.stop, a.seat.take, a.seat.top_up)
            for k, a in enumerate(self.ledger.roster)
            if a.seat
        }
        self.cooling: dict[int, int] = {}  # until when, or since when, an account is treated differently
        self.logs = Logs()
        self.now, self.events = 0, 0
        self.waiting: list[tuple[Intent, Order | None]] = []
        self.waited_to_open = self.refused_stops = self.unbound = self.put_off = self.stale = self.spared = (
            0  # counted for tests
        )

    # --- halts ------------------------------------------------------------------------------------

    def off(self, m: int, what: str) -> bool:
        """Tell whether something is off in a market now."""
        return any(
            getattr(halt, what) and halt.start <= self.now < halt.stop
            for halt in self.world.halts
            if halt.market == m
        )

    def opens(self, m: int) -> int:
        """Return the step from which a market takes orders again, as it looks now."""
        stops = [
            h.stop for h in self.world.halts if h.market == m and h.shut and h.start <= self.now < h.stop
        ]
        return max(stops, default=self.now)

    def _is_held_back(self, intent: Intent, order: Order | None, m: int) -> bool:
        """Tell whether a market that is shut takes no notice of an intent: it waits, or is refused."""
        if not self.off(m, "shut") or intent.kind == par.CANCEL_ALL:
            return False
        locked = self.off(m, "locked")
        if intent.kind == par.CANCEL and not locked:
            return False
        if intent.purpose == par.UNWINDING and not self.off(m, "still"):
            return False
        if intent.kind == par.QUOTE and not locked and intent.ref in self.quotes:
            self.remove(self.quotes[intent.ref])
        if self.off(m, "queued") and intent.kind != par.IOC:
            self.waiting.append((intent, order))
            self.waited_to_open += 1
            return True
        self.rejected[par.SUSPENDED] += 1
        account = self.ledger.positions[intent.position].account
        held = self.ledger.positions[intent.position].lots
        if account in self.seats and held:
            self._stand_again(account, intent.purpose, held)
        return True

    def _stand_again(self, account: int, purpose: int, held: int) -> None:
        """Let a stop or take-profit that did not fill fire again at any mark."""
        if purpose == par.STOPPING:
            self.seats[account].stop = LAST_TICK if held > 0 else 1
            self.refused_stops += 1
        elif purpose == par.PROFIT:
            self.seats[account].take = 1 if held > 0 else LAST_TICK

    # --- resting orders ---------------------------------------------------------------------------

    def reserve(self, order: Order) -> int:
        """Return the margin an order holds back; what is sold on spot is there already."""
        if not self.ledger.is_margined(order.account):
            return 0
        market = self.ledger.rules(order.position)
        if market.spot and order.lots < 0:
            return 0
        return initial(market, abs(order.lots * lot_value(market, order.tick)))

    def rest(self, order: Order) -> None:
        """Add an order to its book."""
        self.books[self.ledger.positions[order.position].market].orders.append(order)
        self.ledger.reserved[order.account] += self.reserve(order)
        if order.quote is not None:
            self.quotes[order.quote] = order

    def remove(self, order: Order) -> None:
        """Take an order out of its book."""
        self.ledger.reserved[order.account] -= self.reserve(order)
        self.books[self.ledger.positions[order.position].market].orders.remove(order)
        order.resting = False
        if order.quote is not None:
            del self.quotes[order.quote]

    def cancel_account(self, account: int) -> None:
        """Cancel every order of an account."""
        for book in self.books:
            for order in [o for o in book.orders if o.account == account]:
                self.remove(order)

    # --- matching ---------------------------------------------------------------------------------

    def take(self, position: int, lots: int, limit: int, purpose: int) -> tuple[int, int]:
        """Trade signed lots against the book up to a limit; return filled lots and value."""
        m = self.ledger.positions[position].market
        taker = self.ledger.positions[position].account
        left, value = lots, 0
        while left and not self.off(m, "still"):
            order = self.books[m].first(buys=lots < 0)
            if order is None or (order.tick > limit if lots > 0 else order.tick < limit):
                break
            if order.account == taker:
                self.remove(order)
                continue
            size = min(abs(left), abs(order.lots))
            filled = size if lots > 0 else -size
            worth = filled * lot_value(self.world.markets[m], order.tick)
            self._fill_resting(order, -filled, -worth)
            self.logs.trades.append(
                {
                    "step": self.now,
                    "market": m,
                    "tick": order.tick,
                    "lots": filled,
                    "maker": order.account,
                    "taker": taker,
                    "purpose": purpose,
                }
            )
            self.last[m] = order.tick
            value += worth
            left -= filled
        self.events += 1
        if left != lots:
            rate = 0 if purpose == par.FORCED else self.ledger.fee_rate(taker, m, taker=True)
            self.ledger.fill(position, lots - left, value, rate)
        return lots - left, value

    def _fill_resting(self, order: Order, lots: int, value: int) -> None:
        """Fill a resting order by signed lots of its own side."""
        market = self.ledger.positions[order.position].market
        rate = self.ledger.fee_rate(order.account, market, taker=False)
        self.ledger.fill(order.position, lots, value, rate)
        if order.lots == lots:
            self.remove(order)
            return
        before = self.reserve(order)
        order.lots -= lots
        self.ledger.reserved[order.account] += self.reserve(order) - before

    # --- intents ----------------------------------------------------------------------------------

    def process(self, intent: Intent, order: Order | None) -> None:
        """Carry out one intent; `order` is the one that a cancellation means."""
        position = intent.position
        account = self.ledger.positions[position].account
        if self._is_held_back(intent, order, self.ledger.positions[position].market):
            return
        if intent.kind == par.CANCEL:
            if order is not None and order.resting:
                self.remove(order)
            else:
                self.rejected[par.GONE] += 1
        elif intent.kind == par.CANCEL_ALL:
            for m, book in enumerate(self.books):
                if not self.off(m, "locked"):
                    for own in [o for o in book.orders if o.account == account]:
                        self.remove(own)
        elif intent.kind == par.QUOTE:
            self._quote(intent, account)
        else:
            self._order(intent, account)

    def _quote(self, intent: Intent, account: int) -> None:
        """Replace a maker's quote; where it would cross it slides behind the opposite best."""
        if intent.ref in self.quotes:
            self.remove(self.quotes[intent.ref])
        book = self.books[self.ledger.positions[intent.position].market]
        tick = intent.tick
        opposite = book.best(buys=intent.lots < 0)
        if opposite is not None:
            tick = min(tick, opposite - 1) if intent.lots > 0 else max(tick, opposite + 1)
        if intent.lots and tick >= 1:
            self.rest(Order(intent.position, account, intent.lots, tick, quote=intent.ref))

    def _order(self, intent: Intent, account: int) -> None:
        """Carry out a limit, post-only or immediate order."""
        m = self.ledger.positions[intent.position].market
        lots, limit = intent.lots, intent.tick
        if intent.reduce_only:
            held = self.ledger.positions[intent.position].lots
            if held * lots >= 0:
                self.rejected[par.NOT_REDUCING] += 1
                return
            lots = min(lots, -held) if lots > 0 else max(lots, -held)
        if intent.kind == par.POST_ONLY and self.books[m].crosses(lots, limit):
            self.rejected[par.CROSSED] += 1
            return
        reason = self._refusal(intent, account, m, lots)
        if reason is not None:
            self.rejected[reason] += 1
            return
        if intent.kind == par.IOC:
            limit = self.within(self.world.markets[m].take_bound, m, lots, limit)
        filled, _ = self.take(intent.position, lots, limit, intent.purpose)
        if intent.kind != par.IOC and filled != lots:
            due = self.now + intent.life_steps if intent.life_steps > 0 else None
            if due is not None and due > self.world.n_steps:
                due = None
            self.rest(Order(intent.position, account, lots - filled, limit, due=due))
        self._settle(intent, account, filled)

    def within(self, share: int, m: int, lots: int, limit: int) -> int:
        """Return a limit no farther beyond the mark than a share of it; 0 sets no bound."""
        if share == 0:
            return limit
        width = self.marks[m] * share // RATE
        return min(limit, self.marks[m] + width) if lots > 0 else max(limit, self.marks[m] - width)

    def _refusal(self, intent: Intent, account: int, m: int, lots: int) -> int | None:
        """Return why a venue refuses an order, if it does."""
        market = self.world.markets[m]
        if intent.kind != par.IOC and self.within(market.price_band, m, lots, intent.tick) != intent.tick:
            return par.OUT_OF_BAND
        if intent.purpose == par.OPENING:
            held = self.ledger.positions[intent.position].lots
            if held * lots < 0:
                return par.NOT_FLAT
            notional = abs((held + lots) * lot_value(market, self.marks[m]))
            most = market.tiers[tier_of(market, notional)].leverage
            if account in self.seats and self.seats[account].habits.leverage > most:
                return par.OVER_LEVERAGE
        if self.ledger.is_margined(account):
            reason = self._beyond_limits(intent.position, m, lots)
            if reason is not None:
                self.unbound += 1
                return reason
        if self.ledger.roster[account].kind == par.AGENT and not intent.reduce_only:
            return self._agent_refusal(intent, account, m, lots)
        return None

    def _beyond_limits(self, position: int, m: int, lots: int) -> int | None:
        """Return which limit of a contract an order would pass if it filled."""
        market, held = self.world.markets[m], self.ledger.positions[position].lots
        worth, added = usd_value(market, self.marks[m]), abs(held + lots) - abs(held)
        if added <= 0:
            return None
        if market.most_held and abs(held + lots) * worth > market.most_held:
            return par.OVER_POSITION
        if market.most_open and (self.ledger.open_interest(m) + added) * worth > market.most_open:
            return par.OVER_INTEREST
        return None

    def _agent_refusal(self, intent: Intent, account: int, m: int, lots: int) -> int | None:
        """Return why an agent's order is refused: spot it does not hold, or margin."""
        market = self.world.markets[m]
        held = self.ledger.positions[intent.position].lots
        if market.spot and lots < 0:
            offered = sum(
                o.lots for o in self.books[m].orders if o.position == intent.position and o.lots < 0
            )
            if -lots > held + offered:
                return par.NO_HOLDING
        if not self._affordable(account, m, lots, intent.tick, held):
            return par.NO_MARGIN
        return None

    def _affordable(self, account: int, m: int, lots: int, tick: int, held: int) -> bool:
        """Tell whether free equity covers the initial margin of what an order adds to a position."""
        market, mark = self.world.markets[m], self.marks[m]
        added = abs(lots) if held * lots > 0 or held == 0 else max(abs(lots) - abs(held), 0)
        if added == 0:
            return True
        price = tick if lots > 0 and tick < 2 * mark else mark
        wanted = initial(market, abs(added * lot_value(market, price)))
        free = self.margin.equity(account) - self.margin.initial(account) - self.ledger.reserved[account]
        return free >= wanted

    def _settle(self, intent: Intent, account: int, filled: int) -> None:
        """Settle a margined account's wallet after its own order."""
        if not self.ledger.is_margined(account):
            return
        if account in self.seats and intent.purpose == par.OPENING and filled:
            self._post_margin(account)
        elif self.ledger.is_flat(account):
            self.settle_flat(account)
        elif account in self.seats:
            self._stand_again(account, intent.purpose, self.ledger.positions[intent.position].lots)

    def _post_margin(self, account: int) -> None:
        """Bring a trader's wallet to entry notional over leverage."""
        places = self.ledger.places[account]
        entries = [self.ledger.positions[k].entry_value for k in places if not self.ledger.rules(k).spot]
        backing = sum(self.margin.counted(k) for k in places if self.ledger.rules(k).spot)
        rate = int(RATE / self.seats[account].habits.leverage + 0.5)
        margin = charge(sum(abs(e) for e in entries), rate)
        self.ledger.transfer(account, margin - sum(entries) - backing - self.ledger.wallet(account))

    def settle_flat(self, account: int) -> None:
        """Close the wallet of a flat account: the fund pays what is missing, a trader takes what is left."""
        self.cooling.pop(account, None)
        balance = self.ledger.wallet(account)
        if balance < 0:
            self.ledger.pay_fund(account, balance)
            self.ledger.fund_losses[self.ledger.settles[account]] -= balance
        elif account in self.seats:
            self.ledger.transfer(account, -balance)
