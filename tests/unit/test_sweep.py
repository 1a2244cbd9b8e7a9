"""A sweep gives the same tables for any workers and after any interruption, pairs luck, and keeps what failed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cascade
from cascade.assembly import assemble
from cascade.errors import InterruptedRunError, InvariantError, ReplicatesError, ResultsError
from cascade.experiment import replicate as replicates
from cascade.experiment import workers
from cascade.experiment.run import run
from cascade.experiment.sweep import sweep
from cascade.output.claim import SILENCE_S
from cascade.output.log import events
from cascade.output.sweep import Sweep
from cascade.provenance import platform_facts
from cascade.scenario.load import load, to_yaml
from cascade.scenario.schema import Scenario
from tests.support.forge import forge
from tests.support.scenarios import small_scenario

FUND = "venues.venue.fund=10k,100M"
CRASH = [{"type": "news", "at": "5s", "asset": "BTC", "move": "-4 %"}]


def tiny() -> Scenario:
    """Return twenty seconds in which hundreds are liquidated."""
    return small_scenario(duration="20s", shocks=CRASH).replace(**{"population.0.accounts": 300})


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every table below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


def n_computed(folder: Path) -> dict[tuple[str, int], int]:
    """Return how often each replicate of each variant was computed to its end."""
    counts: dict[tuple[str, int], int] = {}
    for log in folder.glob("variants/*/log.jsonl"):
        for event in events(log.parent):
            if event["event"] in ("finished", "failed"):
                key = (log.parent.name, event["replicate"])
                counts[key] = counts.get(key, 0) + 1
    return counts


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return sweep(tiny(), [FUND], replicates=5, out=tmp_path_factory.mktemp("straight"), jobs=1)


def copied(straight: Sweep, out: Path) -> Path:
    """Return a copy of a sweep that the same request finds."""
    return Path(shutil.copytree(straight.path, out / straight.path.name))


def test_a_sweep_is_the_runs_of_its_variants_under_one_luck(straight: Sweep, tmp_path: Path) -> None:
    assert list(straight.variants) == ["venue.fund=10k", "venue.fund=100M"]
    runs = straight.runs.to_pylist()
    assert [(row["variant"], row["replicate"], row["venue_fund_usd"]) for row in runs] == [
        (name, k, fund)
        for name, fund in (("venue.fund=10k", 1e4), ("venue.fund=100M", 1e8))
        for k in range(5)
    ]
    poor, rich = (straight.variants[name] for name in straight.variants)
    marks = [each.replicate("bars", 2).column("news_value_price").to_pylist() for each in (poor, rich)]
    assert marks[0] == marks[1]
    assert len(poor.tables["adl"]) > 0 == len(rich.tables["adl"])
    single = run(tiny().replace(**{"venues.venue.fund": 1e4}), replicates=5, out=tmp_path)
    for name in single.tables:
        assert single.tables[name].equals(poor.tables[name]), name


def test_metrics_that_only_one_variant_has_are_null_in_the_others(tmp_path: Path) -> None:
    found = sweep(tiny(), ["venues.venue.fund=10k", "name=one,other"], replicates=1, out=tmp_path)
    assert found.runs.column("name").to_pylist() == ["one", "other"]
    assert [row["scenario"] for row in found.runs.to_pylist()] == ["one", "other"]


def test_more_threads_change_no_byte(straight: Sweep, tmp_path: Path) -> None:
    assert contents(sweep(tiny(), [FUND], replicates=5, out=tmp_path, jobs=4).path) == contents(straight.path)


@pytest.mark.slow
def test_processes_change_no_byte(straight: Sweep, tmp_path: Path) -> None:
    found = sweep(tiny(), [FUND], replicates=5, out=tmp_path, jobs=2, processes=True)
    assert contents(found.path) == contents(straight.path)


def test_asked_again_it_is_there(straight: Sweep) -> None:
    before = n_computed(straight.path)
    said: list[str] = []
    again = sweep(tiny(), [FUND], replicates=5, out=straight.path.parent, say=said.append)
    assert said == [f"already done: {straight.path} (--force runs it again)"]
    assert again.path == straight.path
    assert n_computed(again.path) == before == dict.fromkeys(before, 1)


def test_the_resolved_sweep_is_a_sweep_of_the_same_runs(straight: Sweep, tmp_path: Path) -> None:
    again = sweep(straight.path / "sweep.resolved.yaml", out=tmp_path)
    assert list(again.variants) == list(straight.variants)
    for name in again.variants:
        assert again.variants[name].runs.equals(straight.variants[name].runs)


def test_a_damaged_file_of_a_finished_sweep_is_made_anew(straight: Sweep, tmp_path: Path) -> None:
    folder = copied(straight, tmp_path)
    part = folder / "variants" / "venue.fund=10k" / "bars" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:100])
    said: list[str] = []
    sweep(tiny(), [FUND], replicates=5, out=tmp_path, say=said.append)
    assert contents(folder) == contents(straight.path)
    assert said[0].startswith("venue.fund=10k: bars/part-00000.parquet is damaged")
    assert said[1:] == ["resuming: 5 of 10 replicates are there already"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "name",
    [
        "runs.parquet",
        "manifest.json",
        "variants/venue.fund=10k/runs.parquet",
        "variants/venue.fund=100M/manifest.json",
    ],
)
@pytest.mark.parametrize("is_gone", [True, False])
def test_what_stands_over_the_parts_is_made_again(
    straight: Sweep, tmp_path: Path, name: str, is_gone: bool
) -> None:
    folder = copied(straight, tmp_path)
    (folder / name).unlink() if is_gone else (folder / name).write_text("x")
    said: list[str] = []
    found = sweep(tiny(), [FUND], replicates=5, out=tmp_path, say=said.append)
    assert contents(folder) == contents(straight.path)
    assert found.manifest["rows"] == straight.manifest["rows"]
    assert set(n_computed(folder).values()) == {1}
    assert said[-1] == "resuming: 10 of 10 replicates are there already"
    assert is_gone or f"{Path(name).name} is damaged" in said[0]


@pytest.mark.parametrize(
    ("place", "below"), [(".", "manifest.json"), ("variants/venue.fund=10k", "log.jsonl")]
)
def test_results_of_other_software_are_not_taken_for_ours(
    straight: Sweep, tmp_path: Path, place: str, below: str
) -> None:
    folder = copied(straight, tmp_path)
    path = folder / place / below
    path.write_text(path.read_text().replace(platform_facts()["fingerprint"], "0" * 12))
    if below == "manifest.json":
        forge(folder / place)
    with pytest.raises(ResultsError, match="fingerprint 000000000000 then") as refused:
        sweep(tiny(), [FUND], replicates=5, out=tmp_path)
    assert refused.value.code == "CAS604"
    assert "--force" in refused.value.remedy
    assert len(cascade.read(folder).runs) == 10, "and they can still be read"
    sweep(tiny(), [FUND], replicates=5, out=tmp_path, force=True)


def test_claims_of_a_sweep_that_was_killed_elsewhere_lapse_together(straight: Sweep, tmp_path: Path) -> None:
    folder = copied(straight, tmp_path)
    for place in (folder, *(folder / "variants").iterdir()):
        (place / "manifest.json").unlink()
        (place / ".writing").write_text(json.dumps({"host": "another", "process": 1, "born": "7"}))
    with pytest.raises(ResultsError, match="another process, number 1 on another,") as refused:
        sweep(tiny(), [FUND], replicates=5, out=tmp_path)
    assert refused.value.code == "CAS606"
    silent = time.time() - SILENCE_S - 1
    os.utime(folder / ".writing", (silent, silent))
    sweep(tiny(), [FUND], replicates=5, out=tmp_path)
    assert contents(folder) == contents(straight.path)
    assert set(n_computed(folder).values()) == {1}


# --- failures


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the replicates that fail, to be changed by the test."""
    failing = {1}

    def assembling(scenario: Scenario, replicate: int = 0):
        if replicate in failing:
            raise InvariantError("after step 3: something")
        return assemble(scenario, replicate)

    monkeypatch.setattr(replicates, "assemble", assembling)
    return failing


