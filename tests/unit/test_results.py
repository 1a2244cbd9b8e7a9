"""A results folder is complete or says that it is not, whatever kills the run, and anyone can read it."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cascade
from cascade.core.state import ADL
from cascade.errors import ResultsError
from cascade.output import claim as claims
from cascade.output.checksums import crc_of
from cascade.output.columns import is_name
from cascade.output.convert import to_batch
from cascade.output.log import events, note
from cascade.output.parquet import PartWriter
from cascade.output.reader import Result, read
from cascade.output.schemas import RESULTS_VERSION, SINGLE_FILES, schema
from cascade.output.shards import shards_of
from cascade.output.writer import RunWriter, faults, is_complete, run_folder
from tests.support.forge import forge

DATA_TABLES = ("bars", "liquidations", "adl", "trades", "funds")

ROW = {
    "seed": 1, "outcome": "completed", "outcome_text": "", "steps": 1, "events": 1, "waiting_steps": 0,
    "unfilled_shocks": 0,
}  # fmt: skip
FAILURE = {
    "seed": 1, "code": "CAS401", "message": "step 9: ledger", "command": "cascade run x --replicate 7"
}  # fmt: skip


def finished_replicates_are_whole(folder, rows_each):
    if not [*folder.glob(".parts/runs/part-*.parquet"), *folder.glob(".pieces/[0-9]*")]:
        with pytest.raises(ResultsError):
            read(folder, partial=True)
        return 0
    result = read(folder, partial=True)
    for table, expected in rows_each.items():
        counts = np.bincount(result.tables[table].column("replicate").to_numpy(), minlength=1)
        assert set(counts[result.replicates]) == {expected}, table
        assert counts.sum() == expected * len(result.replicates), "rows of unfinished replicates are left out"
    return len(result.replicates)


def test_complete_run(write_run):
    folder = write_run(n=2)
    result = read(folder)
    assert result.outcome == "completed"
    assert result.replicates == [0, 1]
    assert set(result.tables) == {"runs", *DATA_TABLES}
    assert len(result.tables["bars"]) == 12
    assert len(result.replicate("bars", 1)) == 6
    assert result.metrics(1)["complete_usd"] == pytest.approx(2 * 106_900.0)
    assert result.manifest["rows"] == {
        "runs": 2,
        "failures": 0,
        "bars": 12,
        "liquidations": 4,
        "adl": 2,
        "trades": 4,
        "funds": 2,
    }
    assert result.manifest["results_version"] == ".".join(map(str, RESULTS_VERSION))
    assert result.scenario_text() == "name: test\n"
    assert result.units.markets[1].name == "all:BTCUSDT"
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [
            *DATA_TABLES,
            ".parts",
            "log.jsonl",
            "manifest.json",
            "runs.parquet",
            "scenario.yaml",
            "scenario.resolved.yaml",
        ]
    )


def test_tables_have_the_declared_schema(write_run):
    for table, read_table in read(write_run()).tables.items():
        declared = schema(table, dated=True)
        if table == "runs":
            assert read_table.schema.names[: len(declared)] == declared.names
        else:
            assert read_table.schema.equals(declared, check_metadata=False)
            assert read_table.schema.field(0).metadata == declared.field(0).metadata


@pytest.mark.sampled(3)
@pytest.mark.parametrize("table", [*DATA_TABLES, "runs"])
def test_pandas_polars_and_duckdb_read_every_table(write_run, table):
    folder = write_run()
    pattern = str(folder / f"{table}.parquet" if table in SINGLE_FILES else folder / table / "*.parquet")
    expected = read(folder).tables[table]
    frame = pd.read_parquet(pattern if table in SINGLE_FILES else folder / table)
    assert list(frame.columns) == expected.schema.names
    assert len(frame) == len(expected)
    lazy = pl.scan_parquet(pattern).collect()
    assert lazy.columns == expected.schema.names
    assert lazy["scenario"].unique().to_list() == ["test"]
    found = duckdb.sql(
        f"select scenario, replicate, count(*) from '{pattern}' group by all order by all"
    ).fetchall()
    assert found == [("test", k, len(expected) // 2) for k in (0, 1)]
    if "time" in expected.schema.names:
        instant = expected.column("time")[0].as_py()
        assert frame["time"].iloc[0].to_pydatetime() == instant
        assert lazy["time"][0] == instant
        zone, moment = duckdb.sql(f"select typeof(time), epoch(time) from '{pattern}' limit 1").fetchall()[0]
        assert (zone, moment) == ("TIMESTAMP WITH TIME ZONE", instant.timestamp())


def test_file_metadata_names_units(write_run):
    meta = pq.read_schema(write_run() / "bars" / "part-00000.parquet").metadata[b"cascade"]
    assert json.loads(meta)["columns"]["volume_usd"][0] == "USD"


def test_requested_table_without_rows_exists(tmp_path, units):
    with RunWriter(
        tmp_path / "x", units, scenario_text="", resolved_text="", tables=["adl"], replicates=[3], request={}
    ) as writer:
        with writer.piece(3) as piece:
            piece.finish(ROW)
        writer.add(3)
        writer.close({"status": "completed"})
    assert len(pd.read_parquet(tmp_path / "x" / "adl")) == 0


def test_unknown_and_unrecorded_tables_are_explained(write_run):
    folder = write_run()
    tables = read(folder).tables
    with pytest.raises(ResultsError, match=r"no table 'book'[\s\S]*`outputs:`") as refused:
        tables["book"]
    assert refused.value.where == str(folder)
    with pytest.raises(ResultsError, match="tables are: runs, bars"):
        tables["bras"]


def test_result_shows_itself(write_run):
    result = read(write_run())
    assert "2 replicates" in repr(result)
    assert "<table>" in result._repr_html_()


def test_result_is_immutable(write_run):
    result = read(write_run())
    with pytest.raises(AttributeError):
        result.path = Path()
    with pytest.raises(TypeError):
        result.manifest["rows"] = {}
    with pytest.raises(TypeError):
        result.tables["runs"] = None


def test_result_in_memory(write_run):
    on_disk = read(write_run())
    result = Result.in_memory(dict(on_disk.tables), on_disk.manifest)
    assert result.metrics(0) == on_disk.metrics(0)
    assert result.path is None


@pytest.mark.sampled(2)
@pytest.mark.parametrize("close", [True, False], ids=["complete", "unfinished"])
def test_parts_of_a_table_are_read_without_the_rest(write_run, close):
    folder = write_run(n=34, close=close)  # two shards, the second of which waits in pieces if unfinished
    whole, sparing = read(folder, partial=True), read(folder, partial=True)
    columns = ["mark_price", "market"]
    assert sparing.tables.columns("bars", columns).equals(whole.tables["bars"].select(columns))
    last = whole.tables["bars"].filter(pc.equal(whole.tables["bars"]["replicate"], 33))
    assert sparing.replicate("bars", 33).to_pylist() == last.to_pylist() != []
    assert len(sparing.replicate("bars", 99)) == 0


def test_rows_of_a_name(write_run):
    table = read(write_run()).tables["bars"]
    names = np.array(table.column("market").to_pylist())
    for name in ("all:BTCUSDT", "nobody"):
        assert (is_name(table.column("market"), name) == (names == name)).all()


def test_public_name_reads_too(write_run):
    assert cascade.read(write_run()).name == "test"


def contents(folder):
    """Return the bytes of every table of a run."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


