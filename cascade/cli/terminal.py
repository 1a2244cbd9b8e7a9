"""What every command shares: results to stdout, talk to stderr, errors to exit codes."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, TypeVar

import typer

from cascade.errors import CascadeError, ExitCode, UsageError

PLAIN_WIDTH: Final = 200
"""Columns of tables that do not go to a terminal."""

_LONGEST_SHOWN: Final = 80
_WIDEST_CELL: Final = 44

F = TypeVar("F", bound=Callable[..., Any])


def show(text: str) -> None:
    """Print a result to stdout."""
    typer.echo(text)


def show_json(value: Any) -> None:
    """Print a result to stdout as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_record))


def _record(value: Any) -> Any:
    """Return what JSON holds of a record: what it says of itself, or else its fields."""
    return value.as_dict() if hasattr(value, "as_dict") else dataclasses.asdict(value)


def show_rows(rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table to stdout in columns; a long cell pushes the rest of its row only."""
    if not rows:
        return
    widths = [min(max(map(len, column)), _WIDEST_CELL) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        show("  ".join(cells).rstrip())


def show_rich(*parts: Any) -> None:
    """Print to stdout what rich renders: for a terminal in its width and colours, else plain and wide."""
    import io

    from rich.console import Console

    options: dict[str, Any] = {"highlight": False, "emoji": False, "markup": False}
    if sys.stdout.isatty():
        Console(**options).print(*parts, sep="\n")
        return
    file = io.StringIO()
    Console(file=file, width=PLAIN_WIDTH, color_system=None, **options).print(*parts, sep="\n")
    show("\n".join(line.rstrip() for line in file.getvalue().splitlines()))


def width() -> int:
    """Return the columns that `show_rich` has."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH


def say(text: str) -> None:
    """Tell the user something on stderr."""
    if text:
        typer.echo(text, err=True)


def expect_compiling() -> None:
    """Begin to compile what a run needs; say what is compiled while it is, and for how long if that is known."""
    from cascade.compiler.waiting import watch
    from cascade.experiment.ahead import compile_ahead

    told: set[str] = set()

    def tell(name: str, left: float | None) -> None:
        if name not in told:  # replicates side by side wait for the same one
            told.add(name)
            say(compiling_line(name, left))

    compile_ahead()
    watch(tell)


def compiling_line(name: str, left: float | None) -> str:
    """Return what is said before an entry point is compiled."""
    known = (
        "for about half a minute"
        if left is None
        else f"about {max(left, 1.0):.0f} s to go, by the last time here"
    )
    return f"compiling {name.replace('_', ' ')}: once after an installation, {known}"


def has_color() -> bool:
    """Tell whether stderr shows colours."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def leave(code: ExitCode) -> None:
    """End the command with an exit code."""
    raise typer.Exit(int(code))


def guarded(command: F) -> F:
    """Turn the errors of a command into a message on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except CascadeError as error:
            say(error.render(color=has_color()))
            raise typer.Exit(int(error.exit_code)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # who reads our output has left: typer ends quietly
                raise
            told = _refused_by_the_system(error)
            say(told.render(color=has_color()))
            raise typer.Exit(int(told.exit_code)) from None
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(int(ExitCode.INTERRUPTED)) from None

    return run  # type: ignore[return-value]


def _refused_by_the_system(error: OSError) -> UsageError:
    """Return what the system says of a file that the command names: no such name, no permission."""
    # a file that is written whole is called .NAME.tmp until it is
    name = re.sub(r"\.([^/]+)\.tmp$", r"\1", str(error.filename or ""))
    where = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
    problem = f"the system refuses this file: {error.strerror or error}"
    return UsageError(problem, where=where, remedy="name another file or folder", code="CAS806")


class Bar:
    """Progress of long work, which is told from any thread."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task, self._done = bar, task, 0

    def __call__(self, done: int) -> None:
        """Take the steps just done."""
        self._done += done
        self._bar.advance(self._task, done)

    def expect(self, steps: int, doing: str) -> None:
        """Say what is done next, and how many steps are still to be done."""
        self._bar.update(self._task, total=self._done + steps, description=doing)


@contextlib.contextmanager
def running(steps: int, *, quiet: bool) -> Generator[Bar | None]:
    """Show the progress of long work on stderr, with the time it still takes."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    doing = TextColumn("{task.description}")
    columns = (doing, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Bar(bar, bar.add_task("simulating", total=steps))
