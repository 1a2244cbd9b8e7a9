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
        is_array = isinstance(value, np.ndarray)
        arrays = (value,) if is_array else value
        known = self._recent.get(place)
        if known is None or not known.shows(arrays):
            names = [f"argument {place}"] if is_array else _declared(value)
            known = self._recent[place] = Table(arrays, names)
        return known


def _declared(value: Any) -> list[str]:
    """Return the names of the arrays of a NamedTuple, which are as its class was declared: kernels rely on it.

    Raises
    ------
    TypeError
        If an array has other items or dimensions, or is read-only where kernels may write.
    """
    cls = type(value)
    layout, fixed = DECLARED[cls]
    for array, (field, (dtype, ndim)) in zip(value, layout.items(), strict=True):
        wanted = f"{cls.__name__}.{field} needs an array of {ndim} dimensions of {dtype}, "
        if not isinstance(array, np.ndarray):
            raise TypeError(wanted + f"not {type(array).__name__}")
        if (array.dtype, array.ndim) != (dtype, ndim):
            raise TypeError(wanted + f"not of {array.ndim} of {array.dtype}")
        if not (fixed or array.flags.writeable):
            raise TypeError(wanted + "which can be written")
    return [f"{cls.__name__}.{field}" for field in layout]
