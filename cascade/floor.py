"""The trading floor: a market as agents written in Python meet it, and the order in which they act.

It hands the logs on as they come, and keeps what agents are told of them: forced orders, and their own fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol, runtime_checkable

import mesa
import numpy as np

from cascade.assembly import Assembled
from cascade.core import params as k
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import INVERSE
from cascade.core.state import ADL, LIQUIDATION, TRADE, Array
from cascade.engine import Engine, Sink
from cascade.errors import CascadeError, SimulationError
from cascade.rng import decision_key
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import PythonAgent
from cascade.units import format_duration

AgentFactory = Callable[["Floor"], mesa.Agent]

FAILED: Final = "CAS403"

_TOLD: Final = {
    "liquidations": ("n_liquidations", LIQUIDATION),
    "adl": ("n_adl", ADL),
    "trades": ("n_trades", TRADE),
}
"""Logs that agents are told of: the clock's counter of each, and its records."""


class Liquidation(NamedTuple):
    """A forced order, as agents are told of it in the step after."""

    market: str
    account: int
    side: str
    """Of the position: long or short."""
    quantity: float
    """Units of the asset that were closed: in the book, by the fund, by auto-deleveraging."""
    usd: float
    """The same at the mark that tripped it."""
    mark: float


class Fill(NamedTuple):
    """A fill of an agent's own, as it is told of it in the step after."""

    market: str
    side: str
    """buy or sell."""
    quantity: float
    price: float
    purpose: str
    """Why its taker traded; `taken over` by the fund and `auto-deleveraging` are outside of the book."""


@runtime_checkable
class Actor(Protocol):
    """An agent that the floor tells what happened, and that knows when it is due."""

    name: str

    def act(self) -> None:
        """Do what is due in this step."""
        ...


class Market:
    """One market as an agent sees it, in prices and units of the asset."""

    def __init__(self, floor: Floor, name: str, number: int) -> None:
        self._floor, self.name, self.number = floor, name, number

    def _price(self, tick: int) -> float:
        return float(tick) * float(self._floor.engine.params.markets[self.number].tick_size)

    @property
    def last(self) -> float:
        """Price of the last trade."""
        return self._price(self._floor.engine.state.markets[self.number].last)

    @property
    def mark(self) -> float:
        """Mark price; the mid on a spot market."""
        return self._price(self._floor.engine.state.markets[self.number].mark)

    @property
    def index(self) -> float:
        """Index price."""
        return float(self._floor.engine.state.markets[self.number]["index"])

    @property
    def best_bid(self) -> float | None:
        """Highest bid; None where nobody bids."""
        tick = int(self._floor.engine.state.markets[self.number].best_bid)
        return None if tick == NO_BID else self._price(tick)

    @property
    def best_ask(self) -> float | None:
        """Lowest offer; None where nobody offers."""
        tick = int(self._floor.engine.state.markets[self.number].best_ask)
        return None if tick == NO_ASK else self._price(tick)

    @property
    def open_interest_usd(self) -> float:
        """Open interest at mark."""
        return self.usd(int(self._floor.engine.state.markets[self.number].open_interest), self.mark)

    @property
    def bid_depth_usd(self) -> float:
        """USD that rest within 10 bps below the mid."""
        return self.depth_usd("bid")

    @property
    def ask_depth_usd(self) -> float:
        """USD that rest within 10 bps above the mid."""
        return self.depth_usd("ask")

    def depth_usd(self, side: str, within_bps: float = 10.0) -> float:
        """Return the USD that rest on a side, bid or ask, within a distance of the mid; 0 without a mid."""
        return sum(price * quantity for price, quantity in self.book(side, within_bps))

    def book(self, side: str, within_bps: float = 10.0) -> list[tuple[float, float]]:
        """Return price and quantity of the levels of a side within a distance of the mid, the best first.

        Raises
        ------
        ValueError
            If the side is neither bid nor ask.
        """
        if side not in ("bid", "ask"):
            msg = f"a side of the book is bid or ask, not '{side}'"
            raise ValueError(msg)
        bid, ask = self.best_bid, self.best_ask
        if bid is None or ask is None:
            return []
        st, p = self._floor.engine.state, self._floor.engine.params
        n, fixed, window = (
            int(p.run[0].n_ticks),
            p.markets[self.number],
            int(st.markets[self.number].window),
        )
        mid, tick = (bid + ask) / 2.0, float(fixed.tick_size)
        reach = within_bps * 1e-4
        low, high = ((mid * (1.0 - reach)), bid) if side == "bid" else (ask, mid * (1.0 + reach))
        first = min(max(int(np.ceil(low / tick - 1e-9)) - window, 0), n)
        last = min(max(int(np.floor(high / tick + 1e-9)) - window + 1, first), n)
        lots = st.levels.lots[self.number * n + first : self.number * n + last]
        slots = np.flatnonzero(lots)
        slots = slots[::-1] if side == "bid" else slots
        return [(float(first + window + slot) * tick, abs(self.quantity(int(lots[slot])))) for slot in slots]

    def quantity(self, lots: int) -> float:
        """Return lots as units of the asset; of an inverse contract as USD."""
        return float(lots) * float(self._floor.engine.params.markets[self.number].lot_size)

    def usd(self, lots: int, price: float) -> float:
        """Return what lots are worth at a price."""
        inverse = self._floor.engine.params.markets[self.number].contract == INVERSE
        return self.quantity(lots) * (1.0 if inverse else price)


