"""Why each account was liquidated, by what the counterfactual run did with the same account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cascade.output.columns import category

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[Any]

CAUSES: Final = ("exogenous", "brought_forward", "endogenous")

_EXOGENOUS, _BROUGHT_FORWARD, _ENDOGENOUS = range(3)


class CauseLabeller:
    """Labels the liquidations of a run by those of its counterfactual, in which no forced order trades.

    A liquidation is that of one life of one account. It is exogenous if the counterfactual liquidates
    the same life by the step of its first forced order, brought forward if it does so later, and
    endogenous if it never does; all forced orders of a liquidation share its cause.

    Parameters
    ----------
    twin
        LIQUIDATION records of the counterfactual.
    """

    def __init__(self, twin: Array) -> None:
        self._twin = _first_steps(twin)
        self._known: dict[tuple[int, int], int] = {}

    def label(self, log: Array) -> pa.DictionaryArray:
        """Return the column `cause` of LIQUIDATION records; call it with the log's parts in order."""
        codes = [
            self._cause(slot, step) for slot, step in zip(_slots(log), log["step"].tolist(), strict=True)
        ]
        return category(np.array(codes, dtype=np.int64), CAUSES)

    def _cause(self, slot: tuple[int, int], step: int) -> int:
        """Return the cause of a liquidation whose next forced order is sent at `step`."""
        if slot not in self._known:
            there = self._twin.get(slot)
            later = _ENDOGENOUS if there is None else _BROUGHT_FORWARD
            self._known[slot] = _EXOGENOUS if there is not None and there <= step else later
        return self._known[slot]


def _slots(log: Array) -> list[tuple[int, int]]:
    """Return (account, life) of each row."""
    return list(zip(log["account"].tolist(), log["life"].tolist(), strict=True))


def _first_steps(log: Array) -> dict[tuple[int, int], int]:
    """Return the first step at which each (account, life) was liquidated."""
    first: dict[tuple[int, int], int] = {}
    for slot, step in zip(_slots(log), log["step"].tolist(), strict=True):
        first.setdefault(slot, step)
    return first
