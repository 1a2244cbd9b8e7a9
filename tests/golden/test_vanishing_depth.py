"""A crash of the size of 10 October 2025, on two replicates; the documentation has six."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cascade.experiment.run import run
from cascade.output.reader import Result

SCENARIO = Path(__file__).parents[2] / "scenarios" / "vanishing-depth.yaml"
PERPETUALS = ("offshore:BTCUSDT", "chain:BTC")
COLUMNS = ("offshore_btcusdt", "chain_btc")
TAKERS = ("book_share", "taken_over_share", "adl_share")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(SCENARIO, replicates=2, out=tmp_path_factory.mktemp("crash"))


@pytest.fixture(scope="module")
def unlevered(tmp_path_factory: pytest.TempPathFactory) -> Result:
    ones = [f"population.{name}.leverage=1" for name in ("offshore-accounts", "chain-accounts")]
    return run(SCENARIO, ones, replicates=2, out=tmp_path_factory.mktemp("unlevered"))


def bars_of(result: Result, replicate: int, market: str) -> pd.DataFrame:
    bars = result.replicate("bars", replicate).to_pandas()
    return bars[bars.market == market].sort_values("step").reset_index(drop=True)


def fall_of(bars: pd.DataFrame) -> float:
    return float(1.0 - bars.low_price.min() / bars.open_price[0])


@pytest.mark.parametrize("replicate", [0, 1])
def test_price_falls_by_13_per_cent_within_half_an_hour_and_regains_a_third_to_four_fifths(
    crash: Result, replicate: int
) -> None:
    bars = bars_of(crash, replicate, PERPETUALS[0])
    low, start = int(bars.low_price.idxmin()), bars.open_price[0]
    assert fall_of(bars) == pytest.approx(0.13, abs=0.02)
    assert 20 <= low <= 50, "minutes: news and sale begin at 20"
    regained = bars.last_price[low : low + 61].max() - bars.low_price[low]
    assert 1 / 3 < regained / (start - bars.low_price[low]) < 4 / 5


@pytest.mark.parametrize("replicate", [0, 1])
def test_nine_tenths_of_the_book_are_gone(crash: Result, replicate: int) -> None:
    bars = bars_of(crash, replicate, PERPETUALS[0])
    depth = bars.bid_depth_100bps_usd + bars.ask_depth_100bps_usd
    assert depth[24:49].median() < 0.12 * depth[:20].median()


@pytest.mark.parametrize("replicate", [0, 1])
def test_open_interest_falls_by_15_to_35_per_cent(crash: Result, replicate: int) -> None:
    offshore, chain = (bars_of(crash, replicate, market).open_interest_lots for market in PERPETUALS)
    lots = offshore + chain
    assert 0.15 < (1.0 - lots / lots.cummax()).max() < 0.35


@pytest.mark.parametrize("replicate", [0, 1])
def test_books_fund_backstop_and_counterparties_all_take_a_part(crash: Result, replicate: int) -> None:
    row = crash.metrics(replicate)
    offshore, chain = ([row[f"{market}_{name}"] for name in TAKERS] for market in COLUMNS)
    assert sum(offshore) == pytest.approx(1.0)
    assert sum(chain) == pytest.approx(1.0)
    assert min(offshore) > 0.05
    assert 0.2 < chain[0] < 0.8
    assert 0.2 < chain[1] < 0.8, "the backstop, below two thirds of the maintenance margin"
    assert row["fund_low_usd"] < row["fund_start_usd"]
    assert row["adl_usd"] > 50e6


def test_the_fund_keeps_to_its_limit_of_a_minute(crash: Result) -> None:
    rows = crash.tables["liquidations"].to_pandas()
    rows = rows[rows.market == PERPETUALS[0]]
    taken = rows.groupby(["replicate", rows.t_s // 60]).taken_over_usd.sum()
    assert 50e6 < taken.max() <= 100e6


@pytest.mark.parametrize("replicate", [0, 1])
def test_without_leverage_nobody_is_liquidated_and_the_fall_is_smaller(
    crash: Result, unlevered: Result, replicate: int
) -> None:
    assert unlevered.metrics(replicate)["liquidations"] == 0
    fall, before = (fall_of(bars_of(result, replicate, PERPETUALS[0])) for result in (unlevered, crash))
    assert fall < before - 0.01
