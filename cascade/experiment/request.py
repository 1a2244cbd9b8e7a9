"""What is asked of a scenario, and the command that asks for one replicate of it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cascade import provenance
from cascade.acting import admit_code, refuse_changed_code
from cascade.errors import UsageError
from cascade.limits import MOST_REPLICATES
from cascade.output.manifest import RESOLVED
from cascade.output.reader import Result
from cascade.scenario.files import FILE_KEYS
from cascade.scenario.load import digest, load, to_data
from cascade.scenario.positions import read_positions
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_population import LeveragedLayer, TableLayer


def scenario_of(result: Result) -> Scenario:
    """Return the scenario of a run, as it was run."""
    return load(result.resolved(), allow=None)


def rerun_of(result: Result, *, allow_code: bool) -> Scenario:
    """Return the scenario of a run that is to run again, once its code may run and is what it was.

    Raises
    ------
    ScenarioError
        It names code without leave.
    SimulationError
        Its code has changed.
    """
    scenario = scenario_of(result)
    admit_code([scenario], result.resolved(), allowed=allow_code)
    refuse_changed_code(scenario, result.manifest.get("agents", {}))
    return scenario


def has_stops(scenario: Scenario) -> bool:
    """Tell whether anybody's stop-loss may go off."""
    return scenario.channels.stop_losses and any(
        layer_has_stops(layer)
        for layer in scenario.population
        if isinstance(layer, LeveragedLayer | TableLayer)
    )


def layer_has_stops(layer: LeveragedLayer | TableLayer) -> bool:
    """Tell whether some account of a layer carries a stop-loss."""
    if isinstance(layer, TableLayer):
        return not bool(np.isnan(read_positions(layer.file, layer.ignore).stop_price).all())
    return layer.stop_loss is not None and layer.stop_loss.share > 0.0


def runs_of(scenario: Scenario, *, counterfactual: bool) -> int:
    """Return how often a replicate is run: with its counterfactual twice, and where there are stops thrice."""
    return 1 + counterfactual * (1 + has_stops(scenario))


class Request(NamedTuple):
    """What is asked of a scenario besides itself."""

    replicates: tuple[int, ...]
    counterfactual: bool

    def digest(self, scenario: Scenario) -> str:
        """Return the eight digits that name this request of a scenario, and the folder of its results."""
        return provenance.request_digest(digest(scenario), **self._asdict())


def first_replicates(n: int) -> tuple[int, ...]:
    """Return the numbers of the first n replicates.

    Raises
    ------
    UsageError
        If that is none, or more than a run can have.
    """
    if not 1 <= n <= MOST_REPLICATES:
        remedy = f"write a number from 1 to {MOST_REPLICATES}"
        raise UsageError(f"a run cannot have {n:,} replicates", where="replicates", remedy=remedy)
    return tuple(range(n))


class Origin(NamedTuple):
    """The file a scenario was read from, the overrides applied to it, and what it may name and run."""

    path: str
    overrides: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    allow_code: bool = False

    @classmethod
    def of_results(cls, scenario: Scenario, folder: Path) -> Origin:
        """Return the resolved scenario that a folder of results holds."""
        return cls(
            str(folder / RESOLVED), allow=folders_of(scenario), allow_code=bool(scenario.python_agents)
        )

    def command(self, seed: int, replicate: int, *, counterfactual: bool) -> str:
        """Return the command that runs one replicate, quoted for a shell."""
        words = ["cascade", "run", self.path, "--seed", str(seed), "--replicate", str(replicate)]
        words += [word for text in self.overrides for word in ("-s", text)]
        words += [word for folder in self.allow for word in ("--allow", folder)]
        words += ["--allow-code"] if self.allow_code else []
        return shlex.join([*words, "--counterfactual"] if counterfactual else words)


def folders_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the folders of the data files, rulebooks and code that a scenario names by their paths."""
    return tuple(dict.fromkeys(str(Path(path).parent) for path in _paths(to_data(scenario))))


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore
            if key in FILE_KEYS and isinstance(item, str) and Path(item).is_absolute():
                yield item
            yield from _paths(item)
    elif isinstance(value, list):
        for item in value:  # pyright: ignore
            yield from _paths(item)
