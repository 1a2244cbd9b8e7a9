"""`cascade calibrate`: the answer first, as JSON, planned, and refused with the place of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cascade.cli.app import build
from tests.support.calibrations import small_problem


def call(*words: object) -> Result:
    return CliRunner().invoke(build(["calibrate"]), ["calibrate", *map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    small_problem(folder, simulations=16)
    return folder


@pytest.mark.slow
def test_the_answer_comes_first_and_json_says_the_same(folder: Path) -> None:
    words = (folder / "problem.yaml", "-o", folder / "results", "-q")
    said = call(*words)
    assert said.exit_code == 0, said.output
    first, *lines = said.stdout.splitlines()
    assert first.startswith(("Identified by 3 figures of 1 day:", "Not identified by 3 figures of 1 day:"))
    assert "observed figures" in first
    path = Path(lines[-1].removeprefix("results: "))
    assert (path / "draws.parquet").is_file()
    found = json.loads(call(*words, "--json").stdout)
    assert found["path"] == str(path)
    names = [each["name"] for each in found["parameters"]]
    assert names == ["accounts", "move", "stops"]
    for each in found["parameters"]:
        low, high = each["interval"]
        assert low < each["median"] < high
        assert each["identified"] == (each["width"] <= 0.5)
        row = next(line for line in map(str.strip, lines) if line.startswith(f"{each['name']} "))
        assert ("not identified" in row) is not each["identified"]
    assert found["coverage"] == []
    assert set(found["informs"]) == {each["name"] for each in found["figures"]}


@pytest.mark.slow
def test_coverage_of_known_truths_is_told(folder: Path) -> None:
    said = call(folder / "problem.yaml", "-o", folder / "results", "-q", "--check-coverage", 2)
    assert said.exit_code == 0, said.output
    assert any(line.strip().startswith("coverage of known truths") for line in said.stdout.splitlines())


def test_a_dry_run_says_what_it_takes_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    said = call(folder / "problem.yaml", "--simulations", 64, "--dry-run", "-o", tmp_path / "none")
    assert said.exit_code == 0, said.output
    assert "64 variants x 3 replicates = 192 runs" in said.stdout
    assert not (tmp_path / "none").exists()


def test_a_problem_that_is_not_there_says_where_one_is_explained(tmp_path: Path) -> None:
    said = call(tmp_path / "none.yaml")
    assert said.exit_code == 3
    assert "cascade docs calibrate has one to begin with" in said.stderr


def test_a_mistake_leaves_with_3_and_its_place(tmp_path: Path) -> None:
    path = small_problem(tmp_path)
    path.write_text(path.read_text().replace("population.crowd.accounts", "population.crowd.acounts"))
    said = call(path)
    assert said.exit_code == 3
    assert "problem.yaml:4:" in said.stderr
    assert "did you mean 'population.crowd.accounts'?" in said.stderr
