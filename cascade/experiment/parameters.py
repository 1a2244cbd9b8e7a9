"""What varies in a sweep, as columns: the value that each variant's scenario holds at a path, with its unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cascade.analysis import metrics
from cascade.experiment.design import Variant, labels_of
from cascade.output.run_units import RunUnits
from cascade.output.schemas import UNIT_SUFFIXES, Column
from cascade.scenario.draws import lacks, read_draws
from cascade.scenario.fields import field_at
from cascade.scenario.load import to_data
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Step, place_of
from cascade.scenario.sweep_file import Axis, Plan
from cascade.units import Quantity, parse_duration


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that varies, in all variants."""

    path: str
    column: str
    unit: str
    values: tuple[float | str | None, ...]
    """Of each variant: numbers in `unit`, or text; None where a variant has no such value."""

    @property
    def is_number(self) -> bool:
        """Tell whether it can be drawn along an axis."""
        return all(value is None or isinstance(value, float) for value in self.values)

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the manifest."""
        return {"path": self.path, "column": self.column, "unit": self.unit}


def parameters_of(plan: Plan, variants: Sequence[Variant], taken: Sequence[str]) -> tuple[Parameter, ...]:
    """Return what varies; its columns differ from those that are taken."""
    shared = {change.path for change in plan.changes}
    paths = dict.fromkeys(path for variant in variants for path in variant.shown if path not in shared)
    given = {axis.path: axis for axis in plan.axes}
    labels = labels_of([given.get(path) or Axis(path, plan.place) for path in paths])
    data = [to_data(variant.scenario) for variant in variants]
    used = set(taken)
    found: list[Parameter] = []
    for path in paths:
        pairs = list(zip(variants, data, strict=True))
        units = {_unit(each, path) for _, each in pairs} - {None}
        unit = units.pop() if len(units) == 1 else ""
        values = tuple(_value(each, path, variant) for variant, each in pairs)
        column = _column(labels[path], unit or "", used)
        used.add(column)
        found.append(Parameter(path, column, unit or "", _of_one_kind(values)))
    return tuple(found)


def columns_of(scenario: Scenario, units: RunUnits, *, counterfactual: bool) -> tuple[Column, ...]:
    """Return the columns of `runs` after the declared ones: every metric, and what is drawn."""
    return (*metrics.metric_columns(units, counterfactual=counterfactual), *_drawn_columns(scenario).values())


def drawn_row(scenario: Scenario, replicate: int) -> dict[str, float]:
    """Return what a replicate draws, by its columns of `runs`."""
    if scenario.parameters is None:
        return {}
    values = read_draws(scenario.parameters).of_replicate(replicate)
    return {column.name: values[path] for path, column in _drawn_columns(scenario).items()}


def _drawn_columns(scenario: Scenario) -> dict[str, Column]:
    """Return the column of each path that is drawn, of parts that the scenario has."""
    if scenario.parameters is None:
        return {}
    draws = read_draws(scenario.parameters)
    return {
        path: Column(
            _column(f"drawn.{path}", unit, set()), "float", f"`{path}` of the replicate, drawn", unit
        )
        for path, unit in zip(draws.paths, draws.units, strict=True)
        if not lacks(scenario, path)
    }


def _column(label: str, unit: str, used: set[str]) -> str:
    """Return a name that ends in its unit, as all columns do."""
    name = re.sub(r"\W+", "_", label).strip("_").lower()
    suffix = next((suffix for suffix, meaning in UNIT_SUFFIXES.items() if meaning == unit), "")
    name = name if name.endswith(suffix) else name + suffix
    return name if name not in used else f"varied_{name}"


def _value(data: Mapping[str, Any], path: str, variant: Variant) -> float | str | None:
    """Return the value at a path of a resolved scenario; a part of it rather than a value as it was written."""
    value: Any = data
    for step in _steps(data, path) or ():
        value = value[step]
    if value is data or value is None:
        return None
    if isinstance(value, Mapping) and value.get("dist") == "constant":
        return float(value["value"])
    if isinstance(value, Mapping | list):
        return variant.shown.get(path, "as in the scenario")
    if isinstance(value, bool | int | float):
        return float(value)
    seconds = parse_duration(str(value))
    return str(value) if seconds is None else seconds


def _of_one_kind(values: Sequence[float | str | None]) -> tuple[float | str | None, ...]:
    """Return numbers as they are, or all as text where one is text."""
    if any(isinstance(value, str) for value in values):
        return tuple(f"{value:g}" if isinstance(value, float) else value for value in values)
    return tuple(values)


def _unit(data: Mapping[str, Any], path: str) -> str | None:
    """Return the unit of a field, or None where there is no such field."""
    info = _field(data, path)
    quantity = None if info is None else _quantity(info)
    return None if info is None else "" if quantity is None else quantity.unit


def kind_at(scenario: Scenario, path: str) -> tuple[Quantity | None, bool]:
    """Return how the number at a path is written, and whether it is a whole one."""
    info = _field(to_data(scenario), path)
    if info is None:
        return None, False
    return _quantity(info), _is_whole(info.annotation)


def _is_whole(annotation: Any) -> bool:
    """Tell whether an alternative of an annotation is a whole number, and none any number."""
    if annotation is int:
        return True
    parts = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    return float not in parts and any(_is_whole(part) for part in parts)


def _field(data: Mapping[str, Any], path: str) -> FieldInfo | None:
    """Return the field at a path, or None where there is none."""
    steps = _steps(data, path)
    return field_at(Scenario, steps, data) if steps else None


def _quantity(info: FieldInfo) -> Quantity | None:
    """Return how a field is written; None for plain numbers and text."""
    own = (note for note in info.metadata if isinstance(note, Quantity))
    return next(iter((*own, *_notes(info.annotation))), None)


def _notes(annotation: Any) -> Iterator[Quantity]:
    """Yield the quantities among the alternatives of an annotation."""
    if get_origin(annotation) is Annotated:
        yield from (note for note in get_args(annotation) if isinstance(note, Quantity))
    elif get_origin(annotation) in (Union, UnionType):
        for alternative in get_args(annotation):
            yield from _notes(alternative)


def _steps(data: Mapping[str, Any], path: str) -> tuple[Step, ...] | None:
    """Return a dotted path as keys and numbers, or None where it leads nowhere."""
    value: Any = data
    steps: list[Step] = []
    step: Step
    for part in path.split("."):
        if isinstance(value, list):
            number = _item(value, part)  # pyright: ignore
            if number is None:
                return None
            step, value = number, value[number]
        elif isinstance(value, Mapping) and part in value:
            step, value = part, value[part]
        else:
            return None
        steps.append(step)
    return tuple(steps)


def _item(items: list[Any], part: str) -> int | None:
    """Return the place of an item that a number or a name means."""
    return place_of([item.get("name") if isinstance(item, Mapping) else None for item in items], part)
