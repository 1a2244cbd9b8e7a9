"""`cascade data check`: each trap of public archives in a file that has it, and no complaint about one that has not."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cascade.data import opening
from cascade.data.against import read_reference
from cascade.data.recognise import Given, recognise
from cascade.data.soundness import check, check_file
from cascade.errors import ScenarioError, UsageError
from tests.support.archives import EXAMPLES, snapshot_of_positions
from tests.support.archives_exchanges import klines
from tests.support.packing import DAY_MS, packed, write


def day(kind, n, folder):
    return write(folder, EXAMPLES[kind], n)


WHOLE = {
    "binance.klines": 1440, "binance.markPriceKlines": 1440, "binance.indexPriceKlines": 1440,
    "binance.premiumIndexKlines": 1440, "binance.metrics": 288, "binance.coinm_metrics": 288,
    "binance.bookDepth": 5760, "binance.fundingRate": 93,
}  # fmt: skip
"""Rows of a whole day or month of kinds that have a fixed number."""


def codes(path, given=None, against=None):
    return {each.code for each in check_file(path, given, against).problems if each.severity == "error"}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_day_is_sound(kind, tmp_path):
    verdict = check_file(day(kind, WHOLE[kind], tmp_path))
    assert verdict.is_sound, verdict.problems
    (reading,) = verdict.readings
    assert reading.rows == WHOLE[kind]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_day_that_is_cut_off_or_has_a_hole_fails(kind, tmp_path):
    n = WHOLE[kind]
    lines = EXAMPLES[kind].lines(n)
    assert codes(write(tmp_path / "a", EXAMPLES[kind], lines=lines[: n // 2])) == {"CAS304"}
    hole = [*lines[: n // 3], *lines[n // 3 + 40 :]]
    assert codes(write(tmp_path / "b", EXAMPLES[kind], lines=hole)) == {"CAS304"}


def test_a_hole_is_told_with_its_ends_and_length(tmp_path):
    lines = EXAMPLES["binance.klines"].lines(1440)
    (problem,) = check_file(
        write(tmp_path, EXAMPLES["binance.klines"], lines=[*lines[:101], *lines[111:]])
    ).problems
    assert problem.message == (
        "nothing between 2025-07-01T01:39:00Z and 2025-07-01T01:50:00Z: 10 rows are missing"
    )
    assert (problem.line, problem.path) == (102, "open_time")


def test_rows_out_of_order_fail_where_order_is_promised(tmp_path):
    example = EXAMPLES["binance.aggTrades"]
    lines = example.lines(20)
    lines[5], lines[6] = lines[6], lines[5]
    found = check_file(write(tmp_path, example, lines=lines)).problems
    (problem,) = [each for each in found if each.code == "CAS302"]
    assert (problem.code, problem.line, problem.path) == ("CAS302", 7, "transact_time")
    unsorted = EXAMPLES["bybit.trades"].lines(20)
    unsorted[5], unsorted[6] = unsorted[6], unsorted[5]
    verdict = check_file(write(tmp_path, EXAMPLES["bybit.trades"], lines=unsorted))
    assert verdict.readings[0].is_sorted is False
    assert {(each.code, each.severity) for each in verdict.problems} >= {("CAS302", "warning")}


def test_rows_that_are_there_twice_or_contradict_each_other(tmp_path):
    example = EXAMPLES["binance.bookDepth"]
    lines = example.lines(100)
    again = check_file(write(tmp_path, example, lines=[*lines[:50], lines[49], *lines[50:]]))
    told = [each for each in again.problems if each.code == "CAS303"]
    assert [(each.line, each.message.partition(":")[0]) for each in told] == [(51, "this row is there twice")]
    other = lines[49].replace("2048.5", "2048.6")
    assert other != lines[49]
    found = check_file(write(tmp_path, example, lines=[*lines[:50], other, *lines[50:]])).problems
    assert any("says something else" in each.message for each in found if each.code == "CAS303")


def test_a_row_again_is_found_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "BLOCK_BYTES", 300)
    lines = EXAMPLES["bybit.trades"].lines(200)
    found = check_file(write(tmp_path, EXAMPLES["bybit.trades"], lines=[*lines, lines[20]])).problems
    assert [each.line for each in found if each.code == "CAS303"] == [202]


def test_liquidation_snapshots_are_written_twice_and_no_more_or_less(tmp_path):
    example = EXAMPLES["binance.liquidationSnapshot"]
    verdict = check_file(write(tmp_path, example, 20))
    assert verdict.word == "noted"
    assert "every row is written twice" in verdict.problems[0].message
    assert codes(write(tmp_path, example, lines=example.lines(20)[:-1])) == {"CAS303"}


@pytest.mark.parametrize(
    ("factor", "word"), [(1, "is a time in s"), (10**9, "is a time in ns"), (10**-3, "is no time since 1970")]
)
def test_times_in_another_unit(factor, word, tmp_path):
    example = EXAMPLES["binance.fundingRate"]
    lines = [example.header, *(f"{int((DAY_MS // 1000 + 28_800 * k) * factor)},8,0.0001" for k in range(5))]
    found = check_file(write(tmp_path, example, lines=lines)).problems
    assert word in found[0].message
    assert found[0].code == "CAS301"
    assert found[0].line == 2


def test_units_that_change_within_a_file_are_noted(tmp_path):
    lines = EXAMPLES["binance.aggTrades"].lines(20)
    lines[11:] = [line.replace(f"{DAY_MS // 10**6}", f"{DAY_MS // 10**6}").replace(",true", "000,true")
                  .replace(",false", "000,false") for line in lines[11:]]  # fmt: skip
    verdict = check_file(write(tmp_path, EXAMPLES["binance.aggTrades"], lines=lines))
    assert verdict.readings[0].units == ("ms", "us")
    assert any(each.code == "CAS301" and each.severity == "warning" for each in verdict.problems)


@pytest.mark.parametrize("side", ["-0.20", "1"])
def test_a_side_of_the_book_that_stands_still(side, tmp_path):
    example = EXAMPLES["binance.bookDepth"]
    lines = example.lines(5760)
    for k in range(3720, len(lines)):  # from 15:30, as on 10 October 2025
        cells = lines[k].split(",")
        if cells[1] == side:
            lines[k] = f"{cells[0]},{side},777.5,46650000.0"
    found = [
        each
        for each in check_file(write(tmp_path, example, lines=lines)).problems
        if each.severity == "error"
    ]
    (problem,) = found
    assert problem.code == "CAS305"
    assert f"{'bid 20' if side < '0' else 'ask 100'} stood still for 8." in problem.message
    assert abs(problem.line - 3722) <= 1


@pytest.mark.parametrize("kind", ["binance.klines", "binance.markPriceKlines"])
def test_bars_that_stand_still(kind, tmp_path):
    """The venue writes the same bar for hours; a market in which nobody trades is no such thing."""
    lines = EXAMPLES[kind].lines(1440)
    stands = lines[601].split(",")
    for k in range(602, 901):
        cells = lines[k].split(",")
        lines[k] = ",".join([cells[0], *stands[1:6], cells[6], *stands[7:]])
    (problem,) = [
        p for p in check_file(write(tmp_path, EXAMPLES[kind], lines=lines)).problems if p.severity == "error"
    ]
    assert (problem.code, problem.line) == ("CAS305", 602)
    assert "stood still for 5.0 h, in 300 rows" in problem.message


def test_a_market_in_which_nobody_trades_does_not_stand_still(tmp_path):
    lines = EXAMPLES["binance.klines"].lines(1440)
    for k in range(602, 902):
        cells = lines[k].split(",")
        lines[k] = ",".join([cells[0], *["60000.0"] * 4, "0", cells[6], "0", "0", "0", "0", "0"])
    assert check_file(write(tmp_path, EXAMPLES["binance.klines"], lines=lines)).is_sound


def test_a_table_of_days_that_stands_still(tmp_path):
    example = EXAMPLES["coinglass.open_interest"]
    lines = example.lines(60)
    stands = lines[20].split(",")
    lines[21:41] = [",".join([*line.split(",")[:2], *stands[2:]]) for line in lines[21:41]]
    found = [p for p in check_file(write(tmp_path, example, lines=lines)).problems if p.code == "CAS305"]
    assert any("stood still for 20.0 d" in each.message or "480.0 h" in each.message for each in found)


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("binance.aggTrades", ("2025-07-01", "2025-07-02", "2025-07-03")),
        ("hyperliquid.asset_ctxs", ("20250701", "20250702", "20250703")),
        ("tardis.trades", ("2025/07/01", "2025/07/02", "2025/07/03")),
    ],
)
def test_a_day_that_was_never_fetched_is_told_of_streams_too(kind, days, tmp_path):
    """Also of files whose rows, and not their names, say what is traded."""
    path = EXAMPLES[kind].path
    assert days[0] in path

    def gaps(*given):
        files = [write(tmp_path, replace(EXAMPLES[kind], path=path.replace(days[0], day))) for day in given]
        return [
            "nothing between" in p.message
            for v in check(files)[1:]
            for p in v.problems
            if p.line == 0 and "where" in p.message
        ]

    assert gaps(days[0], days[1]) == []
    assert gaps(days[0], days[2]) == [True]


@pytest.mark.parametrize(("one", "other"), [("alpha_1.csv", "alpha_2.csv"), ("ob200/a.csv", "ob500/a.csv")])
def test_files_that_differ_in_more_than_their_time_do_not_go_on_from_each_other(one, other, tmp_path):
    """A number that is no date tells two coins, or two depths of a book, apart."""
    rows = "time_utc,open,high,low,close\n" + "".join(
        f"2025-07-01T{k:02}:00:00Z,{100 + k},{101 + k},{99 + k},{100 + k}.5\n" for k in range(24)
    )
    paths = [tmp_path / name for name in (one, other)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(rows, encoding="utf-8")
    assert [each.problems for each in check(paths)] == [each.problems for each in map(check_file, paths)]


def test_bands_that_are_mixed_up(tmp_path):
    lines = ["timestamp,percentage,depth,notional"]
    for k in range(2880):
        for band in (-2, -1, 1, 2):
            deep = 1 if abs(band) == 1 else 2
            deep = 3 - deep if k == 100 else deep
            stamp = np.datetime64(DAY_MS // 1000 + 30 * k, "s")
            lines.append(f"{str(stamp).replace('T', ' ')},{band},{deep}.{k},{deep * 60_000}.{k}")
    found = check_file(write(tmp_path, EXAMPLES["binance.bookDepth"], lines=lines)).problems
    assert [(each.code, each.line) for each in found] == [("CAS313", 402), ("CAS313", 405)]


def metrics(folder, name, first, n):
    example = EXAMPLES["binance.metrics"]
    rows = [
        f"{str(np.datetime64(first) + np.timedelta64(300 * k, 's')).replace('T', ' ')},BTCUSDT,{80_000 + k},"
        f"{(80_000 + k) * 60_000},1,1,1,1"
        for k in range(n)
    ]
    return packed(folder / f"BTCUSDT-metrics-{name}.zip", "\n".join([example.header, *rows]))


@pytest.mark.parametrize(
    ("name", "first", "label", "expected"),
    [
        ("2026-06-20", "2026-06-20T00:05:00", "end", set()),
        ("2026-06-30", "2026-06-30T00:00:00", "start", set()),
        ("2026-06-20", "2026-06-20T00:00:00", "start", {"CAS306"}),
        ("2026-06-30", "2026-06-30T00:05:00", "end", {"CAS306"}),
    ],
)
def test_the_label_of_metrics_by_what_the_day_shows(name, first, label, expected, tmp_path):
    path = metrics(tmp_path, name, first, 288)
    assert codes(path) == expected
    assert check_file(path).readings[0].label == label


def test_both_labels_in_one_file_and_no_overlap_across_the_change(tmp_path):
    both = metrics(tmp_path, "2026-06-25", "2026-06-25T00:00:00", 289)
    assert codes(both) == {"CAS306"}
    before = metrics(tmp_path, "2026-06-24", "2026-06-24T00:05:00", 288)
    after = metrics(tmp_path, "2026-06-25", "2026-06-25T00:00:00", 288)
    assert all(each.is_sound for each in check([before, after]))


def test_files_side_by_side(tmp_path):
    first = metrics(tmp_path, "2026-06-20", "2026-06-20T00:05:00", 288)
    third = metrics(tmp_path, "2026-06-22", "2026-06-22T00:05:00", 288)
    verdicts = check([third, first])
    assert [each.is_sound for each in verdicts] == [False, True]
    assert "never fetched" in verdicts[0].problems[-1].hint
    again = packed(tmp_path / "again" / first.name, "")
    again.write_bytes(first.read_bytes())
    assert {each.code for each in check([first, again])[1].problems if each.severity == "error"} == {"CAS303"}


def test_takers_who_are_makers(tmp_path):
    rng = np.random.default_rng(1)
    moves = rng.choice([-1, 1], 500)
    prices = 60_000 + np.cumsum(moves)
    for is_right in (True, False):
        flags = ["false" if (move > 0) == is_right else "true" for move in moves]
        rows = [
            f"{k},{p}.0,0.5,{k},{k},{DAY_MS + 172_500 * k},{f}"
            for k, (p, f) in enumerate(zip(prices, flags, strict=True))
        ]
        path = write(
            tmp_path, EXAMPLES["binance.aggTrades"], lines=[EXAMPLES["binance.aggTrades"].header, *rows]
        )
        assert codes(path) == (set() if is_right else {"CAS307"})


def test_sizes_in_contracts_of_another_size(tmp_path):
    example = EXAMPLES["binance.trades"]
    lines = [line.split(",") for line in example.lines(20)]
    for cells in lines[1:]:
        cells[2] = str(100 * float(cells[2]))
    (problem,) = [
        each
        for each in check_file(write(tmp_path, example, lines=[",".join(cells) for cells in lines])).problems
        if each.code == "CAS308"
    ]  # fmt: skip
    assert "is 0.01 times the price" in problem.message
    assert "--contract" not in problem.hint


def test_contracts_of_another_worth_are_told_with_theirs(tmp_path):
    row = "1751328000000,50000,50000,50000,50000,7,1751328059999,0.014,3,5,0.01,0"
    path = packed(tmp_path / "BTCUSD_PERP-1m-2025-07-01.zip", row + "\n")
    (problem,) = [each for each in check_file(path, Given(contract=10.0)).problems if each.code == "CAS308"]
    assert "one is worth 10 times what is known of it" in problem.hint
    assert "CAS308" not in codes(path)


def test_a_contract_that_says_nothing_is_refused(tmp_path):
    for kind in ("okx.trades", "binance.aggTrades"):
        (problem,) = check_file(day(kind, 20, tmp_path), Given(contract=100.0)).problems
        assert problem.code == "CAS308"
        assert f"amounts of {kind} are no contracts" in problem.message
        assert "leave --contract out" in problem.hint


def test_a_file_of_another_day_than_its_name_says(tmp_path):
    path = day("binance.klines", 1440, tmp_path)
    renamed = path.with_name(path.name.replace("07-01", "07-02"))
    path.rename(renamed)
    assert "CAS310" in codes(renamed)


def test_a_day_of_okx_begins_at_sixteen_hours(tmp_path):
    example = EXAMPLES["okx.swap_trades"]
    lines = [example.header] + [
        f"BTC-USDT-SWAP,{k},{'buy' if k % 2 else 'sell'},{60_000 + k % 2}.0,1,{DAY_MS + 57_600_000 + 300_000 * k},0"
        for k in range(288)
    ]
    assert codes(write(tmp_path, example, lines=lines)) == set()
    renamed = write(tmp_path, example, lines=lines)
    renamed = renamed.rename(renamed.with_name(renamed.name.replace("07-02", "07-01")))
    assert "CAS310" in codes(renamed)


def test_a_checksum_beside_the_file(tmp_path):
    path = day("binance.klines", 1440, tmp_path)
    beside = path.with_name(f"{path.name}.CHECKSUM")
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert codes(path) == set()
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    assert codes(path) == {"CAS311"}


def test_prices_against_another_source(tmp_path):
    bars = read_reference(day("binance.markPriceKlines", 1440, tmp_path))
    path = day("binance.klines", 1440, tmp_path)
    assert codes(path, against=bars) == set()
    tenth = klines("klines", 6000.0)
    (problem,) = check_file(write(tmp_path / "tenth", tenth, 1440), None, bars).problems
    assert (problem.code, problem.line, problem.path) == ("CAS309", 2, "close")
    assert "1,440 of 1,440 prices lie beyond those of" in problem.message
    assert "by a factor of 0.1" in problem.message
    with pytest.raises(UsageError, match="has no prices"):
        read_reference(write(tmp_path, EXAMPLES["coinglass.funding"]))
    elsewhere = write(tmp_path, EXAMPLES["coinglass.perp_ohlcv"])
    other = EXAMPLES["coinglass.perp_ohlcv"].lines(20)
    elsewhere.write_text("\n".join([other[0], *(line.replace("2025", "2021") for line in other[1:])]))
    assert (
        "no price of it lies within" in check_file(path, None, read_reference(elsewhere)).problems[-1].message
    )


def wandering(n, shift=0, seed=1):
    closes = 60_000 + np.cumsum(np.random.default_rng(seed).normal(0, 30, n + 1))
    rows = ["time_utc,open,high,low,close,volume"]
    for k in range(n):
        low, high = sorted(closes[k : k + 2])
        stamp = np.datetime64(DAY_MS // 1000 + 60 * (k + shift), "s")
        rows.append(f"{stamp}Z,{closes[k]},{high + 1},{low - 1},{closes[k + 1]},1")
    return rows, closes


def test_bars_that_are_labelled_by_their_end_are_found_against_others(tmp_path):
    rows, _ = wandering(300)
    late, _ = wandering(300, shift=1)
    reference = read_reference(packed(tmp_path / "a.csv", "\n".join(rows)))
    assert codes(packed(tmp_path / "b.csv", "\n".join(rows)), Given(symbol="BTC"), reference) == set()
    assert codes(packed(tmp_path / "c.csv", "\n".join(late)), Given(symbol="BTC"), reference) == {"CAS306"}


@pytest.mark.parametrize(("long", "short"), [("Buy", "Sell"), ("Sell", "Buy")])
def test_liquidations_of_longs_in_a_rise_are_sides_reversed(long, short, tmp_path):
    rows, closes = wandering(300)
    reference = read_reference(packed(tmp_path / "a.csv", "\n".join(rows)))
    lines = [
        json.dumps({"topic": "allLiquidation.BTCUSDT", "data": [{
            "T": DAY_MS + 60_000 * k + 5, "s": "BTCUSDT", "S": long if closes[k + 1] < closes[k] else short, "v": "1",
            "p": str(closes[k])}]})
        for k in range(300)
    ]  # fmt: skip
    path = write(tmp_path, EXAMPLES["bybit.allLiquidation"], lines=lines)
    assert codes(path, against=reference) == (set() if long == "Buy" else {"CAS307"})


def test_nothing_fetched_fetched_and_empty_and_damaged_are_three_things(tmp_path):
    missing = check_file(tmp_path / "klines" / "BTCUSDT-1m-2025-07-01.zip").problems[0]
    assert (missing.code, missing.message) == ("CAS003", "no such data file")
    assert "data/futures/um/daily/klines/" in missing.hint
    header = packed(
        tmp_path / "BTCUSDT-bookDepth-2025-07-01.zip", EXAMPLES["binance.bookDepth"].header + "\n"
    )
    assert check_file(header).problems[0].message == "the file has no rows"
    nothing = packed(tmp_path / "x.csv.gz", "")
    assert check_file(nothing).problems[0].message == "the file is empty"
    path = day("binance.klines", 1440, tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    assert check_file(path).problems[0].message == "the archive is damaged or cut off"


@pytest.mark.parametrize(
    "kind", [kind for kind, each in EXAMPLES.items() if each.path.endswith((".gz", ".lz4"))]
)
def test_an_archive_that_is_cut_off_in_the_middle(kind, tmp_path):
    path = day(kind, 400, tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    verdict = check_file(path)
    assert not verdict.is_sound
    assert "CAS022" in {each.code for each in verdict.problems}


def test_a_column_that_was_renamed_is_named(tmp_path):
    lines = EXAMPLES["binance.bookDepth"].lines(5)
    lines[0] = lines[0].replace("notional", "value")
    (problem,) = check_file(write(tmp_path, EXAMPLES["binance.bookDepth"], lines=lines)).problems
    assert problem.code == "CAS316"
    assert problem.message == "a file of binance.bookDepth has the column notional, which is not here"
    assert "fetch it again: data.binance.vision" in problem.hint


def test_what_nobody_can_tell_is_asked_for(tmp_path):
    path = day("binance.markPriceKlines", 1440, tmp_path)
    alone = path.rename(tmp_path / path.name)
    (problem,) = check_file(alone).problems
    assert "binance.markPriceKlines, binance.indexPriceKlines" in problem.message
    assert "--as binance.markPriceKlines" in problem.hint
    assert codes(alone, Given(kind="binance.indexPriceKlines")) == set()
    with pytest.raises(UsageError, match=r"did you mean 'binance\.klines'"):
        recognise(alone, Given(kind="binance.kline"))


def test_several_files_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("part-00000-c000.csv", "1")
        archive.writestr("BTCUSDT.csv", "1")
    with pytest.raises(ScenarioError, match=r"the archive holds 2 files: part-00000-c000\.csv, BTCUSDT\.csv"):
        recognise(tmp_path / "a.zip")


@pytest.mark.parametrize("outer", ["gz", "zip"])
def test_a_zip_within_another_archive_is_unpacked(outer, tmp_path):
    example = EXAMPLES["binance.aggTrades"]
    inner = write(tmp_path, example)
    nested = tmp_path / "outer" / f"{inner.name}.{outer}"
    nested.parent.mkdir()
    if outer == "gz":
        nested.write_bytes(gzip.compress(inner.read_bytes()))
    else:
        with zipfile.ZipFile(nested, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(inner, inner.name)
    with opening.unpacked(nested) as stream:
        assert stream.read().decode() == "\n".join(example.lines(20)) + "\n"
    assert [each.name for each in recognise(nested).adapters] == ["binance.aggTrades"]


def test_parquet_within_an_archive_has_to_be_unpacked(tmp_path):
    inner = snapshot_of_positions(tmp_path)
    archive = inner.with_name(f"{inner.name}.gz")
    archive.write_bytes(gzip.compress(inner.read_bytes()))
    (problem,) = check_file(archive).problems
    assert (problem.message, problem.hint) == ("a parquet file lies within an archive", "unpack it first")


@pytest.mark.parametrize("outer", ["lz4", "tar"])
def test_a_zip_within_what_is_read_in_one_go_has_to_be_unpacked(outer, tmp_path):
    inner = write(tmp_path, EXAMPLES["binance.aggTrades"])
    nested = tmp_path / f"{inner.name}.{outer}"
    if outer == "tar":
        with tarfile.open(nested, "w") as archive:
            archive.add(inner, inner.name)
    else:
        with pa.CompressedOutputStream(str(nested), "lz4") as stream:
            stream.write(inner.read_bytes())
    (problem,) = check_file(nested).problems
    assert (problem.code, problem.hint) == ("CAS022", "unpack it first")
    assert "a zip lies within an archive" in problem.message


LACKING = {
    "binance.metrics": "sum_open_interest", "okx.swap_trades": "price", "okx.inverse_trades": "price",
    "binance.coinm_metrics": "sum_open_interest", "tardis.liquidations": "price",
    "tardis.book_snapshot_25": "asks[20].price", "tardis.incremental_book_L2": "is_snapshot",
    "coinglass.liquidations": "liq_long_usd", "any.bars": "low",
}  # fmt: skip


@pytest.mark.parametrize("kind", LACKING)
@pytest.mark.parametrize("is_said", [False, True], ids=["found", "said"])
def test_a_column_that_lacks_is_one_error_with_the_kind_and_where_to_fetch_it(kind, is_said, tmp_path):
    lines = [line.split(",") for line in EXAMPLES[kind].lines(5)]
    at = lines[0].index(LACKING[kind])
    short = [",".join([*cells[:at], *cells[at + 1 :]]) for cells in lines]
    path = write(tmp_path, EXAMPLES[kind], lines=short)
    (problem,) = check_file(path, Given(kind) if is_said else None).problems
    assert (problem.code, problem.line) == ("CAS316", 1)
    assert f"a file of {kind} has the column {LACKING[kind]}, which is not here" in problem.message
    assert "fetch it again: " in problem.hint


@pytest.mark.parametrize(
    "kind", ["binance.forceOrder", "bybit.orderbook", "hyperliquid.l2Book", "okx.trades"]
)
def test_a_byte_order_mark_is_no_part_of_a_file(kind, tmp_path):
    lines = EXAMPLES[kind].lines(5)
    verdict = check_file(write(tmp_path, EXAMPLES[kind], lines=["\ufeff" + lines[0], *lines[1:]]))
    assert verdict.readings[0].rows
    assert "CAS300" not in {each.code for each in verdict.problems}


def test_the_symbol_that_is_said_tells_coin_margined_files(tmp_path):
    path = day("binance.coinm_trades", 5, tmp_path)
    renamed = path.rename(path.with_name("trades.zip"))
    assert recognise(renamed, Given(symbol="BTCUSD_PERP")).adapters[0].name == "binance.coinm_trades"


def test_a_damaged_archive_says_where_it_is_published(tmp_path):
    path = day("binance.metrics", 50, tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    (problem,) = check_file(path).problems
    assert "files of binance.metrics are published at: data.binance.vision" in problem.hint
