"""From a scenario to a market that can run: parameters, starting state, and the units to read it by."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cascade.assembly.caps import Capped, cap_leverage
from cascade.assembly.channels import Population, switch_off
from cascade.assembly.collateral import collateral_rules, post_collateral
from cascade.assembly.entities import Entities
from cascade.assembly.formation import assemble_formation
from cascade.assembly.groups import GroupBuilder, Quantiles
from cascade.assembly.layers import LayerBuilder, Seats
from cascade.assembly.orders import bind, margined_orders, open_accounts
from cascade.assembly.owners import NOBODY, Owners
from cascade.assembly.price_paths import assemble_prices
from cascade.assembly.ties import Tied
from cascade.assembly.trails import Trails
from cascade.assembly.venues import Venues, assemble_venues, lot_unit, settlement_of, worth_of
from cascade.assembly.withdrawals import assemble_withdrawals
from cascade.core import params as k
from cascade.core.bitmap import words
from cascade.core.exact import INVERSE
from cascade.core.start import Capacity, allocate, empty, entry_values, set_prices, take_seats
from cascade.core.state import TRADER, Array, State
from cascade.rng import decision_key
from cascade.scenario.amounts import MONEY, money_units, whole
from cascade.scenario.draws import with_draw
from cascade.scenario.schema import Scenario

N_TICKS = 1 << 18
"""Ticks of a market's window."""


class Assembled(NamedTuple):
    """One replicate of a scenario, ready to run."""

    params: k.Params
    state: State
    endowment: Array  # lots of each spot market given to accounts
    owners: Owners = NOBODY
    caps: tuple[Capped, ...] = ()
    tied: tuple[Tied, ...] = ()


def assemble(
    scenario: Scenario, replicate: int = 0, *, capacity: Capacity | None = None, n_ticks: int = N_TICKS,
    n_agents: int = 0,
) -> Assembled:  # fmt: skip
    """Return a replicate of a scenario at step zero.

    Parameters
    ----------
    capacity
        First lengths of the buffers that grow on demand.
    n_ticks
        Ticks of a market's window, a multiple of 64.
    n_agents
        Accounts kept for agents written in Python, besides those that the scenario names.
    """
    scenario = with_draw(scenario, replicate)
    quantiles, prices = Quantiles(), assemble_prices(scenario, replicate)
    entities = Entities(settlement_of(scenario), worth_of(scenario, prices.start))
    venues = assemble_venues(scenario, entities, replicate)
    trails = Trails(venues.markets, prices.history, scenario.dt)
    groups = GroupBuilder(
        scenario, replicate, venues.markets, prices.start, entities, quantiles, trails
    ).build()
    layers = LayerBuilder(scenario, replicate, venues.markets, prices, quantiles, trails)
    run, collateral = _run(scenario, n_ticks, venues), collateral_rules(scenario, venues.markets)
    run.priced_collateral[:] = int((collateral.price != k.OWN_SPOT).any())
    params = k.Params(
        run=run, assets=prices.assets, points=prices.points,
        **assemble_formation(scenario, replicate)._asdict(), markets=venues.markets, sources=venues.sources,
        withdrawals=assemble_withdrawals(scenario), rates=venues.rates,
        **venues.rules._asdict(), tiers=venues.tiers, fees=np.concatenate([venues.fees, groups.own_fees]),
        collateral=collateral, makers=groups.makers,
        quote_levels=groups.quote_levels, agents=groups.agents, flows=groups.flows,
        splitters=groups.splitters, ties=groups.ties,
        layers=layers.layers, trails=trails.array(), shocks=groups.shocks, quantiles=quantiles.array(),
    )  # fmt: skip
    ticks = np.maximum(np.rint(prices.start[venues.markets.asset] / venues.markets.tick_size), 1)
    drawn, caps = cap_leverage(scenario, params, layers.seats(params))
    population = switch_off(scenario.channels, params, drawn, ticks.astype(np.int64))
    params = population.params
    seats = post_collateral(scenario, params, population.seats, ticks.astype(np.int64))
    population = population._replace(seats=seats)
    holders = _add_others(scenario, params, venues, prices.start, seats, entities, n_agents)
    accounts, positions, balances, traders = _population(
        scenario, replicate, entities, population, holders, ticks.astype(np.int64)
    )
    _size_flags(run[0], len(venues.markets), len(accounts))
    owners = _owners(scenario, run[0], drawn, population)
    bind(scenario, params, positions, owners, prices.start)
    state = allocate(
        params, accounts, positions, balances, traders, groups.n_quotes, capacity or Capacity()
    )  # fmt: skip
    set_prices(state, params, prices.start, venues.first_rates)
    state.trails[:] = trails.start()
    state.ledger.deposits[:] = balances.sum(axis=0)
    take_seats(state, params)
    return Assembled(params, state, _endowment(venues.markets, positions), owners, caps, groups.tied)


