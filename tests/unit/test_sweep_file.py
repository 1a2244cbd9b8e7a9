"""What a sweep asks for: variants and their names by each design, and every mistake located where it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cascade.errors import ScenarioError, UsageError
from cascade.experiment.design import variants_of
from cascade.experiment.parameters import parameters_of
from cascade.experiment.sweep import prepare
from cascade.scenario.load import to_yaml
from cascade.scenario.sweep_file import read_plan
from cascade.units import between
from tests.support.scenarios import small_scenario

DEPTH = "makers.makers.depth.scale"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(to_yaml(small_scenario()), encoding="utf-8")
    return path


@pytest.fixture
def sweep_file(tmp_path: Path, base: Path):
    def write(text: str, name: str = "sweep.yaml") -> Path:
        path = tmp_path / name
        path.write_text(f"cascade: 1\nsweep: thin\n{text}", encoding="utf-8")
        return path

    return write


def variants(path: Path, *options: str, seed: int | None = None):
    return variants_of(read_plan(path, options), seed=seed)[0]


def problems(path: Path, *options: str):
    with pytest.raises(ScenarioError) as refused:
        variants(path, *options)
    return [problem for problem in refused.value.problems if problem.severity == "error"]


def test_a_grid_is_every_combination(base: Path) -> None:
    found = variants(base, f"{DEPTH}=0.1x,1x", "venues.venue.fund=1M, 5 M", "duration=30s")
    assert [each.name for each in found] == [
        "depth.scale=0.1x,venue.fund=1M", "depth.scale=0.1x,venue.fund=5_M",
        "depth.scale=1x,venue.fund=1M", "depth.scale=1x,venue.fund=5_M",
    ]  # fmt: skip
    assert [each.scenario.makers[0].depth.scale for each in found] == [0.1, 0.1, 1.0, 1.0]
    assert [each.scenario.venues["venue"].fund for each in found] == [1e6, 5e6, 1e6, 5e6]
    assert {each.scenario.duration for each in found} == {30.0}


def test_commas_in_brackets_and_quotes_do_not_part_values(base: Path) -> None:
    values = "{profile: [[1, 1M], [9, 9M]], scale: 1}, {profile: [[1, 2M], [9, 9M]], scale: 1}"
    found = variants(base, f"makers.makers.depth={values}", 'description="a, b"')
    assert [each.scenario.makers[0].depth.profile[0][1] for each in found] == [1e6, 2e6]
    assert found[0].scenario.description == "a, b"


def test_a_file_says_the_same_as_options(base: Path, sweep_file) -> None:
    path = sweep_file(f"scenario: small.yaml\nset: {{duration: 30s}}\nvary:\n  {DEPTH}: [0.1x, 1x]\n")
    ours, theirs = variants(path), variants(base, f"{DEPTH}=0.1x,1x", "duration=30s")
    assert [(each.name, each.scenario) for each in ours] == [(each.name, each.scenario) for each in theirs]


def test_variants_by_name_and_several_scenarios(base: Path, sweep_file, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("extends: small.yaml\nname: other\nseed: 9\n", encoding="utf-8")
    path = sweep_file(
        "scenario: small.yaml\n"
        f"variants:\n  as it is:\n  thin: {{{DEPTH}: 0.1x}}\n  else: {{scenario: other.yaml, duration: 60s}}\n"
    )
    found = variants(path)
    assert [each.name for each in found] == ["as_it_is", "thin", "else"]
    assert [each.scenario.name for each in found] == ["small", "small", "other"]
    assert {each.scenario.seed for each in found} == {1}, "replicate k has the same luck in all"
    both = variants(sweep_file("scenarios: [small.yaml, other.yaml]\n", "b.yaml"), f"{DEPTH}=0.1x,1x", seed=4)
    assert [each.name for each in both] == [
        "small,depth.scale=0.1x", "small,depth.scale=1x", "other,depth.scale=0.1x", "other,depth.scale=1x",
    ]  # fmt: skip
    assert {each.scenario.seed for each in both} == {4}


def test_a_seed_that_varies_is_left_to_vary(base: Path) -> None:
    assert [each.scenario.seed for each in variants(base, "seed=1,2,3")] == [1, 2, 3]


@pytest.mark.parametrize("design", ["lhs", "sobol"])
def test_designs_that_draw_points_are_even_and_repeat(sweep_file, design: str) -> None:
    text = (
        f"scenario: small.yaml\ndesign: {design}\npoints: 16\nvary:\n"
        f"  {DEPTH}: {{low: 0.1x, high: 10x, scale: log}}\n"
        "  venues.venue.fund: {low: 1M, high: 3M}\n  makers.makers.count: {low: 1, high: 5}\n"
        "  dt: [1s, 2s]\n"
    )
    found = variants(sweep_file(text))
    assert [each.name for each in found[:2]] == ["point-00", "point-01"]
    scales = np.array([each.scenario.makers[0].depth.scale for each in found])
    strata = np.floor((np.log10(scales) + 1) / 2 * 16).astype(int)
    assert sorted(strata) == list(range(16)), "one point in each of 16 slices of the logarithm"
    assert all(1e6 <= each.scenario.venues["venue"].fund <= 3e6 for each in found)
    assert all(isinstance(each.scenario.makers[0].count, int) for each in found)
    assert [sum(each.scenario.dt == dt for each in found) for dt in (1.0, 2.0)] == [8, 8]
    assert [each.scenario for each in variants(sweep_file(text))] == [each.scenario for each in found]
    assert [each.shown for each in variants(sweep_file(text), seed=2)] != [each.shown for each in found]


def test_points_on_the_command_line(base: Path) -> None:
    option = f"{DEPTH}={{low: 0.1x, high: 1x}}"
    prepared = prepare(base, [option], design="sobol", points=6)
    assert len(prepared.variants) == 6
    assert "not balanced" in "".join(problem.message for problem in prepared.warnings)
    assert not [
        p for p in prepare(base, [option], design="sobol", points=8).warnings if "balanced" in p.message
    ]


@pytest.mark.parametrize(
    ("low", "high", "u", "is_log", "expected"),
    [
        ("0.1x", "2x", 0.5, False, "1.05x"),
        ("1M", "100M", 0.5, True, "10M"),
        ("5 %", "10 %", 0.2, False, "6 %"),
        ("500k", "20M", 1.0, True, "20M"),
        ("500k", "20M", 0.0, True, "0.5M"),
        ("10m", "2h", 0.0, False, "600s"),
        (1, 10, 0.5, False, 6),
        (1.0, 10, 0.5, False, 5.5),
    ],
)
def test_values_between_bounds_are_written_as_they_are(low, high, u, is_log, expected) -> None:
    assert between(low, high, u, is_log=is_log) == expected


# --- mistakes


def test_every_mistake_at_once_and_where_it_is_written(sweep_file) -> None:
    path = sweep_file(
        "scenario: small.yaml\n"
        "set: {durration: 1h}\n"
        "vary:\n"
        f"  {DEPTH}: [0.1x, much]\n"
        "  venues.venue.fund: [1M, 5 lots]\n"
        "  makers.nobody.count: [1, 2]\n"
    )
    found = {(each.line, each.column, each.code) for each in problems(path)}
    assert found == {(4, 7, "CAS010"), (6, 37, "CAS013"), (7, 27, "CAS013"), (8, 10, "CAS007")}
    assert all(each.file.endswith("sweep.yaml") for each in problems(path))


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("cascade: 1\nsweep: thin\nvary:\n\tseed: [1]\n", "CAS001", 4), ("sweep: " + "[" * 100, "CAS008", 1),
        ("", "CAS004", 1), ("cascade: 1\nscenario: small.yaml\nvary: {seed: [1, 2]}\n", "CAS011", 1),
    ],
)  # fmt: skip
def test_a_file_that_is_broken_or_lacks_its_name_is_not_told_that_nothing_varies(
    base: Path, text: str, code: str, line: int
) -> None:
    path = base.with_name("sweep.yaml")
    path.write_text(text, encoding="utf-8")
    found = problems(path)
    assert (found[0].code, found[0].line) == (code, line)
    assert not any("nothing varies" in each.message for each in found)


def test_mistakes_of_options_are_located_in_them(base: Path) -> None:
    (found,) = problems(base, f"{DEPTH}=0.1x,much")
    assert (found.file, found.column, found.code) == ("-s", len(DEPTH) + 7, "CAS013")
    assert found.source_line == f"{DEPTH}=0.1x,much"
    assert [each.code for each in problems(base, "seed=1,2", "duration")] == ["CAS007"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("vary: {seed: [1, 2]}\n", 2, "names no scenario"),
        ("scenario: nowhere.yaml\nvary: {seed: [1, 2]}\n", 3, "no such scenario file"),
        ("scenario: small.yaml\n", 2, "nothing varies"),
        ("scenario: small.yaml\nvary: {seed: []}\n", 4, "needs values"),
        ("scenario: small.yaml\nvary: {seed: [1, 1]}\n", 4, "there twice"),
        ("scenario: small.yaml\nvary: {seed: {low: 1, high: 4}}\n", 4, "a grid needs values"),
        ("scenario: small.yaml\nvary: {seed: [1, 2]}\npoints: 3\n", 2, "a grid has no number of points"),
        ("scenario: small.yaml\nvary: {seed: [1, 2]}\ndesign: lhs\n", 2, "needs a number of points"),
        (
            "scenario: small.yaml\nvary: {venues.venue.fund: {low: 1M, high: 5 %}}\ndesign: lhs\npoints: 2\n",
            4,
            "not in one unit",
        ),
        (
            "scenario: small.yaml\nvary: {seed: {low: 0, high: 5, scale: log}}\ndesign: lhs\npoints: 2\n",
            4,
            "does not rise",
        ),
        ("scenario: small.yaml\nvary: {seed: [1, 2]}\ndesign: square\n", 5, "'square'"),
        ("scenario: small.yaml\nvarry: {seed: [1, 2]}\n", 4, "did you mean 'vary'"),
        ("scenario: small.yaml\nvary: {seed: [1, 2]}\nreplicates: 0\n", 5, ""),
    ],
)
def test_a_sweep_that_makes_no_sense_is_explained(sweep_file, text: str, line: int, says: str) -> None:
    path = sweep_file(text)
    with pytest.raises(ScenarioError) as refused:
        prepare(path)
    found = [problem for problem in refused.value.problems if problem.severity == "error"]
    assert any(problem.line == line and says in problem.message for problem in found), refused.value.render()
    assert all(problem.hint for problem in found if says and says in problem.message)


# --- names and columns


def test_names_are_those_of_folders_everywhere(base: Path) -> None:
    found = variants(base, "description=a/b,A/B,con:x,..")
    names = [each.name for each in found]
    assert names == ["description=a_b", "description=A_B-2", "description=con_x", "description="]
    long = variants(base, f"description={'x' * 200},{'x' * 201}")
    assert len({each.name for each in long}) == 2
    assert all(len(each.name) <= 80 for each in long)


def test_columns_hold_what_the_scenario_resolves_to_in_one_unit(base: Path) -> None:
    options = [
        f"{DEPTH}=0.5x,1x",
        "outputs.bars=1m,90s",
        "venues.venue.rulebook=binance-2025-07,bybit-2025-07",
    ]
    plan = read_plan(base, options)
    found, _ = variants_of(plan)
    scale, bars, rulebook = parameters_of(plan, found, ["outputs_bars_s"])
    assert (scale.column, scale.unit, scale.values[:5:4]) == ("depth_scale", "x", (0.5, 1.0))
    assert (bars.column, bars.unit, bars.values[:4:2]) == ("varied_outputs_bars_s", "s", (60.0, 90.0))
    assert (rulebook.column, rulebook.is_number) == ("venue_rulebook", False)
    assert rulebook.values[:2] == ("binance-2025-07", "bybit-2025-07")


def test_a_grid_of_more_variants_than_a_sweep_can_have_is_refused(base: Path) -> None:
    options = [f"sources.x{k}.note={','.join(map(str, range(50)))}" for k in range(3)]
    with pytest.raises(ScenarioError, match="125,000 combinations are more than a sweep can have"):
        prepare(base, options)


@pytest.mark.parametrize(
    ("asked", "says"), [({"seed": 2**63}, "no seed"), ({"replicates": 10**9}, "replicates")]
)
def test_what_python_asks_for_has_limits(base: Path, asked, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prepare(base, ["dt=1s,0.5s"], **asked)
