"""Every adapter reads files as published: to the value, with units, side and contract, in blocks of any size."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from cascade.data import opening, shapes
from cascade.data.adapters import ADAPTERS
from cascade.data.canonical import columns_of
from cascade.data.faults import Faults
from cascade.data.reading import batches
from cascade.data.recognise import Given, recognise
from cascade.errors import ScenarioError
from tests.support.archives import ACCOUNT, EXAMPLES, held, in_snapshot, snapshot_of_positions, state
from tests.support.packing import DAY_MS, at, hold, packed, write

NO_LINES = {"hyperliquid.clearinghouseState", "hyperliquid.positions"}
"""A document and a parquet file: read by tests of their own below."""

MANY = 10_000


def tables_of(path, given=None, adapter=None):
    found = recognise(path, given)
    chosen = next(each for each in found.adapters if adapter is None or each.name == adapter)
    faults = Faults(path.name)
    return [batch.table for batch in batches(path, chosen, found.about, faults)], faults.problems


def rows_of(path, given=None, adapter=None):
    tables, problems = tables_of(path, given, adapter)
    return [row for table in tables for row in table.to_pylist()], problems


def hold_to_the_value(path, kind, rows, least_blocks=1):
    """Hold every row that a file is read as to what it was made with."""
    assert kind in {each.name for each in recognise(path).adapters}
    tables, problems = tables_of(path, adapter=kind)
    assert problems == ()
    assert len(tables) >= least_blocks
    hold(pa.concat_tables(tables), rows)


def test_every_adapter_has_an_example():
    assert set(ADAPTERS) == set(EXAMPLES) | NO_LINES


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_makes_the_columns_of_its_table(name):
    adapter = ADAPTERS[name]
    for group in adapter.groups:
        made = {*adapter.columns, *group.columns}
        needed = {column.name for column in columns_of(adapter.table) if not column.nullable}
        assert needed <= made <= {column.name for column in columns_of(adapter.table)}
        assert set(adapter.series) | set(adapter.key) <= made
    assert set(adapter.moves) <= {
        *adapter.columns,
        *(name for each in adapter.groups for name in each.columns),
    }


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_file_as_published(kind, tmp_path):
    example = EXAMPLES[kind]
    hold_to_the_value(write(tmp_path, example), kind, example.rows(20))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_ten_thousand_lines_as_published(kind, tmp_path, monkeypatch):
    """All of them to the value, in a file that is read in 20 blocks."""
    example = EXAMPLES[kind]
    lines = example.lines(MANY)
    monkeypatch.setattr(opening, "BLOCK_BYTES", len("\n".join(lines)) // 20)
    hold_to_the_value(write(tmp_path, example, lines=lines), kind, example.rows(MANY), least_blocks=20)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_blocks_of_any_size_give_the_same_rows(kind, tmp_path, monkeypatch):
    example = EXAMPLES[kind]
    path = write(tmp_path, example, 50)
    whole, _ = rows_of(path, adapter=kind)
    length = len("\n".join(example.lines(50)))
    for parts in (2, 7):
        monkeypatch.setattr(opening, "BLOCK_BYTES", length // parts)
        assert rows_of(path, adapter=kind) == (whole, ())


@pytest.mark.parametrize("kind", [kind for kind, each in EXAMPLES.items() if each.header])
def test_windows_line_ends_a_byte_order_mark_and_blank_lines(kind, tmp_path):
    example = EXAMPLES[kind]
    expected, _ = rows_of(write(tmp_path / "a", example), adapter=kind)
    text = "\ufeff" + "\r\n".join(example.lines(20)).replace("\r\n", "\r\n\r\n", 2) + "\r\n"
    assert rows_of(packed(tmp_path / "b" / example.path, text), adapter=kind) == (expected, ())


@pytest.mark.parametrize("kind", [kind for kind, each in EXAMPLES.items() if each.header])
def test_a_bad_cell_is_told_where_it_is_and_its_row_left_out(kind, tmp_path):
    example, adapter = EXAMPLES[kind], ADAPTERS[kind]
    lines = example.lines(20)
    header = lines[0].split(",")
    cell = next(each for each in adapter.cells.values() if each.kind == "number" and each.name in header)
    at_column = header.index(cell.name)
    cells = lines[5].split(",")
    cells[at_column] = "x1"
    lines[5] = ",".join(cells)
    rows, (problem,) = rows_of(write(tmp_path, example, lines=lines), adapter=kind)
    assert len(rows) == len(example.rows(20)) - len(example.makes(4))
    assert (problem.code, problem.line, problem.path) == ("CAS021", 6, cell.name)
    assert problem.message == "'x1' is not a number"
    assert lines[5][problem.column - 1 :].startswith("x1")


def test_all_bad_rows_are_counted_and_some_shown(tmp_path):
    example = EXAMPLES["binance.aggTrades"]
    lines = [line.split(",") for line in example.lines(40)]
    lines = [lines[0], *([*cells[:2], "-1", *cells[3:]] for cells in lines[1:])]
    rows, (problem,) = rows_of(write(tmp_path, example, lines=[",".join(cells) for cells in lines]))
    assert rows == []
    assert problem.message.startswith("must be above 0 — and 39 more like it, in lines 3, 4, 5")


@pytest.mark.parametrize(
    ("kind", "first", "row"),
    [
        ("binance.klines", "1751328000000,1.0,2.0,0.5,1.5,10.0,1751328059999,15.0,3,5.0,7.0,0", 12),
        ("binance.trades", "5,60000.5,0.5,30000.25,1751328000000,true", 6),
        ("binance.trades", "5,60000.5,0.5,30000.25,1751328000000000,True,True", 7),
        ("binance.aggTrades", "5,60000.5,0.5,1,2,1751328000000,true", 7),
        ("binance.aggTrades", "5,60000.5,0.5,1,2,1751328000000000,True,True", 8),
    ],
)
def test_files_without_a_header_are_told_by_what_stands_where(kind, first, row, tmp_path):
    (tmp_path / "BTCUSDT-1m-2025-07-01.csv").write_text(first + "\n")
    found = recognise(tmp_path / "BTCUSDT-1m-2025-07-01.csv")
    assert ([each.name for each in found.adapters], found.has_header) == ([kind], False)
    assert len(first.split(",")) == row
    rows, problems = rows_of(tmp_path / "BTCUSDT-1m-2025-07-01.csv")
    assert (len(rows), rows[0]["time"], problems) == (1, at(0), ())


def test_coin_margined_klines_count_contracts(tmp_path):
    row = "1751328000000,50000,50000,50000,50000,7,1751328059999,0.014,3,5,0.01,0"
    path = packed(tmp_path / "BTCUSD_PERP-1m-2025-07-01.zip", row + "\n")
    (bar,), _ = rows_of(path, adapter="binance.coinm_klines")
    assert (bar["size"], bar["notional_usd"], bar["taker_buy_usd"]) == (0.014, 700.0, 500.0)
    path = packed(tmp_path / "ETHUSD_PERP-1m-2025-07-01.zip", row + "\n")
    (bar,), _ = rows_of(path)
    assert bar["notional_usd"] == 70.0


def test_a_liquidation_rides_both_legs_and_is_read_once(tmp_path):
    path = write(tmp_path, EXAMPLES["hyperliquid.node_fills"], 10)
    rows, problems = rows_of(path, adapter="hyperliquid.node_liquidations")
    assert problems == ()
    assert [row["id"] for row in rows] == ["501", "503", "505", "507", "509"]
    assert {row["side"] for row in rows} == {"long", "short"}


def state_of(folder, states):
    path = folder / f"{ACCOUNT}.json"
    path.write_text(json.dumps(states, indent=2))
    return path


def test_the_state_of_an_account(tmp_path):
    hold_to_the_value(state_of(tmp_path, state()), "hyperliquid.clearinghouseState", [held()])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", [2, MANY])
def test_states_of_an_account(n, tmp_path):
    path = state_of(tmp_path, [state(k) for k in range(n)])
    hold_to_the_value(path, "hyperliquid.clearinghouseState", [held(k) for k in range(n)])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", [2, MANY])
def test_a_snapshot_of_positions(n, tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "_ROWS", 1000)
    path = snapshot_of_positions(tmp_path, n)
    hold_to_the_value(path, "hyperliquid.positions", [in_snapshot(k) for k in range(n)], n // 1000)


@pytest.mark.parametrize("wrap", ["data", "result"])
def test_what_recorders_put_around_a_message_is_taken_off(wrap, tmp_path):
    for kind in ("binance.forceOrder", "bybit.allLiquidation"):
        example = EXAMPLES[kind]
        lines = [json.dumps({"ts": 1, "source": "ws", wrap: json.loads(line)}) for line in example.lines(5)]
        hold_to_the_value(write(tmp_path / kind, example, lines=lines), kind, example.rows(5))


def test_a_recorder_that_keeps_one_liquidation_a_line(tmp_path):
    item = json.dumps(
        {"stream": "allLiquidation.X", "result": {"T": DAY_MS, "s": "X", "S": "Sell", "v": "1", "p": "2"}}
    )
    rows, problems = rows_of(
        packed(tmp_path / "bybit.jsonl", item + "\n"), Given(kind="bybit.allLiquidation")
    )
    assert problems == ()
    assert (rows[0]["side"], rows[0]["notional_usd"]) == ("short", 2.0)


def test_a_contract_that_nobody_knows_is_asked_for(tmp_path):
    path = renamed(tmp_path, "okx.swap_trades", "BTC-USDT-SWAP", "PEPE-USDT-SWAP")
    rows, (problem,) = rows_of(path)
    assert rows == []
    assert (problem.code, problem.line) == ("CAS308", 2)
    assert "--contract" in problem.hint
    rows, problems = rows_of(path, Given(contract=10.0))
    assert (rows[0]["size"], problems) == (pytest.approx(140.7), ())


def renamed(folder, kind, old, new):
    """Write the file of an example as one of another symbol."""
    example = EXAMPLES[kind]
    text = "\n".join(example.lines(5)).replace(old, new)
    return packed(folder / example.path.replace(old, new), text)


@pytest.mark.parametrize(
    ("kind", "old", "new", "size", "notional"),
    [
        ("okx.inverse_trades", "BTC-USD-SWAP", "BTC-USD-250926", 0.01, 500.0),
        ("okx.inverse_trades", "BTC-USD-SWAP", "LTC-USD-SWAP", 0.001, 50.0),
        ("okx.swap_trades", "BTC-USDT-SWAP", "BTC-USDT-250926", 0.1407, 8442.0),
        ("binance.coinm_trades", "BTCUSD_PERP", "BTCUSD_250926", 0.01, 500.0),
        ("binance.coinm_trades", "BTCUSD_PERP", "ETHUSD_250926", 0.001, 50.0),
    ],
)
def test_contracts_are_told_from_coins_by_the_symbol(kind, old, new, size, notional, tmp_path):
    path = renamed(tmp_path, kind, old, new)
    assert [each.name for each in recognise(path).adapters] == [kind]
    rows, problems = rows_of(path)
    assert problems == ()
    told = [(row["symbol"], row["size"], row["notional_usd"]) for row in rows[:1]]
    assert told == [(new, pytest.approx(size), pytest.approx(notional))]


def test_options_of_okx_are_of_no_kind(tmp_path):
    path = renamed(tmp_path, "okx.trades", "BTC-USDT", "BTC-USD-250926-100000-C")
    with pytest.raises(ScenarioError, match=r"are those of okx\.trades, but not of what it trades"):
        recognise(path)


def of_tardis(folder, kind, exchange, symbol):
    """Write trades or liquidations of an exchange as Tardis does: 1,000 at 50,000."""
    row = f"{exchange},{symbol},{DAY_MS * 1000},{DAY_MS * 1000},1,buy,50000,1000"
    return packed(
        folder / kind / "2025/07/01" / f"{symbol}.csv.gz", f"{EXAMPLES['tardis.trades'].header}\n{row}\n"
    )


@pytest.mark.parametrize("kind", ["trades", "liquidations"])
@pytest.mark.parametrize(
    ("exchange", "symbol", "size", "notional"),
    [
        ("bitmex", "XBTUSD", 0.02, 1000.0),
        ("bitmex", "XBTU25", 0.02, 1000.0),
        ("deribit", "BTC-PERPETUAL", 0.02, 1000.0),
        ("deribit", "ETH-26SEP25", 0.02, 1000.0),
        ("deribit", "BTC_USDC-PERPETUAL", 1000.0, 5e7),
        ("binance-delivery", "BTCUSD_250926", 2.0, 1e5),
        ("binance-delivery", "ETHUSD_PERP", 0.2, 1e4),
        ("bybit", "BTCUSD", 0.02, 1000.0),
        ("bybit", "BTCUSDT", 1000.0, 5e7),
        ("bitstamp", "BTCUSD", 1000.0, 5e7),
        ("okex-swap", "BTC-USD-SWAP", 2.0, 1e5),
        ("okex-swap", "BTC-USDT-SWAP", 10.0, 5e5),
        ("cryptofacilities", "PI_XBTUSD", 0.02, 1000.0),
    ],
)
def test_amounts_of_tardis_are_as_each_exchange_counts_them(kind, exchange, symbol, size, notional, tmp_path):
    rows, problems = rows_of(of_tardis(tmp_path, kind, exchange, symbol))
    assert problems == ()
    assert [(row["size"], row["notional_usd"]) for row in rows] == [
        (pytest.approx(size), pytest.approx(notional))
    ]


def test_symbols_of_one_file_of_tardis_may_be_counted_differently(tmp_path):
    row = f"{DAY_MS * 1000},{DAY_MS * 1000},1,buy,50000,1000"
    text = f"{EXAMPLES['tardis.trades'].header}\nbybit,BTCUSDT,{row}\nbybit,BTCUSD,{row}\n"
    rows, _ = rows_of(packed(tmp_path / "trades/2025/07/01/PERPETUALS.csv.gz", text))
    assert [row["notional_usd"] for row in rows] == [5e7, 1000.0]


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [("deribit", "BTC-26SEP25-100000-C"), ("bitmex", "ETHUSD"), ("gate-io-futures", "BTC_USDT")],
)
def test_amounts_that_nobody_knows_are_asked_for(exchange, symbol, tmp_path):
    path = of_tardis(tmp_path, "trades", exchange, symbol)
    rows, (problem,) = rows_of(path)
    assert (rows, problem.code, problem.line) == ([], "CAS308", 2)
    rows, problems = rows_of(path, Given(contract=0.001))
    assert (rows[0]["size"], problems) == (pytest.approx(1.0), ())


def test_open_interest_of_tardis_is_in_units_of_the_asset(tmp_path):
    example = EXAMPLES["tardis.derivative_ticker"]
    row = f"bitmex,XBTUSD,{DAY_MS * 1000},{DAY_MS * 1000},,,,1000,50000,,50000"
    (found,), problems = rows_of(packed(tmp_path / example.path, f"{example.header}\n{row}\n"))
    assert (found["open_interest"], problems) == (0.02, ())
