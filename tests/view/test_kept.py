"""A run that is watched can be kept: its folder is the one that a run in the dark makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cascade
from cascade.errors import InterruptedRunError, ResultsError
from cascade.experiment.run import ended, kept
from cascade.scenario.load import to_yaml
from cascade.view.session import Session
from tests.view.conftest import MARKET, falling
from tests.view.test_payload import wait


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "falling.yaml"
    found.write_text(to_yaml(falling()), encoding="utf-8")
    return found


def watched(file: Path, out: Path, **options: Any) -> Any:
    """Watch a run to its end, and return it."""
    ongoing = kept(falling(), file, 1, out=out, **options)
    session = Session.of_scenario(falling(), 1, kept=ongoing)
    try:
        wait(session)
    finally:
        session.close()
    assert session.status()["runs"]["falling"]["kept"] == str(ongoing.writer.folder)
    return session, ended(ongoing)


def test_what_was_watched_is_what_a_run_writes(file: Path, tmp_path: Path) -> None:
    session, found = watched(file, tmp_path / "watched")
    same = cascade.run(file, replicate=1, out=tmp_path / "dark")
    assert found.path is not None
    assert same.path is not None
    assert found.path.name == same.path.name
    assert set(found.tables) == set(same.tables)
    assert all(found.tables[name].equals(same.tables[name]) for name in same.tables)
    assert (found.path / "scenario.yaml").read_text() == file.read_text()
    assert found.manifest["request"] == same.manifest["request"]
    again = Session.of_results(found.path)
    assert session.course("falling", 1, MARKET) == again.course("falling", 1, MARKET)
    page = cascade.write_report([found], tmp_path / "page.html")
    assert "falling" in page.read_text(encoding="utf-8")
    with pytest.raises(ResultsError, match="done already"):
        kept(falling(), file, 1, out=tmp_path / "watched")
    _, forced = watched(file, tmp_path / "watched", force=True)
    assert forced.tables["runs"].equals(same.tables["runs"])


def test_a_run_that_is_ended_before_its_end_leaves_nothing_that_seems_whole(
    file: Path, tmp_path: Path
) -> None:
    ongoing = kept(falling(), file, 1, out=tmp_path)
    session = Session.of_scenario(falling(), 1, kept=ongoing)
    session.close()
    assert session.status()["runs"]["falling"]["stage"] == "stopped"
    with pytest.raises(InterruptedRunError, match="0 of 1"):
        ended(ongoing)
    with pytest.raises(ResultsError):
        cascade.read(ongoing.writer.folder)
    assert len(watched(file, tmp_path)[1].runs) == 1  # the same again goes on


@pytest.mark.slow
def test_the_command_says_where_its_results_are(file: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cascade", "live", str(file), "--no-browser", "-o", "mine"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        while not list(tmp_path.glob("mine/falling-*/manifest.json")):
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    (folder,) = tmp_path.glob("mine/falling-*")
    assert said.strip() == f"results: {folder.relative_to(tmp_path)}"
    assert json.loads((folder / "manifest.json").read_text())["request"]["replicates"] == [0]
