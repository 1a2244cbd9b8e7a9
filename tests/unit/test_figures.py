"""Figures of a day, on runs small enough to work out by hand."""

import math
from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from cascade.analysis.metrics import Replicate
from cascade.calibration.figures import MEASURES, Figure, What, replicate_of, simulated
from cascade.core.state import ADL
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.reader import Result

START = datetime(2025, 7, 1, tzinfo=UTC)
LONG = {"filled_lots": 1000, "filled_value": 1000 * 1_000_000 * 100, "trigger_mark": 1_000_000}
SHORT = {"side": -1, "filled_lots": 500, "filled_value": 500 * 1_000_000 * 100, "trigger_mark": 1_000_000}


@pytest.fixture
def tables(units, liquidation_log, bar_log):
    def make(liquidations=(), btc=(1_000_000,), **bars):
        log = bar_log(btc, **bars)
        return {
            "bars": concatenate([to_batch("bars", log, units, 0)]),
            "liquidations": concatenate([to_batch("liquidations", liquidation_log(*liquidations), units, 0)]),
            "adl": concatenate([to_batch("adl", np.zeros(0, ADL), units, 0)]),
        }

    return make


@pytest.fixture
def run(units, tables):
    return lambda *rows, **changes: Replicate(units, **tables(*rows, **changes))


def value(run, what, **changes):
    return simulated(Figure(what=what, **changes), run)


def after(seconds):
    return START + timedelta(seconds=seconds)


def test_every_kind_of_figure_is_measured():
    assert tuple(MEASURES) == get_args(What)
    assert all(measure.name == name for name, measure in MEASURES.items())


ROWS = [
    LONG | {"tag": 0, "account": 1, "step": 0},
    LONG | {"tag": 0, "account": 2, "step": 1, "filled_value": 1000 * 900_000 * 100},  # hides the first
    SHORT | {"tag": 1, "account": 3, "step": 1},
    SHORT | {"tag": 1, "account": 3, "step": 20, "life": 1},
]


def test_liquidations_as_the_feeds_show_them(run):
    market = run(ROWS)
    assert value(market, "liquidated_usd") == 90_000 + 50_000 + 50_000
    assert value(market, "liquidated_usd", side="long", asset="BTC") == 90_000
    assert value(market, "liquidated_usd", side="short", venues=("bybit",)) == 100_000
    assert value(market, "liquidated_usd", venues=("binance",)) == 90_000
    assert value(market, "liquidated_usd", asset="ETH") == 0
    assert value(market, "long_share") == pytest.approx(90 / 190)
    assert value(market, "largest_liquidation_usd") == 90_000
    assert value(market, "liquidated_accounts") == 3


def test_the_rule_of_a_feed_may_be_given(run):
    figure = Figure(what="liquidated_usd", side="long")
    assert simulated(figure, run(ROWS), {"binance": "complete"}) == 190_000


def test_a_window_holds_its_begin_and_not_its_end(run):
    market = run(ROWS)  # steps of half a second
    assert value(market, "liquidated_usd", from_=after(10)) == 50_000
    assert value(market, "liquidated_usd", to=after(10)) == 140_000
    assert value(market, "liquidated_usd", from_=after(0.5), to=after(10)) == 140_000


def test_what_a_run_cannot_say_is_no_number(run):
    market = run()
    assert value(market, "liquidated_usd") == 0
    assert math.isnan(value(market, "long_share"))
    assert math.isnan(value(market, "liquidated_usd", venues=("okx",)))
    assert math.isnan(value(market, "low_usd", asset="XRP"))
    assert math.isnan(value(market, "return_pct", asset="BTC", from_=after(1e6)))
    assert math.isnan(value(market, "realised_volatility_pct", asset="BTC"))


def test_a_run_without_a_date_has_no_windows(units, tables):
    from dataclasses import replace

    market = Replicate(replace(units, start=None), **tables(ROWS))
    assert value(market, "liquidated_usd") == 190_000
    assert math.isnan(value(market, "liquidated_usd", from_=START))


def test_prices_and_open_interest(run):
    market = run(btc=[1_000_000, 980_000, 990_000], open_interest=[5000] * 3, on_margin=[2000, 1900, 1500])
    assert value(market, "low_usd", asset="BTC") == 98_000
    assert value(market, "high_usd", asset="BTC") == 100_000
    assert value(market, "return_pct", asset="BTC") == pytest.approx(-1)
    assert value(market, "range_pct", asset="BTC") == pytest.approx(100 * (100 / 98 - 1))
    expected = 100 * (1500 * 990 / (2000 * 1000) - 1)
    assert value(market, "open_interest_change_pct", asset="BTC") == pytest.approx(expected)


def test_coins_that_were_open_are_worth_what_the_first_bar_opens_with(run):
    """Published open interest is that of the day's first price: a first bar that falls is a part of the change."""
    market = run(btc=[900_000, 990_000], on_margin=[2000, 1900])
    bars = market.bars.set_column(
        market.bars.column_names.index("open_price"), "open_price", pa.array([100_000.0, 90_000.0])
    )
    changed = value(
        Replicate(market.units, bars, market.liquidations), "open_interest_change_pct", asset="BTC"
    )
    assert changed == pytest.approx(100 * (1900 * 990 / (2000 * 1000) - 1))


def test_open_interest_of_older_results_is_all_there_is(units, tables):
    old = tables(btc=[1_000_000] * 2, open_interest=[2000, 1000])
    old["bars"] = old["bars"].drop_columns(["on_margin_usd"])
    assert value(Replicate(units, **old), "open_interest_change_pct", asset="BTC") == pytest.approx(-50)


def test_realised_volatility_is_that_of_five_minutes(run):
    alternating = [1_000_000, 1_001_000] * 6
    steps = [600 * (k + 1) - 1 for k in range(len(alternating))]  # bars of five minutes at two steps a second
    expected = 100 * math.log(1.001) * math.sqrt(365 * 288)
    market = run(btc=alternating, step=steps)
    assert value(market, "realised_volatility_pct", asset="BTC") == pytest.approx(expected, rel=1e-6)
    fine = np.repeat(alternating, 5)
    steps = [120 * (k + 1) - 1 for k in range(len(fine))]
    market = run(btc=fine.tolist(), step=steps)
    assert value(market, "realised_volatility_pct", asset="BTC") == pytest.approx(expected, rel=1e-6)


def test_a_result_gives_its_replicates(units, tables, run):
    manifest = {"units": units.to_json()}
    result = Result.in_memory(tables(ROWS), manifest)
    assert value(replicate_of(result, 0), "liquidated_usd") == value(run(ROWS), "liquidated_usd")
