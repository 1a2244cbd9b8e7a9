"""Hedge mode: tiers by leg, one liquidation price for both, and what befalls each leg."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cascade
from cascade.assembly import assemble
from cascade.calculator.account import MarginTier, Side
from cascade.core import params as par
from cascade.core.check import breaches
from cascade.core.step import count_failing
from cascade.engine import Engine, Outcome, simulate
from cascade.scenario.checks import check
from cascade.scenario.overrides import from_data
from cascade.scenario.source import Place, SourceText
from tests.support.random_worlds import random_world, with_hedges
from tests.support.runner import Runner
from tests.support.scenarios import small_data, small_scenario
from tests.support.small_worlds import START, quotes
from tests.support.traffic import Traffic
from tests.support.world import Account, Holding, Market, Seat, Venue, World, tiers, wallet

UNIT, N_STEPS = 100, 600
STEPS = ((2_000_000, 1_000_000, 50.0), (5_000_000, 2_500_000, 20.0), (10**13, 10_000_000, 5.0))


def hedged_world(longs: int, shorts: int, margin: int, **venue: int) -> World:
    """Return a market with one account that holds both sides, a holder against it, and makers."""
    market = Market(spot=False, venue=1, start=START, unit=UNIT, tiers=tiers(*STEPS))
    markets = (Market(spot=True, start=START), market)
    legs = (Holding(market=1, lots=longs, entry=START), Holding(market=1, lots=-shorts, entry=START))
    holder = (Holding(market=1, lots=shorts - longs, entry=START),)
    accounts = [
        Account(name=f"{name} {m}", kind=int(kind), venue=markets[m].venue, balance=10**12,
                holdings=(Holding(market=m, lots=10**6 * (1 - m), entry=START),))
        for m in (0, 1)
        for name, kind in (("maker", par.MAKER_ACCOUNT), ("taker", par.FLOW_ACCOUNT))
    ]  # fmt: skip
    accounts += [
        Account(name="hedger", kind=par.TRADER_ACCOUNT, venue=1, margin=par.CROSS, holdings=legs,
                balance=wallet(markets, legs, margin), seat=Seat(leverage=10.0)),
        Account(name="holder", kind=par.HOLDER, venue=1, holdings=holder,
                balance=wallet(markets, holder, 10**11)),
    ]  # fmt: skip
    return World(
        markets=markets, venues=(Venue(), Venue(**({"fund_balance": 10**10} | venue))), accounts=tuple(accounts),
        n_quotes=8, n_steps=N_STEPS,
    )  # fmt: skip


def first_liquidated(world: World, step: int) -> int | None:
    """Return the mark at which the hedger is first liquidated as the price walks away, or None within the walk."""
    runner = Runner(world)
    for price in range(START, START + N_STEPS * step, step):
        runner.step(quotes(world, price, deep=True))
        assert breaches(runner.st, runner.p, runner.endowment) == []
        rows = runner.log("liquidations")
        assert count_failing(runner.st, runner.p) == 0
        if len(rows):
            assert set(rows["account"]) == {runner.p.run[0].first_trader}
            return int(rows["trigger_mark"][0])
    return None


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("longs", "shorts", "margin"),
    [
        (60, 20, 300_000),
        (20, 60, 300_000),
        (90, 80, 1_000_000),
        (40, 40, 160_000),
        (30, 0, 200_000),
        (70, 35, 450_000),
    ],
)
def test_market_and_calculator_have_one_price_for_both_legs(longs: int, shorts: int, margin: int) -> None:
    scale = 1e6 / UNIT  # a lot is so many units of the asset that a tick of it is worth UNIT
    table = tuple(
        MarginTier(cap / 1e6, rate / 1e8, tier.deduction / 1e6, leverage)
        for (cap, rate, leverage), tier in zip(STEPS, tiers(*STEPS), strict=True)
    )

    def leg(side: Side, lots: int) -> cascade.Position:
        return cascade.Position(side=side, size=lots / scale, entry=START, tiers=table, mark=START)

    first, other = leg("long", longs) if longs else None, leg("short", shorts) if shorts else None
    assert first is not None
    price = cascade.liquidation_price(first, margin=margin / 1e6, hedge=other)
    assert price is not None
    step = 1 if price > START else -1
    found = first_liquidated(hedged_world(longs, shorts, margin), step)
    assert found is not None
    assert 0 <= (found - price) * step < 1.001, "the first whole tick at or beyond the price"


def test_each_leg_has_the_tier_of_its_own_size() -> None:
    world = hedged_world(40, 30, 200_000)
    runner = Runner(world)
    assert int(runner.st.markets[1].open_interest) == 40, "a hedge does not count twice"
    for price in (START, START, 900, 800):
        runner.step(quotes(world, price, deep=True))
    row = runner.log("liquidations")[0]
    mark, table = int(row["trigger_mark"]), tiers(*STEPS)
    equity = 200_000 + 10 * (mark - START) * UNIT

    def maintained(lots: int) -> int:
        notional = lots * mark * UNIT
        tier = next(t for t in table if notional <= t.cap)
        return -(-notional * tier.rate // 10**8) - tier.deduction

    assert row["shortfall"] == maintained(40) + maintained(30) - equity
    assert maintained(40) + maintained(30) < maintained(70)


def test_nobody_is_missed_and_no_leg_grows_or_turns_in_random_markets() -> None:
    legs = 0
    for seed in range(25):
        rng = random.Random(f"hedge/{seed}")
        world = with_hedges(rng, random_world(rng, 10))
        world = replace(
            world, n_waves=1, venues=tuple(replace(v, n_waves=1, wave_steps=1) for v in world.venues)
        )
        runner, traffic = Runner(world), Traffic(world, rng)
        sides = np.array([h.leg for a in world.roster() for h in a.holdings])
        for _ in range(10):
            st = runner.st
            sent = traffic.draw(st.markets["mark"].tolist(), st.positions["lots"].tolist(), runner.resting())
            runner.logs["liquidations"] = []
            runner.step(sent)
            assert breaches(runner.st, runner.p, runner.endowment) == []
            rows = runner.log("liquidations")
            assert (
                rows["filled_lots"] + rows["taken_over_lots"] + rows["adl_lots"] <= rows["position_lots"]
            ).all()
            legs += sum(runner.st.accounts.n_positions[rows["account"]] > 1)
        assert (runner.st.positions.lots * sides >= 0).all(), "a leg never turns"
    assert legs > 50


def test_a_layer_of_hedgers_has_the_open_interest_it_asks_for_and_lives_on() -> None:
    (crowd,) = small_data()["population"]
    for key in ("stop_loss", "take_profit", "top_up", "accounts"):
        del crowd[key]
    crowd |= {
        "margin": "cross",
        "open_interest": 50e6,
        "hedge": {"share": 0.5, "size": 0.6},
        "long_share": 0.7,
    }
    drawn = assemble(small_scenario(population=[crowd]))
    st, p = drawn.state, drawn.params
    first = int(p.run[0].first_trader)
    mine = st.positions[st.positions.account >= first]
    lots = mine.lots.reshape(-1, 2)
    assert (lots[:, 0] * lots[:, 1] <= 0).all()
    alive = lots[:, 0] != 0
    assert (lots[alive, 1] != 0).mean() == pytest.approx(0.5, abs=0.05)
    both = lots[(lots != 0).all(axis=1)]
    assert np.median(np.abs(both[:, 1] / both[:, 0])) == pytest.approx(0.6, abs=0.02)
    value = float(st.markets[1].mark) * float(p.markets[1].unit) / 1e6
    longs, shorts = lots[lots > 0].sum() * value, -lots[lots < 0].sum() * value
    assert max(longs, shorts) == pytest.approx(50e6, rel=0.1)
    assert int(st.markets[1].open_interest) == max(lots[lots > 0].sum(), -lots[lots < 0].sum())
    before = mine.lots.copy()
    engine = Engine(drawn, _Nobody())
    assert simulate(engine, chunk_steps=20) is Outcome.COMPLETED
    after = engine.state.positions.lots[engine.state.positions.account >= first].reshape(-1, 2)
    assert (after[:, 0] * after[:, 1] <= 0).all()
    assert (after.ravel() != before).any()
    assert breaches(engine.state, p, drawn.endowment) == []


class _Nobody:
    """A sink that takes no notice."""

    def take(self, table: str, records: np.ndarray) -> None:
        """Drop the rows."""

    def chunk(self, engine: Engine) -> None:
        """Look at nothing."""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {
                "margin": "isolated",
                "hedge": {"share": 0.5},
                "stop_loss": None,
                "take_profit": None,
                "top_up": None,
            },
            "CAS125",
        ),
        ({"margin": "cross", "hedge": {"share": 0.5}}, "CAS134"),
    ],
)
def test_a_hedge_needs_cross_margin_and_has_no_stops(changes: dict[str, object], code: str) -> None:
    (crowd,) = small_data()["population"]
    scenario = small_scenario(population=[{k: v for k, v in (crowd | changes).items() if v is not None}])
    nowhere = Place(SourceText("test", (), Path.cwd()), 0, 0)
    problems = check(scenario, from_data(scenario.model_dump(), nowhere))
    assert code in {problem.code for problem in problems if "hedge" in problem.hint + problem.message}
