"""How a column of a canonical table comes of the columns of a published file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from cascade.data.arrays import Numbers, compute, integers_of, numbers_of, places_of, taken
from cascade.data.contract import Contract
from cascade.data.times import microseconds
from cascade.output.columns import strings

if TYPE_CHECKING:
    import pyarrow as pa

TimeUnit = Literal["s", "ms", "us", "text"]
Bound = Literal["", "above 0", "at least 0"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A published column: what files call it, and what may stand in it.

    Attributes
    ----------
    names
        What files call it, the usual name first; in JSON the path to it, from the record where it begins with ^.
    null, absent
        Whether it may be empty, and whether files may have no such column.
    units
        Of a time: the units that are published.
    words
        Of a text: the only words there are, in small letters.
    """

    names: tuple[str, ...]
    kind: Literal["number", "text", "time"]
    bound: Bound = ""
    null: bool = False
    absent: bool = False
    units: tuple[TimeUnit, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return its usual name."""
        return self.names[0]

    @property
    def said(self) -> str:
        """Return what it holds, in words."""
        if self.kind == "time":
            return f"time in {' or '.join(self.units)}"
        return " or ".join(self.words) or self.kind


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a file besides its rows: from its name, or from who gives it.

    Attributes
    ----------
    contract : Contract
        What one of an amount is worth.
    """

    symbol: str = ""
    account: str = ""
    interval_s: float | None = None
    first_s: float | None = None
    until_s: float | None = None
    contract: Contract = field(default_factory=Contract)


@dataclass(frozen=True, slots=True)
class Rows:
    """Cells of some rows, by usual names, and what is known besides."""

    cells: Mapping[str, pa.Array]
    about: About
    n: int

    def number(self, cell: Cell) -> Numbers:
        """Return a cell as numbers; NaN where it is empty."""
        return numbers_of(self.cells[cell.name])


class Origin(Protocol):
    """Where a canonical column comes from."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the published columns that it reads."""
        ...

    def of(self, rows: Rows) -> Any:
        """Return its values, as an Arrow or numpy array."""
        ...


@dataclass(frozen=True, slots=True)
class _OfOneCell:
    """What comes of one published column."""

    cell: Cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the published columns that it reads."""
        return (self.cell,)


@dataclass(frozen=True, slots=True)
class Plain(_OfOneCell):
    """A published number, times a factor, or a text as it is."""

    times: float = 1.0

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        if self.cell.kind == "number" and self.times != 1.0:
            return rows.number(self.cell) * self.times
        return rows.cells[self.cell.name]


@dataclass(frozen=True, slots=True)
class Moment(_OfOneCell):
    """A published time, in whichever of its units the size of each value tells; whole to `step_us`."""

    step_us: int = 1

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        found = microseconds(rows.cells[self.cell.name])
        return found // self.step_us * self.step_us


@dataclass(frozen=True, slots=True)
class Word(_OfOneCell):
    """A published word, by what it means."""

    means: Mapping[str, str]

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        places = places_of(rows.cells[self.cell.name], [*self.means])
        return taken(strings([*self.means.values(), None]), np.where(places < 0, len(self.means), places))


@dataclass(frozen=True, slots=True)
class Sign(_OfOneCell):
    """One word where a number is below zero, another where it is not."""

    negative: str
    positive: str

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        below = rows.number(self.cell) < 0
        return taken(strings([self.positive, self.negative]), below.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Size(_OfOneCell):
    """A number without its sign, times a factor."""

    times: float = 1.0

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        return np.abs(rows.number(self.cell)) * self.times


@dataclass(frozen=True, slots=True)
class Product:
    """One published number times another, or divided by it."""

    first: Cell
    second: Cell
    divided: bool = False

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the published columns that it reads."""
        return (self.first, self.second)

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        first, second = rows.number(self.first), rows.number(self.second)
        return np.abs(first / second if self.divided else first * second)


@dataclass(frozen=True, slots=True)
class Either:
    """A published column, and where it is empty or not there another."""

    first: Plain
    other: Origin

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the published columns that it reads."""
        return (*self.first.cells, *self.other.cells)

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        found = rows.number(self.first.cell)
        return np.where(np.isnan(found), self.other.of(rows), found)


@dataclass(frozen=True, slots=True)
class Contracts:
    """A number of contracts as units of the asset, or as USD.

    Attributes
    ----------
    names
        What tells the symbol of a row, joined by a slash where they are several; none: that of the file.
    """

    count: Cell
    price: Cell
    to: Literal["coin", "usd"]
    names: tuple[Cell, ...] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the published columns that it reads."""
        return (self.count, self.price, *self.names)

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        sizes, are_usd = self._sizes(rows)
        worth, price = rows.number(self.count) * sizes, rows.number(self.price)
        if self.to == "usd":
            return np.where(are_usd, worth, worth * price)
        return np.where(are_usd, worth / price, worth)

    def _sizes(self, rows: Rows) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Return what a contract of each row is worth, and whether that is in USD."""
        if not self.names:
            size, is_usd = rows.about.contract.size_of(rows.about.symbol)
            return np.full(rows.n, size), np.full(rows.n, is_usd)
        cells = [rows.cells[cell.name] for cell in self.names]
        column = compute().binary_join_element_wise(*cells, "/").dictionary_encode()
        found = [rows.about.contract.size_of(name) for name in column.dictionary.to_pylist()]
        sizes, are_usd = np.array(found, float).reshape(-1, 2).T
        places = integers_of(column.indices)
        return sizes[places], are_usd[places] > 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same in every row."""

    value: str | float | None
    cells: tuple[Cell, ...] = ()

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        return self.value


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the whole file: from its name, or from who gives it."""

    what: Literal["symbol", "account", "interval_s", "time"]
    cells: tuple[Cell, ...] = ()

    def of(self, rows: Rows) -> Any:
        """Return its values."""
        if self.what == "time":
            first = rows.about.first_s
            return None if first is None else np.full(rows.n, round(first * 1e6), np.int64)
        return getattr(rows.about, self.what) or None


def number(*names: str, bound: Bound = "", null: bool = False, times: float = 1.0) -> Plain:
    """Return a published number, times a factor."""
    return Plain(Cell(names, "number", bound, null), times)


def price(*names: str, null: bool = False) -> Plain:
    """Return a published price."""
    return number(*names, bound="above 0", null=null)


def amount(*names: str, null: bool = False) -> Plain:
    """Return a published size, value or count."""
    return number(*names, bound="at least 0", null=null)


def text(*names: str, null: bool = False) -> Plain:
    """Return a published text."""
    return Plain(Cell(names, "text", null=null))


def spare(*names: str) -> Plain:
    """Return a published size, value or count that not every file has."""
    return Plain(Cell(names, "number", "at least 0", null=True, absent=True))


def moment(*names: str, units: tuple[TimeUnit, ...], step_us: int = 1) -> Moment:
    """Return a published time."""
    return Moment(Cell(names, "time", units=units), step_us)


def word(names: str | tuple[str, ...], means: Mapping[str, str]) -> Word:
    """Return a published word by what it means."""
    return Word(Cell((names,) if isinstance(names, str) else names, "text", words=tuple(means)), means)
