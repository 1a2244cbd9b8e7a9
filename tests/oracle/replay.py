"""Runs kernels and oracle side by side on random worlds, and says where they first differ.

`python -W error -m tests.oracle.replay FIRST LAST` replays the worlds of those seeds.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cascade.core import params as par
from cascade.core import state as cols
from cascade.core.check import breaches
from tests.oracle.book import Order
from tests.oracle.market import OracleMarket
from tests.support.random_worlds import random_world
from tests.support.runner import Intent, Runner
from tests.support.traffic import Traffic
from tests.support.world import World

Change = Callable[[random.Random, World], World]

SAME = {
    "trades": ("step", "market", "tick", "lots", "maker", "taker", "purpose"),
    "liquidations": (
        "step",
        "wave",
        "account",
        "market",
        "part",
        "side",
        "position_lots",
        "order_lots",
        "filled_lots",
        "filled_value",
        "trigger_mark",
        "bankruptcy_tick",
        "worst_tick",
        "liquidation_tick",
        "shortfall",
        "best_before",
        "best_after",
        "fee",
        "taken_over_lots",
        "fund_draw",
        "adl_lots",
        "deficit",
        "repaid",
    ),
    "adl": (
        "step",
        "wave",
        "account",
        "counterparty",
        "market",
        "lots",
        "value",
        "mark_value",
        "forgone",
        "rank",
        "score",
        "leverage_after",
    ),
}
"""Columns of each log that both sides fill."""

COUNTED = (
    "whole", "killed", "left_open", "waited", "resent", "given_up", "socialised", "skipped", "drawn_down", "limited",
    "shortfalls", "called", "unpaid", "scaled", "dusty", "poor", "waited_to_open", "refused_stops", "unbound",
    "spared", "put_off", "stale", "medians", "silenced",
)  # fmt: skip
"""What the oracle counts of procedures and policies."""


class Replay:
    """One random world on both sides."""

    def __init__(
        self, seed: int, n_steps: int = 12, deleveraging: bool = True, also: Change | None = None, **venue: int
    ) -> None:  # fmt: skip
        rng = random.Random(seed)
        world = random_world(rng, n_steps)
        venues = tuple(replace(v, **venue) for v in world.venues)
        self.world = replace(world, venues=venues, deleveraging=deleveraging)
        if also is not None:
            self.world = also(rng, self.world)
        self.kernels, self.oracle = Runner(self.world), OracleMarket(self.world)
        self.traffic = Traffic(self.world, rng)
        self.orders: dict[tuple[int, int], Order] = {}
        self.seen: Counter[str] = Counter()

    def step(self) -> list[str]:
        """Run one step on both sides; return every difference."""
        oracle = self.oracle
        positions = [p.lots for p in oracle.ledger.positions]
        intents = self.traffic.draw(list(oracle.marks), positions, list(self.orders.values()))
        self.kernels.step(intents)
        oracle.step([(i, self.orders.get((i.ref, i.generation))) for i in intents])
        self._count()
        return [*self._standing(), *self._columns(), *self._books(), *self._logs()]

    def _count(self) -> None:
        """Count what happened, so that a test can tell that the worlds reach every rule."""
        oracle, seen = self.oracle, self.seen
        for name in SAME:
            seen[name] += len(getattr(oracle.logs, name))
        rows = oracle.logs.liquidations
        seen["waves beyond the first"] += sum(row["wave"] > 0 for row in rows)
        seen["partial"] += sum(row["part"] > 0 for row in rows)
        seen["taken over"] += sum(row["taken_over_lots"] > 0 for row in rows)
        seen["fund loss"] += sum(row["fund_draw"] > 0 for row in rows)
        seen["fee capped or nil"] += sum(row["fee"] == 0 < row["filled_lots"] for row in rows)
        seen["absorbed"] += oracle.absorbed
        seen["counterparties due"] += oracle.due
        seen["stops"] += sum(bool(i.purpose == par.STOPPING) for i in oracle.standing)
        seen["take-profits"] += sum(bool(i.purpose == par.PROFIT) for i in oracle.standing)
        seen["top-ups"] += oracle.topped_up
        seen["holdings bought"] += oracle.bought
        seen["index guarded"] += oracle.index_guarded
        for name in COUNTED:
            seen[name] += getattr(oracle, name)
            setattr(oracle, name, 0)
        pools = [k for k, market in enumerate(self.world.markets) if market.pool]
        deficits = [row["fund_draw"] for row in rows if row["market"] in pools]
        seen["reserve deficit"] += sum(draw > 0 for draw in deficits)
        hedged = [{h.market for h in a.holdings if h.leg} for a in oracle.ledger.roster]
        seen["hedged liquidated"] += sum(row["market"] in hedged[int(row["account"])] for row in rows)
        given_up = ((int(row["counterparty"]), row["market"]) for row in oracle.logs.adl)
        seen["hedged deleveraged"] += sum(market in hedged[account] for account, market in given_up)
        counted = {
            m for rules in [self.world.collateral] for (_, m), r in rules.items() if r.price != "own_spot"
        }
        seen["collateral at another price"] += sum(row["market"] in counted for row in rows)
        spots = [k for k, market in enumerate(self.world.markets) if market.spot]
        first = int(self.kernels.p.run[0].first_trader)
        seen["collateral of traders sold"] += sum(
            row["market"] in spots and row["account"] >= first for row in rows
        )
        other = [k for k, market in enumerate(self.world.markets) if market.settlement != 0]
        seen["settled in another asset"] += sum(row["market"] in other for row in rows)
        seen["deleveraged in another asset"] += sum(row["market"] in other for row in oracle.logs.adl)
        seen["cross liquidated"] += sum(len(oracle.ledger.places[int(row["account"])]) > 1 for row in rows)
        seen["far orders"] += int((self.kernels.st.markets["far_head"] != cols.NONE).sum())
        oracle.absorbed = oracle.topped_up = oracle.due = oracle.bought = oracle.index_guarded = 0

    def _standing(self) -> list[str]:
        """Compare what waited, and what stops sent; the order of these is the trigger index's, and adopted."""
        inbox = self.kernels.st.inbox[: self.kernels.st.clock[0].n_inbox]
        n = len(self.oracle.released)
        found = [
            f"opening: {r} != {i}"
            for r, (i, _) in zip(inbox[:n], self.oracle.released, strict=False)
            if not _is(r, i)
        ]
        sent = [
            Intent(
                position=int(r.position),
                kind=int(r.kind),
                lots=int(r.lots),
                tick=int(r.tick),
                purpose=int(r.purpose),
                offset=float(r.offset),
                reduce_only=int(r.reduce_only),
            )
            for r in inbox[n:]
        ]
        wanted, self.oracle.standing = self.oracle.standing, sent
        key = lambda i: (i.position, i.purpose, i.lots)  # noqa: E731
        if sorted(sent, key=key) != sorted(wanted, key=key):
            found.append(f"stops: {sent} != {wanted}")
        return found

    def _columns(self) -> list[str]:
        """Compare balances, positions, marks, counts and money in and out."""
        st, oracle = self.kernels.st, self.oracle
        ledger, money = oracle.ledger, st.ledger
        seats = list(oracle.seats.values())
        books = oracle.books
        pairs: dict[str, tuple[Any, Any]] = {
            "balances": (st.balances.tolist(), ledger.balance),
            "reserved": (st.accounts["reserved"].tolist(), ledger.reserved),
            "lots": (st.positions["lots"].tolist(), [p.lots for p in ledger.positions]),
            "entry values": (st.positions["entry_value"].tolist(), [p.entry_value for p in ledger.positions]),
            "marks": (st.markets["mark"].tolist(), oracle.marks),
            "last": (st.markets["last"].tolist(), oracle.last),
            "open interest": (
                st.markets["open_interest"].tolist(),
                [ledger.open_interest(m) for m in range(len(books))],
            ),
            "best bids": (st.markets["best_bid"].tolist(), [b.best(buys=True) or 0 for b in books]),
            "best asks": (st.markets["best_ask"].tolist(), [b.best(buys=False) or 2**31 - 1 for b in books]),
            "rejections": (st.counts.tolist(), oracle.rejected),
            "deposits": (money["deposits"].tolist(), ledger.deposits),
            "withdrawals": (money["withdrawals"].tolist(), ledger.withdrawals),
            "fund income": (money["fund_income"].tolist(), ledger.fund_income),
            "fund losses": (money["fund_losses"].tolist(), ledger.fund_losses),
            "adl value": (money["adl_value"].tolist(), ledger.adl_value),
            "stops": (st.traders["stop_tick"].tolist(), [s.stop for s in seats]),
            "takes": (st.traders["take_tick"].tolist(), [s.take for s in seats]),
            "top-ups": (st.traders["top_up_tick"].tolist(), [s.top_up for s in seats]),
            "flagged": (int(st.clock[0].n_flagged), len(oracle.flagged)),
            "waiting": (int(st.clock[0].n_waiting), len(oracle.waiting)),
            "unfinished waves": (int(st.clock[0].unfinished_waves), oracle.unfinished_waves),
        }
        return [f"{name}: {a} != {b}" for name, (a, b) in pairs.items() if a != b]

    def _books(self) -> list[str]:
        """Compare every queue in order, and learn the kernels' numbers of the orders."""
        st, found = self.kernels.st, []
        self.orders = {}
        orders = st.orders[["lots", "tick", "position", "next", "quote", "generation"]].tolist()
        heads = st.levels["head"].reshape(len(st.markets), -1)
        for m, book in enumerate(self.oracle.books):
            queues: dict[int, list[int]] = {}
            for head in [*heads[m][heads[m] != cols.NONE].tolist(), int(st.markets[m].far_head)]:
                while head != cols.NONE:
                    queues.setdefault(orders[head][1], []).append(head)
                    head = orders[head][3]  # noqa: PLW2901
            wanted = book.queues()
            here = {t: [(orders[k][0], orders[k][2], orders[k][4]) for k in q] for t, q in queues.items()}
            there = {
                t: [(o.lots, o.position, cols.NONE if o.quote is None else o.quote) for o in q]
                for t, q in wanted.items()
            }
            if here != there:
                found.append(f"book {m}: {here} != {there}")
                continue
            for tick, queue in queues.items():
                for number, order in zip(queue, wanted[tick], strict=True):
                    order.number, order.generation = number, orders[number][5]
                    self.orders[number, order.generation] = order
        return found

    def _logs(self) -> list[str]:
        """Compare the rows that this step added to the logs."""
        found = []
        for name, columns in SAME.items():
            rows = self.kernels.log(name)
            self.kernels.logs[name] = []
            here = [tuple(row) for row in rows[list(columns)].tolist()] if len(rows) else []
            there = [tuple(row[c] for c in columns) for row in getattr(self.oracle.logs, name)]
            getattr(self.oracle.logs, name).clear()
            if here != there:
                found.append(f"{name}: {here} != {there}")
        self.kernels.logs["bars"] = []
        return found


