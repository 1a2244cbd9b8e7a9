"""Checks of the draws of parameters that a scenario takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cascade.errors import ScenarioError
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.draws import Draws, lacks, numbers_of, read_draws, with_draw
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Steps
from cascade.scenario.words import did_you_mean

_HERE: Steps = ("parameters",)


@register(
    "CAS331",
    "draws of parameters are of numbers that the scenario holds, and possible",
    "assets",
    "parameters",
)
def draws_fit(context: Context) -> Found:
    """Read the file, find each of its columns, and try the draws at the ends of each."""
    scenario = context.scenario
    if scenario.parameters is None:
        return
    try:
        draws = read_draws(scenario.parameters)
    except ScenarioError as error:
        for problem in error.problems:
            name = Path(scenario.parameters).name
            yield Finding(_HERE, f"{name}: {problem.message}", problem.hint)
        return
    strange = list(_strange(scenario, draws))
    yield from strange
    if not any(each.severity == "error" for each in strange):
        yield from _impossible(scenario, draws)


def _strange(scenario: Scenario, draws: Draws) -> Iterator[Finding]:
    """Yield the columns that name no number of the scenario."""
    known = numbers_of(scenario)
    of_others = [path for path in draws.paths if path not in known and lacks(scenario, path)]
    is_for_it = len(of_others) < len(draws.paths)
    for path in draws.paths:
        if path in of_others and is_for_it:
            part = ".".join(path.split(".")[:2])
            message = f"draws of {path} are not taken: the scenario has no {part}{did_you_mean(path, known)}"
            hint = "nothing is to be done if they were fitted to other coins, too; else correct the name"
            yield Finding(_HERE, message, hint, "warning")
        elif path not in known:
            message = f"a column of draws is of {path}, where the scenario holds no number{did_you_mean(path, known)}"
            hint = "fit the parameters of this scenario, or give its parts the names that they had there"
            yield Finding(_HERE, message, hint)


def _impossible(scenario: Scenario, draws: Draws) -> Iterator[Finding]:
    """Yield what a draw makes invalid, tried where each parameter is least and greatest."""
    ends = {0, *np.argmin(draws.values, axis=0).tolist(), *np.argmax(draws.values, axis=0).tolist()}
    for number in sorted(ends):
        try:
            with_draw(scenario, number)
        except ScenarioError as error:
            first = next(each for each in error.problems if each.severity == "error")
            message = f"draw {number} makes no valid scenario: {first.path}: {first.message}"
            yield Finding(_HERE, message, first.hint)
            return
