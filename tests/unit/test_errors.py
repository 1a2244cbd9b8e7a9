"""Errors: rendering, order, exit codes, and the way back from a worker process."""

from __future__ import annotations

import pickle

import pytest

from cascade import errors
from cascade.errors import CascadeError, ExitCode, Problem, ScenarioError, render_problems

LINE = "    leverage: {dist: lognormal, mean: 1, sgima: 2}"
PROBLEM = Problem(
    "CAS010", "unknown key 'sgima' — did you mean 'sigma'?", "keys here: mean, sigma",
    "thin-book.yaml", 8, 42, 5, LINE, "agents.0.leverage",
)  # fmt: skip


def test_a_problem_is_rendered_like_a_compiler_would() -> None:
    place, source, caret, remedy = PROBLEM.render().splitlines()
    assert place == (
        "thin-book.yaml:8:42  error[CAS010]  agents.0.leverage: unknown key 'sgima' — did you mean 'sigma'?"
    )
    assert source == f"   8 | {LINE}"
    assert caret.index("^") == source.index("sgima")
    assert caret.count("^") == 5
    assert remedy.strip() == "= keys here: mean, sigma"


def test_colour_changes_nothing_but_colour() -> None:
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", PROBLEM.render(color=True)) == PROBLEM.render()
    assert "\x1b" in PROBLEM.render(color=True)


def test_long_lines_are_shortened_around_the_place() -> None:
    line = "x" * 150 + "HERE" + "y" * 150
    text = Problem("CAS001", "wrong", "", "f", 1, 151, 4, line).render().splitlines()
    assert len(text[1]) < 120
    assert text[2].index("^") == text[1].index("HERE")


def test_a_problem_without_a_place_is_one_line() -> None:
    assert Problem("CAS003", "no such file", file="a.yaml").render() == "a.yaml  error[CAS003]  no such file"


def test_problems_are_sorted_by_file_and_line_and_counted() -> None:
    later = Problem("CAS001", "later", file="a", line=9, column=1)
    sooner = Problem("CAS001", "sooner", file="a", line=2, column=5, severity="warning")
    other = Problem("CAS001", "other", file="b", line=1, column=1)
    error = ScenarioError([later, sooner, other, later])
    assert [problem.message for problem in error.problems] == ["sooner", "later", "other"]
    assert (len(error.errors), len(error.warnings)) == (2, 1)
    assert str(error).endswith("2 errors, 1 warning")
    assert error.exit_code == 3
    assert render_problems([]) == ""


def test_an_error_says_where_what_and_what_next() -> None:
    error = CascadeError("the book is crossed", remedy="report it", where="step 7", code="CAS401")
    assert str(error) == "step 7  error[CAS401]  the book is crossed\n    = report it"
    assert error.as_dict()["remedy"] == "report it"


@pytest.mark.parametrize(
    "error", [CascadeError("a", remedy="b"), errors.InvariantError("x"), ScenarioError([PROBLEM])]
)
def test_errors_survive_pickling(error: CascadeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.exit_code == error.exit_code


def test_exit_codes() -> None:
    wanted = {
        errors.ThresholdError: 1, errors.UsageError: 2, errors.ScenarioError: 3, errors.SimulationError: 4,
        errors.InvariantError: 4, errors.ReplicatesError: 5, errors.ResultsError: 6,
        errors.InterruptedRunError: 130,
    }  # fmt: skip
    assert {kind: int(kind.exit_code) for kind in wanted} == wanted
    assert int(ExitCode.OK) == 0
