"""YAML's events into a tree of located nodes, within limits; plain scalars by the core rules of YAML 1.2."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
)

from cascade.errors import UNPRINTABLE, Problem, printable
from cascade.limits import MOST_DEPTH, MOST_DIGITS, MOST_LETTERS, MOST_VALUES
from cascade.scenario.source import Node, Place, SourceText
from cascade.units import quoted

SYNTAX, DUPLICATE, TOO_MUCH = "CAS001", "CAS002", "CAS008"


class TooMuchError(Exception):
    """A text beyond a limit; it is not read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    node: Node
    start: Any
    """The event it began with."""
    values_before: int
    key: Node | None = None
    """Of a mapping: the key whose value comes next."""
    merged: dict[str, Node] = field(default_factory=dict)
    """What `<<` brings into a mapping."""


class TreeBuilder:
    """Turns the parser's events into nodes, and finds duplicate keys on the way."""

    def __init__(self, source: SourceText, shift: int) -> None:
        self.source = source
        self.shift = shift
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.n_values = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._sizes: dict[str, int] = {}

    def build(self, events: Iterable[Any]) -> Node | None:
        """Return the root of the document; None where there is nothing."""
        for event in events:
            if isinstance(event, DocumentStartEvent) and self.root is not None:
                message, hint = "a second document", "keep one scenario a file: remove the line ---"
                raise TooMuchError(self._place(event, event).problem(SYNTAX, message, hint))
            if isinstance(event, AliasEvent):
                self._put(self._alias(event), event)
            elif isinstance(event, ScalarEvent):
                self._put(self._scalar(event), event)
            elif isinstance(event, CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, CollectionEndEvent):
                self._end(event)
        return self.root

    def _count(self, n: int, event: Any) -> None:
        self.n_values += n
        if self.n_values > MOST_VALUES:
            message = f"more than {MOST_VALUES:,} values" + (", aliases written out" if n > 1 else "")
            hint = "keep long lists in a data file: `file:` takes bars, depth and positions as CSV or parquet"
            raise TooMuchError(self._place(event, event).problem(TOO_MUCH, message, hint))

    def _begin(self, event: CollectionStartEvent) -> None:
        place = self._place(event, event)
        if len(self._open) >= MOST_DEPTH:
            message = f"lists and mappings within each other, more than {MOST_DEPTH} deep"
            raise TooMuchError(place.problem(TOO_MUCH, message, "close what is open with ] or }"))
        self._check_tag(event, ("map",) if isinstance(event, MappingStartEvent) else ("seq",), place)
        before = self.n_values
        self._count(1, event)
        node = Node({} if isinstance(event, MappingStartEvent) else [], place)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._open.append(_Open(node, event, before))

    def _end(self, event: CollectionEndEvent) -> None:
        done = self._open.pop()
        done.node.place = self._place(done.start, event)
        entries = done.node.mapping
        if entries is not None and done.merged:
            done.node.value = {**done.merged, **entries}
        if done.start.anchor:
            self._sizes[done.start.anchor] = self.n_values - done.values_before
        self._put(done.node, done.start)

    def _alias(self, event: AliasEvent) -> Node:
        place = self._place(event, event)
        node = self._anchors.get(event.anchor)
        if node is None:
            message = f"nothing is named &{event.anchor} above"
            hint = "define the anchor (&name) before it is used (*name)"
            self.problems.append(place.problem(SYNTAX, message, hint))
            return Node(None, place)
        if any(each.node is node for each in self._open):
            self.problems.append(place.problem(SYNTAX, "an alias contains itself", "write the value out"))
            return Node(None, place)
        self._count(self._sizes[event.anchor], event)
        return node.copy()

    def _scalar(self, event: ScalarEvent) -> Node:
        place = self._place(event, event)
        self._count(1, event)
        if len(event.value) > MOST_LETTERS:
            message = f"a value of {len(event.value):,} characters: more than {MOST_LETTERS:,}"
            raise TooMuchError(place.problem(TOO_MUCH, message, "shorten it, or keep it in a file"))
        strange = UNPRINTABLE.search(event.value)
        if strange:
            message = f"a control character (U+{ord(strange[0]):04X})"
            self.problems.append(place.problem(SYNTAX, message, "remove it from the text"))
        node = Node(printable(event.value) if strange else self._value(event, place), place)
        if event.anchor:
            self._anchors[event.anchor], self._sizes[event.anchor] = node, 1
        return node

    def _value(self, event: ScalarEvent, place: Place) -> Any:
        """Return the value of a scalar, by its tag or by how it is written."""
        text: str = event.value
        if event.tag is None and not event.implicit[0]:  # in quotes, or a block
            return text
        if len(text) > MOST_DIGITS and _INTEGER.fullmatch(text):
            hint = f"write at most {MOST_DIGITS} digits, or a power of ten such as 1e15"
            self.problems.append(place.problem(TOO_MUCH, f"a number of {len(text):,} digits", hint))
            return 0
        if event.tag is None:
            return _resolved(text)
        kind = str(event.tag).rpartition(":")[2]
        if not self._check_tag(event, ("str", *_KINDS), place) or kind not in _KINDS:
            return text
        value = _resolved(text)
        if type(value) not in _KINDS[kind]:
            message, hint = (
                f"{quoted(text)} is not what !!{kind} says",
                f"remove !!{kind}, or correct the value",
            )
            self.problems.append(place.problem(SYNTAX, message, hint))
        return value

    def _check_tag(
        self, event: ScalarEvent | CollectionStartEvent, known: tuple[str, ...], place: Place
    ) -> bool:
        """Tell whether an explicit tag is one of those that plain YAML has for such a value."""
        tag = event.tag
        if tag in (None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in known)):
            return True
        shown = str(tag).replace("tag:yaml.org,2002:", "!!")
        hint = "remove the tag: numbers, texts and lists are told by how they are written"
        self.problems.append(place.problem(SYNTAX, f"the tag {shown} means nothing here", hint))
        return False

    def _put(self, node: Node, event: Any) -> None:
        """Put a finished value where it belongs: into the list or mapping that is open, or at the root."""
        if not self._open:
            self.root = node
            return
        above = self._open[-1]
        items, entries = above.node.items, above.node.mapping
        if items is not None:
            items.append(node)
        elif above.key is None:
            above.key = self._key(node, event)
        else:
            assert entries is not None
            key, above.key = above.key, None
            node.key_place = key.place
            self._enter(above, entries, key, node)

    def _key(self, node: Node, event: Any) -> Node:
        if isinstance(event, ScalarEvent):
            return Node(event.value, node.place)
        place = self._place(event, event)
        self.problems.append(place.problem(SYNTAX, "a key must be text", "write `key: value`"))
        return Node(None, place)

    def _enter(self, above: _Open, entries: dict[str, Node], key: Node, node: Node) -> None:
        if key.value == "<<":
            for source in reversed(node.items if node.items is not None else [node]):
                above.merged.update(source.mapping or {})
        elif key.value in entries:
            first = entries[key.value].key_place
            line = first.line if first else 0
            hint = f"remove one of the two, or merge them; the first is on line {line}"
            self.problems.append(
                key.place.problem(DUPLICATE, f"key {quoted(key.value)} is written twice", hint)
            )
        elif key.value is not None:
            entries[key.value] = node

    def _place(self, first: Any, last: Any) -> Place:
        """Return where a value is written, as wide as its first line."""
        start, end = first.start_mark, last.end_mark
        shift = self.shift if start.line == 0 else 0
        lines = self.source.lines
        line = lines[start.line] if start.line < len(lines) else ""
        width = max(1, (end.column if end.line == start.line else len(line)) - start.column)
        if isinstance(first, CollectionStartEvent):
            width = min(width, max(1, len(line.rstrip()) - start.column))
        return Place(self.source, start.line + 1, start.column + 1 + shift, width)


_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {name: name[0] in "tT" for name in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?(?:0o[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[0-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
    r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_KINDS = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (int, float)}
"""Types that the tags of plain YAML stand for; `!!str` takes any text."""


def _resolved(text: str) -> Any:
    """Return the value of a plain scalar by the core rules of YAML 1.2; dates stay text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.fullmatch(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
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
