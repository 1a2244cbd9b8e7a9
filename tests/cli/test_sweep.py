"""`cascade sweep`, `replay` and resuming `run`: exit codes, what goes to stdout, and what to do next."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from pathlib import Path

import pytest

import cascade
from cascade.assembly import assemble
from cascade.errors import InvariantError
from cascade.experiment import replicate as replicates
from cascade.experiment import workers
from cascade.output.parquet import PartWriter
from cascade.scenario.load import to_yaml
from tests.cli.test_commands import call
from tests.unit.test_sweep import FUND, tiny


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "tiny.yaml").write_text(to_yaml(tiny()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "tiny.yaml"


def test_a_sweep_prints_its_answer_and_where_it_is(file: str) -> None:
    lines = call("sweep", file, "-n", "6", "-s", FUND).stdout.splitlines()
    assert lines[0] == (
        "Auto-deleveraging: from 0 USD (in every replicate) in venue.fund=100M to 417k USD [135k, 710k] in "
        "venue.fund=10k."
    )
    at = next(k for k, line in enumerate(lines) if line.startswith("variant"))
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["venue.fund=10k", "venue.fund=100M"]
    assert lines[-2] == "2 variants of 6 replicates ran to their end."
    folder = lines[-1].removeprefix("results: ")
    assert len(cascade.read(folder).runs) == 12
    again = call("sweep", file, "-n", "6", "-s", FUND, "--json")
    assert json.loads(again.stdout)["path"] == folder
    assert "resuming" not in again.stderr


def test_a_dry_run_says_what_it_would_take_and_runs_nothing(file: str) -> None:
    shown = call("sweep", file, "-n", "50", "-s", FUND, "--dry-run").stdout
    assert "venue.fund=10k" in shown
    assert "2 variants x 50 replicates = 100 runs" in shown
    found = json.loads(call("sweep", file, "-n", "50", "-s", FUND, "--dry-run", "--json").stdout)
    assert found["runs"] == 100
    assert found["is_estimate"] is True
    assert min(found["memory_bytes"], found["seconds"], found["disk_bytes"]) > 0
    assert not Path("results").exists()


def _waiting() -> int:
    """Return the bytes of pieces; a folder may be gone as soon as it has been listed."""
    total = 0
    with suppress(FileNotFoundError):
        for path in Path("results").rglob("*.arrows"):
            total += path.stat().st_size
    return total


@pytest.mark.slow
def test_the_disk_that_a_dry_run_foresees_is_of_the_right_order(file: str) -> None:
    options = (file, "-n", "32", "-s", FUND, "-s", "population.0.accounts=3000")
    found = json.loads(call("sweep", *options, "--dry-run", "--json").stdout)
    shown = call("sweep", *options, "--dry-run").stdout
    assert "if nobody is liquidated" in shown
    assert f"if each of {found['positions']:,} positions is once" in shown
    pieces: list[int] = []
    done = cascade.sweep(
        file, options[-3::2], replicates=32, jobs=1,
        progress=lambda _: pieces.append(_waiting()),
    )  # fmt: skip
    written = sum(path.stat().st_size for path in done.path.rglob("*.parquet"))
    assert found["least_disk_bytes"] < written < found["disk_bytes"] < 10 * written
    assert max(pieces) < found["waiting_bytes"] < 10 * max(pieces)
    assert found["not_counted"] == []
    assert "not counted: trades" in call("sweep", *options, "-s", "outputs.trades=true", "--dry-run").stdout


def test_mistakes_of_all_variants_are_exit_code_3(file: str) -> None:
    said = call("sweep", file, "-s", "venues.venue.fund=10k,much,5 lots", "-s", "dt=1s,0s", code=3).stderr
    assert said.count("error[") == 3
    assert "-s:1:23" in said
    assert "nothing varies" in call("sweep", file, code=3).stderr


def test_failed_replicates_are_exit_code_5_and_can_be_retried(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(scenario: object, replicate: int = 0) -> object:
        if replicate == 1:
            raise InvariantError("after step 3: something")
        return assemble(scenario, replicate)

    with monkeypatch.context() as patched:
        patched.setattr(replicates, "assemble", broken)
        said = call("run", file, "-n", "3", code=5).stderr
        assert "1 of 3 replicates failed" in said
        assert "--retry-failed" in said
        call("run", file, "-n", "3", code=5)
        assert said.count("cascade run tiny.yaml --seed") == 1
        said = call("sweep", file, "-n", "3", "-s", FUND, "--fail-fast", "-j", "1", code=5).stderr
        (command,) = (line.lstrip(" =") for line in said.splitlines() if "cascade run" in line)
        assert "replicates failed" not in said
        assert "--retry-failed" in said
        call(*shlex.split(command)[1:], code=5)
    assert "resuming: 2 of 3" in call("run", file, "-n", "3", "--retry-failed").stderr
    call("sweep", file, "-n", "3", "-s", FUND, "--retry-failed")


def test_an_interruption_is_exit_code_130_and_says_how_to_go_on(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, task: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(workers.Threads, "submit", interrupted)
        for command in (["run"], ["sweep", "-s", FUND]):
            said = call(command[0], file, "-n", "2", *command[1:], code=130).stderr
            assert "the same command again goes on from there" in said
    call("run", file, "-n", "2")


def test_a_full_disk_is_explained_and_the_same_command_goes_on(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, table: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(PartWriter, "write", full)
        said = call("run", file, "-n", "2", code=6).stderr
    assert "error[CAS608]  the disk is full" in said
    assert "ask for the same again to go on" in said
    assert "resuming: 2 of 2 replicates are there already" in call("run", file, "-n", "2").stderr


def test_a_folder_that_cannot_be_made_is_explained(file: str) -> None:
    Path("taken").write_text("a file", encoding="utf-8")
    assert "CAS608" in call("run", file, "-o", "taken", code=6).stderr
    assert "CAS608" in call("sweep", file, "-s", FUND, "-o", "taken", code=6).stderr


def test_a_replay_prints_what_it_holds(file: str) -> None:
    call("sweep", file, "-n", "2", "-s", FUND)
    (folder,) = Path("results").glob("*/variants/venue.fund=10k")
    lines = call("replay", str(folder), "--replicate", "1", "--window", "3s..12s").stdout.splitlines()
    assert lines[0].startswith("replicate 1 repeats the stored rows: ")
    assert lines[1] == "recorded in full: 3s..12s of the run"
    found = json.loads(
        call("replay", str(folder), "--replicate", "1", "--window", "3s..12s", "--json").stdout
    )
    assert found["window"] == [3.0, 12.0]
    assert found["rows"]["trades"] > 0
    assert found["equal_rows"]["bars"] > 0
    assert "START..END" in call("replay", str(folder), "--window", "soon", code=2).stderr
    assert "no replicate 9" in call("replay", str(folder), "--replicate", "9", code=6).stderr
    call("replay", "nowhere", code=6)


@pytest.mark.parametrize("command", ["compare", "graph", "replay", "report"])
def test_what_holds_no_results_is_explained(file: str, write_run, command: str) -> None:
    folder = write_run()
    said = call(command, str(folder / "runs.parquet"), code=6).stderr
    assert "this is a file, not a folder of results" in said
    assert f"give its folder: {folder}" in said
    foreign = Path("foreign")
    foreign.mkdir()
    (foreign / "manifest.json").write_text('{"name": "an application of the web"}', encoding="utf-8")
    assert "CAS601" in call(command, "foreign", code=6).stderr
    (foreign / "manifest.json").write_text('{"results_version": "1.0", "kind": "sweep"}', encoding="utf-8")
    assert "it carries no checksum of its own" in call(command, "foreign", code=6).stderr
    assert "CAS600" in call(command, "nowhere", code=6).stderr
