"""The reduced market of the closed forms: one perpetual on a ladder of resting orders, and nobody else.

The mark is the last price; there are no makers, no background flow, no news-takers and no fees; the
spot market that gives the index stands still. `per_tick` lots rest on every tick from `top` on, so that
S lots that have been taken move the price by S / per_tick ticks for good: linear permanent impact without
refill. Maintenance is half of the notional, so that an account's bankruptcy price lies at half (shorts:
one and a half) of its liquidation price and never binds.

Depth counts ticks of the ladder from 1 (`top`) on, downwards where the accounts are long (side 1),
upwards where they are short (side -1): both cases are one.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cascade.core import params as par
from cascade.core import start
from cascade.core.check import breaches
from cascade.core.state import NONE
from tests.support.runner import LOGS, Intent, Runner
from tests.support.world import Account, Holding, Market, Seat, Tier, Venue, World

Ints = npt.NDArray[np.int64]

UNIT = 100
LAST_TICK = 2_147_483_646
HALF = (Tier(cap=10**15, rate=50_000_000, leverage=50.0),)


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Resting orders: lots on each tick, ticks, the best of them, the side of the accounts that they face."""

    per_tick: int = 1
    levels: int = 1024
    top: int = 40_000
    side: int = 1

    def tick(self, depth: Any) -> Any:
        """Return the tick of a depth."""
        return self.top - self.side * (depth - 1)


def fork(runner: Runner) -> Runner:
    """Return an independent copy of a running market, its logs empty."""
    twin = copy.copy(runner)
    twin.st, twin.logs = runner.st.clone(), {name: [] for name in LOGS}
    return twin


def place(world: World, name: str, market: int) -> int:
    """Return the number of a named account's position in a market."""
    places = [(a.name, h.market) for a in world.roster() for h in a.holdings]
    return places.index((name, market))


def silence(runner: Runner) -> None:
    """Write neither trades nor bars."""
    runner.p.run[0].record_trades = 0
    runner.st.clock[0].next_bar = 2**40


