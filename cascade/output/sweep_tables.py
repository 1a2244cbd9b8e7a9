"""The tables of a sweep: those of its variants in one, with the variant and what varies in front."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cascade.output.columns import categories, column
from cascade.output.schemas import RESULTS_VERSION, Column, Kind

if TYPE_CHECKING:
    import pyarrow as pa

VARIANT = Column("variant", "category", "name of the variant")


def joined(
    tables: Mapping[str, pa.Table],
    varied: Sequence[Column],
    values: Mapping[str, Mapping[str, Any]],
    name: str,
) -> pa.Table:
    """Return tables of one kind as one table; a metric that a variant does not have is null there.

    Parameters
    ----------
    tables
        By variant.
    varied
        Columns of what varies.
    values
        Of each of these columns, by variant.
    """
    import pyarrow as pa

    parts: list[pa.Table] = []
    for variant, table in tables.items():
        n = len(table)
        front = [_repeated(VARIANT, variant, n)]
        front += [_repeated(each, values[each.name][variant], n) for each in varied]
        fields = [_field(each) for each in (VARIANT, *varied)]
        parts.append(
            pa.Table.from_arrays(
                [*front, *table.columns], schema=pa.schema([*fields, *table.schema.remove_metadata()])
            )
        )
    whole = pa.concat_tables(parts, promote_options="default").unify_dictionaries()
    return whole.replace_schema_metadata({"cascade": _about(whole.schema, name)})


def _repeated(declared: Column, value: Any, n: int) -> pa.Array:
    """Return a column of one value."""
    if declared.kind == "category":
        return categories([value] * n)
    values = np.full(n, np.nan if value is None else value)
    return column(values, _field(declared), n)


def _field(declared: Column) -> pa.Field:
    import pyarrow as pa

    kinds: dict[Kind, pa.DataType] = {
        "category": pa.dictionary(pa.int32(), pa.string()),
        "float": pa.float64(),
    }
    return pa.field(
        declared.name, kinds[declared.kind], nullable=declared.nullable,
        metadata={"unit": declared.unit, "description": declared.description},
    )  # fmt: skip


def _about(schema: pa.Schema, name: str) -> str:
    """Return the description of a file that readers without field metadata can find."""
    columns = {
        field.name: [(field.metadata or {}).get(key, b"").decode() for key in (b"unit", b"description")]
        for field in schema
    }
    version = ".".join(map(str, RESULTS_VERSION))
    return json.dumps({"results_version": version, "table": name, "columns": columns})
