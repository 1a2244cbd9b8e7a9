"""What is wrong with a file: all of it, each where it is, many equal faults as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from cascade.errors import MANY, Problem, in_file_order

UNIT, ORDER, TWICE, GAP, FROZEN = "CAS301", "CAS302", "CAS303", "CAS304", "CAS305"
LABEL, SIDE, CONTRACT, PRICE, DAY = "CAS306", "CAS307", "CAS308", "CAS309", "CAS310"
CHECKSUM, SYMBOL, BAND, KIND, COLUMNS = "CAS311", "CAS312", "CAS313", "CAS300", "CAS316"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file."""

    line: int
    column: int = 1
    width: int = 1
    text: str = ""
    path: str = ""


@dataclass
class _Equal:
    n: int = 0
    told: list[Problem] = field(default_factory=list[Problem])


class Faults:
    """Collects what is wrong with a file; equal faults are counted, and the first of them kept."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kinds: dict[tuple[str, str], _Equal] = {}

    def note(
        self, code: str, message: str, hint: str, place: Callable[[], Place] | Place | None = None, *,
        n: int = 1, severity: Literal["error", "warning"] = "error", alike: str = "",
    ) -> None:  # fmt: skip
        """Note a fault, or `n` of them of which this is the first; `alike` names those that count as equal."""
        equal = self._kinds.setdefault((code, alike or message), _Equal())
        equal.n += n
        if len(equal.told) > MANY:
            return
        at = place() if callable(place) else place
        where = (at.line, at.column, at.width, at.text, at.path) if at else (0, 0, 1, "", "")
        equal.told.append(Problem(code, message, hint, self.name, *where, severity))

    def note_rows(
        self, rows: Sequence[int] | npt.NDArray[np.int64], code: str, message: Callable[[int], str], hint: str,
        place: Callable[[int], Place], *, alike: str,
    ) -> None:  # fmt: skip
        """Note the same fault of several rows; only the first are looked at."""
        for k, row in enumerate(rows[: MANY + 1]):
            n = len(rows) - MANY if k == MANY else 1
            self.note(code, message(int(row)), hint, place(int(row)), n=n, alike=alike)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return all of them in the order of the file."""
        told: list[Problem] = []
        for equal in self._kinds.values():
            others = equal.n - len(equal.told)
            is_many = others > 0 or len(equal.told) > MANY
            lines = [each.line for each in equal.told[1:]]
            told += [equal.told[0].standing_for(equal.n - 1, lines)] if is_many else equal.told
        return in_file_order(told)
