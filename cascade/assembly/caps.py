"""Caps on leverage: who has more is forced out before the start, or sells down to what it allows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cascade.assembly.layers import FOREVER, Seats
from cascade.compiler.jit import entry
from cascade.core import params as k
from cascade.core.exact import INVERSE
from cascade.core.margin import MAX_TICK, failing_tick
from cascade.core.seats import HOLDING
from cascade.core.start import entry_values
from cascade.core.state import NONE, Array
from cascade.scenario.amounts import MONEY
from cascade.scenario.positions import kept_under
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_population import LeverageCap, LeveragedLayer

EXITS = ("stop_tick", "take_tick", "top_up_tick")

NAMED = 5
"""Accounts that are named of those above a cap."""


@dataclass(frozen=True, slots=True)
class Capped:
    """What a cap does to a layer at the start, by entry values in USD.

    Attributes
    ----------
    accounts
        With a position, of `of`, that have more leverage than the cap allows.
    long_usd, short_usd
        Positions that go, of `of_usd` on both sides together.
    largest
        The largest of the accounts: label, or number in the layer, leverage and USD.
    """

    layer: str
    max: float
    leaves: bool
    accounts: int
    of: int
    long_usd: float
    short_usd: float
    of_usd: float
    largest: tuple[tuple[str, float, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return asdict(self)


def cap_leverage(
    scenario: Scenario, p: k.Params, seats: list[Seats]
) -> tuple[list[Seats], tuple[Capped, ...]]:
    """Return the seats of every layer under its cap, and what each cap did.

    A seat that leaves stays empty: so nobody else's draws move.
    """
    found, told = [], []
    for layer, group in zip(scenario.population, seats, strict=True):
        cap: LeverageCap | None = getattr(layer, "leverage_cap", None)
        if cap is None:
            found.append(group)
        else:
            left, effect = _capped(layer.name, cap, p, group)
            if cap.then == "reduce" and isinstance(layer, LeveragedLayer):  # prices of a table's own stay
                _stretch_exits(p, group, left)
            found.append(left)
            told.append(effect)
    return found, tuple(told)


def _capped(name: str, cap: LeverageCap, p: k.Params, group: Seats) -> tuple[Seats, Capped]:
    traders, positions = group.traders.copy(), group.positions.copy().view(np.recarray)
    owner = np.repeat(np.arange(len(group.counts)), group.counts)
    leverage = traders.leverage.astype(np.float64)
    share = kept_under(cap, leverage)
    above = share < 1.0
    before = entry_values(p, group.markets, positions.lots, positions.entry_tick)
    usd = _usd(p, group, positions.lots, before)
    mine = above[owner]
    positions.lots[mine] = np.trunc(positions.lots[mine] * share[owner][mine]).astype(np.int64)
    after = entry_values(p, group.markets, positions.lots, positions.entry_tick)
    gone = usd - _usd(p, group, positions.lots, after)
    if cap.then == "leave":
        positions.balance[mine] = 0
        traders.phase[above], traders.life_ends[above] = HOLDING, FOREVER
        for column in EXITS:
            traders[column][above] = NONE
    else:  # the same margin backs less
        positions.balance[mine] += before[mine] - after[mine]
        traders.notional[above] *= share[above]
        traders.leverage[above] = cap.max
    held = np.bincount(owner, np.abs(usd), len(group.counts))
    is_due = above & (held > 0.0)
    most = np.argsort(-np.where(is_due, held, 0.0), kind="stable")[: min(NAMED, int(is_due.sum()))]
    return group._replace(traders=traders, positions=positions), Capped(
        name, cap.max, cap.then == "leave", int(is_due.sum()), int((held > 0.0).sum()),
        float(gone[gone > 0.0].sum()), float(-gone[gone < 0.0].sum()), float(held.sum()),
        tuple((_label(group, int(each)), float(leverage[each]), float(held[each])) for each in most),
    )  # fmt: skip


def _stretch_exits(p: k.Params, before: Seats, after: Seats) -> None:
    """Move drawn exits as far from the entry as the liquidation price has moved: they are parts of that way.

    Who cannot be liquidated any more has none, as when it is drawn.
    """
    planned = np.any([after.traders[name] != NONE for name in EXITS], axis=0)  # of single positions alone
    first = np.cumsum(after.counts) - after.counts
    mine = np.flatnonzero(planned)
    mine = mine[after.positions.lots[first[mine]] != before.positions.lots[first[mine]]]
    rows = first[mine]
    old, new = (_ways(p, seats.markets[rows], seats.positions[rows]) for seats in (before, after))
    entries = after.positions.entry_tick[rows].astype(np.float64)
    for name in EXITS:
        ticks = after.traders[name][mine]
        moved = np.clip(np.floor(entries + (ticks - entries) * (new / old) + 0.5), 1, MAX_TICK)
        keeps = (ticks != NONE) & ~np.isnan(moved)
        after.traders[name][mine] = np.where(keeps, np.nan_to_num(moved), NONE).astype(np.int64)


def _ways(p: k.Params, markets: Array, drawn: Array) -> Array:
    """Return the ticks from the entry of each position to its liquidation, NaN where there is none."""
    ways = np.full(len(drawn), np.nan)
    lots, balances, entries = (
        np.ascontiguousarray(drawn[name]) for name in ("lots", "balance", "entry_tick")
    )
    write_ways(p, markets, lots, balances, entries, ways)
    return ways


@entry
def write_ways(
    p: k.Params, markets: Array, lots: Array, balances: Array, entries: Array, ways: Array
) -> None:
    """Write the ticks from the entry of each open position to where its margin fails."""
    for row in range(len(ways)):
        if lots[row] != 0:
            tick = failing_tick(p, markets[row], lots[row], balances[row], entries[row])
            if tick != NONE:
                ways[row] = float(tick - entries[row])


def _usd(p: k.Params, group: Seats, lots: Array, values: Array) -> Array:
    """Return positions in USD at their entry, negative for shorts."""
    rows = p.markets[group.markets]
    usd = np.where(rows.contract == INVERSE, lots * rows.face.astype(np.float64), np.abs(values)) / MONEY
    return np.copysign(usd, lots)


def _label(group: Seats, seat: int) -> str:
    return (group.labels[seat] if group.labels else "") or f"number {seat}"
