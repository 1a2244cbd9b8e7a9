"""What a population is exposed to: the prices at which margins fail are those of a run, to the tick."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cascade.assembly import Assembled, assemble
from cascade.calculator.account import Position, trigger_prices
from cascade.calculator.tiers import rulebook_tiers
from cascade.core.params import PERPETUAL
from cascade.core.state import Array
from cascade.exposure.failing import failing_moves
from cascade.exposure.holdings import holdings
from cascade.exposure.liquidation_map import REACH, WIDTH, liquidation_maps, quoted_depth
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario
from tests.support.kernels import excess_of
from tests.support.scenarios import small_data

BASE = Path(__file__).parent.parent / "data" / "base.yaml"
CONTRACTS = {
    "venue:BTCUSDT": ("binance-2025-07", "BTCUSDT", "linear_perpetual", 1e6),
    "inverse:XBTUSD": ("bitmex-2025-07", "XBTUSD", "inverse_perpetual", 1e8),
    "whole:XBTUSDT": ("bitmex-2025-07", "XBTUSDT", "linear_perpetual", 1e6),
}
SIZES = [(2_000, 50), (250_000, 100), (2.5e6, 50), (21.9e6, 20), (60e6, 12), (200e6, 4)]
"""Notional in USD and leverage, from the first tier to several tiers up."""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(BASE, ["population.retail.open_interest=200M"])


@pytest.fixture(scope="module")
def drawn(scenario: Scenario) -> Assembled:
    return assemble(scenario)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, Assembled]:
    """Return a market of three contracts, in each a small and a few very large positions of both sides."""
    rows = ["market,side,notional_usd,entry_price,leverage"]
    rows += [
        f"{market},{side},{usd},{price},{leverage}"
        for market in CONTRACTS
        for side, price in (("long", 106_000), ("short", 108_000))
        for usd, leverage in SIZES
    ]
    return _of_table(tmp_path_factory.mktemp("book") / "book.csv", rows)


def _of_table(file: Path, rows: list[str]) -> tuple[Scenario, Assembled]:
    file.write_text("\n".join(rows), encoding="utf-8")
    data = small_data(population=[{"type": "table", "name": "book", "file": str(file)}])
    for name, (rulebook, contract, kind, _) in CONTRACTS.items():
        data["venues"][name.partition(":")[0]] = {"rulebook": rulebook, "fund": "10M"}
        data["markets"][name] = {
            "type": kind,
            "asset": "BTC",
            "contract": contract,
            "tick": 0.1,
            "lot": 0.001,
        }
    data["markets"]["inverse:XBTUSD"] |= {"tick": 0.5, "lot": 100}
    scenario = Scenario.model_validate(data)
    return scenario, assemble(scenario)


def failing_ticks(now: Assembled) -> tuple[Array, Array]:
    """Return by account of one position the ticks at which it fails below and above the mark, -1 for none."""
    st, moves = now.state, failing_moves(now)
    mark = st.markets.mark[st.positions.market[st.accounts.first_position]]
    ticks = np.rint(mark * (1 - moves.fall)), np.rint(mark * (1 + moves.rise))
    return ticks[0], ticks[1]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("which", ["drawn", "large"])
def test_margins_fail_at_the_ticks_that_triggers_hang_at(which: str, request: pytest.FixtureRequest) -> None:
    """An account without stop or top-up hangs in the trigger index at its liquidation price."""
    found = request.getfixturevalue(which)
    now: Assembled = found if which == "drawn" else found[1]
    st, first = now.state, int(now.params.run[0].first_trader)
    low, high = failing_ticks(now)
    n = 0
    for k in np.flatnonzero(st.positions.account >= first):
        position, hung = st.positions[k], st.triggers.tick[2 * k : 2 * k + 2].tolist()
        seat = st.traders[position.account - first]
        plain = max(seat.stop_tick, seat.top_up_tick, seat.take_tick) < 0
        if position.lots != 0 and plain:
            assert hung == [np.nan_to_num(ticks[position.account], nan=-1) for ticks in (low, high)]
            n += 1
    assert n > (1_000 if which == "drawn" else 30)


def test_margins_fail_at_the_prices_of_the_calculator(large: tuple[Scenario, Assembled]) -> None:
    scenario, now = large
    st, low_high = now.state, failing_ticks(now)
    for m, (name, market) in enumerate(scenario.markets.items()):
        if name not in CONTRACTS:
            continue
        rulebook, contract, kind, money = CONTRACTS[name]
        held = holdings(now, m)
        assert len(held.account) == 2 * len(SIZES)
        for account, lots in zip(held.account, held.lots, strict=True):
            inverse = kind == "inverse_perpetual"
            size, entry = Fraction(str(market.lot)) * abs(int(lots)), 106_000 if lots > 0 else 108_000
            position = Position(
                side="long" if lots > 0 else "short", size=size, entry=entry, mark=107_000, inverse=inverse,
                tiers=rulebook_tiers(rulebook, contract),
            )  # fmt: skip
            balance = Fraction(int(st.balances[account, now.params.markets[m].settlement]), int(money))
            spent = size / entry if inverse else size * entry
            posted = balance + (spent if (lots > 0) != inverse else -spent)
            price, _ = trigger_prices(position, posted, market.tick, market.lot)
            tick = low_high[0 if lots > 0 else 1][account]
            assert price == pytest.approx(tick * market.tick, abs=1e-6)


@pytest.mark.parametrize("side", ["long", "short"])
def test_margins_shared_by_several_positions_fail_where_their_excess_is_gone(
    side: str, tmp_path: Path
) -> None:
    """Marks moved to where the account is said to fail make it fail, and a tick nearer they do not."""
    rows = ["market,side,notional_usd,entry_price,leverage,label"]
    for k, (usd, leverage) in enumerate(SIZES[:4]):
        rows += [f"venue:BTCUSDT,{side},{usd},107000,{leverage},a{k}"]
        rows += [f"venue:BTCUSDT,{'short' if side == 'long' else 'long'},{usd / 4},107000,{leverage},a{k}"]
    now = _of_table(tmp_path / "book.csv", rows)[1]
    held = holdings(now, 2)
    moves = -failing_moves(now).fall if side == "long" else failing_moves(now).rise
    inward = 1 if side == "long" else -1
    for account in np.unique(held.account):
        mark = now.state.markets.mark[2]
        tick = round(float(mark) * (1 + moves[account]))
        excess = []
        for at in (tick, tick + inward):
            now.state.markets.mark[2] = at
            excess.append(excess_of(now.state, now.params, account))
        now.state.markets.mark[2] = mark
        assert excess[0] <= 0 < excess[1]


def test_the_map_counts_every_open_position_that_can_fail(scenario: Scenario, drawn: Assembled) -> None:
    (each,) = liquidation_maps(scenario, drawn)
    fuel = each.below.usd[1:7].sum()
    assert fuel >= 0.95 * 50e6  # notional is that at entry, the map counts at the mark
    held = drawn.state.positions
    market = drawn.params.markets.kind[held.market] == PERPETUAL
    seats = held[market & (held.account >= drawn.params.run[0].first_trader)]
    shorts = np.abs(seats.lots[seats.lots < 0]).sum() * 0.001 * each.price
    assert each.above.usd.sum() + each.above.beyond_usd == pytest.approx(shorts, rel=1e-6)
    assert len(each.below.usd) == round(REACH / WIDTH)


def test_depth_is_what_makers_quote(scenario: Scenario) -> None:
    depth, thin = quoted_depth(scenario, "binance:BTCUSDT")
    assert depth[round(0.01 / WIDTH) - 1] == pytest.approx(240e6)
    assert thin[-1] == pytest.approx(240e6 * 0.5 * 0.5)  # its withdrawal floor, and the depth shock
