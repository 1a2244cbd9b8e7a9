"""Liquidation without impact: prices in closed form, and the time to reach them under geometric Brownian news.

The book of the spot market that makes the index is quoted around the news value without noise, the mark is
the index, and the perpetual's book is as deep as it takes: so accounts never move the price. The share
liquidated within the run is a first-passage probability, with the barrier moved outwards by 0.5826 sigma
sqrt(dt), since marks are compared once a step (Broadie, Glasserman and Kou 1997).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, exp, floor, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs
from scipy.stats import norm

from cascade import rng
from cascade.assembly.entities import records
from cascade.core import params as par
from cascade.core.state import PURSE
from tests.support.build import build
from tests.support.examples import examples
from tests.support.kernels import bankruptcy_tick, liquidation_tick
from tests.support.runner import Runner
from tests.support.world import Account, Holding, Market, Seat, Tier, Venue, World, wallet
from tests.theory.reduced import UNIT, bound, fork, place, silence

ENTRY, STEPS, SPREAD = 40_000, 200, 0.10
"""Entry price in ticks, marks within the run, standard deviation of the news value's log at its end."""

RATE, SHIFT = Fraction(1, 200), 0.5826
LEVERAGES = (5, 10, 20, 50)
TIERS = (Tier(cap=10**15, rate=500_000, leverage=100.0),)


