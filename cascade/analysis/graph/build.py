"""Builds the graph of a cascade from the liquidations of one replicate.

A node is the liquidation of one life of one account. An edge says that forced fills of one account
moved the mark of a market through the price at which another began to fail; the weights of the
edges into a node sum to 1, or there are none and it is a root: the move from outside
tripped it.

Marks are frozen within a wave, so all forced fills between two marks share what the mark moved.
Who is tripped was safe at the mark before, so what has tripped it happened since. In
a later wave of a step that is the forced fills of the wave before, and nothing else. In the first
wave of a step others have traded too, and a but-for test decides: would giving back what the fills
since then pushed, and no more than the mark has fallen since, have left the account safe? Whom the
counterfactual liquidates as early is a root whatever came last.

That a market had been brought near an account by earlier cascades does not count as tripping it:
counting it, as `cause` of a liquidation does, would find too high a branching ratio wherever a move
comes in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cascade.output.columns import to_names, to_numpy
from cascade.output.reader import Result
from cascade.output.run_units import RunUnits

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_PARENTS: Final = 8
"""A node keeps its heaviest parents, so that edges grow with accounts and not with their square."""

WAVES: Final = 1 << 20
"""More than the waves of any step."""


@dataclass(frozen=True)
class CascadeGraph:
    """Liquidations of one replicate and who tripped whom; arrays run over nodes in time order, or over edges.

    Attributes
    ----------
    cause
        Against the counterfactual, as in `liquidations`; empty without one.
    size_usd
        Notional the liquidation closed: in the book, by the fund, and by auto-deleveraging.
    source, target
        Numbers of nodes; every edge leads forward in time. Sorted by target.
    """

    units: RunUnits
    replicate: int
    step: Ints
    wave: Ints
    t_s: Floats
    account: Ints
    life: Ints
    market: Array
    side: Array
    cause: Array
    size_usd: Floats
    is_root: npt.NDArray[np.bool_]
    source: Ints
    target: Ints
    weight: Floats

    def __len__(self) -> int:
        return len(self.account)

    @property
    def generation(self) -> Ints:
        """Return 0 of roots; else one more than the highest among the parents."""
        return self._lines[0]

    @property
    def tree(self) -> Ints:
        """Return the root that the chain of heaviest parents of each node begins with."""
        return self._lines[1]

    @cached_property
    def descendants(self) -> Floats:
        """Return how many of those that followed each set off, itself or through others, by its share of them."""
        ones = np.ones(len(self))
        return self._mass(ones) - ones

    @cached_property
    def transmitted_usd(self) -> Floats:
        """Return the same in notional, without the node's own."""
        return self._mass(self.size_usd) - self.size_usd

    @cached_property
    def _tripped(self) -> list[tuple[int, Ints, Floats]]:
        """Return each node that others tripped, with the sources and the weights of the edges into it."""
        nodes, starts = np.unique(self.target, return_index=True)
        ends = [*starts[1:].tolist(), len(self.target)][: len(starts)]
        return [
            (node, self.source[start:end], self.weight[start:end])
            for node, start, end in zip(nodes.tolist(), starts.tolist(), ends, strict=True)
        ]

    @cached_property
    def _lines(self) -> tuple[Ints, Ints]:
        """Return the generation of each node, and its tree."""
        generation, tree = np.zeros(len(self), np.int64), np.arange(len(self))
        for node, sources, shares in self._tripped:
            generation[node] = generation[sources].max() + 1
            tree[node] = tree[sources[np.argmax(shares)]]
        return generation, tree

    def _mass(self, own: Floats) -> Floats:
        """Return what each node brought about: its own, and its shares of all that followed."""
        mass = own.astype(np.float64)
        for node, sources, shares in reversed(self._tripped):
            mass[sources] += shares * mass[node]
        return mass

    @property
    def parent(self) -> Ints:
        """Return the heaviest parent of each node, the first of equals; -1 of roots."""
        found = np.full(len(self), -1, np.int64)
        order = np.lexsort((-self.source, self.weight))
        found[self.target[order]] = self.source[order]  # the heaviest is written last
        return found

    @property
    def offspring(self) -> Floats:
        """Return how many liquidations each node tripped itself, each counted by its share."""
        return _sums(self.source, self.weight, len(self))


def of_result(result: Result, replicate: int, *, memory_s: float | None = None) -> CascadeGraph:
    """Return the graph of one replicate of a run.

    Raises
    ------
    ResultsError
        If the run has not recorded its liquidations.
    """
    rows = result.replicate("liquidations", replicate)
    return build(rows, result.units, replicate, memory_s=memory_s)


