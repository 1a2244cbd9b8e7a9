"""The sections of a report in the order of the page: their tables, and the figures registered for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cascade.report.builders import (
    comparison,
    contagion,
    ensemble,
    facts,
    graph,
    liquidations,
    losses,
    outcomes,
    scorecard,
    screen,
    searches,
    stylised,
)
from cascade.report.builders.differences import differences
from cascade.report.builders.headline import headline
from cascade.report.builders.liquidation_map import liquidation_map
from cascade.report.builders.outcome_table import outcome_table
from cascade.report.builders.study import Missing, Study
from cascade.report.builders.table import Table
from cascade.report.figures import FIGURES, FigureSpec

OVERVIEW: Final = "overview"
"""The section that stands on the first screen."""

Tables = Callable[[Study], list[Table]]


@dataclass(frozen=True)
class Plan:
    """A section before it is filled: the figures registered for it come first, then `tables`."""

    id: str
    title: str
    tables: Tables = field(default=lambda _study: [])
    is_open: bool = False
    """Its tables are read at once; all others are closed until the reader opens them."""
    of_facts: bool = False
    """It belongs to a page of stylised facts, and not to one of runs."""


@dataclass(frozen=True)
class Section:
    """A section of a page."""

    id: str
    title: str
    tables: tuple[Table, ...]
    figures: tuple[FigureSpec, ...]
    is_open: bool = False
    worst: outcomes.Worst | None = None


def _some(*found: Table | None) -> list[Table]:
    return [table for table in found if table is not None and len(table)]


def _peaks(study: Study) -> list[Table]:
    found = study.once(liquidations.over_time)
    return [item.facts for item in found] if isinstance(found, list) else []


def _crossings(study: Study) -> list[Table]:
    found = study.once(liquidation_map)
    return [item.facts for item in found] if isinstance(found, list) else []


def _cascade(study: Study) -> list[Table]:
    found = study.once(graph.cascade_graph)
    return _some(found[0].facts, found[0].transmitters) if isinstance(found, list) else []


def _fairness(study: Study) -> list[Table]:
    found = study.once(losses.fairness)
    return [item.facts for item in found] if isinstance(found, list) else []


def _worst(study: Study) -> list[Table]:
    found = study.once(outcomes.worst)
    return [found.table] if found else []


def _grounds(study: Study) -> list[Table]:
    """Return the tables whose numbers the first screen says."""
    if not study.markets:
        return []
    outcomes_of = outcome_table(study)
    return _some(screen.grounds(study), screen.beyond(study), outcomes_of.table if outcomes_of else None)


PLANS: Final = (
    Plan(OVERVIEW, "Price, liquidations and shocks"),
    Plan("differences", "What differs between the runs?", lambda study: _some(differences(study)), is_open=True),
    Plan("comparison", "Which differences are not luck?", lambda study: _some(comparison.differences(study))),
    Plan("attribution", "Which channel did it come through?"),
    Plan("price", "How far did prices go?"),
    Plan("map", "Where did liquidations wait?", _crossings),
    Plan("liquidations", "When did they come?", _peaks),
    Plan("amplification", "What did stops and liquidations add?"),
    Plan("graph", "Who tripped whom?", _cascade),
    Plan("book", "What did the book hold?"),
    Plan("interest", "What became of open interest and leverage?"),
    Plan("losses", "Who bore the losses?"),
    Plan("fairness", "How were losses of auto-deleveraging spread?", _fairness),
    Plan("funding", "How far did perpetuals stray from spot?"),
    Plan("outcomes", "How much of it is luck?", lambda study: _some(ensemble.tail(study), outcomes.quantiles(study))),
    Plan("worst", "What do the worst replicates look like?", _worst),
    Plan("grounds", "What the first screen rests on", _grounds),
    Plan("metrics", "All metrics", lambda study: [headline(study)]),
    Plan("liquidated", "What was liquidated, and published", lambda study: _some(liquidations.newspaper(study))),
    Plan(
        "assumptions", "Assumptions",
        lambda study: _some(facts.kinds(study), facts.parameters(study), facts.unconfirmed(study)),
    ),
    Plan("checks", "Checks", lambda study: [facts.checks(study)]),
    Plan("provenance", "Provenance", lambda study: [facts.provenance(study)]),
    Plan("definitions", "Definitions", lambda study: [facts.definitions(study)]),
    Plan("facts", "Does it behave as a market does?", stylised.verdicts, is_open=True, of_facts=True),
    Plan("facts-curves", "What is behind the verdicts", of_facts=True),
    Plan("facts-estimators", "How each fact is estimated", stylised.estimators, of_facts=True),
)  # fmt: skip

SEARCHES: Final = (
    Plan("frontier", "From which value on", searches.thresholds, is_open=True),
    Plan("tried", "What was tried"),
)
"""The sections of a page about a search."""

SCORES: Final = (
    Plan("scores", "What was foretold, and what came", scorecard.figures, is_open=True),
    Plan("score-days", "Over days", scorecard.series, is_open=True),
    Plan("score-baselines", "Do simple formulas do better?", scorecard.against, is_open=True),
    Plan("score-map", "Was it liquidated where the map has it?", scorecard.maps, is_open=True),
    Plan("registrations", "What was registered when", scorecard.registrations, is_open=True),
)
"""The sections of a page about events that are scored."""

CONTAGION: Final = (Plan("contagion", "What does a dollar bring?", contagion.entries, is_open=True),)
"""The section of a page about contagion."""


def sections(study: Study) -> tuple[list[Section], list[tuple[str, str]]]:
    """Return the sections that have something to show, and, of figures that could not be made, why."""
    runs = [plan for plan in PLANS if plan.of_facts == (study.facts is not None)]
    others = ((SEARCHES, study.frontier), (SCORES, study.scorecard), (CONTAGION, study.contagion))
    plans = next((plans for plans, about in others if about is not None), runs)
    ids = {plan.id for plan in plans}
    made: dict[str, list[FigureSpec]] = {}
    absent: list[tuple[str, str]] = []
    for entry in (each for each in FIGURES.values() if each.section in ids):
        found = entry.make(study)
        if isinstance(found, Missing):
            absent.append((entry.name, found.reason))
        else:
            made.setdefault(entry.section, []).extend(found)
    filled = [_filled(plan, study, made.get(plan.id, [])) for plan in plans]
    return [section for section in filled if section.tables or section.figures], absent


def _filled(plan: Plan, study: Study, figures: list[FigureSpec]) -> Section:
    tables = tuple(plan.tables(study))
    worst = study.once(outcomes.worst) if plan.id == "worst" else None
    return Section(plan.id, plan.title, tables, tuple(figures), plan.is_open, worst)