def test_failed_replicates_are_rows_and_only_they_are_run_again(
    straight: Sweep, broken: set[int], tmp_path: Path
) -> None:
    def again(**options: bool) -> Sweep:
        return sweep(tiny(), [FUND], replicates=5, out=tmp_path, **options)

    with pytest.raises(ReplicatesError, match="2 of 10 replicates failed") as caught:
        again()
    assert caught.value.exit_code == 5
    folder = Path(caught.value.where)
    found = cascade.read(folder)
    assert found.manifest["outcome"]["status"] == "partly failed"
    assert len(found.runs) == 8
    rows = found.failures.to_pylist()
    assert [(row["variant"], row["replicate"]) for row in rows] == [(name, 1) for name in found.variants]
    words = shlex.split(rows[0]["command"])
    assert words[:2] == ["cascade", "run"]
    assert load(words[2]).venues["venue"].fund == 1e4
    broken.clear()
    with pytest.raises(ReplicatesError):
        again()
    assert again(retry_failed=True).outcome == "completed"
    assert contents(folder) == contents(straight.path)
    assert {key: n for key, n in n_computed(folder).items() if n > 1} == {
        (name, 1): 2 for name in straight.variants
    }


def test_fail_fast_stops_and_keeps_what_is_there(straight: Sweep, broken: set[int], tmp_path: Path) -> None:
    with pytest.raises(ReplicatesError):
        sweep(tiny(), [FUND], replicates=5, out=tmp_path, jobs=1, fail_fast=True)
    folder = tmp_path / straight.path.name
    partial = cascade.read(folder, partial=True)
    assert sum(len(result.runs) for result in partial.variants.values()) < 8
    with pytest.raises(ResultsError, match="not finished"):
        cascade.read(folder)
    broken.clear()
    sweep(tiny(), [FUND], replicates=5, out=tmp_path, retry_failed=True)
    assert contents(folder) == contents(straight.path)