def build(
    liquidations: pa.Table, units: RunUnits, replicate: int = 0, *, memory_s: float | None = None,
) -> CascadeGraph:  # fmt: skip
    """Return the graph of the liquidations of one replicate.

    Parameters
    ----------
    liquidations
        Rows of the table `liquidations` in the order in which they were written.
    memory_s
        Seconds for which a fill can trip others in the first wave of a step; by default only fills that no
        mark has followed yet. For markets whose marks follow their book with delay.
    """
    rows = _Rows.of(liquidations)
    node_of, first = _nodes(rows)
    fills = _Fills(rows, node_of, units, memory_s)
    nodes = node_of.tolist()
    parents = [_parents(fills.each, nodes, fills, row) for row in first.tolist()]
    counts = np.array([len(numbers) for numbers, _ in parents], np.int64)
    source = _joined([numbers for numbers, _ in parents], np.int64)
    weight = _joined([shares for _, shares in parents], np.float64)
    target = np.repeat(np.arange(len(first)), counts)
    size = _sums(node_of, rows.size_usd, len(first))
    return CascadeGraph(
        units, replicate, rows.step[first], rows.wave[first], rows.t_s[first], rows.account[first],
        rows.life[first], rows.market[first], rows.side[first], rows.cause[first], size, counts == 0,
        source, target, weight,
    )  # fmt: skip


class _Rows(NamedTuple):
    """The columns of `liquidations` that the graph is made of."""

    step: Ints
    wave: Ints
    t_s: Floats
    account: Ints
    life: Ints
    market: Array
    side: Array
    cause: Array
    position_usd: Floats
    size_usd: Floats
    filled_usd: Floats
    mark: Floats
    push: Floats  # by which share of the mark the order moved the best price it faced
    room: Floats  # by which share of the mark the account was beyond the price at which it began to fail

    @classmethod
    def of(cls, table: pa.Table) -> _Rows:
        """Return the rows of a table of liquidations."""
        numbers = {
            name: to_numpy(table.column(name))
            for name in (
                "step", "wave", "t_s", "account", "life", "position_usd", "liquidated_usd", "filled_usd",
                "trigger_mark_price", "liquidation_price", "shortfall_usd", "best_before_price",
                "best_after_price", "worst_fill_price",
            )
        }  # fmt: skip
        market, side, cause = (to_names(table.column(name)) for name in ("market", "side", "cause"))
        mark, down = numbers["trigger_mark_price"], np.where(side == "long", 1.0, -1.0)
        after = np.where(
            np.isnan(numbers["best_after_price"]), numbers["worst_fill_price"], numbers["best_after_price"]
        )
        push = np.nan_to_num(down * (numbers["best_before_price"] - after) / mark)
        beyond = np.where(
            np.isnan(numbers["liquidation_price"]),
            numbers["shortfall_usd"] / np.maximum(numbers["position_usd"], 1e-9),
            down * (numbers["liquidation_price"] - mark) / mark,
        )
        return cls(
            numbers["step"], numbers["wave"], numbers["t_s"], numbers["account"], numbers["life"], market, side,
            cause, numbers["position_usd"], numbers["liquidated_usd"], numbers["filled_usd"], mark,
            np.maximum(push, 0.0), beyond,
        )  # fmt: skip


def _nodes(rows: _Rows) -> tuple[Ints, Ints]:
    """Return the node of each row, and the first row of each node, in time order."""
    keys = np.stack([rows.account, rows.life])
    _, first, place = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return number[place.reshape(-1)], first[order].astype(np.int64)


class _Group(NamedTuple):
    """Forced fills between two marks, added up by the account that sent them."""

    first: int  # row of the earliest
    sources: Ints
    push: Floats
    filled_usd: Floats
    pushed: float  # by all together


