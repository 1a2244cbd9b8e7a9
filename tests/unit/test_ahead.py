"""The step is compiled by a process of its own, while the run compiles what it needs before."""

import subprocess
import sys

import pytest

from cascade.assembly import assemble
from cascade.compiler.jit import JIT_ENABLED, entry
from cascade.core.params import Params
from cascade.core.state import State
from cascade.core.step import advance
from cascade.experiment import ahead
from tests.support.scenarios import small_scenario


@pytest.fixture
def started(monkeypatch):
    """Return the commands that would be started, on a machine of two cores that has compiled nothing."""
    commands, at_exit = [], []

    class Helper:
        def __init__(self, command, **_):
            commands.append(command)

        def terminate(self):
            commands.append("ended")

        def wait(self):
            commands.append("gone")

    monkeypatch.setattr(subprocess, "Popen", Helper)
    monkeypatch.setattr(ahead, "JIT_ENABLED", True)
    monkeypatch.setattr(ahead, "cores", lambda: 2)
    monkeypatch.setattr(ahead, "is_compiled", lambda: False)
    monkeypatch.setattr(ahead, "cache_directory", lambda: "somewhere")
    monkeypatch.setattr(ahead.atexit, "register", lambda *what: at_exit.append(what))
    return commands, at_exit


def test_a_first_run_has_the_step_compiled_beside_and_ends_that_process_with_its_own(started):
    commands, at_exit = started
    ahead.compile_ahead()
    assert commands == [[sys.executable, "-m", "cascade.experiment.ahead"]]
    ((end, helper),) = at_exit
    end(helper)
    assert commands[1:] == ["ended", "gone"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cores", lambda: 1),
        ("is_compiled", lambda: True),
        ("cache_directory", lambda: None),
        ("JIT_ENABLED", False),
    ],
)
def test_no_process_is_started_where_it_is_of_no_use(started, monkeypatch, name, value):
    monkeypatch.setattr(ahead, name, value)
    ahead.compile_ahead()
    assert started == ([], [])


@entry
def doubled(number: int, share: float) -> float:
    return 2 * number * share


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_what_is_compiled_by_its_annotations_is_what_a_call_asks_for():
    doubled.compile_now()
    assert list(doubled.calls) == [(int, float)]
    assert doubled(3, 0.5) == 3.0
    assert list(doubled.calls) == [(int, float)]


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_the_step_is_annotated_as_it_is_called():
    market = assemble(small_scenario())
    advance.compile_now()
    assert list(advance.calls) == [(State, Params, int)]
    advance(market.state, market.params, 1)
    assert list(advance.calls) == [(State, Params, int)]
