"""How a NamedTuple of arrays reaches a kernel: as one pointer to a table of addresses and shapes.

Numba would pass every array of a NamedTuple by value, seven words each, through every call, which
made compiling 180 kernels take minutes. Behind one pointer a call costs a register; the loads
from the table are marked invariant, so that the compiler reads each address once.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

WORDS = 3
"""Words per array in a table: address, first and second length."""

Layout: TypeAlias = dict[str, tuple[np.dtype[Any], int]]
"""Record or scalar type, and number of dimensions, of each field of a NamedTuple of arrays."""


class Declared(NamedTuple):
    """What is known of a NamedTuple class of arrays; `fixed` if no kernel writes them."""

    layout: Layout
    fixed: bool


DECLARED: dict[type, Declared] = {}
"""The classes that kernels take instances of."""


def declare(cls: type[Any], layout: Layout, *, fixed: bool = False) -> None:
    """Let kernels take instances of a NamedTuple class of arrays, laid out as given; `fixed` if none writes them."""
    if tuple(layout) != cls._fields:
        msg = f"the layout of {cls.__name__} does not name its fields in order"
        raise ValueError(msg)
    for field, (dtype, _) in layout.items():
        hidden = [name for name in dtype.names or () if hasattr(np.void, name)]
        if hidden:
            msg = f"{cls.__name__}.{field} has a field {hidden[0]!r}, which any record of numpy has as an attribute"
            raise ValueError(msg)
    DECLARED[cls] = Declared(layout, fixed)


def blank(cls: type[Any]) -> Any:
    """Return an instance of a declared class in which no array has a row, to be filled where needed."""
    return cls(
        *(
            np.zeros((0,) * ndim, dtype).view(np.recarray if dtype.names else np.ndarray)
            for dtype, ndim in DECLARED[cls].layout.values()
        )
    )


class Table:
    """Where some arrays are, as a kernel reads it, while they are alive; it keeps none of them so."""

    __slots__ = ("_alive", "_ids", "_watches", "_words", "address")

    def __init__(self, arrays: Sequence[Any], names: Sequence[str]) -> None:
        self._words = np.zeros(WORDS * len(arrays), np.int64)
        for k, array in enumerate(arrays):
            if not array.flags.c_contiguous:
                msg = f"{names[k]} is not contiguous"
                raise ValueError(msg)
            self._words[WORDS * k] = array.ctypes.data
            self._words[WORDS * k + 1 : WORDS * k + 1 + array.ndim] = array.shape
        self.address: int = self._words.ctypes.data
        alive = [True]
        self._alive, self._ids = alive, tuple(map(id, arrays))
        self._watches = [weakref.ref(array, lambda _: alive.clear()) for array in arrays]

    def shows(self, arrays: Sequence[Any]) -> bool:
        """Tell whether these are the same arrays: while all live, no other has the identity of one."""
        return bool(self._alive) and self._ids == tuple(map(id, arrays))


class Seen:
    """The tables of what an entry point received last, by the place of the argument."""

    def __init__(self) -> None:
        self._recent: dict[int, Table] = {}

    def table(self, place: int, value: Any) -> Table:
        """Return the table of an argument: a NamedTuple of arrays, or one array.

        The caller keeps it until the call is over, for another thread may call with other arrays meanwhile.
        """
        arrays = (value,) if isinstance(value, np.ndarray) else value
        known = self._recent.get(place)
        if known is None or not known.shows(arrays):
            known = self._recent[place] = Table(arrays, _names(place, value))
        return known


def _names(place: int, value: Any) -> list[str]:
    if isinstance(value, np.ndarray):
        return [f"argument {place}"]
    return [f"{type(value).__name__}.{field}" for field in value._fields]
