"""What absorbs a loss: the insurance fund, and auto-deleveraging by every policy, at frozen marks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cascade.core import params as par
from tests.oracle.ledger import RATE, Position
from tests.oracle.margin import bankruptcy_tick, maintenance
from tests.oracle.matching import Exchange
from tests.support.kernels import uniform
from tests.support.world import Market, Venue, World, from_usd, lot_value, usd_value

N_LEVELS = 32


@dataclass
class Residual:
    """What an insolvent position leaves to auto-deleveraging."""

    position: int
    lots: int
    quote: int
    row: dict[str, float]


@dataclass
class Ranked:
    """A counterparty: its score, and the lots it is to give up."""

    score: float
    position: int
    lots: int


def side_of(row: Position) -> tuple[int, int]:
    """Return the market and side of a position, by which rows of an account are told apart."""
    return row.market, 1 if row.lots > 0 else -1


class Absorption(Exchange):
    """Fund and counterparties of each venue."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.pending = False  # whether a batch of this wave made someone fail
        self.insolvent: set[int] = set()
        self.residuals: list[Residual] = []
        self.wave = 0
        self.absorbed = self.due = self.bought = 0  # counted for tests
        self.socialised = self.skipped = self.drawn_down = self.shortfalls = self.limited = 0
        self.levels: list[list[list[int]]] = [[[] for _ in range(world.n_settlements)] for _ in world.venues]
        self.lost = [((-1, 0), 0)] * len(world.venues)  # step and wave, and what was lost in it
        self.taken: list[dict[int, int]] = [{} for _ in world.venues]  # USD taken over, by window

    def venue_of(self, account: int) -> Venue:
        """Return the rules an account lives under."""
        return self.world.venues[self.ledger.roster[account].venue]

    # --- insurance fund ---------------------------------------------------------------------------

    def bankruptcy_quote(self, account: int, position: int, size: int) -> int:
        """Return what an account is paid for closing part of a position at its bankruptcy price."""
        row, market = self.ledger.positions[position], self.ledger.rules(position)
        part = maintenance(market, abs(self.margin.value(position))) * size // abs(row.lots)
        worth = (size if row.lots > 0 else -size) * lot_value(market, self.marks[row.market])
        return worth - self.margin.equity(account) * part // max(self.margin.maintenance(account), 1)

    def fillable_tick(self, account: int, position: int) -> int:
        """Return the worst price of a forced order in blocks."""
        row, market, venue = (
            self.ledger.positions[position],
            self.ledger.rules(position),
            self.venue_of(account),
        )
        value, total = self.margin.value(position), self.margin.maintenance(account)
        missing = (total - self.margin.equity(account)) * venue.bankruptcy_adjustment // RATE
        missing = min(max(missing, 0), total)
        spread = maintenance(market, abs(value)) * venue.spread_to_maintenance // RATE
        return bankruptcy_tick(market, row.lots, spread * missing // max(total, 1) - value)

    def pay_fund(self, account: int, amount: int) -> None:
        """Move money from an account to its venue's fund, or back."""
        self.ledger.pay_fund(account, amount)
        self._tell_fund(account, amount)

    def _tell_fund(self, account: int, gain: int) -> None:
        """Count what an account brings the fund, or costs it."""
        s = self.ledger.settles[account]
        self.ledger.fund_income[s] += max(gain, 0)
        self.ledger.fund_losses[s] += max(-gain, 0)

    def _fund_equity(self, account: int) -> int:
        """Return the equity of an account's fund in the asset of its margin."""
        return self.margin.equity_in(self.ledger.fund_of(account), self.ledger.settles[account])

    def lost_now(self, venue: int) -> int:
        """Return what a fund has lost on fills in this wave."""
        when, lost = self.lost[venue]
        return lost if when == (self.now, self.wave) else 0

    def settle_with_fund(self, account: int, market: Market, value: int, quote: int) -> int:
        """Let the fund take what a fill is better than bankruptcy, up to the fee, or pay the difference."""
        fee = -value - quote
        if fee < 0:
            venue = self.ledger.roster[account].venue
            self.lost[venue] = ((self.now, self.wave), self.lost_now(venue) - fee)
            self.shortfalls += 1
        fee = min(fee, abs(value) * market.liquidation_fee // RATE) if fee > 0 else fee
        self.pay_fund(account, fee)
        return fee

    def fund_may_lose(self, account: int, position: int, size: int) -> bool:
        """Tell whether the fund covers the worst fill of a forced order in blocks."""
        if not self.world.forced_orders:
            return True
        row, market, venue = (
            self.ledger.positions[position],
            self.ledger.rules(position),
            self.venue_of(account),
        )
        signed = size if row.lots > 0 else -size
        worst = signed * lot_value(market, self.fillable_tick(account, position))
        loss = self.bankruptcy_quote(account, position, size) - worst
        if loss <= 0:
            return True
        lost = self.lost_now(self.ledger.roster[account].venue)
        if venue.max_loss and lost + loss > from_usd(market, self.marks[row.market], venue.max_loss):
            return False
        return self._fund_equity(account) >= loss

    def sample_funds(self) -> None:
        """Note the equity of every fund."""
        for v, venue in enumerate(self.world.venues):
            if self.now % venue.level_steps == 0:
                fund = self.ledger.special(par.FUND, v)
                for s, past in enumerate(self.levels[v]):
                    past.append(self.margin.equity_in(fund, s))

    def _has_drawn_down(self, account: int) -> bool:
        """Tell whether a fund has fallen from its past level by so much that it takes over no more."""
        venue = self.venue_of(account)
        past = self.levels[self.ledger.roster[account].venue][self.ledger.settles[account]]
        if venue.drawdown == 0 or not past:
            return False
        ring = [past[k] for k in _ring(len(past))]
        level = sum(x // len(ring) for x in ring) if venue.drawdown_of_mean else max(ring)
        fund, first = self._fund_equity(account), self.ledger.places[account][0]
        mark = self.marks[self.ledger.positions[first].market]
        least = from_usd(self.ledger.rules(first), mark, venue.drawdown_floor)
        found = fund <= 0 or fund <= level - max(level * venue.drawdown // RATE, least)
        self.drawn_down += found
        return found

    def _buy_holdings(self, account: int, rows: dict[tuple[int, int], dict[str, float]]) -> None:
        """Let the fund buy at mark what spot the book would not take."""
        fund = self.ledger.fund_of(account)
        for k in self.ledger.places[account]:
            row = self.ledger.positions[k]
            if self.ledger.rules(k).spot and row.lots:
                self.bought += 1
                rows[side_of(row)]["taken_over_lots"] = abs(row.lots)
                self.ledger.move(k, self.ledger.place(fund, row.market), row.lots, -self.margin.value(k))

    def _fund_accepts(self, account: int) -> bool:
        """Tell whether the fund's rule lets it take over an account."""
        venue = self.venue_of(account)
        if not self.world.forced_orders:
            return True
        if venue.take_over == "never" or self._has_drawn_down(account) or self._exceeds_limits(account):
            return False
        after = self._fund_equity(account) + self.margin.equity(account)
        if venue.take_over == "solvent":
            return self.margin.equity(account) >= 0 and after >= 0
        if venue.take_over == "capacity":
            return after >= 0
        return self._held_with(account) <= after

    def _held_with(self, account: int) -> int:
        """Return what a fund would hold with an account, over the markets that settle in the account's asset."""
        fund = self.ledger.fund_of(account)
        held = dict.fromkeys(range(len(self.world.markets)), 0)  # all the fund would have, by market
        for k in (*self.ledger.places[fund], *self.ledger.places[account]):
            if self.ledger.rules(k).settlement == self.ledger.settles[account]:
                held[self.ledger.positions[k].market] += self.ledger.positions[k].lots
        markets = self.world.markets
        return sum(abs(n * lot_value(markets[m], self.marks[m])) for m, n in held.items())

    def _notional_usd(self, account: int) -> int:
        """Return the notional of an account in USD."""
        rows = [self.ledger.positions[k] for k in self.ledger.places[account]]
        return sum(abs(r.lots) * usd_value(self.world.markets[r.market], self.marks[r.market]) for r in rows)

    def _window(self, venue: Venue) -> int:
        """Return the window in which what a fund takes over is counted now."""
        return self.now // venue.taken_steps

    def _exceeds_limits(self, account: int) -> bool:
        """Tell whether an account is more than its fund may hold or take over now."""
        venue, first = self.venue_of(account), self.ledger.places[account][0]
        m = self.ledger.positions[first].market
        taken = self.taken[self.ledger.roster[account].venue].get(self._window(venue), 0)
        too_much = venue.most_taken and taken + self._notional_usd(account) > venue.most_taken
        most = from_usd(self.world.markets[m], self.marks[m], venue.most_held)
        too_large = venue.most_held and self._held_with(account) > most
        self.limited += bool(too_much or too_large)
        return bool(too_much or too_large)

    def _take_over(self, account: int, rows: dict[tuple[int, int], dict[str, float]]) -> None:
        """Give an account's positions and balance to the fund: a transfer at the bankruptcy price."""
        fund, loss = self.ledger.fund_of(account), -self.margin.equity(account)
        taken, window = self.taken[self.ledger.roster[account].venue], self._window(self.venue_of(account))
        taken[window] = taken.get(window, 0) + self._notional_usd(account)
        for k in self.ledger.places[account]:
            row = self.ledger.positions[k]
            if row.lots:
                rows[side_of(row)]["taken_over_lots"] = abs(row.lots)
                self.ledger.move(k, self.ledger.place(fund, row.market), row.lots, -self.margin.value(k))
        self.ledger.pay_fund(account, self.ledger.wallet(account))
        self._tell_fund(account, -loss)
        self.logs.liquidations[-1]["fund_draw"] += loss

    def close_wallet(self, account: int, row: dict[str, float] | None) -> None:
        """Settle a flat account; the row of its liquidation notes what the fund makes good."""
        if row is not None:
            row["fund_draw"] += max(-self.ledger.wallet(account), 0)
        self.settle_flat(account)

    # --- auto-deleveraging ------------------------------------------------------------------------

    def _leave_residuals(self, account: int, rows: dict[tuple[int, int], dict[str, float]]) -> None:
        """Queue what an account still holds, its balance shared by maintenance margin."""
        self.insolvent.add(account)
        self.logs.liquidations[-1]["deficit"] = max(-self.margin.equity(account), 0)
        left = self.ledger.wallet(account)
        open_ = [k for k in self.ledger.places[account] if self.ledger.positions[k].lots]
        for k in open_:
            lots = self.ledger.positions[k].lots
            quote = left if k == open_[-1] else -self.bankruptcy_quote(account, k, abs(lots))
            left -= quote
            self.residuals.append(Residual(k, lots, quote, rows[side_of(self.ledger.positions[k])]))

    def deleverage_all(self) -> None:
        """Close residuals against counterparties, market by market: shorts, then longs."""
        for m, market in enumerate(self.world.markets):
            policy = self.world.venues[market.venue].adl_ranking
            for long in (False, True):
                batch = [
                    r
                    for r in self.residuals
                    if self.ledger.positions[r.position].market == m and (r.lots > 0) == long
                ]
                if batch and policy == "socialise":
                    self._socialise(m, batch)
                elif batch:
                    self._batch(m, batch, self._rank(m, not long, sum(abs(r.lots) for r in batch)))
        for residual in self.residuals:
            account = self.ledger.positions[residual.position].account
            if self.ledger.is_flat(account):
                self.close_wallet(account, residual.row)
        self.insolvent.clear()
        self.residuals.clear()

    def _counterparties(self, m: int) -> list[Ranked]:
        """Return every position of a market that may bear a loss, in the order of their numbers."""
        return [
            Ranked(self._score(k), k, abs(row.lots))
            for k, row in enumerate(self.ledger.positions)
            if row.market == m
            and row.lots
            and self.ledger.roster[row.account].kind not in (par.FUND, par.ABSORBER)
            and row.account not in self.insolvent
            and self.world.deleveraging
        ]

    def _rank(self, m: int, long: bool, wanted: int) -> list[Ranked]:
        """Return the counterparties on a side with the lots they give up, first to go first."""
        found = [r for r in self._counterparties(m) if (self.ledger.positions[r.position].lots > 0) == long]
        policy = self.world.venues[self.world.markets[m].venue].adl_ranking
        if policy in ("pro_rata_pnl", "risk_aware_pro_rata"):
            self._share(found, wanted)
        elif policy == "water_filling_leverage":
            self._level(m, found, wanted)
        return sorted(found, key=lambda r: (-r.score, r.position))

    def _share(self, ranking: list[Ranked], wanted: int) -> None:
        """Share lots by score, then by size, none giving up more than it holds."""
        held = {r.position: r.lots for r in ranking}
        for r in ranking:
            r.lots = 0
        left, by_score = wanted, True
        while left:
            free = [r for r in ranking if r.lots < held[r.position]]
            if not free:
                return
            weights = [r.score if by_score else float(held[r.position] - r.lots) for r in free]
            total = 0.0
            for weight in weights:
                total += weight
            if total <= 0.0:
                by_score = False
                continue
            passed, given, out = 0.0, 0, 0
            for r, weight in zip(free, weights, strict=True):
                if weight <= 0.0:
                    continue
                passed += weight
                upto = min(math.ceil(float(left) * (passed / total)), left)
                part = min(upto - given, held[r.position] - r.lots)
                given = max(upto, given)
                r.lots += part
                out += part
            left -= out

    def _score(self, position: int) -> float:
        """Return a counterparty's score or weight, in floats, as venues do."""
        row = self.ledger.positions[position]
        venue = self.world.venues[self.ledger.rules(position).venue]
        policy = venue.adl_ranking
        market = self.ledger.rules(position)
        equity = float(self.margin.equity_in(row.account, market.settlement))
        value = self.margin.value(position)
        profit, size = float(value - row.entry_value), abs(float(value))
        entry = abs(float(row.entry_value))
        leverage = size / max(equity, 1.0)
        if policy == "random":
            first = self.ledger.places[row.account][0]
            trader = list(self.seats).index(row.account) if row.account in self.seats else None
            if trader is None:
                return uniform(np.uint64(venue.key), self.now, position, 0)
            return uniform(np.uint64(0), self.now, trader, 30 + position - first)
        if policy == "queue_pnl_margin":
            ratio = float(self.margin.maintenance(row.account)) / equity if equity > 0 else 0.0
            least = float(from_usd(market, self.marks[row.market], 1_000_000))
            wallet = equity - float(self._unrealised(row.account, market.settlement))
            return max(0.0, profit) / max(wallet, least) * ratio
        if policy in ("queue_pnl_leverage", "queue_entry_leverage"):
            gain = profit / max(size if policy == "queue_pnl_leverage" else entry, 1.0)
            return gain * leverage if gain >= 0 else gain / leverage
        mark, entry = max(size, 1.0), max(entry, 1.0)
        if market.inverse:  # the higher the price, the less of the asset a lot is worth
            mark, entry = entry, mark
        return {
            "socialise": float(abs(row.lots)),
            "smallest_first": -size,
            "water_filling_leverage": self.leverage(row.account, market.settlement),
            "pro_rata_pnl": max(profit, 0.0),
            "risk_aware_pro_rata": max(profit, 0.0) * self.leverage(row.account, market.settlement),
            "queue_return_leverage": (mark / entry if row.lots > 0 else entry / mark) * leverage,
        }[policy]

    def _unrealised(self, account: int, settlement: int) -> int:
        """Return the profit of an account's perpetuals in an asset: what its equity has beyond the wallet."""
        profits = {
            k: self.margin.value(k) - self.ledger.positions[k].entry_value
            for k in self.ledger.places[account]
        }
        rules = {k: self.ledger.rules(k) for k in profits}
        return sum(
            profit
            for k, profit in profits.items()
            if rules[k].settlement == settlement and not rules[k].spot and not rules[k].pool
        )

    def _level(self, m: int, ranking: list[Ranked], wanted: int) -> None:
        """Set the lots that bring the highest leverages of accounts down to a common one, found by halving."""
        market = self.world.markets[m]
        lot = float(abs(lot_value(market, self.marks[m])))
        held = [r.lots for r in ranking]
        accounts = [self.ledger.positions[r.position].account for r in ranking]
        whole = [int(self._notional(account, market.settlement) / lot + 0.5) for account in accounts]

        def above(level: float) -> list[int]:
            over = [
                0 if r.score <= level else math.ceil(float(n) * (1.0 - level / r.score))
                for r, n in zip(ranking, whole, strict=True)
            ]
            return [min(n, most) for n, most in zip(over, held, strict=True)]

        low, high = 0.0, max([0.0, *(r.score for r in ranking)])
        for _ in range(100):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if sum(above(middle)) >= wanted else (low, middle)
        left = wanted
        for r, lots in zip(ranking, above(low), strict=True):
            r.lots = min(lots, left)
            left -= r.lots

    def leverage(self, account: int, settlement: int) -> float:
        """Return the notional of an account's perpetuals in an asset over its equity in it."""
        return self._notional(account, settlement) / max(
            float(self.margin.equity_in(account, settlement)), 1.0
        )

    def _notional(self, account: int, settlement: int) -> float:
        """Return the notional of the perpetuals that an account holds and that settle in an asset."""
        notional = 0.0
        for k in self.ledger.places[account]:
            rules = self.ledger.rules(k)
            if rules.settlement == settlement and not rules.spot and not rules.pool:
                notional += abs(float(self.margin.value(k)))
        return notional

    def _batch(self, m: int, batch: list[Residual], ranking: list[Ranked]) -> None:
        """Close one side of a market's residuals in the order of a ranking that is frozen."""
        rank = 0
        for residual in batch:
            while residual.lots:
                if not ranking:
                    self._absorb(m, residual)
                    continue
                first = ranking[0]
                held = abs(self.ledger.positions[first.position].lots)
                size = min(abs(residual.lots), held, first.lots)
                done = size > 0 and self._deleverage(m, residual, first, size, rank)
                first.lots -= size
                if first.lots == 0 or not done:
                    ranking.pop(0)
                    rank += 1
                if done:
                    self._retest(self.ledger.positions[first.position].account)

    def _deleverage(self, m: int, residual: Residual, first: Ranked, size: int, rank: int) -> bool:
        """Close a residual against one counterparty at the policy's price; False where it is passed over."""
        market = self.world.markets[m]
        venue = self.world.venues[market.venue]
        counterparty = self.ledger.positions[first.position].account
        lots = size if residual.lots > 0 else -size
        worth = lots * lot_value(market, self.marks[m])
        value = residual.quote * size // abs(residual.lots)
        if venue.adl_price == "mark":
            value = -worth
        elif venue.adl_price == "mark_before":
            value = -lots * lot_value(market, self.marks_before[m])
        forgone = -value - worth
        if venue.adl_ranking == "random" and forgone > self._equity_behind(first.position, size):
            self.skipped += 1
            return False
        self.cancel_account(counterparty)
        self.ledger.move(residual.position, first.position, lots, value)
        residual.lots -= lots
        residual.quote -= value
        residual.row["adl_lots"] += size
        self.ledger.adl_value[market.settlement] += abs(worth)
        self._log_adl(m, residual, first, rank, (lots, value, worth, forgone))
        return True

    def _equity_behind(self, position: int, size: int) -> int:
        """Return what an account loses until a part of it is bankrupt: equity in proportion to margin required."""
        row, market = self.ledger.positions[position], self.ledger.rules(position)
        required = maintenance(market, abs(self.margin.value(position))) * size // abs(row.lots)
        equity = self.margin.equity_in(row.account, market.settlement)
        return equity * required // max(self.margin.maintenance(row.account), 1)

    def _socialise(self, m: int, batch: list[Residual]) -> None:
        """Move residuals to the fund at mark, and let everybody in the market pay what they miss together."""
        ranking = sorted(self._counterparties(m), key=lambda r: (-r.score, r.position))
        fund = self.ledger.fund_of(self.ledger.positions[batch[0].position].account)
        settlement, missing = self.world.markets[m].settlement, 0
        for residual in batch:
            worth = residual.lots * lot_value(self.world.markets[m], self.marks[m])
            self.ledger.move(residual.position, self.ledger.place(fund, m), residual.lots, -worth)
            residual.row["taken_over_lots"] += abs(residual.lots)
            deficit = max(-(residual.quote + worth), 0)
            self.ledger.pay_fund(self.ledger.positions[residual.position].account, -deficit)
            missing += deficit
            residual.lots = 0
        total = sum(r.lots for r in ranking)
        for rank, r in enumerate(ranking):
            if missing == 0:
                return
            part = missing * r.lots // total
            missing, total = missing - part, total - r.lots
            payer = self.ledger.positions[r.position].account
            self.cancel_account(payer)
            self.ledger.balance[payer][settlement] -= part
            self.ledger.balance[fund][settlement] += part
            self.socialised += 1
            self._log_adl(m, batch[0], r, rank, (0, 0, 0, part))
            self._retest(payer)
        self.ledger.fund_losses[settlement] += missing
        batch[0].row["fund_draw"] += missing

    def _log_adl(
        self, m: int, residual: Residual, ranked: Ranked, rank: int, fill: tuple[int, int, int, int]
    ) -> None:
        """Write the row of a fill: lots, value, worth at mark, what is forgone."""
        lots, value, worth, forgone = fill
        counterparty = self.ledger.positions[ranked.position].account
        self.logs.adl.append(
            {
                "step": self.now,
                "wave": self.wave,
                "account": self.ledger.positions[residual.position].account,
                "counterparty": counterparty,
                "market": m,
                "lots": lots,
                "value": abs(value),
                "mark_value": abs(worth),
                "forgone": forgone,
                "rank": rank,
                "score": ranked.score,
                "leverage_after": self.leverage(counterparty, self.world.markets[m].settlement),
            }
        )

    def _absorb(self, m: int, residual: Residual) -> None:
        """Give a residual without counterparty to the fund, whatever it costs."""
        account = self.ledger.positions[residual.position].account
        fund = self.ledger.place(self.ledger.fund_of(account), m)
        worth = residual.lots * lot_value(self.world.markets[m], self.marks[m]) + residual.quote
        self._tell_fund(account, worth)
        residual.row["taken_over_lots"] += abs(residual.lots)
        residual.row["fund_draw"] -= worth
        self.absorbed += 1
        self.ledger.move(residual.position, fund, residual.lots, residual.quote)
        residual.lots, residual.quote = 0, 0

    def _retest(self, account: int) -> None:
        """Test a counterparty again; failing, it is due when its venue tests next."""
        if not self.ledger.is_margined(account):
            return
        if self.ledger.is_flat(account):
            self.settle_flat(account)
        elif self.margin.excess(account) <= 0:
            self.due += 1
            self.pending = True


def _ring(n: int) -> list[int]:
    """Return which samples a ring of N_LEVELS still holds after n, in the order of its slots."""
    held = list(range(max(n - N_LEVELS, 0), n))
    return sorted(held, key=lambda k: k % N_LEVELS)