class Floor(mesa.Model):
    """The market of one replicate with its agents in Python.

    Parameters
    ----------
    assembled
        The market, with accounts for the agents of the scenario and of `makers`.
    sink
        Where logs go.
    makers
        Makers of agents, first those that the scenario names: each is called with the floor.

    Attributes
    ----------
    markets
        The markets by name, as agents see them.
    """

    def __init__(
        self,
        scenario: Scenario,
        replicate: int,
        assembled: Assembled,
        sink: Sink,
        makers: Sequence[AgentFactory],
    ) -> None:
        super().__init__(seed=int(decision_key(scenario.seed, "agents in Python", replicate)) % 2**32)
        self.scenario, self.replicate = scenario, replicate
        self._told = _Told(sink, trades=scenario.outputs.trades)
        self.engine = Engine(assembled, self._told, self._act if makers else None)
        first = int(assembled.params.run[0].first_agent)
        declared = [*scenario.python_agents, *[None] * (len(makers) - len(scenario.python_agents))]
        self._free_accounts = [(first + number, agent) for number, agent in enumerate(declared)][::-1]
        self.markets = {name: Market(self, name, m) for m, name in enumerate(scenario.markets)}
        self._names: set[str] = set()
        for make in makers:
            make(self)

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.engine.step * self.scenario.dt

    @property
    def time(self) -> datetime | None:
        """Date and time; None where the scenario has no start."""
        start = self.scenario.start
        return None if start is None else start + timedelta(seconds=self.now)

    def claim(self) -> tuple[int, PythonAgent | None]:
        """Return the account kept for the next agent, and what the scenario says of it.

        Raises
        ------
        ValueError
            If there are more agents than makers of agents were given.
        """
        if not self._free_accounts:
            msg = "no account is left for this agent: pass one maker of agents for each to CascadeModel"
            raise ValueError(msg)
        return self._free_accounts.pop()

    def named(self, wanted: str) -> str:
        """Return the name of an agent, with a number where another has it."""
        names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(self._names) + 3)))
        free = next(name for name in names if name not in self._names)
        self._names.add(free)
        return free

    def liquidations(self) -> list[Liquidation]:
        """Return the forced orders since the agents acted last."""
        return [self._liquidation(row) for row in self._told.new["liquidations"]]

    def fills(self, account: int) -> Iterator[Fill]:
        """Yield the fills of an account since the agents acted last."""
        trades = self._told.new["trades"]
        for row in trades[(trades["taker"] == account) | (trades["maker"] == account)]:
            sign = 1 if int(row["taker"]) == account else -1
            yield self._fill(row, sign * int(row["lots"]))
        for row in self._told.new["liquidations"]:
            if int(row["account"]) == account and row["taken_over_lots"] != 0:
                yield self._taken_over(row)
        for row in self._told.new["adl"]:
            sign = {int(row["counterparty"]): 1, int(row["account"]): -1}.get(account, 0)
            if sign * int(row["lots"]) != 0:
                yield self._deleveraged(row, sign * int(row["lots"]))

    def close(self) -> None:
        """Let go of the market: what is in circles is given back late, and markets are large."""
        self.engine.agents = None
        del self.engine
        forget(self)

    def _act(self, engine: Engine) -> None:
        """Let the agents act, in the order they were made, so that a run repeats itself."""
        self._told.look(engine)
        for agent in list(self.agents):
            try:
                agent.act() if isinstance(agent, Actor) else agent.step()
            except CascadeError:
                raise
            except Exception as error:
                raise self._failed(agent, error) from error

    def _failed(self, agent: mesa.Agent | Actor, error: Exception) -> SimulationError:
        """Return the error for an agent that raised: which, when, and in which line of its code."""
        name = agent.name if isinstance(agent, Actor) else type(agent).__name__
        return SimulationError(
            f"agent '{name}' failed at {format_duration(self.now)} (step {self.engine.step:,}): "
            f"{type(error).__name__}: {error}",
            where=where_raised(error),
            remedy="mend its code; the market does not go on without it",
            code=FAILED,
        )

    def _market(self, row: Array) -> Market:
        return list(self.markets.values())[int(row["market"])]

    def _liquidation(self, row: Array) -> Liquidation:
        market = self._market(row)
        lots = sum(abs(int(row[f"{part}_lots"])) for part in ("filled", "taken_over", "adl"))
        mark = int(row["trigger_mark"]) * float(self.engine.params.markets[market.number].tick_size)
        side = "long" if row["side"] > 0 else "short"
        return Liquidation(
            market.name, int(row["account"]), side, market.quantity(lots), market.usd(lots, mark), mark
        )

    def _fill(self, row: Array, lots: int) -> Fill:
        market = self._market(row)
        price = int(row["tick"]) * float(self.engine.params.markets[market.number].tick_size)
        side, purpose = ("buy" if lots > 0 else "sell"), k.PURPOSES[int(row["purpose"])]
        return Fill(market.name, side, market.quantity(abs(lots)), price, purpose)

    def _taken_over(self, row: Array) -> Fill:
        """Return what the fund took over of a position, at its bankruptcy price or else at the mark."""
        market, tick = self._market(row), int(row["bankruptcy_tick"])
        price = (tick if tick > 0 else int(row["trigger_mark"])) * float(
            self.engine.params.markets[market.number].tick_size
        )
        side, lots = ("sell" if row["side"] > 0 else "buy"), abs(int(row["taken_over_lots"]))
        return Fill(market.name, side, market.quantity(lots), price, "taken over")

    def _deleveraged(self, row: Array, lots: int) -> Fill:
        """Return a fill of auto-deleveraging; agents trade linear contracts, whose value is unit x tick."""
        market = self._market(row)
        fixed = self.engine.params.markets[market.number]
        price = abs(int(row["value"])) / (abs(lots) * float(fixed.unit)) * float(fixed.tick_size)
        side = "buy" if lots > 0 else "sell"
        return Fill(market.name, side, market.quantity(abs(lots)), price, "auto-deleveraging")


