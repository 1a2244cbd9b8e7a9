"""Dip buyers: what has fallen below its own slow mean they buy with what capital they have, and sell when it is back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.params import FLOW_ACCOUNT
from cascade.engine import Engine
from cascade.model import Logs
from tests.support.scenarios import small_data, small_scenario

FALL = {"type": "news", "at": "10s", "asset": "BTC", "move": "-5 %"}
RISE = {"type": "news", "at": "70s", "asset": "BTC", "move": "6 %"}
BUYERS = {
    "type": "dip_buyer", "name": "investors", "markets": "spot:*", "count": 4, "capital": "400k",
    "below": ["1 %", "9 %"], "window": "1d", "max_order": "20k", "rate": "1 /s",
}  # fmt: skip


def market(shocks=(), minutes=2, **buyers):
    """Return the engine of a market without other traders than makers and dip buyers."""
    data = small_data(flow=[], arbitrage=[], population=[], shocks=list(shocks), agents=[BUYERS | buyers])
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": 100_000}}}
    data["duration"] = f"{minutes}m"
    return Engine(assemble(small_scenario(**data)), Logs())


def spent(engine):
    """Return what each investor holds in lots, and what it has paid for it in USD."""
    st = engine.state
    mine = st.accounts.kind[st.positions.account] == FLOW_ACCOUNT
    return st.positions.lots[mine], st.positions.entry_value[mine] * 1e-6


@pytest.mark.parametrize("markets", ["spot:*", "venue:*"])
def test_those_whose_threshold_is_passed_spend_their_capital_and_no_more(markets):
    """At 5 % down two of four buy: thresholds are at 2, 4, 6 and 8 %."""
    engine = market([FALL], markets=markets)
    engine.advance(60)
    held, paid = spent(engine)
    assert (held[:2] > 0).all()
    assert (held[2:] == 0).all()
    lot_usd = 95_000 * 0.001
    assert (paid <= 100_000).all()
    assert paid[:2] == pytest.approx(100_000, abs=1.1 * lot_usd)
    assert (paid[:2] / held[:2] / 0.001 < 98_000).all()  # none above its own threshold


def test_what_a_dip_buyer_pays_for_a_slice_is_a_slice():
    engine = market([FALL], max_order="5k", rate="0.5 /s")
    before = spent(engine)[0]
    for step in range(1, 61):
        engine.advance(step)
        held = spent(engine)[0]
        assert ((held - before) * 0.001 * 100_000 <= 5_000).all()
        before = held
    assert before.max() > 0


def test_they_end_flat_when_the_price_is_back_and_have_gained():
    engine = market([FALL, RISE])
    cash = engine.state.balances[:, 0].copy()
    engine.advance(engine.n_steps)
    held, paid = spent(engine)
    assert (held == 0).all()
    assert (paid == 0).all()
    st = engine.state
    mine = st.accounts.kind == FLOW_ACCOUNT
    gained = (st.balances[mine, 0] - cash[mine]) * 1e-6
    assert (gained[:2] > 0.02 * 100_000).all()
    assert (gained[2:] == 0).all()


def test_they_send_nothing_while_the_price_is_at_its_mean():
    engine = market()
    engine.advance(engine.n_steps)
    held, _ = spent(engine)
    assert (held == 0).all()
    mine = np.flatnonzero(engine.state.accounts.kind == FLOW_ACCOUNT)
    engine.drain()
    assert not np.isin(engine.sink["trades"]["taker"], mine).any()


def test_the_mean_they_look_at_is_exponential():
    """After a fall by d, n steps ago, the mean has come down by d (1 - exp(-n / window))."""
    engine = market([FALL], minutes=2, window="1m", capital=1.0, max_order=1.0)
    engine.advance(11)
    mid = [0.5 * engine.state.markets.mid2[0] * 0.1]
    trails = [engine.state.trails[0]]
    for step in range(12, 60):
        engine.advance(step)
        expected = trails[-1] * math.exp(-1 / 60) + math.log(mid[-1]) * (1 - math.exp(-1 / 60))
        trails.append(engine.state.trails[0])
        assert trails[-1] == pytest.approx(expected, rel=1e-12)
        mid.append(0.5 * engine.state.markets.mid2[0] * 0.1)
    assert trails[0] - trails[-1] > 0.02
