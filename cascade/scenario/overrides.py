"""Overrides: changes such as ``makers.0.depth.scale=0.5x``, given on the command line or from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cascade.errors import Problem
from cascade.scenario.files import anchor_files
from cascade.scenario.frames import frame_file, is_frame
from cascade.scenario.reading import parse_yaml
from cascade.scenario.source import (
    Node,
    Place,
    SourceText,
    Step,
    item_number,
    merge,
    walk,
)
from cascade.scenario.tree import DUPLICATE
from cascade.scenario.words import did_you_mean, listing

BAD_OVERRIDE = "CAS007"

OVERRIDES = "-s"
"""Name under which problems of an override are reported."""


def override(root: Node, text: str) -> list[Problem]:
    """Apply ``a.b=value`` to the tree; return what is wrong with it."""
    source = SourceText(OVERRIDES, (text,), Path.cwd())
    path, equals, _ = text.partition("=")
    if not equals or not path.strip():
        hint = "write it as path=value, for instance -s duration=2h"
        place = Place(source, 1, 1, max(1, len(text)))
        return [place.problem(BAD_OVERRIDE, f"'{text}' is not an override", hint)]
    if (
        wrong := next((k for k, letter in enumerate(text) if "\ud800" <= letter <= "\udfff"), None)
    ) is not None:
        place = Place(source, 1, wrong + 1)
        return [place.problem(BAD_OVERRIDE, "a character is not UTF-8", "write letters, digits and signs")]
    body = text[len(path) + 1 :]
    reading = parse_yaml(body, OVERRIDES, Path.cwd(), shift=len(path) + 1)
    reading.problems = [shifted(problem, text, len(path) + 1) for problem in reading.problems]
    if reading.root is None and reading.problems:
        return reading.problems
    value = reading.root or Node(None, Place(source, 1, len(path) + 2))
    _relocate(value, source)
    anchor_files(value, None, path.strip().rpartition(".")[2])
    return [*reading.problems, *set_node(root, path, value, Place(source, 1, 1))]


def shifted(problem: Problem, text: str, shift: int) -> Problem:
    """Return a problem of a part of an option at its place in the whole."""
    column = problem.column if problem.code == DUPLICATE else problem.column + shift
    return replace(problem, column=column, source_line=text)


def _relocate(value: Node, source: SourceText) -> None:
    """Let the places of an override's value show the whole override."""
    for _, node in walk(value):
        node.place = _moved(node.place, source)
        node.key_place = _moved(node.key_place, source) if node.key_place else None


def _moved(place: Place, source: SourceText) -> Place:
    return Place(source, place.line, place.column, place.width)


def set_node(root: Node, path: str, value: Node, at: Place) -> list[Problem]:
    """Set a value by dotted path; return what is wrong with the path, which is written at a place."""
    node = root
    segments = path.strip().split(".")
    column = at.column + len(path) - len(path.lstrip())
    for number, segment in enumerate(segments):
        place = Place(at.source, at.line, column, max(1, len(segment)))
        column += len(segment) + 1
        last = number == len(segments) - 1
        step = _step(node, segment)
        if step is None:
            return [_no_such_item(node, segment, place, ".".join(segments[:number]))]
        if last:
            value.key_place = place
            _put(node, step, value)
            return []
        following = node.child(step)
        if following is None or (following.mapping is None and following.items is None):
            following = Node({}, place, place)
            _put(node, step, following)
        node = following
    return []


def _step(node: Node, segment: str) -> Step | None:
    """Return the key or number a segment of a path means, or None where a list has no such item."""
    return segment if node.items is None else item_number(node.items, segment)


def _put(node: Node, step: Step, value: Node) -> None:
    entries, items = node.mapping, node.items
    if items is not None and isinstance(step, int):
        items[step : step + 1] = [] if value.value is None else [value]
    elif entries is not None:
        old = entries.get(str(step))
        if value.value is None:
            entries.pop(str(step), None)
        elif old is not None and value.mapping is not None:
            merged = merge(old, value)
            merged.key_place = value.key_place
            entries[str(step)] = merged
        else:
            entries[str(step)] = value


def _no_such_item(node: Node, segment: str, place: Place, parent: str) -> Problem:
    items = node.items or []
    names = [str(name.value) for item in items if (name := item.child("name")) is not None]
    numbers = f"0 to {len(items) - 1}" if items else "none: the list is empty"
    hint = f"items of {parent}: {listing(names)}" if names else f"items of {parent}: {numbers}"
    return place.problem(
        BAD_OVERRIDE, f"{parent} has no item '{segment}'{did_you_mean(segment, names)}", hint
    )


def set_value(root: Node, path: str, value: Any) -> list[Problem]:
    """Set a value given as Python data; return what is wrong with the path."""
    source = SourceText("replace", (path,), Path.cwd())
    place = Place(source, 1, 1, len(path))
    return set_node(root, path, from_data(value, place), place)


def from_data(value: Any, place: Place) -> Node:
    """Return Python data as nodes that are all at one place; tables in memory as the files that they are kept in."""
    if isinstance(value, Mapping):
        return Node({str(key): from_data(item, place) for key, item in value.items()}, place, place)
    if isinstance(value, list | tuple):
        return Node([from_data(item, place) for item in value], place, place)
    return Node(frame_file(value) if is_frame(value) else value, place, place)
