"""Hand-made small worlds whose course is known beforehand."""

from __future__ import annotations

from cascade.core import params as par
from tests.support.runner import Intent
from tests.support.world import Account, Holding, Market, Seat, Venue, World, tiers, wallet

START = 1000
TIERS = tiers((2_000_000, 1_000_000, 50.0), (10**13, 2_500_000, 20.0))


def perpetual(asset: int = 0, **rules: int) -> Market:
    """Return a perpetual at the start price with two margin tiers."""
    return Market(spot=False, asset=asset, venue=1, start=START, tiers=TIERS, **rules)


def crash_world(long: bool, cross: bool, n_waves: int = 1, **venue: int) -> World:
    """Return a world of ten leveraged traders on one side, against a holder and an empty fund."""
    side = 1 if long else -1
    assets = (0, 1) if cross else (0,)
    markets = (
        *(Market(spot=True, start=START, asset=a) for a in assets),
        *(perpetual(a, liquidation_fee=1_000_000) for a in assets),
    )
    perpetuals = [m for m, market in enumerate(markets) if not market.spot]
    accounts: list[Account] = []
    for m, market in enumerate(markets):
        stock = 1_000_000 if market.spot else 0
        for kind, name in ((par.MAKER_ACCOUNT, "maker"), (par.FLOW_ACCOUNT, "taker")):
            place = (Holding(market=m, lots=stock, entry=START),)
            accounts.append(
                Account(name=name, kind=int(kind), venue=market.venue, holdings=place, balance=10**12)
            )
    for k in range(10):
        leverage = float(5 + 3 * k)
        holdings = tuple(Holding(market=m, lots=side * (10 + k), entry=START) for m in perpetuals)
        margin = int(len(holdings) * (10 + k) * START * 100 / leverage)
        accounts.append(
            Account(
                name=f"trader {k}",
                kind=par.TRADER_ACCOUNT,
                venue=1,
                margin=int(par.CROSS if cross else par.ISOLATED),
                holdings=holdings,
                balance=wallet(markets, holdings, margin),
                seat=Seat(leverage=leverage),
            )
        )
    for m in perpetuals:
        place = (Holding(market=m, lots=-side * sum(10 + k for k in range(10)), entry=START),)
        accounts.append(
            Account(
                name="holder",
                kind=par.HOLDER,
                venue=1,
                holdings=place,
                balance=wallet(markets, place, 10**10),
            )
        )
    return World(
        markets=markets,
        venues=(Venue(), Venue(**({"fund_balance": 0} | venue))),
        accounts=tuple(accounts),
        n_ticks=128,
        n_waves=n_waves,
        n_steps=60,
        n_quotes=4 * 2 * len(markets),
    )


def quotes(world: World, price: int, deep: bool) -> list[Intent]:
    """Return the quotes of all makers around a price: deep everywhere, or one lot in the perpetuals."""
    sent: list[Intent] = []
    position = maker = 0
    for account in world.roster():
        for holding in account.holdings:
            if account.kind == par.MAKER_ACCOUNT:
                lots = 10_000 if deep or world.markets[holding.market].spot else 1
                sent += [
                    Intent(position=position, kind=par.QUOTE, ref=2 * maker + n, offset=0.0) for n in range(2)
                ]
                for n, side in enumerate((1, -1)):
                    sent.append(
                        Intent(
                            position=position,
                            kind=par.QUOTE,
                            lots=side * lots,
                            tick=price - side,
                            ref=2 * maker + n,
                            offset=0.1,
                        )
                    )
                maker += 1
            position += 1
    return sent
