"""A results folder is complete or says that it is not, whatever kills the run, and anyone can read it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import cascade
from cascade.core.state import TRADE
from cascade.errors import ResultsError
from cascade.output.convert import to_batch
from cascade.output.reader import Result, read
from cascade.output.schemas import RESULTS_VERSION, SINGLE_FILES, schema
from cascade.output.writer import RunWriter, is_complete, run_folder

DATA_TABLES = ("bars", "liquidations", "adl", "trades", "funds")


def finished_replicates_are_whole(folder, rows_each):
    if not list(folder.glob("runs/part-*.parquet")):
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
        [*DATA_TABLES, "manifest.json", "runs.parquet", "scenario.yaml", "scenario.resolved.yaml"]
    )


def test_tables_have_the_declared_schema(write_run):
    for table, read_table in read(write_run()).tables.items():
        declared = schema(table, dated=True)
        if table == "runs":
            assert read_table.schema.names[: len(declared)] == declared.names
        else:
            assert read_table.schema.equals(declared, check_metadata=False)
            assert read_table.schema.field(0).metadata == declared.field(0).metadata


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
        tmp_path / "x", units, scenario_text="", resolved_text="", tables=["adl"], request={}
    ) as writer:
        writer.close({"status": "completed"})
    assert len(pd.read_parquet(tmp_path / "x" / "adl")) == 0


def test_unknown_and_unrecorded_tables_are_explained(write_run):
    tables = read(write_run()).tables
    with pytest.raises(ResultsError, match=r"no table 'book'[\s\S]*`outputs:`"):
        tables["book"]
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


def test_public_name_reads_too(write_run):
    assert cascade.read(write_run()).name == "test"


def test_small_buffers_and_threads_change_no_table(write_run, tmp_path, units):
    straight, chopped = read(write_run(n=3)), read(write_run(n=3, folder="b", buffer_bytes=1, flush_s=0))
    assert len(list((chopped.path / "bars").iterdir())) == 3
    for table in straight.tables:
        assert straight.tables[table].to_pylist() == chopped.tables[table].to_pylist()

    log = np.zeros(1, TRADE)
    with RunWriter(
        tmp_path / "c",
        units,
        scenario_text="",
        resolved_text="",
        tables=["trades"],
        request={},
        buffer_bytes=2000,
    ) as writer:

        def replicate(k):
            for step in range(50):
                log_k = log.copy()
                log_k["step"] = step
                writer.write("trades", to_batch("trades", log_k, units, k))

        threads = [threading.Thread(target=replicate, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.close({"status": "completed"})
    trades = read(tmp_path / "c").tables["trades"]
    assert trades.column("replicate").to_pylist() == [k for k in range(4) for _ in range(50)]
    assert trades.column("step").to_pylist() == list(range(50)) * 4


def test_failed_replicate_is_a_row(tmp_path, units):
    with RunWriter(
        tmp_path / "x", units, scenario_text="", resolved_text="", tables=[], request={}
    ) as writer:
        writer.fail_replicate(
            7,
            {
                "seed": 1,
                "code": "CAS401",
                "message": "step 9: ledger",
                "command": "cascade run x --replicate 7",
            },
        )
        writer.close({"status": "failed"})
    result = read(tmp_path / "x")
    assert result.tables["failures"].to_pylist()[0]["message"] == "step 9: ledger"
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


@pytest.mark.parametrize("when", range(30))
def test_death_at_any_file_leaves_nothing_that_looks_complete(write_run, tmp_path, monkeypatch, when):
    """The n-th renaming of a file fails; afterwards so does everything else the process tries."""
    calls = 0
    rename = Path.replace

    def failing(self, target):
        nonlocal calls
        calls += 1
        if calls > when:
            raise PowerCutError
        return rename(self, target)

    folder = tmp_path / "test-00000000"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing)
        with contextlib.suppress(PowerCutError):
            write_run(n=3, flush_s=0)
    if is_complete(folder):
        assert calls <= when, "the manifest is the last file"
        assert len(read(folder).runs) == 3
    else:
        finished_replicates_are_whole(folder, {"bars": 6, "liquidations": 2, "trades": 2})
        again = write_run(n=3, force=True)
        assert len(read(again).runs) == 3


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
with RunWriter(Path(sys.argv[1]), units, scenario_text="", resolved_text="", tables=["trades"], request={},
               flush_s=0, force=True) as writer:
    print("ready", flush=True)
    for k in itertools.count():
        writer.write("trades", to_batch("trades", log, units, k))
        writer.write("trades", to_batch("trades", log, units, k))
        writer.finish_replicate(k, dict(seed=1, outcome="completed", outcome_text="", steps=1, events=1))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("n_parts", [0, 1, 2, 7])
def test_killed_process(tmp_path, n_parts):
    folder = tmp_path / "x"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(ResultsError) as refused:
            read(folder)
        assert refused.value.code == "CAS602"
        until = time.monotonic() + 20
        while len(list(folder.glob("runs/part-*"))) < n_parts and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    with pytest.raises(ResultsError, match="not finished"):
        read(folder)
    assert finished_replicates_are_whole(folder, {"trades": 10}) >= n_parts


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_folder_being_written_is_left_alone(tmp_path, units):
    folder = tmp_path / "x"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        with pytest.raises(ResultsError, match="another process") as refused:
            RunWriter(folder, units, scenario_text="", resolved_text="", tables=[], request={}, force=True)
        process.send_signal(signal.SIGKILL)
    assert refused.value.code == "CAS606"
    RunWriter(folder, units, scenario_text="", resolved_text="", tables=[], request={}, force=True)


# --- refusals


def test_nothing_is_overwritten_without_force(write_run):
    folder = write_run()
    with pytest.raises(ResultsError, match="done already"):
        write_run()
    (folder / "notes.txt").write_text("mine")
    assert read(write_run(n=1, force=True)).replicates == [0]
    assert (folder / "notes.txt").read_text() == "mine"


def test_unfinished_run_is_not_overwritten_without_force(write_run):
    write_run(close=False)
    with pytest.raises(ResultsError, match="was not finished"):
        write_run()


def test_force_takes_the_manifest_first(write_run, monkeypatch):
    folder = write_run()
    monkeypatch.setattr("shutil.rmtree", lambda *args, **kwargs: (_ for _ in ()).throw(PowerCutError))
    with contextlib.suppress(PowerCutError):
        write_run(force=True)
    assert not is_complete(folder)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"results_version": f"{RESULTS_VERSION[0] + 1}.0"}, "CAS604"),
        ({"results_version": "soon"}, "CAS603"),
        (None, "CAS603"),
    ],
)
def test_manifest_that_cannot_be_read_is_refused(write_run, change, code):
    path = write_run() / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text("{" if change is None else json.dumps(manifest | change))
    with pytest.raises(ResultsError) as refused:
        read(path.parent)
    assert refused.value.code == code
    assert refused.value.exit_code == 6
    assert refused.value.remedy


def test_newer_minor_version_is_read(write_run):
    path = write_run() / "manifest.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"results_version": f"{RESULTS_VERSION[0]}.99"})
    )
    assert read(path.parent).outcome == "completed"


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
