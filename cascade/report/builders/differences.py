"""How the scenarios of several runs differ, and what to call the runs by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from cascade.analysis.formats import as_written
from cascade.output.sweep import NamedResult
from cascade.report.builders.facts import short
from cascade.report.builders.study import Study, Variant
from cascade.report.builders.table import Table, text_column
from cascade.scenario.load import to_data
from cascade.scenario.schema import Scenario

_NOT_FIGURES = ("description", "references", "outputs", "sources", "published", "replicates", "name")
_UNSET = "not set"

_MOST_NAMED = 2
"""Differences that a name may hold."""


def differences(study: Study) -> Table | None:
    """Return what the scenarios of the runs say differently."""
    scenarios = [variant.scenario for variant in study.variants]
    changed = _changed(scenarios) if study.is_comparison else {}
    if not changed:
        return None
    columns = [text_column("path", "figure", list(changed))]
    for number, variant in enumerate(study.variants):
        columns.append(
            text_column(
                f"v{number}", variant.label, [short(as_written(each[number])) for each in changed.values()]
            )
        )
    return Table("differences", "What differs between the scenarios", tuple(columns))


def _changed(scenarios: Sequence[Scenario | None]) -> dict[str, list[str]]:
    """Return the figures that are not the same in all scenarios, by path; nothing if one can't be read."""
    flat = [dict(_leaves(to_data(each), "")) for each in scenarios if each]
    if len(flat) < len(scenarios):
        return {}
    paths = [
        path
        for path in dict.fromkeys(p for each in flat for p in each)
        if path.split(".")[0] not in _NOT_FIGURES
    ]
    values = {path: [each.get(path, _UNSET) for each in flat] for path in paths}
    return {path: found for path, found in values.items() if len(set(found)) > 1}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the leaves of plain data; entries of lists are named where they have a name."""
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from _leaves(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in cast("list[Any]", value)):
        for number, item in enumerate(cast("list[Any]", value)):
            name = item.get("name", number) if isinstance(item, Mapping) else number
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, str(value)


def labels(named: Sequence[NamedResult]) -> list[str]:
    """Return what to call runs: their names, or, where those are folders, by what differs in their scenarios."""
    names = [each.name for each in named]
    if all("=" in name for name in names):  # variants of a sweep, in the words of who wrote it
        return [name.replace("=", " ").replace(",", ", ") for name in names]
    if not any(each.result.path and each.name == each.result.path.name for each in named):
        return names
    changed = _changed([Variant("", each.result).scenario for each in named])
    told = [{path: values[k] for path, values in changed.items()} for k in range(len(named))]
    if len(changed) > _MOST_NAMED:  # then each by what sets it apart from the first, which goes by its name
        told = [{path: value for path, value in each.items() if value != told[0][path]} for each in told]
    if not 0 < max(map(len, told)) <= _MOST_NAMED:
        return names
    found = [_label(named[k].result.name, values, changed) for k, values in enumerate(told)]
    return found if len(set(found)) == len(found) else names


def _ending(path: str, others: Iterable[str]) -> str:
    """Return the end of a path, as long as it takes to tell it from the others."""
    parts = path.split(".")
    endings = (".".join(parts[-n:]) for n in range(1, len(parts)))
    return next(
        (end for end in endings if sum(f".{other}".endswith(f".{end}") for other in others) == 1), path
    )


def _label(scenario: str, values: Mapping[str, str], paths: Iterable[str]) -> str:
    """Return the figures that are set: a name by itself, a number after the end of its path, which is one of several."""
    said = [
        f"{_ending(path, paths)} {as_written(value)}" if re.match(r"[-+]?\d", value) else value
        for path, value in values.items()
        if value != _UNSET
    ]
    return short(", ".join(dict.fromkeys(said))) or scenario