def test_how_replicates_arrive_changes_no_byte(write_run):
    straight = contents(write_run(n=3))
    assert len(straight) == 19
    assert contents(write_run(n=3, folder="b", order=(2, 0, 1))) == straight
    assert contents(write_run(n=3, folder="c", cut=1)) == straight


def test_replicates_are_cut_into_shards_by_the_request_alone(write_run):
    folder = write_run(n=3)  # with trades, a replicate each
    assert len(list((folder / "bars").iterdir())) == 3
    assert [len(shard.replicates) for shard in shards_of(range(70), ["bars", "adl"])] == [32, 32, 6]
    assert [len(shard.replicates) for shard in shards_of([5, 6], ["bars", "book"])] == [1, 1]


def test_failed_replicate_is_a_row(tmp_path, units):
    with RunWriter(
        tmp_path / "x", units, scenario_text="", resolved_text="", tables=["adl"], replicates=[7], request={}
    ) as writer:
        with writer.piece(7) as piece:
            piece.write("adl", to_batch("adl", np.ones(1, ADL), units, 7))
            piece.fail(FAILURE)
        writer.add(7)
        writer.close({"status": "failed"})
    result = read(tmp_path / "x")
    assert result.tables["failures"].to_pylist()[0]["message"] == "step 9: ledger"
    assert len(result.tables["adl"]) == 0, "rows of a replicate that failed are not kept"
    assert result.manifest["outcome"] == {
        "status": "failed",
        "replicates_finished": 0,
        "replicates_failed": 1,
    }


