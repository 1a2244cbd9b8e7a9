"""Ticks, lots and money units become exact prices, sizes and USD."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade.core.state import ACCOUNT, ADL, FUND, POSITION, TRADE
from cascade.output.columns import to_names, to_numpy
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.run_units import RunUnits, scale
from cascade.output.snapshots import book_rows, positions_batch


def rows_of(table, log, units):
    return concatenate([to_batch(table, log, units, 3)]).to_pylist()


@given(st.integers(-(10**11), 10**11), st.sampled_from([0.1, 0.01, 0.05, 0.25, 1e-6, 1e-8, 1.0, 5.0, 100.0]))
def test_scale_is_nearest_to_the_decimal_product(count, step):
    # as long as count x mantissa is below 2^53, which prices and sizes are
    assert scale(np.array([count]), step)[0] == float(count * Decimal(repr(step)))


def test_scale_of_a_step_nobody_wrote_multiplies():
    assert scale(np.array([3]), 1 / 3)[0] == 1.0


def test_units_survive_the_manifest(units):
    assert RunUnits.from_json(units.to_json()) == units


def test_common_columns(units, bar_log):
    row = rows_of("bars", bar_log([1_070_001]), units)[0]
    assert (row["scenario"], row["replicate"], row["step"], row["t_s"]) == ("test", 3, 120, 60.0)
    assert row["time"].isoformat() == "2025-07-01T00:01:00+00:00"


def test_time_is_left_out_without_a_start(units, bar_log):
    undated = RunUnits(units.scenario, units.markets, units.dt)
    assert "time" not in to_batch("bars", bar_log([1_070_001]), undated, 0).schema.names


def test_bar(units, bar_log):
    log = bar_log(
        [1_070_001],
        bid_10=2000,
        volume=5_000_001,
        flow=-7,
        funding_rate=10_000,
        fund_equity=-1,
        index=107_000.05,
    )
    row = rows_of("bars", log, units)[0]
    assert row["market"] == "all:BTCUSDT"
    assert row["mark_price"] == 107_000.1
    assert row["best_bid_price"] == 107_000.0
    assert row["index_price"] == 107_000.05
    assert row["bid_depth_10bps_usd"] == pytest.approx(2 * 107_000.1, rel=1e-15)
    assert row["volume_usd"] == 5.000001
    assert row["flow_usd"] == -0.000007
    assert row["funding_rate_bps"] == pytest.approx(1.0)
    assert row["fund_equity_usd"] == -1e-6
    assert row["open_interest_usd"] == 107_000.1


@pytest.mark.parametrize(
    "absent", [{"best_bid": -1}, {"best_bid": 0}, {"best_ask": -1}, {"best_ask": 2**31 - 1}]
)
def test_empty_side_of_the_book_has_neither_price_nor_mid(units, bar_log, absent):
    row = rows_of("bars", bar_log([1_070_001], bid_10=5, **absent), units)[0]
    side = next(iter(absent))
    assert row[f"{side}_price"] is None
    assert row["bid_depth_10bps_usd"] is None


def test_liquidation_of_a_long(units, liquidation_log):
    log = liquidation_log({"taken_over_lots": 10, "adl_lots": 5, "fee": 3_000_000, "fund_draw": -2, "tag": 0})
    row = rows_of("liquidations", log, units)[0]
    assert (row["side"], row["asset"], row["reporting"]) == ("long", "BTC", "binance")
    assert row["order_usd"] == 107_000.0
    assert row["filled_usd"] == 106_900.0
    assert row["taken_over_usd"] == 1070.0
    assert row["liquidated_usd"] == 106_900.0 + 1070.0 + 535.0
    assert row["average_fill_price"] == pytest.approx(106_900.0, rel=1e-15)
    assert row["worst_fill_price"] == 106_800.0
    assert row["slippage_bps"] == pytest.approx(1e4 * 100 / 107_000)
    assert row["bankruptcy_price"] == 106_000.0
    assert (row["liquidation_price"], row["shortfall_usd"]) == (107_050.0, 0.05)
    assert (row["best_before_price"], row["best_after_price"]) == (106_950.0, 106_790.0)
    assert row["fee_usd"] == 3.0
    assert row["fund_draw_usd"] == -2e-6
    assert row["cause"] is None


def test_slippage_of_a_short_is_positive_when_it_buys_above_the_mark(units, liquidation_log):
    row = rows_of(
        "liquidations", liquidation_log({"side": -1, "filled_value": 1000 * 1_071_000 * 100}), units
    )[0]
    assert row["side"] == "short"
    assert row["slippage_bps"] == pytest.approx(1e4 * 100 / 107_000)


def test_unfilled_order_has_no_fill_price(units, liquidation_log):
    row = rows_of("liquidations", liquidation_log({"filled_lots": 0, "filled_value": 0}), units)[0]
    assert (row["average_fill_price"], row["worst_fill_price"], row["slippage_bps"]) == (None, None, None)
    assert row["liquidated_usd"] == 0.0


@pytest.mark.parametrize("tick", [-1, 0, 2**31 - 1])
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("bankruptcy_tick", "bankruptcy_price"),
        ("liquidation_tick", "liquidation_price"),
        ("best_before", "best_before_price"),
        ("best_after", "best_after_price"),
    ],
)
def test_a_price_that_does_not_exist_is_null(units, liquidation_log, field, name, tick):
    row = rows_of("liquidations", liquidation_log({field: tick}), units)[0]
    assert row[name] is None


def test_untagged_account_reports_to_its_venue(units, liquidation_log):
    assert rows_of("liquidations", liquidation_log({"tag": -1}), units)[0]["reporting"] == "all"


@pytest.mark.parametrize(
    ("lots", "price", "side", "forgone"), [(-2, 1_060_000, "long", 2.0), (2, 1_080_000, "short", 2.0)]
)
def test_adl_counterparty_loses_against_mark(units, lots, price, side, forgone):
    log = np.zeros(1, ADL)
    log["market"], log["lots"] = 1, lots
    log["value"], log["mark_value"] = 2 * price * 100, 2 * 1_070_000 * 100
    log["side"], log["forgone"] = -np.sign(lots), 2_000_000
    row = rows_of("adl", log, units)[0]
    assert (row["side"], row["size_lots"]) == (side, 2)
    assert row["settlement_price"] == price / 10
    assert row["forgone_usd"] == forgone


def test_trade(units):
    log = np.zeros(2, TRADE)
    log["market"], log["tick"], log["lots"], log["purpose"] = 2, 250_000, [3, -3], [2, 0]
    buy, sell = rows_of("trades", log, units)
    assert (buy["side"], sell["side"]) == ("buy", "sell")
    assert buy["size_usd"] == 75.0
    assert (buy["purpose"], sell["trade_price"]) == ("forced", 2500.0)


def test_book_levels(units):
    log = book_rows(1, 7, np.array([999, 1001]), np.array([5, -6]), 2000)
    bid, ask = rows_of("book", log, units)
    assert (bid["side"], ask["side"]) == ("bid", "ask")
    assert bid["distance_bps"] == pytest.approx(10.0)
    assert ask["size_lots"] == 6


def test_funds(units):
    log = np.zeros(1, FUND)
    log["step"], log["price"], log["equity"], log["uncovered"], log["losses"] = (
        9,
        1.0,
        -7_000_000,
        7_000_000,
        1,
    )
    row = rows_of("funds", log, units)[0]
    assert (row["fund"], row["equity_usd"], row["uncovered_usd"], row["losses_usd"]) == (
        "all",
        -7.0,
        7.0,
        1e-6,
    )


def test_open_positions(units):
    positions, accounts = np.zeros(3, POSITION), np.zeros(2, ACCOUNT)
    positions["lots"], positions["market"], positions["account"] = [10, 0, -4], [1, 1, 2], [0, 0, 1]
    positions["entry_value"] = [10 * 1_060_000 * 100, 0, -4 * 250_000 * 100]
    accounts["kind"], accounts["tag"] = 1, [0, -1]
    balances = np.array([[-10 * 1_050_000 * 100], [5 * 250_000 * 100]])
    marks = np.array([1, 1_070_000, 260_000])
    batch = positions_batch(positions, accounts, balances, marks, units, step=4, replicate=0)
    long, short = concatenate([batch]).to_pylist()
    assert (long["kind"], long["reporting"], long["side"]) == ("trader", "binance", "long")
    assert long["mean_entry_price"] == 106_000.0
    assert long["profit_usd"] == 10.0
    assert long["equity_usd"] == 20.0
    assert (short["side"], short["profit_usd"], short["equity_usd"]) == ("short", -4.0, 21.0)


def test_code_without_a_name_is_refused(units):
    log = np.zeros(1, TRADE)
    log["tick"], log["purpose"] = 1, 99
    with pytest.raises(ValueError, match="'purpose' may not be null, and is in 1 of 1 rows"):
        to_batch("trades", log, units, 0)


def test_missing_column_is_refused(units):
    from cascade.output.convert import from_columns

    with pytest.raises(KeyError, match="'seed' is missing"):
        from_columns("runs", {"outcome": ["completed"]}, units, 0)


def test_columns_come_back_as_they_went(units, liquidation_log):
    log = liquidation_log({"tag": 0}, {"tag": 1, "filled_lots": 0}, {"tag": -1})
    table = concatenate(
        [to_batch("liquidations", log[:1], units, 0), to_batch("liquidations", log[1:], units, 0)]
    )
    assert to_names(table.column("reporting")).tolist() == ["binance", "bybit", "all"]
    assert to_names(table.column("cause")).tolist() == ["", "", ""]
    assert np.isnan(to_numpy(table.column("slippage_bps"))).tolist() == [False, True, False]
    assert to_numpy(table.column("order_lots").slice(1)).tolist() == [1000, 1000]
