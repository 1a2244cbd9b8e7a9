"""Sharing a total among players who made it together: increments in an order, and Shapley values, exactly.

A game gives every coalition of players a value. Values are floats, which are rationals, so sums are
taken in rationals and nothing is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, combinations

Coalition = frozenset[str]
Game = Mapping[Coalition, float]
"""The value of every coalition of some players, the empty one included."""


def coalitions(players: Sequence[str]) -> Iterator[Coalition]:
    """Yield every coalition, 2^k of them, the empty one first."""
    sizes = (combinations(players, n) for n in range(len(players) + 1))
    return (frozenset(members) for members in chain.from_iterable(sizes))


def increments(game: Game, order: Sequence[str]) -> dict[str, Fraction]:
    """Return what each player adds to those before it in an order; the increments sum to the total."""
    found: dict[str, Fraction] = {}
    joined: Coalition = frozenset()
    for player in order:
        following = joined | {player}
        found[player] = Fraction(game[following]) - Fraction(game[joined])
        joined = following
    return found


def shapley(game: Game, players: Sequence[str]) -> dict[str, Fraction]:
    """Return each player's increment averaged over all orders in which the players may come (Shapley 1953).

    It is the only rule that sums to the total, treats equal players equally, gives nothing to who adds
    nothing, and is linear in the game.
    """
    k = len(players)
    values = {members: Fraction(value) for members, value in game.items()}
    found: dict[str, Fraction] = {}
    for player in players:
        others = [each for each in players if each != player]
        sums = [Fraction(0)] * k
        for before in coalitions(others):
            sums[len(before)] += values[before | {player}] - values[before]
        orders = (math.factorial(n) * math.factorial(k - n - 1) * total for n, total in enumerate(sums))
        found[player] = sum(orders, Fraction(0)) / math.factorial(k)
    return found


def rounded(parts: Mapping[str, Fraction], total: float) -> dict[str, float]:
    """Return parts as floats whose sum (`math.fsum`) is the total: the largest take the rounding, zeros stay zero."""
    found = {name: float(part) for name, part in parts.items()}
    for name in sorted((name for name, value in found.items() if value), key=lambda name: -abs(found[name])):
        missing = Fraction(total) - sum(map(Fraction, found.values()), Fraction(0))
        found[name] = float(Fraction(found[name]) + missing)
    return found
