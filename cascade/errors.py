"""The errors a user can meet: each says where, what is wrong and what to type next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no text of a user holds: control characters, which a terminal would obey, and halves of characters."""


def printable(text: str) -> str:
    """Return a text that a terminal shows and does not obey."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class ExitCode(IntEnum):
    """Exit status of the command line."""

    OK = 0
    THRESHOLD = 1
    USAGE = 2
    SCENARIO = 3
    SIMULATION = 4
    REPLICATES = 5
    RESULTS = 6
    INTERRUPTED = 130


class CascadeError(Exception):
    """Anything Cascade refuses to do, with its remedy.

    Attributes
    ----------
    code : str
        Stable identifier, explained by ``cascade explain CODE``.
    where : str
        The file, market, step or option concerned; may be empty.
    problem : str
        What is wrong, in one sentence.
    remedy : str
        What to type or change next; may be empty.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.SIMULATION
    default_code: ClassVar[str] = "CAS400"

    def __init__(self, problem: str, *, remedy: str = "", where: str = "", code: str = "") -> None:
        self.code = code or self.default_code
        self.where = printable(where)
        self.problem = printable(problem)
        self.remedy = printable(remedy)
        super().__init__(self.problem)

    def __str__(self) -> str:
        """Return the whole message, ready to print."""
        return self.render()

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way back from a worker process."""
        return _rebuild, (type(self), self.__dict__.copy())

    def render(self, *, color: bool = False) -> str:
        """Return the message as lines for a terminal."""
        paint = _Paint(color)
        place = f"{paint.bold(self.where)}  " if self.where else ""
        text = f"{place}{paint.red(f'error[{self.code}]')}  {self.problem}"
        return f"{text}\n    {paint.blue('=')} {self.remedy}" if self.remedy else text

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {"code": self.code, "where": self.where, "problem": self.problem, "remedy": self.remedy}


def _rebuild(kind: type[CascadeError], state: dict[str, Any]) -> CascadeError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state["problem"],)
    return error


class ThresholdError(CascadeError):
    """A result breached a threshold that the user set."""

    exit_code = ExitCode.THRESHOLD
    default_code = "CAS900"


class UsageError(CascadeError):
    """The command was called in a way that means nothing."""

    exit_code = ExitCode.USAGE
    default_code = "CAS800"


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a file, unless forced.

    Raises
    ------
    UsageError
        The file exists.
    """
    if path.exists() and not force:
        raise UsageError(
            "the file exists", where=str(path), remedy="overwrite it with --force", code="CAS802"
        )


class SimulationError(CascadeError):
    """A run could not go on."""

    exit_code = ExitCode.SIMULATION
    default_code = "CAS400"


class InvariantError(SimulationError):
    """A conservation law of the market was broken: a defect of Cascade, never of the scenario."""

    default_code = "CAS401"


class ReplicatesError(CascadeError):
    """Some replicates of an ensemble failed; the others are kept."""

    exit_code = ExitCode.REPLICATES
    default_code = "CAS500"


class ResultsError(CascadeError):
    """Results are missing, incomplete or of an incompatible version."""

    exit_code = ExitCode.RESULTS
    default_code = "CAS600"


class InterruptedRunError(CascadeError):
    """The user stopped a run; finished parts are kept."""

    exit_code = ExitCode.INTERRUPTED
    default_code = "CAS700"


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file, located.

    Attributes
    ----------
    line, column : int
        Counted from 1; 0 when the problem has no place in a file.
    width : int
        Number of characters to underline.
    path : str
        Dotted path of the value, as ``-s`` takes it.
    others : int
        Number of equal problems elsewhere that this one stands for.
    """

    code: str
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    width: int = 1
    source_line: str = ""
    path: str = ""
    severity: Severity = "error"
    others: int = 0

    def __post_init__(self) -> None:
        """Keep what a file holds from reaching the terminal as commands."""
        for name in ("message", "hint", "file", "source_line", "path"):
            object.__setattr__(self, name, printable(getattr(self, name)))

    def standing_for(self, others: int, places: Iterable[int], *, of: str = "lines") -> Problem:
        """Return the problem as one for equal ones in other lines, or rows, of the file."""
        known = [str(place) for place in dict.fromkeys(places) if place]
        rest = ", ..." if len(known) > _SHOWN_PLACES else ""
        where = f", in {of} {', '.join(known[:_SHOWN_PLACES])}{rest}" if known else ""
        return replace(self, message=f"{self.message} — and {others:,} more like it{where}", others=others)

    @property
    def where(self) -> str:
        """Return ``file:line:column``, as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def render(self, *, color: bool = False) -> str:
        """Return the problem as a compiler would print it: place, source line, caret, remedy."""
        paint = _Paint(color)
        tint = paint.red if self.severity == "error" else paint.yellow
        subject = f"{self.path}: " if self.path else ""
        place = f"{paint.bold(self.where)}  " if self.where else ""
        lines = [f"{place}{tint(f'{self.severity}[{self.code}]')}  {subject}{self.message}"]
        gutter = "    "
        if self.line and self.source_line.strip():
            number = f"{self.line:>4}"
            gutter = " " * len(number)
            shown, start = _visible(self.source_line, self.column)
            caret = " " * start + tint("^" * max(1, min(self.width, len(shown) - start)))
            lines.append(f"{number} {paint.blue('|')} {shown}")
            lines.append(f"{gutter} {paint.blue('|')} {caret}")
        lines.extend(f"{gutter} {paint.blue('=')} {part}" for part in self.hint.splitlines())
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
            "others": self.others,
        }


