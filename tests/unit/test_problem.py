"""A problem of calibration: everything wrong with it at once, and what it means; its simulations; its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import cascade
from cascade.calibration.calibrate import Calibrated, calibrate, prepare_calibration
from cascade.calibration.folder import DRAWS, SIMULATIONS, read_calibration
from cascade.calibration.problem_reading import load_problem
from cascade.errors import InterruptedRunError, ResultsError, ScenarioError, UsageError
from cascade.experiment import workers
from cascade.output.parquet import write_parquet
from cascade.output.sweep import read_sweep
from cascade.scenario.draws import Draws, read_draws
from cascade.scenario.load import load
from tests.support.calibrations import small_problem
from tests.support.foretold import event_of, of_a_day


def problems(path: Path, *edits: tuple[str, str], **options: int) -> list[tuple[str, int, str]]:
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_problem(path, **options)
    return [(each.code, each.line, f"{each.message} {each.hint}") for each in caught.value.problems]


def test_everything_wrong_is_told_at_once_where_it_is_written(tmp_path: Path) -> None:
    found = problems(
        small_problem(tmp_path),
        ("population.crowd.accounts", "population.crowd.acounts"),
        ("low: -2.5 %", "low: 5 %"),
        ("liquidated_accounts:", "liquidated_acounts:"),
        ("complete_usd: {value: 800k", "complete_usd: {value: -800k, scale: log"),
        ("simulations: 32", "simulations: 32\nmoments: {fall.complte_usd: {weight: 0}}"),
    )
    assert [(code, line) for code, line, _ in found] == [
        ("CAS332", 4), ("CAS332", 5), ("CAS332", 11), ("CAS332", 12), ("CAS332", 15)
    ]  # fmt: skip
    for (_, _, text), words in zip(
        found,
        [
            "did you mean 'population.crowd.accounts'",
            "low has to be below high",
            "did you mean 'liquidated_accounts'",
            "has no logarithm",
            "did you mean 'fall.complete_usd'",
        ],
        strict=True,
    ):
        assert words in text


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("small.yaml", "smal.yaml", "CAS003", "no such scenario file"),
        ("dist: beta, a: 2", "dist: beat, a: 2", "CAS016", "beat"),
        ("low: 100, high: 1000", "low: few, high: 1000", "CAS332", "low: 'few' is not"),
        (
            "paths: [population.crowd.stop_loss.share]",
            "paths: [shocks.fall.move]",
            "CAS332",
            "is set by move already",
        ),
        ("replicates: 3", "replicates: none", "CAS012", "whole number"),
        ("replicates: 3", "replicates: 1", "CAS014", "2"),
    ],
)
def test_a_mistake_is_located(tmp_path: Path, old: str, new: str, code: str, words: str) -> None:
    found = problems(small_problem(tmp_path), (old, new))
    assert [each for each, _, _ in found] == [code], found
    assert words in found[0][2]


def test_every_amount_of_every_prior_is_told_with_what_to_write(tmp_path: Path) -> None:
    found = problems(
        small_problem(tmp_path),
        ("low: 100, high: 1000", "low: few, high: many"),
        ("low: -2.5 %, high: -1 %", "low: -1 %, high: -2.5 %"),
        ("dist: beta, a: 2, b: 3", "dist: loguniform, low: 0 %, high: 1 %"),
    )
    texts = [text for _, _, text in found]
    assert [line for _, line, _ in found] == [4, 4, 5, 6]
    assert "low: 'few' is not" in texts[0]
    assert "high: 'many' is not" in texts[1]
    assert "write the lesser under low" in texts[2]
    assert "low has to be above zero" in texts[3]


def test_what_coverage_and_the_fit_need_is_told_before_anything_runs_with_all_else(tmp_path: Path) -> None:
    path = small_problem(tmp_path, replicates=2)
    found = problems(
        path,
        ("simulations: 32", "simulations: 16"),
        ("low: 100", "low: few"),
        ("dist: beta", "dist: uniform"),
        trials=4,
    )
    assert "CAS014" not in {code for code, _, _ in found}
    path.write_text(
        path.read_text(encoding="utf-8").replace("dist: uniform, a: 2, b: 3", "dist: beta, a: 2, b: 3")
    )
    found = problems(path, trials=4, simulations=15 + 1)
    assert any("--check-coverage needs 3 replicates" in text for _, _, text in found)
    assert any("low: 'few'" in text for _, _, text in found)
    four = "".join(
        f"  more{k}: {{paths: population.crowd.x{k}, prior: {{dist: uniform, low: 0, high: 1}}}}\n"
        for k in range(2)
    )
    found = problems(path, ("scenarios:\n", f"{four}scenarios:\n"), trials=4)
    assert any("16 draws are too few for 5 parameters write 24 or more" in text for _, _, text in found)


def test_faults_of_an_event_are_not_hidden_by_those_of_the_problem(tmp_path: Path) -> None:
    path = small_problem(tmp_path)
    event = event_of(tmp_path / "day", {"total": of_a_day(0)}, {"total": 4e6})
    event.observed.write_text(event.observed.read_text(encoding="utf-8").replace("value: 4", "value: four4"))
    (tmp_path / "day/scenario.yaml").write_text("cascade: none\n", encoding="utf-8")
    text = path.read_text(encoding="utf-8").replace("scenarios:\n", "events: [day]\nscenarios:\n")
    path.write_text(text, encoding="utf-8")
    both = {"observed.yaml", "scenario.yaml"}
    for edit in (("low: 100", "low: few"), ("replicates: 3", "replicates: none")):
        path.write_text(text.replace(*edit), encoding="utf-8")
        with pytest.raises(ScenarioError) as caught:
            load_problem(path)
        assert both <= {Path(each.file).name for each in caught.value.problems}
        assert any(Path(each.file).name == path.name for each in caught.value.problems)


def test_a_problem_without_days_says_what_to_add(tmp_path: Path) -> None:
    path = small_problem(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("scenarios:")], encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_problem(path)
    assert "add events: [FOLDER]" in str(caught.value)


def test_a_parameter_sets_its_paths_by_factor_and_whole_numbers_where_they_must_be(tmp_path: Path) -> None:
    path = small_problem(tmp_path)
    text = path.read_text(encoding="utf-8")
    linked = "{population.crowd.accounts: 1, makers.makers.count: 0.01}"
    path.write_text(text.replace("{paths: population.crowd.accounts", f"{{paths: {linked}"), encoding="utf-8")
    accounts, move, _ = load_problem(path).parameters
    assert accounts.set_by(320.4) == {"population.crowd.accounts": 320.0, "makers.makers.count": 3.0}
    assert move.unit == "fraction"
    assert move.set_by(-0.015) == {"shocks.fall.move": -0.015}


def test_figures_are_compared_in_logarithms_where_they_are_amounts(tmp_path: Path) -> None:
    accounts, usd, fall = load_problem(small_problem(tmp_path)).moments
    assert (accounts.is_log, usd.is_log, fall.is_log) == (True, True, False)
    assert (accounts.error, fall.error) == (0.05, 5.0)


def test_a_pattern_says_how_many_figures_count_and_a_name_goes_before_it(tmp_path: Path) -> None:
    path = small_problem(tmp_path)
    asked = (
        'moments: {"*": {error: 30 %}, "fall.liquidated_*": {weight: 0}, fall.complete_usd: {error: 20 %}}'
    )
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{asked}\n", encoding="utf-8")
    found = {each.name: (each.error, each.weight) for each in load_problem(path).moments if each.is_log}
    assert found == {"fall.liquidated_accounts": (0.3, 1.0), "fall.complete_usd": (0.2, 1.0)}


def test_draws_that_a_scenario_takes_do_not_overwrite_what_is_fitted(tmp_path: Path) -> None:
    path = small_problem(tmp_path)
    scenario = path.parent / "small.yaml"
    drawn = Draws(("population.crowd.accounts",), ("",), np.array([[50.0]]))
    write_parquet(path.parent / "draws.parquet", drawn.table())
    with scenario.open("a", encoding="utf-8") as file:
        file.write("\nparameters: draws.parquet\n")
    assert load(scenario).parameters is not None
    assert [each.scenario.parameters for each in load_problem(path).days] == [None]


N_DRAWS = 16
"""The fewest that three parameters can be fitted to."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Calibrated]:
    folder = tmp_path_factory.mktemp("made")
    prepared = prepare_calibration(small_problem(folder, simulations=N_DRAWS))
    return folder / "problem.yaml", calibrate(prepared, out=folder / "results", trials=3)