class _Told:
    """Hands logs on to a sink, and keeps what is new in them since agents acted last."""

    def __init__(self, sink: Sink, *, trades: bool) -> None:
        self._sink, self._trades = sink, trades
        self._seen = dict.fromkeys(_TOLD, 0)
        self._drained: dict[str, list[Array]] = {table: [] for table in _TOLD}
        self.new = {table: np.zeros(0, dtype) for table, (_, dtype) in _TOLD.items()}

    def take(self, table: str, records: Array) -> None:
        """Hand records on; trades only where they are asked for, since they are logged for agents in any case."""
        if table in _TOLD:
            self._drained[table].append(records[self._seen[table] :])
            self._seen[table] = 0
        if table != "trades" or self._trades:
            self._sink.take(table, records)

    def chunk(self, engine: Engine) -> None:
        """Let the sink look at the market."""
        self._sink.chunk(engine)

    def look(self, engine: Engine) -> None:
        """Find what is new."""
        for table, (counter, _) in _TOLD.items():
            n, log = int(engine.state.clock[0][counter]), getattr(engine.state, table)
            drained, self._drained[table] = self._drained[table], []
            now = log[self._seen[table] : n].copy()
            self.new[table] = np.concatenate([*drained, now]) if drained else now
            self._seen[table] = n


def where_raised(error: BaseException) -> str:
    """Return ``file:line`` of the deepest line of code that is not of Cascade, or else of its own."""
    from pathlib import Path
    from traceback import extract_tb

    frames = [(frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)]
    package = str(Path(__file__).parent)
    outside = [frame for frame in frames if not frame[0].startswith(package)]
    file, line = (outside or frames)[-1]
    return f"{file}:{line}"


def forget(model: mesa.Model) -> None:
    """Let Mesa's count of agents go of a model that has ended: it would keep it for good."""
    getattr(mesa.Agent, "_ids", {}).pop(model, None)
