"""The shapes of published files: rows of CSV, records of JSON, parquet. Each is read a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cascade.data.adapter import Adapter, Csv, JsonDocument, Parquet
from cascade.data.csv_rows import csv_blocks
from cascade.data.faults import Faults
from cascade.data.json_records import document, json_block
from cascade.data.opening import blocks, unpacked, unreadable
from cascade.data.published import (
    Block,
    Lines,
    arrow_of,
    completed,
    lines_of,
    same_parts,
)
from cascade.scenario.source import shown_name

_ROWS: Final = 65_536


def read_blocks(path: Path, adapter: Adapter, faults: Faults) -> Iterator[Block]:
    """Yield the records of a file of a kind in blocks; what cannot be read is noted and left out.

    Raises
    ------
    ScenarioError
        If the file is not there, damaged, or not of this kind at all.
    """
    if isinstance(adapter.shape, Parquet):
        yield from _parquet_blocks(path, adapter)
        return
    with unpacked(path) as stream:
        if isinstance(adapter.shape, Csv):
            yield from csv_blocks(stream, adapter, faults)
        elif isinstance(adapter.shape, JsonDocument):
            yield document(stream, adapter, faults)
        else:
            for block in blocks(stream, faults.name):
                yield json_block(adapter, lines_of(block, None), faults)


def _parquet_blocks(path: Path, adapter: Adapter) -> Iterator[Block]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = shown_name(path)
    try:
        with pq.ParquetFile(path) as file:
            there = [each for each in adapter.cells if each in file.schema_arrow.names]
            first = 1
            for batch in file.iter_batches(_ROWS, columns=there):
                cells = {each: batch.column(each).cast(arrow_of(adapter.cells[each])) for each in there}
                cells = completed(adapter, cells, batch.num_rows)
                yield Block(same_parts(adapter, cells), Lines([], range(first, first + batch.num_rows)))
                first += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise unreadable(name, f"is not a parquet file: {reason}", "fetch it again") from None
