"""The summary answers the questions of a liquidation report, with its uncertainty."""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from cascade.analysis.formats import format_value
from cascade.output.reader import read
from cascade.output.run_units import MarketUnits
from cascade.report.summary import summarise
from tests.support.ensembles import realistic, result

PUBLISHED = [
    {"what": "public_btc_usd", "value": 98.2e6, "source": "a newspaper"},
    {"what": "all_btcusdt_trough_price", "value": 105_010.0, "source": "an exchange"},
    {"what": "public_doge_usd", "value": 1.0, "source": "nobody"},
]


def test_one_replicate(write_run):
    text = summarise(read(write_run(n=1))).to_text()
    for expected in (
        "test  1 replicate",
        "All replicates ran to the end.",
        "BTC fell 1.87 % from peak to trough",
        "complete",
        "public feed",
        "largest single liquidation",
        "all:BTCUSDT",
        "amplification",
        "insurance fund, start",
        "auto-deleveraged",
        "bad debt",
        "not a forecast",
    ):
        assert expected in text, expected
    assert "[" not in text, "one replicate has no interval"
    assert "published" not in text


@pytest.mark.parametrize("n_venues", [2, 3])
def test_of_many_markets_the_first_of_each_asset_is_told_and_the_others_have_a_row(n_venues):
    """Two assets on two venues are four markets, each with its own sections; on three they are too many."""
    pairs = [(asset, venue) for asset in ("BTC", "ETH") for venue in ("a", "b", "c")[:n_venues]]
    markets = [MarketUnits(f"{venue}:{asset}USDT", asset, venue, 0.1, 0.001, 100) for asset, venue in pairs]
    moves = {
        f"{venue}_{asset.lower()}usdt_peak_to_trough_bps": [-100.0 - k]
        for k, (asset, venue) in enumerate(pairs)
    }
    text = summarise(result(moves, markets=markets)).to_text()
    assert text.count(" fell ") == 2
    assert [text.count(f"Price of {market.name}") for market in markets] == (
        [1] * 4 if n_venues == 2 else [1, 0, 0] * 2
    )
    beside = text.partition("Peak to trough, by market")[2].splitlines()[1:7]
    assert [row.split()[0] for row in beside] == (
        [market.name for market in markets] if n_venues == 3 else []
    )


def test_few_replicates_say_that_an_interval_needs_more(write_run):
    assert "an interval needs 6 replicates" in summarise(read(write_run(n=3))).to_text()


def test_many_replicates_have_intervals(write_run):
    summary = summarise(read(write_run(n=6)))
    assert "214k USD [214k, 214k]" in summary.to_text()
    assert "Median [95% interval of the median]" in summary.to_text()
    assert summary.figures["complete_usd"].estimate.n == 6


def test_collateral_has_a_row_only_where_some_was_sold(write_run, liquidation_log):
    assert "collateral sold" not in summarise(read(write_run(n=1))).to_text()
    on_spot = {"market": 0, "filled_value": 1000 * 10_690_000 * 10, "trigger_mark": 10_700_000}
    log = liquidation_log({"step": 130}, on_spot | {"step": 131})
    text = summarise(read(write_run(n=1, folder="sold-00000000", logs={"liquidations": log}))).to_text()
    row = next(line for line in text.splitlines() if line.startswith("collateral sold"))
    assert row.split()[2:] == ["107k", "USD"]


def test_published_figures_stand_beside(write_run):
    lines = summarise(read(write_run(n=1, manifest={"published": PUBLISHED}))).to_text().splitlines()
    btc = next(line for line in lines if line.startswith("BTC  "))
    assert btc.endswith("98.2M USD")
    assert next(line for line in lines if line.startswith("trough")).endswith("105,010")
    assert next(line for line in lines if line.startswith("public_doge_usd")).split()[1:4] == [
        "no",
        "such",
        "metric",
    ]


def test_json_holds_every_metric(write_run):
    result = read(write_run(n=2))
    found = json.loads(json.dumps(summarise(result, PUBLISHED).to_dict()))
    assert found["metrics"]["largest_liquidation_venue"] == {"value": "binance"}
    assert found["metrics"]["public_usd"] == {
        "median": 213_800.0,
        "low": None,
        "high": None,
        "mean": 213_800.0,
        "standard_error": 0.0,
        "n": 2,
        "unit": "USD",
    }
    absent = found["metrics"]["all_btcusdt_rise_amplification"]
    assert absent["median"] is None
    assert absent["reason"] == "the rise without forced orders is 0.0 bps, below 10"
    assert found["published"] == PUBLISHED
    assert len(found["metrics"]) == len(result.runs.schema) - 10


def test_terminal_and_plain_text_say_the_same(write_run):
    summary = summarise(read(write_run(n=1)))
    file = io.StringIO()
    summary.print(Console(file=file, width=110, force_terminal=True))
    assert "\x1b[1m" in file.getvalue()
    assert "\x1b" not in str(summary)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (98.2e6, "USD", "98.2M USD"),
        (1.25e9, "USD", "1.25B USD"),
        (999.6, "USD", "1.00k USD"),
        (-1.5e3, "USD", "-1.50k USD"),
        (-0.2, "USD", "0 USD"),
        (-233.4, "bps", "-2.33 %"),
        (-0.1, "bps", "0.00 %"),
        (0.251, "per square root of a year", "25.1 %"),
        (107_000.1, "USD per unit of the asset", "107,000"),
        (8_123.46, "USD per unit of the asset", "8,123.5"),
        (0.12345, "USD per unit of the asset", "0.1235"),
        (0.7, "1", "0.700"),
        (36_300.0, "accounts", "36,300"),
        (36_300.5, "accounts", "36,300"),
        (8.5, "accounts", "8.5"),
        (63.123, "%", "63.1 %"),
        (123.4, "%", "123 %"),
        (2.9876, "1", "2.99"),
        (8.2, "s", "8.2 s"),
        (192.0, "s", "3.2 min"),
        (9000.0, "s", "2.5 h"),
    ],
)
def test_formats(value, unit, text):
    assert format_value(value, unit) == text


def test_the_tail_appears_with_enough_replicates_for_it():
    rng = np.random.default_rng(3)
    few, many = (summarise(result(realistic(rng, n))) for n in (60, 200))
    assert "complete_var95_usd" not in few.ensemble
    assert many.ensemble["complete_var95_usd"].estimate.low is not None
    assert "liquidation at risk, 95 %" in many.to_text()
    assert "mean bad debt of the worst 5 %" in many.to_text()
    assert "probability of bad debt" in few.to_text()
    assert json.loads(json.dumps(many.to_dict()))["ensemble"]["complete_var95_usd"]["unit"] == "USD"


def test_it_says_how_many_replicates_a_precision_takes():
    shown = summarise(result(realistic(np.random.default_rng(3), 60))).to_text(width=300)
    assert re.search(r"You need about [\d,]+00 replicates for ±1 % of the total\.", shown)


def test_a_median_says_of_how_many_replicates_it_is():
    few = np.full(40, np.nan)
    few[7] = 0.26
    found = summarise(result({"all_btcusdt_rebound_60m_bps": few, "complete_usd": np.ones(40)}))
    assert found.figures["all_btcusdt_rebound_60m_bps"].show() == "0.3 (1 of 40)"
    assert "(" not in found.figures["complete_usd"].show()
