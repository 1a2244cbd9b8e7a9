"""What can be explained without a scenario: the step, the codes of problems, the metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cascade.errors import UsageError
from cascade.scenario.words import did_you_mean

_CODE = re.compile(r"CAS\d{3}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: a title, and lines of (term, meaning, details)."""

    title: str
    entries: tuple[tuple[str, str, str], ...]
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        entries = [dict(zip(("term", "meaning", "details"), entry, strict=True)) for entry in self.entries]
        return {"title": self.title, "entries": entries, "note": self.note}


def topic(name: str) -> Topic:
    """Return the explanation of `step`, of a code such as CAS109, or of a metric.

    Raises
    ------
    UsageError
        If there is no such topic.
    """
    if name == "step":
        return _step()
    if _CODE.fullmatch(name):
        return _code(name.upper())
    return _metric(name)


def _step() -> Topic:
    from cascade.core.step import STEP

    entries = [(stage.name, stage.what, f"{stage.reads} -> {stage.writes}") for stage in STEP]
    note = "A wave repeats the stages from the margin test on, each at a new mark."
    return Topic("The order of a step: what happens, what it reads -> what it writes", tuple(entries), note)


def _code(code: str) -> Topic:
    from cascade.scenario.codes import codes

    known = codes()
    if code not in known:
        raise UsageError(
            f"no code {code}{did_you_mean(code, known)}", remedy="all codes: cascade docs errors"
        )
    return Topic(code, ((code, known[code], ""),), "All codes: cascade docs errors")


def _metric(name: str) -> Topic:
    from cascade.analysis.metrics import METRICS, short_name

    known = {short_name(key): metric for key, metric in METRICS.items()}
    found = METRICS.get(name) or known.get(name)
    if found is None:
        message = f"nothing is called '{name}'{did_you_mean(name, [*known, 'step'])}"
        remedy = "give a scenario file, `step`, a code such as CAS109, or a metric (cascade docs metrics)"
        raise UsageError(message, remedy=remedy)
    worse = {"up": "More is worse.", "down": "Less is worse.", None: "Neither direction is worse."}
    what = f"{found.formula}  [{found.unit}]"
    return Topic(found.name, ((found.name, found.definition, what),), worse[found.worse])