class _Fills:
    """Forced fills by market and side, in the order of the marks they moved."""

    def __init__(self, rows: _Rows, node_of: Ints, units: RunUnits, memory_s: float | None) -> None:
        self.rows, self.node_of, self.memory_s = rows, node_of, memory_s
        self.each = _Rows(*(column.tolist() for column in rows))  # a row at a time is read faster from lists
        self.when = rows.step * WAVES + rows.wave
        self.asked_of = list(zip(self.each.market, self.each.side, self.when.tolist(), strict=True))
        self.everywhere = np.flatnonzero(rows.filled_usd > 0)
        self.clocks = {
            market.name: (max(market.clock_s, units.dt), market.waves(units.dt)) for market in units.markets
        }
        self.lists: dict[tuple[str, str] | None, _Fills._List] = {}
        self.groups: dict[tuple[Any, int, int], _Group] = {}  # they stay, so that each keeps its id
        self.asked: dict[
            tuple[str, str, int, bool], _Group | None
        ] = {}  # all who are tripped at a mark ask the same
        self.shares: dict[int, tuple[Ints, Floats]] = {}

    class _List(NamedTuple):
        """Rows of fills of one kind, with when they were and whether a mark has followed in their own step."""

        rows: Ints
        when: Ints
        t_s: Floats
        is_last: npt.NDArray[np.bool_]

    def before(self, row: int, *, anywhere: bool = False) -> _Group | None:
        """Return the fills since the mark at which the account of a row was last safe, or None.

        Of its own market and side; with `anywhere`, of all.
        """
        market, side, when = self.asked_of[row]
        asked = market, side, when, anywhere
        if asked not in self.asked:
            self.asked[asked] = self._found(row, None if anywhere else (market, side))
        return self.asked[asked]

    def _found(self, row: int, key: tuple[str, str] | None) -> _Group | None:
        fills = self._of(key)
        low, high = self._since(fills, row)
        if low >= high:
            return None
        if (key, low, high) not in self.groups:
            self.groups[key, low, high] = self._added_up(fills.rows[low:high])
        return self.groups[key, low, high]

    def _since(self, fills: _List, row: int) -> tuple[int, int]:
        """Return where among fills those of the wave before lie, or those that no mark has followed yet."""
        now = self.when[row]
        high = int(np.searchsorted(fills.when, now))
        if self.rows.wave[row] > 0:
            return int(np.searchsorted(fills.when, now - 1)), high
        interval = self.clocks[self.each.market[row]][0] if self.memory_s is None else self.memory_s
        low = int(np.searchsorted(fills.t_s, self.rows.t_s[row] - interval - 1e-9))
        while self.memory_s is None and low < high and not fills.is_last[low]:
            low += 1
        return low, high

    def _of(self, key: tuple[str, str] | None) -> _List:
        if key not in self.lists:
            rows, filled = self.rows, self.everywhere
            if key is not None:
                filled = filled[(rows.market[filled] == key[0]) & (rows.side[filled] == key[1])]
            last = np.array([self.clocks[str(name)][1] - 1 for name in rows.market[filled]], np.int64)
            self.lists[key] = _Fills._List(
                filled, self.when[filled], rows.t_s[filled], rows.wave[filled] == last
            )
        return self.lists[key]

    def heaviest(self, group: _Group) -> tuple[Ints, Floats]:
        """Return the accounts that pushed most, or filled most where none pushed, with their shares."""
        if id(group) not in self.shares:
            heavy = group.push if group.push.any() else group.filled_usd
            self.shares[id(group)] = _heaviest(group.sources, heavy)
        return self.shares[id(group)]

    def _added_up(self, fills: Ints) -> _Group:
        sources, place = np.unique(self.node_of[fills], return_inverse=True)
        push, filled = (_sums(place, column[fills]) for column in (self.rows.push, self.rows.filled_usd))
        return _Group(int(fills[0]), sources, push, filled, float(push.sum()))


_NONE: Final = np.zeros(0, np.int64), np.zeros(0)


def _parents(rows: _Rows, node_of: list[int], fills: _Fills, first: int) -> tuple[Ints, Floats]:
    """Return the parents of the node whose first row is given, and weights that sum to 1; none of a root."""
    if rows.cause[first] == "exogenous":
        return _NONE
    found = list(_groups(rows, node_of, fills, first))
    if not found or (rows.wave[first] == 0 and not _but_for(rows, first, found)):
        return _NONE
    if len(found) == 1:
        return fills.heaviest(found[0][1])
    cost = [held * group.push for held, group in found]
    if not any(part.any() for part in cost):
        cost = [group.filled_usd for _, group in found]
    sources, place = np.unique(np.concatenate([group.sources for _, group in found]), return_inverse=True)
    return _heaviest(sources, _sums(place, np.concatenate(cost)))


def _heaviest(sources: Ints, heavy: Floats) -> tuple[Ints, Floats]:
    """Return the heaviest sources, as many as a node keeps, with their shares, in their order."""
    kept = np.sort(np.argsort(-heavy, kind="stable")[:MAX_PARENTS])
    kept = kept[heavy[kept] > 0]
    return sources[kept], heavy[kept] / heavy[kept].sum()


def _groups(rows: _Rows, node_of: list[int], fills: _Fills, first: int) -> Iterator[tuple[float, _Group]]:
    """Yield the fills that may have tripped a node, each with the position it held against them.

    Where none is of its own markets, those of any: an index, or the books of other venues, may carry a
    move over.
    """
    anything, row, n = False, first, len(node_of)
    node, when = node_of[first], fills.asked_of[first][2]
    while row < n and node_of[row] == node and fills.asked_of[row][2] == when:
        group = fills.before(row)
        if group is not None:
            anything = True
            yield rows.position_usd[row], group
        row += 1
    if not anything and rows.wave[first] > 0:
        group = fills.before(first, anywhere=True)
        if group is not None:
            yield rows.position_usd[first], group


def _but_for(rows: _Rows, first: int, found: list[tuple[float, _Group]]) -> bool:
    """Tell whether an account would have been safe without the fills that came before."""
    pushed = sum(held * group.pushed for held, group in found) / rows.position_usd[first]
    since = found[0][1].first
    down = 1.0 if rows.side[first] == "long" else -1.0
    fallen = (
        down * (rows.mark[since] / rows.mark[first] - 1.0)
        if rows.market[since] == rows.market[first]
        else pushed
    )
    return min(pushed, fallen) > rows.room[first] + 1e-12


def _joined(parts: list[Array], dtype: Any) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _sums(places: Ints, values: Floats, length: int = 0) -> Floats:
    """Return the sums of values by place."""
    return np.bincount(places, values, length).astype(np.float64)
