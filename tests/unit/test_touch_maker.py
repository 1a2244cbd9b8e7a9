"""Makers at the touch quote a tick apart, follow the value at once, and come back slowly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.state import NONE
from cascade.engine import Engine
from cascade.errors import ScenarioError
from cascade.model import Logs
from cascade.scenario.load import load, to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

TOUCH = {
    "type": "touch", "name": "touch", "markets": "venue:*", "count": 1, "size": "200k", "refill": "0.1 /s",
    "tolerance": "0 %",
}  # fmt: skip
STILL = {"type": "constant", "price": 107000.04}
MOVING = {"type": "gbm", "price": 107000, "volatility": "60 %"}


def market(*, news: dict[str, Any], shocks: tuple[dict[str, Any], ...] = ()) -> Engine:
    """Return a market of makers alone, those at the touch the only ones on the perpetual, without errors."""
    data = small_data(news_takers=[], flow=[], arbitrage=[], population=[], shocks=list(shocks))
    data["assets"] = {"BTC": {"news": news}}
    ladder = {**data["makers"][0], "markets": "spot:*"}
    data["makers"] = [{**group, "fair_noise_bps": 0} for group in (ladder, TOUCH)]
    return Engine(assemble(Scenario.model_validate(data)), Logs())


def quotes(engine: Engine) -> tuple[Any, Any]:
    """Return the resting bid and ask of the maker at the touch, or None."""
    maker = engine.params.makers[-1]
    found = [int(engine.state.quotes[int(maker.first_quote) + side]) for side in range(2)]
    bid, ask = (None if order == NONE else engine.state.orders[order] for order in found)
    return bid, ask


def test_the_spread_is_a_tick_and_follows_the_value() -> None:
    engine = market(news=MOVING)
    spreads, fair = [], []
    for step in range(1, 60):
        engine.advance(step)
        bid, ask = quotes(engine)
        spreads.append(int(ask.tick) - int(bid.tick))
        fair.append(float(engine.state.assets[0].value) / 0.1 - int(bid.tick))
    assert spreads == [1] * 59
    assert 0 <= min(fair) <= max(fair) < 1
    assert np.ptp(np.diff(np.array(fair))) > 0


def test_a_size_that_was_taken_comes_back_by_its_rate() -> None:
    sale = {
        "type": "market_order",
        "at": "10s",
        "market": "venue:BTCUSDT",
        "side": "sell",
        "notional": "150k",
    }
    engine, sizes = market(news=STILL, shocks=(sale,)), []
    for step in range(1, 30):
        engine.advance(step)
        bid, _ = quotes(engine)
        sizes.append(0 if bid is None else int(bid.lots))
    full = sizes[0]
    assert sizes[:10] == [full] * 10
    back = np.array(sizes[10:]) / full
    gone = int(np.argmin(back))
    assert back[gone] == pytest.approx(0.25, abs=0.01)
    assert np.diff(back[gone : gone + 8]) == pytest.approx([0.1] * 7, abs=0.01)
    assert back[gone + 8 :] == pytest.approx([1.0] * (len(back) - gone - 8), abs=0.005)


def test_a_group_without_a_type_is_a_ladder_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    assert [maker.type for maker in small_scenario().makers] == ["ladder"]
    path = tmp_path / "wrong.yaml"
    text = to_yaml(small_scenario())
    path.write_text(text.replace("type: ladder", "type: tuch"))
    assert path.read_text() != text
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert any("tuch" in str(problem) and "touch" in str(problem) for problem in caught.value.problems)
