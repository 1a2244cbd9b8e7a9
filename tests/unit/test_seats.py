"""The lives of leveraged accounts on a calm market: they hold, close, pause and open again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.params import CLOSING, OPENING
from cascade.core.seats import PAUSING
from cascade.engine import Engine
from cascade.model import Logs
from tests.support.scenarios import small_data, small_scenario

N, HOLD_S, PAUSE_S = 2_000, 300.0, 100.0


def crowd(**changes):
    """Return a layer of small accounts who are never liquidated, half of whose positions are at 2x, half at 5x."""
    usual = {
        "type": "leveraged", "name": "crowd", "markets": "venue:BTCUSDT", "accounts": N,
        "leverage": {"dist": "table", "values": [2, 5]}, "leverage_weight": "accounts",
        "size": 1000, "hold": {"mean": f"{HOLD_S}s", "reference_leverage": 2, "exponent": 1}, "pause": f"{PAUSE_S}s",
    }  # fmt: skip
    return usual | changes


def market(**changes):
    """Return a market whose news value stands still, with one such layer."""
    assets = {"BTC": {"news": {"type": "constant", "price": 107_000}}}
    usual = {"assets": assets, "population": [crowd()], "duration": "30m", "outputs": {"trades": True}}
    return small_scenario(**small_data(**usual | changes))


@pytest.fixture(scope="module")
def lived():
    """Return a run of half an hour: the engine, its tables, and each seat's open lots every five minutes."""
    engine = Engine(assemble(market()), Logs())
    held = [open_lots(engine)]
    for until in range(300, engine.n_steps + 1, 300):
        engine.advance(until)
        engine.drain()
        held.append(open_lots(engine))
    return engine, engine.sink, np.array(held)


def open_lots(engine):
    """Return the lots that each seat holds."""
    return np.abs(engine.state.positions.lots[-len(engine.state.traders) :])


def test_nobody_closes_and_opens_in_one_step(lived):
    _, tables, _ = lived
    trades = tables["trades"]
    opened, closed = (
        set(
            zip(
                trades["taker"][trades["purpose"] == why],
                trades["step"][trades["purpose"] == why],
                strict=True,
            )
        )
        for why in (OPENING, CLOSING)
    )
    assert len(opened) > 2 * N
    assert len(closed) > 2 * N
    assert not opened & closed


def test_open_interest_stays_level_where_nobody_is_liquidated(lived):
    """Within four standard deviations of n seats that are open by themselves, a share p of the time.

    The draw ends at N open ones, so n is negative binomial; of these, later, each is open with probability p.
    Both have the variance N (1 - p), so the number open later has twice that.
    """
    engine, tables, held = lived
    assert len(tables["liquidations"]) == 0
    leverage = engine.state.traders.leverage
    for value, mean_hold_s in ((2, HOLD_S), (5, HOLD_S * 2 / 5)):
        mine = leverage == value
        n, p = (held[0, mine] > 0).sum(), mean_hold_s / (mean_hold_s + PAUSE_S)
        assert n == pytest.approx(N / 2, abs=4 * math.sqrt(N / 4))
        spread = math.sqrt(2 * n * (1 - p))
        for later in (held[1:, mine] > 0).sum(axis=1):
            assert later == pytest.approx(n, abs=4 * spread)
        assert mine.sum() == pytest.approx(n / p, abs=4 * math.sqrt(n * (1 - p)) / p)


def test_some_seats_begin_in_their_pause():
    traders = assemble(market()).state.traders
    pausing = traders.phase == PAUSING
    left = traders.life_ends[pausing]
    assert left.min() >= 1
    assert left.mean() == pytest.approx(PAUSE_S, abs=4 * PAUSE_S / math.sqrt(len(left)))


@pytest.mark.parametrize("pause", ["0s", "1h"])
def test_a_pause_is_at_least_a_step_and_its_length_is_the_seat_s_own(pause):
    engine = Engine(assemble(market(population=[crowd(pause=pause)], duration="5m")), Logs())
    engine.advance(engine.n_steps)
    engine.drain()
    trades = engine.sink["trades"]
    ends = {(t["taker"], t["step"]) for t in trades[trades["purpose"] == CLOSING]}
    begins = {(t["taker"], t["step"]) for t in trades[trades["purpose"] == OPENING]}
    assert not ends & begins
    following = {(taker, step + 1) for taker, step in ends}
    assert (len(following & begins) > 0.9 * len(ends)) == (pause == "0s")


def test_positions_that_open_in_the_run_may_be_larger_than_those_of_before():
    starts, opened = [], []
    for openings in (1.0, 1.5):
        built = assemble(market(population=[crowd(openings=openings)], duration="5m"))
        starts.append(built.state.positions.lots.copy())
        engine = Engine(built, Logs())
        engine.advance(engine.n_steps)
        engine.drain()
        trades = engine.sink["trades"]
        opened.append(trades["lots"][trades["purpose"] == OPENING].sum())
    assert (starts[0] == starts[1]).all()
    assert opened[1] / opened[0] == pytest.approx(1.5, rel=0.05)


def test_seats_that_never_turn_over_have_no_pause():
    traders = assemble(market(population=[crowd(turnover=False)])).state.traders
    assert not (traders.phase == PAUSING).any()
    assert len(traders) == N


def long_share_of_openings(reaction=None, funding=0.0, move="5 %"):
    """Return the share of accounts that open long within five minutes of a move, and how many they are."""
    shock = {"type": "news", "at": "1s", "asset": "BTC", "move": move}
    changed = crowd(long_share=0.4, pause="1s", leverage=2, **({"reaction": reaction} if reaction else {}))
    data = market(population=[changed], duration="5m", shocks=[shock])
    engine = Engine(assemble(data), Logs())
    engine.state.markets.funding_rate[1] = round(funding * 1e4)
    engine.advance(10)
    lives = engine.state.traders.life.copy()
    engine.advance(engine.n_steps)
    traders = engine.state.traders
    began = (traders.life > lives) & (traders.phase != PAUSING)
    return (traders.side[began] > 0).mean(), began.sum()


@pytest.mark.parametrize(
    ("reaction", "funding", "push"),
    [
        (None, 0.0, 0.0),
        ({"window": "100d", "per_percent": 0.3}, 0.0, 0.3 * 100 * math.log(1.05)),
        ({"window": "100d", "per_percent": -0.3}, 0.0, -0.3 * 100 * math.log(1.05)),
        ({"per_funding_bps": -0.2}, 5.0, -1.0),
    ],
)
def test_the_long_share_answers_to_the_past_by_its_logit(reaction, funding, push):
    share, n = long_share_of_openings(reaction, funding)
    odds = 0.4 / 0.6 * math.exp(push)
    expected = odds / (1 + odds)
    assert n > 500
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / n) + 0.005)