def _run(scenario: Scenario, n_ticks: int, venues: Venues) -> Array:
    """Return what concerns the run as a whole."""
    run = empty(k.RUN, 1)
    row = run[0]
    row.dt, row.n_steps = scenario.dt, scenario.n_steps
    row.n_ticks = n_ticks
    row.n0, row.n1, _ = words(n_ticks)
    row.bar_steps = max(round(scenario.outputs.bars / scenario.dt), 1)
    row.fund_steps = max(round(scenario.outputs.snapshots / scenario.dt), 1)
    row.record_trades = int(scenario.outputs.trades)
    margined = venues.markets.venue[venues.markets.kind != k.SPOT]
    row.n_waves = max([int(venues.rules.venues.n_waves[v]) for v in margined], default=1)
    return run


def _endowment(markets: Array, positions: Array) -> Array:
    """Return the lots of each spot market that accounts hold."""
    spot = markets.kind == k.SPOT
    return np.array(
        [positions.lots[positions.market == m].sum() if spot[m] else 0 for m in range(len(spot))], np.int64
    )


def _add_others(
    scenario: Scenario, params: k.Params, venues: Venues, prices: Array, seats: list[Seats],
    entities: Entities, n_agents: int,
) -> dict[int, int]:  # fmt: skip
    """Add holders, vaults and agents in Python; return the position of each perpetual's holder."""
    held = _held(scenario, params)
    holders = _add_holders(venues, prices, seats, held, entities)
    _add_vaults(venues, seats, entities)
    _add_agents(params, scenario, held, entities, n_agents)
    return holders


def _held(scenario: Scenario, params: k.Params) -> Array:
    """Return the lots that agents in Python hold at the start, a row each and a column for each market."""
    names, agents = list(scenario.markets), scenario.python_agents
    lots = np.zeros((len(agents), len(names)), np.int64)
    for row, agent in enumerate(agents):
        for name, quantity in agent.positions.items():
            m = names.index(name)
            lots[row, m] = whole(quantity / float(params.markets[m].lot_size), math.trunc)
    return lots


def _add_holders(
    venues: Venues, prices: Array, seats: list[Seats], held: Array, entities: Entities
) -> dict[int, int]:
    """Add, for each perpetual, an unlevered account that holds what margined longs and shorts leave open."""
    net = held.sum(axis=0)
    for layer in seats:
        np.add.at(net, layer.markets, layer.positions.lots)
    holders = {}
    for m in range(len(net)):
        market = venues.markets[m]
        if market.kind == k.PERPETUAL:
            price = 1.0 if market.contract == INVERSE else prices[market.asset]
            cash = abs(float(net[m])) * float(market.lot_size) * price
            _, holders[m] = entities.add(k.HOLDER, int(market.venue), [m], cash, [-int(net[m])])
    return holders