def test_draws_go_there_and_back(made: tuple[Path, Calibrated]) -> None:
    problem, found = made
    draws = found.fitted.draws
    assert draws.paths == (
        "population.crowd.accounts",
        "shocks.fall.move",
        "population.crowd.stop_loss.share",
    )
    assert draws.units == ("", "fraction", "fraction")
    assert draws.values.shape == (200, 3)
    assert draws.problem == load_problem(problem).sha256 == found.fitted.manifest["problem"]["sha256"]
    table = pq.read_table(found.fitted.path / DRAWS)
    assert table.schema.metadata[b"cascade_draws"] == b"1"
    assert table.schema.field(1).metadata == {b"unit": b"fraction"}
    assert np.array_equal(np.column_stack([column.to_numpy() for column in table.columns]), draws.values)
    assert (draws.values[:, 0] == draws.values[:, 0].round()).all()


def test_the_reference_table_is_that_of_the_runs(made: tuple[Path, Calibrated]) -> None:
    _, found = made
    table = found.fitted.simulations
    assert table.num_rows == N_DRAWS * 3
    (sweep,) = [read_sweep(each) for each in found.fitted.path.parent.glob("small-fall-*")]
    runs = sweep.variants["draw-00007"].runs
    rows = table.to_pylist()[7 * 3 : 8 * 3]
    assert [row["replicate"] for row in rows] == [0, 1, 2]
    assert [row["fall.complete_usd"] for row in rows] == runs.column("complete_usd").to_pylist()
    assert len({row["accounts"] for row in rows}) == 1


