"""A document as a tree of located values: every key and value knows its file, line and column."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cascade.errors import Problem, Severity

Step: TypeAlias = str | int
Steps: TypeAlias = tuple[Step, ...]

MISSING_FILE = "CAS003"


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
    number: int | None = None
    """Of an item of a list from which others were taken out: where it was."""

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
        return Node(value, self.place, self.key_place, self.number)

    def number_items(self) -> None:
        """Let the items of all lists remember where they are."""
        for _, node in walk(self):
            for number, item in enumerate(node.items or ()):
                item.number = number

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


def chain_of(root: Node, steps: Steps) -> list[Node]:
    """Return the nodes from the root along the steps, as far as there are any."""
    nodes = [root]
    for step in steps:
        following = nodes[-1].child(step)
        if following is None:
            break
        nodes.append(following)
    return nodes


def dotted(root: Node, steps: Steps) -> str:
    """Return the path of a value as ``-s`` takes it, list items by their name where they have one."""
    node: Node | None = root
    parts: list[str] = []
    for step in steps:
        node = node.child(step) if node is not None else None
        name = node.child("name") if node is not None and isinstance(step, int) else None
        is_named = name is not None and isinstance(name.value, str)
        number = node.number if node is not None and isinstance(step, int) else None
        parts.append(name.value if name is not None and is_named else str(step if number is None else number))
    return ".".join(parts)


def shown_name(path: Path) -> str:
    """Return the path as the user would type it from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return str(path) if relative.startswith("..") else relative


def walk(node: Node, steps: Steps = ()) -> Iterator[tuple[Steps, Node]]:
    """Yield every node below and including this one with its path."""
    yield steps, node
    for key, entry in (node.mapping or {}).items():
        yield from walk(entry, (*steps, key))
    for number, item in enumerate(node.items or []):
        yield from walk(item, (*steps, number))


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
    return place_of([name.value if (name := item.child("name")) else None for item in items], key)


def place_of(names: Sequence[Any], key: str) -> int | None:
    """Return the place of an item in a list, by its name or its number, from the end if that is negative; or None."""
    if re.fullmatch("-?[0-9]{1,9}", key):
        number = int(key)
        return number % len(names) if -len(names) <= number < len(names) else None
    return names.index(key) if key in names else None


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
