"""Shards: the replicates of a run in fixed consecutive blocks, each a part of every table.

Where the blocks lie follows from the request alone, so the files of a run are the same for any number of
workers, and for a run that was interrupted. A shard is done once the log names its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cascade.errors import ResultsError
from cascade.output.files import Files
from cascade.output.parquet import ROW_GROUP, PartWriter, concatenate, of_replicates, read_file, read_files
from cascade.output.piece import Piece, batches_of, has_failed, is_sound, piece_folder
from cascade.output.run_units import RunUnits
from cascade.output.schemas import SINGLE_FILES, Column, schema

if TYPE_CHECKING:
    import pyarrow as pa

LARGE: Final = frozenset({"trades", "book", "accounts"})
"""Tables of which a replicate may have millions of rows."""

HIDDEN: Final = ".parts"
"""Folder of the parts of tables that end as one file: what a damaged file is made of again."""

SIZE: Final = 32
"""Replicates of a shard in which no table is large; else one."""


class Shard(NamedTuple):
    """A block of replicates."""

    number: int
    replicates: tuple[int, ...]


def shards_of(replicates: Sequence[int], tables: Iterable[str]) -> tuple[Shard, ...]:
    """Return the shards of a request."""
    size = 1 if LARGE.intersection(tables) else SIZE
    blocks = (tuple(replicates[at : at + size]) for at in range(0, len(replicates), size))
    return tuple(Shard(number, block) for number, block in enumerate(blocks))


class Parts:
    """The parts of a run's tables in its folder.

    Parameters
    ----------
    files
        What the folder holds; every change of its parts is returned, and taken in by whoever logs it.
    tables
        Tables besides `runs` and `failures`.
    metrics
        Columns of `runs` after the declared ones.
    """

    def __init__(
        self, files: Files, units: RunUnits, tables: Sequence[str], metrics: tuple[Column, ...]
    ) -> None:
        self.files, self.units = files, units
        self.tables, self.metrics = tuple(tables), metrics

    def name(self, table: str, number: int) -> str:
        """Return the path of a part from the folder of the run."""
        return f"{place_of(table)}/part-{number:05d}.parquet"

    def schema(self, table: str) -> pa.Schema:
        """Return the declared schema of a table."""
        return schema(table, dated=self.units.dated, extra=self.metrics if table == "runs" else ())

    def is_done(self, shard: Shard) -> bool:
        """Tell whether a shard has been written."""
        return self.name("runs", shard.number) in self.files

    def names(self, shard: Shard) -> list[str]:
        """Return the parts of a shard that is done."""
        expected = [self.name(table, shard.number) for table in (*self.tables, "runs")]
        failures = self.name("failures", shard.number)
        return [*expected, *([failures] if failures in self.files else [])]

    def merge(self, shard: Shard, pieces: Path) -> dict[str, int | None]:
        """Write a shard from the pieces of its replicates."""
        places = [piece_folder(pieces, replicate) for replicate in shard.replicates]
        for place in places:
            if not is_sound(place):
                raise ResultsError(
                    f"what replicate {place.name} left was damaged before it was merged",
                    where=str(place),
                    remedy="ask for the same again: it is run again, and the disk is worth a look",
                    code="CAS609",
                )
        names = [*self.tables, *(["failures"] if any(map(has_failed, places)) else []), "runs"]
        sums: dict[str, int | None] = {}
        for table in names:
            rows = (batch for place in places for batch in batches_of(place, table))
            sums |= self.write(table, shard.number, rows)
        return sums

    def write(self, table: str, number: int, rows: Iterable[pa.RecordBatch]) -> dict[str, int | None]:
        """Write one part; how its rows come in batches makes no difference."""
        name = self.name(table, number)
        path = self.files.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        declared = self.schema(table)
        with PartWriter(path, declared) as part:
            held: list[pa.RecordBatch] = []
            n_held = 0
            for batch in rows:
                held.append(batch)
                n_held += batch.num_rows
                if n_held >= ROW_GROUP:
                    whole = concatenate(held, declared)
                    part.write(whole.slice(0, n_held - n_held % ROW_GROUP))
                    held = whole.slice(n_held - n_held % ROW_GROUP).to_batches()
                    n_held %= ROW_GROUP
            if n_held:
                part.write(concatenate(held, declared))
        return {name: part.crc}

    def drop(self, shard: Shard) -> dict[str, int | None]:
        """Remove a shard."""
        names = [self.name(table, shard.number) for table in ("runs", "failures", *self.tables)]
        for name in names:
            (self.files.folder / name).unlink(missing_ok=True)
        return dict.fromkeys(names)

    def split(self, shard: Shard, pieces: Path) -> dict[str, int | None]:
        """Turn a shard back into the pieces of its finished replicates; those that failed are left out."""
        whole = {
            table: read_file(self.files.path(self.name(table, shard.number)))
            for table in (*self.tables, "runs")
        }
        for replicate in whole["runs"].column("replicate").to_pylist():
            if piece_folder(pieces, replicate).is_dir():
                continue
            with Piece(pieces, self.units, replicate, self.metrics) as piece:
                for table in self.tables:
                    for batch in of_replicates(whole[table], [replicate]).to_batches():
                        piece.write(table, batch)
                piece.complete_with(
                    of_replicates(whole["runs"], [replicate]).combine_chunks().to_batches()[0]
                )
        return self.drop(shard)

    def rows(self, table: str) -> pa.Table:
        """Return all rows of a table."""
        names = self.files.within(place_of(table))
        if not names:
            return concatenate([], self.schema(table))
        return read_files([self.files.path(name) for name in names])

    def count(self, table: str) -> int:
        """Return the rows of a table."""
        import pyarrow.parquet as pq

        total = 0
        for name in self.files.within(place_of(table)):
            with pq.ParquetFile(self.files.folder / name) as file:
                total += int(file.metadata.num_rows)
        return total

    def restore(self, shards: Sequence[Shard]) -> dict[str, int | None]:
        """Cut the single files of a run into parts where these are gone or damaged."""
        restored: dict[str, int | None] = {}
        for table in SINGLE_FILES:
            single = single_file(table)
            if any(self.files.faults(single)):
                continue
            whole = read_file(self.files.path(single))
            for shard in shards:
                rows = of_replicates(whole, shard.replicates)
                if (len(rows) or table == "runs") and any(self.files.faults(self.name(table, shard.number))):
                    restored |= self.write(table, shard.number, rows.combine_chunks().to_batches())
        return restored


def single_file(table: str) -> str:
    """Return the file of a table that a complete run has as one."""
    return f"{table}.parquet"


def place_of(table: str) -> str:
    """Return the folder of the parts of a table, from that of the run."""
    return f"{HIDDEN}/{table}" if table in SINGLE_FILES else table