def account(leverage: int, side: int, markets: tuple[Market, ...]) -> Account:
    """Return an account that has posted 1 / leverage of its entry value."""
    held = (Holding(market=1, lots=side * 100, entry=ENTRY),)
    return Account(
        name=f"{leverage} {side}", kind=par.TRADER_ACCOUNT, venue=1, margin=par.ISOLATED,
        holdings=held, balance=wallet(markets, held, 100 * ENTRY * UNIT // leverage),
        seat=Seat(leverage=float(leverage)),
    )  # fmt: skip


def deep_market() -> Runner:
    """Return a market whose mark is the news value, with a long and a short account of each leverage."""
    markets = (Market(spot=True, start=ENTRY), Market(spot=False, start=ENTRY, venue=1, tiers=TIERS))
    makers = [
        Account(
            name=f"maker {m}", kind=par.MAKER_ACCOUNT, venue=m, holdings=(Holding(market=m),), balance=10**16
        )
        for m in (0, 1)
    ]  # fmt: skip
    traders = [account(leverage, side, markets) for leverage in LEVERAGES for side in (1, -1)]
    world = World(
        markets=markets, venues=(Venue(), Venue(mark="index", fund_balance=10**15)),
        accounts=(*makers, *traders), n_ticks=1 << 15, n_steps=STEPS, n_quotes=4,
    )  # fmt: skip
    runner = Runner(world)
    rows = [
        {"position": place(world, f"maker {m}", m), "n_levels": 1, "first_quote": 2 * m, "act": 1.0, "cap": 1e12,
         "desk": m}
        for m in (0, 1)
    ]  # fmt: skip
    news = {"news": par.GBM, "volatility": SPREAD / sqrt(STEPS)}
    runner.p = runner.p._replace(
        makers=records(par.MAKER, rows), assets=records(par.ASSET_P, [news]),
        quote_levels=records(par.QUOTE_LEVEL, [{"distance": 0.0, "money": 1e11}]),
    )  # fmt: skip
    runner.st = runner.st._replace(purses=records(PURSE, [{"left": 1.0, "room": 1.0}] * len(rows)))
    runner.p.run[0].python_agents = 0
    silence(runner)
    return runner


def shares(paths: int) -> dict[tuple[int, int], float]:
    """Return the share of independent runs in which each account was liquidated."""
    origin = deep_market()
    first = origin.p.run[0].first_trader
    hit = np.zeros(2 * len(LEVERAGES), np.int64)
    for k in range(paths):
        runner = fork(origin)
        runner.p.assets[0].key = rng.decision_key(5, "news", k)
        runner.run(STEPS)
        hit[np.unique(runner.log("liquidations")["account"]) - first] += 1
    seats = [(leverage, side) for leverage in LEVERAGES for side in (1, -1)]
    return dict(zip(seats, (hit / paths).tolist(), strict=True))


def probability(leverage: int, side: int) -> float:
    """Return the probability of a first passage to the liquidation price, the barrier moved for discrete marks."""
    barrier = (1 - Fraction(side, leverage)) / (1 - side * RATE)
    b = side * log(barrier) - SHIFT * SPREAD / sqrt(STEPS)  # both sides seen as a passage downwards
    drift = -side * SPREAD**2 / 2
    return norm.cdf((b - drift) / SPREAD) + exp(2 * drift * b / SPREAD**2) * norm.cdf((b + drift) / SPREAD)


def check(paths: int) -> None:
    """Compare shares with probabilities, account by account."""
    found, deviates = shares(paths), {}
    for (leverage, side), share in found.items():
        p = probability(leverage, side)
        deviates[f"{'long' if side > 0 else 'short'} {leverage}x ({p:.4f})"] = (share - p) / sqrt(
            p * (1 - p) / paths
        )
    bound(**deviates)


def test_marks_follow_the_news_value_up_and_down_within_a_tick():
    runner = fork(deep_market())
    runner.p.assets[0].key = rng.decision_key(5, "news", 0)
    for step in range(1, STEPS + 1):
        runner.run(step)
        behind = runner.st.markets["mark"] - runner.st.assets[0].value
        assert np.abs(behind).max() <= 1, f"step {step}"


def test_the_first_move_of_the_news_is_no_larger_than_any_other():
    origin, paths = deep_market(), 500
    moves = np.zeros(paths)
    for k in range(paths):
        runner = fork(origin)
        runner.p.assets[0].key = rng.decision_key(5, "news", k)
        runner.run(1)
        moves[k] = (log(runner.st.assets[0].value / ENTRY) / SPREAD) * sqrt(STEPS)
    bound(mean=float(moves.mean() * sqrt(paths)), variance=float((moves.var() - 1) * sqrt(paths / 2)))


def test_the_share_liquidated_is_a_first_passage_probability():
    check(500)


@pytest.mark.slow
def test_the_share_liquidated_is_a_first_passage_probability_on_many_paths():
    check(10_000)


@examples(300)
@given(
    lots=hs.integers(1, 10_000), entry=hs.integers(1_000, 1_000_000), leverage=hs.integers(1, 120),
    rate=hs.sampled_from([100_000, 400_000, 500_000, 650_000, 1_000_000, 2_500_000]), long=hs.booleans(),
)  # fmt: skip
def test_liquidation_and_bankruptcy_ticks_are_those_of_the_formulas(lots, entry, leverage, rate, long):
    """Compare with p (1 -+ 1/L) / (1 -+ m) and p (1 -+ 1/L), margin and maintenance in whole money units."""
    side = 1 if long else -1
    margin = -(-lots * entry * UNIT // leverage)
    market = Market(spot=False, start=entry, venue=1, tiers=(Tier(cap=10**17, rate=rate, leverage=200.0),))
    params = build(
        World(markets=(Market(spot=True, start=entry), market), venues=(Venue(), Venue()), accounts=())
    )[0]
    held = side * lots
    balance = margin - held * entry * UNIT
    m, q = Fraction(rate, 10**8), lots * UNIT
    exact = (entry - Fraction(side * margin, q)) / (1 - side * m)
    slack = Fraction(1, q) / (1 - side * m)  # maintenance is rounded up to a whole money unit
    tick = ceil(exact + slack) - 1 if long else floor(exact - slack) + 1
    broke = entry - Fraction(side * margin, q)
    assert liquidation_tick(params, 1, held, balance) == (tick if tick >= 1 else -1)
    assert bankruptcy_tick(params, 1, held, balance) == max(ceil(broke) if long else floor(broke), 1)
    assert abs(exact - entry * Fraction(leverage - side, leverage) / (1 - side * m)) <= 2 * slack
