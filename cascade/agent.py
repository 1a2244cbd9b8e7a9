"""An agent written in Python: its account, what it sees, when it is woken, and the orders it can send."""

from __future__ import annotations

import math
from functools import cached_property
from random import Random
from typing import Any, ClassVar

import mesa
import numpy as np

from cascade.compiler.jit import entry
from cascade.core import params as k
from cascade.core.check import lot_values
from cascade.core.inbox import append
from cascade.core.ledger import transfer
from cascade.core.margin import MAX_TICK
from cascade.core.params import Params
from cascade.core.state import State
from cascade.floor import Fill, Floor, Liquidation, Market
from cascade.rng import decision_key
from cascade.scenario.amounts import whole

USD = 1_000_000

MOST = 1 << 62
"""Money units that no account can have; what is beyond them is refused before it meets integers of 64 bits."""


@entry
def write_intent(
    st: State, p: Params, position: int, lots: int, tick: int, kind: int, reduce_only: int, offset: float
) -> int:
    """Write an intent of a Python agent into the inbox."""
    return append(st, position, lots, tick, kind, k.ANY, offset, reduce_only)


@entry
def deposit_money(st: State, p: Params, account: int, amount: int) -> int:
    """Deposit money units into an account."""
    transfer(st, account, 0, amount)
    return amount


