"""The suite says what it left out, and leaves out nothing that was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.suite import UNCOMPILED, with_uncompiled_in_the_middle

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest

def test_quick():
    pass

@pytest.mark.slow
def test_slow():
    pass

@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", range(3))
def test_cases(case):
    print("case", case)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project of quick, slow and sampled tests, with our plugin and our settings."""
    family = tmp_path / "tests" / "theory"
    family.mkdir(parents=True)
    (family / "test_two.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.support.suite"]')
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return tmp_path


def run(project: Path, *words: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_XDIST_AUTO_NUM_WORKERS": "1"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_last_lines_say_what_was_left_out(project: Path) -> None:
    text = run(project)
    *_, said, closing = text.splitlines()
    assert said == "left out: 2 slow tests (theory 2); `pytest --slow` runs them, as .ci/run does"
    assert "3 passed" in closing
    assert "created: 1/1 worker" in text


@pytest.mark.slow
def test_what_is_asked_for_is_not_left_out(project: Path) -> None:
    text = run(project, "--slow", "-n", "0")
    assert "left out" not in text
    assert "5 passed" in text


def test_of_sampled_cases_the_first_of_each_k_is_run(project: Path) -> None:
    seen = [line for line in run(project, "-n", "0", "-sq").splitlines() if "case" in line]
    assert ["".join(filter(str.isdigit, line)) for line in seen] == ["0", "2"]


@pytest.mark.slow
def test_a_test_that_is_named_runs_in_this_process_even_if_it_is_slow(project: Path) -> None:
    text = run(project, "tests/theory/test_two.py::test_slow")
    assert "1 passed" in text
    assert "worker" not in text


@pytest.mark.parametrize("n", [3, 40])
def test_what_needs_no_kernels_is_where_the_second_of_two_workers_begins(n: int) -> None:
    names = [f"{UNCOMPILED[0]}::test_{k}" for k in range(3)] + [
        f"tests/unit/test_a.py::test_{k}" for k in range(n)
    ]
    items: Any = [SimpleNamespace(nodeid=name) for name in names]
    ordered = [item.nodeid for item in with_uncompiled_in_the_middle(items)]
    assert sorted(ordered) == sorted(names)
    assert ordered[len(names) // 2 :][:3] == names[:3]
    assert [name for name in ordered if name not in names[:3]] == names[3:]


def test_what_needs_no_kernels_is_there() -> None:
    assert all((ROOT / name).is_file() for name in UNCOMPILED)


EXAMPLES = """
from hypothesis import given, strategies
from tests.support.examples import examples

def test_examples():
    seen = {True: 0, False: 0}

    @given(strategies.integers())
    def one(number):
        seen[True] += 1

    @examples(7)
    @given(strategies.integers())
    def other(number):
        seen[False] += 1

    one()
    other()
    print("seen", *seen.values())
"""


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ((), "seen 25 1"),
        pytest.param(("--slow",), "seen 100 7", marks=pytest.mark.slow),
        pytest.param(("--hypothesis-profile=deep",), "seen 1000 70", marks=pytest.mark.slow),
    ],
)
def test_slow_tests_and_the_deep_profile_look_at_more_examples(
    project: Path, words: tuple[str, ...], seen: str
) -> None:
    (project / "tests" / "theory" / "test_two.py").write_text(EXAMPLES)
    assert seen in run(project, "-n", "0", "-s", *words)
