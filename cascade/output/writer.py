"""Streams a run into its folder: bounded memory, whole files only, the manifest last."""

from __future__ import annotations

import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from cascade import provenance
from cascade.errors import ResultsError
from cascade.output import manifest as manifests
from cascade.output.claim import claim, refuse_if_held, release
from cascade.output.convert import from_columns
from cascade.output.parquet import concatenate, read_parts, write_parquet
from cascade.output.run_units import RunUnits
from cascade.output.schemas import SINGLE_FILES, TABLES, Column, schema

if TYPE_CHECKING:
    import pyarrow as pa

BUFFER_BYTES: Final = 64 << 20
"""Rows held in memory, all tables together, before they become part files."""

FLUSH_S: Final = 30.0
"""Seconds after which finished replicates go to disk even if memory is plentiful."""


def run_folder(root: Path, scenario: str, digest: str) -> Path:
    """Return the folder of a request."""
    return root / f"{scenario}-{digest}"


def is_complete(folder: Path) -> bool:
    """Tell whether a folder holds a complete run."""
    return (folder / manifests.MANIFEST).is_file()


class RunWriter:
    """Writes one run; use it as a context, and call `close` when every replicate is in.

    Rows of several replicates may arrive in turn, from several threads. What a killed run leaves has
    no manifest, and each replicate that its `runs` parts name is there with all its rows.

    Parameters
    ----------
    folder
        As `run_folder` names it.
    scenario_text, resolved_text
        The scenario as written, and resolved.
    tables
        Tables the run records besides `runs` and `failures`; each exists afterwards, if only empty.
    request
        What was asked for besides the scenario (seed, replicates, ...), for the manifest.
    metrics
        Columns of `runs` after the declared ones.
    force
        Replace what an earlier run left in the folder.
    """

    def __init__(
        self,
        folder: Path,
        units: RunUnits,
        *,
        scenario_text: str,
        resolved_text: str,
        tables: Sequence[str],
        request: Mapping[str, Any],
        scenario_path: str = "",
        metrics: tuple[Column, ...] = (),
        force: bool = False,
        buffer_bytes: int = BUFFER_BYTES,
        flush_s: float = FLUSH_S,
    ) -> None:
        self.folder = folder
        self.units = units
        self.tables = tuple(tables)
        self.request = dict(request)
        self.metrics = metrics
        self.rows: dict[str, int] = dict.fromkeys((*tables, *SINGLE_FILES), 0)
        self._buffer_bytes, self._flush_s = buffer_bytes, flush_s
        self._buffered: dict[str, dict[int, list[pa.RecordBatch]]] = defaultdict(lambda: defaultdict(list))
        self._bytes = 0
        self._parts: dict[str, int] = defaultdict(int)
        self._lock = threading.RLock()
        self._started, self._clock = datetime.now(UTC), time.monotonic()
        self._flushed = self._clock
        self._scenario = {
            "name": units.scenario,
            "path": scenario_path,
            "sha256": provenance.sha256(scenario_text),
            "resolved_sha256": provenance.sha256(resolved_text),
        }
        _prepare(folder, force=force)
        manifests.write_atomically(folder / manifests.SCENARIO, scenario_text)
        manifests.write_atomically(folder / manifests.RESOLVED, resolved_text)

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Add rows of one replicate to a table."""
        if batch.num_rows == 0:
            return
        replicate = int(batch.column("replicate")[0].as_py())
        with self._lock:
            self._buffered[table][replicate].append(batch)
            self.rows[table] = self.rows.get(table, 0) + batch.num_rows
            self._bytes += batch.nbytes
            if self._bytes >= self._buffer_bytes:
                self._flush_rows()

    def finish_replicate(self, replicate: int, row: Mapping[str, Any]) -> None:
        """Record that a replicate has finished and all its rows have been written."""
        with self._lock:
            self.write("runs", self._row("runs", replicate, row, self.metrics))
            if time.monotonic() - self._flushed >= self._flush_s:
                self.flush()

    def fail_replicate(self, replicate: int, row: Mapping[str, Any]) -> None:
        """Record that a replicate failed; its rows up to there stay."""
        with self._lock:
            self.write("failures", self._row("failures", replicate, row))
            self.flush()

    def flush(self) -> None:
        """Put everything on disk, rows before the replicates they belong to."""
        with self._lock:
            self._flush_rows()
            for table in SINGLE_FILES:
                self._write_part(table)
            self._flushed = time.monotonic()

    def close(self, outcome: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Path:
        """Complete the run and return its folder.

        Parameters
        ----------
        outcome
            `status` (a word) and `text` (a sentence), and whatever else belongs to it.
        extra
            Further entries of the manifest: checks, warnings.
        """
        with self._lock:
            self.flush()
            for table in self.tables:
                if not self._parts[table]:
                    self._write_empty(table)
            self._merge("runs", self.metrics, always=True)
            self._merge("failures", (), always=False)
            manifests.write(self.folder, self._manifest(outcome, extra))
            release(self.folder)
            for table in SINGLE_FILES:
                shutil.rmtree(self.folder / table, ignore_errors=True)
        return self.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the finished replicates of a run that is interrupted."""
        if is_complete(self.folder):
            return
        try:
            self.flush()
        finally:
            release(self.folder)

    def _row(
        self, table: str, replicate: int, row: Mapping[str, Any], extra: tuple[Column, ...] = ()
    ) -> pa.RecordBatch:
        """Return one row as a batch."""
        named = {name: [value] for name, value in row.items()}
        return from_columns(table, named, self.units, replicate, extra=extra)

    def _flush_rows(self) -> None:
        """Write a part of each table that has rows, but for `runs` and `failures`."""
        for table in [name for name in self._buffered if name not in SINGLE_FILES]:
            self._write_part(table)
        self._bytes = 0

    def _write_part(self, table: str) -> None:
        """Write what is buffered of a table, replicate by replicate, as its next part."""
        by_replicate = self._buffered.get(table)
        if not by_replicate:
            return
        batches = [batch for replicate in sorted(by_replicate) for batch in by_replicate[replicate]]
        write_parquet(self._next_part(table), concatenate(batches))
        self._parts[table] += 1
        del self._buffered[table]

    def _write_empty(self, table: str) -> None:
        """Write a part without rows, so that readers find the table's columns."""
        empty = concatenate([], schema(table, dated=self.units.dated))
        write_parquet(self._next_part(table), empty)
        self._parts[table] += 1

    def _next_part(self, table: str) -> Path:
        """Return the path of the next part of a table."""
        folder = self.folder / table
        folder.mkdir(exist_ok=True)
        return folder / f"part-{self._parts[table]:05d}.parquet"

    def _merge(self, table: str, extra: tuple[Column, ...], *, always: bool) -> None:
        """Write the parts of a small table as one file, in the order of replicates."""
        if not self._parts[table] and not always:
            return
        declared = schema(table, dated=self.units.dated, extra=extra)
        whole = read_parts(self.folder / table, declared)
        write_parquet(self.folder / f"{table}.parquet", whole)

    def _manifest(self, outcome: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the manifest of the run as it stands."""
        counts = {"replicates_finished": self.rows["runs"], "replicates_failed": self.rows["failures"]}
        return manifests.build(
            scenario=self._scenario,
            request=self.request,
            outcome={**outcome, **counts},
            rows=self.rows,
            units=self.units.to_json(),
            started=self._started.isoformat(timespec="milliseconds"),
            wall_s=time.monotonic() - self._clock,
            extra=extra,
        )


def _prepare(folder: Path, *, force: bool) -> None:
    """Make the folder ours and empty of earlier results, or refuse."""
    refuse_if_held(folder)
    if folder.is_dir() and any(folder.iterdir()) and not force:
        done = is_complete(folder)
        raise ResultsError(
            "this run is done already" if done else "an earlier run of this was not finished",
            where=str(folder),
            remedy="read it with cascade.read(folder), or use --force to run it again"
            if done
            else "use --force to start it again, or read the finished replicates with "
            "cascade.read(folder, partial=True)",
            code="CAS605",
        )
    folder.mkdir(parents=True, exist_ok=True)
    claim(folder)
    _clear(folder)


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, its manifest first; files of others stay."""
    for name in (manifests.MANIFEST, manifests.SCENARIO, manifests.RESOLVED, "report.html"):
        (folder / name).unlink(missing_ok=True)
    for table in TABLES:
        (folder / f"{table}.parquet").unlink(missing_ok=True)
        shutil.rmtree(folder / table, ignore_errors=True)
