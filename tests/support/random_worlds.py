"""Random small worlds: a few accounts, one to three markets of which some are perpetuals, rules at random."""

from __future__ import annotations

import random
from dataclasses import replace

from cascade.core import params as par
from cascade.names import (
    AdlPrice,
    CollateralPrice,
    IndexRule,
    MarkRule,
    Procedure,
    Ranking,
    TakeOver,
    names_of,
)
from tests.support.world import (
    NEVER,
    Account,
    Collateral,
    Halt,
    Holding,
    Market,
    Seat,
    Venue,
    World,
    lot_value,
    tiers,
    wallet,
)

START = 1000
LEVERAGES = (2.0, 4.0, 5.0, 8.0, 10.0, 20.0, 25.0, 50.0)
N_LEVELS = 2
"""Quotes per side of a maker's position."""


def random_world(rng: random.Random, n_steps: int = 12) -> World:
    """Return a random small world."""
    markets, venues = _markets(rng)
    accounts = [*_others(rng, markets), *_agents(rng, markets), *_traders(rng, markets)]
    accounts = _balanced(markets, accounts)
    collateral = {
        (v, m): _collateral(rng)
        for v in range(len(venues))
        for m, market in enumerate(markets)
        if market.spot
    }
    world = World(
        markets=tuple(markets),
        venues=tuple(venues),
        accounts=tuple(accounts),
        n_ticks=rng.choice((64, 100, 128, 256)),
        n_waves=rng.randint(1, 3),
        n_steps=n_steps,
        forced_orders=rng.random() > 0.1,
        top_up_factor=rng.choice((1.25, 2.0)),
        collateral=collateral if rng.random() < 0.6 else {},
    )
    places = quoting_places(world)
    return replace(world, n_quotes=len(places) * 2 * N_LEVELS, quotes={k: i for i, k in enumerate(places)})


def quoting_places(world: World) -> list[int]:
    """Return the positions of makers."""
    places, position = [], 0
    for account in world.roster():
        for _ in account.holdings:
            if account.kind == par.MAKER_ACCOUNT:
                places.append(position)
            position += 1
    return places


def _tiers(rng: random.Random) -> tuple:
    """Return one to three margin tiers for notionals around a million."""
    steps = [(2_000_000, 1_000_000, 50.0), (6_000_000, 2_500_000, 20.0), (10**13, 10_000_000, 5.0)]
    return tiers(*steps[3 - rng.randint(1, 3) :])


def _venue(rng: random.Random) -> Venue:
    """Return a venue's rules; funds are empty, small or rich."""
    return Venue(
        mark=rng.choice([name for name in names_of(MarkRule) if name != "oracle"]),
        index_steps=rng.choice((1, 1, 3)),
        mark_decay=rng.choice((0.5, 0.9)),
        key=rng.randrange(2**63),
        funding_at_index=rng.randint(0, 1),
        n_basis=rng.randint(1, 4),
        basis_steps=rng.randint(1, 2),
        procedure=rng.choice([name for name in names_of(Procedure) if name != "liquidators"]),
        tiers_down=rng.randint(0, 2),
        only_where_it_frees=rng.randint(0, 1),
        fill_or_kill=rng.choice((0, 0, 1)),
        whole_tiers=rng.choice((0, 0, 1)),
        slice_above=rng.choice((0, 1_000_000)),
        cooldown_steps=rng.choice((1, 3)),
        cooldown_waits=rng.randint(0, 1),
        block_share=rng.choice((0.1, 0.5)),
        block_floor=rng.choice((0, 200_000)),
        block_notional=rng.choice((500_000, 10**10)),
        max_loss=rng.choice((0, 20_000)),
        drawdown=rng.choice((0, 0, 30_000_000)),
        drawdown_of_mean=rng.randint(0, 1),
        drawdown_floor=rng.choice((0, 10_000)),
        level_steps=rng.choice((1, 2)),
        take_over=rng.choice(names_of(TakeOver)),
        outlier_limit=rng.choice((0.002, 0.05)),
        n_waves=rng.randint(1, 3),
        wave_steps=rng.choice((1, 1, 2)),
        fees=(rng.choice((-10_000, 0, 20_000)), rng.choice((0, 50_000, 123_457))),
        adl_ranking=rng.choice(names_of(Ranking)),
        adl_price=rng.choice(("bankruptcy", *names_of(AdlPrice))),
        unwind_fraction=rng.choice((0.01, 0.3, 1.0)),
        unwind_max=rng.choice((500_000, 10**12)),
        funding_steps=rng.choice((3, 5, 1000)),
        first_funding=rng.randint(1, 6),
        fund_balance=rng.choice((0, 0, 50_000, 500_000, 10**10)),
        patience=rng.choice((0, 0, 1, 3, 10**12)),
        backstop=rng.choice((0, 66_666_667)),
        most_held=rng.choice((0, 0, 0, 3_000_000)),
        most_taken=rng.choice((0, 0, 0, 2_000_000)),
        taken_steps=rng.choice((1, 3)),
    )