def test_an_interrupted_sweep_says_how_to_go_on(
    straight: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = workers.Threads.submit
    n = 0

    def interrupted(self, task):
        nonlocal n
        n += 1
        if n == 4:
            raise KeyboardInterrupt
        return submit(self, task)

    with monkeypatch.context() as patched:
        patched.setattr(workers.Threads, "submit", interrupted)
        with pytest.raises(InterruptedRunError, match="the sweep was interrupted") as caught:
            sweep(tiny(), [FUND], replicates=5, out=tmp_path, jobs=1)
    assert caught.value.exit_code == 130
    assert "the same command again goes on" in caught.value.remedy
    again = sweep(tiny(), [FUND], replicates=5, out=tmp_path)
    assert contents(again.path) == contents(straight.path)
    assert set(n_computed(again.path).values()) == {1}


def test_a_worker_that_dies_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    def dying(self, task):
        job = Future()
        job.set_exception(BrokenProcessPool("gone"))
        return job

    monkeypatch.setattr(workers.Threads, "submit", dying)
    with pytest.raises(cascade.CascadeError, match="a worker process died") as caught:
        run(tiny(), replicates=2, out=tmp_path)
    assert caught.value.code == "CAS501"


# --- kill -9


SWEEP = """
import sys
from pathlib import Path
from cascade.experiment.sweep import sweep
if __name__ == "__main__":
    sweep(Path(sys.argv[1]), sys.argv[4:], replicates=40, out=sys.argv[2], jobs=2, processes=sys.argv[3] == "processes")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_at_ten_moments_and_resumed_each_time(tmp_path: Path) -> None:
    """Whatever the moment, nothing that finished is lost or computed twice, and the tables are the same.

    Threads and processes take turns: what one has begun the other goes on with.
    """
    file, script, out = tmp_path / "tiny.yaml", tmp_path / "go.py", tmp_path / "out"
    file.write_text(to_yaml(tiny()), encoding="utf-8")
    script.write_text(SWEEP, encoding="utf-8")
    straight = sweep(file, [FUND], replicates=40, out=tmp_path / "straight").path
    folder = out / straight.name
    rng = np.random.default_rng(1)
    commands = [
        [sys.executable, str(script), str(file), str(out), kind, FUND] for kind in ("threads", "processes")
    ]
    source = str(Path(cascade.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": source}
    done = 0
    for number, goal in enumerate(np.sort(rng.integers(0, 78, 10))):
        with subprocess.Popen(commands[number % 2], start_new_session=True, env=environment) as process:
            until = time.monotonic() + 400
            while sum(n_computed(folder).values()) <= goal and process.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.002)
            time.sleep(float(rng.uniform(0, 0.05)))
            process.send_signal(signal.SIGKILL)  # the process alone: its workers must end by themselves
        counts = n_computed(folder)
        assert set(counts.values()) <= {1}
        assert len(counts) >= done, "what was done is still there"
        done = len(counts)
    subprocess.run(commands[0], check=True, env=environment)
    assert contents(folder) == contents(straight)
    assert set(n_computed(folder).values()) == {1}
    assert len(n_computed(folder)) == 80
    assert json.loads((folder / "manifest.json").read_text())["outcome"]["status"] == "completed"
