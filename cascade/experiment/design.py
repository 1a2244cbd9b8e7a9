"""The variants of a sweep: which values each has, by which design, and what it is called."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cascade.errors import Problem, ScenarioError, UsageError
from cascade.limits import MOST_SEED, MOST_VARIANTS
from cascade.rng import decision_key
from cascade.scenario.document import open_document
from cascade.scenario.files import Allowed
from cascade.scenario.load import inspect_changed, tree_of
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Node
from cascade.scenario.sweep_file import NOT_POSSIBLE, Axis, Base, Change, Plan
from cascade.units import between

LONGEST = 80
"""Letters of a variant's name, which is that of a folder, too."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One scenario of a sweep."""

    name: str
    changes: tuple[Change, ...]
    scenario: Scenario

    @property
    def shown(self) -> dict[str, str]:
        """Return what it sets, by path, as it is written."""
        return {change.path: in_words(change.value) for change in self.changes}


@dataclass(frozen=True, slots=True)
class Point:
    """A combination of values: the words that name it, and the changes it makes."""

    words: tuple[str, ...]
    changes: tuple[Change, ...]


def variants_of(plan: Plan, *, seed: int | None = None) -> tuple[tuple[Variant, ...], tuple[Problem, ...]]:
    """Return the variants of a plan, all of one seed unless it is the seed that varies, and warnings.

    Raises
    ------
    ScenarioError
        With every problem of the plan and of every variant.
    """
    seed = plan.seed if seed is None else seed
    if seed is not None and not 0 <= seed <= MOST_SEED:
        remedy = f"write a whole number from 0 to {MOST_SEED}"
        raise UsageError(f"{seed} is no seed", where="seed", remedy=remedy)
    problems = [*plan.problems, *_design_problems(plan)]
    found: list[Variant] = []
    documents: dict[Base, Node | None] = {}
    for words, base, shared in [] if _has_errors(problems) else _starts(plan):
        if base not in documents:
            documents[base] = _document(base, plan.allow, problems)
        root = documents[base]
        for point in _points(plan, _seed_of(root) if seed is None else seed) if root is not None else ():
            assert root is not None
            changes = (*plan.changes, *shared, *point.changes)
            scenario, more = inspect_changed(root, [(each.path, each.value, each.at) for each in changes])
            problems += more
            if scenario is not None:
                own = words or ((scenario.name,) if len(plan.scenarios) > 1 else ())
                name = ",".join((*own, *point.words)) or scenario.name
                found.append(Variant(name, changes, scenario))
    if _has_errors(problems) or not found:
        raise ScenarioError(problems)
    common = found[0].scenario.seed if seed is None else seed
    return tuple(_distinct([_of_seed(variant, common) for variant in found])), tuple(
        ScenarioError(problems).problems
    )


def _starts(plan: Plan) -> Iterator[tuple[tuple[str, ...], Base, tuple[Change, ...]]]:
    """Yield what the points of the design are applied to: words of the name, scenario, changes."""
    if not plan.named:
        yield from (((), base, ()) for base in plan.scenarios)
    for each in plan.named:
        for base in [each.base] if each.base else plan.scenarios:
            several = each.base is None and len(plan.scenarios) > 1
            yield ((base_name(base),) if several else ()) + (each.name,), base, each.changes


def base_name(base: Base) -> str:
    """Return what to call a scenario that variants start from."""
    return base.scenario.name if isinstance(base.scenario, Scenario) else base.scenario.stem