def _collateral(rng: random.Random) -> Collateral:
    """Return how a venue counts a spot holding."""
    return Collateral(
        price=rng.choice(names_of(CollateralPrice)),
        kept=rng.choice((10**8, 95_000_000, 71_234_567)),
        given=rng.choice((START, START - 30)),
    )


def _perpetual(rng: random.Random, asset: int, venue: int) -> Market:
    """Return a perpetual market, now and then an inverse one."""
    inverse = rng.random() < 0.15
    tick_size = rng.choice((1.0, 0.5, 0.1))
    steps, step_tiers = _tiers(rng), rng.random() < 0.2
    return Market(
        spot=False,
        start=round(START / tick_size),
        asset=asset,
        venue=venue,
        tick_size=tick_size,
        unit=round(10**8 / tick_size) if inverse else round(100 * tick_size),
        inverse=inverse,
        settlement=int(inverse and rng.random() < 0.8),
        tiers=tuple(replace(t, deduction=0) for t in steps) if step_tiers else steps,
        step_tiers=step_tiers,
        liquidation_fee=rng.choice((0, 1_000_000, 1_234_567)),
        price_band=rng.choice((0, 2_000_000, 50_000_000)),
        take_bound=rng.choice((0, 2_000_000, 5_000_000, 50_000_000)),
        max_order=rng.choice((5, 1000)),
        funding_rate=rng.choice((0, 10_000, -75_001)),
    )


def _markets(rng: random.Random) -> tuple[list[Market], list[Venue]]:
    """Return markets and venues: one perpetual, two on one venue (for cross margin), or two venues."""
    shape = rng.choice(("one", "cross", "cross", "venues"))
    spot = Market(spot=True, start=START)
    venues = [Venue(), _venue(rng)]
    if shape == "one":
        return [spot, _perpetual(rng, 0, 1)], venues
    if shape == "cross":
        perpetuals = [_perpetual(rng, a, 1) for a in (0, 1)]
        return [spot, Market(spot=True, start=START, asset=1), *perpetuals], venues
    thin = Market(spot=True, start=START, index_weight=3.0)
    perpetuals, last = [_perpetual(rng, 0, 1), _perpetual(rng, 0, 2)], _venue(rng)
    own = random.Random(f"indexes of {last}")  # so that all else is drawn as it was before venues had indexes
    indexed = [
        replace(
            venue, index_rule=own.choice(names_of(IndexRule)), silent_steps=own.choice((0, 1, 4)),
            index_weights=own.choice(({}, {0: 2.0, 1: 2.0}, {0: 1.0, 1: 3.0}, {1: 1.0})),
        )
        for venue in (venues[1], last)
    ]  # fmt: skip
    return [spot, thin, *perpetuals], [venues[0], *indexed]


def _others(rng: random.Random, markets: list[Market]) -> list[Account]:
    """Return makers and takers without margin, one maker and one taker in every market."""
    made = []
    for m, market in enumerate(markets):
        stock = 10_000 if market.spot else 0
        for name, kind in (("maker", par.MAKER_ACCOUNT), ("taker", par.FLOW_ACCOUNT)):
            place = (Holding(market=m, lots=stock, entry=market.start),)
            made.append(
                Account(
                    name=f"{name} {m}",
                    kind=int(kind),
                    venue=market.venue,
                    holdings=place,
                    balance=10**12,
                    fees=rng.randint(0, 1),
                )
            )
    return made


def _perpetuals(markets: list[Market], venue: int) -> list[int]:
    """Return the perpetual markets of a venue."""
    return [m for m, market in enumerate(markets) if market.venue == venue and not market.spot]