def _add_vaults(venues: Venues, seats: list[Seats], entities: Entities) -> None:
    """Add, for each lending venue, the vault: it holds the spot behind all collateral, and is owed all debt."""
    markets = venues.markets
    for v in np.unique(markets.venue[markets.kind == k.POOL]):
        lots, owed = np.zeros(len(markets), np.int64), 0
        for layer in seats:
            mine = (markets.kind[layer.markets] == k.POOL) & (markets.venue[layer.markets] == v)
            np.add.at(lots, layer.markets[mine], -layer.positions.lots[mine])
            np.add.at(lots, markets.spot[layer.markets[mine]], layer.positions.lots[mine])
            owed -= int(layer.positions.balance[mine].sum())
        vault, _ = entities.add(k.VAULT, int(v), list(range(len(markets))), 0.0, lots.tolist())
        entities.cash[vault][0] = owed  # debts are in USD
        venues.rules.lending[v].vault = vault


def _add_agents(p: k.Params, scenario: Scenario, held: Array, entities: Entities, more: int) -> None:
    """Add accounts for agents in Python: cross-margined, with a place in every market; and of orders on margin.

    Those that the scenario names are where and with what it says; `more` are of whoever makes them.
    Their fills are logged, so that they can see them.
    """
    run: Any = p.run[0]
    run.first_agent = len(entities.accounts)
    run.python_agents = int(len(held) + more > 0)
    run.record_trades |= run.python_agents
    markets, venues = list(range(len(scenario.markets))), list(scenario.venues)
    for agent, lots in zip(scenario.python_agents, held, strict=True):
        home = venues.index(agent.venue or scenario.home)
        account, _ = entities.add(k.AGENT, home, markets, 0.0, lots.tolist(), margin=k.CROSS, fees=1)
        entities.cash[account][0] = round(agent.cash * MONEY)
    for _ in range(more):
        entities.add(k.AGENT, 0, markets, 0.0, margin=k.CROSS, fees=1)
    open_accounts(scenario, p, entities)
    run.first_trader = len(entities.accounts)


def _population(
    scenario: Scenario,
    replicate: int,
    entities: Entities,
    population: Population,
    holders: dict[int, int],
    ticks: Array,
) -> tuple[Array, Array, Array, Array]:
    """Return accounts, positions, balances and traders, the agents first."""
    params, seats = population.params, population.seats
    n, n_held = sum(len(layer.counts) for layer in seats), sum(len(layer.markets) for layer in seats)
    first_account, first_position = len(entities.accounts), len(entities.positions)
    accounts, positions = entities.account_rows(n), entities.position_rows(n_held)
    balances = np.zeros((len(accounts), len(entities.worth)), np.int64)
    balances[:first_account] = entities.cash
    traders = np.concatenate([layer.traders for layer in seats]) if n else empty(TRADER, 1)[:0]
    traders = traders.view(np.recarray)
    if n:
        _seat(accounts, positions, balances, params, seats, (first_account, first_position))
        _tag(scenario, replicate, accounts[first_account:], population.owners)
    others = positions[:first_position]
    _enter(params, accounts, others, balances, ticks)
    margined = np.ones(len(positions), np.bool_)
    margined[:first_position] = np.isin(accounts.kind[others.account], (k.TRADER_ACCOUNT, k.AGENT))
    for m, holder in holders.items():
        if positions.lots[holder] == 0:  # nothing is left open, and who is flat has entered nothing
            continue
        mine = (positions.market == m) & margined
        entries = int(positions.entry_value[mine].sum())
        positions.entry_value[holder] = -entries
        balances[positions.account[holder], params.markets[m].settlement] += entries
    return accounts, positions, balances, traders


def _enter(params: k.Params, accounts: Array, positions: Array, balances: Array, ticks: Array) -> None:
    """Let agents in Python have entered the perpetuals that they hold, at the start price."""
    is_theirs = accounts.kind[positions.account] == k.AGENT
    mine = np.flatnonzero(is_theirs & (params.markets.kind[positions.market] == k.PERPETUAL))
    markets = positions.market[mine]
    positions.entry_value[mine] = entry_values(params, markets, positions.lots[mine], ticks[markets])
    settlement = params.markets.settlement[markets]
    np.subtract.at(balances, (positions.account[mine], settlement), positions.entry_value[mine])


