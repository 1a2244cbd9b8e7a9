"""Channels: each switches off what it says, moves nobody's luck, and leaves every invariant whole."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from cascade.assembly import Assembled, assemble
from cascade.assembly.channels import maintenance
from cascade.core import params as par
from cascade.core.check import lot_values
from cascade.core.state import NONE
from cascade.engine import Engine, counterfactual, simulate
from cascade.experiment.coalitions import chosen_of, present
from cascade.experiment.run import run
from cascade.model import Logs
from cascade.output.columns import to_names, to_numpy
from cascade.scenario.load import load, to_yaml
from cascade.scenario.schema_channels import AMPLIFICATION, CHANNELS, CONTAGION
from tests.support.contagion import contagion_data, contagion_scenario
from tests.support.crash import crash_scenario
from tests.support.scenarios import small_scenario

TABLES = ("bars", "liquidations", "adl", "trades")


def course(assembled: Assembled) -> tuple[Engine, Logs]:
    """Run a market to its end, its invariants checked on the way."""
    logs = Logs()
    engine = Engine(assembled, logs)
    simulate(engine, 20)
    return engine, logs


@cache
def off(*channels: str) -> tuple[Engine, Logs]:
    """Run the crash with some channels off."""
    return course(assemble(crash_scenario(channels=dict.fromkeys(channels, False))))


def test_the_crash_uses_every_channel() -> None:
    engine, logs = off()
    purposes = logs["trades"]["purpose"]
    assert {par.FORCED, par.STOPPING} <= set(purposes.tolist())
    assert len(logs["adl"]) > 0
    assert (engine.state.markets.depth_factor < 1).all()
    assert (engine.state.accounts.margin == par.CROSS).any()


def test_forced_orders_off_is_the_counterfactual() -> None:
    twin = course(counterfactual(assemble(crash_scenario())))
    for table in TABLES:
        np.testing.assert_array_equal(off("forced_orders")[1][table], twin[1][table])


def test_the_flag_and_the_channel_give_the_same_metrics(tmp_path) -> None:
    name = "venue_btcusdt"
    flagged = run(crash_scenario(), counterfactual=True, out=tmp_path).metrics()
    closed = run(crash_scenario(), ["channels.forced_orders=off"], out=tmp_path).metrics()
    unforced = flagged[f"{name}_outside_fall_bps"] + flagged[f"{name}_stops_fall_bps"]
    assert closed[f"{name}_fall_bps"] == pytest.approx(unforced)
    assert flagged[f"{name}_added_fall_bps"] > 0


def test_without_forced_orders_none_reaches_the_book() -> None:
    purposes = set(off("forced_orders")[1]["trades"]["purpose"].tolist())
    assert not purposes & {par.FORCED, par.UNWINDING}


def test_without_withdrawal_depth_is_that_of_the_calm() -> None:
    engine, logs = off("maker_withdrawal")
    assert (logs["bars"]["depth_factor"] == 1).all()
    assert (engine.state.markets.depth_factor == 1).all()
    assert logs["bars"]["bid_50"].sum() > off()[1]["bars"]["bid_50"].sum()


def test_without_stops_those_who_would_stop_hold() -> None:
    engine, logs = off("stop_losses")
    assert par.STOPPING not in logs["trades"]["purpose"]
    assert (engine.state.traders.stop_tick == NONE).all()
    start = [assemble(crash_scenario(channels={"stop_losses": on})).state for on in (True, False)]
    np.testing.assert_array_equal(start[0].positions.lots, start[1].positions.lots)
    assert (start[0].traders.stop_tick != NONE).any()


def test_without_adl_the_fund_takes_all_and_may_go_bankrupt() -> None:
    engine, logs = off("adl")
    assert len(logs["adl"]) == 0
    assert logs["liquidations"]["adl_lots"].sum() == 0
    handed = logs["liquidations"]["taken_over_lots"].sum()
    assert handed > off()[1]["liquidations"]["taken_over_lots"].sum()
    assert engine.state.balances[engine.params.venues.fund].min() < 0


def test_without_the_mark_rule_the_mark_is_the_index() -> None:
    bars = off("mark_rule")[1]["bars"]
    bars = bars[bars["market"] >= 2]
    sizes = off("mark_rule")[0].params.markets.tick_size[bars["market"]]
    np.testing.assert_array_equal(bars["mark"], np.floor(bars["index"] / sizes + 0.5))
    with_rule = off()[1]["bars"]
    with_rule = with_rule[with_rule["market"] >= 2]
    assert (with_rule["mark"] != np.floor(with_rule["index"] / sizes + 0.5)).any()


# --- cross margin -----------------------------------------------------------------------------------


def parted() -> tuple[Assembled, Assembled]:
    """Return the start of the crash with and without cross margin."""
    scenario = crash_scenario()
    return assemble(scenario), assemble(scenario.replace(**{"channels.cross_margin": False}))


def leveraged(assembled: Assembled) -> np.ndarray:
    """Return the positions of leveraged accounts."""
    st = assembled.state
    return st.positions[st.positions.account >= assembled.params.run[0].first_trader]


def test_without_cross_margin_every_position_is_margined_alone() -> None:
    together, alone = parted()
    st = alone.state
    margined = st.accounts[st.accounts.kind == par.TRADER_ACCOUNT]
    assert (margined.margin == par.ISOLATED).all()
    assert (margined.n_positions == 1).all()
    order = ["market", "lots", "entry_value"]
    np.testing.assert_array_equal(
        np.sort(leveraged(together)[order], order=order), np.sort(leveraged(alone)[order], order=order)
    )


def test_margin_is_shared_by_maintenance_to_the_last_unit() -> None:
    together, alone = parted()
    assert alone.state.balances.sum() == together.state.balances.sum()
    p, st = alone.params, alone.state
    values = lot_values(p, st.markets.mark)
    mine = np.flatnonzero(st.positions.account >= p.run[0].first_trader)
    mine = mine[st.positions.lots[mine] != 0]
    rows = st.positions[mine]
    worth = rows.lots * values[rows.market].astype(np.int64)
    equity = st.balances[rows.account, 0] + worth
    kept = maintenance(p, rows.market, np.abs(worth))
    assert (equity > kept).all()  # who was safe together is safe alone
    layers = st.traders.layer[rows.account - p.run[0].first_trader]
    slots = rows.account - p.run[0].first_trader - p.layers.first_trader[layers]
    ratio = {place: dict(zip(slots[layers == place], (kept / equity)[layers == place], strict=True))
             for place in (0, 1)}  # fmt: skip
    both = sorted(set(ratio[0]) & set(ratio[1]))
    assert len(both) > 100
    np.testing.assert_allclose([ratio[0][k] for k in both], [ratio[1][k] for k in both], rtol=1e-6)


def test_parted_accounts_live_the_lives_of_their_owners() -> None:
    """Sides, holds and leverages of every life are those drawn for the account that was parted."""
    engines = [off()[0], off("cross_margin")[0]]
    seats = engines[0].state.traders
    parts = engines[1].state.traders
    layers = engines[1].params.layers
    for place in (0, 1):
        mine = parts[parts.layer == place]
        for name in ("life", "life_ends", "side", "leverage"):
            np.testing.assert_array_equal(mine[name], seats[seats.layer == 0][name])
    assert layers.first_place.tolist() == [0, 1, 0]
    assert (seats.life > 0).any()


def test_positions_of_a_table_are_parted_too(tmp_path) -> None:
    (tmp_path / "book.csv").write_text(
        "market,side,notional_usd,entry_price,leverage,label\n"
        "venue:BTCUSDT,long,100000,107000,10,a\n"
        "venue:ETHUSDT,short,50000,2500,5,a\n"
        "venue:BTCUSDT,short,20000,107000,20,\n",
        encoding="utf-8",
    )
    layers = [{"type": "table", "name": "book", "file": str(tmp_path / "book.csv")}]
    found = assemble(crash_scenario(population=layers, channels={"cross_margin": False}))
    held = leveraged(found)
    assert held.lots.tolist() == [
        935,
        -187,
        -2000,
        0,
    ]  # an account without a second position has an empty seat
    engine, _ = course(found)
    assert engine.step == 100


def test_reporting_tags_stay_with_the_accounts() -> None:
    tags = [{"name": n, "share": "50 %", "feed": "complete"} for n in ("one", "two")]
    venues = {"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "reporting": tags}}
    found = [
        assemble(crash_scenario(venues=venues, channels={"cross_margin": on})).state.accounts
        for on in (True, False)
    ]
    whole, parts = (a.tag[a.kind == par.TRADER_ACCOUNT] for a in found)
    n_cross = len(parts) - len(whole)
    assert n_cross > 0
    np.testing.assert_array_equal(parts[:n_cross], whole[:n_cross])
    np.testing.assert_array_equal(parts[n_cross:], whole)


# --- contagion ----------------------------------------------------------------------------------------


def tied(**channels: bool) -> Assembled:
    """Return the start of a market whose assets share news, lean, activity, impact, collateral and index."""
    spots = contagion_data()["markets"] | {
        "spot:BTCEUR": {"type": "spot", "asset": "BTC", "tick": 0.1, "lot": 0.001, "index_weight": 0.5}
    }
    assets = {
        name: {
            "news": {"type": "clustered", "price": price, "volatility": "60 %", "common": "80 %", "jumps_per_day": 9000},
            "impact": {"daily_volume": "8B", "daily_volatility": "2 %", "cross": {other: 0.5}},
            "lean": {},
        }
        for name, other, price in (("BTC", "ETH", 107_000), ("ETH", "BTC", 2_500))
    }  # fmt: skip
    return assemble(contagion_scenario(assets=assets, markets=spots, activity={}, channels=channels))


def test_contagion_has_all_its_ties_in_this_market() -> None:
    scenario = contagion_scenario()
    assert present(scenario, CONTAGION) == ("cross_margin", "collateral", "arbitrage")
    assert present(scenario) == ("forced_orders", "cross_margin", "adl", "mark_rule")
    assert chosen_of(scenario, ["contagion"]) == present(scenario, CONTAGION)


def values(assembled: Assembled, steps: int) -> np.ndarray:
    """Return the log moves of the news values over some steps, a row each."""
    engine, found = Engine(assembled, Logs()), [assembled.state.assets.log_value.copy()]
    for step in range(1, steps + 1):
        engine.advance(step)
        found.append(engine.state.assets.log_value.copy())
    return np.diff(np.array(found), axis=0)


def test_without_common_news_assets_go_their_own_ways() -> None:
    together, apart = values(tied(), 200), values(tied(common_news=False), 200)
    assert np.corrcoef(together.T)[0, 1] > 0.6
    assert abs(np.corrcoef(apart.T)[0, 1]) < 0.25
    assert apart.std() == pytest.approx(together.std(), rel=0.5)


def test_without_cross_impact_orders_move_their_own_asset_alone() -> None:
    assert tied().params.cross.tolist() == [[1.0, 0.5], [0.5, 1.0]]
    assert tied(cross_impact=False).params.cross.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_without_a_shared_capital_each_maker_loses_alone() -> None:
    together, apart = (
        assemble(
            contagion_scenario(makers=[desk()], channels={"makers_capital": on})
        ).params.makers.purse.tolist()
        for on in (True, False)
    )
    assert set(together) == {0}
    assert apart == list(range(len(together)))
    assert "makers_capital" in present(contagion_scenario(makers=[desk()]), CONTAGION)


def desk() -> dict:
    """Return makers who quote every market on one capital."""
    return contagion_data()["makers"][0] | {
        "withdrawal": {"calm_volatility": "25 %", "losses": {"capital": "desk"}}
    }


def test_without_arbitrage_nobody_ties_markets() -> None:
    kinds = [
        set(engine.state.accounts.kind[logs["trades"]["taker"]].tolist())
        for engine, logs in (off(), off("arbitrage"))
    ]
    assert par.ARBITRAGE_ACCOUNT in kinds[0]
    assert par.ARBITRAGE_ACCOUNT not in kinds[1]


def test_without_composition_an_index_is_its_largest_book() -> None:
    composed, alone = (tied(index_composition=on).params for on in (True, False))
    spot = composed.markets.kind == par.SPOT
    assert len(composed.sources) == len(composed.venues)
    for before, after in zip(composed.sources, alone.sources, strict=True):
        assert sorted(before[spot]) == [0.5, 1.0, 1.0]
        assert not before[~spot].any()
        np.testing.assert_array_equal(after, np.where(before == 0.5, 0.0, before))


def test_each_venue_falls_back_on_the_book_that_is_heaviest_for_it() -> None:
    """Two venues that weigh the same two books differently: with composition off each has another one."""
    spots = contagion_data()["markets"] | {
        "spot:BTCEUR": {"type": "spot", "asset": "BTC", "tick": 0.1, "lot": 0.001}
    }
    venues = contagion_data()["venues"]
    weights = {"spot:BTCUSD": 1, "spot:BTCEUR": 3, "spot:ETHUSD": 1}
    venues["venue"]["rules"] = venues["venue"]["rules"] | {"index": {"weights": weights}}
    names = list(spots)
    btc = [names.index("spot:BTCUSD"), names.index("spot:BTCEUR")]
    for on, expected in ((True, [[1.0, 1.0], [1.0, 3.0]]), (False, [[1.0, 0.0], [0.0, 3.0]])):
        scenario = contagion_scenario(markets=spots, venues=venues, channels={"index_composition": on})
        assert assemble(scenario).params.sources[:, btc].tolist() == expected
    assert "index_composition" in present(contagion_scenario(markets=spots, venues=venues), CONTAGION)
    own = {"spot:BTCEUR": 0, "spot:BTCUSD": 1, "spot:ETHUSD": 1}
    venues["venue"]["rules"]["index"] = {"weights": own}
    assert "index_composition" not in present(contagion_scenario(markets=spots, venues=venues), CONTAGION)


def test_without_repricing_coins_count_as_at_the_start() -> None:
    """ETH has fallen a little, and BTC falls by a tenth: whoever holds it as margin for ETH loses none by that."""
    fall = {"type": "news", "at": "20s", "over": "10s", "asset": "BTC", "move": "-10 %"}
    markets = {"shocks": [*contagion_data()["shocks"], fall], "duration": "60s"}
    moved, held = (
        course(assemble(contagion_scenario(**markets, channels={"collateral": on})))[1]["liquidations"]
        for on in (True, False)
    )
    coins = [
        assemble(contagion_scenario(**markets, channels={"collateral": on})).state.balances
        for on in (True, False)
    ]
    np.testing.assert_array_equal(*coins)
    layers = [set(rows["account"][rows["market"] == 3].tolist()) for rows in (moved, held)]
    assert layers[1] < layers[0]  # those who hold both fall all the same


# --- luck and invariants ----------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize("channel", CHANNELS)
def test_news_and_lives_are_those_of_the_full_market(channel: str) -> None:
    engine, _ = off(channel)
    full, _ = off()
    np.testing.assert_array_equal(engine.state.assets.value, full.state.assets.value)
    if channel != "cross_margin":
        for name in ("life", "life_ends", "side"):
            np.testing.assert_array_equal(engine.state.traders[name], full.state.traders[name])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("channel", sorted(set(CHANNELS) - {"mark_rule"}))
def test_a_channel_that_has_nothing_to_do_changes_nothing(channel: str) -> None:
    """A calm market without leverage is the same to the last order. Marks, by which orders are sized, are not."""
    quiet = {
        "duration": "20s",
        "shocks": [],
        "population": [],
        "arbitrage": [],
        "makers": small_scenario().makers,
    }
    full, closed = (
        course(assemble(crash_scenario(**quiet, channels=channels))) for channels in ({}, {channel: False})
    )
    for table in TABLES:
        np.testing.assert_array_equal(full[1][table], closed[1][table])


SHORT = {"duration": "36s"}


def combination(channels: tuple[str, ...]) -> None:
    """Run the crash with only the given channels on; the run checks its invariants."""
    states = {name: name in channels for name in AMPLIFICATION}
    engine, _ = course(assemble(crash_scenario(**SHORT, channels=states)))
    assert engine.step == 36


@pytest.mark.parametrize("n", [0, 1, 5])
def test_invariants_hold_with_few_or_nearly_all_channels(n: int) -> None:
    for channels in itertools.combinations(AMPLIFICATION, n):
        combination(channels)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 4])
def test_invariants_hold_with_every_combination(n: int) -> None:
    for channels in itertools.combinations(AMPLIFICATION, n):
        combination(channels)


# --- as a scenario ----------------------------------------------------------------------------------


def test_a_channel_is_switched_in_the_scenario(tmp_path) -> None:
    file = tmp_path / "crash.yaml"
    file.write_text(to_yaml(crash_scenario()) + "\n", encoding="utf-8")
    found = load(file, ["channels.maker_withdrawal=off", "channels.adl=no"])
    assert not found.channels.maker_withdrawal
    assert not found.channels.adl
    assert found.channels.mark_rule
    assert load(file).channels.model_dump() == dict.fromkeys(CHANNELS, True)


def test_tables_of_a_closed_channel_are_written_as_any_others(tmp_path) -> None:
    result = run(crash_scenario(), ["channels.cross_margin=off"], out=tmp_path)
    table = result.tables["liquidations"]
    assert not np.isnan(to_numpy(table["liquidation_price"])).any()
    assert set(to_names(table["market"])) == {"venue:BTCUSDT", "venue:ETHUSDT"}
