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
from numba.core.imputils import lower_getattr, lower_getattr_generic, lower_setattr_generic
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature
from numba.np import numpy_support

from cascade.compiler.plain import widened

ROOT = "cascade"

WORD = ir.IntType(64)

infer_global: Any = templates.infer_global  # a decorator of classes, which no type checker can tell


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

    def __repr__(self) -> str:
        """Return its name, which tells it from others."""
        return self.name

    @classmethod
    def _normalize_fields(cls, fields: Any) -> Any:
        """Keep the fields of the record, which are in order."""
        return fields


class Column(types.Type):
    """An array of a table, of records or of numbers: where its address and shape stand there."""

    def __init__(self, name: str, dtype: Any, ndim: int, fixed: bool) -> None:
        item = numpy_support.from_dtype(dtype)
        if isinstance(item, types.Record):
            self.kept = self.read = Row(f"{name}[]", item, fixed)
        else:
            self.kept, self.read = item, _read_as(item)
        super().__init__(name)
        self.ndim = ndim
        self.fixed = fixed

    @property
    def index(self) -> Any:
        """Return the type of a place."""
        return types.intp if self.ndim == 1 else types.UniTuple(types.intp, self.ndim)


class _ColumnModel(models.PrimitiveModel):
    """The address of the words that say where the array is, and how large."""

    def __init__(self, manager: Any, column: Column) -> None:
        super().__init__(manager, column, WORD.as_pointer())


register_model(Row)(models.RecordModel)
register_model(Column)(_ColumnModel)


@infer_global(operator.getitem)
class _Read(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the type of an item."""
        column, _ = args
        return signature(column.read, column, column.index) if isinstance(column, Column) else None


@infer_global(operator.setitem)
class _Write(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return that a number may be written."""
        column = args[0]
        if not isinstance(column, Column) or isinstance(column.read, Row):
            return None
        return signature(types.none, column, column.index, column.read)


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the type of a length."""
        (column,) = args
        return signature(types.intp, column) if isinstance(column, Column) else None


@infer_getattr
class _ColumnAttribute(AttributeTemplate):
    key = Column

    def resolve_shape(self, column: Column) -> Any:
        """Return the type of a shape."""
        return types.UniTuple(types.intp, column.ndim)


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


def word(builder: Any, words: Any, at: int) -> Any:
    """Return what a table says of its arrays, which does not change while a kernel runs."""
    value = builder.load(builder.gep(words, [ir.Constant(WORD, at)]))
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def place(context: Any, builder: Any, column: Column, words: Any, indices: list[Any]) -> Any:
    """Return the address of an item."""
    first = builder.inttoptr(word(builder, words, 0), context.get_data_type(column.kept).as_pointer())
    number, *others = indices
    for axis, index in enumerate(others, 1):
        number = builder.add(builder.mul(number, word(builder, words, 1 + axis)), index)
    return builder.gep(first, [number])


def _indexed(context: Any, builder: Any, column: Column, words: Any, index: Any) -> Any:
    indices = [index] if column.ndim == 1 else cgutils.unpack_tuple(builder, index, column.ndim)
    return place(context, builder, column, words, indices)


@lower_builtin(operator.getitem, Column, types.intp)
@lower_builtin(operator.getitem, Column, types.UniTuple)
def _get_item(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    column = signature.args[0]
    at = _indexed(context, builder, column, *arguments)
    if isinstance(column.read, Row):
        return at
    return context.cast(builder, _load(builder, at, column.name, column.fixed), column.kept, column.read)


@lower_builtin(operator.setitem, Column, types.intp, types.Any)
@lower_builtin(operator.setitem, Column, types.UniTuple, types.Any)
def _set_item(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    column, (words, index, given) = signature.args[0], arguments
    at = _indexed(context, builder, column, words, index)
    value = context.cast(builder, given, column.read, column.kept)
    _store(builder, value, at, column.name, column.fixed)
    return context.get_dummy_value()


@lower_builtin(len, Column)
def _get_length(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return word(builder, arguments[0], 1)


@lower_getattr(Column, "shape")
def _get_shape(context: Any, builder: Any, column: Column, words: Any) -> Any:
    lengths = [word(builder, words, 1 + axis) for axis in range(column.ndim)]
    return context.make_tuple(builder, types.UniTuple(types.intp, column.ndim), lengths)
