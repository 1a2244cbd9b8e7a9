"""What a sale does to the price: the root of its size, whatever its duration and however it is cut, and slow to go.

Figures are those of bitcoin: 55B a day, 1.6 % of volatility a day, so 6.8 bps for 100M at a factor of 1.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.assembly.formation import MODES_S, mode_weights
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from tests.support.scenarios import DEPTH, small_data

PERPETUAL = 1
RULE = {"daily_volume": "55B", "daily_volatility": "1.6 %"}
HOUR = 3600


def sale(
    usd: float, over_s: float = 0.0, at_s: float = 60.0, market: str = "venue:BTCUSDT"
) -> dict[str, Any]:
    """Return a sale that is worked evenly."""
    return {
        "type": "market_order", "at": f"{at_s:g}s", "over": f"{over_s:g}s", "market": market, "side": "sell",
        "notional": usd,
    }  # fmt: skip


def fall_of(*shocks: dict[str, Any], times: tuple[int, ...], **impact: Any) -> tuple[float, ...]:
    """Return how far the perpetual's mid has fallen, in bps, some seconds after the start of the sales."""
    data = small_data(
        news_takers=[], flow=[], population=[], shocks=list(shocks), duration=f"{times[-1] + 61}s"
    )
    news = {"type": "constant", "price": 107000}
    data["assets"] = {"BTC": {"news": news, "impact": RULE | impact}}
    ladder = {
        **data["makers"][0],
        "depth": {"profile": DEPTH, "scale": 2.5},
        "cap": "50B",
        "fair_noise_bps": 0,
    }
    touch = {
        "type": "touch", "name": "touch", "markets": "*", "count": 2, "size": "500k", "refill": "2 /s",
        "cap": "50B", "fair_noise_bps": 0,
    }  # fmt: skip
    data["makers"] = [ladder | {"refill": [[1, "1 /s"], [10, "0.12 /s"], [200, "0.02 /s"]]}, touch]
    engine, falls = Engine(assemble(Scenario.model_validate(data)), Logs()), []
    for time in times:
        engine.advance(60 + time)
        falls.append(1e4 * np.log(2.0 * 1070000.0 / float(engine.state.markets.mid2[PERPETUAL])))
    return tuple(falls)


@cache
def end_of(usd: float, over_s: int) -> float:
    """Return the fall at the end of a sale."""
    return fall_of(sale(usd, over_s), times=(over_s,))[0]


def test_impact_is_the_root_of_size() -> None:
    sizes = np.array([20e6, 100e6, 1e9, 5.5e9])
    falls = np.array([end_of(usd, HOUR) for usd in sizes])
    exponents = np.diff(np.log(falls)) / np.diff(np.log(sizes))
    assert exponents == pytest.approx(0.5, abs=0.1)
    assert 42 < falls[-1] < 61


def test_a_hundred_million_in_half_an_hour_moves_the_price_by_the_root_law() -> None:
    assert end_of(100e6, 1800) == pytest.approx(1e4 * 0.016 * np.sqrt(100e6 / 55e9), rel=0.1)


def test_duration_hardly_matters() -> None:
    falls = [end_of(100e6, over) for over in (60, 600, 1800, 3 * HOUR)]
    assert max(falls) / min(falls) < 1.25


def test_it_does_not_matter_how_a_sale_is_cut() -> None:
    whole = end_of(100e6, 1800)
    tens = [sale(10e6, 1800) for _ in range(10)]
    rare = [sale(100e6 / 180, 0, at_s=60.0 + 10 * k) for k in range(180)]
    for cut in (tens, rare):
        assert fall_of(*cut, times=(1800,))[0] == pytest.approx(whole, rel=0.2)


def test_forced_orders_of_a_step_move_the_price_as_one_of_their_sum_in_whichever_market() -> None:
    one = fall_of(sale(20e6), times=(30,))[0]
    many = fall_of(*(sale(1e6) for _ in range(20)), times=(30,))[0]
    both = fall_of(sale(10e6), sale(10e6, market="spot:BTCUSD"), times=(30,))[0]
    assert many == pytest.approx(one, abs=0.05)
    assert both == pytest.approx(one, abs=0.3)


def test_half_of_it_is_left_after_as_long_again_and_a_third_much_later() -> None:
    end, hour, later = fall_of(sale(500e6, HOUR), times=(HOUR, 2 * HOUR, HOUR + 9000))
    assert 0.4 < hour / end < 0.7
    assert 0.3 < later / end < 0.67
    assert later < hour


def test_a_sale_at_once_walks_the_book_and_not_the_root() -> None:
    sizes = (50e6, 200e6, 800e6)
    falls = [fall_of(sale(usd), times=(1,))[0] for usd in sizes]
    assert falls == pytest.approx([fall_of(sale(usd), times=(1,), y=0.0)[0] for usd in sizes], abs=0.01)
    exponents = np.diff(np.log(falls)) / np.log(4.0)
    assert exponents[1] > max(exponents[0], 0.8)  # what comes last goes through the thinnest part of the book


def test_the_step_of_time_does_not_matter() -> None:
    data = small_data(news_takers=[], flow=[], population=[], arbitrage=[], duration="700s", shocks=[])
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": 107000}, "impact": RULE}}
    falls = []
    for dt in (0.5, 1.0, 2.0):
        engine = Engine(assemble(Scenario.model_validate(data | {"dt": f"{dt:g}s"})), Logs())
        lots = int(55e9 / 550 / 600 / 107000 / 0.001 * dt)
        for step in range(int(600 / dt)):
            engine.state.assets.forced[0] = -lots * 1070000 * int(engine.params.markets[PERPETUAL].unit)
            engine.advance(step + 1)
        falls.append(float(engine.state.assets.impact[0]))
    assert falls == pytest.approx([falls[0]] * 3, rel=0.06)


def test_modes_decay_as_a_power_of_time() -> None:
    times = np.geomspace(1.0, 86_400.0, 50)
    for exponent in (0.3, 0.46, 0.6):
        decay = np.exp(-times[:, None] / np.array(MODES_S)) @ mode_weights(exponent)
        assert decay == pytest.approx(times**-exponent, rel=0.25)
