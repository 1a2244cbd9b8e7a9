"""YAML files into located values; of one whose syntax is broken, the sections in which it is not."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from cascade.errors import UNPRINTABLE, Problem, ScenarioError
from cascade.limits import MOST_BYTES
from cascade.scenario.missing import Missing
from cascade.scenario.source import MISSING_FILE, Node, Place, SourceText, shown_name
from cascade.scenario.tree import SYNTAX, TOO_MUCH, TooMuchError, TreeBuilder

WRONG_SHAPE = "CAS005"

MOST_BROKEN = 12
"""Sections with broken syntax that are told at once."""


@dataclass(slots=True)
class Reading:
    """The outcome of reading one YAML text: its tree, unless it has no syntax, and its problems."""

    root: Node | None
    problems: list[Problem] = field(default_factory=list)
    texts: tuple[SourceText, ...] = ()
    """The texts it was read from, those that are extended first."""
    missing: Missing = field(default_factory=Missing)
    """What of it, or of what it extends, could not be read: problems say why."""
    broken: frozenset[int] = frozenset()
    """Lines of the sections whose syntax is broken, where there is no tree."""
    later: tuple[Node, ...] = ()
    """What it changes of items that lists will write."""


_NOT_THERE: Final = {
    "scenario": "check the path, or list the shipped ones: cascade init --list",
    "event": "give the folder of an event, as `cascade event new` writes it; cascade docs event",
    "problem": "give the file of a calibration; cascade docs calibrate has one to begin with",
}
"""What to do about a file that is not there, by what it is."""


def read_yaml(path: Path, *, what: str = "scenario") -> Reading:
    """Read a YAML file into located nodes."""
    name = shown_name(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        directory = path.resolve().parent
    except FileNotFoundError:
        hint = _NOT_THERE.get(what, "check the path")
        raise ScenarioError([Problem(MISSING_FILE, f"no such {what} file", hint, name)]) from None
    except IsADirectoryError:
        hint = f"name the file: {name}/NAME.yaml"
        raise ScenarioError([Problem(MISSING_FILE, "this is a folder", hint, name)]) from None
    except (OSError, ValueError) as error:  # a ValueError of a name with a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([Problem(MISSING_FILE, f"cannot be read: {reason}", "", name)]) from None
    if len(raw) > MOST_BYTES:
        message = f"the file is larger than {MOST_BYTES // 1000} kB"
        hint = "keep long lists in a data file: `file:` takes bars, depth and positions as CSV or parquet"
        raise ScenarioError([Problem(TOO_MUCH, message, hint, name)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise ScenarioError([Problem(SYNTAX, "a character is not UTF-8", hint, name, line, 1)]) from None
    return _sections_read(parse_yaml(text, name, directory), text, name, directory)


def _sections_read(reading: Reading, text: str, name: str, directory: Path) -> Reading:
    """Return what is read of a file without the sections in which its syntax is broken, with all such problems.

    A section is a line that begins in the first column, with those below it that do not: what begins there is not
    part of what stands above it, whatever is wrong with that. Others that refer to one are left out with it.
    """
    problems, lines, missing = list(reading.problems), _LINE_END.split(text), Missing()
    for _ in range(MOST_BROKEN):
        if reading.root is not None or not reading.broken:
            break
        cut = [line for number in reading.broken for line in _cut_section(lines, number, missing)]
        _cut_what_refers_to(cut, lines, missing)
        reading = parse_yaml("\n".join(lines), name, directory)
        problems += [each for each in reading.problems if each not in problems]
    return replace(reading, problems=problems, missing=missing)


_KEY = re.compile(r"""["']?([\w-]+)["']? *:(?!\S)""")
_ANCHOR, _ALIAS = (re.compile(rf"(?:^|[\s\[{{,])\{mark}([^\s\[\]{{}},]+)") for mark in "&*")


def _cut_section(lines: list[str], number: int, missing: Missing) -> list[str]:
    """Take out the section of a line, counted from 1, so that other lines keep their numbers; return what was there."""
    starts = [place for place, line in enumerate(lines) if line[:1].strip() and line[0] not in "#]}"]
    place = bisect_right(starts, number - 1)
    here = slice(starts[place - 1] if place else 0, starts[place] if place < len(starts) else len(lines))
    cut = lines[here]
    lines[here] = [""] * len(cut)
    key = _KEY.match(cut[0]) if cut else None
    if key is not None:
        missing.gone.add(key[1])
    elif any(line.strip() for line in cut):
        missing.is_anything = True
    return cut


def _cut_what_refers_to(cut: list[str], lines: list[str], missing: Missing) -> None:
    """Take out the sections that use what was named in those that are out, and so on."""
    while named := {name for line in cut for name in _ANCHOR.findall(line)}:
        users = [
            place for place, line in enumerate(lines, start=1) if named.intersection(_ALIAS.findall(line))
        ]
        cut = [line for number in users for line in _cut_section(lines, number, missing)]


def parse_yaml(text: str, name: str, directory: Path, *, shift: int = 0) -> Reading:
    """Read YAML text into located nodes; `shift` columns precede the text on its first line."""
    source = SourceText(name, tuple(_LINE_END.split(text)), directory)
    strange = [*_control_characters(source), *_tabs(source)]
    if strange:
        return Reading(None, strange, broken=frozenset(each.line for each in strange))
    builder = TreeBuilder(source, shift)
    try:
        root = builder.build(YAML(typ="safe", pure=True).parse(StringIO(text)))
    except MarkedYAMLError as error:
        return Reading(None, [_syntax_problem(source, error)], broken=frozenset([_begun(error)]))
    except TooMuchError as error:
        return Reading(None, [*builder.problems, error.problem])
    return Reading(root, builder.problems, (source,) if root is not None else ())


_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML takes for the end of a line; `splitlines` takes control characters, too."""


def _control_characters(source: SourceText) -> Iterable[Problem]:
    for number, line in enumerate(source.lines, start=1):
        found = UNPRINTABLE.search(line)
        if found:
            place = Place(source, number, found.start() + 1)
            message = f"a control character (U+{ord(found[0]):04X})"
            yield place.problem(SYNTAX, message, "remove it: text is letters, digits, signs and blanks")


def _tabs(source: SourceText) -> Iterable[Problem]:
    for number, line in enumerate(source.lines, start=1):
        if re.match(r" *\t[ \t]*(?=\S)", line):
            place = Place(source, number, line.index("\t") + 1)
            hint = "YAML is indented with spaces: replace each tab by two spaces"
            yield place.problem(SYNTAX, "a tab in the indentation", hint)


_SYNTAX_HINTS = (
    ("mapping values are not allowed", "put text that contains ': ' in quotes, and check the indentation"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("expected <block end>", "align this line with the one it belongs to"),
    ("found character '%'", "put text that begins with % in quotes"),
    ("found character", "put this text in quotes"),
    ("while scanning a quoted scalar", "close the quotes"),
    ("expected '<document start>'", "indent this line like those above it, or put all of the text in quotes"),
    ("expected ',' or ']'", "close the list with ]"),
    ("expected ',' or '}'", "close the mapping with }"),
)


def _syntax_problem(source: SourceText, error: MarkedYAMLError) -> Problem:
    is_open = "quoted scalar" in str(error.context)  # it is found out where the file ends
    mark = (is_open and error.context_mark) or error.problem_mark or error.context_mark
    words = " ".join(str(part) for part in (error.context, error.problem) if part)
    words = " ".join(words.split())
    hint = next(
        (hint for clue, hint in _SYNTAX_HINTS if clue in words), "check the indentation and the quotes"
    )
    begun = error.context_mark
    if not is_open and mark and begun and "flow" in words and begun.line < mark.line:
        is_quote = source.lines[begun.line].count('"') % 2 == 1
        mark = begun if is_quote else mark
        hint = (
            "close the quotes on this line" if is_quote else f"{hint}: it is open since line {begun.line + 1}"
        )
    line = min(mark.line + 1, max(1, len(source.lines))) if mark else 1
    column = mark.column + 1 if mark and mark.line < len(source.lines) else 1
    return Place(source, line, column).problem(SYNTAX, f"not valid YAML: {words}", hint)


def _begun(error: MarkedYAMLError) -> int:
    """Return the line where what is broken began: of quotes and brackets that stay open, where they were opened."""
    is_block = "block" in str(error.context)  # which began with the section, or with the file
    mark = error.problem_mark if is_block or error.context_mark is None else error.context_mark
    return mark.line + 1 if mark else 1
