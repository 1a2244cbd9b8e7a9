"""Shards: the replicates of a run in fixed consecutive blocks, each a part of every table.

Where the blocks lie follows from the request alone, so the files of a run are the same for any number of
workers, and for a run that was interrupted. The part of `runs` is written last: it says that a shard is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cascade.errors import ResultsError
from cascade.output.checksums import fault
from cascade.output.parquet import ROW_GROUP, PartWriter, concatenate, of_replicates, read_file
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
    tables
        Tables besides `runs` and `failures`.
    metrics
        Columns of `runs` after the declared ones.
    """

    def __init__(
        self, folder: Path, units: RunUnits, tables: Sequence[str], metrics: tuple[Column, ...]
    ) -> None:
        self.folder, self.units = folder, units
        self.tables, self.metrics = tuple(tables), metrics

    def path(self, table: str, number: int) -> Path:
        """Return the place of a part."""
        return self.place(table) / f"part-{number:05d}.parquet"

    def place(self, table: str) -> Path:
        """Return the folder of a table's parts."""
        return parts_folder(self.folder, table)

    def schema(self, table: str) -> pa.Schema:
        """Return the declared schema of a table."""
        return schema(table, dated=self.units.dated, extra=self.metrics if table == "runs" else ())

    def is_done(self, shard: Shard) -> bool:
        """Tell whether a shard has been written."""
        return self.path("runs", shard.number).is_file()

    def merge(self, shard: Shard, pieces: Path) -> dict[str, int]:
        """Write a shard from the pieces of its replicates, `runs` last; return the checksum of each part."""
        places = [piece_folder(pieces, replicate) for replicate in shard.replicates]
        for place in places:
            if not is_sound(place):
                raise ResultsError(
                    f"what replicate {place.name} left was damaged before it was merged",
                    where=str(place),
                    remedy="ask for the same again: it is run again, and the disk is worth a look",
                    code="CAS609",
                )
        failed = any(map(has_failed, places))
        if not failed:  # in an earlier session one may have
            self.path("failures", shard.number).unlink(missing_ok=True)
        names = [*self.tables, *(["failures"] if failed else []), "runs"]
        sums: dict[str, int] = {}
        for table in names:
            rows = (batch for place in places for batch in batches_of(place, table))
            sums |= self.write(table, shard.number, rows)
        return sums

    def write(self, table: str, number: int, rows: Iterable[pa.RecordBatch]) -> dict[str, int]:
        """Write one part and return its checksum; how its rows come in batches makes no difference."""
        path = self.path(table, number)
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
        return {path.relative_to(self.folder).as_posix(): part.crc}

    def drop(self, shard: Shard) -> None:
        """Remove a shard, its part of `runs` first."""
        for table in ("runs", "failures", *self.tables):
            self.path(table, shard.number).unlink(missing_ok=True)

    def split(self, shard: Shard, pieces: Path) -> None:
        """Turn a shard back into the pieces of its finished replicates; those that failed are left out."""
        whole = {table: read_file(self.path(table, shard.number)) for table in (*self.tables, "runs")}
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
        self.drop(shard)

    def faults(self, shard: Shard, sums: Mapping[Path, int]) -> Iterator[tuple[Path, str]]:
        """Yield the parts of a shard that are missing or damaged, with what is wrong."""
        failures = self.path("failures", shard.number)
        paths = [self.path(table, shard.number) for table in (*self.tables, "runs")]
        for path in [*paths, *([failures] if failures.is_file() else [])]:
            yield from ((path, problem) for problem in fault(path, sums.get(path)))

    def count(self, table: str) -> int:
        """Return the rows of a table in all its parts."""
        import pyarrow.parquet as pq

        total = 0
        for path in sorted(self.place(table).glob("part-*.parquet")):
            with pq.ParquetFile(path) as file:
                total += int(file.metadata.num_rows)
        return total

    def restore(self, shards: Sequence[Shard], sums: Mapping[Path, int]) -> dict[str, int]:
        """Cut the single files of a run into parts where these are gone or damaged; return their checksums."""
        restored: dict[str, int] = {}
        for table in SINGLE_FILES:
            single = self.folder / f"{table}.parquet"
            if any(fault(single, sums.get(single))):
                continue
            whole = read_file(single)
            for shard in shards:
                path, rows = self.path(table, shard.number), of_replicates(whole, shard.replicates)
                if (len(rows) or table == "runs") and any(fault(path, sums.get(path))):
                    restored |= self.write(table, shard.number, rows.combine_chunks().to_batches())
        return restored


def parts_folder(folder: Path, table: str) -> Path:
    """Return where the parts of a table of a run are."""
    return folder / HIDDEN / table if table in SINGLE_FILES else folder / table
