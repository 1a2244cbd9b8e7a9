"""What one replicate leaves until its shard is whole: Arrow streams in a folder that appears by renaming.

A piece is finished or it is not there: whoever runs a replicate writes into a folder of its own and
renames it at the end. So a process that is killed loses only the replicates it was in the middle of.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from cascade.errors import ResultsError
from cascade.output.checksums import crc_of, record_of, sealed, unsealed
from cascade.output.convert import from_columns
from cascade.output.files import Files
from cascade.output.refusals import writing
from cascade.output.run_units import RunUnits
from cascade.output.schemas import TABLES, Column

if TYPE_CHECKING:
    import pyarrow as pa

PIECES: Final = ".pieces"
"""Folder of the replicates of a run that wait for their shard."""

SUMS: Final = "piece.json"
"""Checksum of each stream, sealed with one of its own."""

SUFFIX: Final = ".arrows"


class Piece:
    """Writes the rows of one replicate; use it as a context, and end with `finish` or `fail`.

    Parameters
    ----------
    pieces
        Folder of the pieces of a run.
    metrics
        Columns of `runs` after the declared ones.
    """

    def __init__(
        self, pieces: Path, units: RunUnits, replicate: int, metrics: tuple[Column, ...] = ()
    ) -> None:
        self.units, self.replicate, self.metrics = units, replicate, metrics
        self._place = piece_folder(pieces, replicate)
        self._folder = pieces / f".{replicate}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._streams: dict[str, pa.RecordBatchStreamWriter] = {}

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Add rows to a table."""
        if batch.num_rows == 0:
            return
        with writing(self._folder):
            if table not in self._streams:
                self._streams[table] = self._open(table, batch.schema)
            self._streams[table].write_batch(batch)

    def finish(self, row: Mapping[str, Any]) -> None:
        """Complete the piece of a replicate that has ended; `row` is its row of `runs`."""
        self.write("runs", self._row("runs", row, self.metrics))
        self._complete()

    def fail(self, row: Mapping[str, Any]) -> None:
        """Leave, in place of all tables, the row of `failures`."""
        self._drop()
        self.write("failures", self._row("failures", row))
        self._complete()

    def complete_with(self, runs: pa.RecordBatch) -> None:
        """Complete the piece with its row of `runs` as a batch."""
        self.write("runs", runs)
        self._complete()

    def __enter__(self) -> Self:
        with writing(self._folder):
            self._folder.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not completed."""
        with contextlib.suppress(Exception):  # a disk that is full says so again
            self._close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _row(self, table: str, row: Mapping[str, Any], extra: tuple[Column, ...] = ()) -> pa.RecordBatch:
        named = {name: [value] for name, value in row.items()}
        return from_columns(table, named, self.units, self.replicate, extra=extra)

    def _open(self, table: str, schema: pa.Schema) -> pa.RecordBatchStreamWriter:
        import pyarrow as pa

        return pa.ipc.new_stream(str(self._folder / f"{table}{SUFFIX}"), schema)

    def _complete(self) -> None:
        with writing(self._folder):
            self._close()
            sums = {path.name: crc_of(path) for path in sorted(self._folder.glob(f"*{SUFFIX}"))}
            (self._folder / SUMS).write_text(json.dumps(sealed({"files": sums})), encoding="utf-8")
            if self._place.is_dir():  # by a process that outlived the one it worked for: it is the same
                return
            self._folder.rename(self._place)

    def _drop(self) -> None:
        """Forget the tables."""
        self._close()
        for path in self._folder.glob(f"*{SUFFIX}"):
            path.unlink()

    def _close(self) -> None:
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.close()


def piece_folder(pieces: Path, replicate: int) -> Path:
    """Return the folder of a complete piece."""
    return pieces / str(replicate)


def complete_pieces(pieces: Path) -> list[int]:
    """Return the replicates whose pieces are there."""
    if not pieces.is_dir():
        return []
    return sorted(int(each.name) for each in pieces.iterdir() if each.name.isdecimal())


def files_of(piece: Path) -> Files:
    """Return the streams of a piece; none, where its checksums cannot be read."""
    try:
        sums = unsealed(record_of((piece / SUMS).read_text(encoding="utf-8")))["files"]
    except (OSError, ValueError):
        sums = {}
    return Files(piece, sums)


def is_sound(piece: Path) -> bool:
    """Tell whether a piece is, byte for byte, what was written, and nothing else."""
    files = files_of(piece)
    there = {path.name for path in piece.glob(f"*{SUFFIX}")}
    return bool(files.sums) and there == set(files.sums) and not any(files.faults(*files.sums))


def has_failed(piece: Path) -> bool:
    """Tell whether a piece is that of a replicate that failed."""
    return (piece / f"failures{SUFFIX}").is_file()


def batches_of(piece: Path, table: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in a piece, over the memory of the file."""
    import pyarrow as pa

    path = piece / f"{table}{SUFFIX}"
    if path.is_file():
        with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
            yield from stream


def pack(piece: Path) -> dict[str, bytes]:
    """Return a piece as bytes, for the way between machines."""
    return {path.name: path.read_bytes() for path in sorted(piece.iterdir())}


def unpack(pieces: Path, replicate: int, files: Mapping[str, bytes]) -> None:
    """Write a piece that came as bytes.

    Raises
    ------
    ResultsError
        If it holds what no piece does, or is not what was packed: names are those of a worker.
    """
    folder = pieces / f".{replicate}-{uuid.uuid4().hex[:8]}"
    with writing(folder):
        folder.mkdir(parents=True)
        try:
            for name in filter(_is_known, files):
                (folder / name).write_bytes(files[name])
            if not all(map(_is_known, files)) or not is_sound(folder):
                raise _foreign(replicate, files)
            folder.rename(piece_folder(pieces, replicate))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _is_known(name: object) -> bool:
    """Tell whether a piece may have a file of this name."""
    return name == SUMS or name in {f"{table}{SUFFIX}" for table in TABLES}


def _foreign(replicate: int, files: Mapping[str, bytes]) -> ResultsError:
    """Return the error for what a worker sent that is no piece."""
    unknown = ", ".join(repr(name)[:60] for name in files if not _is_known(name))
    return ResultsError(
        f"what a worker of the cluster sent of replicate {replicate} is not what a replicate leaves: "
        + (f"it has a file {unknown}" if unknown else "it is damaged"),
        remedy="ask for the same again; if it comes back, look at the workers: they run code of yours, and you "
        "trust them with the results",
        code="CAS612",
    )
