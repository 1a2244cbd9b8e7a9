"""The scenarios that come with Cascade are valid, and nothing is to be warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.experiment.sweep import prepare
from cascade.manual import page
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.gallery import EXAMPLE, catalogue, copy_to
from cascade.scenario.load import inspect

FILES = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))


def test_every_file_is_shipped_and_described() -> None:
    described = catalogue()
    assert {path.stem for path in FILES} == set(shipped_scenarios()) == set(described) - {EXAMPLE}
    assert all(described.values())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_free_of_warnings(path: Path) -> None:
    scenario, problems = inspect(path)
    assert problems == ()
    assert scenario is not None
    assert scenario.name == path.stem
    shown = catalogue()[path.stem].removesuffix("...")
    assert " ".join(scenario.description.split()).startswith(shown), "it is the description that is listed"


def test_the_example_is_free_of_warnings(tmp_path: Path) -> None:
    scenario, problems = inspect(copy_to(tmp_path, EXAMPLE))
    assert problems == ()
    assert scenario is not None


STUDIES = sorted((Path(__file__).parents[2] / "scenarios" / "studies").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_is_a_sweep_of_shipped_scenarios_with_a_question(path: Path) -> None:
    prepared = prepare(path)
    assert prepared.name == path.stem
    assert prepared.warnings == ()
    assert prepared.plan.question.endswith("?")
    assert len(prepared.variants) > 1
    assert {base.scenario.resolve() for base in prepared.plan.scenarios} <= {file.resolve() for file in FILES}


def test_every_study_has_its_answer() -> None:
    assert STUDIES
    for path in STUDIES:
        assert f"## {path.stem}\n" in page("studies")
        assert f"scenarios/studies/{path.name}" in page("studies")
