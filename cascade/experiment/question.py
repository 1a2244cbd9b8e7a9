"""What a search is asked: a field and its range, an event, and a share of the replicates; checked before it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic_core import PydanticCustomError

from cascade.analysis.statistics.estimate import CONFIDENCE
from cascade.errors import Problem, ScenarioError, UsageError
from cascade.experiment.bounds import Event
from cascade.scenario.document import open_document
from cascade.scenario.files import Allowed
from cascade.scenario.load import tree_of
from cascade.scenario.overrides import set_node
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Node, item_number
from cascade.scenario.sweep_file import NOT_POSSIBLE, Axis, Change, Plan, read_axis, read_plan
from cascade.units import SHARE, between, format_duration, parse_duration, range_of, scaled_by

FACTOR: Final = 10.0
"""A range that is not written reaches from the scenario's own value by this factor, either way."""

POINTS: Final = 5
"""Values of the other field of a frontier, where a range is written."""


@dataclass(frozen=True)
class Question:
    """From which value of a field on an event happens in a share of the replicates, or no longer does.

    Attributes
    ----------
    vary, against
        Dotted paths of fields; `against` is empty where only one varies.
    within
        Resolution: as a share of the value, or of the range where that does not begin above zero.
    """

    vary: str
    event: Event
    share: float
    within: float
    against: str = ""
    confidence: float = CONFIDENCE

    @property
    def text(self) -> str:
        """Return the question as a sentence."""
        for_each = f", for each {self.against}" if self.against else ""
        return f"From which {self.vary} on is {self.event.text} in {100 * self.share:g} % of replicates{for_each}?"

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the manifest."""
        return {
            "vary": self.vary, "against": self.against, "until": self.event.text, "share": self.share,
            "within": self.within, "confidence": self.confidence,
        }  # fmt: skip


class Span(NamedTuple):
    """The range of a field, as it is written."""

    axis: Axis
    low: Node
    high: Node

    @property
    def is_log(self) -> bool:
        """Tell whether values are spread in the logarithm: where the range begins above zero."""
        return range_of(self.low.value, self.high.value)[0] > 0.0

    def at(self, place: float) -> Change:
        """Return the value at a place between 0 and 1."""
        value = between(self.low.value, self.high.value, place, is_log=self.is_log)
        if all(_is_whole_time(end.value) for end in (self.low, self.high)):  # as most steps take them
            value = format_duration(round(parse_duration(value) or 0.0))
        return Change(self.axis.path, Node(value, self.low.place), self.axis.at)

    def fine(self, within: float) -> float:
        """Return a resolution as a distance of places."""
        if not self.is_log:
            return within
        first, last, _ = range_of(self.low.value, self.high.value)
        return min(math.log1p(within) / math.log(last / first), 1.0)


def _is_whole_time(value: object) -> bool:
    """Tell whether a value is a duration of whole seconds."""
    seconds = parse_duration(value) if isinstance(value, str) else None
    return seconds is not None and seconds.is_integer()


def share_of(value: float | str, where: str) -> float:
    """Return a share as a number: ``5%`` is 0.05.

    Raises
    ------
    UsageError
        If it is none between 0 and 1.
    """
    try:
        share = float(SHARE.parse(value))
    except PydanticCustomError as error:
        told = error.context or {}
        raise UsageError(str(told["message"]), where=where, remedy=str(told["hint"])) from None
    if not 0.0 < share < 1.0:
        remedy = f"write a share above 0 and below 1, such as {where} 5%"
        raise UsageError(f"{value} is not between 0 and 1", where=where, remedy=remedy)
    return share


def plan_of(scenario: str | Path | Scenario, overrides: Sequence[str], allow: Allowed) -> Plan:
    """Return the plan of a single scenario, with what all values share.

    Raises
    ------
    UsageError
        A sweep file, or an override of several values.
    """
    plan = read_plan(scenario if isinstance(scenario, Scenario) else Path(scenario), overrides, allow=allow)
    if plan.axes or plan.named or len(plan.scenarios) != 1:
        what = f"{plan.axes[0].path} has several values" if plan.axes else "this file is a sweep"
        raise UsageError(
            f"{what}, and what varies here is what --vary names", where=plan.path,
            remedy="give a scenario, and -s path=value for what all of it shares; a second field that varies is that "
            "of cascade frontier --against",
        )  # fmt: skip
    return plan


def tree(plan: Plan) -> Node:
    """Return the tree of the scenario of a plan, with what all values share.

    Raises
    ------
    ScenarioError
    """
    base, problems = plan.scenarios[0].scenario, list(plan.problems)
    if isinstance(base, Scenario):
        root = tree_of(base)
    else:
        reading = open_document(base, allow=plan.allow)
        root = reading.root
        problems += reading.problems
    _refuse(problems)
    assert root is not None
    root = root.copy()
    for change in plan.changes:
        problems += set_node(root, change.path, change.value.copy(), change.at)
    _refuse(problems)
    return root


def span_of(text: str, base: Node) -> Span:
    """Return the range that ``--vary path=low..high`` gives, or one about the scenario's own value.

    Raises
    ------
    ScenarioError
    """
    axis, problems = read_axis(text, "--vary")
    if axis.choices:
        hint = f"write a range, such as --vary {axis.path}=1M..100M, or the path alone"
        problems.append(axis.at.problem(NOT_POSSIBLE, "needs a range, not values", hint, path=axis.path))
    _refuse(problems)
    if axis.low is None or axis.high is None:
        return _about_own(axis, base)
    return _risen(axis, axis.low, axis.high)


def fixed_by(text: str, vary: str) -> list[tuple[Change, ...]]:
    """Return what ``--against path=value,value`` or ``path=low..high`` sets, one after the other; one of nothing.

    Raises
    ------
    ScenarioError
    """
    if not text:
        return [()]
    axis, problems = read_axis(text, "--against")
    if axis.path == vary:
        problems.append(
            axis.at.problem(NOT_POSSIBLE, "is what --vary names", "name another field", path=axis.path)
        )
    if axis.low is None and len(axis.choices) < 2:
        hint = f"write values, --against {axis.path}=1,2,5, or a range, --against {axis.path}=1..5"
        problems.append(axis.at.problem(NOT_POSSIBLE, "needs two values or more", hint, path=axis.path))
    _refuse(problems)
    if axis.low is None or axis.high is None:
        return [(Change(axis.path, value, axis.at),) for value in axis.choices]
    span = _risen(axis, axis.low, axis.high)
    return [(span.at(k / (POINTS - 1)),) for k in range(POINTS)]


def _about_own(axis: Axis, base: Node) -> Span:
    """Return the range about the value that the scenario gives a field."""
    own = _value_at(base, axis.path)
    hint = f"write where to look: --vary {axis.path}=LOW..HIGH"
    if own is None:
        message = "the scenario does not write this value, so that nothing says where to look"
        raise ScenarioError([axis.at.problem(NOT_POSSIBLE, message, hint, path=axis.path)])
    try:
        ends = [Node(scaled_by(own.value, factor), axis.at) for factor in (1.0 / FACTOR, FACTOR)]
        low, high = ends[::-1] if str(own.value).strip().startswith("-") else ends
        range_of(low.value, high.value)
        return Span(axis, low, high)
    except ValueError as error:
        raise ScenarioError([axis.at.problem(NOT_POSSIBLE, str(error), hint, path=axis.path)]) from None


def _risen(axis: Axis, low: Node, high: Node) -> Span:
    """Return a range, if it is one."""
    try:
        range_of(low.value, high.value)
    except ValueError as error:
        hint = f"write both ends in one unit, the lower first: {axis.path}={_turned(low, high)}"
        raise ScenarioError([low.place.problem(NOT_POSSIBLE, str(error), hint, path=axis.path)]) from None
    return Span(axis, low, high)


def _turned(low: Node, high: Node) -> str:
    """Return a range with its ends the other way round, if that is one; else an example."""
    try:
        range_of(high.value, low.value)
    except ValueError:
        return "1M..100M"
    return f"{high.value}..{low.value}"


def _value_at(root: Node, path: str) -> Node | None:
    """Return the value that a scenario writes at a path."""
    node: Node | None = root
    for part in path.split("."):
        if node is None:
            return None
        step = part if node.items is None else item_number(node.items, part)
        node = None if step is None else node.child(step)
    return node


def _refuse(problems: Sequence[Problem]) -> None:
    if any(each.severity == "error" for each in problems):
        raise ScenarioError(problems)
