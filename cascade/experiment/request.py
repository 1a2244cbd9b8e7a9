"""What is asked of a scenario, and the command that asks for one replicate of it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from cascade.errors import ScenarioError
from cascade.scenario.checks import check
from cascade.scenario.load import load, to_data
from cascade.scenario.messages import problems_of
from cascade.scenario.overrides import from_data, override
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Place, SourceText


class Request(NamedTuple):
    """What is asked of a scenario besides itself."""

    replicates: tuple[int, ...]
    counterfactual: bool


class Origin(NamedTuple):
    """The file a scenario was read from, and the overrides applied to it."""

    path: str
    overrides: tuple[str, ...] = ()

    def command(self, seed: int, replicate: int, *, counterfactual: bool) -> str:
        """Return the command that runs one replicate, quoted for a shell."""
        words = ["cascade", "run", self.path, "--seed", str(seed), "--replicate", str(replicate)]
        words += [word for text in self.overrides for word in ("-s", text)]
        return shlex.join([*words, "--counterfactual"] if counterfactual else words)


def loaded(scenario: str | Path | Scenario, overrides: Sequence[str] = ()) -> Scenario:
    """Return a scenario of a file, or one that is loaded already, with overrides applied.

    Raises
    ------
    ScenarioError
        With every problem of the scenario and of the overrides.
    """
    if not isinstance(scenario, Scenario):
        return load(scenario, overrides)
    if not overrides:
        return scenario
    root = from_data(to_data(scenario), Place(SourceText(scenario.name, (), Path.cwd()), 0, 0))
    problems = [problem for text in overrides for problem in override(root, text)]
    try:
        changed = Scenario.model_validate(root.plain())
    except ValidationError as error:
        raise ScenarioError([*problems, *problems_of(error, Scenario, root)]) from None
    problems += check(changed, root)
    if any(problem.severity == "error" for problem in problems):
        raise ScenarioError(problems)
    return changed
