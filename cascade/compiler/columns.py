"""How kernels read and write the arrays of a table: what numba cannot know and the optimiser may rely on.

No two arrays of a table overlap, nor two fields of a record, and nobody writes the arrays of a fixed
table while a kernel runs. Numba tells LLVM none of this, so that every store would make it load all
else again; here each access carries the name of its field (type-based alias analysis), or says that
what it reads never changes. Indices are taken as they are: a negative one does not count from the end.

Whatever is kept in fewer than 64 bits is read at 64, so that kernels compute with one kind of integer
and one kind of float.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.extending import lower_builtin, register_model
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.np import arrayobj, numpy_support

from cascade.compiler.plain import widened

ROOT = "cascade"


def _read_as(kind: Any) -> Any:
    """Return the type at which a kernel reads what is kept as another."""
    return numpy_support.from_dtype(widened(numpy_support.as_dtype(kind)))


class Row(types.Record):
    """A record in an array of a table, of which no other array has records of this type."""

    def __init__(self, name: str, record: types.Record, fixed: bool) -> None:
        fields: Any = list(record.fields.items())
        super().__init__(fields, record.size, record.aligned)
        self.name = name
        self.fixed = fixed

    def typeof(self, key: str) -> Any:
        """Return the type at which a field is read."""
        return _read_as(self.kept(key))

    def kept(self, key: str) -> Any:
        """Return the type at which a field is kept."""
        return super().typeof(key)

    @classmethod
    def _normalize_fields(cls, fields: Any) -> Any:
        """Keep the fields of the record, which are in order."""
        return fields


class Column(types.Array):
    """An array of a table: of records, or of numbers."""

    def __init__(self, name: str, dtype: Any, ndim: int, fixed: bool) -> None:
        item = numpy_support.from_dtype(dtype)
        if isinstance(item, types.Record):
            self.kept = read = Row(f"{name}[]", item, fixed)
        else:
            self.kept, read = item, _read_as(item)
        super().__init__(read, ndim, "C", name=name)
        self.fixed = fixed
        self.itemsize = dtype.itemsize

    @property
    def key(self) -> Any:
        """Return what tells this type from others: its name."""
        return self.name


class _ColumnModel(models.ArrayModel):
    """An array in memory, whose items are as they are kept."""

    def __init__(self, manager: Any, column: Column) -> None:
        super().__init__(manager, types.Array(column.kept, column.ndim, "C"))


register_model(Row)(models.RecordModel)
register_model(Column)(_ColumnModel)


def _tag(builder: Any, name: str) -> Any:
    """Return the metadata node that says which field an access is to."""
    module, zero = builder.module, ir.Constant(ir.IntType(64), 0)
    root = module.add_metadata([ir.MetaDataString(module, ROOT)])
    kind = module.add_metadata([ir.MetaDataString(module, name), root, zero])
    return module.add_metadata([kind, kind, zero])


def _load(builder: Any, place: Any, name: str, fixed: bool) -> Any:
    value = builder.load(place)
    if fixed:
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    else:
        value.set_metadata("tbaa", _tag(builder, name))
    return value


def _store(builder: Any, value: Any, place: Any, name: str, fixed: bool) -> None:
    if fixed:
        msg = f"{name} is written, but it is said to be fixed"
        raise TypeError(msg)
    builder.store(value, place).set_metadata("tbaa", _tag(builder, name))


@lower_getattr_generic(Row)
def _get_field(context: Any, builder: Any, row: Row, record: Any, field: str) -> Any:
    kept = row.kept(field)
    place = cgutils.get_record_member(builder, record, row.offset(field), context.get_data_type(kept))
    value = _load(builder, place, f"{row.name}.{field}", row.fixed)
    return context.cast(builder, value, kept, row.typeof(field))


@lower_setattr_generic(Row)
def _set_field(context: Any, builder: Any, signature: Any, arguments: Any, field: str) -> None:
    row, given = signature.args
    kept = row.kept(field)
    place = cgutils.get_record_member(builder, arguments[0], row.offset(field), context.get_data_type(kept))
    value = context.cast(builder, arguments[1], given, kept)
    _store(builder, value, place, f"{row.name}.{field}", row.fixed)


def _place(context: Any, builder: Any, column: Column, array: Any, indices: Any) -> Any:
    """Return the address of an item."""
    fields = arrayobj.make_array(column)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, column, fields, indices, wraparound=False)


def _indices(context: Any, builder: Any, given: Any, value: Any) -> Any:
    """Return the indices of a place as words."""
    kinds, values = (given,), (value,)
    if isinstance(given, types.UniTuple | types.Tuple):
        kinds, values = given.types, cgutils.unpack_tuple(builder, value, count=len(given))
    return [context.cast(builder, each, kind, types.intp) for kind, each in zip(kinds, values, strict=True)]


@lower_builtin(operator.getitem, Column, types.Integer)
@lower_builtin(operator.getitem, Column, types.UniTuple)
@lower_builtin(operator.getitem, Column, types.Tuple)
def _get_item(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    column, given = signature.args
    place = _place(context, builder, column, arguments[0], _indices(context, builder, given, arguments[1]))
    if isinstance(column.dtype, Row):
        return place
    value = _load(builder, place, column.name, column.fixed)
    return context.cast(builder, value, column.kept, column.dtype)


@lower_builtin(operator.setitem, Column, types.Integer, types.Boolean)
@lower_builtin(operator.setitem, Column, types.UniTuple, types.Boolean)
@lower_builtin(operator.setitem, Column, types.Tuple, types.Boolean)
@lower_builtin(operator.setitem, Column, types.Integer, types.Number)
@lower_builtin(operator.setitem, Column, types.UniTuple, types.Number)
@lower_builtin(operator.setitem, Column, types.Tuple, types.Number)
def _set_item(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    column, given, kind = signature.args
    place = _place(context, builder, column, arguments[0], _indices(context, builder, given, arguments[1]))
    value = context.cast(builder, arguments[2], kind, column.kept)
    _store(builder, value, place, column.name, column.fixed)
    return context.get_dummy_value()
