"""Each metric on a run small enough to work out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cascade.analysis.metrics import METRICS, Metric, Replicate, compute, metric_columns, metrics_of
from cascade.core.state import ADL, FUND
from cascade.output.columns import categories
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate

BTC, ETH = "all_btcusdt", "all_ethusdt"


@pytest.fixture
def replicate(units, liquidation_log, bar_log):
    def make(liquidations=(), btc=(1_000_000,), adl=(), funds=(), causes=None, twin_btc=None, **bars):
        log = np.concatenate([bar_log(btc, **bars), bar_log([250_000] * len(btc), market=2)])
        extra = None if causes is None else {"cause": categories(causes)}
        forced = to_batch("liquidations", liquidation_log(*liquidations), units, 0, extra)
        tables = {
            "bars": concatenate([to_batch("bars", log, units, 0)]),
            "liquidations": concatenate([forced]),
            "adl": concatenate([to_batch("adl", np.array(list(adl), ADL), units, 0)]),
            "funds": concatenate([to_batch("funds", np.array(list(funds), FUND), units, 0)]),
        }
        twin = None if twin_btc is None else make(btc=twin_btc)
        return Replicate(units, **tables, twin=twin)

    return make


LONG = {"filled_lots": 1000, "filled_value": 1000 * 1_000_000 * 100, "trigger_mark": 1_000_000}
SHORT = {
    "side": -1,
    "market": 2,
    "filled_lots": 10,
    "filled_value": 10 * 250_000 * 100,
    "trigger_mark": 250_000,
}


def test_totals(replicate):
    # two orders of a long on binance within a second, of which the feed shows the last; a short on bybit
    rows = [
        LONG | {"tag": 0, "account": 1, "step": 0},
        LONG | {"tag": 0, "account": 1, "step": 1, "part": 1, "filled_value": 1000 * 900_000 * 100},
        SHORT | {"tag": 1, "account": 2, "step": 1},
    ]
    row = compute(replicate(rows))
    assert row["complete_usd"] == 190_250.0
    assert row["public_usd"] == 90_250.0
    assert (row["complete_long_usd"], row["complete_short_usd"]) == (190_000.0, 250.0)
    assert (row["public_long_usd"], row["public_short_usd"]) == (90_000.0, 250.0)
    assert (row["complete_btc_usd"], row["complete_eth_usd"]) == (190_000.0, 250.0)
    assert (row["public_btc_usd"], row["public_eth_usd"]) == (90_000.0, 250.0)
    assert row["long_share"] == pytest.approx(190_000 / 190_250)
    assert row["public_long_share"] == pytest.approx(90_000 / 90_250)
    assert (row["liquidated_accounts"], row["liquidations"], row["public_liquidations"]) == (2, 3, 2)
    assert (row["largest_liquidation_usd"], row["public_largest_liquidation_usd"]) == (100_000.0, 90_000.0)
    assert (row["largest_liquidation_venue"], row["largest_liquidation_market"]) == ("binance", "all:BTCUSDT")
    assert (row["public_largest_liquidation_venue"], row["public_largest_liquidation_market"]) == (
        "binance",
        "all:BTCUSDT",
    )


def test_two_lives_of_a_seat_are_two_accounts(replicate):
    row = compute(replicate([LONG | {"life": 1}, LONG | {"life": 2}, LONG | {"life": 2, "part": 1}]))
    assert row["liquidated_accounts"] == 2


def test_order_that_closed_nothing_counts_nowhere(replicate):
    row = compute(replicate([LONG | {"filled_lots": 0, "filled_value": 0}]))
    assert (row["complete_usd"], row["liquidations"], row["liquidated_accounts"]) == (0.0, 0, 0)


def test_nothing_liquidated_has_reasons(replicate):
    row = compute(replicate())
    assert row["complete_usd"] == 0.0
    assert row["largest_liquidation_usd"] is None
    assert "largest_liquidation_usd: nothing was liquidated" in row["notes"]
    assert "long_share: nothing was liquidated" in row["notes"]


def test_path_of_a_price(replicate):
    # bars of a minute: 100k, peak 110k, trough 99k, 101k within the hour, 120k after it
    prices = [1_000_000, 1_100_000, 990_000, 1_010_000, *[1_005_000] * 59, 1_200_000]
    row = compute(replicate(btc=prices))
    assert row[f"{BTC}_start_price"] == 100_000.0
    assert row[f"{BTC}_peak_price"] == 110_000.0
    assert row[f"{BTC}_trough_price"] == 99_000.0
    assert row[f"{BTC}_end_price"] == 120_000.0
    assert row[f"{BTC}_peak_to_trough_bps"] == pytest.approx(-1000.0)
    assert row[f"{BTC}_rebound_60m_bps"] == pytest.approx((1010 / 990 - 1) * 1e4)
    assert row[f"{BTC}_worst_hour_bps"] == pytest.approx(-1000.0)
    assert row[f"{ETH}_worst_hour_bps"] == 0.0


def test_peak_is_before_the_trough_and_bounds_its_own_bar_by_the_open(replicate):
    row = compute(replicate(btc=[1_000_000, 900_000, 1_500_000], open=[1_000_000, 1_050_000, 900_000]))
    assert row[f"{BTC}_peak_price"] == 105_000.0


def test_worst_hour_forgets_what_is_older(replicate):
    # down 1 % a bar of 20 minutes: an hour holds the opens of three bars
    prices = [round(1_000_000 * 0.99**i) for i in range(10)]
    row = compute(replicate(btc=prices, every=2400))
    assert row[f"{BTC}_worst_hour_bps"] == pytest.approx((0.99**2 - 1) * 1e4, rel=1e-4)


def test_rebound_needs_bars_after_the_trough(replicate):
    row = compute(replicate(btc=[1_000_000, 900_000]))
    assert row[f"{BTC}_rebound_60m_bps"] is None
    assert f"{BTC}_rebound_60m_bps: the run ends with the trough" in row["notes"]


def test_realised_volatility_recovers_that_of_a_random_walk(replicate):
    rng = np.random.default_rng(1)
    sigma = 0.5 / math.sqrt(365 * 1440)
    prices = np.rint(1e6 * np.exp(np.cumsum(rng.normal(0, sigma, 20_000)))).astype(int)
    found = compute(replicate(btc=prices))[f"{BTC}_realised_volatility"]
    assert found == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(2 * 20_000))


def test_open_interest_drop(replicate):
    row = compute(replicate(btc=[1_000_000] * 4, open_interest=[100, 200, 150, 180]))
    assert row[f"{BTC}_open_interest_drop"] == pytest.approx(0.25)
    assert compute(replicate(open_interest=[0]))[f"{BTC}_open_interest_drop"] is None


def test_amplification(replicate):
    row = compute(replicate(btc=[1_000_000, 900_000], twin_btc=[1_000_000, 950_000], causes=[]))
    total, outside = -math.log(0.9) * 1e4, -math.log(0.95) * 1e4
    assert row[f"{BTC}_fall_bps"] == pytest.approx(total)
    assert row[f"{BTC}_outside_fall_bps"] == pytest.approx(outside)
    assert row[f"{BTC}_added_fall_bps"] == pytest.approx(total - outside)
    assert row[f"{BTC}_amplification"] == pytest.approx(total / outside)
    assert row[f"{BTC}_rise_amplification"] is None


def test_amplification_of_a_squeeze(replicate):
    row = compute(replicate(btc=[1_000_000, 1_100_000], twin_btc=[1_000_000, 1_050_000], causes=[]))
    assert row[f"{BTC}_rise_amplification"] == pytest.approx(math.log(1.1) / math.log(1.05))
    assert row[f"{BTC}_rise_bps"] - row[f"{BTC}_added_rise_bps"] == pytest.approx(math.log(1.05) * 1e4)


@pytest.mark.parametrize(("low", "has_value"), [(999_100, False), (998_900, True)])
def test_amplification_of_hardly_any_move_is_absent(replicate, low, has_value):
    row = compute(replicate(btc=[1_000_000, 900_000], twin_btc=[1_000_000, low], causes=[]))
    assert (row[f"{BTC}_amplification"] is not None) == has_value
    assert ("the fall without forced orders is 9.0 bps, below 10" in (row["notes"] or "")) != has_value


def test_causes(replicate):
    row = compute(
        replicate([LONG, SHORT, SHORT], causes=["endogenous", "exogenous", None], twin_btc=[1_000_000])
    )
    assert (row["endogenous_usd"], row["exogenous_usd"], row["brought_forward_usd"]) == (
        100_000.0,
        250.0,
        0.0,
    )


def test_without_counterfactual_its_metrics_are_left_out(replicate, units):
    row = compute(replicate())
    assert "endogenous_usd" not in row
    assert f"{BTC}_amplification" not in row
    names = {column.name for column in metric_columns(units, counterfactual=False)}
    assert names == set(row) - {"notes"}


def test_columns_and_row_agree(replicate, units):
    row = compute(replicate(twin_btc=[1_000_000], causes=[]))
    columns = metric_columns(units, counterfactual=True)
    assert [column.name for column in columns] == [name for name in row if name != "notes"]
    for column in columns:
        value = row[column.name]
        assert value is not None or column.nullable
        assert value is None or isinstance(value, {"float": float, "int64": int, "text": str}[column.kind])


def test_waterfall(replicate):
    adl = np.zeros(3, ADL)
    adl["market"], adl["lots"], adl["counterparty"] = 1, -1, [4, 4, 5]
    adl["value"], adl["mark_value"], adl["forgone"] = 90_000_000, 100_000_000, 10_000_000
    adl["leverage_after"] = [9.0, 3.0, 5.0]
    funds = np.zeros(2, FUND)
    funds["step"], funds["price"], funds["uncovered"] = [1, 2], 1.0, [3_000_000, 5_000_000]
    rows = [
        LONG | {"fund_draw": 8_000_000, "deficit": 25_000_000},
        LONG | {"fund_draw": -2_000_000, "deficit": -1},
    ]
    equity = [9_000_000, -1_000_000, 4_000_000]
    row = compute(replicate(rows, btc=[1_000_000] * 3, adl=adl, funds=funds, fund_equity=equity))
    # the fund belongs to the venue; the second market of the fixture would show the same
    assert row["adl_usd"] == 300.0
    assert row["adl_accounts"] == 2
    assert row["adl_forgone_usd"] == 30.0
    assert (row["adl_needed_usd"], row["adl_overshoot_usd"]) == (25.0, 5.0)
    assert row["adl_leverage_after"] == 4.0  # of 3 and 5: the last of each
    assert row["adl_top_share"] == 1.0
    assert row["bad_debt_usd"] == 5.0
    assert row["fund_draw_usd"] == 8.0


def test_fund_path_is_counted_once_per_venue(units, bar_log, liquidation_log):
    equity = [9_000_000, -1_000_000, 4_000_000]
    log = np.concatenate([bar_log([10] * 3, market=m, fund_equity=equity) for m in (1, 2)])
    tables = {
        "bars": to_batch("bars", log, units, 0),
        "liquidations": to_batch("liquidations", liquidation_log(), units, 0),
        "adl": to_batch("adl", np.zeros(0, ADL), units, 0),
    }
    row = compute(Replicate(units, **{name: concatenate([batch]) for name, batch in tables.items()}))
    assert (row["fund_start_usd"], row["fund_low_usd"], row["fund_end_usd"]) == (9.0, -1.0, 4.0)
    assert row["bad_debt_usd"] is None
    assert "bad_debt_usd: the run did not record `funds`" in row["notes"]


def test_registry_is_complete():
    for name, metric in METRICS.items():
        assert metric.definition
        assert metric.formula
        assert metric.unit or (isinstance(metric, Metric) and metric.kind == "text"), name
        for suffix, unit in (("_usd", "USD"), ("_bps", "bps"), ("_price", "USD per unit of the asset")):
            assert name.endswith(suffix) == (metric.unit == unit), name


def test_how_liquidations_were_closed(replicate):
    over = {"filled_lots": 0, "filled_value": 0, "order_lots": 0, "taken_over_lots": 1000}
    half = {"filled_lots": 400, "filled_value": 400 * 1_000_000 * 100, "adl_lots": 600}
    row = compute(replicate([LONG, LONG | over, LONG | half]))
    assert (row["liquidations"], row["forced_orders"]) == (3, 2)
    filled = replicate([LONG | half]).numbers("liquidations", "filled_usd")[0]
    assert filled == pytest.approx(400 * 100.0)
    whole = replicate([LONG]).numbers("liquidations", "filled_usd")[0]
    assert row["book_usd"] == pytest.approx(whole + filled)
    assert row["taken_over_usd"] == pytest.approx(1000 * LONG.get("trigger_mark", 1_070_000) * 1e-4)
    assert row["complete_usd"] > row["book_usd"] + row["taken_over_usd"]
    shares = [row[f"{BTC}_{name}_share"] for name in ("book", "taken_over", "adl")]
    assert shares[0] == pytest.approx(row["book_usd"] / row["complete_usd"])
    assert min(shares) > 0
    assert sum(shares) == pytest.approx(1.0)


def test_where_nothing_was_liquidated_nobody_has_a_share(replicate):
    row = compute(replicate([]))
    assert [row[f"{BTC}_{name}_share"] for name in ("book", "taken_over", "adl")] == [None] * 3


def test_result_of_a_fund_is_what_neither_income_nor_losses_explain(replicate):
    funds = np.zeros(3, FUND)
    funds["step"], funds["price"] = [0, 10, 20], 1.0
    funds["equity"] = [100_000_000, 70_000_000, 60_000_000]
    funds["income"], funds["losses"] = [0, 5_000_000, 5_000_000], [0, 25_000_000, 25_000_000]
    row = compute(replicate(funds=funds))
    assert row["fund_result_usd"] == pytest.approx(-40.0 - 5.0 + 25.0)
    assert compute(replicate(funds=funds[:1]))["fund_result_usd"] == 0.0


def test_a_coin_is_a_spot_market_of_an_asset_that_nobody_leverages(units, bar_log, liquidation_log):
    coin = replace(units.markets[0], name="spot:USDE", asset="USDE")
    with_coin = replace(units, markets=(*units.markets, coin))
    assert (units.coins, with_coin.coins) == ((), ("spot:USDE",))
    logs = [bar_log([1_000_000] * 3), bar_log([250_000] * 3, market=2), bar_log([100, 60, 90], market=3)]
    tables = {
        "bars": concatenate([to_batch("bars", np.concatenate(logs), with_coin, 0)]),
        "liquidations": concatenate([to_batch("liquidations", liquidation_log(), with_coin, 0)]),
        "adl": concatenate([to_batch("adl", np.zeros(0, ADL), with_coin, 0)]),
    }
    row = compute(Replicate(with_coin, **tables))
    tick = coin.tick_size
    assert (row["spot_usde_low_price"], row["spot_usde_last_price"]) == (60 * tick, 90 * tick)
    assert row["fund_result_usd"] is None


def test_values_lie_within_the_bounds_of_their_metrics(write_run):
    from cascade.output.reader import read

    found = read(write_run(n=2))
    known = metrics_of(found.units)
    for name in {*known} & {*found.runs.column_names}:
        if known[name].entry.kind != "text":
            low, high = known[name].entry.bounds
            assert all(
                low <= value <= high for value in found.runs.column(name).to_pylist() if value is not None
            )


def test_that_a_coin_of_a_fund_moved_is_no_result(replicate):
    funds = np.zeros(2, FUND)
    funds["step"], funds["price"], funds["equity"] = [0, 10], [100.0, 90.0], [500_000, 400_000]
    row = compute(replicate(funds=funds))
    units = replicate(funds=funds).numbers("funds", "equity_usd") / [100.0, 90.0]
    assert row["fund_result_usd"] == pytest.approx((units[1] - units[0]) * 90.0)