class ReducedMarket:
    """A ladder, loaded, with seats for leveraged accounts; every `session` starts from a copy of it."""

    def __init__(self, ladder: Ladder, n_accounts: int, n_steps: int = 4, n_waves: int = 1_000_000) -> None:
        self.ladder, self.n_accounts = ladder, n_accounts
        first = ladder.top + ladder.side  # nobody has touched the ladder
        markets = (Market(spot=True, start=first), Market(spot=False, start=first, venue=1, tiers=HALF))
        empty = (Holding(market=1),)
        others = [
            Account(name=name, kind=int(kind), venue=1, holdings=empty, balance=10**15)
            for name, kind in (("ladder", par.MAKER_ACCOUNT), ("flow", par.FLOW_ACCOUNT), ("holder", par.HOLDER))
        ]  # fmt: skip
        seats = [
            Account(
                name=f"trader {k}", kind=par.TRADER_ACCOUNT, venue=1, margin=par.ISOLATED,
                holdings=empty, seat=Seat(leverage=2.0),
            )
            for k in range(n_accounts)
        ]  # fmt: skip
        room = 64 * (ladder.levels // 16 + 2)  # four times the ladder: it never leaves the window
        self.world = World(
            markets=markets, venues=(Venue(), Venue(mark="last")), accounts=(*others, *seats),
            n_ticks=room, n_steps=n_steps, n_waves=n_waves,
        )  # fmt: skip
        rungs_at_once = start.Capacity(
            orders=ladder.levels + 64, inbox=ladder.levels + 64, residuals=64, ranked=64, liquidations=256,
            adl=64, trades=512, bars=32, funds=64,
        )  # fmt: skip
        self.runner = Runner(self.world, rungs_at_once)
        silence(self.runner)
        self.places = {a: place(self.world, a, 1) for a in ("ladder", "flow", "holder")}
        self.first = place(self.world, "trader 0", 1) if n_accounts else 0
        rungs = [self.rung(depth, ladder.per_tick) for depth in range(1, ladder.levels + 1)]
        self.runner.step(rungs)

    def rung(self, depth: int, lots: int) -> Intent:
        """Return the order that rests lots at a depth."""
        tick = int(self.ladder.tick(depth))
        lots *= self.ladder.side
        return Intent(
            position=self.places["ladder"], kind=par.LIMIT, lots=lots, tick=tick, offset=0.1
        )  # fmt: skip

    def session(
        self, depths: Ints, lots: Ints, balances: Ints | None = None, stops: Ints | None = None
    ) -> Session:
        """Return a market whose accounts fail their margin exactly at given depths, or own given balances.

        Those with a depth in `stops` that is above 0 stop out there.
        """
        runner, n = fork(self.runner), len(depths)
        if n > self.n_accounts:
            raise ValueError(f"{n} accounts, {self.n_accounts} seats")
        st, mine = runner.st, slice(self.first, self.first + n)
        held = self.ladder.side * np.asarray(lots, np.int64)
        value = held * UNIT * self.ladder.tick(np.asarray(depths, np.int64))
        entry = held * UNIT * self.ladder.top
        st.positions.lots[mine], st.positions.entry_value[mine] = held, entry
        st.balances[st.positions.account[mine], 0] = (
            -value + np.abs(value) // 2 if balances is None else balances
        )
        st.positions.lots[self.places["holder"]] = -held.sum()
        st.positions.entry_value[self.places["holder"]] = -entry.sum()
        st.ledger[0].deposits = st.balances.sum()
        if stops is not None:
            st.traders.stop_tick[:n] = np.where(stops > 0, self.ladder.tick(stops), NONE)
        start.take_seats(st, runner.p)
        return Session(self, runner)


class Session:
    """One course of a reduced market."""

    def __init__(self, market: ReducedMarket, runner: Runner) -> None:
        self.market, self.runner = market, runner

    def move(self, lots: int, renew: int = 0) -> None:
        """Run one step in which outside flow takes lots from the ladder, after `renew` lots were put on top."""
        ladder, q = self.market.ladder, self.market.ladder.per_tick
        sent = [self.market.rung(self.eaten - k, q) for k in range(renew // q)]
        if lots:
            limit = 1 if ladder.side > 0 else LAST_TICK
            flow = self.market.places["flow"]
            sent.append(Intent(position=flow, kind=par.IOC, lots=-ladder.side * lots, tick=limit))
        self.runner.step(sent)

    def check(self) -> None:
        """Verify every invariant of the simulator."""
        assert breaches(self.runner.st, self.runner.p, self.runner.endowment) == []

    @property
    def eaten(self) -> int:
        """Return how many ticks of the ladder are gone for good."""
        row = self.runner.st.markets[1]
        best = row.best_bid if self.market.ladder.side > 0 else row.best_ask
        return self.market.ladder.side * (self.market.ladder.top - int(best))

    @property
    def last(self) -> int:
        """Return the last price."""
        return int(self.runner.st.markets[1].last)

    @property
    def liquidated(self) -> Ints:
        """Return the numbers of the liquidated seats, in the order of liquidation."""
        accounts = self.runner.log("liquidations")["account"]
        return accounts - self.runner.p.run[0].first_trader

    @property
    def forced(self) -> int:
        """Return the lots that forced orders have taken from the ladder."""
        return int(self.runner.log("liquidations")["filled_lots"].sum())


def least_fixed_point(shock: int, depths: Ints, lots: Ints, per_tick: int = 1) -> tuple[int, int]:
    """Return the lots taken in all, and the accounts hit: the least S = shock + lots at depths <= S / per_tick."""
    sold, hit = 0, np.zeros(len(depths), bool)
    following = shock
    while following != sold:
        sold = following
        hit = depths <= -(-sold // per_tick)
        following = shock + int(lots[hit].sum())
    return sold, int(hit.sum())


def scattered(rng: np.random.Generator, density: float, levels: int) -> Ints:
    """Return depths of which every tick has a Poisson number, in random order."""
    depths = np.repeat(np.arange(1, levels + 1), rng.poisson(density, levels))
    return rng.permutation(depths)


def bound(**deviates: float) -> None:
    """Fail where a deviate, in standard errors, is 4 or more; log them all (pytest --log-cli-level=INFO)."""
    logging.getLogger("theory").info("; ".join(f"{name} z = {z:+.2f}" for name, z in deviates.items()))
    assert all(abs(z) < 4 for z in deviates.values()), deviates
