"""What takes a draw or a run is found once a machine; it counts for the same scenario, question and code alone."""

import subprocess
import sys

import pytest

from cascade.errors import SimulationError
from cascade.exposure import known as room
from cascade.exposure.known import known
from cascade.scenario.schema_agents import PythonAgent
from tests.support.scenarios import small_scenario


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder of what is known, which is empty."""
    monkeypatch.setattr(room, "cache_folder", lambda name: tmp_path)
    return tmp_path


class Finder:
    """Finds something else each time."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return {"found": self.times, "share": 0.1 + 0.2}


def test_what_is_known_is_what_was_found(folder):
    find, scenario = Finder(), small_scenario()
    first = known(scenario, ("at risk", 0, 7), find)
    assert known(small_scenario(), ("at risk", 0, 7), find) == first == {"found": 1, "share": 0.1 + 0.2}
    assert find.times == 1


@pytest.mark.parametrize(
    ("scenario", "asked"),
    [
        (small_scenario(), ("at risk", 0, 8)),
        (small_scenario(), ("at risk", 1, 7)),
        (small_scenario(), ("map", 0, 7)),
        (small_scenario(seed=99), ("at risk", 0, 7)),
        (small_scenario(shocks=[{"type": "news", "at": "30s", "asset": "BTC", "move": "-2 %"}]), ("at risk", 0, 7)),
    ],
)  # fmt: skip
def test_anything_else_is_found_anew(folder, scenario, asked):
    find = Finder()
    known(small_scenario(), ("at risk", 0, 7), find)
    assert known(scenario, asked, find)["found"] == 2


@pytest.mark.parametrize("damage", [lambda whole: whole[:-3], lambda _: b"", lambda whole: whole + b"x"])
def test_what_is_damaged_is_found_anew(folder, damage):
    find = Finder()
    known(small_scenario(), ("map", 0), find)
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert [known(small_scenario(), ("map", 0), find)["found"] for _ in range(2)] == [2, 2]


def test_what_fails_is_not_kept(folder):
    def fail():
        raise SimulationError("the book is gone")

    with pytest.raises(SimulationError, match="the book is gone"):
        known(small_scenario(), ("map", 0), fail)
    assert not list(folder.iterdir())


def test_what_agents_of_a_user_did_is_not_kept(folder):
    agent = PythonAgent.model_construct(name="mine", python="desk:Whale")
    theirs = small_scenario().model_copy(update={"agents": (agent,)})
    find = Finder()
    assert [known(theirs, ("map", 0), find)["found"] for _ in range(2)] == [1, 2]
    assert not list(folder.iterdir())


def test_other_code_has_a_folder_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "core").mkdir()
    rule = tmp_path / "core" / "rule.py"
    digests = set()
    for text in ("a = 1\n", "a = 2\n"):
        rule.write_text(text, encoding="utf-8")
        monkeypatch.setattr(room, "_PACKAGE", tmp_path)
        digests.add(room._code_digest.__wrapped__())
    rule.rename(tmp_path / "rule.py")
    digests.add(room._code_digest.__wrapped__())
    assert len(digests) == 3


def test_the_code_that_counts_is_that_which_was_imported():
    """A session that is open while the code is edited finds by the old one, and must not keep that as the new one's."""
    edited = "from pathlib import Path; Path.read_bytes = None"
    script = f"import cascade.exposure.known as room\n{edited}\nprint(room._code_digest())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == room._code_digest(), done.stderr


def test_without_a_folder_everything_is_found_each_time(monkeypatch):
    monkeypatch.setattr(room, "cache_folder", lambda name: None)
    find = Finder()
    assert [known(small_scenario(), ("map", 0), find)["found"] for _ in range(2)] == [1, 2]
