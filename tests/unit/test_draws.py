"""Draws of parameters in a scenario: each replicate its own, paired over variants, refused where they mean nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cascade
from cascade.assembly import assemble
from cascade.errors import ScenarioError
from cascade.experiment.parameters import drawn_row
from cascade.output.columns import to_numpy
from cascade.output.parquet import write_parquet
from cascade.scenario.draws import Draws, numbers_of, read_draws, with_draw
from cascade.scenario.load import digest, inspect, load, to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_scenario

PATHS = ("population.crowd.accounts", "population.crowd.hold.mean", "makers.makers.depth.scale")
UNITS = ("", "s", "x")
VALUES = np.array([[100.0, 300.0, 0.2], [150.0, 100.0, 0.3]])


def file_of(folder: Path, values=VALUES, paths=PATHS) -> Path:
    path = folder / "draws.parquet"
    write_parquet(path, Draws(paths, UNITS[: len(paths)], values, "ab12").table())
    return path


def tiny() -> Scenario:
    return small_scenario(duration="10s").replace(**{"population.0.accounts": 120})


def taking(folder: Path, **of_file) -> Scenario:
    return tiny().replace(parameters=str(file_of(folder, **of_file)))


def test_draws_go_there_and_back(tmp_path: Path) -> None:
    found = read_draws(file_of(tmp_path))
    assert (found.paths, found.units, found.problem) == (PATHS, UNITS, "ab12")
    assert np.array_equal(found.values, VALUES)


def test_replicate_k_is_the_scenario_with_draw_k_and_begins_again_after_the_last(tmp_path: Path) -> None:
    scenario = taking(tmp_path)
    for replicate in range(4):
        accounts, hold, depth = VALUES[replicate % 2]
        changed = {"population.0.accounts": int(accounts), "population.0.hold.mean": f"{hold:g}s"}
        by_hand = tiny().replace(**changed, **{"makers.0.depth.scale": float(depth)})
        assert with_draw(scenario, replicate) == by_hand
        ours, theirs = (assemble(each, replicate).state for each in (scenario, by_hand))
        assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_runs_and_manifest_say_what_was_drawn_and_variants_are_paired(tmp_path: Path) -> None:
    scenario = taking(tmp_path)
    axis = ["venues.venue.fund=100M,50M"]
    found = cascade.sweep(scenario, axis, replicates=3, out=tmp_path / "results")
    for result in found.variants.values():
        runs = result.runs
        assert to_numpy(runs.column("drawn_population_crowd_accounts")).tolist() == [100.0, 150.0, 100.0]
        assert to_numpy(runs.column("drawn_population_crowd_hold_mean_s")).tolist() == [300.0, 100.0, 300.0]
        assert result.manifest["draws"]["n"] == 2
        assert result.manifest["draws"]["problem_sha256"] == "ab12"
    assert len(found.runs.column("drawn_makers_makers_depth_scale")) == 6


def test_other_draws_are_another_request(tmp_path: Path) -> None:
    scenario = taking(tmp_path)
    before = digest(scenario)
    file_of(tmp_path, values=VALUES * 1.5)
    assert digest(scenario) != before
    assert read_draws(scenario.parameters or "").values[0, 1] == 450.0


def test_the_file_is_beside_the_scenario_that_names_it(tmp_path: Path) -> None:
    file_of(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(to_yaml(tiny()) + "parameters: draws.parquet\n", encoding="utf-8")
    assert load(path).parameters == str((tmp_path / "draws.parquet").resolve())


def refused(folder: Path, write) -> str:
    """Return the one problem of a scenario whose file of draws a function has written."""
    write(folder / "draws.parquet")
    path = folder / "small.yaml"
    path.write_text(to_yaml(tiny()) + "parameters: draws.parquet\n", encoding="utf-8")
    (problem,) = [each for each in inspect(path)[1] if each.severity == "error"]
    assert problem.code == "CAS331"
    assert problem.source_line == "parameters: draws.parquet"
    assert problem.column == len("parameters: ") + 1
    return f"{problem.message} {problem.hint}"


def table(**columns) -> pa.Table:
    return pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()})


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: None, "no such file of draws"),
        (lambda path: path.write_text("no parquet"), "this is no parquet file"),
        (lambda path: pq.write_table(table(x=[1.0]), path), "does not hold draws of parameters"),
        (lambda path: file_of(path.parent, VALUES[:0]), "holds no draws"),
        (lambda path: file_of(path.parent, np.full((1, 3), np.nan)), "draw 0 of column population.crowd.accounts"),
        (
            lambda path: file_of(path.parent, paths=("population.crowd.acounts", *PATHS[1:])),
            "did you mean 'population.crowd.accounts'",
        ),
        (
            lambda path: file_of(path.parent, VALUES[:, :1], paths=("population.eth.accounts",)),
            "where the scenario holds no number",
        ),
        (
            lambda path: file_of(path.parent, VALUES * [1, 1, -1]),
            "draw 0 makes no valid scenario: makers.makers.depth.scale",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_the_file_is_named(tmp_path: Path, write, words: str) -> None:
    assert words in refused(tmp_path, write)


def test_draws_of_what_a_scenario_lacks_are_left_out_and_told(tmp_path: Path) -> None:
    """A posterior of several days is of all their coins."""
    file_of(tmp_path, paths=("population.eth.accounts", *PATHS[1:]))
    path = tmp_path / "small.yaml"
    path.write_text(to_yaml(tiny()) + "parameters: draws.parquet\n", encoding="utf-8")
    scenario, problems = inspect(path)
    (told,) = [each for each in problems if each.code == "CAS331"]
    assert told.severity == "warning"
    assert "the scenario has no population.eth" in told.message
    assert scenario is not None
    assert numbers_of(with_draw(scenario, 0)) == numbers_of(tiny()) | dict(
        zip(PATHS[1:], VALUES[0, 1:].tolist(), strict=True)
    )
    assert set(drawn_row(scenario, 0).values()) == set(VALUES[0, 1:].tolist())


def test_a_damaged_page_is_noticed(tmp_path: Path) -> None:
    path = file_of(tmp_path, values=np.random.default_rng(1).random((4000, 3)) + 100.0)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ScenarioError, match="CAS330"):
        read_draws(path)


def test_numbers_are_named_as_overrides_name_them() -> None:
    numbers = numbers_of(tiny())
    assert numbers["population.crowd.accounts"] == 120.0
    assert numbers["population.crowd.hold.mean"] == 300.0
    assert "population.crowd.type" not in numbers
    assert "outputs.liquidations" not in numbers
