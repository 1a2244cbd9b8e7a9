"""What one sale would do to a market, in closed form: at once it walks the book, worked it moves what makers think.

A run under the same luck gives the same within a quarter (`tests/theory/test_sale.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cascade.assembly import Assembled
from cascade.assembly.venues import money
from cascade.core.params import Params
from cascade.core.propagator import N_MODES
from cascade.core.state import Array
from cascade.scenario.schema import Scenario

SALE_USD, OVER_S, LATER_S = 10e6, 1800.0, 3600.0
"""The sale that an explanation tells of, how long it is worked, and how long after its end it is looked at."""


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale in a market: how far below the mid it is filled at once, how far it moves the price if it is worked.

    Attributes
    ----------
    mean_bps, last_bps : float | None
        Of its fills, at once; None where makers quote less than that on a side.
    end_bps, later_bps : float
        Fall of the price when it has been worked, and `LATER_S` after that.
    """

    market: str
    usd: float
    mean_bps: float | None
    last_bps: float | None
    end_bps: float
    later_bps: float

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "market": self.market, "usd": self.usd, "at_once_mean_bps": self.mean_bps,
            "at_once_last_bps": self.last_bps, "worked_over_s": OVER_S, "worked_bps": self.end_bps,
            "left_after_s": LATER_S, "left_bps": self.later_bps,
        }  # fmt: skip


def sale_in(scenario: Scenario, drawn: Assembled, market: str, usd: float = SALE_USD) -> Sale:
    """Return what a sale would do in a market, at its start and in calm."""
    mean, last = _walk(scenario, market, usd)
    steps, later = max(round(OVER_S / scenario.dt), 1), round(LATER_S / scenario.dt)
    kick, decay = _kicks(scenario, drawn, market, usd, steps)
    piled = kick * _sum_of_powers(decay, steps)
    end, after = float(piled.sum()), float((piled * decay**later).sum())
    return Sale(market, usd, mean, last, 1e4 * end, 1e4 * after)


def expected_bps(
    scenario: Scenario, drawn: Assembled, market: str, usd: float, over_s: float
) -> float | None:
    """Return how far below the mid at its start a sale is filled on the mean, in calm.

    Each step's piece walks the book, below what the pieces before it have moved the price by. None where makers
    quote less than a piece on a side.
    """
    steps = max(round(over_s / scenario.dt), 1)
    walked, _ = _walk(scenario, market, usd / steps)
    if walked is None:
        return None
    kick, decay = _kicks(scenario, drawn, market, usd, steps)
    piled = (steps - _sum_of_powers(decay, steps)) / (
        steps * (1.0 - decay)
    )  # the mean of 0 to steps - 1 kicks
    return walked + 1e4 * float((kick * piled).sum())


def _walk(scenario: Scenario, market: str, usd: float) -> tuple[float | None, float | None]:
    """Return the mean and the last distance, in bps, of the levels that a sale takes."""
    groups = [group for group in scenario.makers if market in scenario.select_markets(group.markets)]
    levels = [group.levels() for group in groups]
    far = np.concatenate([np.zeros(0), *(each.distance_bps for each in levels)])
    held = np.concatenate([np.zeros(0), *(each.usd for each in levels)])
    if held.sum() < usd:
        return None, None
    order = np.argsort(far, kind="stable")
    far, held = far[order], held[order]
    taken = np.diff(np.minimum(np.cumsum(held), usd), prepend=0.0)
    return float((far * taken).sum() / usd), float(far[np.flatnonzero(taken)[-1]])


def _kicks(scenario: Scenario, drawn: Assembled, market: str, usd: float, steps: int) -> tuple[Array, Array]:
    """Return by how much a piece of a worked sale lowers the log price, and what a step leaves of it, by mode."""
    p, names = drawn.params, list(scenario.markets)
    m = names.index(market)
    a = int(p.markets[m].asset)
    piece = float(money(usd / steps))
    if p.impacts[a].kick > 0.0:
        rule, modes = p.impacts[a], p.modes[a * N_MODES : (a + 1) * N_MODES]
        kick = rule.kick * piece**rule.exponent * p.cross[a, a]
        return kick * modes.weight, np.asarray(modes.decay)
    tied = [names.index(each) for each in _tied(scenario, market)]
    return _learnt(p, tied, piece)


def _learnt(p: Params, tied: list[int], piece: float) -> tuple[Array, Array]:
    """Return what makers learn from a piece, and what a step leaves of it.

    Arbitrage lets the markets that it ties, the sale's own first, share it such that all of them fall alike.
    """
    learns, decay = p.markets.impact[tied], np.array([float(p.markets[tied[0]].impact_decay)])
    if not (learns > 0.0).all():  # one that does not fall holds the others
        return np.zeros(1), decay
    return np.array([piece / float((1.0 / learns).sum())]), decay


def _tied(scenario: Scenario, market: str) -> list[str]:
    """Return a market and all that arbitrage ties to it, one through another."""
    tied = [market]
    for name in tied:
        for pair in scenario.arbitrage:
            ends = (pair.other, pair.perpetual)
            tied += [other for other in ends if name in ends and other not in tied]
    return tied


def _sum_of_powers(decay: Array, n: int) -> Array:
    """Return 1 + decay + ... + decay^(n - 1)."""
    kept = np.minimum(decay, 1.0 - 1e-9)  # what never decays piles up n times
    return (1.0 - kept**n) / (1.0 - kept)