class Trader(mesa.Agent):
    """An agent with a cross-margined account of its own; write its `step`, or what it does on events.

    It trades the perpetuals of its venue that settle in USD, and spot everywhere: spot is paid in full,
    is sold only when held, and counts towards equity. It pays the fees of the venue that it trades on.

    Orders are matched in the step of the market in which they are sent, in the order of their
    arrival: `offset` in [0, 1), 0.5 unless given. An order is never for more than was asked, nor at a worse
    price: its size is cut to whole lots, and its limit to a tick. One below a lot, or whose limit is below
    a tick, is rejected and counted like every other (`cascade.engine.rejections`).

    What it draws, it draws from `rng` or `random`, which are its own: a run repeats itself, and no other agent
    changes its luck. What it remembers belongs into `self`: modules and classes may be shared by replicates.

    Parameters
    ----------
    model
        The market.
    cash
        USD deposited at the start; for an agent of a scenario the scenario says it.
    venue
        Where the account lives; by default the first venue that lists a perpetual. Said by a scenario, too.
    name
        By default that of its class.
    every
        Seconds between two calls of `step`, in place of what the class says.

    Attributes
    ----------
    every : float or None
        Seconds between two calls of `step`: 0 is in every step, None only when `wake_at` asked for it.

    Raises
    ------
    ValueError
        If there is no such venue.
    """

    every: ClassVar[float | None] = 0.0

    def __init__(
        self,
        model: Floor,
        cash: float = 0.0,
        venue: str | None = None,
        *,
        name: str | None = None,
        every: float | None = None,
    ) -> None:
        super().__init__(model)
        self.market_model = model
        self.account, declared = model.claim()
        self.name = model.named(name or (declared.name if declared else type(self).__name__))
        self._every_steps = self._steps(self.every if every is None else every)
        self._wakes: set[int] = set()
        self.venue = (declared.venue if declared else venue) or model.scenario.home
        names, engine = list(model.scenario.venues), model.engine
        if self.venue not in names:
            msg = f"there is no venue '{self.venue}': write one of {', '.join(names)}"
            raise ValueError(msg)
        engine.state.accounts[self.account]["venue"] = names.index(self.venue)
        if declared is None:  # what a scenario gives it lies there already
            deposit_money(engine.state, engine.params, self.account, round(cash * USD))

    # --- what it does -------------------------------------------------------------------------------

    def step(self) -> None:
        """Decide what to do; called as often as `every` says, and at times that `wake_at` has asked for."""

    def on_liquidations(self, liquidations: list[Liquidation]) -> None:
        """Answer to forced orders of the step before, whoever's they were."""

    def on_fills(self, fills: list[Fill]) -> None:
        """Answer to fills of one's own in the step before, forced ones included."""

    def wake_at(self, seconds: float) -> None:
        """Have `step` called at a time since the start, or in the first step after it."""
        self._wakes.add(max(math.ceil(seconds / self._dt - 1e-9), self._engine.step + 1))

    def act(self) -> None:
        """Answer to what happened, then do what is due; called by the market in every step."""
        if type(self).on_fills is not Trader.on_fills:
            fills = list(self.market_model.fills(self.account))
            if fills:
                self.on_fills(fills)
        if type(self).on_liquidations is not Trader.on_liquidations:
            liquidations = self.market_model.liquidations()
            if liquidations:
                self.on_liquidations(liquidations)
        step = self._engine.step
        is_due = self._every_steps is not None and step % self._every_steps == 0
        if is_due or step in self._wakes:
            self._wakes.discard(step)
            self.step()

    # --- what it sees -------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.market_model.now

    @property
    def markets(self) -> dict[str, Market]:
        """The markets by name."""
        return self.market_model.markets

    def position(self, market: str) -> float:
        """Return the signed position in a market, in units of the asset."""
        return self.markets[market].quantity(int(self._engine.state.positions[self._position(market)].lots))

    @property
    def equity(self) -> float:
        """Balance plus the value of all positions at mark, in USD."""
        state, params = self._engine.state, self._engine.params
        account = state.accounts[self.account]
        first = int(account.first_position)
        values = lot_values(params, state.markets.mark.astype("i8"))
        lots = state.positions.lots[first : first + len(values)]
        return (int(state.balances[self.account, 0]) + int((values * lots).sum())) / USD

    @property
    def rng(self) -> np.random.Generator:
        """Numbers of chance that are this agent's own: given by seed, replicate and name alone."""
        return self._rng

    @property
    def random(self) -> Random:
        """The same as the standard library has it."""
        return self._random

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=self._key("rng")))

    @cached_property
    def _random(self) -> Random:
        return Random(self._key("random"))

    def _key(self, of: str) -> int:
        model = self.market_model
        return int(decision_key(model.scenario.seed, f"agent/{self.name}/{of}", model.replicate))

    # --- what it sends ------------------------------------------------------------------------------

    def buy(
        self, market: str, size: float, limit: float | None = None, *, post_only: bool = False,
        reduce_only: bool = False, offset: float = 0.5,
    ) -> None:  # fmt: skip
        """Send an order to buy units of the asset: at market, or with a limit, which then rests."""
        self._send(market, size, limit, post_only, reduce_only, offset)

    def sell(
        self, market: str, size: float, limit: float | None = None, *, post_only: bool = False,
        reduce_only: bool = False, offset: float = 0.5,
    ) -> None:  # fmt: skip
        """Send an order to sell units of the asset: at market, or with a limit, which then rests."""
        self._send(market, -size, limit, post_only, reduce_only, offset)

    def cancel_all(self, offset: float = 0.0) -> None:
        """Cancel every resting order of this account."""
        first = int(self._engine.state.accounts[self.account].first_position)
        self._write(first, 0, 0, k.CANCEL_ALL, False, offset)

    @property
    def _engine(self) -> Any:
        return self.market_model.engine

    @property
    def _dt(self) -> float:
        return self.market_model.scenario.dt

    def _steps(self, seconds: float | None) -> int | None:
        return None if seconds is None else max(round(seconds / self._dt), 1)

    def _position(self, market: str) -> int:
        first = int(self._engine.state.accounts[self.account].first_position)
        return first + self.markets[market].number

    def _send(
        self, market: str, size: float, limit: float | None, post_only: bool, reduce_only: bool, offset: float
    ) -> None:
        fixed = self._engine.params.markets[self.markets[market].number]
        self._refuse(market, fixed)
        lots = whole(size / float(fixed.lot_size), math.trunc)
        if limit is None:
            tick, kind = (MAX_TICK if lots > 0 else 1), k.IOC
        else:
            tick = whole(limit / float(fixed.tick_size), math.floor if lots > 0 else math.ceil)
            kind = k.POST_ONLY if post_only else k.LIMIT
        if lots == 0 or not 1 <= tick <= MAX_TICK:
            self._engine.state.counts[k.NO_LOT if lots == 0 else k.OUT_OF_BAND] += 1
            return
        mark = int(self._engine.state.markets[self.markets[market].number].mark)
        if not reduce_only and abs(lots) * int(fixed.unit) * 2 * mark >= MOST:
            self._engine.state.counts[k.NO_MARGIN] += 1
            return
        lots = max(min(lots, MOST), -MOST)
        self._write(self._position(market), lots, tick, kind, reduce_only, offset)

    def _refuse(self, market: str, fixed: Any) -> None:
        """Refuse a market in which this account cannot trade."""
        if fixed.kind == k.POOL:
            msg = f"nobody trades in '{market}': it is collateral of a lending venue"
            raise ValueError(msg)
        if fixed.kind == k.PERPETUAL and market.partition(":")[0] != self.venue:
            msg = f"this agent's account is on {self.venue}: let another agent, made with its venue, trade '{market}'"
            raise ValueError(msg)
        if fixed.settlement != 0:
            asset = self.market_model.scenario.markets[market].settles
            msg = f"'{market}' settles in {asset}, and this agent's margin is in USD"
            raise ValueError(msg)

    def _write(
        self, position: int, lots: int, tick: int, kind: int, reduce_only: bool, offset: float
    ) -> None:
        if not 0.0 <= offset < 1.0:
            msg = f"offset must lie in [0, 1), not {offset}"
            raise ValueError(msg)
        self._engine.reserve_inbox(1)
        write_intent(
            self._engine.state, self._engine.params, int(position), int(lots), int(tick),
            kind, int(reduce_only), float(offset),
        )  # fmt: skip


__all__ = ["Fill", "Liquidation", "Trader"]
