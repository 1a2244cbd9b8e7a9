"""Markets that are halted, venues whose users are, indices that are out; limits of contracts; orders on margin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from cascade.assembly import assemble
from cascade.core import params as k
from cascade.core.start import Capacity
from cascade.core.state import NONE
from cascade.engine import Engine, rejections
from cascade.experiment.observe import Observer
from cascade.experiment.recorder import units_of
from cascade.experiment.run import run
from cascade.explain.timeline import timeline
from cascade.names import Agent, number_of
from cascade.report.builders.study import Variant
from cascade.scenario.checks import check
from cascade.scenario.overrides import from_data
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Place, SourceText
from tests.support.scenarios import small_data

SPOT, VENUE = 0, 1
FALL = {"type": "news", "at": "40s", "over": "20s", "asset": "BTC", "move": "-3 %"}
HALT = {"type": "halt", "name": "halt", "at": "30s", "over": "50s", "markets": "venue:*"}
FIRST, LAST = 30, 79
"""Steps of the halt."""


def scenario_of(*shocks: dict[str, Any], **changes: Any) -> Scenario:
    return Scenario.model_validate(small_data(shocks=list(shocks), **changes))


class Course:
    """A market that is run step by step, with what its venue did in each."""

    def __init__(
        self, scenario: Scenario, capacity: Capacity | None = None, until: int | None = None
    ) -> None:
        self.engine = Engine(assemble(scenario, capacity=capacity), Observer(units_of(scenario), {}, ()))
        self.traded: list[int] = []
        self.forced: list[int] = []
        self.index: list[float] = []
        self.bids: list[int] = []
        for step in range(scenario.n_steps if until is None else until):
            self.engine.advance(step + 1)
            market = self.engine.state.markets[VENUE]
            self.traded.append(int(market.traded))
            self.forced.append(int(market.long_liquidated + market.short_liquidated))
            self.index.append(float(market.index))
            self.bids.append(int(market.best_bid))
        self.engine.check()

    @property
    def rejected(self) -> int:
        return int(self.engine.state.counts[k.SUSPENDED])

    def alive(self, since: int, until: int) -> bool:
        """Tell whether anything traded between the ends of two steps."""
        return self.traded[until] > self.traded[since]


def liquidated_in(scenario: Scenario, tmp_path: Path) -> np.ndarray:
    """Return the steps in which forced orders were sent."""
    result = run(scenario, out=tmp_path)
    return np.asarray(result.tables["liquidations"].column("step"))


def found_in(scenario: Scenario, code: str) -> list[str]:
    root = from_data(scenario.model_dump(), Place(SourceText("s", (), Path.cwd()), 0, 0))
    return [problem.message for problem in check(scenario, root) if problem.code == code]


# --- what a halt stops ----------------------------------------------------------------------------


def test_nothing_trades_in_a_halt_and_everything_does_before_and_after():
    course = Course(scenario_of(FALL, HALT))
    assert course.traded[FIRST - 1] == course.traded[LAST]
    assert course.alive(0, FIRST - 1)
    assert course.alive(LAST, LAST + 5)
    assert course.rejected > 0
    assert course.bids[FIRST : LAST + 1] == [course.bids[FIRST - 1]] * (LAST + 1 - FIRST)


def test_nobody_is_liquidated_in_a_halt_and_many_at_once_after_it(tmp_path: Path):
    steps = liquidated_in(scenario_of(FALL, HALT), tmp_path)
    assert not ((steps >= FIRST) & (steps <= LAST)).any()
    free = liquidated_in(scenario_of(FALL), tmp_path)
    assert ((free >= FIRST) & (free <= LAST)).any()
    assert (steps == LAST + 1).sum() > (free == LAST + 1).sum()


def test_liquidation_that_goes_on_sends_no_order_but_hands_accounts_over(tmp_path: Path):
    result = run(scenario_of(FALL, HALT | {"liquidation": "continue"}), out=tmp_path)
    rows = result.tables["liquidations"].to_pandas()
    inside = rows[(rows.step >= FIRST) & (rows.step <= LAST)]
    assert len(inside)
    assert (inside.filled_lots == 0).all()
    assert (inside.taken_over_lots + inside.adl_lots > 0).all()


def test_a_halt_of_users_leaves_the_engine_at_work(tmp_path: Path):
    result = run(scenario_of(FALL, HALT | {"halts": "users"}, outputs={"trades": True}), out=tmp_path)
    trades = result.tables["trades"].to_pandas()
    inside = trades[(trades.market == "venue:BTCUSDT") & (trades.step >= FIRST) & (trades.step <= LAST)]
    assert set(inside.purpose) == {"forced"} | ({"unwinding"} & set(inside.purpose))
    assert len(inside)
    rows = result.tables["liquidations"].to_pandas()
    assert (rows[(rows.step >= FIRST) & (rows.step <= LAST)].filled_lots > 0).any()


def test_arbitrageurs_leave_both_legs_while_one_is_shut():
    course = Course(scenario_of(FALL, HALT), until=FIRST)
    params, state = course.engine.params, course.engine.state
    (agent,) = np.flatnonzero(params.agents.kind == number_of(Agent, "arbitrage"))
    places = [int(params.agents.position[agent]), int(params.agents.second[agent])]
    before = state.positions.lots[places].tolist()
    course.engine.advance(LAST + 1)
    assert course.engine.state.positions.lots[places].tolist() == before
    course.engine.advance(120)
    assert course.engine.state.positions.lots[places].tolist() != before


def test_other_venues_go_on_as_if_nothing_had_happened_until_prices_reach_them():
    course = Course(scenario_of(HALT, arbitrage=[]))
    free = Course(scenario_of(arbitrage=[]))
    one, other = (each.engine.state.markets[SPOT] for each in (course, free))
    assert one.traded == other.traded
    assert one.last == other.last


# --- orders ---------------------------------------------------------------------------------------


def resting_at(course: Course, m: int) -> int:
    return int(course.engine.state.markets[m].n_bids + course.engine.state.markets[m].n_asks)


def test_orders_that_wait_are_matched_when_the_market_opens():
    queue = HALT | {"orders": "queue"}
    course = Course(scenario_of(FALL, queue), until=LAST)
    waiting = int(course.engine.state.clock[0].n_waiting)
    assert waiting > 0
    course.engine.advance(LAST + 1)
    assert course.engine.state.clock[0].n_waiting == 0  # written for the step in which it opens
    assert course.engine.state.clock[0].n_inbox >= waiting
    course.engine.advance(LAST + 2)
    assert course.engine.state.markets[VENUE].traded > course.traded[-1]
    assert course.rejected > 0  # what takes at once cannot wait


def test_a_quote_can_be_withdrawn_where_cancelling_is_possible():
    locked = Course(scenario_of(FALL, HALT), until=LAST)
    free = Course(scenario_of(FALL, HALT | {"cancels": True}), until=LAST)
    before = Course(scenario_of(FALL, HALT), until=FIRST)
    assert resting_at(locked, VENUE) == resting_at(before, VENUE)
    assert resting_at(free, VENUE) < resting_at(before, VENUE)


def test_lives_of_orders_go_on_after_a_halt_in_which_nobody_cancels():
    course = Course(scenario_of(HALT), until=LAST + 1)
    st = course.engine.state
    late = [n for n in np.flatnonzero(st.orders.lots) if NONE < st.orders[n].due <= LAST]
    assert late == []
    course.engine.advance(120)
    course.engine.check()


def test_stops_that_fail_stand_again_and_are_sent_when_the_market_opens(tmp_path: Path):
    outputs = {"trades": True}
    population = small_data()["population"]
    population[0] |= {"stop_loss": {"share": 1.0}, "take_profit": {"share": 0.0}}
    halt = HALT | {"halts": "users"}
    result = run(scenario_of(FALL, halt, outputs=outputs, population=population), out=tmp_path)
    trades = result.tables["trades"].to_pandas()
    stops = trades[trades.purpose == "stop"]
    assert not ((stops.step >= FIRST) & (stops.step <= LAST)).any()
    assert (stops.step == LAST + 1).sum() > 10


def test_traders_wait_until_they_can_trade():
    course = Course(scenario_of(HALT), until=LAST + 1)
    assert (course.engine.state.traders.due > LAST).all()
    course.engine.advance(LAST + 2)
    due = course.engine.state.traders.due
    assert not (due == LAST + 1).any()


# --- the index ------------------------------------------------------------------------------------


def test_a_frozen_index_stays_and_returns():
    outage = {"type": "oracle_outage", "at": "30s", "over": "50s", "markets": "venue:*"}
    course, free = Course(scenario_of(FALL, outage)), Course(scenario_of(FALL))
    assert len(set(course.index[FIRST - 1 : LAST + 1])) == 1
    assert course.index[LAST + 1] != course.index[LAST]
    assert len(set(free.index[FIRST - 1 : LAST + 1])) > 10


def two_spots() -> dict[str, Any]:
    data = small_data()
    venues = data["venues"] | {"other": {"rulebook": "spot"}}
    return {"venues": venues, "markets": data["markets"] | {"other:BTCUSD": data["markets"]["spot:BTCUSD"]}}


def mid(course: Course, m: int) -> float:
    return float(course.engine.state.markets[m].mid2) * 0.05


def test_a_source_that_is_out_leaves_the_index_to_the_others():
    outage = {"type": "oracle_outage", "at": "30s", "over": "50s", "sources": "other:BTCUSD"}
    course = Course(scenario_of(outage, **two_spots()), until=50)
    assert course.index[-1] == pytest.approx(mid(course, SPOT), rel=1e-12)
    before = Course(scenario_of(outage, **two_spots()), until=20)
    assert before.index[-1] == pytest.approx((mid(before, SPOT) + mid(before, 2)) / 2, rel=1e-12)


def test_without_any_source_the_index_stays():
    outage = {"type": "oracle_outage", "at": "30s", "over": "50s", "sources": "*:BTCUSD"}
    course = Course(scenario_of(FALL, outage))
    assert len(set(course.index[FIRST - 1 : LAST + 1])) == 1


def three_spots(**index: Any) -> dict[str, Any]:
    """Return a market of three spot books, of which its venue makes an index as it says."""
    data = small_data()
    others = {"east": {"rulebook": "spot"}, "west": {"rulebook": "spot"}}
    venues = data["venues"] | others
    venues["venue"] = venues["venue"] | {"rules": {"index": index}}
    books = {f"{name}:BTCUSD": data["markets"]["spot:BTCUSD"] for name in others}
    return {"venues": venues, "markets": data["markets"] | books}


WEIGHTS = {"spot": 2, "east": 1, "west:BTCUSD": 5}


def mids(course: Course) -> tuple[float, float, float]:
    """Return the mids of the three books."""
    return mid(course, SPOT), mid(course, 2), mid(course, 3)


def test_a_venue_weighs_spot_books_by_its_own_figures():
    course = Course(scenario_of(**three_spots(weights=WEIGHTS)), until=40)
    own, east, west = mids(course)
    assert len({own, east, west}) > 1
    assert course.index[-1] == pytest.approx((2 * own + east + 5 * west) / 8, rel=1e-12)


def test_a_weighted_median_is_the_price_of_the_middle_of_the_weight():
    heavy = Course(scenario_of(**three_spots(rule="weighted_median", weights=WEIGHTS)), until=40)
    assert heavy.index[-1] == mids(heavy)[2]  # with most of the weight, wherever it is
    even = {"spot": 1, "east": 1, "west": 1}
    equal = Course(scenario_of(**three_spots(rule="weighted_median", weights=even)), until=40)
    assert equal.index[-1] == sorted(mids(equal))[1]
    two = Course(scenario_of(**three_spots(rule="weighted_median", weights={"spot": 1, "east": 1})), until=40)
    assert two.index[-1] == pytest.approx(sum(mids(two)[:2]) / 2, rel=1e-12)


def test_a_source_that_takes_no_orders_is_left_out_after_a_while():
    """A halt of 50 s, and a venue that waits for ten of them: the mid that stands counts no longer than that."""
    halt = {"type": "halt", "at": "30s", "over": "50s", "markets": "west:*"}
    for step, has_west in ((39, True), (41, False), (79, False), (81, True)):
        course = Course(scenario_of(FALL, halt, **three_spots(weights=WEIGHTS, silent_s=10)), until=step)
        own, east, west = mids(course)
        weighted = (2 * own + east + 5 * west) / 8 if has_west else (2 * own + east) / 3
        assert course.index[-1] == pytest.approx(weighted, rel=1e-12), step
    patient = Course(scenario_of(FALL, halt, **three_spots(weights=WEIGHTS)), until=79)
    own, east, west = mids(patient)
    assert patient.index[-1] == pytest.approx((2 * own + east + 5 * west) / 8, rel=1e-12)
    assert west > own  # which has fallen since


def test_weights_must_name_what_is_there():
    broken = scenario_of(**three_spots(weights={"spto": 1}))
    (message,) = found_in(broken, "CAS181")
    assert "no spot market or venue of spot markets is called 'spto'" in message
    assert "did you mean 'spot'" in message
    (message,) = found_in(broken, "CAS122")
    assert "of BTC none is here" in message


def test_an_outage_of_all_that_a_venue_weighs_is_told():
    outage = {"type": "oracle_outage", "at": "10s", "sources": "west:*"}
    (message,) = found_in(scenario_of(outage, **three_spots(weights={"west": 1})), "CAS172")
    assert "no source of BTC on venue is left" in message


# --- limits of contracts, and orders on margin ----------------------------------------------------


def attack(margin: str = "2M", *shocks: dict[str, Any], **contract: str) -> Scenario:
    """Return a still market with an order of 4M USD on margin, under limits of its contract."""
    order = {
        "type": "market_order", "name": "attack", "at": "10s", "over": "20s", "market": "venue:BTCUSDT",
        "side": "sell", "notional": "4M", "margin": margin,
    }  # fmt: skip
    data = small_data(shocks=[order, *shocks], population=[], flow=[], arbitrage=[], news_takers=[])
    data["venues"]["venue"]["rules"] = {"contracts": {"BTCUSDT": contract}}
    return Scenario.model_validate(data)


def opened(course: Course) -> float:
    """Return the USD that the order holds."""
    engine = course.engine
    lots = engine.state.positions[engine.params.shocks[0].position].lots
    return float(lots) * 0.001 * 107_000


def test_an_order_on_margin_opens_a_position_that_the_venue_may_liquidate():
    course = Course(attack())
    assert opened(course) == pytest.approx(-4e6, rel=0.01)
    row = course.engine.params.shocks[0]
    account = course.engine.state.positions[row.position].account
    assert course.engine.state.accounts[account].margin == k.ISOLATED
    assert course.engine.state.balances[account].sum() == pytest.approx(
        6e12, rel=0.01
    )  # margin and what it sold for


def test_an_order_on_margin_is_liquidated_once_and_not_opened_anew(tmp_path: Path):
    rise = {"type": "news", "at": "25s", "over": "5s", "asset": "BTC", "move": "4 %"}
    result = run(attack("100k", rise), out=tmp_path)
    rows = result.tables["liquidations"].to_pandas()
    assert set(rows.label) == {"attack"}
    assert set(rows.side) == {"short"}
    assert result.metrics(0)["attack_filled_share"] <= 1.0


@pytest.mark.parametrize(
    ("contract", "reason", "most"),
    [
        ({"max_position_usd": "1M"}, k.OVER_POSITION, 1e6),
        ({"max_open_interest_usd": "1.5M"}, k.OVER_INTEREST, 1.5e6),
    ],
)
def test_a_limit_refuses_what_goes_beyond_it(contract: dict[str, str], reason: int, most: float):
    course = Course(attack(**contract))
    assert -1.01 * most < opened(course) < -0.8 * most
    assert course.engine.state.counts[reason] > 0
    assert k.REASONS[reason] in rejections(course.engine)


def with_limits(limits: dict[str, Any], **changes: Any) -> Scenario:
    data = small_data(shocks=[FALL], **changes)
    data["venues"]["venue"]["rules"] = {"contracts": {"BTCUSDT": limits}}
    return Scenario.model_validate(data)


def test_makers_and_others_without_margin_have_no_limit():
    limits = {"max_position_usd": 1000, "max_open_interest_usd": 1000}
    limited, free = (Course(with_limits(each, population=[])) for each in (limits, {}))
    assert limited.traded == free.traded


def test_whoever_is_above_a_limit_may_close():
    course = Course(with_limits({"max_position_usd": 1, "max_open_interest_usd": 1}))
    market = course.engine.state.markets[VENUE]
    assert course.engine.state.counts[k.OVER_POSITION] > 0
    free = Course(scenario_of(FALL))
    assert market.open_interest < free.engine.state.markets[VENUE].open_interest


# --- nothing is lost ------------------------------------------------------------------------------

KINDS = (
    HALT,
    HALT | {"orders": "queue"},
    HALT | {"orders": "queue", "cancels": True, "liquidation": "continue"},
    HALT | {"halts": "users", "orders": "queue"},
    {"type": "oracle_outage", "at": "30s", "over": "50s", "sources": "spot:*"},
)


@pytest.mark.parametrize("shock", KINDS)
def test_buffers_of_any_size_give_the_same_market(shock: dict[str, Any]):
    scenario = scenario_of(FALL, shock)
    wide, tight = Course(scenario), Course(scenario, Capacity(*[1] * len(Capacity._fields)))
    assert wide.traded == tight.traded
    for name in ("balances", "counts"):
        np.testing.assert_array_equal(getattr(wide.engine.state, name), getattr(tight.engine.state, name))
    np.testing.assert_array_equal(wide.engine.state.positions.lots, tight.engine.state.positions.lots)


def two_venues(*shocks: dict[str, Any]) -> Scenario:
    data = small_data(shocks=list(shocks))
    data["venues"]["other"] = data["venues"]["venue"] | {"fund": "10k"}
    data["markets"]["other:BTCUSDT"] = data["markets"]["venue:BTCUSDT"]
    data["population"] = [
        {
            "type": "ladder", "name": f"{venue}-{side}", "market": f"{venue}:BTCUSDT", "side": side,
            "notional": "20M", "leverage": 20, "from_price": start, "to_price": end,
            "size": {"dist": "lognormal", "median": "50k", "sigma": 0.5},
        }
        for venue in ("venue", "other")
        for side, start, end in (("long", 106_500, 102_000), ("short", 112_000, 118_000))
    ]  # fmt: skip
    return Scenario.model_validate(data)


def test_funds_and_deleveraging_stay_within_their_venue(tmp_path: Path):
    halt = HALT | {"markets": "other:*"}
    result = run(two_venues(FALL | {"over": "2s", "move": "-4 %"}, halt), out=tmp_path)
    assert result.outcome
    adl = result.tables["adl"].to_pandas()
    assert set(adl.market) == {"other:BTCUSDT"}
    assert (adl.step > LAST).all()
    free = run(two_venues(FALL | {"over": "2s", "move": "-4 %"}), out=tmp_path)
    inside = [
        each.tables["liquidations"].to_pandas().query("market == 'venue:BTCUSDT' and step < 60").step.tolist()
        for each in (result, free)
    ]
    assert inside[0] == inside[1] != []


# --- what is said of it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shock", "told", "last"),
    [
        (
            HALT,
            "venue:* halted for 50s: orders are refused, cannot be cancelled, nobody is liquidated",
            "the halt is",
        ),
        (
            HALT | {"halts": "users", "orders": "queue", "cancels": True},
            "orders of users in venue:* halted for 50s: orders wait, can be cancelled, liquidation goes on",
            "the halt is over",
        ),
        (
            {"type": "oracle_outage", "at": "30s", "markets": "venue:*"},
            "index of venue:* frozen from now on",
            None,
        ),
        (
            {"type": "oracle_outage", "at": "30s", "over": "5s", "sources": "other:BTCUSD"},
            "other:BTCUSD missing in the index for 5s",
            "the index is back",
        ),
    ],
)
def test_the_timeline_says_what_is_halted(shock: dict[str, Any], told: str, last: str | None):
    scenario = scenario_of(shock, **two_spots())
    moments = timeline(scenario, assemble(scenario).params)
    assert [m.text for m in moments if m.kind == "shock"] == [told]
    assert [m.text for m in moments if m.kind == "shock ends"] == [
        m.text for m in moments if last and last in m.text
    ]


def test_events_and_shades_say_it_too(tmp_path: Path):
    scenario = scenario_of(HALT, {"type": "oracle_outage", "at": "90s", "markets": "venue:*"})
    result = run(scenario, out=tmp_path)
    texts = [row["text"] for row in result.events().to_pylist() if row["event"] == "shock"]
    assert texts == ["venue:* halted over 50s", "index of venue:* frozen"]
    shades = Variant("one", result).shades
    assert [(shade.start, shade.end) for shade in shades] == [(30.0, 80.0), (90.0, 120.0)]


def with_margin(**order: Any) -> Callable[[], Scenario]:
    return lambda: Scenario.model_validate(
        small_data(shocks=[{"type": "market_order", "at": "10s", "side": "buy", "notional": "1M"} | order])
    )


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (with_margin(market="spot:BTCUSD", margin="1M"), "a spot market, where nobody trades on margin"),
        (with_margin(market="venue:BTCUSDT", margin="1k"), "1M USD on 1k is 1e+03x, more than 75x"),
    ],
)
def test_an_order_on_margin_that_cannot_be_opened_is_told(make: Callable[[], Scenario], told: str):
    (message,) = found_in(make(), "CAS171")
    assert told in message


@pytest.mark.parametrize(
    ("outage", "told"),
    [
        ({"markets": "spot:*"}, "no market with an index matches 'spot:*'"),
        ({"sources": "*:BTCUSD"}, "no source of BTC is left: its index stays as it is"),
    ],
)
def test_an_outage_of_no_index_is_told(outage: dict[str, str], told: str):
    scenario = scenario_of({"type": "oracle_outage", "at": "10s"} | outage)
    (message,) = found_in(scenario, "CAS172")
    assert told in message


@pytest.mark.parametrize(
    "shock",
    [
        HALT | {"halts": "users", "liquidation": "stop"},
        {"type": "oracle_outage", "at": "10s"},
        {"type": "oracle_outage", "at": "10s", "markets": "venue:*", "sources": "spot:*"},
        {
            "type": "market_order",
            "at": "10s",
            "market": "venue:BTCUSDT",
            "side": "buy",
            "account": "a",
            "margin": "1M",
        },
    ],
)
def test_shocks_that_contradict_themselves_are_refused(shock: dict[str, Any]):
    with pytest.raises(ValidationError):
        scenario_of(shock)
