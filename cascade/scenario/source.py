"""YAML text as a tree of located values: every key and value knows its file, line and column."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from cascade.errors import Problem, ScenarioError, Severity

Step: TypeAlias = str | int
Steps: TypeAlias = tuple[Step, ...]

SYNTAX, DUPLICATE, MISSING_FILE, WRONG_SHAPE = "CAS001", "CAS002", "CAS003", "CAS005"


@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """A text that was read: a file, or an override given on the command line."""

    name: str
    lines: tuple[str, ...]
    directory: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written. Line and column count from 1."""

    source: SourceText
    line: int
    column: int
    width: int = 1

    def problem(
        self, code: str, message: str, hint: str = "", *, path: str = "", severity: Severity = "error"
    ) -> Problem:
        """Return a problem at this place."""
        lines = self.source.lines
        text = lines[self.line - 1] if 0 < self.line <= len(lines) else ""
        return Problem(
            code, message, hint, self.source.name, self.line, self.column, self.width, text, path, severity
        )


@dataclass(slots=True)
class Node:
    """A value with its place; mappings and lists hold nodes."""

    value: Any
    place: Place
    key_place: Place | None = None

    @property
    def mapping(self) -> dict[str, Node] | None:
        """Return the entries of a mapping, or None."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> list[Node] | None:
        """Return the items of a list, or None."""
        return self.value if isinstance(self.value, list) else None

    def child(self, step: Step) -> Node | None:
        """Return the entry or item of that key or number, or None."""
        entries, items = self.mapping, self.items
        if entries is not None:
            return entries.get(str(step))
        if items is not None and isinstance(step, int) and -len(items) <= step < len(items):
            return items[step]
        return None

    def copy(self) -> Node:
        """Return a copy that can be changed without this one."""
        entries, items = self.mapping, self.items
        value = self.value
        if entries is not None:
            value = {key: node.copy() for key, node in entries.items()}
        elif items is not None:
            value = [node.copy() for node in items]
        return Node(value, self.place, self.key_place)

    def plain(self) -> Any:
        """Return the value without places."""
        entries, items = self.mapping, self.items
        if entries is not None:
            return {key: node.plain() for key, node in entries.items()}
        return [node.plain() for node in items] if items is not None else self.value


def follow(root: Node, steps: Steps) -> tuple[Node, Steps]:
    """Return the deepest node along the steps, and the steps that exist.

    Steps that are no key of the node on the way (tags of a union, say) are passed over.
    """
    node, taken = root, ()
    for step in steps:
        tag = node.child("type") or node.child("dist")
        if (
            isinstance(step, str)
            and tag is not None
            and tag.value == step
            and step not in (node.mapping or {})
        ):
            continue
        following = node.child(step)
        if following is not None:
            node, taken = following, (*taken, step)
    return node, taken


def dotted(root: Node, steps: Steps) -> str:
    """Return the path of a value as ``-s`` takes it, list items by their name where they have one."""
    node: Node | None = root
    parts: list[str] = []
    for step in steps:
        node = node.child(step) if node is not None else None
        name = node.child("name") if node is not None and isinstance(step, int) else None
        is_named = name is not None and isinstance(name.value, str)
        parts.append(name.value if name is not None and is_named else str(step))
    return ".".join(parts)


@dataclass(slots=True)
class Reading:
    """The outcome of reading one YAML text: its tree, unless it has no syntax, and its problems."""

    root: Node | None
    problems: list[Problem] = field(default_factory=list)
    texts: tuple[SourceText, ...] = ()
    """The texts it was read from, those that are extended first."""


def shown_name(path: Path) -> str:
    """Return the path as the user would type it from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return str(path) if relative.startswith("..") else relative


