"""Those who tie markets, as parameters and accounts: arbitrageurs, carry traders, desks of makers, hunters."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cascade.assembly.draft import Draft
from cascade.core import params as k
from cascade.core.state import NONE, Array
from cascade.scenario.amounts import ENDOWMENT, MONEY
from cascade.scenario.schema_agents import Hunter
from cascade.scenario.schema_makers import Maker
from cascade.scenario.schema_ties import Arbitrage, CarryTraders, Hedge, Wallets


class Tied(NamedTuple):
    """What a group began with: from that its gain is counted. Groups of one treasury, or desk, are one."""

    name: str
    accounts: tuple[int, ...]
    cash: tuple[int, ...]
    """Money of each account, in the asset that it settles in."""
    stock: tuple[tuple[int, int], ...]
    """Markets, and the lots of them that it was lent."""


Firm: TypeAlias = tuple[str, str]
"""Whose money is counted as one: a kind, and the name of one of that kind. Nobody shares money by a name alone."""

TREASURY, PAIR, DESK, HUNTER = "treasury", "pair", "desk", "hunter"

YEAR_S = 365.25 * 86_400.0
RATE_UNITS = 1e8
"""Units of a rate of one."""


class TieBuilder:
    """Adds those who tie markets, and those who hunt, to a draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.rows: list[dict[str, Any]] = []
        self.treasuries: dict[Firm, int] = {}
        self.fees: list[tuple[int, int]] = []
        self.desks: dict[tuple[str, int, int], list[int]] = {}
        self.hedges: dict[tuple[str, int, int], Hedge] = {}
        self.members: dict[Firm, list[int]] = {}

    def own_fees(self) -> Array:
        """Return the fee schedules of those who have their own, a row each."""
        return np.array(self.fees, np.int64).reshape(-1, 2)

    def tied(self) -> tuple[Tied, ...]:
        """Return what each group has at the start, once all are there."""
        return tuple(self._tied(firm, tuple(dict.fromkeys(own))) for firm, own in self.members.items())

    def _tied(self, firm: Firm, accounts: tuple[int, ...]) -> Tied:
        """Return what the accounts of a group have at the start."""
        entities = self.draft.entities
        stock = (
            (each.market, each.lots) for each in entities.positions if each.account in accounts and each.lots
        )
        cash = (entities.cash[each][entities.accounts[each].settlement] for each in accounts)
        return Tied(firm[1], accounts, tuple(cash), tuple(stock))

    def steps(self, seconds: float) -> int:
        """Return a time as steps, at least one."""
        return max(round(seconds / self.draft.scenario.dt), 1)

    def build(self) -> None:
        """Add arbitrageurs, then carry traders, then desks of makers: the order in which they act."""
        pairs = self.draft.scenario.arbitrage
        for group in sorted(pairs, key=lambda each: isinstance(each, CarryTraders)):
            self._pair(group)
        for desk, makers in self.desks.items():
            self._desk(desk, makers)

    # --- pairs ------------------------------------------------------------------------------------

    def _pair(self, group: Arbitrage) -> None:
        """Add those who tie one pair of markets."""
        draft = self.draft
        s, f = draft.names.index(group.other), draft.names.index(group.perpetual)
        figures = (
            self._endless(group.most, s, f)
            if group.wallets is None
            else self._walleted(group, group.wallets, s, f)
        )
        figures |= {
            "max_order": draft.lots(f, group.max_order), "cap": draft.lots(f, group.most),
            "rate": draft.per_step(group.rate),
        }  # fmt: skip
        if isinstance(group, CarryTraders):
            own = self.rows[figures["own"]]
            own["leave"] = group.leave * group.hold / YEAR_S
            figures |= {
                "threshold": group.enter * group.hold / YEAR_S,
                "key": draft.key(f"carry/{group.name}", group.perpetual),
            }
            draft.add_agent("carry", figures)
            return
        figures |= {
            "threshold": group.threshold_bps * 1e-4, "gain": draft.lots(f, group.gain_usd_per_bps) * 1e4,
            "key": draft.key(f"arbitrage/{group.name}", group.perpetual),
        }  # fmt: skip
        draft.add_agent("arbitrage", figures)

    def _endless(self, cap: float, s: int, f: int) -> dict[str, Any]:
        """Add one account that has as much as its cap needs, on both venues."""
        draft = self.draft
        stock = int(draft.lots(s, cap)) if draft.markets[s].kind == k.SPOT else 0
        _, first = draft.entities.add(
            k.ARBITRAGE_ACCOUNT, int(draft.markets[f].venue), [s, f], ENDOWMENT * cap, [stock, 0]
        )
        return {"position": first + 1, "second": first, "initial": stock, "own": NONE}

    def _walleted(self, group: Arbitrage, wallets: Wallets, s: int, f: int) -> dict[str, Any]:
        """Add a wallet for either leg, accounts of what is on its way, and the part of the treasury."""
        draft, own, ready = self.draft, len(self.rows), wallets.ready * wallets.capital
        kind = k.CARRY_ACCOUNT if isinstance(group, CarryTraders) else k.ARBITRAGE_ACCOUNT
        fees = self._schedule(wallets.fee, wallets.fee)
        lent = int(draft.lots(s, ENDOWMENT * wallets.leverage * wallets.capital))
        stock = lent if draft.markets[s].kind == k.SPOT else 0
        treasury = self._treasury(group, kind, f, wallets)
        held = []
        for m, lots in ((f, 0), (s, stock)):
            venue = int(draft.markets[m].venue)
            wallet, position = draft.entities.add(kind, venue, [m], ready, [lots], fees=fees)
            transit, _ = draft.entities.add(kind, venue, [], 0.0)
            held.append(position)
            self.members[_firm_of(group, wallets)] += [wallet, transit]
            self.rows.append({
                "treasury": treasury, "transit": transit, "ready": ready * MONEY, "leverage": wallets.leverage,
                "delay": self.steps(wallets.transfer), "cost": 4.0 * wallets.fee,
                "hold": group.hold / draft.scenario.dt, "maker": NONE,
            })  # fmt: skip
        return {"position": held[0], "second": held[1], "initial": stock, "own": own}

    def _treasury(self, group: Arbitrage, kind: int, f: int, wallets: Wallets) -> int:
        """Return the account of a group's treasury, with what it adds to that."""
        entities = self.draft.entities
        rest = (1.0 - 2.0 * wallets.ready) * wallets.capital
        firm = _firm_of(group, wallets)
        if firm not in self.treasuries:
            self.treasuries[firm], _ = entities.add(kind, int(self.draft.markets[f].venue), [], 0.0)
        entities.cash[self.treasuries[firm]][0] += round(rest * MONEY)
        self.members.setdefault(firm, []).append(self.treasuries[firm])
        return self.treasuries[firm]

    def _schedule(self, maker: float, taker: float) -> int:
        """Return the number of a fee schedule of one's own, as accounts know it."""
        rates = (round(maker * RATE_UNITS), round(taker * RATE_UNITS))
        if rates not in self.fees:
            self.fees.append(rates)
        return 2 + self.fees.index(rates)

    # --- desks of makers --------------------------------------------------------------------------

    def seat(self, group: Maker, m: int, slot: int, maker: int) -> None:
        """Give a maker its place in the desk of its number and asset."""
        assert group.hedge is not None
        assert group.desk is not None
        desk = (group.desk, int(self.draft.markets[m].asset), slot)
        self.desks.setdefault(desk, []).append(maker)
        self.hedges[desk] = group.hedge

    def _desk(self, desk: tuple[str, int, int], makers: list[int]) -> None:
        """Add who hedges for the makers of a desk, each of whom knows the next."""
        draft, hedge = self.draft, self.hedges[desk]
        if len(makers) < 2:  # of an asset that the group makes in one market
            return
        for maker, following in zip(makers, [*makers[1:], makers[0]], strict=True):
            draft.makers[maker]["desk"] = following
        name, asset, slot = desk
        places = [draft.makers[maker]["position"] for maker in makers]
        accounts = [draft.entities.positions[place].account for place in places]
        self.members.setdefault((DESK, name), []).extend(accounts)
        coin = list(draft.scenario.assets)[asset]
        quoted = round(hedge.quoted / draft.scenario.dt)
        draft.add_agent("hedger", {
            "position": draft.makers[makers[0]]["position"], "own": len(self.rows), "rate": 1.0,
            "threshold": hedge.threshold * MONEY, "max_order": hedge.max_order * MONEY,
            "key": draft.key(f"hedger/{name}/{slot}", coin),
        })  # fmt: skip
        self.rows.append({
            "maker": makers[0], "capital": hedge.capital * MONEY, "patience": quoted,
            "delay": round(hedge.delay / draft.scenario.dt),
        })  # fmt: skip

    # --- hunters ----------------------------------------------------------------------------------

    def hunter(self, group: Hunter, name: str) -> None:
        """Add the hunter of one market; of a spot market, on which nobody is liquidated, none."""
        draft = self.draft
        m = draft.names.index(name)
        if draft.markets[m].kind != k.PERPETUAL:
            return
        fees = self._schedule(0.0, group.fee)
        account, position = draft.entities.add(
            k.HUNTER_ACCOUNT, int(draft.markets[m].venue), [m], group.capital, fees=fees
        )
        self.members.setdefault((HUNTER, group.name), []).append(account)
        settlement = int(draft.markets[m].settlement)
        draft.add_agent("hunter", {
            "position": position, "own": len(self.rows), "rate": draft.per_step(group.rate),
            "max_order": max(draft.lots(m, group.max_order), 1.0),
            "key": draft.key(f"hunter/{group.name}", name),
        })  # fmt: skip
        self.rows.append({
            "capital": draft.entities.cash[-1][settlement], "leverage": group.leverage, "maker": NONE,
            "reach": group.reach_bps * 1e-4, "error": group.error, "worth": group.worth,
            "patience": self.steps(group.patience), "most_lost": group.max_loss,
        })  # fmt: skip


def _firm_of(group: Arbitrage, wallets: Wallets) -> Firm:
    """Return whose money a group's is: its treasury's, or its own."""
    return (PAIR, group.name) if wallets.treasury is None else (TREASURY, wallets.treasury)
