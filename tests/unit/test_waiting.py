"""What is said while kernels are compiled: of which entry point, and how long this machine took before."""

import pytest

from cascade.cli.terminal import compiling_line, expect_compiling
from cascade.compiler import waiting


@pytest.fixture
def folders(tmp_path):
    """Return the folder of present kernels and that of earlier ones, of which two took 50 s."""
    present, earlier, partly = (tmp_path / f"kernels-{name}" for name in ("now", "before", "partly"))
    for folder in (present, earlier, partly):
        folder.mkdir()
    (earlier / "core.step.advance.seconds").write_text("40.0\n")
    (earlier / "core.start.take_seats.seconds").write_text("10.0\n")
    (partly / "core.start.take_seats.seconds").write_text("99.0\n")
    return present, earlier


@pytest.fixture
def told(monkeypatch):
    """Return what a watcher was told."""
    heard = []
    monkeypatch.setattr(waiting, "_watchers", [lambda *what: heard.append(what)])
    return heard


def compiled(folder, name):
    """Compile nothing, as a process does that finds nothing."""
    waiting.tell(folder, name)
    with waiting.timed(folder, name):
        pass


def test_the_time_that_is_left_is_what_the_missing_took_when_all_was_compiled(folders, told):
    present, _ = folders
    compiled(present, "core.start.take_seats")
    compiled(present, "core.step.advance")
    assert told == [("take_seats", 50.0), ("advance", 40.0)]


def test_a_compilation_that_fails_teaches_nothing(folders, told):
    present, _ = folders
    with pytest.raises(KeyError), waiting.timed(present, "core.step.advance"):
        raise KeyError
    assert waiting.seconds_left(present) == 50.0


def test_a_machine_that_never_compiled_knows_no_time(tmp_path, told):
    folder = tmp_path / "kernels-first"
    folder.mkdir()
    compiled(folder, "core.step.advance")
    assert told == [("advance", None)]
    assert float((folder / "core.step.advance.seconds").read_text()) >= 0.0


def test_what_is_said_names_the_entry_point_and_the_time():
    assert compiling_line("take_seats", 40.2) == (
        "compiling take seats: once after an installation, about 40 s to go, by the last time here"
    )
    assert compiling_line("advance", None) == (
        "compiling advance: once after an installation, for about half a minute"
    )


def test_what_two_replicates_wait_for_is_said_once(monkeypatch, capsys):
    watchers = []
    monkeypatch.setattr("cascade.compiler.waiting.watch", watchers.append)
    monkeypatch.setattr("cascade.experiment.ahead.compile_ahead", lambda: None)
    expect_compiling()
    for name in ("advance", "advance", "audit"):
        watchers[0](name, 40.0)
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "compiling advance",
        "compiling audit",
    ]