def test_all_draws_have_the_same_luck(made: tuple[Path, Calibrated]) -> None:
    (folder,) = made[1].fitted.path.parent.glob("small-fall-*")
    sweep = read_sweep(folder)
    seeds = {(each.manifest["request"]["seed"], tuple(each.replicates)) for each in sweep.variants.values()}
    assert seeds == {(1, (0, 1, 2))}


def test_an_altered_file_is_refused(made: tuple[Path, Calibrated], tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(made[1].fitted.path, folder)
    for name, look in ((DRAWS, "draws"), (SIMULATIONS, "simulations"), ("answer.json", "answer")):
        file = folder / name
        whole = file.read_bytes()
        file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(ResultsError) as caught:
            getattr(read_calibration(folder), look)
        assert caught.value.code == "CAS609"
        assert name in caught.value.where
        file.write_bytes(whole)
        getattr(read_calibration(folder), look)


def test_a_folder_of_something_else_is_no_calibration(made: tuple[Path, Calibrated]) -> None:
    (sweep,) = made[1].fitted.path.parent.glob("small-fall-*")
    with pytest.raises(ResultsError, match="not a calibration"):
        read_calibration(sweep)


def test_asked_again_nothing_is_computed_and_the_answer_is_the_same(
    made: tuple[Path, Calibrated], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, found = made
    before = (found.fitted.path / DRAWS).read_bytes()

    def refuse(self: object, task: object) -> None:
        raise AssertionError(task)

    monkeypatch.setattr(workers.Threads, "submit", refuse)
    again = calibrate(prepare_calibration(problem), out=problem.parent / "results", trials=3)
    assert again.fitted.path == found.fitted.path
    assert json.dumps(again.answer.as_dict()) == json.dumps(found.answer.as_dict())
    assert (again.fitted.path / DRAWS).read_bytes() == before


@pytest.mark.slow
def test_interrupted_it_goes_on(
    made: tuple[Path, Calibrated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, n = workers.Threads.submit, 0

    def interrupted(self: workers.Threads, task: object) -> object:
        nonlocal n
        n += 1
        if n == N_DRAWS + 8:  # of three times as many
            raise KeyboardInterrupt
        return submit(self, task)  # type: ignore[arg-type]

    problem, found = made
    monkeypatch.setattr(workers.Threads, "submit", interrupted)
    with pytest.raises(InterruptedRunError):
        calibrate(prepare_calibration(problem), out=tmp_path)
    monkeypatch.setattr(workers.Threads, "submit", submit)
    said: list[str] = []
    again = calibrate(prepare_calibration(problem), out=tmp_path, say=said.append)
    assert any("resuming" in each for each in said)
    assert np.array_equal(again.fitted.draws.values, found.fitted.draws.values)


def test_coverage_of_two_replicates_is_refused(tmp_path: Path) -> None:
    prepared = prepare_calibration(small_problem(tmp_path, replicates=2))
    with pytest.raises(UsageError, match="coverage needs 3 replicates"):
        calibrate(prepared, trials=4, out=tmp_path)


def test_draws_carry_over_to_runs(made: tuple[Path, Calibrated], tmp_path: Path) -> None:
    problem, found = made
    scenario = cascade.load(problem.parent / "small.yaml").replace(parameters=str(found.fitted.path / DRAWS))
    runs = cascade.run(scenario, replicates=3, out=tmp_path).runs
    draws = read_draws(found.fitted.path / DRAWS)
    assert runs.column("drawn_shocks_fall_move").to_pylist() == draws.values[:3, 1].tolist()
