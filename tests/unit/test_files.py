"""Files that a scenario names: those of its own folder, of allowed ones, and what comes with Cascade."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.errors import Problem, ScenarioError
from cascade.experiment.request import Origin
from cascade.experiment.sweep import prepare
from cascade.scenario.load import inspect, load

BASE = (Path(__file__).parents[1] / "data" / "base.yaml").read_text(encoding="utf-8")
PROFILE = "      profile: [[1, 0.44M], [10, 9M], [100, 240M]]\n"
RULEBOOK = "rulebook: binance-2025-07"
SECRET = "password: hunter2\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder beside that of the scenario, with a data file, a rulebook, a scenario and a secret."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "depth.csv").write_text("distance_bps,cumulative_usd\n1,440000\n10,9e6\n100,240e6\n")
    (folder / "rules.yaml").write_text(f"extends: {RULEBOOK.partition(' ')[2]}\nname: mine\n")
    (folder / "base.yaml").write_text(BASE)
    (folder / "secret").write_text(SECRET)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def write(folder: Path, text: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def errors_of(path: Path, *allow: Path) -> list[Problem]:
    return [each for each in inspect(path, allow=allow)[1] if each.severity == "error"]


def naming(kind: str, name: str) -> str:
    """Return a scenario that names a file in one of the ways there are."""
    if kind == "extends":
        return f"extends: {name}\n"
    if kind == "rulebook":
        return BASE.replace(RULEBOOK, f"rulebook: {name}")
    return BASE.replace(PROFILE, f"      file: {name}\n")


NAMED = [("file", "depth.csv"), ("rulebook", "rules.yaml"), ("extends", "base.yaml")]


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_a_file_outside_is_refused_where_it_is_named(kind: str, name: str, own: Path, outside: Path) -> None:
    path = write(own, naming(kind, f"../outside/{name}"))
    (problem,) = errors_of(path)
    assert problem.code == "CAS009"
    assert problem.source_line.strip() == f"{kind}: ../outside/{name}"
    assert f"--allow {outside}" in problem.hint
    assert not errors_of(path, outside)


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_an_absolute_path_and_a_link_are_no_way_round(kind: str, name: str, own: Path, outside: Path) -> None:
    (own / name).symlink_to(outside / name)
    for text in (naming(kind, str(outside / name)), naming(kind, f"./{name}")):
        assert [each.code for each in errors_of(write(own, text))] == ["CAS009"]


@pytest.mark.parametrize("kind", ["file", "rulebook", "extends"])
def test_no_message_shows_what_a_file_outside_holds(kind: str, own: Path, outside: Path) -> None:
    for name in ("../outside/secret", "../outside/secret.yaml", "../outside/nothing"):
        path = write(own, naming(kind, name))
        shown = ScenarioError(inspect(path)[1]).render()
        assert "hunter2" not in shown
        assert "did you mean" not in shown


def test_files_below_and_shipped_ones_may_be_named(own: Path, outside: Path) -> None:
    (own / "data").mkdir()
    (own / "data" / "depth.csv").write_bytes((outside / "depth.csv").read_bytes())
    assert not errors_of(write(own, naming("file", "data/depth.csv")))
    assert not errors_of(write(own, "extends: thin-book\nname: thinner\n"))


def test_the_command_line_may_name_every_file(own: Path, outside: Path) -> None:
    path = write(own, BASE)
    depth = f"{{file: {outside / 'depth.csv'}, profile: []}}"
    assert load(path, [f"makers.0.depth.file={outside / 'depth.csv'}", "makers.0.depth.profile=null"])
    assert load(path).replace(**{"makers.0.depth": {"file": str(outside / "depth.csv"), "profile": []}})
    prepared = prepare(path, [f"makers.0.depth={depth},{{scale: 2x}}"])
    assert len(prepared.variants) == 2


def test_a_sweep_names_files_of_its_own_folder(own: Path, outside: Path) -> None:
    (own / "inner").mkdir()
    (own / "depth.csv").write_bytes((outside / "depth.csv").read_bytes())
    inner = naming("file", "../depth.csv")
    (own / "inner" / "scenario.yaml").write_text(inner, encoding="utf-8")
    text = "cascade: 1\nsweep: s\nscenario: {}\nvary: {{dt: [1s, 0.5s]}}\n"
    sweep = own / "sweep.yaml"
    sweep.write_text(text.format("inner/scenario.yaml"))
    assert len(prepare(sweep).variants) == 2
    assert [each.code for each in errors_of(own / "inner" / "scenario.yaml")] == ["CAS009"]
    sweep.write_text(text.format("../outside/base.yaml"))
    with pytest.raises(ScenarioError) as caught:
        prepare(sweep)
    assert [(each.code, each.line) for each in caught.value.problems] == [("CAS009", 3)]
    assert len(prepare(sweep, allow=[outside]).variants) == 2


@pytest.mark.parametrize(
    "where", ["set: {{makers.0.depth.file: {}}}", "vary: {{makers.0.depth.file: [{}, x.csv]}}"]
)
def test_values_of_a_sweep_name_files_of_its_own_folder(where: str, own: Path, outside: Path) -> None:
    (own / "scenario.yaml").write_text(BASE, encoding="utf-8")
    sweep = own / "sweep.yaml"
    given = where.format(outside / "depth.csv")
    sweep.write_text(f"cascade: 1\nsweep: s\nscenario: scenario.yaml\nvariants: {{a: {{dt: 1s}}}}\n{given}\n")
    with pytest.raises(ScenarioError) as caught:
        prepare(sweep)
    assert "CAS009" in [each.code for each in caught.value.errors]


def test_the_command_of_a_failed_replicate_may_name_the_same_files(own: Path, outside: Path) -> None:
    scenario = load(write(own, naming("file", str(outside / "depth.csv"))), allow=[outside])
    command = Origin.of_results(scenario, own).command(1, 0, counterfactual=False)
    assert command.endswith(f"--allow {outside}")


@pytest.mark.parametrize("kind", ["file", "rulebook", "extends"])
@pytest.mark.parametrize("name", ['"a\\0b/c.yaml"', "x" * 300 + ".yaml", "a/" * 3000 + "b.yaml", '""'])
def test_names_that_no_file_can_have_are_problems(kind: str, name: str, own: Path) -> None:
    found = errors_of(write(own, naming(kind, name)))
    assert found
    assert {each.code for each in found} <= {"CAS001", "CAS003", "CAS105", "CAS120"}


def test_links_in_a_circle_are_a_problem(own: Path) -> None:
    (own / "loop.csv").symlink_to(own / "loop.csv")
    assert errors_of(write(own, naming("file", "loop.csv")))


@pytest.mark.parametrize("command", ["run", "sweep", "attribute"])
def test_a_folder_with_too_long_a_name_is_a_usage_error(command: str, own: Path) -> None:
    path = write(own, BASE)
    arguments = [command, str(path), "-o", "x" * 300, *(["-s", "dt=1s,0.5s"] if command == "sweep" else [])]
    result = CliRunner().invoke(build([command]), arguments)
    assert result.exit_code == 2, result.output
    assert "CAS806" in result.stderr
    assert "File name too long" in result.stderr
