"""What a scenario means before it is run: timeline, what moves the price, figures, population, liquidations, cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascade.assembly.caps import Capped
from cascade.errors import Problem, ScenarioError
from cascade.explain.cost import Cost, cost_of
from cascade.explain.moves import Moves, moves_of
from cascade.explain.rules import Assumption, assumptions_of, rulebook_counts
from cascade.explain.sources import Figure, counts, figures_of
from cascade.explain.timeline import Moment, timeline
from cascade.exposure.holdings import Population, populations
from cascade.exposure.liquidation_map import LiquidationMap, liquidation_maps
from cascade.scenario.files import Allowed
from cascade.scenario.schema import Scenario


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything `cascade explain` says about a scenario."""

    scenario: Scenario
    replicate: int
    timeline: tuple[Moment, ...]
    moves: Moves
    figures: tuple[Figure, ...]
    rulebooks: dict[str, dict[str, int]]
    """Figures of each venue's rulebook by status."""
    assumptions: tuple[Assumption, ...]
    """Figures of the venues' rules that are not confirmed."""
    populations: tuple[Population, ...]
    caps: tuple[Capped, ...]
    maps: tuple[LiquidationMap, ...]
    cost: Cost
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "name": self.scenario.name,
            "description": self.scenario.description,
            "seed": self.scenario.seed,
            "replicate": self.replicate,
            "timeline": self.timeline,
            "moves": self.moves,
            "figures": self.figures,
            "figures_by_kind": counts(self.figures),
            "rulebook_figures_by_status": self.rulebooks,
            "unconfirmed_rules": self.assumptions,
            "population": self.populations,
            "leverage_caps": self.caps,
            "liquidation_map": self.maps,
            "cost": self.cost,
            "warnings": self.problems,
        }


def explain_scenario(
    path: str | Path, overrides: Iterable[str] = (), replicate: int = 0, *, allow: Allowed = ()
) -> Explanation:
    """Return what a scenario file means, for one replicate.

    Raises
    ------
    ScenarioError
        If the file is not a valid scenario.
    """
    from cascade.assembly import assemble
    from cascade.scenario.load import inspect

    scenario, problems = inspect(path, overrides, allow=allow)
    if scenario is None or any(problem.severity == "error" for problem in problems):
        raise ScenarioError(problems)
    drawn = assemble(scenario, replicate)
    return Explanation(
        scenario=scenario,
        replicate=replicate,
        timeline=timeline(scenario, drawn.params),
        moves=moves_of(scenario, drawn),
        figures=figures_of(scenario),
        rulebooks=rulebook_counts(scenario),
        assumptions=assumptions_of(scenario),
        populations=populations(scenario, drawn),
        caps=drawn.caps,
        maps=liquidation_maps(scenario, drawn),
        cost=cost_of(scenario, drawn),
        problems=problems,
    )
