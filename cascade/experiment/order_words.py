"""An order in the words of a command line: its side and size, and the schedules by which it is worked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

from pydantic_core import PydanticCustomError

from cascade.errors import UsageError
from cascade.experiment.asked_order import Side
from cascade.scenario.schema_shocks import AlmgrenChrissSchedule, PovSchedule, Schedule
from cascade.units import BPS, NUMBER, SHARE, USD, VOLATILITY, Quantity

MOST_VOLATILITY: Final = 10.0
"""The most that a schedule of a scenario may fear, too."""


def order_in_words(
    sell: str | None, buy: str | None, *, may_lack: bool, instead: str = ""
) -> tuple[Side | None, float | None]:
    """Return the side and the size of an order in USD; neither where none is given.

    Parameters
    ----------
    may_lack
        Something else says both: an account's position, or a default.
    instead
        What may be written in place of an order, for who wrote it wrongly.

    Raises
    ------
    UsageError
        None is given and it may not lack, both are, or it has no size.
    """
    if may_lack and sell is None and buy is None:
        return None, None
    if (sell is None) == (buy is None):
        told = "no order is given" if sell is None else "an order is either sold or bought"
        raise UsageError(told, where="--sell, --buy", remedy=f"write one of them: --sell 60M{instead}")
    side: Side = "buy" if sell is None else "sell"
    notional = amount_of(USD, sell or buy or "", f"--{side}")
    if notional <= 0.0:
        raise UsageError("the order has no size", where=f"--{side}", remedy=f"write --{side} 60M")
    return side, notional


class ScheduleWords(NamedTuple):
    """Schedules, and the figures of each, separated by commas; None leaves a figure to the market."""

    schedules: str = "twap"
    participation: str = "10%"
    risk_aversion: str = "1e-9"
    temporary_impact: str | None = None
    volatility: str | None = None

    def read(self) -> list[Schedule | None]:
        """Return every schedule with each of its figures; None is evenly.

        Raises
        ------
        UsageError
            A schedule or a figure there is not, or a figure of a schedule that is not asked for.
        """
        words = [word.strip() for word in self.schedules.split(",")]
        self._refuse_idle(words)
        return [schedule for word in words for schedule in self._named(word)]

    def _named(self, word: str) -> Iterator[Schedule | None]:
        if word == "twap":
            yield None
        elif word == "pov":
            yield from self._pov()
        elif word == "almgren-chriss":
            yield from self._almgren_chriss()
        else:
            raise UsageError(
                f"'{word}' is no schedule", where="--schedule", remedy="write twap, pov or almgren-chriss"
            )

    def _pov(self) -> Iterator[Schedule]:
        for share in amounts_of(SHARE, self.participation, "--participation"):
            if not 0.0 < share < 1.0:
                raise UsageError(
                    "a share of volume lies between 0 % and 100 %", where="--participation",
                    remedy="write --participation 10%",
                )  # fmt: skip
            yield PovSchedule(type="pov", participation=share)

    def _almgren_chriss(self) -> Iterator[Schedule]:
        feared = amounts_of(NUMBER, self.risk_aversion, "--risk-aversion")
        impacts = _positive(BPS, self.temporary_impact, "--temporary-impact", "0.5bps")
        volatilities = _positive(VOLATILITY, self.volatility, "--volatility", "60%", MOST_VOLATILITY)
        for aversion, impact, volatility in product(feared, impacts, volatilities):
            yield AlmgrenChrissSchedule(
                type="almgren_chriss", risk_aversion=aversion, temporary_impact_bps=impact, volatility=volatility
            )  # fmt: skip

    def _refuse_idle(self, words: list[str]) -> None:
        """Refuse a figure that no schedule would take."""
        given = {"--temporary-impact": self.temporary_impact, "--volatility": self.volatility}
        idle = [option for option, text in given.items() if text is not None]
        if idle and "almgren-chriss" not in words:
            told = "these are figures of the schedule almgren-chriss, which is not asked for"
            raise UsageError(told, where=", ".join(idle), remedy="write --schedule almgren-chriss")


def amounts_of(quantity: Quantity, text: str, option: str) -> list[float]:
    """Return the quantities that an option gives, separated by commas."""
    return [amount_of(quantity, part, option) for part in text.split(",")]


def amount_of(quantity: Quantity, text: str, option: str) -> float:
    """Return a quantity that an option gives.

    Raises
    ------
    UsageError
        It is none, or below zero.
    """
    try:
        found = float(quantity.parse(text))
    except PydanticCustomError as error:
        told = error.context or {}
        raise UsageError(told["message"], where=option, remedy=told["hint"]) from None
    if found < 0.0:
        raise UsageError(f"'{text}' is below zero", where=option, remedy="leave out the sign")
    return found


def _positive(
    quantity: Quantity, text: str | None, option: str, example: str, most: float = math.inf
) -> list[float | None]:
    """Return quantities above zero and up to the most there can be, or one that is left to the market."""
    if text is None:
        return [None]
    found = amounts_of(quantity, text, option)
    if not all(0.0 < each <= most for each in found):
        told = f"'{text}' is not above 0" + ("" if math.isinf(most) else f" and up to {most:.0%}")
        raise UsageError(told, where=option, remedy=f"write {option} {example}")
    return [*found]
