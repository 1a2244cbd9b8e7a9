"""How a NamedTuple of arrays reaches a kernel: as one pointer to a table of addresses and shapes.

Numba would pass every array of a NamedTuple by value, seven words each, through every call, which
made compiling 180 kernels take minutes. Behind one pointer a call costs a register; the loads
from the table are marked invariant, so that the compiler reads each address once.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.extending import NativeValue, register_model, typeof_impl, unbox
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr

from cascade.compiler.columns import WORD, Column

WORDS = 3
"""Words per array in a table: address, first and second length."""

Layout = dict[str, tuple[np.dtype[Any], int]]
"""Record or scalar type, and number of dimensions, of each field of a NamedTuple of arrays."""


class TablesType(types.Type):
    """Numba's view of one NamedTuple class of arrays."""

    def __init__(self, name: str, layout: Layout, fixed: bool) -> None:
        self.fields = {
            field: Column(f"{name}.{field}", dtype, ndim, fixed) for field, (dtype, ndim) in layout.items()
        }
        self.order = tuple(layout)
        super().__init__(name=name)


register_model(TablesType)(models.OpaqueModel)

_TYPES: dict[type, TablesType] = {}
_LAYOUTS: dict[type, Layout] = {}


class View:
    """A NamedTuple of arrays with its table, as a kernel receives it."""

    __slots__ = ("address", "numba_type", "table")

    def __init__(self, owner: Any) -> None:
        self.numba_type = _TYPES[type(owner)]
        self.table = np.zeros(WORDS * len(owner), np.int64)
        for k, array in enumerate(owner):
            if not array.flags.c_contiguous:
                msg = f"{type(owner).__name__}.{owner._fields[k]} is not contiguous"
                raise ValueError(msg)
            self.table[WORDS * k] = array.ctypes.data
            self.table[WORDS * k + 1 : WORDS * k + 1 + array.ndim] = array.shape
        self.address = int(self.table.ctypes.data)


@typeof_impl.register(View)
def _type_of_view(view: View, context: Any) -> TablesType:
    return view.numba_type


@unbox(TablesType)
def _unbox_view(tables: TablesType, view: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(view, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, cgutils.voidptr_t))


@infer_getattr
class _TablesAttribute(AttributeTemplate):
    key = TablesType

    def generic_resolve(self, tables: TablesType, attribute: str) -> Any:
        """Return the array type of a field."""
        return tables.fields.get(attribute)


@lower_getattr_generic(TablesType)
def _lower_field(context: Any, builder: Any, tables: TablesType, pointer: Any, attribute: str) -> Any:
    """Return where the table has the address and shape of a field."""
    at = WORDS * tables.order.index(attribute)
    return builder.gep(builder.bitcast(pointer, WORD.as_pointer()), [ir.Constant(WORD, at)])


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
    _TYPES[cls] = TablesType(cls.__name__, layout, fixed)
    _LAYOUTS[cls] = layout


def received_as(cls: type[Any]) -> Any:
    """Return numba's type of a declared class, or of a plain one: what a kernel receives an instance as."""
    return _TYPES.get(cls) or typeof(cls())


def blank(cls: type[Any]) -> Any:
    """Return an instance of a declared class in which no array has a row, to be filled where needed."""
    return cls(
        *(
            np.zeros((0,) * ndim, dtype).view(np.recarray if dtype.names else np.ndarray)
            for dtype, ndim in _LAYOUTS[cls].values()
        )
    )


class _Recent:
    """The arrays that a parameter received last, and the view of them; it keeps none of them alive."""

    __slots__ = ("_alive", "_ids", "_watches", "view")

    def __init__(self, owner: Any, view: Any) -> None:
        alive = [True]
        self._alive, self._ids = alive, tuple(map(id, owner))
        self._watches = [weakref.ref(array, lambda _: alive.clear()) for array in owner]
        self.view = view

    def shows(self, owner: Any) -> bool:
        """Tell whether these are the same arrays: while all live, no other has the identity of one."""
        return bool(self._alive) and self._ids == tuple(map(id, owner))


def viewing(function: Callable[..., Any], view: Callable[[Any], Any] = View) -> Callable[..., Any]:
    """Wrap an entry point so that it receives views of NamedTuples of arrays."""
    recent: dict[int, _Recent] = {}

    def seen(position: int, value: Any) -> Any:
        if type(value) not in _TYPES:
            return value
        known = recent.get(position)
        if known is None or not known.shows(value):
            known = recent[position] = _Recent(value, view(value))
        return known.view

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return function(*[seen(k, value) for k, value in enumerate(arguments)])

    call.compiled = function  # type: ignore[attr-defined]
    return call
