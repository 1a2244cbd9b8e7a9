"""The public feed shows the latest order of a second where a venue publishes so, else all."""

from hypothesis import given
from hypothesis import strategies as st

from cascade.analysis.feed import public_mask
from cascade.experiment.recorder import units_of
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.run_units import MarketUnits, ReportingTag, RunUnits
from tests.support.scenarios import small_scenario


def table_of(log, units):
    return concatenate([to_batch("liquidations", log, units, 0)])


def test_latest_of_each_second_and_market(units, liquidation_log):
    # steps of half a second: 0 and 1 are the same second
    log = liquidation_log(
        {"step": 0, "tag": 0},
        {"step": 1, "tag": 0},
        {"step": 1, "tag": 0, "market": 2},
        {"step": 2, "tag": 0},
        {"step": 0, "tag": 1},
        {"step": 1, "tag": 1},
    )
    table = table_of(log, units)
    assert public_mask(table, units.feeds).tolist() == [False, True, True, True, True, True]


def test_order_that_closed_nothing_is_not_shown_and_hides_nothing(units, liquidation_log):
    log = liquidation_log(
        {"tag": 0}, {"tag": 0, "filled_lots": 0, "filled_value": 0}, {"tag": 1, "filled_value": 0}
    )
    assert public_mask(table_of(log, units), units.feeds).tolist() == [True, False, False]


def test_of_a_hidden_part_nothing_is_shown(units, liquidation_log):
    log = liquidation_log({"tag": 0}, {"tag": 1}, {"tag": 1})
    table = table_of(log, units)
    first, second = (each.name for each in units.reporting)
    assert public_mask(table, {first: "none", second: "complete"}).tolist() == [False, True, True]
    assert public_mask(table, {first: "complete", second: "none"}).tolist() == [True, False, False]


def test_untagged_account_is_public(units, liquidation_log):
    log = liquidation_log({"tag": -1}, {"tag": -1})
    assert public_mask(table_of(log, units), units.feeds).all()


def test_nothing_liquidated(units, liquidation_log):
    assert len(public_mask(table_of(liquidation_log(), units), units.feeds)) == 0


@given(data=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(1, 2)), max_size=30))
def test_agrees_with_a_plain_loop(data):
    import numpy as np

    from cascade.core.state import LIQUIDATION

    units = RunUnits(
        "x",
        tuple(MarketUnits(f"v:{i}", "A", "v", 1.0, 1.0, 1) for i in range(3)),
        0.5,
        reporting=(ReportingTag("a", "latest_per_second"), ReportingTag("b")),
    )
    data = sorted(data)
    log = np.zeros(len(data), LIQUIDATION)
    log["filled_value"], log["filled_lots"], log["trigger_mark"] = 1, 1, 1
    last = {}
    for i, (step, tag, market) in enumerate(data):
        log["step"][i], log["tag"][i], log["market"][i] = step, tag, market
        last[("a", step // 2, market) if tag == 0 else i] = i
    mask = public_mask(table_of(log, units), units.feeds)
    assert np.flatnonzero(mask).tolist() == sorted(last.values())


def test_a_venue_publishes_as_it_says_or_as_its_rulebook_does():
    feeds = {}
    for feed in ("complete", "latest_per_second", "rulebook"):
        venues = {"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "feed": feed}}
        feeds[feed] = units_of(small_scenario(venues=venues)).feeds["venue"]
    assert feeds == {
        "complete": "complete", "latest_per_second": "latest_per_second", "rulebook": "latest_per_second",
    }  # fmt: skip


def test_of_a_venue_without_tags_the_latest_of_a_second_is_shown(liquidation_log):
    markets = (
        MarketUnits("a:X", "X", "a", 1.0, 1.0, 1, feed="latest_per_second"),
        MarketUnits("b:X", "X", "b", 1.0, 1.0, 1),
    )
    units = RunUnits("x", markets, 1.0)
    log = liquidation_log({"market": 0}, {"market": 1}, {"market": 0}, {"market": 1})
    assert public_mask(table_of(log, units), units.feeds).tolist() == [False, True, True, True]
