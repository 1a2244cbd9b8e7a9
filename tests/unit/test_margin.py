"""Margin, liquidation and bankruptcy ticks: exact by brute force, and as the venues' examples say."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from tests.oracle.margin import bankruptcy_tick, excess_at, liquidation_tick, maintenance, tier_of
from tests.support import kernels
from tests.support.build import build
from tests.support.examples import examples
from tests.support.small_worlds import crash_world
from tests.support.world import Market, Tier, lot_value, tiers

LAST = 2_147_483_646


def params_of(*markets: Market):
    """Return parameters in which perpetuals of these rules come after a spot market."""
    world = crash_world(long=True, cross=False)
    spot = Market(spot=True, start=1000)
    place = world.markets[1]
    rest = tuple(replace(m, spot=False, venue=1) for m in markets)
    return build(replace(world, markets=(spot, place, *rest)))[0]


def ticks_of(p, m: int, lots: int, balance: int) -> tuple[int, int]:
    """Return liquidation tick and bankruptcy tick of a position of market m."""
    return kernels.liquidation_tick(p, m, lots, balance), kernels.bankruptcy_tick(p, m, lots, balance)


BTC = Market(
    spot=False,
    start=1_100_000,
    unit=100,
    tick_size=0.1,
    tiers=tiers(
        (300_000 * 10**6, 400_000, 125.0),
        (800_000 * 10**6, 500_000, 100.0),
        (3_000_000 * 10**6, 650_000, 75.0),
        (12_000_000 * 10**6, 1_000_000, 50.0),
        (70_000_000 * 10**6, 2_000_000, 25.0),
        (10**16, 2_500_000, 20.0),
    ),
)
"""BTCUSDT of Binance on 2025-07-17 (tick 0.1, lot 0.001), as far as its sixth tier."""

DOGE = Market(
    spot=False,
    start=20_000,
    unit=10,
    tick_size=0.00001,
    tiers=tiers(
        (80_000 * 10**6, 650_000, 75.0),
        (150_000 * 10**6, 1_000_000, 50.0),
        (750_000 * 10**6, 1_250_000, 40.0),
        (10**15, 2_000_000, 25.0),
    ),
)
"""DOGEUSDT of the same day (tick 0.00001, lot 1)."""

HIVE = Market(
    spot=False,
    start=25_000,
    unit=10,
    tick_size=0.00001,
    tiers=tiers(
        (5_000 * 10**6, 1_500_000, 50.0),
        (10_000 * 10**6, 2_000_000, 25.0),
        (25_000 * 10**6, 2_500_000, 20.0),
        (10**14, 5_000_000, 10.0),
    ),
)
"""HIVEUSDT of the same day (tick 0.00001, lot 1)."""

INVERSE = Market(
    spot=False,
    start=1000,
    inverse=True,
    unit=10**11,
    tiers=tiers((10**9, 1_000_000, 50.0), (10**14, 2_500_000, 20.0)),
)
LINEAR = Market(
    spot=False, start=1000, unit=100, tiers=tiers((2_000_000, 1_000_000, 50.0), (10**13, 2_500_000, 20.0))
)


def test_deductions_are_those_that_binance_publishes():
    published = [0, 300, 1_500, 12_000, 132_000, 482_000]
    assert [t.deduction for t in BTC.tiers] == [d * 10**6 for d in published]
    assert [t.deduction for t in HIVE.tiers] == [d * 10**6 for d in (0, 25, 75, 700)]


# venue examples: (market, side, quantity in lots, entry, wallet, liquidation price)
TIERED = {
    "derived-binance-2025-07-BTC-1": (BTC, 1, 1_000, 110_000.0, 1_100.0, 109_337.34939759),
    "derived-binance-2025-07-BTC-2": (BTC, -1, 1_000, 110_000.0, 1_100.0, 110_657.37051793),
    "derived-binance-2025-07-BTC-4": (BTC, -1, 7_200, 110_000.0, 39_600.0, 114_961.08627256),
    "derived-binance-2025-07-DOGE-7": (DOGE, -1, 600_000, 0.2, 12_000.0, 0.21828383),
    "derived-binance-2025-07-HIVE-8": (HIVE, 1, 60_000, 0.25, 1_500.0, 0.22948718),
}
"""Binance's formula (FAQ b3c689c1f50a44cabb3a84e663b81d93) with its tiers of 2025-07-17 (the API's
`leverageBracket` as kept by freqtrade), solved independently by bisection on the margin test."""


@pytest.mark.parametrize("name", TIERED)
def test_liquidation_ticks_are_those_of_the_venue_with_tiers(name):
    market, side, quantity, entry, wallet, price = TIERED[name]
    check_price(market, side * quantity, entry, wallet, price)


FLAT_TIER = {
    "freqtrade-binance-short-5x-10-1": (-1, 1.0, 10.0, 2.0, 11.89108910891089),
    "freqtrade-binance-short-3x-10-1": (-1, 1.0, 10.0, 3.3333333333333335, 13.211221122079207),
    "freqtrade-binance-short-5x-10-0.6": (-1, 0.6, 10.0, 1.2, 11.897689768976898),
    "freqtrade-binance-long-5x-8-1": (1, 1.0, 8.0, 1.6, 6.454545454545454),
    "freqtrade-binance-long-5x-10-0.6": (1, 0.6, 10.0, 1.2, 8.063973063973064),
}
"""freqtrade/freqtrade@c9ae5e1 tests/exchange/test_exchange.py::test_get_liquidation_price, isolated: side,
quantity, entry, wallet, liquidation price at a maintenance rate of 1 % and a maintenance amount of 0.01."""


@pytest.mark.parametrize("name", FLAT_TIER)
def test_liquidation_ticks_are_those_of_the_venue_with_one_tier(name):
    side, quantity, entry, wallet, price = FLAT_TIER[name]
    tier = Tier(cap=10**15, rate=1_000_000, deduction=10_000, leverage=50.0)
    market = Market(
        spot=False, start=1000, unit=10, tick_size=0.0001, tiers=(tier,)
    )  # 0.0001 x lots of 0.1 x 1e6
    check_price(market, side * round(quantity * 10), entry, wallet, price)


def test_the_liquidation_tick_of_a_large_long_is_that_of_the_venue():
    """freqtrade/freqtrade@c9ae5e1 tests/exchange/test_binance.py: BTCUSDT, 109.488 at 32,481.98."""
    tier = Tier(cap=10**16, rate=2_500_000, deduction=16_300 * 10**6, leverage=20.0)
    market = Market(spot=False, start=3_248_198, unit=10, tick_size=0.01, tiers=(tier,))
    check_price(market, 109_488, 32_481.98, 1_535_443.01, 18_778.73)


def check_price(market: Market, lots: int, entry: float, wallet: float, price: float) -> None:
    """Assert that the liquidation tick is the first one beyond the venue's real-valued price."""
    balance = round(wallet * 1e6) - lots * round(entry / market.tick_size) * market.unit
    tick = kernels.liquidation_tick(params_of(market), 2, lots, balance)
    exact = price / market.tick_size
    first_beyond = int(exact) if lots > 0 else int(exact) + 1
    assert tick == first_beyond or abs(exact - round(exact)) < 2e-2
    inward = tick + (1 if lots > 0 else -1)
    assert excess_at(market, lots, balance, tick) <= 0 < excess_at(market, lots, balance, inward)


