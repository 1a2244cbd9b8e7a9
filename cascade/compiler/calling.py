"""What passes between Python and an entry point: words of 64 bits, each with a kind.

Numbers are words. Arrays, and NamedTuples of them, are the address of a table that says where they are.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cascade.compiler.tables import DECLARED, Seen, Table


class Items(NamedTuple):
    """The kind of an array that is an argument by itself."""

    dtype: np.dtype[Any]
    ndim: int
    fixed: bool = False
    """Whether it cannot be written: a kernel that does is refused."""


Kind: TypeAlias = type | Items
"""`int`, `float`, `bool`, `numpy.uint64`, a declared class, or `Items`."""

FORMATS: dict[Kind, str] = {int: "q", float: "d", bool: "?", np.uint64: "Q"}
"""Letters of `struct` for the kinds of numbers; the word of a truth value is one of 64 bits."""


def kind_of(value: Any) -> Kind:
    """Return the kind of an argument.

    Raises
    ------
    TypeError
        If a kernel cannot take it.
    """
    given = type(value)
    if given in FORMATS or given in DECLARED:
        return given
    if isinstance(value, np.ndarray):
        return Items(value.dtype, value.ndim, not value.flags.writeable)
    for number, kind in ((np.bool_, bool), (np.integer, int), (np.floating, float)):
        if isinstance(value, number):
            return kind
    msg = f"a kernel takes numbers and arrays, not {given.__name__}"
    raise TypeError(msg)


def text_of(kind: Kind) -> str:
    """Return what tells a kind from every other: a table is told by its layout."""
    if isinstance(kind, Items):
        return f"{kind.ndim} {np.lib.format.dtype_to_descr(kind.dtype)} {kind.fixed}"
    declared = DECLARED.get(kind)
    if declared is None:
        return kind.__name__
    fields = {name: (dtype.str, dtype.fields, ndim) for name, (dtype, ndim) in declared.layout.items()}
    return f"{kind.__name__} {fields} {declared.fixed}"


class Call:
    """Machine code with the kinds of what it takes and gives, as Python calls it.

    Parameters
    ----------
    native
        Takes the addresses of the words it is given and of those it is to leave.
    kinds
        Of the arguments.
    found
        Letters of `struct` for what it returns, none for nothing, in brackets for a tuple.
    """

    def __init__(self, name: str, native: Callable[..., None], kinds: Sequence[Kind], found: str) -> None:
        self._name, self._native = name, native
        self._given = struct.Struct("".join(FORMATS.get(kind, "q").replace("?", "q") for kind in kinds))
        self._changed = [
            (place, kind) for place, kind in enumerate(kinds) if kind is bool or kind not in FORMATS
        ]
        self._seen = Seen()
        self._letters = found.strip("()")
        self._is_tuple = found.startswith("(")
        self._left = struct.Struct(self._letters.replace("?", "q"))
        self._room = ctypes.c_int64 * len(self._letters)

    def __call__(self, *arguments: Any) -> Any:
        """Call it.

        Raises
        ------
        OverflowError
            If a number does not fit into 64 bits.
        """
        tables = ()
        if self._changed:
            arguments, tables = self._in_words(arguments)
        try:
            words = self._given.pack(*arguments)
        except struct.error as error:
            msg = f"{self._name}: {error}"
            raise OverflowError(msg) from error
        left = self._room()
        self._native(words, left)
        del tables  # which had to stay until now
        found = self._left.unpack_from(left)
        if "?" in self._letters:
            found = tuple(bool(x) if k == "?" else x for x, k in zip(found, self._letters, strict=True))
        return found if self._is_tuple else found[0] if found else None

    def _in_words(self, arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Table]]:
        """Return arguments of which each is a number, and the tables that some of them are addresses of."""
        given, tables = list(arguments), list[Table]()
        for place, kind in self._changed:
            if kind is bool:
                given[place] = int(given[place])
            else:
                tables.append(self._seen.table(place, given[place]))
                given[place] = tables[-1].address
        return tuple(given), tables
