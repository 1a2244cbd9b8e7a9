"""What is asked of a scenario, and the command that asks for one replicate of it again."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from cascade import provenance
from cascade.output.reader import Result
from cascade.scenario.load import digest, load
from cascade.scenario.schema import Scenario


def scenario_of(result: Result) -> Scenario:
    """Return the scenario of a run, as it was run."""
    return load(result.resolved())


class Request(NamedTuple):
    """What is asked of a scenario besides itself."""

    replicates: tuple[int, ...]
    counterfactual: bool

    def digest(self, scenario: Scenario) -> str:
        """Return the eight digits that name this request of a scenario, and the folder of its results."""
        return provenance.request_digest(digest(scenario), **self._asdict())


class Origin(NamedTuple):
    """The file a scenario was read from, and the overrides applied to it."""

    path: str
    overrides: tuple[str, ...] = ()

    def command(self, seed: int, replicate: int, *, counterfactual: bool) -> str:
        """Return the command that runs one replicate, quoted for a shell."""
        words = ["cascade", "run", self.path, "--seed", str(seed), "--replicate", str(replicate)]
        words += [word for text in self.overrides for word in ("-s", text)]
        return shlex.join([*words, "--counterfactual"] if counterfactual else words)