positions = hs.tuples(
    hs.sampled_from([LINEAR, INVERSE, BTC, DOGE]),
    hs.integers(1, 5_000),
    hs.sampled_from([1, -1]),
    hs.floats(1.01, 200.0),
    hs.floats(-0.3, 0.3),
)


@examples(60)
@given(hs.lists(positions, min_size=5, max_size=30))
def test_ticks_are_exact_at_their_neighbours(drawn):
    markets = (LINEAR, INVERSE, BTC, DOGE)
    p = params_of(*markets)
    for market, size, side, leverage, profit in drawn:
        lots = side * size
        value = lots * lot_value(market, market.start)
        balance = int(abs(value) / leverage * (1 + profit)) - value
        m, tick = 2 + markets.index(market), market.start
        assert kernels.excess_at(p, m, lots, balance, tick) == excess_at(market, lots, balance, tick)
        liquidation, bankruptcy = ticks_of(p, m, lots, balance)
        assert liquidation == (liquidation_tick(market, lots, balance) or -1)
        assert bankruptcy == bankruptcy_tick(market, lots, balance)
        if liquidation != -1:
            inward = liquidation + (1 if lots > 0 else -1)
            assert excess_at(market, lots, balance, liquidation) <= 0
            assert excess_at(market, lots, balance, inward) > 0
        if 1 < bankruptcy < LAST:
            outward = bankruptcy - (1 if lots > 0 else -1)
            assert balance + lots * lot_value(market, bankruptcy) >= 0
            assert balance + lots * lot_value(market, outward) < 0


@pytest.mark.parametrize("lots", [7, -7])
def test_no_liquidation_tick_where_margin_never_fails(lots):
    assert kernels.liquidation_tick(params_of(LINEAR), 2, lots, 10**17) == -1


def test_the_liquidation_tick_lies_before_the_bankruptcy_tick():
    rng = random.Random(1)
    p = params_of(LINEAR)
    for _ in range(500):
        lots, entry = rng.choice((-1, 1)) * rng.randint(1, 400), rng.randint(500, 2000)
        balance = int(abs(lots) * entry * 100 / rng.uniform(2, 20)) - lots * entry * 100
        liquidation, bankruptcy = ticks_of(p, 2, lots, balance)
        assert liquidation >= bankruptcy if lots > 0 else liquidation <= bankruptcy


@pytest.mark.parametrize("market", [BTC, DOGE, HIVE, LINEAR])
def test_maintenance_margin_is_continuous_convex_and_never_falls(market):
    caps = [t.cap for t in market.tiers[:-1]]
    notionals = sorted({0, 1, *caps, *(c - 1 for c in caps), *(c + 1 for c in caps), *(c // 2 for c in caps)})
    p = params_of(market)
    kept = [kernels.maintenance(p, 2, n) for n in notionals]
    tier = [kernels.tier_of(p, 2, n) - int(p.markets.first_tier[2]) for n in notionals]
    assert kept == [maintenance(market, n) for n in notionals]
    assert tier == [tier_of(market, n) for n in notionals]
    assert kept == sorted(kept)
    for cap in caps:  # inclusive: the cap is in the lower tier, and the step across it is one unit at most
        at = notionals.index(cap)
        assert tier[at] == tier_of(market, cap) == tier[at + 1] - 1
        assert kept[at + 1] - kept[at] <= 1
