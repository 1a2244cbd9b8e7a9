"""The inputs of a worked example, read by name, with messages that say what is missing or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from cascade.calculator.account import Side
from cascade.calculator.whole import decimal, exact

_SIDES: dict[str, Side] = {"long": "long", "short": "short", "buy": "long", "sell": "short"}
_REQUIRED = Fraction(-1, 7)
"""Stands for "no default" where None is one."""


class CannotComputeError(Exception):
    """An example lacks an input, or has one that means nothing."""


class Inputs:
    """The inputs of one example, at a path inside it; remembers which were used.

    Attributes
    ----------
    folder : Path
        Where the file of the example lies.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        path: str = "",
        used: set[str] | None = None,
        folder: Path = Path(),
    ) -> None:
        self._values = values
        self._path = path
        self.folder = folder
        self._used: set[str] = set() if used is None else used

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def _at(self, name: str) -> str:
        return f"{self._path}{name}"

    def raw(self, name: str) -> Any:
        """Return an input as it is written."""
        if name not in self:
            raise CannotComputeError(f"the input '{self._at(name)}' is missing")
        self._used.add(self._at(name))
        return self._values[name]

    def number(self, name: str, default: float | Fraction = _REQUIRED) -> Fraction:
        """Return a number, exactly as it is written in decimal."""
        if name not in self and default != _REQUIRED:
            return exact(default)
        return _number(self.raw(name), self._at(name))

    def either(self, *names: str) -> Fraction:
        """Return the first of several inputs that is given."""
        return self.number(self.first(*names))

    def first(self, *names: str) -> str:
        """Return the name of the first of several inputs that is given, or of the first."""
        return next((name for name in names if name in self), names[0])

    def numbers(self, name: str) -> list[Fraction]:
        """Return a list of numbers; a single one is a list, too."""
        value = self.raw(name)
        values = value if isinstance(value, list) else [value]
        return [_number(each, f"{self._at(name)}[{k}]") for k, each in enumerate(values)]

    def is_list(self, name: str) -> bool:
        """Tell whether an input is a list."""
        return isinstance(self._values.get(name), list)

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        return str(self.raw(name)) if name in self else default

    def side(self, name: str = "side", default: Side | None = None) -> Side:
        """Return a side, written as 1 and -1, or in words."""
        if name not in self and default is not None:
            return default
        value = self.raw(name)
        sign = decimal(value)
        if sign is not None and abs(sign) == 1:
            return "long" if sign > 0 else "short"
        side = _SIDES.get(value.strip().lower()) if isinstance(value, str) else None
        if side is None:
            raise CannotComputeError(f"the input '{self._at(name)}' is {value!r}, not 1 (long) or -1 (short)")
        return side

    def sign(self, name: str = "side", default: Side | None = None) -> int:
        """Return a side as 1 or -1."""
        return 1 if self.side(name, default) == "long" else -1

    def part(self, name: str) -> Inputs:
        """Return the mapping under a name as inputs of its own."""
        return self._inside(self.raw(name), self._at(name))

    def parts(self, name: str) -> list[Inputs]:
        """Return a list of mappings as inputs, an empty one where there is none."""
        values = self.raw(name) if name in self else []
        if not isinstance(values, list):
            raise CannotComputeError(f"the input '{self._at(name)}' is not a list")
        return [self._inside(value, f"{self._at(name)}[{k}]") for k, value in enumerate(values)]

    def names(self) -> Iterator[str]:
        """Yield the names that are given."""
        return (name for name in self._values if name in self)

    def _inside(self, value: Any, path: str) -> Inputs:
        if not isinstance(value, dict):
            raise CannotComputeError(f"the input '{path}' is not a mapping")
        return Inputs(value, f"{path}.", self._used, self.folder)

    @property
    def unused(self) -> tuple[str, ...]:
        """Return the inputs that no rule has asked for."""
        return tuple(name for name in self._values if not any(_leads(name, used) for used in self._used))


def _leads(name: str, used: str) -> bool:
    return used == name or used.startswith((f"{name}.", f"{name}["))


def _number(value: Any, path: str) -> Fraction:
    found = decimal(value)
    if found is None:
        raise CannotComputeError(f"the input '{path}' is {value!r}, not a number")
    return found


def positive(value: Fraction, name: str) -> Fraction:
    """Return a number that a rule divides by."""
    if value <= 0:
        raise CannotComputeError(f"the input '{name}' is {float(value):g}, and has to be positive")
    return value
