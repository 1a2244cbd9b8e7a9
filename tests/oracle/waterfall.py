"""Margin test and liquidation by every procedure, at frozen marks."""

from __future__ import annotations

from cascade.core import params as par
from tests.oracle.absorption import Absorption, side_of
from tests.oracle.ledger import RATE, charge
from tests.oracle.lending import Call, Pool
from tests.oracle.margin import bankruptcy_tick, failing_tick, tier_of
from tests.oracle.matching import LAST_TICK
from tests.support.runner import Intent
from tests.support.world import NEVER, Venue, World, lot_value, usd_value

SAFE, OPEN, FAILED = "safe", "open", "failed"


class Waterfall(Pool, Absorption):
    """The venue's way from a failed margin test to a loss absorbed."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.flagged: set[int] = set()
        self.topped_up = self.whole = self.killed = self.left_open = self.waited = self.resent = (
            self.given_up
        ) = 0  # counted for tests

    # --- margin test ------------------------------------------------------------------------------

    def test_margins(self) -> list[Intent]:
        """Test every margined account; return the orders of stops and take-profits, in no order."""
        sent: list[Intent] = []
        for account in range(len(self.ledger.roster)):
            if not self.ledger.is_margined(account) or self.ledger.is_flat(account):
                continue
            venue = self.world.venues[self.ledger.roster[account].venue]
            if self.wave >= venue.n_waves or self.now % venue.wave_steps or self._is_spared(account):
                continue
            if self.margin.excess(account) <= 0:
                self.flagged.add(account)
            elif account in self.seats:
                sent += self._standing_orders(account)
        return sent

    def _is_spared(self, account: int) -> bool:
        """Tell whether an account holds a position in a market in which nobody is liquidated now."""
        held = [self.ledger.positions[k] for k in self.ledger.places[account]]
        spared = any(row.lots and self.off(row.market, "spared") for row in held)
        self.spared += spared and self.margin.excess(account) <= 0
        return spared

    def _standing_orders(self, account: int) -> list[Intent]:
        """Top up, stop out or take profit where the mark says so."""
        seat, position = self.seats[account], self.ledger.places[account][0]
        row = self.ledger.positions[position]
        mark, long = self.marks[row.market], row.lots > 0
        if seat.top_up != NEVER and (mark <= seat.top_up if long else mark >= seat.top_up):
            self._top_up(account, position)
        stopped = seat.stop != NEVER and (mark <= seat.stop if long else mark >= seat.stop)
        taken = seat.take != NEVER and (mark >= seat.take if long else mark <= seat.take)
        seat.stop = NEVER if stopped else seat.stop
        seat.take = NEVER if taken else seat.take
        if not (stopped or taken):
            return []
        return [
            Intent(
                position=position,
                lots=-row.lots,
                tick=1 if long else LAST_TICK,
                kind=par.IOC,
                purpose=int(par.STOPPING if stopped else par.PROFIT),
                offset=0.0,
                reduce_only=1,
            )
        ]

    def _top_up(self, account: int, position: int) -> None:
        """Deposit so much that the liquidation price moves away by the factor; once."""
        self.seats[account].top_up = NEVER
        row, market = self.ledger.positions[position], self.ledger.rules(position)
        tick = failing_tick(market, row.lots, self.ledger.wallet(account), self.marks[row.market])
        if tick is not None:
            way = abs(row.entry_value - row.lots * lot_value(market, tick))
            self.topped_up += 1
            self.ledger.transfer(account, int(float(way) * (self.world.top_up_factor - 1.0)))

    # --- liquidation ------------------------------------------------------------------------------

    def liquidate_flagged(self) -> None:
        """Liquidate the accounts of this wave in the order of their numbers."""
        while self.flagged:
            account = min(self.flagged)
            self.flagged.remove(account)
            self._liquidate(account)

    def _liquidate(self, account: int) -> None:
        """Cancel, re-test, go through the procedure, then hand over what it leaves."""
        self.cancel_account(account)
        if self.ledger.is_flat(account) or self.margin.excess(account) > 0:
            self._stop_waiting(account)
            return
        procedure, before = self.venue_of(account).procedure, len(self.logs.liquidations)
        if procedure == "slices":
            left = self._in_slices(account)
        elif procedure == "blocks":
            left = self._in_blocks(account)
        elif procedure == "liquidators":
            left = self._by_liquidators(account)
        else:
            left = self._to_lower_tier(account)
        if left == FAILED and not self._hand_over(account, before):
            return
        if self.ledger.is_flat(account):
            rows = self.logs.liquidations[before:]
            self.close_wallet(account, rows[-1] if rows else None)
        if left == SAFE:
            self._stop_waiting(account)
        self.left_open += left == OPEN

    def _stop_waiting(self, account: int) -> None:
        """Forget that a safe account waited for the book or for liquidators; no margin ends a cool-down."""
        if self.venue_of(account).procedure != "slices":
            self.cooling.pop(account, None)

    def _hand_over(self, account: int, before: int) -> bool:
        """Give what is left to the fund, or leave it to auto-deleveraging: then False."""
        logged = {(row["market"], row["side"]) for row in self.logs.liquidations[before:]}
        for k in self.ledger.places[account]:
            row = self.ledger.positions[k]
            if row.lots and side_of(row) not in logged:
                self.whole += 1
                self._log(account, k, self._bankruptcy(account, k), order_lots=0, part=0)
                self.logs.liquidations[-1] |= self._state(account, k)
        rows = {(row["market"], row["side"]): row for row in self.logs.liquidations[before:]}
        self._buy_holdings(account, rows)
        if self.ledger.is_flat(account):
            return True
        if not self._fund_accepts(account):
            self._leave_residuals(account, rows)
            return False
        self._take_over(account, rows)
        return True

    def _is_safe(self, account: int) -> bool:
        """Tell whether nothing more needs to be sold."""
        return self.ledger.is_flat(account) or self.margin.excess(account) > 0

    def _to_lower_tier(self, account: int) -> str:
        """Reduce position by position until the account is safe or the book has no more."""
        part = 0
        for position in self._in_turn(account):
            while self.ledger.positions[position].lots and not self._goes_whole(account, position):
                wanted = self._forced_size(account, position)
                filled = self._force(account, position, wanted, part)
                part += 1
                if self._is_safe(account):
                    return SAFE
                if filled < wanted:
                    break
        return OPEN if part and self._waits_for_the_book(account) else FAILED

    def _waits_for_the_book(self, account: int) -> bool:
        """Tell whether orders that did not fill are sent again at the next test."""
        venue = self.venue_of(account)
        if not venue.patience or self._below_backstop(account):
            return False
        if account in self.cooling and self.now > self.cooling[account] + venue.wave_steps:
            del self.cooling[account]  # it was safe in between
        waits = self.now < self.cooling.setdefault(account, self.now + venue.patience)
        self.resent += waits
        self.given_up += not waits
        return waits

    def _in_turn(self, account: int) -> list[int]:
        """Return an account's positions as they are liquidated: perpetuals, then the spot that backs them."""
        return sorted(self.ledger.places[account], key=lambda k: self.ledger.rules(k).spot)

    def _tier(self, position: int) -> int:
        """Return the tier of a position, counted from 0."""
        return tier_of(self.ledger.rules(position), abs(self.margin.value(position)))

    def _goes_whole(self, account: int, position: int) -> bool:
        """Tell whether a position is so small that no order is sent for it."""
        whole = self.venue_of(account).whole_tiers
        if self.ledger.rules(position).spot or not self.world.forced_orders:
            return False
        return self._tier(position) < whole

    def _forced_size(self, account: int, position: int) -> int:
        """Return the size of the next forced order: all, or what leads to a lower tier."""
        market, row = self.ledger.rules(position), self.ledger.positions[position]
        venue = self.venue_of(account)
        down = venue.tiers_down if venue.procedure == "lower_tier" else 0
        size = abs(row.lots)
        if down and not market.spot and self._reduces(venue, position):
            lower = max(self._tier(position) - down, 0)
            size -= market.tiers[lower].cap // abs(lot_value(market, self.marks[row.market]))
        return max(min(size, market.max_order), 1)

    def _reduces(self, venue: Venue, position: int) -> bool:
        """Tell whether a position is reduced and not closed: it may be told to only where margin is freed."""
        market, tier = self.ledger.rules(position), self._tier(position)
        frees = market.tiers[tier].rate > market.liquidation_fee
        return tier > 0 and (frees or not venue.only_where_it_frees)

    def _in_slices(self, account: int) -> str:
        """A first slice of what is large, the whole of what is not; the rest at later tests."""
        venue = self.venue_of(account)
        if self._below_backstop(account):
            return FAILED
        memory = venue.cooldown_steps if venue.cooldown_waits else 0
        until = self.cooling.get(account, -1)
        cooling = account in self.cooling and self.now < until + memory
        if self.now < until and venue.cooldown_waits:
            self.waited += 1
            return OPEN
        part = 0
        for position in self._in_turn(account):
            row, market = self.ledger.positions[position], self.ledger.rules(position)
            size = abs(row.lots)
            if size == 0:
                continue
            if not cooling and size * usd_value(market, self.marks[row.market]) > venue.slice_above:
                size = max(int(size * venue.slice_share), 1)
                self.cooling[account] = self.now + venue.cooldown_steps
            self._force(account, position, min(size, self.ledger.rules(position).max_order), part)
            part += 1
            if self._is_safe(account):
                return SAFE
        return FAILED if self._below_backstop(account) else OPEN

    def _below_backstop(self, account: int) -> bool:
        """Tell whether equity is below the backstop's part of maintenance margin."""
        part = self.margin.maintenance(account) * self.venue_of(account).backstop // RATE
        return self.margin.equity(account) < part

    def _in_blocks(self, account: int) -> str:
        """At most a part of each position at each test, within what the fund may lose."""
        venue = self.venue_of(account)
        budget, part = venue.block_notional, 0
        for position in self._in_turn(account):
            if self.margin.equity(account) < 0:
                return FAILED
            held = abs(self.ledger.positions[position].lots)
            if held == 0:
                continue
            market = self.ledger.rules(position)
            worth = usd_value(market, self.marks[self.ledger.positions[position].market])
            size = max(int(held * venue.block_share), venue.block_floor // worth)
            size = max(min(size, held, budget // worth), 1)
            if not self.fund_may_lose(account, position, size):
                return FAILED
            budget -= self._force(account, position, min(size, market.max_order), part) * worth
            part += 1
            if self._is_safe(account):
                return SAFE
            if budget < worth:
                break
        return OPEN

    def _by_liquidators(self, account: int) -> str:
        """Let liquidators call each collateral in turn; where none pays, only the first test is logged."""
        waits, before, paid = account in self.cooling, len(self.logs.liquidations), False
        for position in self.ledger.places[account]:
            if self.ledger.positions[position].lots == 0:
                continue
            bankruptcy, held = self._bankruptcy(account, position), self.ledger.positions[position].lots
            sold_in = self.ledger.rules(position).sold_in
            assert sold_in is not None
            state = self._state(account, position) | {"best_before": self._best(sold_in, held)}
            call = self.call(account, position)
            if call.wanted and (call.sold or not waits):
                part = len(self.logs.liquidations) - before
                self._log_call(account, position, held, bankruptcy, call, part)
                self.logs.liquidations[-1] |= state
            paid = paid or call.sold > 0
            if self._is_safe(account):
                return SAFE
        if paid:
            self.cooling.pop(account, None)
        elif len(self.logs.liquidations) > before:
            self.cooling[account] = self.now
        return OPEN

    def _log_call(
        self, account: int, position: int, held: int, bankruptcy: int, call: Call, part: int
    ) -> None:
        """Write the row of a call, or of the first that did not pay."""
        m = self.ledger.positions[position].market
        sold_in = self.ledger.rules(position).sold_in
        assert sold_in is not None
        self._log(
            account, position, bankruptcy, order_lots=call.wanted, part=part, held=held, filled=call.sold,
            value=call.value,
        )  # fmt: skip
        kept = call.protocol * lot_value(self.world.markets[m], self.marks[m])
        self.logs.liquidations[-1] |= {
            "worst_tick": self.last[sold_in],
            "best_after": self._best(sold_in, held),
            "taken_over_lots": call.protocol,
            "fund_draw": -kept,
            "repaid": call.repaid,
        }
        self.events += 1
        self.unpaid += call.sold == 0
        self.called += call.sold > 0

    # --- forced orders ----------------------------------------------------------------------------

    def _bankruptcy(self, account: int, position: int) -> int:
        """Return the bankruptcy price of a position, the account's others at their marks."""
        rest = self.margin.equity(account) - self.margin.counted(position)
        return bankruptcy_tick(self.ledger.rules(position), self.ledger.positions[position].lots, rest)

    def _worst(self, account: int, position: int, bankruptcy: int) -> int:
        """Return the worst price a forced order may have."""
        procedure = self.venue_of(account).procedure
        if procedure == "slices":
            return 1 if self.ledger.positions[position].lots > 0 else LAST_TICK
        return self.fillable_tick(account, position) if procedure == "blocks" else bankruptcy

    def _available(self, m: int, account: int, lots: int, limit: int) -> int:
        """Return what others offer within a limit."""
        resting = self.books[m].side(buys=lots < 0)
        inside = [o for o in resting if (o.tick <= limit if lots > 0 else o.tick >= limit)]
        return sum(abs(o.lots) for o in inside if o.account != account)

    def _force(self, account: int, position: int, size: int, part: int) -> int:
        """Send one forced order and settle its fee; return the lots it filled."""
        row, market, venue = (
            self.ledger.positions[position],
            self.ledger.rules(position),
            self.venue_of(account),
        )
        m, held = row.market, row.lots
        bankruptcy = self._bankruptcy(account, position)
        lots = -size if held > 0 else size
        worst = self._worst(account, position, bankruptcy)
        limit = self.within(market.take_bound, m, lots, worst)
        quote = self.bankruptcy_quote(account, position, size)
        state = self._state(account, position)
        if not self.world.forced_orders:  # the counterfactual: an absorber takes it at the mark
            filled, value = lots, lots * lot_value(market, self.marks[m])
            absorber = self.ledger.special(par.ABSORBER, self.ledger.roster[account].venue)
            self.ledger.fill(position, filled, value, 0)
            self.ledger.fill(self.ledger.place(absorber, m), -filled, -value, 0)
        elif venue.fill_or_kill and size < abs(held) and self._available(m, account, lots, limit) < size:
            self.killed += 1
            filled, value = 0, 0
        else:
            filled, value = self.take(position, lots, limit, int(par.FORCED))
        if venue.procedure == "blocks":
            fee = self.settle_with_fund(account, market, value, quote * abs(filled) // size)
        else:
            fee = max(min(charge(abs(value), market.liquidation_fee), self.margin.equity(account)), 0)
            self.pay_fund(account, fee)
        self.events += 1
        self._log(
            account, position, bankruptcy, order_lots=size, part=part, held=held, filled=filled, value=value, fee=fee
        )  # fmt: skip
        self.logs.liquidations[-1] |= state
        return abs(filled)

    def _state(self, account: int, position: int) -> dict[str, int]:
        """Return why an account fails: its liquidation tick, what margin it lacks, and the book it faces."""
        row, market = self.ledger.positions[position], self.ledger.rules(position)
        tick = None
        if len(self.ledger.places[account]) == 1 and market.tiers:
            before = self.marks_before[row.market]
            tick = failing_tick(market, row.lots, self.ledger.wallet(account), before)
        return {
            "liquidation_tick": -1 if tick is None else tick,
            "shortfall": -self.margin.excess(account),
            "best_before": self._best(row.market, row.lots),
        }

    def _best(self, m: int, held: int) -> int:
        """Return the best price at which lots could be closed; of an empty side what the kernels write."""
        best = self.books[m].best(buys=held > 0)
        return best if best is not None else 0 if held > 0 else 2**31 - 1

    def _log(
        self, account: int, position: int, bankruptcy: int, *, order_lots: int, part: int, **fill: int
    ) -> None:
        """Write the row of a forced order, or of a take-over without one."""
        row = self.ledger.positions[position]
        held, fee = fill.get("held", row.lots), fill.get("fee", 0)
        self.logs.liquidations.append(
            {
                "step": self.now,
                "wave": self.wave,
                "account": account,
                "market": row.market,
                "part": part,
                "side": 1 if held > 0 else -1,
                "position_lots": abs(held),
                "order_lots": order_lots,
                "filled_lots": abs(fill.get("filled", 0)),
                "filled_value": abs(fill.get("value", 0)),
                "trigger_mark": self.marks[row.market],
                "bankruptcy_tick": bankruptcy,
                "worst_tick": self.last[row.market],
                "fee": max(fee, 0),
                "taken_over_lots": 0,
                "fund_draw": max(-fee, 0),
                "adl_lots": 0,
                "deficit": 0,
                "best_after": self._best(row.market, held),
                "repaid": 0,
            }
        )
