"""An agent written in Python: its account, and the orders it can send."""

from __future__ import annotations

import mesa

from cascade.compiler.jit import entry
from cascade.core import params as k
from cascade.core.check import lot_values
from cascade.core.inbox import append
from cascade.core.ledger import transfer
from cascade.core.margin import MAX_TICK
from cascade.core.params import Params
from cascade.core.state import State
from cascade.model import CascadeModel
from cascade.scenario.schema_venues import LinearPerpetual

USD = 1_000_000


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
    """An agent with a cross-margined account of its own; write its `step`.

    It trades the perpetuals of its venue that settle in USD, and spot everywhere: spot is paid in full,
    is sold only when held, and counts towards equity. It pays the fees of the venue that it trades on.

    Orders sent in `step` are matched in the same step of the market, in the order of their
    arrival: `offset` in [0, 1), 0.5 unless given.

    Parameters
    ----------
    model
        The market.
    cash
        USD deposited at the start.
    venue
        Where the account lives; by default the first venue that lists a perpetual.

    Raises
    ------
    ValueError
        If there is no such venue.
    """

    def __init__(self, model: CascadeModel, cash: float, venue: str | None = None) -> None:
        super().__init__(model)
        self.market_model = model
        self.account = model.claim_account()
        self._engine = model.engine
        self.venue = venue or _first_venue(model)
        names = list(model.scenario.venues)
        if self.venue not in names:
            msg = f"there is no venue '{self.venue}': write one of {', '.join(names)}"
            raise ValueError(msg)
        self._engine.state.accounts[self.account]["venue"] = names.index(self.venue)
        deposit_money(self._engine.state, self._engine.params, self.account, round(cash * USD))

    def step(self) -> None:
        """Decide what to do in this step."""
        raise NotImplementedError

    def position(self, market: str) -> float:
        """Return the signed position in a market, in units of the asset."""
        row = self._position(market)
        m = self.market_model.markets[market].number
        return float(self._engine.state.positions[row].lots) * float(self._engine.params.markets[m].lot_size)

    @property
    def equity(self) -> float:
        """Balance plus the value of all positions at mark, in USD."""
        state, params = self._engine.state, self._engine.params
        account = state.accounts[self.account]
        first = int(account.first_position)
        values = lot_values(params, state.markets.mark.astype("i8"))
        lots = state.positions.lots[first : first + len(values)]
        return (int(state.balances[self.account, 0]) + int((values * lots).sum())) / USD

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

    def _position(self, market: str) -> int:
        first = int(self._engine.state.accounts[self.account].first_position)
        return first + self.market_model.markets[market].number

    def _send(
        self, market: str, size: float, limit: float | None, post_only: bool, reduce_only: bool, offset: float
    ) -> None:
        fixed = self._engine.params.markets[self.market_model.markets[market].number]
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
        lots = round(size / float(fixed.lot_size))
        if lots == 0:
            return
        if limit is None:
            tick, kind = (MAX_TICK if lots > 0 else 1), k.IOC
        else:
            tick, kind = round(limit / float(fixed.tick_size)), k.POST_ONLY if post_only else k.LIMIT
        self._write(self._position(market), lots, tick, kind, reduce_only, offset)

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


def _first_venue(model: CascadeModel) -> str:
    """Return the first venue that lists a perpetual, or the first venue where none does."""
    listed = [
        name.partition(":")[0]
        for name, market in model.scenario.markets.items()
        if isinstance(market, LinearPerpetual)
    ]
    return (listed or list(model.scenario.venues))[0]


__all__ = ["Trader"]
