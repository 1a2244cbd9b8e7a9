"""The flash crash of 5 December 2024, on four replicates; the documentation has sixteen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cascade.experiment.run import run
from cascade.output.reader import Result

SCENARIO = Path(__file__).parents[2] / "scenarios" / "fast-cascade-2024-12-05.yaml"
MARKETS = ("spot:BTCUSD", "offshore:BTCUSDT")
BEFORE, SALE_S, N = 97_975.0, 60.0, 4

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(SCENARIO, replicates=N, counterfactual=True, out=tmp_path_factory.mktemp("crash"))


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Result:
    changes = ["channels.maker_withdrawal=off"]
    return run(SCENARIO, changes, replicates=N, out=tmp_path_factory.mktemp("firm"))


def bars_of(result: Result, replicate: int, market: str) -> pd.DataFrame:
    bars = result.replicate("bars", replicate).to_pandas()
    return bars[bars.market == market].sort_values("step")


def lows(result: Result, market: str) -> list[float]:
    return [float(bars_of(result, replicate, market).low_price.min()) for replicate in range(N)]


@pytest.mark.parametrize("market", MARKETS)
def test_a_sale_on_spot_takes_both_markets_down_within_ten_minutes_and_they_come_back(
    crash: Result, market: str
) -> None:
    assert 88_000 < np.median(lows(crash, market)) < 93_000
    for replicate in range(N):
        bars = bars_of(crash, replicate, market)
        low, at = float(bars.low_price.min()), float(bars.t_s.iloc[bars.low_price.argmin()])
        mid = (bars.best_bid_price + bars.best_ask_price) / 2
        back = bars.t_s[(bars.t_s > at) & (mid > (low + BEFORE) / 2)]
        assert SALE_S < at < SALE_S + 600
        assert back.min() < at + 900


def test_forced_orders_and_stops_make_most_of_it(crash: Result) -> None:
    fall = crash.runs.to_pandas()["offshore_btcusdt_outside_fall_bps"]
    assert np.median(BEFORE * (1 - fall / 1e4)) > 94_000


@pytest.mark.parametrize("market", MARKETS)
def test_books_that_stay_take_the_sale(firm: Result, market: str) -> None:
    assert np.median(lows(firm, market)) > 95_000