# --- interruption


def test_interrupted_run_keeps_finished_replicates(write_run):
    folder = write_run(n=2, close=False)
    assert not is_complete(folder)
    with pytest.raises(ResultsError, match="not finished") as error:
        read(folder)
    assert error.value.code == "CAS602"
    partial = read(folder, partial=True)
    assert partial.outcome == "unfinished"
    assert partial.replicates == [0, 1]
    assert len(partial.tables["liquidations"]) == 4


class PowerCutError(Exception):
    pass


@pytest.mark.sampled(7)
@pytest.mark.parametrize("when", range(0, 48, 2))
def test_death_at_any_file_leaves_nothing_that_looks_complete(write_run, tmp_path, monkeypatch, when):
    """The n-th renaming of a file fails; afterwards so does everything else the process tries."""
    calls = 0
    real = {name: getattr(Path, name) for name in ("replace", "rename")}

    def failing(name):
        def rename(self, target):
            nonlocal calls
            calls += 1
            if calls > when:
                raise PowerCutError
            return real[name](self, target)

        return rename

    folder = tmp_path / "test-00000000"
    with monkeypatch.context() as patched:
        for name in real:
            patched.setattr(Path, name, failing(name))
        with contextlib.suppress(PowerCutError):
            write_run(n=3)
    if is_complete(folder):
        assert calls <= when, "the manifest is the last file"
        assert len(read(folder).runs) == 3
        return
    kept = finished_replicates_are_whole(folder, {"bars": 6, "liquidations": 2, "trades": 2})
    assert kept >= (when - 3) // 9, "three files of the folder, then a piece and eight parts a replicate"
    assert contents(write_run(n=3, start="resume")) == contents(write_run(n=3, folder="straight"))
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert len(finished) == len(set(finished)), "nothing is computed twice"


