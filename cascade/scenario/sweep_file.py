"""Reading a sweep: a YAML file, or a scenario with lists of values on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from cascade.errors import Problem, ScenarioError
from cascade.scenario.document import open_document
from cascade.scenario.files import OUTSIDE, Allowed, Fence, Forbidden, absolute, anchor_files, name_fault
from cascade.scenario.messages import problems_of
from cascade.scenario.overrides import OVERRIDES, override, shifted
from cascade.scenario.reading import parse_yaml, read_yaml
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_sweep import Design, SweepFile
from cascade.scenario.source import Node, Place, SourceText, shown_name
from cascade.units import quoted

NOT_POSSIBLE = "CAS017"


@dataclass(frozen=True, slots=True)
class Change:
    """A value that a variant sets."""

    path: str
    value: Node
    at: Place
    """Where the path is written."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A value that varies: `choices`, or from `low` to `high`."""

    path: str
    at: Place
    choices: tuple[Node, ...] = ()
    low: Node | None = None
    high: Node | None = None
    is_log: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A scenario that variants start from: a file, with its place where a sweep names it, or one loaded already."""

    scenario: Path | Scenario
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A variant given by name; without a base of its own it changes each scenario of the sweep."""

    name: str
    changes: tuple[Change, ...]
    base: Base | None = None


@dataclass
class Plan:
    """What a sweep asks for, before it is known whether its scenarios are valid.

    Attributes
    ----------
    name : str
        Of the sweep; empty for that of its scenario.
    place : Place
        Where to report what concerns the sweep as a whole.
    changes : list[Change]
        Values that all variants share.
    allow : Allowed
        Folders whose files its scenarios may name besides their own: that of the sweep file, and those allowed.
    """

    name: str
    place: Place
    scenarios: list[Base]
    text: str = ""
    path: str = ""
    description: str = ""
    question: str = ""
    changes: list[Change] = field(default_factory=list)
    axes: list[Axis] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    design: Design = "grid"
    points: int | None = None
    replicates: int | None = None
    seed: int | None = None
    counterfactual: bool = False
    allow: Allowed = ()
    problems: list[Problem] = field(default_factory=list)


_OF_SWEEPS = ("sweep", "scenario", "scenarios", "vary", "variants")
"""Keys that no scenario has."""


def is_sweep_file(path: Path) -> bool:
    """Tell whether a file is a sweep rather than a scenario.

    Raises
    ------
    ScenarioError
        If it is neither, as nothing can be read of it.
    """
    root = read_yaml(path, what="sweep or scenario").root
    if root is None or root.mapping is None:
        root = open_document(path, what="sweep or scenario", allow=None).root
    return root is not None and any(root.child(key) is not None for key in _OF_SWEEPS)


def read_plan(scenario: Path | Scenario, options: Iterable[str] = (), *, allow: Allowed = ()) -> Plan:
    """Return the plan of a sweep file, or of a scenario.

    Parameters
    ----------
    options
        ``path=value`` for all variants, or ``path=value,value`` for what varies.
    allow
        Folders, besides that of the file, whose files it and its scenarios may name; None allows every folder.

    Raises
    ------
    ScenarioError
        If the file is not YAML, or not a sweep.
    """
    is_sweep = isinstance(scenario, Path) and is_sweep_file(scenario)
    plan = _from_file(Path(str(scenario)), allow) if is_sweep else _from_scenario(scenario, allow)
    for text in options:
        _add_option(plan, text)
    return plan


def _from_scenario(scenario: Path | Scenario, allow: Allowed) -> Plan:
    name = scenario.name if isinstance(scenario, Scenario) else shown_name(scenario)
    place = Place(SourceText(name, (), Path.cwd()), 0, 0)
    path = "" if isinstance(scenario, Scenario) else str(scenario)
    return Plan(name="", place=place, scenarios=[Base(scenario)], path=path, allow=allow)


def _from_file(path: Path, allow: Allowed) -> Plan:
    reading = open_document(path, what="sweep", allow=allow)
    root, fence = reading.root, Fence.around(path, allow)
    assert root is not None
    try:
        asked = SweepFile.model_validate(root.plain())
    except ValidationError as error:
        raise ScenarioError([*reading.problems, *problems_of(error, SweepFile, root)]) from None
    top = root.child("sweep")
    plan = Plan(
        name=asked.sweep, place=top.key_place or top.place if top else root.place,
        scenarios=[_base(node) for node in _scenarios(root)], text=path.read_text(encoding="utf-8"), path=str(path),
        description=asked.description, question=asked.question, design=asked.design, points=asked.points,
        replicates=asked.replicates, seed=asked.seed, counterfactual=asked.counterfactual,
        allow=None if allow is None else (*allow, absolute(path).parent),
        changes=_changes(root.child("set"), fence), problems=list(reading.problems),
    )  # fmt: skip
    plan.named += [_named(name, node, fence) for name, node in _entries(root.child("variants"))]
    plan.axes += [_axis(name, node, fence) for name, node in _entries(root.child("vary"))]
    own = [node.child("scenario") for _, node in _entries(root.child("variants"))]
    for node in (*_scenarios(root), *(node for node in own if node is not None)):
        plan.problems += _scenario_problems(node, fence)
    if not plan.scenarios and not (plan.named and all(each.base for each in plan.named)):
        hint = "add scenario: FILE, relative to this file"
        plan.problems.append(plan.place.problem("CAS011", "the sweep names no scenario", hint))
    return plan