def _has_errors(problems: Sequence[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _document(base: Base, allow: Allowed, problems: list[Problem]) -> Node | None:
    """Return the tree of a scenario; what is wrong with its file is added to the problems."""
    if isinstance(base.scenario, Scenario):
        return tree_of(base.scenario)
    if base.place is not None and not base.scenario.is_file():
        message = f"no such scenario file: {base.scenario}"
        problems.append(base.place.problem("CAS003", message, "paths are relative to this file"))
        return None
    try:
        reading = open_document(base.scenario, allow=allow)
    except ScenarioError as error:
        problems += error.problems
        return None
    problems += reading.problems
    return reading.root


def _seed_of(root: Node) -> int:
    """Return the seed a scenario is written with, or the default one."""
    node = root.child("seed")
    return node.value if node is not None and isinstance(node.value, int) else 1


def _of_seed(variant: Variant, seed: int) -> Variant:
    """Return a variant under the seed of the sweep, so that luck is paired."""
    if any(change.path == "seed" for change in variant.changes):
        return variant
    return replace(variant, scenario=variant.scenario.model_copy(update={"seed": seed}))


# --- designs ----------------------------------------------------------------------------------------


def _design_problems(plan: Plan) -> Iterator[Problem]:
    """Yield what does not fit together in what varies."""
    if not (plan.axes or plan.named or len(plan.scenarios) > 1):
        hint = "write -s path=value,value or, in a sweep file, vary: {path: [value, value]}"
        yield plan.place.problem(NOT_POSSIBLE, "nothing varies", hint)
    if plan.design == "grid" and plan.points is not None:
        hint = "leave it out, or choose design: lhs or sobol"
        yield plan.place.problem(NOT_POSSIBLE, "a grid has no number of points", hint, path="points")
    if plan.design != "grid" and plan.points is None:
        hint = "write points: 64, or --points 64"
        yield plan.place.problem("CAS011", f"design {plan.design} needs a number of points", hint)
    n = math.prod(len(axis.choices) for axis in plan.axes) if plan.design == "grid" else plan.points or 0
    if n > MOST_VARIANTS:
        hint = f"list fewer values, or draw --points of --design lhs: at most {MOST_VARIANTS:,}"
        yield plan.place.problem(NOT_POSSIBLE, f"{n:,} combinations are more than a sweep can have", hint)
    if plan.design == "sobol" and n & (n - 1):
        low = 1 << (n.bit_length() - 1)
        message = f"{n} points of a Sobol sequence are not balanced: only powers of two are"
        hint = f"write points: {low} or {2 * low}"
        yield plan.place.problem(NOT_POSSIBLE, message, hint, severity="warning")
    for axis in plan.axes:
        yield from _axis_problems(axis, plan.design)


def _axis_problems(axis: Axis, design: str) -> Iterator[Problem]:
    """Yield what is wrong with one varied value."""
    if not axis.choices and (axis.low is None or axis.high is None):
        hint = f"{axis.path}: [value, value], or {{low: value, high: value}}"
        yield axis.at.problem(NOT_POSSIBLE, "needs values, or low and high", hint, path=axis.path)
    elif not axis.choices and design == "grid":
        hint = "list values, or choose design: lhs or sobol"
        yield axis.at.problem(NOT_POSSIBLE, "a grid needs values, not a range", hint, path=axis.path)
    elif not axis.choices:
        assert axis.low is not None
        assert axis.high is not None
        try:
            between(axis.low.value, axis.high.value, 0.5, is_log=axis.is_log)
        except ValueError as error:
            hint = "write both in one unit, such as {low: 0.1x, high: 2x}"
            yield axis.low.place.problem(NOT_POSSIBLE, str(error), hint, path=axis.path)
    seen: set[str] = set()
    for choice in axis.choices:
        text = repr(choice.plain())
        if text in seen:
            yield choice.place.problem(
                NOT_POSSIBLE, "this value is there twice", "remove one", path=axis.path
            )
        seen.add(text)


def _points(plan: Plan, seed: int) -> Iterator[Point]:
    """Return the combinations of what varies; one without changes where nothing does."""
    return _grid(plan) if plan.design == "grid" else _drawn(plan, seed)


def _grid(plan: Plan) -> Iterator[Point]:
    """Yield every combination of the values."""
    labels = labels_of(plan.axes)
    for values in product(*(axis.choices for axis in plan.axes)):
        pairs = list(zip(plan.axes, values, strict=True))
        words = tuple(f"{labels[axis.path]}={in_words(value)}" for axis, value in pairs)
        yield Point(words, tuple(Change(axis.path, value, axis.at) for axis, value in pairs))


def _drawn(plan: Plan, seed: int) -> Iterator[Point]:
    """Yield the points of a Latin hypercube or Sobol sequence."""
    n = plan.points or 1
    for number, row in enumerate(_unit_points(plan.design, len(plan.axes), n, seed)):
        changes = [
            Change(axis.path, _value_at(axis, float(u)), axis.at)
            for axis, u in zip(plan.axes, row, strict=True)
        ]
        yield Point((f"point-{number:0{len(str(n - 1))}d}",), tuple(changes))


def _unit_points(design: str, dimensions: int, n: int, seed: int) -> Any:
    """Return points of the unit cube, shape (n, dimensions)."""
    from scipy.stats import qmc

    rng = np.random.default_rng(int(decision_key(seed, f"design/{design}", 0)))
    if design == "lhs":
        return qmc.LatinHypercube(dimensions, rng=rng).random(n)
    m = max((n - 1).bit_length(), 0)  # whole powers of two, of which the first points are taken
    return qmc.Sobol(dimensions, rng=rng).random_base2(m)[:n]


def _value_at(axis: Axis, u: float) -> Node:
    """Return the value at a fraction of an axis."""
    if axis.choices:
        return axis.choices[min(int(u * len(axis.choices)), len(axis.choices) - 1)]
    assert axis.low is not None
    assert axis.high is not None
    return Node(between(axis.low.value, axis.high.value, u, is_log=axis.is_log), axis.low.place)


# --- names ------------------------------------------------------------------------------------------


def labels_of(axes: Sequence[Axis]) -> dict[str, str]:
    """Return a short name for each path: its last words, as many as tell it from the others."""
    paths = {axis.path: [part for part in axis.path.split(".") if not part.isdigit()] for axis in axes}
    given = {axis.path: axis.label for axis in axes if axis.label}
    labels: dict[str, str] = {}
    for path, words in paths.items():
        others = [other for key, other in paths.items() if key != path]
        n = min(2, len(words))
        while n < len(words) and any(other[-n:] == words[-n:] for other in others):
            n += 1
        labels[path] = given.get(path) or ".".join(words[-n:])
    return labels


def in_words(node: Node) -> str:
    """Return a value as short as it is still told from others."""
    value = node.value
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else str(value)
    entries, items = node.mapping, node.items
    if entries is not None:
        tag = node.child("type") or node.child("dist")
        rest = [f"{key}={in_words(each)}" for key, each in entries.items() if each is not tag]
        return "+".join([*([in_words(tag)] if tag else []), *rest])
    if items is not None:
        return "+".join(in_words(item) for item in items)
    return Path(value).stem if isinstance(value, str) and value.endswith((".yaml", ".yml")) else str(value)


def _distinct(variants: Sequence[Variant]) -> Iterator[Variant]:
    """Yield the variants under names that are names of folders everywhere, and differ in any case of letters."""
    taken: set[str] = set()
    for variant in variants:
        name = re.sub(r"[^A-Za-z0-9._=,+%-]+", "_", variant.name).strip("._ ") or "variant"
        if len(name) > LONGEST:
            name = f"{name[: LONGEST - 9]}-{hashlib.sha256(variant.name.encode()).hexdigest()[:8]}"
        unique, number = name, 2
        while unique.lower() in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique.lower())
        yield replace(variant, name=unique)
