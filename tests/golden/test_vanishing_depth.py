"""A crash of the size of 10 October 2025, on two replicates; the documentation has four."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cascade.experiment.run import run
from cascade.output.reader import Result

SCENARIO = Path(__file__).parents[2] / "scenarios" / "vanishing-depth.yaml"
PERPETUALS = ("offshore:BTCUSDT", "chain:BTC")
COLUMNS = ("offshore_btcusdt", "chain_btc")
BARS, MINUTE = "outputs.bars=10s", 6
TAKERS = ("book_share", "taken_over_share", "adl_share")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(SCENARIO, [BARS], replicates=2, counterfactual=True, out=tmp_path_factory.mktemp("crash"))


@pytest.fixture(scope="module")
def unlevered(tmp_path_factory: pytest.TempPathFactory) -> Result:
    ones = [f"population.{name}.leverage=1" for name in ("offshore-accounts", "chain-accounts")]
    return run(SCENARIO, [BARS, *ones], replicates=2, out=tmp_path_factory.mktemp("unlevered"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    books = ["shocks.depth.factor=1x", "channels.maker_withdrawal=off"]
    return run(SCENARIO, [BARS, *books], replicates=2, out=tmp_path_factory.mktemp("whole"))


def bars_of(result: Result, replicate: int, market: str) -> pd.DataFrame:
    bars = result.replicate("bars", replicate).to_pandas()
    return bars[bars.market == market].sort_values("step").reset_index(drop=True)


def fall_of(bars: pd.DataFrame) -> float:
    return float(1.0 - bars.low_price.min() / bars.open_price[0])


def tail_of(bars: pd.DataFrame) -> float:
    """Return what one return of ten seconds in a hundred exceeds, either way."""
    return float(np.quantile(np.abs(np.diff(np.log(bars.last_price))), 0.99))


@pytest.mark.parametrize("replicate", [0, 1])
def test_price_falls_by_13_per_cent_within_half_an_hour_and_regains_a_third_to_four_fifths(
    crash: Result, replicate: int
) -> None:
    bars = bars_of(crash, replicate, PERPETUALS[0])
    low, start = int(bars.low_price.idxmin()), bars.open_price[0]
    assert fall_of(bars) == pytest.approx(0.13, abs=0.02)
    assert 20 <= low // MINUTE <= 50, "minutes: news and sale begin at 20"
    regained = bars.last_price[low : low + 60 * MINUTE + 1].max() - bars.low_price[low]
    assert 1 / 3 < regained / (start - bars.low_price[low]) < 4 / 5


@pytest.mark.parametrize("replicate", [0, 1])
def test_nine_tenths_of_the_book_are_gone(crash: Result, replicate: int) -> None:
    bars = bars_of(crash, replicate, PERPETUALS[0])
    depth = bars.bid_depth_100bps_usd + bars.ask_depth_100bps_usd
    assert depth[24 * MINUTE : 49 * MINUTE].median() < 0.12 * depth[: 20 * MINUTE].median()


@pytest.mark.parametrize("replicate", [0, 1])
def test_whole_books_hold_a_third_of_the_fall(crash: Result, whole: Result, replicate: int) -> None:
    fall, before = (fall_of(bars_of(result, replicate, PERPETUALS[0])) for result in (whole, crash))
    assert fall < before * 2 / 3
    assert whole.metrics(replicate)["adl_usd"] < crash.metrics(replicate)["adl_usd"] / 10


@pytest.mark.parametrize("replicate", [0, 1])
def test_liquidations_add_to_the_fall(crash: Result, replicate: int) -> None:
    row, market = crash.metrics(replicate), COLUMNS[0]
    assert row[f"{market}_added_fall_bps"] > 0.1 * row[f"{market}_fall_bps"]


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
    assert 0.02 < chain[0] < 0.5
    assert 0.2 < chain[1] < 0.8, "the backstop, below two thirds of the maintenance margin"
    assert row["fund_low_usd"] < row["fund_start_usd"]
    assert row["adl_usd"] > 50e6


def test_the_fund_keeps_to_its_limit_of_a_minute(crash: Result) -> None:
    rows = crash.tables["liquidations"].to_pandas()
    rows = rows[rows.market == PERPETUALS[0]]
    taken = rows.groupby(["replicate", rows.t_s // 60]).taken_over_usd.sum()
    assert 50e6 < taken.max() <= 100e6


@pytest.mark.parametrize("replicate", [0, 1])
def test_without_leverage_nobody_is_liquidated_the_fall_is_smaller_and_tails_are_thinner(
    crash: Result, unlevered: Result, replicate: int
) -> None:
    """Six replicates: 82 +- 12 bps of ten seconds in place of 176 +- 22."""
    assert unlevered.metrics(replicate)["liquidations"] == 0
    without, before = (bars_of(result, replicate, PERPETUALS[0]) for result in (unlevered, crash))
    assert fall_of(without) < fall_of(before) - 0.01
    assert tail_of(without) < 0.7 * tail_of(before)