KILLED = """
import sys, itertools
from pathlib import Path
import numpy as np
from cascade.core.state import TRADE
from cascade.output.convert import to_batch
from cascade.output.run_units import MarketUnits, RunUnits
from cascade.output.writer import RunWriter

units = RunUnits("x", (MarketUnits("v:A", "A", "v", 1.0, 1.0, 1),), 1.0, purposes=("any",))
log = np.zeros(5, TRADE)
row = dict(seed=1, outcome="completed", outcome_text="", steps=1, events=1, waiting_steps=0, unfilled_shocks=0)
with RunWriter(Path(sys.argv[1]), units, scenario_text="", resolved_text="", tables=["trades"], request={},
               replicates=range(100_000), start="force") as writer:
    print("ready", flush=True)
    for k in itertools.count():
        with writer.piece(k) as piece:
            piece.write("trades", to_batch("trades", log, units, k))
            piece.write("trades", to_batch("trades", log, units, k))
            piece.finish(row)
        writer.add(k)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.sampled(3)
@pytest.mark.parametrize("n_parts", [7, 1, 0])
def test_killed_process(tmp_path, n_parts):
    folder = tmp_path / "x"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(ResultsError) as refused:
            read(folder)
        assert refused.value.code == "CAS602"
        until = time.monotonic() + 120
        while len(list(folder.glob(".parts/runs/part-*"))) < n_parts and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    with pytest.raises(ResultsError, match="not finished"):
        read(folder)
    assert finished_replicates_are_whole(folder, {"trades": 10}) >= n_parts


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_folder_being_written_is_left_alone(tmp_path, units):
    folder = tmp_path / "x"
    options = {"scenario_text": "", "resolved_text": "", "tables": [], "replicates": [0], "request": {}}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        with pytest.raises(ResultsError, match="another process") as refused:
            RunWriter(folder, units, start="force", **options)
        process.send_signal(signal.SIGKILL)
    assert refused.value.code == "CAS606"
    RunWriter(folder, units, start="force", **options)


ELSEWHERE = {"host": "another", "process": 1, "born": "7"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs to know when a process began")
@pytest.mark.parametrize(
    ("holder", "silent_s", "is_held"),
    [
        (ELSEWHERE, 1, True),
        (ELSEWHERE, claims.SILENCE_S + 1, False),
        (None, 1, True),  # cut short, or being written
        (None, claims.SILENCE_S + 1, False),
        ({"process": os.getppid(), "born": "1"}, 1, False),  # its number is another's now
        ({"process": os.getppid()}, claims.SILENCE_S + 1, True),  # stopped by Ctrl-Z, say
        ({"process": 2**22 + 1}, 1, False),
        ({"process": 10**30}, 1, False),
        ({"process": "one"}, 1, True),  # damaged: it says nothing
        ({"host": 5, "process": 1}, claims.SILENCE_S + 1, False),
    ],
)
def test_a_claim_holds_while_its_process_may_live(write_run, holder, silent_s, is_held):
    folder = write_run(close=False)
    path = folder / ".writing"
    here = {"host": claims._host(), "born": claims._born(os.getppid())}
    path.write_text(json.dumps(here | holder) if holder else "")
    os.utime(path, (time.time() - silent_s,) * 2)
    if is_held:
        with pytest.raises(ResultsError, match="another process") as refused:
            write_run(start="resume")
        assert refused.value.code == "CAS606"
    else:
        assert write_run(start="resume") == folder
        assert not path.exists()
    assert not [*folder.glob(".writing-*")]


def test_a_claim_is_touched_and_holds_for_what_lies_below(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_S", 0.01)
    claims._start_beating.cache_clear()  # one that waits less
    below = tmp_path / "variants" / "one"
    below.mkdir(parents=True)
    (below / ".writing").write_text(json.dumps(ELSEWHERE))  # of an older version
    claims.claim(tmp_path)
    try:
        os.utime(tmp_path / ".writing", (0, 0))
        until = time.monotonic() + 120
        while (tmp_path / ".writing").stat().st_mtime == 0:
            assert time.monotonic() < until
            time.sleep(0.01)
        claims.claim(below)
        claims.release(below)
        assert (tmp_path / ".writing").exists()
    finally:
        claims.release(tmp_path)
    with pytest.raises(ResultsError, match="number 1 on another, is writing"):
        claims.claim(below)


# --- going on


def flip(path, place):
    """Change four bytes of a file."""
    content = bytearray(path.read_bytes())
    at = int(place * (len(content) - 4))
    content[at : at + 4] = bytes(byte ^ 0x55 for byte in content[at : at + 4])
    path.write_bytes(content)


def damaging(path, how):
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-20])
    elif how == "changed":
        flip(path, 0.6)
    else:
        path.unlink()


@pytest.mark.sampled(5)
@pytest.mark.parametrize("how", ["truncated", "changed", "gone"])
@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("table", ["bars", "trades"])
def test_a_damaged_shard_is_named_and_written_again(write_run, table, complete, how):
    expected = contents(write_run(n=3, folder="straight"))
    folder = write_run(n=3, close=complete)
    path = folder / table / "part-00001.parquet"
    damaging(path, how)
    if complete:
        assert [name for name, _ in faults(folder)] == [f"{table}/part-00001.parquet"]
        with pytest.raises(ResultsError, match="missing or damaged") as refused:
            assert read(folder).tables[table]
        assert (refused.value.code, refused.value.where) == ("CAS609", str(path))
    again = write_run(n=3, start="resume")
    assert contents(again) == expected
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert finished == [0, 1, 2, 1], "only what was damaged is computed again"
    (said,) = [each["what"] for each in events(folder) if each["event"] == "damaged"]
    assert said.startswith(f"{table}/part-00001.parquet is damaged")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["truncated", "changed", "gone"])
def test_a_damaged_piece_is_named_and_computed_again(tmp_path, units, how):
    options = {
        "scenario_text": "", "resolved_text": "", "tables": ["adl"], "replicates": range(3), "request": {}
    }  # fmt: skip

    def piece_of(writer, k):
        with writer.piece(k) as piece:
            piece.write("adl", to_batch("adl", np.ones(4, ADL), units, k))
            piece.finish(ROW)
        writer.add(k)

    with RunWriter(tmp_path / "x", units, **options) as writer:
        piece_of(writer, 0)
        piece_of(writer, 1)
    stream = tmp_path / "x" / ".pieces" / "1" / "adl.arrows"
    damaging(stream, how)
    (tmp_path / "x" / ".pieces" / ".2-half-way").mkdir()
    with RunWriter(tmp_path / "x", units, start="resume", **options) as writer:
        assert (writer.found, writer.pending) == (1, (1, 2))
        assert writer.damaged == ("what replicate 1 left is damaged: it is run again",)
        assert [p.name for p in writer.pieces.iterdir()] == ["0"]


def test_a_piece_that_changes_before_it_is_merged_is_not_merged(tmp_path, units):
    options = {
        "scenario_text": "", "resolved_text": "", "tables": ["adl"], "replicates": range(2), "request": {}
    }  # fmt: skip
    with RunWriter(tmp_path / "x", units, **options) as writer:
        for k in range(2):
            with writer.piece(k) as piece:
                piece.write("adl", to_batch("adl", np.ones(4, ADL), units, k))
                piece.finish(ROW)
        writer.add(0)
        flip(writer.pieces / "0" / "adl.arrows", 0.9)
        with pytest.raises(ResultsError, match="missing or damaged"):
            assert read(tmp_path / "x", partial=True).tables["adl"]
        with pytest.raises(ResultsError, match="replicate 0 left was damaged") as refused:
            writer.add(1)
    assert refused.value.code == "CAS609"
    with RunWriter(tmp_path / "x", units, start="resume", **options) as writer:
        assert writer.pending == (0,)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("place", np.linspace(0, 1, 9))
@pytest.mark.parametrize("table", ["bars", "liquidations", "runs"])
def test_changed_bytes_are_never_read(write_run, table, place):
    """Wherever they are: a page, its header, the footer or the metadata."""
    folder = write_run(n=2)
    (path,) = [folder / "runs.parquet"] if table == "runs" else [*(folder / table).glob("*-00000.parquet")]
    flip(path, place)
    result = read(folder)
    for reading in (lambda: result.tables[table], lambda: result.tables.columns(table, ["replicate"])):
        with pytest.raises(ResultsError, match="missing or damaged") as refused:
            reading()
        assert (refused.value.code, refused.value.where) == ("CAS609", str(path))


@pytest.mark.parametrize("log", ["gone", "another"])
def test_a_folder_is_checked_as_strictly_without_its_log(write_run, log):
    """And so is one whose log says that the wrong bytes are right."""
    folder = write_run(n=2)
    path = folder / "bars" / "part-00000.parquet"
    flip(path, 0.01)
    if log == "gone":
        (folder / "log.jsonl").unlink()
    else:
        note(folder, "written", checksums={"bars/part-00000.parquet": crc_of(path)})
    assert list(faults(folder)) == [("bars/part-00000.parquet", "its checksum differs")]
    with pytest.raises(ResultsError, match="missing or damaged"):
        assert read(folder).tables["bars"]


def test_whatever_a_reader_opens_is_known_to_the_manifest(write_run):
    folder = write_run(n=2)
    kept = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("manifest.json", "log.jsonl")]
    assert set(read(folder).manifest["files"]) == {p.relative_to(folder).as_posix() for p in kept}


def test_files_that_a_run_did_not_write_are_not_read(write_run):
    folder = write_run(n=2)
    bars = len(read(folder).tables["bars"])
    shutil.copy(folder / "bars" / "part-00000.parquet", folder / "bars" / "part-00007.parquet")
    shutil.copytree(folder / "bars", folder / "book")
    assert len(read(folder).tables["bars"]) == bars
    assert "book" not in read(folder).tables


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["scenario.yaml", "scenario.resolved.yaml"])
@pytest.mark.parametrize("complete", [True, False])
def test_a_scenario_that_is_not_the_one_that_ran_is_not_read(write_run, name, complete):
    folder = write_run(n=2, close=complete)
    (folder / name).write_text((folder / name).read_text().replace("test", "tess"))
    result = read(folder, partial=True)
    reading = result.scenario_text if name == "scenario.yaml" else result.resolved
    with pytest.raises(ResultsError, match="its checksum differs") as refused:
        reading()
    assert (refused.value.code, refused.value.where) == ("CAS609", str(folder / name))
    assert list(faults(folder)) == ([(name, "its checksum differs")] if complete else list(faults(folder)))
    write_run(n=2, start="resume")
    assert read(folder).scenario_text() == "name: test\n"
    assert not list(faults(folder))
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert finished == [0, 1], "no replicate is computed again"


def test_an_unfinished_run_without_its_log_is_not_read(write_run):
    folder = write_run(n=2, close=False)
    (folder / "log.jsonl").unlink()
    with pytest.raises(ResultsError, match="only the log knows what has been written") as refused:
        read(folder, partial=True)
    assert refused.value.code == "CAS609"


def test_a_piece_whose_checksums_changed_is_not_read(tmp_path, units):
    options = {
        "scenario_text": "", "resolved_text": "", "tables": ["adl"], "replicates": range(3), "request": {}
    }  # fmt: skip
    with RunWriter(tmp_path / "x", units, **options) as writer:
        for k in range(2):
            with writer.piece(k) as piece:
                piece.write("adl", to_batch("adl", np.ones(4, ADL), units, k))
                piece.finish(ROW)
            writer.add(k)
    place = tmp_path / "x" / ".pieces" / "1"
    sums = json.loads((place / "piece.json").read_text())
    del sums["files"]["adl.arrows"]  # and with it the rows that it had
    (place / "piece.json").write_text(json.dumps(sums))
    (place / "adl.arrows").unlink()
    with pytest.raises(ResultsError, match="missing or damaged"):
        read(tmp_path / "x", partial=True)
    with RunWriter(tmp_path / "x", units, start="resume", **options) as writer:
        assert writer.pending == (1, 2)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("complete", [True, False])
def test_the_run_of_another_request_is_not_taken_for_this_one(write_run, complete):
    """A folder that was renamed, or two that changed places."""
    folder = write_run(n=2, close=complete, request={"digest": "aaaaaaaa"})
    with pytest.raises(ResultsError, match="holds something else than this run") as refused:
        write_run(n=2, start="resume", request={"digest": "bbbbbbbb"})
    assert refused.value.code == "CAS605"
    assert read(write_run(n=2, start="resume", request={"digest": "aaaaaaaa"})).path == folder


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["runs.parquet", "bars/part-00001.parquet", "scenario.yaml"])
def test_a_run_goes_on_without_its_log_if_the_manifest_is_sound(write_run, name):
    expected = contents(write_run(n=3, folder="straight"))
    folder = write_run(n=3)
    (folder / "log.jsonl").unlink()
    flip(folder / name, 0.5)
    assert contents(write_run(n=3, start="resume")) == expected
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert finished == ([1] if name.startswith("bars") else [])


def test_a_shard_that_a_kill_kept_from_the_log_is_written_again_and_nothing_else(write_run):
    """The pieces are still there: they are removed once the log has the checksums."""
    expected_folder = write_run(n=2, folder="straight")
    real = RunWriter._note_files

    def dying(self, event, *args, **facts):
        if event == "written":
            raise PowerCutError
        real(self, event, *args, **facts)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RunWriter, "_note_files", dying)
        with pytest.raises(PowerCutError):
            write_run(n=2, folder="cut")
    folder = expected_folder.parent / "cut"
    assert (folder / "bars" / "part-00000.parquet").is_file()
    assert read(folder, partial=True).replicates == [0]
    assert contents(write_run(n=2, folder="cut", start="resume")) == contents(expected_folder)
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert finished == [0, 1]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("how", ["truncated", "changed", "gone"])
@pytest.mark.parametrize("name", ["runs.parquet", "manifest.json", ".parts/runs/part-00000.parquet"])
def test_what_is_made_of_parts_is_made_again(write_run, name, how):
    expected = contents(write_run(n=3, folder="straight"))
    folder = write_run(n=3)
    damaging(folder / name, how)
    assert contents(write_run(n=3, start="resume")) == expected
    assert read(folder).outcome == "completed"
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert finished == [0, 1, 2], "no replicate is computed again"
    if name != "runs.parquet" and how == "gone":
        return
    said = [each["what"] for each in events(folder) if each["event"] == "damaged"]
    assert [name in sentence for sentence in said] == ([] if "part-" in name else [True])


def test_a_table_that_is_gone_is_explained(write_run):
    folder = write_run()
    (folder / "runs.parquet").unlink()
    with pytest.raises(ResultsError, match="missing or damaged: it is gone") as refused:
        read(folder)
    assert refused.value.code == "CAS609"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("complete", [True, False])
def test_what_failed_is_retried_and_nothing_else(tmp_path, units, complete):
    options = {
        "scenario_text": "", "resolved_text": "", "tables": ["adl"], "replicates": range(4), "request": {}
    }  # fmt: skip

    def make(folder, failing, start, *, close=True):
        with RunWriter(folder, units, start=start, **options) as writer:
            done = writer.pending
            for k in done:
                with writer.piece(k) as piece:
                    piece.write("adl", to_batch("adl", np.ones(k, ADL), units, k))
                    piece.fail(FAILURE) if k in failing else piece.finish(ROW)
                writer.add(k)
            if close:
                writer.close({"status": "completed"})
        return done

    assert make(tmp_path / "x", {2}, "new", close=complete) == (0, 1, 2, 3)
    if not complete:  # going on does not repeat it
        assert make(tmp_path / "x", set(), "resume", close=False) == ()
    assert make(tmp_path / "x", set(), "retry") == (2,)
    make(tmp_path / "straight", set(), "new")
    assert contents(tmp_path / "x") == contents(tmp_path / "straight")


def test_rows_of_other_software_are_not_mixed(write_run):
    folder = write_run(close=False)
    log = folder / "log.jsonl"
    log.write_text(log.read_text().replace('"cascade": "', '"cascade": "0.0.'))
    with pytest.raises(ResultsError, match="begun by other software") as refused:
        write_run(start="resume")
    assert refused.value.code == "CAS604"
    assert not (folder / ".writing").exists()
    assert len(read(write_run(start="force")).runs) == 2


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not be written")],
)
def test_a_disk_that_refuses_is_explained_and_loses_nothing(write_run, monkeypatch, number, says):
    """Parts of the second replicate cannot be written; afterwards they can."""
    real = PartWriter.write

    def refusing(self, table):
        if "part-00001" in self._path.name:
            raise OSError(number, os.strerror(number))
        return real(self, table)

    with monkeypatch.context() as patched:
        patched.setattr(PartWriter, "write", refusing)
        with pytest.raises(ResultsError, match=says) as refused:
            write_run(n=3)
    assert refused.value.code == "CAS608"
    assert refused.value.remedy
    folder = Path(refused.value.where)
    assert not (folder / ".writing").exists()
    assert read(folder, partial=True).replicates == [0, 1], "the piece that no part was made of is there, too"
    assert contents(write_run(n=3, start="resume")) == contents(write_run(n=3, folder="straight"))
    finished = [each["replicate"] for each in events(folder) if each["event"] == "finished"]
    assert finished == [0, 1, 2]


# --- refusals


def test_nothing_is_overwritten_without_force(write_run):
    folder = write_run()
    with pytest.raises(ResultsError, match="done already"):
        write_run()
    (folder / "notes.txt").write_text("mine")
    assert read(write_run(n=1, start="force")).replicates == [0]
    assert (folder / "notes.txt").read_text() == "mine"


def test_unfinished_run_is_not_overwritten_without_force(write_run):
    folder = write_run(close=False)
    with pytest.raises(ResultsError, match="something else"):
        write_run()
    (folder / "log.jsonl").unlink()
    with pytest.raises(ResultsError, match="something else"):
        write_run(start="resume")


def test_force_takes_the_manifest_first(write_run, monkeypatch):
    folder = write_run()
    monkeypatch.setattr("shutil.rmtree", lambda *args, **kwargs: (_ for _ in ()).throw(PowerCutError))
    with contextlib.suppress(PowerCutError):
        write_run(start="force")
    assert not is_complete(folder)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"results_version": f"{RESULTS_VERSION[0] + 1}.0"}, "CAS604"),
        ({"results_version": "soon"}, "CAS603"),
        ({"results_version": "1.0"}, "CAS603"),  # not what was written
        ({"request": {"seed": 2}}, "CAS603"),
        ({"checksum": 5}, "CAS603"),
        ({"checksum": None}, "CAS603"),
        (None, "CAS603"),
        ("[" * 100_000, "CAS603"),
        ("[]", "CAS603"),
        ("{}", "CAS601"),
        ("\udcff", "CAS603"),  # no text
    ],
)
def test_manifest_that_cannot_be_read_is_refused(write_run, change, code):
    path = write_run() / "manifest.json"
    manifest = json.loads(path.read_text())
    text = json.dumps(manifest | change) if isinstance(change, dict) else change or "{"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(ResultsError) as refused:
        read(path.parent)
    assert refused.value.code == code
    assert refused.value.exit_code == 6
    assert refused.value.remedy


def test_newer_minor_version_is_read(write_run):
    folder = write_run()
    forge(folder, results_version=f"{RESULTS_VERSION[0]}.99")
    assert read(folder).outcome == "completed"


def test_foreign_and_absent_folders_are_refused(tmp_path):
    for folder, code in ((tmp_path, "CAS601"), (tmp_path / "nowhere", "CAS600")):
        with pytest.raises(ResultsError) as refused:
            read(folder)
        assert refused.value.code == code


def test_folder_is_named_after_the_request():
    from cascade.provenance import request_digest

    digest = request_digest("name: x", seed=1, replicates=2)
    assert digest == request_digest("name: x", replicates=2, seed=1)
    assert digest != request_digest("name: x", seed=2, replicates=2)
    assert run_folder(Path("results"), "x", digest) == Path("results") / f"x-{digest}"