def _owners(scenario: Scenario, run: Any, drawn: list[Seats], population: Population) -> Owners:
    """Return the layers and labels of accounts: of leveraged ones, those that their positions were drawn for.

    An order on margin is the label of its account.
    """
    layer = np.repeat(np.arange(len(drawn)), [len(seats.counts) for seats in drawn])[population.owners]
    n_agents, agents = int(run.first_trader - run.first_agent), [each.name for each in scenario.python_agents]
    names = [name for seats in drawn for name in seats.labels if name]
    orders = [order.name or "" for order in margined_orders(scenario)]
    codes = {name: code for code, name in enumerate(dict.fromkeys([*agents, *filter(None, orders), *names]))}
    label = np.concatenate([_labels(seats, codes) for seats in drawn] or [layer])[population.owners]
    between = n_agents - len(agents) - len(orders)
    ours = [*(codes[name] for name in agents), *[-1] * between, *(codes.get(name, -1) for name in orders)]
    return Owners(
        int(run.first_agent), tuple(each.name for each in scenario.population),
        np.concatenate([np.full(n_agents, -1), layer]).astype(np.int64), tuple(codes),
        np.concatenate([np.array(ours, np.int64), label]).astype(np.int64),
    )  # fmt: skip


def _labels(seats: Seats, codes: dict[str, int]) -> Array:
    """Return the user's own label of each trader of a layer as a number; -1 where it has none."""
    if not seats.labels:
        return np.full(len(seats.counts), -1)
    return np.array([codes.get(name, -1) for name in seats.labels], np.int64)


def _seat(
    accounts: Array, positions: Array, balances: Array, params: k.Params, seats: list[Seats],
    first: tuple[int, int],
) -> None:  # fmt: skip
    """Fill the rows of the leveraged accounts, layer by layer; `first` are the first account and position."""
    account, position = first
    for layer in seats:
        n, held = len(layer.counts), len(layer.markets)
        rows, own = accounts[account : account + n], positions[position : position + held]
        rows.first_position = position + np.cumsum(layer.counts) - layer.counts
        rows.n_positions, rows.margin = layer.counts, layer.margin
        rows.kind, rows.fees = k.TRADER_ACCOUNT, 1
        main = layer.markets[rows.first_position - position]
        rows.venue, rows.settlement = params.markets.venue[main], params.markets.settlement[main]
        own.account = np.repeat(np.arange(account, account + n), layer.counts)
        own.market, own.lots = layer.markets, layer.positions.lots
        own.entry_value = entry_values(params, layer.markets, own.lots, layer.positions.entry_tick)
        settlement = params.markets.settlement[layer.markets]
        np.add.at(balances, (own.account, settlement), layer.positions.balance)
        account, position = account + n, position + held


def _tag(scenario: Scenario, replicate: int, accounts: Array, owners: Array) -> None:
    """Give each leveraged account of a composite venue the venue that reports its liquidations."""
    first = 0
    for v, (name, venue) in enumerate(scenario.venues.items()):
        if venue.reporting:
            key = int(decision_key(scenario.seed, f"reporting/{name}", replicate))
            mine = accounts.venue == v
            shares = np.cumsum([tag.share for tag in venue.reporting])
            u = np.random.Generator(np.random.Philox(key=key)).uniform(size=int(owners.max()) + 1)[owners]
            tags = first + np.searchsorted(shares / shares[-1], u, side="right")
            accounts.tag[mine] = np.minimum(tags, first + len(venue.reporting) - 1)[mine]
        first += len(venue.reporting)


def _size_flags(run: Any, n_markets: int, n_accounts: int) -> None:
    """Place the bitmaps of flagged accounts behind those of the markets."""
    run.flags_at = 4 * n_markets * sum(words(int(run.n_ticks)))
    run.f0, run.f1, _ = words(n_accounts)
    run.flags_words = sum(words(n_accounts))


__all__ = ["MONEY", "Assembled", "Owners", "assemble", "lot_unit", "money_units"]
