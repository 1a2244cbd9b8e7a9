"""Channels that are switched off: what differs in a market that is otherwise the same.

Nobody's draws move. The population is drawn before anything is switched off, so that it is the one
that has survived the past under the scenario's own rules.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.assembly.collateral import start_tick
from cascade.assembly.layers import Seats
from cascade.assembly.withdrawals import stay
from cascade.core import params as k
from cascade.core.population import DRAWN
from cascade.core.start import entry_values
from cascade.core.state import NONE, Array
from cascade.names import Agent, MarkRule, number_of
from cascade.scenario.schema_channels import Channels


class Population(NamedTuple):
    """Seats by layer, and who owned each of them when it was drawn."""

    params: k.Params
    seats: list[Seats]
    owners: Array
    """int64: the account, counted among the leveraged ones, that a seat's positions were drawn for."""


def switch_off(channels: Channels, p: k.Params, seats: list[Seats], ticks: Array) -> Population:
    """Close the channels that are off in a market's parameters and seats; `ticks` are the start marks."""
    p.run.forced_orders[:] = int(channels.forced_orders)
    p.run.deleveraging[:] = int(channels.adl)
    if not channels.maker_withdrawal:  # depth stays that of the calm
        stay(p.withdrawals)
    if not channels.mark_rule:
        p.marks.rule[:] = number_of(MarkRule, "index")
    if not channels.stop_losses:
        p.layers.stop_share[:] = 0.0
        for group in seats:
            group.traders.stop_tick[:] = NONE
    _untie(channels, p, ticks)
    if not channels.cross_margin:
        return _isolated(p, seats, ticks)
    return Population(p, seats, np.arange(sum(len(group.counts) for group in seats)))


def _untie(channels: Channels, p: k.Params, ticks: Array) -> None:
    """Close what ties assets and markets to each other, the margin of accounts aside."""
    if not channels.common_news:
        p.assets.common[:], p.assets.common_key[:] = 0.0, p.assets.key  # jumps come each at its own time
        p.leans.common[:], p.activity.common[:] = 0.0, 0.0
    if not channels.collateral:
        _hold_collateral(p, ticks)
    if not channels.makers_capital:
        p.makers.purse[:] = np.arange(len(p.makers))
        # what a desk holds of one market leaves the others as they are
        p.ties.capital[p.ties.maker >= 0] = 0.0
    if not channels.cross_impact:
        p.cross[:] = np.eye(len(p.cross))
    _bench(channels, p)
    if not channels.index_composition:
        for weights in p.sources:
            for asset in range(len(p.assets)):
                books = np.flatnonzero((p.markets.kind == k.SPOT) & (p.markets.asset == asset))
                if len(books):
                    weights[np.delete(books, int(np.argmax(weights[books])))] = 0.0


def _bench(channels: Channels, p: k.Params) -> None:
    """Let nobody trade of those whose channel is off."""
    for kind, is_on in (
        ("arbitrage", channels.arbitrage), ("carry", channels.carry),
        ("hedger", channels.hedging), ("hunter", channels.hunting),
    ):  # fmt: skip
        if not is_on:
            p.agents.rate[p.agents.kind == number_of(Agent, kind)] = 0.0


def _hold_collateral(p: k.Params, ticks: Array) -> None:
    """Let spot holdings that are margin count at their price at the start for ever."""
    n = len(p.markets)
    for at in range(len(p.collateral)):
        if p.markets[at % n].kind == k.SPOT:
            row = p.collateral[at]
            row.given = start_tick(p, at, int(ticks[at % n]))
            row.price = k.REDEMPTION
    p.run.priced_collateral[:] = 1


def _isolated(p: k.Params, seats: list[Seats], ticks: Array) -> Population:
    """Give every position of an account a seat, and a wallet, of its own.

    A layer becomes one layer for each place a position has in its account, with the same key and the
    same slots: so each seat draws what its owner draws. What cross-margined accounts never do (stops,
    take-profits, top-ups), their parts don't do either.
    """
    layers, parts, owners, first = [], [], [], 0
    for number, group in enumerate(seats):
        shared = group._replace(positions=_shared_out(p, group, ticks))
        for place in range(int(group.counts.max(initial=1))):
            row = p.layers[number : number + 1].copy()
            if group.counts.max(initial=1) > 1:
                row.stop_share[:], row.take_share[:], row.top_up_share[:] = 0.0, 0.0, 0.0
            row.first_place[:], row.first_trader[:] = place, sum(len(part.traders) for part in parts)
            parts.append(_part(shared, place, len(layers)))
            layers.append(row)
            owners.append(first + np.arange(len(group.counts)))
        first += len(group.counts)
    joined = np.concatenate(layers).view(np.recarray) if layers else p.layers
    owner = np.concatenate(owners) if owners else np.zeros(0, np.int64)
    return Population(p._replace(layers=joined), parts, owner)


def _part(group: Seats, place: int, layer: int) -> Seats:
    """Return the seats of the positions that stand at one place of their accounts; empty where there is none."""
    first = np.concatenate([[0], np.cumsum(group.counts)[:-1]]).astype(np.int64)
    has = group.counts > place
    row = np.where(has, first + place, first)
    traders, positions = group.traders.copy(), group.positions[row].copy()
    traders.notional, traders.layer = traders.notional / group.counts, layer
    positions[~has] = np.zeros(1, DRAWN)[0]
    ones = np.ones(len(group.counts), np.int64)
    return Seats(traders, positions, group.markets[row], ones, ones * k.ISOLATED)


def _shared_out(p: k.Params, group: Seats, ticks: Array) -> Array:
    """Return the positions of a layer with their accounts' margin shared among them.

    Each gets its part of the equity at the start, by maintenance margin: so each has the margin ratio
    of its account, and who was safe together is safe alone. The last open one takes the rounding.
    """
    positions = group.positions.copy().view(np.recarray)
    owner = np.repeat(np.arange(len(group.counts)), group.counts)
    shared = (group.counts > 1)[owner] & (positions.lots != 0)
    value = entry_values(p, group.markets, positions.lots, ticks[group.markets])
    equity = np.zeros(len(group.counts), np.int64)
    np.add.at(equity, owner, positions.balance + value)
    weight = np.where(shared, np.maximum(maintenance(p, group.markets, np.abs(value)), 1.0), 0.0)
    total = np.zeros(len(group.counts))
    np.add.at(total, owner, weight)
    part = np.floor(equity[owner] * (weight / np.maximum(total[owner], 1.0))).astype(np.int64)
    last = np.full(len(group.counts), NONE)
    last[owner[shared]] = np.flatnonzero(shared)
    given = np.zeros(len(group.counts), np.int64)
    np.add.at(given, owner[shared], part[shared])
    ends = last >= 0
    part[last[ends]] += equity[ends] - given[ends]
    positions.balance = np.where(shared, part - value, positions.balance)
    return positions


def maintenance(p: k.Params, markets: Array, notional: Array) -> Array:
    """Return the maintenance margin of positions by their markets and notionals, in money units, as floats."""
    margin = np.zeros(len(notional))
    for m in np.unique(markets):
        first, n = int(p.markets[m].first_tier), int(p.markets[m].n_tiers)
        if n:
            mine = markets == m
            tiers = p.tiers[first : first + n]
            at = np.minimum(np.searchsorted(tiers.cap, notional[mine]), n - 1)
            margin[mine] = np.maximum(notional[mine] * tiers.rate[at] * 1e-8 - tiers.deduction[at], 0.0)
    return margin
