"""The whole step of the oracle: intents, matching, marks, funding, waves."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

from cascade.core import params as par
from tests.oracle.book import Order
from tests.oracle.ledger import RATE
from tests.oracle.matching import LAST_TICK
from tests.oracle.waterfall import Waterfall
from tests.support.runner import Intent
from tests.support.world import Market, Venue, World, lot_value, usd_value

Pending = tuple[Intent, Order | None]


def weighted_median(sources: list[tuple[float, float]]) -> float:
    """Return the middle of prices with weights: that which half of the weight is reached at from below and above."""
    half, ends = sum(weight for _, weight in sources) / 2.0, []
    for down in (False, True):
        passed = 0.0
        for price, weight in sorted(sources, reverse=down):
            passed += weight
            if passed >= half:
                ends.append(price)
                break
    return 0.5 * (ends[0] + ends[1])


class OracleMarket(Waterfall):
    """Runs a world step by step; state is plain attributes to be compared."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.mid2 = [2 * m.start for m in world.markets]
        self.index = [m.start * m.tick_size for m in world.markets]
        self.averages = [0.0] * len(world.markets)
        self.basis: list[list[float]] = [[] for _ in world.markets]
        self.n_basis = [0] * len(world.markets)
        self.basis_at = [0] * len(world.markets)
        self.next_funding = [world.venues[m.venue].first_funding for m in world.markets]
        self.standing: list[Intent] = []
        self.released: list[Pending] = []
        self.events_before = 0
        self.unfinished_waves = 0
        self.index_guarded = self.medians = self.silenced = 0  # counted for tests
        self.oracle_at = [0] * len(world.markets)

    def step(self, intents: list[Pending]) -> None:
        """Run one step in which the given intents are sent."""
        inbox: list[Pending] = [*self.released, *((intent, None) for intent in self.standing)]
        self.released, self.standing = [], []
        for m, book in enumerate(self.books):
            inbox += [
                (Intent(position=o.position, kind=par.CANCEL, offset=0.0), o)
                for o in self._expiring(m, book.orders)
            ]
        inbox += [(intent, None) for intent in self._unwind()]
        inbox += intents
        for intent, order in sorted(inbox, key=lambda pair: pair[0].offset):
            self.process(intent, order)
        self._open_markets()
        self._set_marks(sample=True)
        self._funding()
        self.sample_funds()
        self._waves()
        self.now += 1

    def _expiring(self, m: int, orders: list[Order]) -> list[Order]:
        """Return the orders of a market whose life ends now; where nobody can cancel, it ends when it opens."""
        due = [o for o in orders if o.due == self.now]
        if not self.off(m, "locked"):
            return due
        self.put_off += len(due)
        for order in due:
            order.due = self.opens(m) if self.opens(m) <= self.world.n_steps else None
        return []

    def _open_markets(self) -> None:
        """Let all that waits arrive before all others if a market opens next; where none does, it waits on."""
        markets = {self.ledger.positions[intent.position].market for intent, _ in self.waiting}
        if any(self.opens(m) <= self.now + 1 for m in markets):
            self.released = [(replace(intent, offset=0.0), order) for intent, order in self.waiting]
            self.waiting = []

    def _unwind(self) -> list[Intent]:
        """Let each fund work off a fraction of what it holds."""
        sent: list[Intent] = []
        places = [(v, m) for v in range(len(self.world.venues)) for m in range(len(self.world.markets))]
        for v, m in places:
            venue, market = self.world.venues[v], self.world.markets[m]
            place = self.ledger.place(self.ledger.special(par.FUND, v), m)
            held = self.ledger.positions[place].lots
            if held == 0 or not self.world.forced_orders or market.pool:
                continue
            size = max(int(abs(held) * venue.unwind_fraction), 1)
            size = min(size, max(int(venue.unwind_max / usd_value(market, self.marks[m])), 1))
            sent.append(
                Intent(
                    position=place,
                    lots=-size if held > 0 else size,
                    tick=LAST_TICK if held < 0 else 1,
                    kind=par.IOC,
                    purpose=par.UNWINDING,
                    reduce_only=1,
                )
            )
        return sent

    # --- marks and funding ------------------------------------------------------------------------

    def _mid(self, m: int) -> float:
        """Return the mid of a market in quote units; an empty side leaves the last one standing."""
        bid, ask = self.books[m].best(buys=True), self.books[m].best(buys=False)
        if bid is not None and ask is not None:
            self.mid2[m] = bid + ask
        return 0.5 * self.mid2[m] * self.world.markets[m].tick_size

    def _set_marks(self, sample: bool) -> None:
        """Set spot mids, the index, then every perpetual's mark by its venue's rule."""
        mids = [self._mid(m) for m in range(len(self.world.markets))]
        self.marks_before = list(self.marks)
        for m, market in enumerate(self.world.markets):
            if market.spot:
                self.marks[m] = max((self.mid2[m] + 1) // 2, 1)
        for m, market in enumerate(self.world.markets):
            if market.spot:
                continue
            every = self.world.venues[market.venue].index_steps
            if (every == 1 or (sample and self.now % every == 0)) and not self.off(m, "frozen"):
                self.index[m] = self._index(market, mids, self.index[m])
            price = self._mark_price(m, self.index[m], mids, sample)
            self.marks[m] = max(math.floor(price / market.tick_size + 0.5), 1)
            if market.pool:
                self.last[m] = self.marks[m]

    def _index(self, market: Market, mids: list[float], before: float) -> float:
        """Return what a venue makes of an asset's spot mids; of none, what it was."""
        venue = self.world.venues[market.venue]
        named = [
            (mids[s], self.world.index_weight(market.venue, s))
            for s, spot in enumerate(self.world.markets)
            if spot.spot
            and spot.asset == market.asset
            and not self.off(s, "mute")
            and not self._is_silent(s, venue)
        ]
        sources = [(price, weight) for price, weight in named if weight > 0.0]
        if not sources:
            self.stale += 1
            return before
        if venue.index_rule == "weighted_median":
            self.medians += len(sources) > 1
            return weighted_median(sources)
        return self._mean(sources, venue)

    def _is_silent(self, s: int, venue: Venue) -> bool:
        """Tell whether a spot market has taken no orders for longer than a venue waits."""
        steps = 0
        while steps <= self.now and any(
            halt.shut and halt.market == s and halt.start <= self.now - steps < halt.stop
            for halt in self.world.halts
        ):
            steps += 1
        silent = 0 < venue.silent_steps < steps
        self.silenced += silent
        return silent

    def _mean(self, sources: list[tuple[float, float]], venue: Venue) -> float:
        """Return the weighted mean of prices but outliers; of many of these, the median."""
        limit = venue.outlier_limit
        middle = statistics.median(price for price, _ in sources)
        far = [(price, weight) for price, weight in sources if abs(price - middle) > limit * middle]
        if len(far) > 1:
            self.index_guarded += 1
            return middle
        total = weight = 0.0
        for price, share in sources:
            total += share * price
            weight += share
        for price, share in far:
            self.index_guarded += 1
            total -= share * price
            weight -= share
        return total / weight

    def _mark_price(self, m: int, index: float, mids: list[float], sample: bool) -> float:
        """Return the mark of a perpetual in quote units."""
        market = self.world.markets[m]
        venue = self.world.venues[market.venue]
        if sample:
            self._follow_basis(m, mids[m] - index)
        last = self.last[m] * market.tick_size
        if venue.mark == "last":
            return last
        if venue.mark == "index":
            return index
        if venue.mark == "oracle":
            return self._answer(m, index)
        remaining = (self.next_funding[m] - self.now) / venue.funding_steps
        carried = index * (1.0 + float(market.funding_rate) * 1e-8 * remaining)
        if venue.mark == "carried":
            return carried
        if venue.mark == "books":
            return self._books_price(m, index + self.averages[m], mids, last)
        total = 0.0
        for basis in self.basis[m]:  # not sum(), which rounds otherwise since Python 3.12
            total += basis
        return sorted((carried, index + total / len(self.basis[m]), last))[1]

    def _answer(self, m: int, index: float) -> float:
        """Return an oracle's last answer, or a new one if the index has left it or its time is up."""
        market = self.world.markets[m]
        venue = self.world.venues[market.venue]
        answer = self.marks[m] * market.tick_size
        if abs(index - answer) < venue.oracle_deviation * answer and self.now < self.oracle_at[m]:
            return answer
        self.oracle_at[m] = self.now + venue.oracle_steps
        return index

    def _books_price(self, m: int, average: float, mids: list[float], last: float) -> float:
        """Return the median of the averaged price, this book's, and other venues' mids."""
        market = self.world.markets[m]
        bid, ask = self.books[m].best(buys=True), self.books[m].best(buys=False)
        bought = (bid or 0) * market.tick_size
        own = max(bought, last) if ask is None else sorted((bought, ask * market.tick_size, last))[1]
        others = [
            mids[k]
            for k, x in enumerate(self.world.markets)
            if not x.spot and not x.pool and x.asset == market.asset and x.venue != market.venue
        ]
        total = 0.0
        for mid in others:
            total += mid
        elsewhere = total / len(others) if others else average
        return sorted((average, own, elsewhere))[1]

    def _follow_basis(self, m: int, basis: float) -> None:
        """Let the mean basis follow the book: a ring of samples, or an exponential average."""
        venue = self.world.venues[self.world.markets[m].venue]
        if venue.mark == "books":
            self.averages[m] = venue.mark_decay * self.averages[m] + (1.0 - venue.mark_decay) * basis
        elif self.now >= self.basis_at[m]:
            ring = self.basis[m]
            if len(ring) < venue.n_basis:
                ring.append(basis)
            else:
                ring[self.n_basis[m] % venue.n_basis] = basis
            self.n_basis[m] += 1
            self.basis_at[m] += venue.basis_steps

    def _funding(self) -> None:
        """Exchange funding at its stamp: longs pay value x rate, rounded against each account."""
        for m, market in enumerate(self.world.markets):
            if market.spot or market.pool or self.now < self.next_funding[m]:
                continue
            price = self.marks[m]
            if self.world.venues[market.venue].funding_at_index:
                price = max(math.floor(self.index[m] / market.tick_size + 0.5), 1)
            collected = 0
            for row in self.ledger.positions:
                if row.market == m and row.lots:
                    value = row.lots * abs(lot_value(market, price))  # longs pay, on inverse contracts too
                    payment = -((-value * market.funding_rate) // RATE)
                    self.ledger.balance[row.account][market.settlement] -= payment
                    collected += payment
            rounding = self.ledger.special(par.ROUNDING, market.venue)
            self.ledger.balance[rounding][market.settlement] += collected
            self.next_funding[m] += self.world.venues[market.venue].funding_steps

    # --- waves ------------------------------------------------------------------------------------

    def _waves(self) -> None:
        """Test, liquidate and deleverage, then again at a new mark while the venues' clock allows."""
        self.wave = 0
        while True:
            self.standing += self.test_margins()
            self.liquidate_flagged()
            self.deleverage_all()
            pending, self.pending = self.pending, False
            self.wave += 1
            if self.wave >= self.world.n_waves:
                self.unfinished_waves += int(pending)
                return
            if self.events == self.events_before and not pending:
                return
            self.events_before = self.events
            self._set_marks(sample=False)
