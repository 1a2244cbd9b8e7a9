"""The reader of public archives against files with each of their traps."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pytest

from cascade.data.klines import read_klines, read_trades
from cascade.errors import ScenarioError

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,"
    "ignore"
)
START_MS = 1_751_328_000_000  # 1 July 2025


def kline(k, *, time=None, quote=1000.0, high=102.0, unit=1):
    time = START_MS + 60_000 * k if time is None else time
    return f"{time * unit},100.0,{high},99.0,101.0,10.0,{time * unit + 59_999},{quote},5,6.0,600.0,0"


def rows(n, **changes):
    return [kline(k, **changes) for k in range(n)]


def write(path, lines, *, end="\n"):
    text = end.join(lines) + end
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.name.replace(".zip", ".csv"), text)
    else:
        path.write_text(text, encoding="utf-8")
    return path


def problems(read, path):
    with pytest.raises(ScenarioError) as caught:
        read(path)
    return caught.value.problems


@pytest.mark.parametrize("name", ["bars.csv", "bars.csv.gz", "bars.zip"])
@pytest.mark.parametrize("header", [[HEADER], []], ids=["header", "none"])
def test_klines_as_published(tmp_path, name, header):
    found = read_klines(write(tmp_path / name, [*header, *rows(5)]))
    assert found.seconds == 60.0
    assert found.time_s == START_MS / 1e3
    assert found.close.tolist() == [101.0] * 5
    assert found.quote_volume.tolist() == [1000.0] * 5
    assert found.taker_quote_volume.tolist() == [600.0] * 5
    assert found.notes == ()


def test_microseconds_of_spot_since_2025_and_both_in_one_file(tmp_path):
    lines = [kline(0), kline(1), *(kline(k, unit=1000) for k in (2, 3))]
    found = read_klines(write(tmp_path / "spot.csv", lines))
    assert (found.time_s, found.seconds, len(found.close)) == (START_MS / 1e3, 60.0, 4)


def test_windows_line_ends_a_byte_order_mark_and_blank_lines(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([HEADER, *rows(3), "", ""]).encode())
    assert len(read_klines(path).close) == 3


def test_old_names_of_columns(tmp_path):
    old = (
        "open_time,open,high,low,close,volume,close_time,quote_asset_volume,number_of_trades,"
        "taker_buy_base_asset_volume,taker_buy_quote_asset_volume,ignore"
    )
    found = read_klines(write(tmp_path / "bars.csv", [old, *rows(3)]))
    assert found.taker_quote_volume.tolist() == [600.0] * 3


def test_bars_with_dates_and_sizes_alone(tmp_path):
    lines = ["time_utc,open,high,low,close,volume"]
    lines += [f"2025-07-01T00:0{k}:00Z,100,102,98,101,5" for k in range(3)]
    found = read_klines(write(tmp_path / "bars.csv", lines))
    assert found.time_s == START_MS / 1e3
    assert found.quote_volume.tolist() == [500.0] * 3
    assert found.taker_quote_volume is None


def test_mark_prices_have_no_volume(tmp_path):
    found = read_klines(
        write(tmp_path / "bars.csv", [line.replace(",6.0,600.0,", ",0,0,") for line in rows(3, quote=0.0)])
    )
    assert found.quote_volume is None


def test_gaps_are_filled_with_nothing_and_named(tmp_path):
    lines = [kline(k) for k in (0, 1, 4, 5, 9)]
    found = read_klines(write(tmp_path / "bars.csv", lines))
    assert np.flatnonzero(np.isnan(found.close)).tolist() == [2, 3, 6, 7, 8]
    assert found.notes == ("5 bars are missing in 2 gaps, the first from 2025-07-01T00:02:00Z",)


def test_rows_out_of_order_and_twice(tmp_path):
    lines = [kline(2), kline(0), kline(1), kline(1), kline(3)]
    found = read_klines(write(tmp_path / "bars.csv", lines))
    assert len(found.close) == 4
    assert [note.partition(": ")[2] for note in found.notes] == [
        "bars were not in the order of time",
        "1 bars are there twice",
    ]


def test_another_bar_of_the_same_time_is_refused(tmp_path):
    (problem,) = problems(read_klines, write(tmp_path / "bars.csv", [*rows(3), kline(1, high=103.0)]))
    assert problem.line == 4
    assert problem.message == "another row has another bar of the same time"


def test_a_bar_within_a_bar_is_refused(tmp_path):
    lines = [*rows(4), kline(0, time=START_MS + 61_000)]
    (problem,) = problems(read_klines, write(tmp_path / "bars.csv", lines))
    assert problem.line == 5
    assert problem.message == "this time lies within a bar: bars are 60 s long"


def test_all_that_is_wrong_is_said_at_once_and_where(tmp_path):
    lines = [HEADER, *rows(6)]
    lines[2] = lines[2].replace("100.0", "x")
    lines[4] = lines[4].replace(",99.0,", ",,")
    lines[5] += ",1"
    found = problems(read_klines, write(tmp_path / "bars.csv", lines))
    assert [(p.line, p.code) for p in found] == [(3, "CAS021"), (5, "CAS021"), (6, "CAS022")]
    assert found[0].message == "'x' is not a number"
    assert found[0].source_line[found[0].column - 1 :].startswith("x,")
    assert found[1].message == "is empty"
    assert found[2].message == "13 cells under 12 columns"


def test_bars_that_cannot_be_are_refused(tmp_path):
    lines = [kline(0, high=100.5), kline(1).replace(",100.0,", ",-1,"), kline(2).replace(",600.0,", ",6000,")]
    found = problems(read_klines, write(tmp_path / "bars.csv", lines))
    assert {p.message for p in found} == {
        "must be above 0",
        "high lies below open or close",
        "takers cannot have bought more than was traded",
    }


def test_many_bad_rows_are_one_fault(tmp_path):
    (found,) = problems(read_klines, write(tmp_path / "bars.csv", rows(50, high=1.0)))
    assert found.message.startswith("high lies below open or close — and 49 more like it, in lines 2, 3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "the file has no rows"),
        (b"PK\x03\x04garbage", "the archive is damaged or cut off"),
        (gzip.compress(b"1,2,3\n" * 100, mtime=0)[:30], "the archive is damaged or cut off"),
        (b"\xff\xfe\x00\x01" * 9, "is of no kind that Cascade reads"),
        (b"1751328000000,1,2\n", "is of no kind that Cascade reads; its first line is: '1751328000000,1,2'"),
        (b"open_time,open,high,low,price\n1,1,1,1,1\n", "has the column close, which is not here"),
        (
            b"symbol,ts_utc,liq_long_usd,liq_short_usd\nBTC,2025-07-01,1,2\n",
            "holds no bars: it is coinglass.liquidations",
        ),
    ],
)
def test_what_is_no_kline_file(tmp_path, content, message):
    path = tmp_path / "bars.csv"
    path.write_bytes(content)
    assert message in problems(read_klines, path)[0].message


def test_an_archive_of_two_files_and_a_file_that_is_not_there(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("part-00000-c000.csv", "BTCUSDT-1m.csv"):
            archive.writestr(name, "1")
    (tmp_path / "bars.zip").write_bytes(buffer.getvalue())
    (problem,) = problems(read_klines, tmp_path / "bars.zip")
    assert problem.message == "the archive holds 2 files: part-00000-c000.csv, BTCUSDT-1m.csv"
    (problem,) = problems(read_klines, tmp_path / "bar.zip")
    assert "bars.zip" in problem.hint


TRADES = {
    "futures": "{k},101.5,0.2,20.3,{t},true",
    "spot": "{k},101.5,0.2,20.3,{t}000,True,True",
    "agg_futures": "{k},101.5,0.2,{k},{k},{t},true",
    "agg_spot": "{k},101.5,0.2,{k},{k},{t}000,True,True",
}


@pytest.mark.parametrize("kind", TRADES)
def test_trades_as_published_without_a_header(tmp_path, kind):
    lines = [TRADES[kind].format(k=k, t=START_MS + 10 * k) for k in range(4)]
    lines[1] = lines[1].replace("true", "false").replace("True,True", "False,True")
    found = read_trades(write(tmp_path / "trades.csv", lines))
    assert found.time_s.tolist() == [(START_MS + 10 * k) / 1e3 for k in range(4)]
    assert found.sign.tolist() == [-1, 1, -1, -1]
    assert found.usd == pytest.approx([20.3] * 4)


@pytest.mark.parametrize(
    "header",
    [
        "id,price,qty,quote_qty,time,is_buyer_maker",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
    ],
)
def test_trades_with_a_header_out_of_order_and_twice(tmp_path, header):
    kind = "futures" if "qty" in header else "agg_futures"
    lines = [TRADES[kind].format(k=k, t=START_MS + 10 * k) for k in (0, 2, 1, 1, 3)]
    found = read_trades(write(tmp_path / "trades.zip", [header, *lines]))
    assert np.diff(found.time_s) == pytest.approx([0.01] * 3)
    assert len(found.notes) == 2


def test_trades_that_cannot_be(tmp_path):
    lines = [TRADES["futures"].format(k=k, t=START_MS) for k in range(3)]
    lines[0] = lines[0].replace(",0.2,", ",0,")
    lines[1] = lines[1].replace("true", "maybe")
    found = problems(read_trades, write(tmp_path / "trades.csv", lines))
    assert [(p.line, p.message) for p in found] == [
        (1, "must be above 0"),
        (2, "'maybe' is not false or true"),
    ]