def _is(row: Any, intent: Intent) -> bool:
    """Tell whether a row of the inbox asks for what an intent does."""
    return all(getattr(row, name) == value for name, value in vars(intent).items())


def replay(
    seed: int, n_steps: int = 12, deleveraging: bool = True, also: Change | None = None, **venue: int
) -> tuple[list[str], Counter[str]]:
    """Return the first differences of a world, its venues' rules changed as given, and what happened in it.

    `also` changes it further: `with_pools`, `with_hedges`.
    """
    run = Replay(seed, n_steps, deleveraging, also, **venue)
    windows = run.kernels.st.markets["window"].tolist()
    for step in range(n_steps):
        found = run.step()
        if found:
            return [f"seed {seed}, step {step}: {text}" for text in found], run.seen
    found = breaches(run.kernels.st, run.kernels.p, run.kernels.endowment)
    run.seen["recentred"] += windows != run.kernels.st.markets["window"].tolist()
    return [f"seed {seed}: {text}" for text in found], run.seen


def main() -> int:
    """Replay the seeds named on the command line; return 1 at the first difference."""
    first, last = int(sys.argv[1]), int(sys.argv[2])
    for seed in range(first, last):
        found, _ = replay(seed)
        if found:
            sys.stdout.write("\n".join(found) + "\n")
            return 1
    sys.stdout.write(f"{last - first} worlds agree\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
