"""Liquidation, insurance fund and auto-deleveraging at frozen marks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cascade.core import params as par
from tests.oracle.ledger import charge
from tests.oracle.margin import bankruptcy_tick, liquidation_tick, maintenance, tier_of
from tests.oracle.matching import LAST_TICK, Exchange
from tests.support.runner import Intent
from tests.support.world import NEVER, Venue, World, lot_value


@dataclass
class Residual:
    """What an insolvent position leaves to auto-deleveraging."""

    position: int
    lots: int
    quote: int
    row: dict[str, float]


class Waterfall(Exchange):
    """The venue's way from a failed margin test to a loss absorbed."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.flagged: set[int] = set()
        self.flagged_next: set[int] = set()
        self.insolvent: set[int] = set()
        self.residuals: list[Residual] = []
        self.wave = 0
        self.absorbed = self.topped_up = self.due = self.bought = 0  # counted for tests

    # --- margin test ------------------------------------------------------------------------------

    def test_margins(self) -> list[Intent]:
        """Test every margined account; return the orders of stops and take-profits, in no order."""
        sent: list[Intent] = []
        for account in range(len(self.ledger.roster)):
            if not self.ledger.is_margined(account) or self.ledger.is_flat(account):
                continue
            venue = self.world.venues[self.ledger.roster[account].venue]
            if self.wave >= venue.n_waves or self.now % venue.wave_steps:
                continue
            if self.margin.excess(account) <= 0:
                self.flagged.add(account)
            elif account in self.seats:
                sent += self._standing_orders(account)
        return sent

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
                kind=int(par.IOC),
                purpose=int(par.STOPPING if stopped else par.PROFIT),
                offset=0.0,
                reduce_only=1,
            )
        ]

    def _top_up(self, account: int, position: int) -> None:
        """Deposit so much that the liquidation price moves away by the factor; once."""
        self.seats[account].top_up = NEVER
        row, market = self.ledger.positions[position], self.ledger.rules(position)
        tick = liquidation_tick(market, row.lots, self.ledger.balance[account])
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
        """Cancel, re-test, reduce, then hand over what the book would not take."""
        self.cancel_account(account)
        if self.ledger.is_flat(account) or self.margin.excess(account) > 0:
            return
        part = 0
        for position in self.ledger.places[account]:
            part, safe = self._reduce(account, position, part)
            if safe:
                break
        else:
            self._buy_holdings(account)
            if not self.ledger.is_flat(account):
                if not self._fund_accepts(account):
                    self._leave_residuals(account)
                    return
                self._take_over(account)
        if self.ledger.is_flat(account):
            self.settle_flat(account)

    def _reduce(self, account: int, position: int, part: int) -> tuple[int, bool]:
        """Send forced orders for a position until its account is safe or the book has no more."""
        while self.ledger.positions[position].lots:
            wanted = self._forced_size(position)
            filled = self._force(account, position, wanted, part)
            part += 1
            if self.ledger.is_flat(account) or self.margin.excess(account) > 0:
                return part, True
            if filled < wanted:
                break
        return part, False

    def _forced_size(self, position: int) -> int:
        """Return the size of the next forced order: all, or what leads to the next lower tier."""
        market, row = self.ledger.rules(position), self.ledger.positions[position]
        size = abs(row.lots)
        if self.world.venues[market.venue].procedure == par.TIER_BY_TIER:
            worth = abs(lot_value(market, self.marks[row.market]))
            tier = tier_of(market, size * worth)
            if tier > 0:
                size -= market.tiers[tier - 1].cap // worth
        return max(min(size, market.max_order), 1)

    def _force(self, account: int, position: int, size: int, part: int) -> int:
        """Send one forced order and charge its clearance fee; return the lots it filled."""
        row, market = self.ledger.positions[position], self.ledger.rules(position)
        m, mark, held = row.market, self.marks[row.market], row.lots
        elsewhere = self.margin.equity(account) - held * lot_value(market, mark)
        bankruptcy = bankruptcy_tick(market, held, elsewhere)
        lots = -size if held > 0 else size
        limit = self.within(market.take_bound, m, lots, bankruptcy)
        if self.world.forced_orders:
            filled, value = self.take(position, lots, limit, int(par.FORCED))
        else:  # the counterfactual: an absorber takes it at the mark
            filled, value = lots, lots * lot_value(market, mark)
            venue = self.ledger.roster[account].venue
            absorber = self.ledger.place(self.ledger.special(par.ABSORBER, venue), m)
            self.ledger.fill(position, filled, value, 0)
            self.ledger.fill(absorber, -filled, -value, 0)
        fee = max(min(charge(abs(value), market.liquidation_fee), self.margin.equity(account)), 0)
        self.ledger.balance[account] -= fee
        self.ledger.balance[self.ledger.fund_of(account)] += fee
        self.ledger.fund_income += fee
        self.events += 1
        self.logs.liquidations.append(
            {
                "step": self.now,
                "wave": self.wave,
                "account": account,
                "market": m,
                "part": part,
                "side": 1 if held > 0 else -1,
                "position_lots": abs(held),
                "order_lots": size,
                "filled_lots": abs(filled),
                "filled_value": abs(value),
                "trigger_mark": mark,
                "bankruptcy_tick": bankruptcy,
                "worst_tick": self.last[m],
                "fee": fee,
                "taken_over_lots": 0,
                "fund_draw": 0,
                "adl_lots": 0,
            }
        )
        return abs(filled)

    # --- insurance fund ---------------------------------------------------------------------------

    def _buy_holdings(self, account: int) -> None:
        """Let the fund buy at mark what spot the book would not take."""
        fund = self.ledger.fund_of(account)
        for k in self.ledger.places[account]:
            row = self.ledger.positions[k]
            if self.ledger.rules(k).spot and row.lots:
                self.bought += 1
                self.ledger.move(k, self.ledger.place(fund, row.market), row.lots, -self.margin.value(k))

    def _fund_accepts(self, account: int) -> bool:
        """Tell whether the fund's rule lets it take over an account."""
        venue: Venue = self.world.venues[self.ledger.roster[account].venue]
        if not self.world.forced_orders:
            return True
        if venue.take_over == par.TAKE_OVER_NEVER:
            return False
        fund = self.ledger.fund_of(account)
        after = self.margin.equity(fund) + self.margin.equity(account)
        if venue.take_over == par.TAKE_OVER_CAPACITY:
            return after >= 0
        exposure = 0
        for k in self.ledger.places[account]:
            row = self.ledger.positions[k]
            held = row.lots + self.ledger.positions[self.ledger.place(fund, row.market)].lots
            exposure += abs(held * lot_value(self.ledger.rules(k), self.marks[row.market]))
        return exposure <= after

    def _take_over(self, account: int) -> None:
        """Give an account's positions and balance to the fund: a transfer at the bankruptcy price."""
        fund, loss = self.ledger.fund_of(account), -self.margin.equity(account)
        total = 0
        for k in self.ledger.places[account]:
            row = self.ledger.positions[k]
            total += abs(row.lots)
            if row.lots:
                self.ledger.move(k, self.ledger.place(fund, row.market), row.lots, -self.margin.value(k))
        left = self.ledger.balance[account]
        self.ledger.balance[account] = 0
        self.ledger.balance[fund] += left
        self.ledger.fund_losses += max(loss, 0)
        self.ledger.fund_income += max(-loss, 0)
        self.logs.liquidations[-1] |= {"taken_over_lots": total, "fund_draw": loss}

    # --- auto-deleveraging ------------------------------------------------------------------------

    def _leave_residuals(self, account: int) -> None:
        """Queue what an account still holds, its balance shared by maintenance margin."""
        self.insolvent.add(account)
        equity, total = float(self.margin.equity(account)), float(max(self.margin.maintenance(account), 1))
        left = self.ledger.balance[account]
        open_ = [k for k in self.ledger.places[account] if self.ledger.positions[k].lots]
        for k in open_:
            value = self.margin.value(k)
            share = float(maintenance(self.ledger.rules(k), abs(value))) / total
            quote = left if k == open_[-1] else math.floor(equity * share) - value
            left -= quote
            row = self.logs.liquidations[-1]
            self.residuals.append(Residual(k, self.ledger.positions[k].lots, quote, row))

    def deleverage_all(self) -> None:
        """Close residuals against counterparties, market by market: shorts, then longs."""
        for m in range(len(self.world.markets)):
            for long in (False, True):
                batch = [
                    r
                    for r in self.residuals
                    if self.ledger.positions[r.position].market == m and (r.lots > 0) == long
                ]
                if batch:
                    self._batch(m, batch, self._rank(m, long=not long))
        for account in self.insolvent:
            self.settle_flat(account)
        self.insolvent.clear()
        self.residuals.clear()

    def _rank(self, m: int, long: bool) -> list[tuple[float, int]]:
        """Return the counterparties (score, position) on a side, first to be deleveraged first."""
        found: list[tuple[float, int]] = []
        for k, row in enumerate(self.ledger.positions):
            kind = self.ledger.roster[row.account].kind
            if row.market != m or row.lots == 0 or (row.lots > 0) != long:
                continue
            if kind not in (par.FUND, par.ABSORBER) and row.account not in self.insolvent:
                found.append((self._score(k), k))
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))

    def _score(self, position: int) -> float:
        """Return a counterparty's rank score (venues.md 1.5), in floats, as venues do."""
        row = self.ledger.positions[position]
        value, equity = self.margin.value(position), float(self.margin.equity(row.account))
        profit = float(value - row.entry_value)
        if self.world.venues[self.ledger.rules(position).venue].adl_ranking == par.QUEUE_PNL_MARGIN:
            ratio = float(self.margin.maintenance(row.account)) / equity if equity > 0 else 0.0
            return max(0.0, profit) / max(equity - profit, 1e6) * ratio
        gain, leverage = profit / max(abs(float(value)), 1.0), abs(float(value)) / max(equity, 1.0)
        return gain * leverage if gain >= 0 else gain / leverage

    def _batch(self, m: int, batch: list[Residual], ranking: list[tuple[float, int]]) -> None:
        """Close one side of a market's residuals in the order of a ranking that is frozen."""
        rank = 0
        for residual in batch:
            while residual.lots:
                if not ranking:
                    self._absorb(m, residual)
                    continue
                score, target = ranking[0]
                self._deleverage(m, residual, target, {"rank": rank, "score": score})
                rank += 1
                if self.ledger.positions[target].lots == 0:
                    ranking.pop(0)
                self._retest(self.ledger.positions[target].account)

    def _deleverage(self, m: int, residual: Residual, target: int, row: dict[str, float]) -> None:
        """Close a residual against one counterparty at the residual's price."""
        counterparty = self.ledger.positions[target].account
        self.cancel_account(counterparty)
        size = min(abs(residual.lots), abs(self.ledger.positions[target].lots))
        lots = size if residual.lots > 0 else -size
        worth = lots * lot_value(self.world.markets[m], self.marks[m])
        value = residual.quote * size // abs(residual.lots)
        if self.world.venues[self.world.markets[m].venue].adl_price == par.AT_MARK:
            value = -worth
        self.logs.adl.append(
            row
            | {
                "step": self.now,
                "wave": self.wave,
                "counterparty": counterparty,
                "market": m,
                "lots": lots,
                "account": self.ledger.positions[residual.position].account,
                "value": abs(value),
                "mark_value": abs(worth),
            }
        )
        self.ledger.move(residual.position, target, lots, value)
        residual.lots -= lots
        residual.quote -= value
        residual.row["adl_lots"] += size
        self.ledger.adl_value += abs(worth)

    def _absorb(self, m: int, residual: Residual) -> None:
        """Give a residual without counterparty to the fund, whatever it costs."""
        account = self.ledger.positions[residual.position].account
        fund = self.ledger.place(self.ledger.fund_of(account), m)
        worth = residual.lots * lot_value(self.world.markets[m], self.marks[m]) + residual.quote
        self.ledger.fund_losses += max(-worth, 0)
        self.absorbed += 1
        self.ledger.move(residual.position, fund, residual.lots, residual.quote)
        residual.lots, residual.quote = 0, 0

    def _retest(self, account: int) -> None:
        """Test a counterparty again; failing, it is due in the next wave."""
        if not self.ledger.is_margined(account):
            return
        if self.ledger.is_flat(account):
            self.settle_flat(account)
        elif self.margin.excess(account) <= 0:
            self.due += 1
            self.flagged_next.add(account)
