"""A bound on a metric, as users write it: `bad_debt_usd > 1M`, `fall_bps >= 5 %`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Final

import numpy as np
from pydantic_core import PydanticCustomError

from cascade.analysis.metrics import METRICS, EnsembleMetric, Metric, metrics_of, short_name
from cascade.analysis.statistics.estimate import Floats
from cascade.analysis.statistics.proportion import Flags
from cascade.errors import UsageError
from cascade.output.run_units import RunUnits
from cascade.scenario.words import did_you_mean, listing
from cascade.units import BPS, NUMBER, USD, parse_duration

OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {">=": ge, "<=": le, ">": gt, "<": lt}

BOUND: Final = re.compile(r"\s*([^<>=\s]+)\s*(>=|<=|>|<)\s*(\S.*?)\s*")
"""The metric, the operator, and what it is held against."""

ALIASES: Final = {"liquidated_usd": "complete_usd"}
"""Metrics by the column of the table that they sum up."""

_TIMES: Final = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Event:
    """What happens in a replicate, or does not: a metric lies beyond a bound."""

    text: str
    metric: str
    """A column of `runs`."""
    operator: str
    bound: float
    """In the metric's unit."""
    unit: str = ""
    needs_twin: bool = False
    """Whether the metric takes the counterfactual."""
    markets: tuple[str, ...] = ()
    """Those of the run, of one of which the metric may be."""

    def happened(self, values: Floats) -> Flags:
        """Return in which replicates it happened; not where the metric has no value."""
        with np.errstate(invalid="ignore"):
            return np.asarray(OPERATORS[self.operator](values, self.bound), np.bool_)  # type: ignore[arg-type]


_OPTION: Final = "--until"


def event_of(text: str, units: RunUnits) -> Event:
    """Return the event that a user wrote, of a run of some markets.

    Raises
    ------
    UsageError
        With what to write instead.
    """
    match = BOUND.fullmatch(text)
    if match is None:
        remedy = 'write a metric, an operator and a number: "liquidated_usd > 10M", "adl_usd > 0", "fall_bps > 5 %"'
        raise UsageError(f"'{text}' is not an event", where=_OPTION, remedy=remedy)
    known = {name: found.entry for name, found in metrics_of(units).items() if found.entry.kind != "text"}
    name = _metric(match[1], known, match)
    entry = known[name]
    bound = _number(match[3], entry)
    markets = tuple(market.name for market in units.markets)
    return Event(
        f"{name} {match[2]} {match[3]}", name, match[2], bound, entry.unit, entry.needs_twin, markets
    )


def _metric(word: str, known: Mapping[str, Metric], match: re.Match[str]) -> str:
    """Return the column that a word means: its name, or the end of it where one market has it."""
    word = ALIASES.get(word, word)
    if word in known:
        return word
    ensemble = METRICS.get(word)
    if isinstance(ensemble, EnsembleMetric):
        raise UsageError(
            f"{word} is a figure of all replicates, and an event happens in each",
            where=_OPTION,
            remedy=f'ask for the metric that it is made of, "{ensemble.of} {match[2]} {match[3]}", in a share of them: '
            "a 95th percentile exceeds a bound where 5 % of replicates do, --share 5%",
        )
    found = [name for name, entry in known.items() if word in {entry.name, short_name(entry.name)}]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"'{word}' is a metric of {len(found)} markets or assets",
            where=_OPTION,
            remedy=f"write one: {listing(found)}",
        )
    every = dict.fromkeys((*ALIASES, *known, *(short_name(entry.name) for entry in known.values())))
    raise UsageError(
        f"the scenario has no metric '{word}'{did_you_mean(word, every)}",
        where=_OPTION,
        remedy="cascade docs metrics lists them; names of markets and assets are in lower case",
    )


def _number(text: str, entry: Metric) -> float:
    """Return the number of a bound in the unit of its metric."""
    quantity = {"USD": USD, "bps": BPS}.get(entry.unit, NUMBER)
    seconds = parse_duration(text) if entry.unit in _TIMES else None
    if seconds is not None:
        return seconds / _TIMES[entry.unit]
    try:
        return float(quantity.parse(text))
    except PydanticCustomError as error:
        told = error.context or {}
        unit = f", in {entry.unit}" if entry.unit in _TIMES else ""
        raise UsageError(str(told["message"]), where=_OPTION, remedy=f"{told['hint']}{unit}") from None
