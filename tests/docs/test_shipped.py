"""The scenarios that come with Cascade are valid, and nothing is to be warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.scenario.document import shipped_scenarios
from cascade.scenario.gallery import EXAMPLE, catalogue, copy_to
from cascade.scenario.load import inspect

FILES = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))


def test_every_file_is_shipped_and_described() -> None:
    assert {path.stem for path in FILES} == set(shipped_scenarios()) == set(catalogue()) - {EXAMPLE}
    assert all(catalogue().values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_free_of_warnings(path: Path) -> None:
    scenario, problems = inspect(path)
    assert problems == ()
    assert scenario is not None
    assert scenario.name == path.stem


def test_the_example_is_free_of_warnings(tmp_path: Path) -> None:
    scenario, problems = inspect(copy_to(tmp_path, EXAMPLE))
    assert problems == ()
    assert scenario is not None