class ScenarioError(CascadeError):
    """A scenario, rulebook or data file is invalid; holds every problem found, warnings included."""

    exit_code = ExitCode.SCENARIO
    default_code = "CAS000"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = folded(in_file_order(problems))
        first = next((p for p in self.problems if p.severity == "error"), None)
        super().__init__(
            first.message if first else "the scenario is not valid",
            remedy=first.hint if first else "",
            where=first.where if first else "",
            code=first.code if first else "",
        )

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that forbid a run."""
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Return the problems that do not forbid a run."""
        return tuple(p for p in self.problems if p.severity == "warning")

    def render(self, *, color: bool = False) -> str:
        """Return every problem, then their number."""
        return render_problems(self.problems, color=color)

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {"code": self.code, "problems": [problem.as_dict() for problem in self.problems]}


def in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems grouped by file, in the order of their lines, each once: an alias is one text."""
    told: dict[Problem, Problem] = {}
    for problem in problems:
        told.setdefault(replace(problem, path="") if problem.line else problem, problem)
    unique = list(told.values())
    files = {name: rank for rank, name in enumerate(dict.fromkeys(p.file for p in unique))}
    return tuple(sorted(unique, key=lambda p: (files[p.file], p.line, p.column)))


MANY = 5
"""Equal problems up to which each is told by itself."""

_SHOWN_PLACES = 5
_NUMBER = re.compile(r"\d[\d.,e+]*")


def folded(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems with the first of many equal ones in place of all: of one kind, about one key."""
    groups: dict[tuple[str, ...], list[Problem]] = {}
    for each in problems:
        about, advice = (_NUMBER.sub("#", text) for text in (each.path, each.hint))
        key = (each.code, each.severity, each.file, about, advice, str(each.others))
        groups.setdefault(key, []).append(each)
    told: list[Problem] = []
    for first, *others in groups.values():
        is_many = len(others) >= MANY and not first.others
        told += (
            [first.standing_for(len(others), (each.line for each in others))] if is_many else [first, *others]
        )
    return in_file_order(told)


def render_problems(problems: Sequence[Problem], *, color: bool = False) -> str:
    """Return all problems as text, with their count as the last line."""
    errors, warnings = (
        sum(1 + p.others for p in problems if p.severity == severity) for severity in ("error", "warning")
    )
    counts = [_count(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    parts = [problem.render(color=color) for problem in problems]
    return "\n\n".join([*parts, ", ".join(counts)]) if counts else ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


_SHOWN = 100


def _visible(line: str, column: int) -> tuple[str, int]:
    """Return the part of a long line around the column, and where the column falls in it."""
    text = line.rstrip("\n").replace("\t", " ")
    start = max(0, column - 1)
    if len(text) <= _SHOWN:
        return text, min(start, len(text))
    left = max(0, min(start - _SHOWN // 2, len(text) - _SHOWN))
    prefix = "..." if left else ""
    suffix = "..." if left + _SHOWN < len(text) else ""
    return f"{prefix}{text[left : left + _SHOWN]}{suffix}", start - left + len(prefix)


@dataclass(frozen=True, slots=True)
class _Paint:
    on: bool

    def _wrap(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.on else text

    def bold(self, text: str) -> str:
        return self._wrap(text, "1")

    def red(self, text: str) -> str:
        return self._wrap(text, "1;31")

    def yellow(self, text: str) -> str:
        return self._wrap(text, "1;33")

    def blue(self, text: str) -> str:
        return self._wrap(text, "1;34")