def _scenarios(root: Node) -> list[Node]:
    """Return the nodes that name a scenario for every variant."""
    single, several = root.child("scenario"), root.child("scenarios")
    return [*([single] if single else []), *((several.items or []) if several else [])]


def _base(node: Node) -> Base:
    return Base(node.place.source.directory / str(node.value), node.place)


def _scenario_problems(node: Node, fence: Fence | None) -> Iterator[Problem]:
    """Yield why a scenario may not be named, or cannot be."""
    fault = name_fault(node.value) if isinstance(node.value, str) else "is not text"
    if fault:
        hint = "write the path of a scenario, relative to this file"
        yield node.place.problem("CAS003", f"{quoted(node.value)} is no file: its name {fault}", hint)
    elif fence is not None and not fence.holds(node.place.source.directory / node.value):
        forbidden = Forbidden(absolute(node.place.source.directory / node.value))
        yield node.place.problem(OUTSIDE, forbidden.message, forbidden.hint)


def _named(name: str, node: Node, fence: Fence | None) -> Named:
    """Return a variant of its own; its key `scenario` names the file it changes."""
    base = node.child("scenario")
    changes = [change for change in _changes(node, fence) if change.path != "scenario"]
    return Named(name, tuple(changes), _base(base) if base is not None else None)


def _entries(node: Node | None) -> list[tuple[str, Node]]:
    return list((node.mapping or {}).items()) if node is not None else []


def _changes(node: Node | None, fence: Fence | None) -> list[Change]:
    """Return changes whose files are relative to where they are written."""
    for path, value in _entries(node):
        anchor_files(value, fence, path.rpartition(".")[2])
    return [Change(path, value, value.key_place or value.place) for path, value in _entries(node)]


def _axis(path: str, node: Node, fence: Fence | None) -> Axis:
    at = node.key_place or node.place
    listed = node if node.items is not None else node.child("values")
    choices = tuple(listed.items or ()) if listed is not None else ()
    for choice in choices:
        anchor_files(choice, fence, path.rpartition(".")[2])
    label, scale = node.child("label"), node.child("scale")
    return Axis(
        path, at, choices, node.child("low"), node.child("high"),
        is_log=scale is not None and scale.value == "log", label=str(label.value) if label else "",
    )  # fmt: skip


def _add_option(plan: Plan, text: str) -> None:
    """Add ``-s path=value`` as a value that all variants share, ``-s path=value,value`` as one that varies."""
    path, equals, body = text.partition("=")
    if not equals or not path.strip():
        plan.problems += override(Node({}, plan.place), text)
        return
    source = SourceText(OVERRIDES, (text,), Path.cwd())
    nodes = [_written(source, len(path) + 1 + start, piece, plan.problems) for start, piece in _split(body)]
    for node in nodes:
        anchor_files(node, None, path.strip().rpartition(".")[2])
    at = Place(source, 1, 1, len(path))
    name = path.strip()
    is_range = len(nodes) == 1 and {"low", "high"} <= set(nodes[0].mapping or {})
    if len(nodes) == 1 and not is_range:
        plan.changes.append(Change(name, nodes[0], at))
        return
    axis = replace(_axis(name, nodes[0], None), at=at) if is_range else Axis(name, at, tuple(nodes))
    plan.axes = [each for each in plan.axes if each.path != name] + [axis]


def read_axis(text: str, option: str) -> tuple[Axis, list[Problem]]:
    """Return a field that an option varies: ``path``, ``path=low..high`` or ``path=value,value``."""
    path, equals, body = text.partition("=")
    source, problems = SourceText(option, (text,), Path.cwd()), list[Problem]()
    at, start = Place(source, 1, 1, max(len(path), 1)), len(path) + 1
    low, is_range, high = body.partition("..")
    if not path.strip():
        hint = f"write the path of a field: {option} shocks.sale.notional=1M..100M"
        problems.append(at.problem(NOT_POSSIBLE, "names no field", hint))
    if is_range:
        ends = _written(source, start, low, problems), _written(source, start + len(low) + 2, high, problems)
        return Axis(path.strip(), at, (), *ends), problems
    pieces = _split(body) if equals else []
    choices = tuple(_written(source, start + place, piece, problems) for place, piece in pieces)
    return Axis(path.strip(), at, choices), problems


def _written(source: SourceText, shift: int, piece: str, problems: list[Problem]) -> Node:
    """Return a value that stands in an option after so many letters, and add what is wrong with it."""
    reading = parse_yaml(piece, source.name, Path.cwd(), shift=shift)
    problems += [shifted(problem, source.lines[0], shift) for problem in reading.problems]
    place = Place(source, 1, shift + 1, max(1, len(piece)))
    node = reading.root or Node(None, place)
    node.place = place
    return node


def _split(body: str) -> list[tuple[int, str]]:
    """Return the values between commas that stand outside of brackets and quotes, with their places."""
    pieces: list[tuple[int, str]] = []
    depth, quote, start = 0, "", 0
    for place, letter in enumerate(body):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in ")}]":
            depth -= 1
        elif letter == "," and depth == 0:
            pieces.append((start, body[start:place]))
            start = place + 1
    return [*pieces, (start, body[start:])]
