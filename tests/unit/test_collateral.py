"""Collateral: what a rule must say, and what a holding counts for under each source of its price, to the unit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core import params as par
from cascade.errors import ScenarioError
from cascade.scenario.schema import Scenario
from tests.support.build import build
from tests.support.entries import counted
from tests.support.scenarios import small_data
from tests.support.small_worlds import START, crash_world
from tests.support.world import Collateral, Holding, Market

KEPT = 71_234_567
HALF = Market(spot=True, start=2 * START, asset=0, unit=50, tick_size=0.5)
COARSE = Market(spot=True, start=START // 5, asset=0, unit=500, tick_size=5.0)


def count(rule: Collateral, lots: int, *ticks: int) -> int:
    """Return what a margined trader's spot counts for when spot markets of its asset stand at ticks.

    The holding is in the first, whose tick is 1; the second counts in halves, the third in fives.
    """
    world = crash_world(long=True, cross=False)
    places = (Holding(market=0, lots=lots, entry=START), Holding(market=1))
    traders = tuple(replace(a, holdings=places) if a.seat else a for a in world.accounts)
    markets = (*world.markets, HALF, COARSE)[: len(world.markets) + len(ticks) - 1]
    rules = {(1, m): rule for m, market in enumerate(markets) if market.spot}
    p, st, _ = build(replace(world, accounts=traders, markets=markets, collateral=rules))
    values = np.zeros(len(st.positions), np.int64)
    counted(st, p, np.array([ticks[0], START, *ticks[1:]], np.int64), values)
    trader = int(np.flatnonzero(st.accounts.margin[st.positions.account] != par.UNMARGINED)[0])
    assert (st.positions[trader].market, st.positions[trader].lots) == (0, lots)
    return int(values[trader])


OWN, MEDIAN, REDEMPTION, FLOOR = "own_spot", "median", "redemption", "floor"


@pytest.mark.parametrize(
    ("price", "ticks", "tick"),
    [
        (OWN, (997, 1990, 204), 997),
        (MEDIAN, (997,), 997),
        (MEDIAN, (997, 1990), 996),  # of 997 and 995 halfway
        (MEDIAN, (997, 1992), 997),  # 996.5, to the nearest tick, and up where two are as near
        (MEDIAN, (997, 1992, 204), 997),  # of 997, 996 and 1020
        (MEDIAN, (650, 1990, 204), 995),
        (MEDIAN, (650, 1300, 204), 650),
        (REDEMPTION, (650, 1300, 130), 970),
        (REDEMPTION, (1200, 2400, 240), 970),
        (FLOOR, (650, 1990, 204), 970),
        (FLOOR, (997, 1300, 130), 997),
    ],
)
def test_a_holding_counts_at_the_price_of_its_source_less_the_haircut(
    price: str, ticks: tuple[int, ...], tick: int
) -> None:
    rule = Collateral(price=price, kept=KEPT, given=970)
    assert count(rule, 7, *ticks) == 7 * tick * 100 * KEPT // 10**8


def test_a_holding_is_rounded_down_and_what_is_owed_is_not_cut() -> None:
    rule = Collateral(kept=KEPT)
    assert 3 * 999 * 100 * KEPT % 10**8 > 10**8 // 2  # to the nearest would be up
    assert count(rule, 3, 999) == 213_489
    assert count(rule, -3, 999) == -299_700


def test_without_a_rule_spot_counts_in_full() -> None:
    assert count(Collateral(), 7, 997) == 697_900


def coin(**rule: Any) -> dict[str, Any]:
    """Return the small market with a coin in two spot markets, which backs part of a cross margin."""
    data = small_data()
    data["assets"]["COIN"] = {"news": {"type": "constant", "price": 1}}
    data["venues"]["other"] = {"rulebook": "spot"}
    data["venues"]["venue"]["rules"] = {"collateral": {"COIN": rule}}
    for venue in ("spot", "other"):
        data["markets"][f"{venue}:COINUSD"] = {"type": "spot", "asset": "COIN", "tick": 0.0001, "lot": 1}
    data["makers"][0]["cap"] = "1B"
    kept = ("type", "name", "markets", "accounts", "leverage", "leverage_weight", "hold")
    layer = {key: data["population"][0][key] for key in kept} | {"margin": "cross", "accounts": 200}
    data["population"] = [layer | {"collateral": {"spot:COINUSD": "60 %"}}]
    return data


RULES = {
    "own_spot": {"haircut": "7.3 %"},
    "median": {"haircut": "7.3 %", "price": "median"},
    "redemption": {"haircut": "7.3 %", "price": "redemption", "redemption_usd": 0.97},
    "floor": {"price": "floor", "redemption_usd": 1.1, "floor": "95 %"},
}
GIVEN = {"own_spot": 0, "median": 0, "redemption": 9_700, "floor": 10_450}


@pytest.mark.parametrize("source", RULES)
def test_at_the_start_the_whole_margin_is_what_was_drawn(source: str) -> None:
    data = coin(**RULES[source])
    usd = coin(**RULES[source])
    del usd["population"][0]["collateral"]
    drawn = assemble(Scenario.model_validate(data))
    p, st = drawn.params, drawn.state
    rows = p.collateral.reshape(len(p.venues), len(p.markets))[1]
    assert set(rows.given[p.markets.asset == 1]) == {GIVEN[source]}
    values = np.zeros(len(st.positions), np.int64)
    counted(st, p, st.markets.mark.astype(np.int64), values)
    assert equities(drawn, values) == equities(assemble(Scenario.model_validate(usd)))
    held = p.markets.asset[st.positions.market] == 1
    assert (st.positions.lots[held & (st.accounts.margin[st.positions.account] == par.CROSS)] > 0).any()


def equities(drawn: Any, values: Any = None) -> list[int]:
    """Return balance and counted value of every account of the population; without values, balance and entry."""
    st, first = drawn.state, int(drawn.params.run[0].first_trader)
    if values is None:
        values = np.zeros(len(st.positions), np.int64)
        counted(st, drawn.params, st.markets.mark.astype(np.int64), values)
    sums = st.balances[:, 0].copy()
    np.add.at(sums, st.positions.account, values)
    return sums[first:].tolist()


@pytest.mark.parametrize(
    ("rule", "code", "place", "remedy"),
    [
        (
            {"price": "redemption"},
            "CAS203",
            "price: redemption needs what the issuer pays",
            "redemption_usd: 1",
        ),
        (
            {"price": "floor", "floor": 0.9},
            "CAS203",
            "price: floor needs what the issuer pays",
            "redemption_usd",
        ),
        ({"price": "mid"}, "CAS012", "'mid' is not one of", "median"),
        ({"haircut": "120 %"}, "CAS014", "at most", ""),
        ({"redemption_usd": -1}, "CAS014", "above 0", ""),
        ({"haircutt": "5 %"}, "CAS010", "did you mean 'haircut'", ""),
    ],
)
def test_a_rule_that_lacks_something_is_refused(
    rule: dict[str, Any], code: str, place: str, remedy: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.model_validate(coin()).replace(**{"venues.venue.rules.collateral.COIN": rule})
    (problem,) = (p for p in caught.value.problems if p.severity == "error")
    assert problem.code == code
    assert place in problem.message
    assert remedy in problem.hint


@pytest.mark.parametrize(
    "rule", [{"price": "median"}, {"redemption_usd": 1}, {"price": "floor", "redemption_usd": 1}, {}]
)
def test_a_rule_that_says_enough_is_taken(rule: dict[str, Any]) -> None:
    assert Scenario.model_validate(coin()).replace(**{"venues.venue.rules.collateral.COIN": rule})


@pytest.mark.parametrize("rule", [{"haircut": "100 %"}, {"price": "redemption", "redemption_usd": 0.00001}])
def test_a_basket_cannot_hold_what_counts_for_nothing(rule: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.model_validate(coin()).replace(**{"venues.venue.rules.collateral.COIN": rule})
    (problem,) = (p for p in caught.value.problems if p.severity == "error")
    assert problem.code == "CAS152"
    assert "COIN counts for nothing" in problem.message
