"""The sections of a report in the order of the page: their tables, and the figures registered for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cascade.report.builders import (
    comparison,
    ensemble,
    facts,
    graph,
    liquidations,
    losses,
    outcomes,
    searches,
    stylised,
)
from cascade.report.builders.differences import differences
from cascade.report.builders.headline import headline
from cascade.report.builders.liquidation_map import liquidation_map
from cascade.report.builders.study import Missing, Study
from cascade.report.builders.table import Table
from cascade.report.figures import FIGURES, FigureSpec

Tables = Callable[[Study], list[Table]]


@dataclass(frozen=True)
class Plan:
    """A section before it is filled: `tables` come first, then the figures registered for it."""

    id: str
    title: str
    tables: Tables = field(default=lambda _study: [])
    is_closed: bool = False
    """Its tables are long, and closed until the reader opens them."""
    of_facts: bool = False
    """It belongs to a page of stylised facts, and not to one of runs."""


@dataclass(frozen=True)
class Section:
    """A section of a page."""

    id: str
    title: str
    tables: tuple[Table, ...]
    figures: tuple[FigureSpec, ...]
    is_closed: bool = False
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


PLANS: Final = (
    Plan("differences", "What differs", lambda study: _some(differences(study))),
    Plan("comparison", "Against the baseline", lambda study: _some(comparison.differences(study))),
    Plan("metrics", "Metrics", lambda study: [headline(study)]),
    Plan("liquidated", "What was liquidated", lambda study: _some(liquidations.newspaper(study))),
    Plan("price", "Prices"),
    Plan("map", "Where liquidations wait", _crossings),
    Plan("liquidations", "When they came", _peaks),
    Plan("amplification", "What stops and forced orders added"),
    Plan("attribution", "Which channel it came through"),
    Plan("graph", "Who tripped whom", _cascade),
    Plan("book", "The book"),
    Plan("interest", "Open interest and leverage"),
    Plan("losses", "Who bore the losses"),
    Plan("fairness", "How auto-deleveraging spread them", _fairness),
    Plan("funding", "Basis and funding"),
    Plan("outcomes", "Distribution of outcomes", lambda study: _some(ensemble.tail(study), outcomes.quantiles(study))),
    Plan("worst", "Worst replicates", _worst),
    Plan(
        "assumptions", "Assumptions",
        lambda study: _some(facts.kinds(study), facts.parameters(study), facts.unconfirmed(study)), is_closed=True,
    ),
    Plan("checks", "Checks", lambda study: [facts.checks(study)]),
    Plan("provenance", "Provenance", lambda study: [facts.provenance(study)]),
    Plan("definitions", "Definitions", lambda study: [facts.definitions(study)], is_closed=True),
    Plan("facts", "Does it behave as a market does?", stylised.verdicts, of_facts=True),
    Plan("facts-curves", "What is behind the verdicts", of_facts=True),
    Plan("facts-estimators", "How each fact is estimated", stylised.estimators, is_closed=True, of_facts=True),
)  # fmt: skip

SEARCHES: Final = (
    Plan("frontier", "From which value on", searches.thresholds),
    Plan("tried", "What was tried"),
)
"""The sections of a page about a search."""


def sections(study: Study) -> tuple[list[Section], list[tuple[str, str]]]:
    """Return the sections that have something to show, and, of figures that could not be made, why."""
    runs = [plan for plan in PLANS if plan.of_facts == (study.facts is not None)]
    plans = SEARCHES if study.frontier is not None else runs
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
    return Section(plan.id, plan.title, tables, tuple(figures), plan.is_closed, worst)