def read_yaml(path: Path, *, what: str = "scenario") -> Reading:
    """Read a YAML file into located nodes."""
    name = shown_name(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = "check the path, or list the shipped ones: cascade init --list" if what == "scenario" else ""
        raise ScenarioError([Problem(MISSING_FILE, f"no such {what} file", hint, name)]) from None
    except IsADirectoryError:
        hint = f"name the file: {name}/NAME.yaml"
        raise ScenarioError([Problem(MISSING_FILE, "this is a folder", hint, name)]) from None
    except OSError as error:
        raise ScenarioError([Problem(MISSING_FILE, f"cannot be read: {error.strerror}", "", name)]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise ScenarioError([Problem(SYNTAX, "a character is not UTF-8", hint, name, line, 1)]) from None
    return parse_yaml(text, name, path.resolve().parent)


def parse_yaml(text: str, name: str, directory: Path, *, shift: int = 0) -> Reading:
    """Read YAML text into located nodes; `shift` columns precede the text on its first line."""
    source = SourceText(name, tuple(text.splitlines()), directory)
    tabs = _tab_problems(source)
    if tabs:
        return Reading(None, tabs)
    try:
        document = YAML(typ="rt", pure=True).compose(StringIO(text))
    except MarkedYAMLError as error:
        return Reading(None, [_syntax_problem(source, error)])
    if document is None:
        return Reading(None)
    builder = _Builder(source, shift)
    root = builder.build(document, None)
    return Reading(root, builder.problems, (source,))


def _tab_problems(source: SourceText) -> list[Problem]:
    found: list[Problem] = []
    for number, line in enumerate(source.lines, start=1):
        indent = re.match(r" *\t[ \t]*(?=\S)", line)
        if indent:
            place = Place(source, number, line.index("\t") + 1, 1)
            hint = "YAML is indented with spaces: replace each tab by two spaces"
            found.append(place.problem(SYNTAX, "a tab in the indentation", hint))
    return found


_SYNTAX_HINTS = (
    ("mapping values are not allowed", "put text that contains ': ' in quotes, and check the indentation"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("expected <block end>", "align this line with the one it belongs to"),
    ("found character '%'", "put text that begins with % in quotes"),
    ("found character", "put this text in quotes"),
    ("while scanning a quoted scalar", "close the quotes"),
    ("expected ',' or ']'", "close the list with ]"),
    ("expected ',' or '}'", "close the mapping with }"),
    ("expected a single document", "keep one scenario a file: remove the line ---"),
    ("found undefined alias", "define the anchor (&name) before it is used (*name)"),
)


def _syntax_problem(source: SourceText, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    words = " ".join(str(part) for part in (error.context, error.problem) if part)
    words = " ".join(words.split())
    hint = next(
        (hint for clue, hint in _SYNTAX_HINTS if clue in words), "check the indentation and the quotes"
    )
    line = min(mark.line + 1, max(1, len(source.lines))) if mark else 1
    column = mark.column + 1 if mark and mark.line < len(source.lines) else 1
    return Place(source, line, column).problem(SYNTAX, f"not valid YAML: {words}", hint)


_INTEGER = re.compile(r"[-+]?(0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")


class _Builder:
    """Turns the composer's nodes into ours, and finds duplicate keys on the way."""

    def __init__(self, source: SourceText, shift: int) -> None:
        self.source = source
        self.shift = shift
        self.problems: list[Problem] = []
        self._open: set[int] = set()

    def build(self, node: Any, key_place: Place | None) -> Node:
        """Return our node for one of the composer's."""
        place = self.place(node)
        if id(node) in self._open:
            self.problems.append(place.problem(SYNTAX, "an alias contains itself", "write the value out"))
            return Node(None, place, key_place)
        if isinstance(node, ScalarNode):
            return Node(_scalar(node), place, key_place)
        self._open.add(id(node))
        if isinstance(node, SequenceNode):
            value: Any = [self.build(item, None) for item in node.value]
        else:
            assert isinstance(node, MappingNode)
            value = self._entries(node)
        self._open.discard(id(node))
        return Node(value, place, key_place)

    def _entries(self, node: MappingNode) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key_place = self.place(key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.append(key_place.problem(SYNTAX, "a key must be text", "write `key: value`"))
                continue
            key = str(key_node.value)
            value = self.build(value_node, key_place)
            if key == "<<":
                merged.update(self._merged(value))
            elif key in entries:
                self.problems.append(self._duplicate(key, key_place, entries[key].key_place))
            else:
                entries[key] = value
        return {**merged, **entries}

    @staticmethod
    def _merged(value: Node) -> dict[str, Node]:
        sources = value.items if value.items is not None else [value]
        entries: dict[str, Node] = {}
        for source in reversed(sources):
            entries.update(source.mapping or {})
        return entries

    @staticmethod
    def _duplicate(key: str, place: Place, first: Place | None) -> Problem:
        line = first.line if first else 0
        hint = f"remove one of the two, or merge them; the first is on line {line}"
        return place.problem(DUPLICATE, f"key '{key}' is written twice", hint)

    def place(self, node: Any) -> Place:
        """Return where a node is written, as wide as its first line."""
        start, end = node.start_mark, node.end_mark
        shift = self.shift if start.line == 0 else 0
        lines = self.source.lines
        stop = (
            end.column if end.line == start.line else len(lines[start.line]) if start.line < len(lines) else 0
        )
        width = max(1, stop - start.column)
        if not isinstance(node, ScalarNode) and start.line < len(lines):
            width = min(width, max(1, len(lines[start.line].rstrip()) - start.column))
        return Place(self.source, start.line + 1, start.column + 1 + shift, width)


def _scalar(node: Any) -> Any:
    """Return the value of a scalar by the core rules of YAML 1.2; dates stay text."""
    kind = str(node.tag).rpartition(":")[2]
    text = str(node.value).replace("\a", "")  # with which ruamel.yaml marks the folds of `>` text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and _INTEGER.fullmatch(text):
        return _integer(text.replace("_", ""))
    if kind == "float":
        return _float(text.replace("_", "").lower())
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    base = {"0o": 8, "0x": 16}.get(digits[:2], 10)
    value = int(digits[2:], base) if base != 10 else int(digits)
    return -value if text.startswith("-") else value


def _float(text: str) -> float:
    if text.endswith(".nan"):
        return math.nan
    if text.endswith(".inf"):
        return -math.inf if text.startswith("-") else math.inf
    return float(text)


def walk(node: Node, steps: Steps = ()) -> Iterator[tuple[Steps, Node]]:
    """Yield every node below and including this one with its path."""
    yield steps, node
    for key, entry in (node.mapping or {}).items():
        yield from walk(entry, (*steps, key))
    for number, item in enumerate(node.items or []):
        yield from walk(item, (*steps, number))


def anchor_files(root: Node, root_key: str = "") -> None:
    """Make the paths of data files and rulebooks absolute: they are relative to the file that names them."""
    for steps, node in walk(root):
        key = steps[-1] if steps else root_key
        if not isinstance(node.value, str) or key not in ("file", "rulebook"):
            continue
        if key == "file" or "/" in node.value or node.value.endswith((".yaml", ".yml")):
            node.value = str((node.place.source.directory / node.value).resolve())


def merge(base: Node, over: Node) -> Node:
    """Return `base` with what `over` changes: mappings are merged, lists and values replaced, null removes.

    A mapping whose ``type`` or ``dist`` differs replaces the other as a whole. A mapping over a list
    changes its items, by their name or number.
    """
    if base.items is not None and over.mapping is not None:
        return _merge_items(base.items, over.mapping, over)
    if base.mapping is None or over.mapping is None or _differs_in_kind(base.mapping, over.mapping):
        return over
    entries = dict(base.mapping)
    for key, node in over.mapping.items():
        if node.value is None:
            entries.pop(key, None)
        else:
            entries[key] = merge(entries[key], node) if key in entries else node
    return Node(entries, over.place, over.key_place)


def item_number(items: Sequence[Node], key: str) -> int | None:
    """Return the place in a list of the item that a name or a number means, or None."""
    if key.lstrip("-").isdigit():
        number = int(key)
        return number % len(items) if -len(items) <= number < len(items) else None
    return next((i for i, item in enumerate(items) if (n := item.child("name")) and n.value == key), None)


def _merge_items(items: Sequence[Node], changes: Mapping[str, Node], over: Node) -> Node:
    """Return a list with some items changed; a name that is not there adds an item, null removes one."""
    merged: list[Node | None] = list(items)
    for key, node in changes.items():
        number = item_number(items, key)
        if number is None:
            merged.append(_named(node, Node(key, node.key_place or node.place, node.key_place)))
        elif node.value is None:
            merged[number] = None
        else:
            merged[number] = merge(items[number], _named(node, items[number].child("name")))
    return Node([item for item in merged if item is not None], over.place, over.key_place)


def _named(node: Node, name: Node | None) -> Node:
    """Return an item with a name, unless it has one or can have none."""
    if name is None or node.mapping is None or "name" in node.mapping:
        return node
    return Node({"name": name, **node.mapping}, node.place, node.key_place)


def _differs_in_kind(base: Mapping[str, Node], over: Mapping[str, Node]) -> bool:
    return any(
        tag in over and (tag not in base or base[tag].value != over[tag].value) for tag in ("type", "dist")
    )