def _holding(rng: random.Random, market: Market, m: int) -> Holding:
    """Return a position entered near the start price."""
    lots = rng.choice((-1, 1)) * rng.choice((1, rng.randint(2, 30), rng.randint(2, 90)))
    spread = rng.choice((0.03, 0.03, 0.15))
    return Holding(market=m, lots=lots, entry=round(market.start * rng.uniform(1 - spread, 1 + spread)))


def _margined(rng: random.Random, markets: list[Market], name: str, kind: int, seat: Seat | None) -> Account:
    """Return a margined account: isolated in one market, or cross over all perpetuals of a venue."""
    venue = rng.choice(sorted({m.venue for m in markets if not m.spot}))
    own = _perpetuals(markets, venue)
    alone = len({markets[m].settlement for m in own}) > 1  # one margin is in one asset
    cross = len(own) > 1 and rng.random() < 0.6 and not alone
    places = own if cross else [rng.choice(own)]
    holdings = tuple(
        _holding(rng, markets[m], m) if rng.random() < 0.8 else Holding(market=m) for m in places
    )
    leverage = seat.leverage if seat else rng.choice(LEVERAGES)
    notional = sum(
        h.entry * markets[h.market].unit * abs(h.lots) for h in holdings if not markets[h.market].inverse
    )
    notional += sum(abs(h.lots) * 10**8 // START for h in holdings if markets[h.market].inverse)
    margin = int(notional / leverage) + (rng.randint(0, 20_000) if seat is None else 0)
    flat_trader = seat is not None and notional == 0
    return Account(
        name=name,
        kind=kind,
        venue=venue,
        margin=int(par.CROSS if cross else par.ISOLATED),
        holdings=holdings,
        balance=0 if flat_trader else wallet(tuple(markets), holdings, margin),
        fees=1,
        seat=seat,
    )


def _agents(rng: random.Random, markets: list[Market]) -> list[Account]:
    """Return margined accounts that may rest orders; some hold spot too, which counts towards equity."""
    made = [_margined(rng, markets, f"agent {k}", par.AGENT, None) for k in range(rng.randint(1, 4))]
    return [
        _with_spot(rng, markets, agent) if rng.random() < 0.5 and _is_in_usd(markets, agent) else agent
        for agent in made
    ]


def _is_in_usd(markets: list[Market], agent: Account) -> bool:
    """Tell whether an agent's margin is in the asset that spot is paid in."""
    return all(markets[h.market].settlement == 0 for h in agent.holdings)


def _with_spot(rng: random.Random, markets: list[Market], agent: Account) -> Account:
    """Return an agent that also holds spot, bought out of its margin, and may trade it."""
    stock = tuple(
        Holding(market=m, lots=rng.choice((0, 1, rng.randint(1, 40))), entry=market.start)
        for m, market in enumerate(markets)
        if market.spot
    )
    paid = sum(h.lots * h.entry * markets[h.market].unit for h in stock)
    share = rng.choice((1.0, 1.0, 0.5))  # the rest is a gift, so that not all fail at once
    holdings = tuple(sorted((*stock, *agent.holdings), key=lambda h: h.market))
    return replace(agent, margin=par.CROSS, holdings=holdings, balance=agent.balance - int(paid * share))


def _traders(rng: random.Random, markets: list[Market]) -> list[Account]:
    """Return leveraged traders; those with one position may have standing orders."""
    made = []
    for k in range(rng.randint(1, 6)):
        plain = _margined(
            rng, markets, f"trader {k}", par.TRADER_ACCOUNT, Seat(leverage=rng.choice(LEVERAGES))
        )
        if rng.random() < 0.3 and _is_in_usd(markets, plain):
            plain = _with_spot(rng, markets, plain)
        if len(plain.holdings) == 1 and plain.holdings[0].lots:
            plain = replace(plain, seat=_standing(rng, plain, markets))
        made.append(plain)
    return made


def _standing(rng: random.Random, account: Account, markets: list[Market]) -> Seat:
    """Return a seat whose stop, take-profit and top-up lie a few per cent around the entry."""
    assert account.seat is not None
    place = account.holdings[0]
    towards = -1 if place.lots > 0 else 1

    def at(low: float, high: float, share: float) -> int:
        if rng.random() > share:
            return NEVER
        return max(round(place.entry * (1 + towards * rng.uniform(low, high))), 1)

    return replace(
        account.seat, stop=at(0.01, 0.1, 0.4), take=at(-0.1, -0.01, 0.4), top_up=at(0.005, 0.08, 0.4)
    )


def _balanced(markets: list[Market], accounts: list[Account]) -> list[Account]:
    """Add holders who take the other side, so that every perpetual sums to zero."""
    made = list(accounts)
    for m, market in enumerate(markets):
        if market.spot:
            continue
        net = sum(h.lots for a in accounts for h in a.holdings if h.market == m)
        places = (Holding(market=m, lots=-net, entry=market.start),)
        made.append(
            Account(
                name=f"holder {m}",
                kind=par.HOLDER,
                venue=market.venue,
                holdings=places,
                balance=wallet(tuple(markets), places, 10**11),
            )
        )
    return made


# --- lending --------------------------------------------------------------------------------------


def with_pools(rng: random.Random, world: World) -> World:
    """Return a world with one more venue that lends on every asset, its borrowers near their thresholds."""
    venue = len(world.venues)
    pools = [_pool(rng, world, asset, venue) for asset in sorted({m.asset for m in world.markets})]
    first = len(world.markets)
    borrowers = [_borrower(rng, f"borrower {k}", venue, first, pools) for k in range(rng.randint(1, 6))]
    spot_fees = replace(world.venues[0], fees=(0, rng.choice((0, 100_000, 400_000))))
    larger = replace(
        world,
        markets=(*world.markets, *pools),
        venues=(spot_fees, *world.venues[1:], _lender(rng)),
        accounts=(*world.accounts, *borrowers),
    )
    return replace(larger, quotes={k: i for i, k in enumerate(quoting_places(larger))})


def _pool(rng: random.Random, world: World, asset: int, venue: int) -> Market:
    """Return a pool of an asset that is sold in one of its spot markets."""
    spots = [m for m, market in enumerate(world.markets) if market.spot and market.asset == asset]
    threshold = rng.choice((70_000_000, 83_000_000, 90_123_457))
    return Market(
        spot=False,
        start=START,
        asset=asset,
        venue=venue,
        tiers=tiers((10**13, 100_000_000 - threshold, 5.0)),
        sold_in=rng.choice(spots),
        bonus=rng.choice((100_000_000, 105_000_000, 110_000_000)),
        protocol_fee=rng.choice((0, 10_000_000, 100_000_000)),
    )


def _lender(rng: random.Random) -> Venue:
    """Return a lending venue: its oracle, its rules for calls, and who makes them."""
    return Venue(
        mark="oracle",
        procedure="liquidators",
        oracle_deviation=rng.choice((0.0, 0.01, 0.05)),
        oracle_steps=rng.choice((1, 4, 1000)),
        n_waves=rng.randint(1, 3),
        wave_steps=rng.choice((1, 1, 2)),
        close_factor=rng.choice((50_000_000, 33_333_333)),
        close_health=rng.choice((95_000_000, 80_000_000)),
        close_least=rng.choice((0, 500_000, 1_000_000)),
        leftover=rng.choice((0, 250_000)),
        gas=rng.choice((0, 0, 3_000)),
        min_profit=rng.choice((0, 0, 1_000_000)),
        capital=rng.choice((10**12, 10**12, 700_000)),
        fund_balance=rng.choice((0, 50_000, 10**10)),
    )


def _borrower(rng: random.Random, name: str, venue: int, first: int, pools: list[Market]) -> Account:
    """Return a borrower with collateral in one pool or several."""
    chosen = rng.sample(range(len(pools)), rng.randint(1, len(pools)))
    holdings = tuple(
        Holding(market=first + k, lots=rng.choice((1, rng.randint(2, 30), rng.randint(2, 90))), entry=START)
        for k in sorted(chosen)
    )
    weighted = sum(h.lots * START * 100 * (10**8 - pools[h.market - first].tiers[0].rate) for h in holdings)
    debt = int(weighted / 10**8 / rng.uniform(1.0, 1.2))
    mode = par.CROSS if len(holdings) > 1 else par.ISOLATED
    seat = Seat(leverage=3.0)
    kind = par.TRADER_ACCOUNT
    return Account(
        name=name,
        kind=kind,
        venue=venue,
        margin=int(mode),
        holdings=holdings,
        balance=-debt,
        fees=1,
        seat=seat,
    )


# --- hedges ---------------------------------------------------------------------------------------


def with_four_venues(rng: random.Random, world: World) -> World:
    """Return a world of two assets and four venues, each with rules of its own and a perpetual or two."""
    markets = [Market(spot=True, start=START), Market(spot=True, start=START, asset=1)]
    for venue in range(1, 5):
        markets += [_perpetual(rng, asset, venue) for asset in rng.choice(((0,), (1,), (0, 1)))]
    crowd = [account for _ in range(2) for account in (*_agents(rng, markets), *_traders(rng, markets))]
    named = [replace(account, name=f"{account.name} of {k}") for k, account in enumerate(crowd)]
    larger = replace(
        world,
        markets=tuple(markets),
        venues=(Venue(), *(_venue(rng) for _ in range(4))),
        accounts=tuple(_balanced(markets, [*_others(rng, markets), *named])),
        collateral={},
    )
    places = quoting_places(larger)
    return replace(larger, n_quotes=len(places) * 2 * N_LEVELS, quotes={k: i for i, k in enumerate(places)})


def with_hedges(rng: random.Random, world: World) -> World:
    """Return a world in which most traders hold both sides of each market on cross margin."""
    chosen = [
        a.seat is not None and a.margin != par.UNMARGINED and rng.random() < 0.8 for a in world.accounts
    ]
    accounts = [
        _hedged(rng, world, a) if hedged else a for a, hedged in zip(world.accounts, chosen, strict=True)
    ]
    perpetuals = [m for m, market in enumerate(world.markets) if not market.spot and not market.pool]
    for m in perpetuals:
        net = sum(h.lots for a in accounts for h in a.holdings if h.market == m)
        places = (Holding(market=m, lots=-net, entry=world.markets[m].start),)
        accounts.append(
            Account(
                name=f"counterpart {m}", kind=par.HOLDER, venue=world.markets[m].venue, holdings=places,
                balance=wallet(world.markets, places, 10**11),
            )
        )  # fmt: skip
    larger = replace(world, accounts=tuple(accounts))
    return replace(larger, quotes={k: i for i, k in enumerate(quoting_places(larger))})


def _hedged(rng: random.Random, world: World, account: Account) -> Account:
    """Return a trader with an opposite leg beside each of its positions, the first leg long or short."""
    assert account.seat is not None
    legs: list[Holding] = []
    for h in account.holdings:
        side = 1 if h.lots > 0 or (h.lots == 0 and rng.random() < 0.5) else -1
        size = rng.choice((0, abs(h.lots), rng.randint(1, 60)))
        legs += [
            replace(h, leg=side),
            Holding(
                market=h.market,
                lots=-side * size,
                entry=world.markets[h.market].start if size else 0,
                leg=-side,
            ),
        ]
    paid = sum(abs(h.lots * lot_value(world.markets[h.market], h.entry)) for h in legs if h.lots)
    margin = int(paid / account.seat.leverage) + rng.randint(0, 20_000)
    return replace(
        account, margin=par.CROSS, holdings=tuple(legs), seat=Seat(leverage=account.seat.leverage),
        balance=wallet(world.markets, tuple(legs), margin) if paid else 0,
    )  # fmt: skip


# --- halts ----------------------------------------------------------------------------------------


def with_halts(rng: random.Random, world: World) -> World:
    """Return a world in which markets are halted now and then, and contracts have limits."""
    markets = tuple(
        market
        if market.spot or market.pool
        else replace(
            market, most_held=rng.choice((0, 0, 3_000_000)), most_open=rng.choice((0, 0, 15_000_000))
        )
        for market in world.markets
    )
    halts = tuple(_halt(rng, world) for _ in range(rng.randint(1, 4)))
    return replace(world, markets=markets, halts=halts)


def _halt(rng: random.Random, world: World) -> Halt:
    """Return a halt of users or of a whole market, or of its index; they may overlap."""
    market = rng.randrange(len(world.markets))
    spot, kind = world.markets[market].spot, rng.choice(("users", "market", "market", "index"))
    start = rng.randrange(world.n_steps)
    return Halt(
        market=market,
        start=start,
        stop=start + rng.choice((1, 2, rng.randint(1, world.n_steps))),
        shut=kind != "index",
        still=kind == "market",
        spared=kind == "market" and not spot and rng.random() < 0.6,
        queued=kind != "index" and rng.random() < 0.5,
        locked=kind != "index" and rng.random() < 0.5,
        frozen=kind == "index" and not spot,
        mute=kind == "index" and spot,
    )
