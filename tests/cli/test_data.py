"""`cascade data`: list, check and convert: what goes where, exit codes, and parquet that anybody reads."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.data.adapters import ADAPTERS
from cascade.data.canonical import columns_of
from tests.support.archives import EXAMPLES, snapshot_of_positions, state
from tests.support.packing import DAY_MS, at, hold, packed, write

SHARED = Path(os.environ.get("CASCADE_SHARED") or Path(__file__).parents[3] / "shared") / "data"


def call(*words, code=0):
    done = CliRunner().invoke(build(["data"]), ["data", *map(str, words)])
    assert done.exit_code == code, done.output
    return done


def test_the_kinds_are_listed_with_what_is_known_of_them():
    lines = call("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(ADAPTERS)
    one = call("list", "bybit.allLiquidation").stdout
    assert "Buy is a long that was liquidated" in one
    assert "bankruptcy price" in one
    found = json.loads(call("list", "okx.swap_trades", "--json").stdout)
    assert [
        "contract",
        "sizes are contracts, in units of the asset: BTC-USDT-* 0.01",
    ] in (found[0]["facts"])
    assert "did you mean 'okx.trades'" in call("list", "okx.trade", code=2).stderr


def test_a_verdict_for_each_file_and_an_exit_code(tmp_path):
    good = write(tmp_path, EXAMPLES["binance.klines"], 1440)
    bad = write(tmp_path, EXAMPLES["binance.bookDepth"], 100)
    done = call("check", good, bad, code=1)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok", "failed"]
    assert "1,440 rows  2025-07-01T00:00:00Z to 2025-07-01T23:59:00Z" in done.stdout
    assert "error[CAS304]" in done.stderr
    assert call("check", good).stderr == ""
    found = json.loads(call("check", good, bad, "--json", code=1).stdout)
    assert [each["verdict"] for each in found] == ["ok", "failed"]
    (table,) = found[0]["tables"]
    told = {
        name: table[name] for name in ("kind", "symbol", "time_units", "interval_s", "label", "is_sorted")
    }
    assert told == {"kind": "binance.klines", "symbol": "BTCUSDT", "time_units": ["ms"], "interval_s": 60.0,
                    "label": "start", "is_sorted": True}  # fmt: skip
    assert found[1]["problems"][0]["code"] == "CAS304"
    assert found[0]["source_sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()


def test_a_file_that_is_not_that_of_its_checksum_is_not_converted(tmp_path):
    path = write(tmp_path, EXAMPLES["binance.klines"], 1440)
    beside = path.with_name(f"{path.name}.CHECKSUM")
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    done = call("convert", path, "-o", tmp_path / "out", code=1)
    assert "error[CAS311]" in done.stderr
    assert "fetch both again" in done.stderr
    assert not list(tmp_path.glob("out/*.parquet"))
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    call("convert", path, "-o", tmp_path / "out")


def test_a_folder_is_told_from_a_file_that_is_not_there(tmp_path):
    told = call("check", tmp_path, code=1).stderr
    assert "is a folder" in told
    assert f"give its files: {tmp_path}/*" in told.replace("\n", "")


def test_a_file_that_is_no_plain_one_is_told_from_one_that_is_not_there():
    assert "is not a plain file" in call("check", "/dev/null", code=1).stderr


def test_a_check_against_another_source(tmp_path):
    trades = write(tmp_path, EXAMPLES["binance.klines"], 1440)
    index = write(tmp_path, EXAMPLES["binance.indexPriceKlines"], 1440)
    call("check", trades, "--against", index)
    assert "CAS003" in call("check", trades, "--against", tmp_path / "none.csv", code=3).stderr


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_converted_is_what_was_published(kind, tmp_path):
    example = EXAMPLES[kind]
    path = write(tmp_path, example)
    call("convert", path, "-o", tmp_path / "out")
    adapter = ADAPTERS[kind]
    (file,) = (tmp_path / "out").glob(f"*.{adapter.table}.parquet")
    table = pq.read_table(file)
    assert table.column_names == [column.name for column in columns_of(adapter.table)]
    meta = table.schema.metadata
    assert meta[b"source_sha256"].decode() == hashlib.sha256(path.read_bytes()).hexdigest()
    told = json.loads(meta[b"cascade"])
    assert (told["adapter"], told["adapter_version"], told["source"]) == (kind, adapter.version, path.name)
    assert told["label"] == ("start" if adapter.label else "")
    for field in table.schema:
        assert field.metadata[b"unit"].decode() == told["units"][field.name]
    rows = example.rows(20)[:: adapter.copies]
    rows.sort(key=lambda row: row["time"])
    hold(table, rows, without=frozenset({"time"} if told["published_label"] == "end" else ()))


def test_conversion_labels_by_the_start_sorts_and_keeps_one_of_each(tmp_path):
    example = EXAMPLES["binance.metrics"]
    lines = example.lines(288)
    shuffled = [lines[0], *lines[150:], *lines[1:150], lines[7]]
    call("convert", write(tmp_path, example, lines=shuffled), "-o", tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "BTCUSDT-metrics-2025-07-01.open_interest.parquet")
    assert len(table) == 288
    assert table.column("time")[0].as_py() == at(0)
    assert (np.diff(table.column("time").to_numpy()) == np.timedelta64(300, "s")).all()
    told = json.loads(table.schema.metadata[b"cascade"])
    assert (told["published_label"], told["quality"]) == ("end", "failed")
    assert any(each.startswith("CAS303 line 290") for each in told["problems"])


def test_conversion_is_the_same_every_time_and_overwrites_nothing_in_silence(tmp_path):
    path = write(tmp_path, EXAMPLES["binance.aggTrades"], 3000)
    for out in ("a", "b"):
        call("convert", path, "-o", tmp_path / out)
    (a,), (b,) = ([*(tmp_path / out).iterdir()] for out in ("a", "b"))
    assert a.read_bytes() == b.read_bytes()
    assert "CAS802" in call("convert", path, "-o", tmp_path / "a", code=2).stderr
    call("convert", path, "-o", tmp_path / "a", "--force")
    again = packed(tmp_path / "again" / path.name, "")
    again.write_bytes(path.read_bytes())
    assert "would both become" in call("convert", path, again, "-o", tmp_path / "c", code=2).stderr
    assert not (tmp_path / "c").exists()


def test_fills_become_trades_and_liquidations(tmp_path):
    path = write(tmp_path, EXAMPLES["hyperliquid.node_fills"], 10)
    call("convert", path, "-o", tmp_path / "out")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "0.liquidations.parquet", "0.trades.parquet",
    ]  # fmt: skip


def test_positions_of_either_source(tmp_path):
    path = tmp_path / "0xabcdef0123456789.json"
    path.write_text(json.dumps(state()))
    call("convert", path, snapshot_of_positions(tmp_path), "-o", tmp_path / "out")
    tables = [pq.read_table(path) for path in sorted((tmp_path / "out").iterdir())]
    assert [len(table) for table in tables] == [1, 2]
    assert tables[0].schema.equals(tables[1].schema)


def test_a_file_with_bad_cells_is_left_out_and_the_others_are_written(tmp_path):
    good = write(tmp_path, EXAMPLES["binance.aggTrades"])
    lines = [line.replace("true", "maybe") for line in EXAMPLES["binance.trades"].lines(5)]
    bad = write(tmp_path, EXAMPLES["binance.trades"], lines=lines)
    done = call("convert", good, bad, "-o", tmp_path / "out", code=1)
    assert "'maybe' is not false or true" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        "BTCUSDT-aggTrades-2025-07-01.trades.parquet"
    ]


def test_what_is_traded_is_asked_for_where_the_name_does_not_say(tmp_path):
    path = write(tmp_path, EXAMPLES["binance.klines"], 1440)
    renamed = path.rename(path.with_name("bars.zip"))
    assert "CAS312" in call("convert", renamed, "-o", tmp_path / "out", code=1).stderr
    call("convert", renamed, "-o", tmp_path / "out", "--symbol", "BTCUSDT")
    assert pq.read_table(tmp_path / "out" / "bars.bars.parquet").column("symbol")[0].as_py() == "BTCUSDT"


MEMORY = """
import sys
from pathlib import Path
from cascade.data.converting import convert
convert([Path(sys.argv[1])], Path(sys.argv[2]))
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def peak_kb(path, out):
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(out)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system does not tell the peak")
def test_memory_follows_the_block_and_not_the_file(tmp_path):
    """A file three times as long takes hardly more memory to check and convert: it is read in blocks."""
    header = EXAMPLES["binance.aggTrades"].header
    sizes = {}
    for n in (300_000, 900_000):
        rows = "\n".join(
            f"{k},{60_000 + k % 2}.5,0.25,{k},{k},{DAY_MS + 100 * k},{'false' if k % 2 else 'true'}"
            for k in range(n)
        )
        path = packed(tmp_path / str(n) / "BTCUSDT-aggTrades-2025-07-01.csv", f"{header}\n{rows}\n")
        sizes[n] = (peak_kb(path, tmp_path / f"out{n}"), path.stat().st_size // 1024)
    (small, _), (large, length) = sizes.values()
    assert length > 45_000
    assert large - small < 60_000
    assert large < 500_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data are not here")
@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("daily/liquidations.csv.gz", "coinglass.liquidations"), ("daily/book_within_1pct.csv.gz", "coinglass.book"),
        ("daily/perp_ohlcv.csv.gz", "coinglass.perp_ohlcv"), ("klines/*SOL*", "any.bars"),
        ("funding_BTCUSDT*", "any.funding"), ("hyperliquid/positions_20260213*", "hyperliquid.position_table"),
        ("hyperliquid/open_interest*", "any.venue_open_interest"), ("ticks/*ETHUSDT_trades*", "binance.trades"),
    ],
)  # fmt: skip
def test_real_files_are_read_whole(pattern, kind, tmp_path):
    (path,) = SHARED.glob(pattern)
    call("convert", path, "-o", tmp_path, "--symbol", "SOLUSDT")
    (file,) = tmp_path.iterdir()
    import gzip

    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = text.count(b"\n") - 1
    adapter = ADAPTERS[kind]
    assert json.loads(pq.read_metadata(file).metadata[b"cascade"])["adapter"] == kind
    assert pq.read_metadata(file).num_rows == rows * len(adapter.groups)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data are not here")
def test_real_days_that_were_left_out_are_found():
    done = call("check", SHARED / "daily" / "liquidations.csv.gz", code=1)
    assert "nothing between 2024-08-01T00:00:00Z and 2024-08-10T00:00:00Z: 8 rows are missing" in done.stderr
