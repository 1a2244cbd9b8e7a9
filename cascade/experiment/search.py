"""A search over sweeps: which value of a field to run next follows from what happened at those before.

Each value is a variant of one sweep, with the same luck as all others, in one folder that is named after the
question. A search that was killed asks the same again, finds what is there, and goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from cascade.acting import admit_code
from cascade.analysis.statistics.crossing import FIRST, Crossing
from cascade.analysis.statistics.estimate import CONFIDENCE
from cascade.analysis.statistics.proportion import Flags
from cascade.errors import Problem, ScenarioError
from cascade.experiment.bounds import Event, event_of
from cascade.experiment.design import Variant, in_words, labels_of, variants_of
from cascade.experiment.question import Question, Span, fixed_by, plan_of, share_of, span_of, tree
from cascade.experiment.recorder import units_of
from cascade.experiment.replicate import Progress
from cascade.experiment.request import Request, first_replicates, runs_of
from cascade.experiment.run import Say, start_of, unsaid
from cascade.experiment.sweep import Prepared, run_prepared, varied
from cascade.output.columns import to_numpy
from cascade.output.reader import Result
from cascade.output.sweep import Sweep
from cascade.scenario.files import Allowed
from cascade.scenario.schema import Scenario
from cascade.scenario.sweep_file import NOT_POSSIBLE, Axis, Change, Named, Plan

WITHIN: Final = 0.05
"""Resolution, unless asked for."""

Told = Callable[[int, int], None]
"""Told what the search does next: values that are run now, and about how many are to follow."""


@dataclass
class Line:
    """The values that are tried, for one value of the other field.

    Attributes
    ----------
    fixed
        What the other field is set to; empty where there is none.
    tried
        Variants by the place of their value.
    """

    fixed: tuple[Change, ...]
    tried: dict[float, str] = field(default_factory=dict[float, str])
    words: set[str] = field(default_factory=set[str])
    """What the values tried are called: two places may round to one value."""

    def crossing(self, happened: Mapping[str, Flags], question: Question) -> Crossing:
        """Return what the values tried say."""
        places = sorted(self.tried)
        flags = np.array([happened[self.tried[place]] for place in places])
        return Crossing(np.array(places), flags, question.share, question.confidence)


@dataclass
class Search:
    """A search that has been checked, ready to run."""

    question: Question
    plan: Plan
    span: Span
    lines: tuple[Line, ...]
    request: Request
    seed: int
    name: str
    fine: float
    """Resolution of a place."""
    variants: list[Variant]
    """Of the values tried so far; at first the ends of the range and some between."""
    warnings: tuple[Problem, ...]

    @property
    def n_expected(self) -> int:
        """Return about how many values will be tried."""
        halvings = math.ceil(max(math.log2((FIRST[1] - FIRST[0]) / self.fine), 0.0))
        return len(self.lines) * (len(FIRST) + 2 * halvings)

    def steps(self, n_values: int) -> int:
        """Return the steps of so many values."""
        scenario = self.variants[0].scenario
        runs = runs_of(scenario, counterfactual=self.request.counterfactual)
        return n_values * len(self.request.replicates) * runs * scenario.n_steps

    def prepared(self) -> Prepared:
        """Return the sweep over all values tried so far; every round of a search has the same folder."""
        first = self.variants[0].scenario
        asked = {
            **self.question.as_dict(), "low": in_words(self.span.low), "high": in_words(self.span.high),
            "values": [in_words(change.value) for line in self.lines for change in line.fixed],
            "base": self.request.digest(first),
        }  # fmt: skip
        return Prepared(
            self.plan, self.name, tuple(self.variants), varied(self.plan, self.variants, self.request), self.request,
            self.warnings, asked,
        )  # fmt: skip

    def run(
        self, *, out: str | Path = "results", jobs: int | None = None, processes: bool = False,
        cluster: str | None = None, force: bool = False, retry_failed: bool = False, fail_fast: bool = False,
        progress: Progress | None = None, told: Told | None = None, say: Say | None = None,
    ) -> Sweep:  # fmt: skip
        """Run value after value until nothing more is to be learnt, and return the sweep over all of them.

        Parameters
        ----------
        told
            Told before each round what it runs.

        Other parameters are those of `sweep`.
        """
        start, n_new = start_of(force=force, retry_failed=retry_failed), len(self.variants)
        tell, say = told or (lambda now, left: None), _without(say or unsaid, "already done")
        tell(n_new, self.n_expected - n_new)
        while True:
            sweep = run_prepared(
                self.prepared(), out=out, jobs=jobs, processes=processes, cluster=cluster, start=start,
                fail_fast=fail_fast, progress=progress, say=say,
            )  # fmt: skip
            start, say = start_of(force=False, retry_failed=retry_failed), _without(say, "resuming")
            happened = {
                each.name: flags_of(sweep.variants[each.name], self.question.event) for each in self.variants
            }
            crossings = [line.crossing(happened, self.question) for line in self.lines]
            new = self._next(crossings)
            if not new:
                return sweep
            self.variants += new
            left = sum(each.left(self.fine) for each in crossings)
            tell(len(new), max(left - len(new), 0))

    def _next(self, crossings: Sequence[Crossing]) -> list[Variant]:
        """Return the values to try next as variants; none where written values are no finer."""
        asked = [
            (line, place)
            for line, crossing in zip(self.lines, crossings, strict=True)
            for place in crossing.following(self.fine)
        ]
        return tried(self.plan, self.span, asked, self.seed)[0] if asked else []


def tried(
    plan: Plan, span: Span, asked: Sequence[tuple[Line, float]], seed: int | None
) -> tuple[list[Variant], tuple[Problem, ...]]:
    """Return the values at some places as variants, noted in their lines, and warnings.

    A place whose value is there already is left out.
    """
    named: dict[str, tuple[Line, float, Named]] = {}
    for line, place in asked:
        changes = (*line.fixed, span.at(place))
        labels = labels_of([Axis(each.path, each.at) for each in changes])
        words = ",".join(f"{labels[each.path]}={in_words(each.value)}" for each in changes).replace(" ", "")
        if words not in line.words:
            named.setdefault(words, (line, place, Named(words, changes)))
    if not named:
        return [], ()
    found, warnings = variants_of(replace(plan, named=[each for _, _, each in named.values()]), seed=seed)
    for (words, (line, place, _)), variant in zip(named.items(), found, strict=True):
        line.words.add(words)
        line.tried[place] = variant.name
    return list(found), warnings


def _without(say: Say, beginning: str) -> Say:
    """Say all but what is no news between two rounds of a search."""
    return lambda text: None if text.startswith(beginning) else say(text)


def flags_of(result: Result, event: Event) -> Flags:
    """Return in which replicates of a run an event happened, in the order of their numbers."""
    runs = result.runs
    order = np.argsort(to_numpy(runs.column("replicate")), kind="stable")
    return event.happened(to_numpy(runs.column(event.metric)).astype(np.float64)[order])


def prepare_search(
    scenario: str | Path | Scenario, vary: str, until: str, overrides: Sequence[str] = (), *, against: str = "",
    share: float | str = 0.5, within: float | str = WITHIN, seed: int | None = None,
    replicates: int | None = None, allow: Allowed = (), allow_code: bool = False,
) -> Search:  # fmt: skip
    """Return a search, checked before anything runs.

    Parameters
    ----------
    vary
        ``path`` or ``path=low..high``, in the units of the scenario; without a range a tenth to ten times of
        the value that the scenario has.
    against
        ``path=value,value`` or ``path=low..high``; empty for none.
    until
        The event: ``"liquidated_usd > 10M"``.

    Raises
    ------
    ScenarioError, UsageError
    """
    share, within = share_of(share, "--share"), share_of(within, "--within")
    plan = plan_of(scenario, overrides, allow)
    base = tree(plan)
    event = event_of(until, units_of(_scenario(plan, seed)))
    span = span_of(vary, base)
    fixed = fixed_by(against, span.axis.path)
    plan.counterfactual |= event.needs_twin
    other = fixed[0][0].path if against else ""
    plan.changes = [each for each in plan.changes if each.path not in {span.axis.path, other}]
    question = Question(span.axis.path, event, share, within, other, CONFIDENCE)
    plan.question = question.text
    search = _search(question, plan, span, tuple(Line(each) for each in fixed), seed, replicates)
    admit_code([each.scenario for each in search.variants], plan.scenarios[0].scenario, allowed=allow_code)
    return search


def _search(
    question: Question, plan: Plan, span: Span, lines: tuple[Line, ...], seed: int | None, replicates: int | None
) -> Search:  # fmt: skip
    """Return the search whose first values are checked."""
    variants, warnings = tried(plan, span, [(line, place) for line in lines for place in FIRST], seed)
    first = variants[0].scenario
    request = Request(first_replicates(replicates or first.replicates), plan.counterfactual)
    parameters = {each.path: each for each in varied(plan, variants, request)}
    if not parameters[span.axis.path].is_number or None in parameters[span.axis.path].values:
        hint = "name a field that holds a number, with or without a unit"
        raise ScenarioError(
            [span.axis.at.problem(NOT_POSSIBLE, "holds no number", hint, path=span.axis.path)]
        )
    kind = "frontier" if question.against else "threshold"
    fine = span.fine(question.within)
    return Search(
        question, plan, span, lines, request, first.seed, f"{first.name}-{kind}", fine, variants, warnings
    )


def _scenario(plan: Plan, seed: int | None) -> Scenario:
    """Return the scenario itself, its own mistakes found before those of the question."""
    found, _ = variants_of(replace(plan, named=[Named("base", ())]), seed=seed)
    return found[0].scenario
