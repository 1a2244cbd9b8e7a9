"""Caps on leverage: who has more is forced out before the start, or sells down to what it allows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cascade.assembly.layers import FOREVER, Seats
from cascade.core import params as k
from cascade.core.exact import INVERSE
from cascade.core.seats import HOLDING
from cascade.core.start import entry_values
from cascade.core.state import NONE, Array
from cascade.scenario.amounts import MONEY
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_population import LeverageCap

NAMED = 5
"""Accounts that are named of those above a cap."""

HAIR = 1e-6
"""Leverage is kept in single precision: no more than this above the cap is at it."""


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
            found.append(left)
            told.append(effect)
    return found, tuple(told)


def _capped(name: str, cap: LeverageCap, p: k.Params, group: Seats) -> tuple[Seats, Capped]:
    traders, positions = group.traders.copy(), group.positions.copy().view(np.recarray)
    owner = np.repeat(np.arange(len(group.counts)), group.counts)
    leverage = traders.leverage.astype(np.float64)
    above = leverage > cap.max * (1.0 + HAIR)
    share = np.where(above, 0.0 if cap.then == "leave" else cap.max / np.maximum(leverage, 1.0), 1.0)
    before = entry_values(p, group.markets, positions.lots, positions.entry_tick)
    usd = _usd(p, group, positions.lots, before)
    mine = above[owner]
    positions.lots[mine] = np.trunc(positions.lots[mine] * share[owner][mine]).astype(np.int64)
    after = entry_values(p, group.markets, positions.lots, positions.entry_tick)
    gone = usd - _usd(p, group, positions.lots, after)
    if cap.then == "leave":
        positions.balance[mine] = 0
        traders.phase[above], traders.life_ends[above] = HOLDING, FOREVER
        for column in ("stop_tick", "take_tick", "top_up_tick"):
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


def _usd(p: k.Params, group: Seats, lots: Array, values: Array) -> Array:
    """Return positions in USD at their entry, negative for shorts."""
    rows = p.markets[group.markets]
    usd = np.where(rows.contract == INVERSE, lots * rows.face.astype(np.float64), np.abs(values)) / MONEY
    return np.copysign(usd, lots)


def _label(group: Seats, seat: int) -> str:
    return (group.labels[seat] if group.labels else "") or f"number {seat}"
