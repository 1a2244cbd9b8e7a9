"""Reads a run: lazy tables, metrics, manifest; refuses what is unfinished or newer than this Cascade."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from cascade.errors import ResultsError
from cascade.output import log
from cascade.output import manifest as manifests
from cascade.output.checksums import damaged
from cascade.output.files import Files
from cascade.output.parquet import holds, of_replicates, read_file, read_files
from cascade.output.piece import PIECES, SUFFIX, SUMS, complete_pieces, files_of, piece_folder
from cascade.output.run_units import RunUnits
from cascade.output.schemas import SINGLE_FILES, TABLES
from cascade.output.shards import place_of, single_file

if TYPE_CHECKING:
    import pyarrow as pa

    from cascade.scenario.schema import Scenario


Loader: TypeAlias = Callable[["Sequence[str] | None", "int | None"], "pa.Table"]
"""Reads some columns of a table and the rows of one replicate; all of them, if given None."""


class Tables(Mapping[str, "pa.Table"]):
    """The tables of a run by name, each read when first asked for and then kept."""

    def __init__(self, loaders: Mapping[str, Loader], where: str = "") -> None:
        self._loaders = dict(loaders)
        self._where = where
        self._read: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._read:
            self._read[name] = self._loader(name)(None, None)
        return self._read[name]

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Return some columns of a table, read anew and not kept: of a large one they are all there is room for."""
        return self._read[name].select(columns) if name in self._read else self._loader(name)(columns, None)

    def replicate(self, name: str, number: int) -> pa.Table:
        """Return the rows of one replicate, from the files that hold it."""
        if name in self._read:
            return of_replicates(self._read[name], [number])
        return self._loader(name)(None, number)

    def _loader(self, name: str) -> Loader:
        if name not in self._loaders:
            recorded = ", ".join(self._loaders)
            remedy = (
                f"recorded are: {recorded}; ask for it under `outputs:` of the scenario and run it again"
                if name in TABLES
                else f"tables are: {recorded}"
            )
            raise ResultsError(
                f"the run has no table {name!r}", where=self._where, remedy=remedy, code="CAS607"
            )
        return self._loaders[name]

    def __contains__(self, name: object) -> bool:
        return name in self._loaders

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    def __repr__(self) -> str:
        return f"Tables({', '.join(self._loaders)})"


@dataclass(frozen=True)
class Result:
    """A run that can no longer change: tables, metrics and where they come from."""

    tables: Tables
    manifest: Mapping[str, Any]
    """Provenance, request, outcome and rows per table; empty for a run that has not finished."""
    path: Path | None = None
    """Its folder; None for a run that was kept in memory."""
    files: Files | None = None
    """What it was read from."""
    scenario: Scenario | None = None
    """The scenario of a run that was kept in memory."""

    @classmethod
    def in_memory(
        cls, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], scenario: Scenario | None = None
    ) -> Result:
        """Return a result that was never written."""

        def loader(table: pa.Table) -> Loader:
            def load(columns: Sequence[str] | None, replicate: int | None) -> pa.Table:
                rows = table if replicate is None else of_replicates(table, [replicate])
                return rows if columns is None else rows.select(columns)

            return load

        loaders = {name: loader(table) for name, table in tables.items()}
        return cls(Tables(loaders), MappingProxyType(dict(manifest)), scenario=scenario)

    @property
    def runs(self) -> pa.Table:
        """One row per replicate: outcome and every metric."""
        return self.tables["runs"]

    @property
    def name(self) -> str:
        """Name of the scenario."""
        scenario = self.manifest.get("scenario", {})
        return str(scenario.get("name") or (self.path.name if self.path else "run"))

    @property
    def outcome(self) -> str:
        """How the run ended, as a word; `unfinished` where it did not."""
        return str(self.manifest.get("outcome", {}).get("status", "unfinished"))

    @cached_property
    def units(self) -> RunUnits:
        """Markets, reporting venues, step and start of the run."""
        if "units" not in self.manifest:
            raise ResultsError("a run that has not finished does not know its units", code="CAS602")
        return RunUnits.from_json(self.manifest["units"])

    @property
    def replicates(self) -> list[int]:
        """Numbers of the replicates that finished."""
        return self.runs.column("replicate").to_pylist()

    def replicate(self, table: str, number: int) -> pa.Table:
        """Return the rows of one replicate."""
        return self.tables.replicate(table, number)

    def metrics(self, replicate: int = 0) -> dict[str, Any]:
        """Return the row of a replicate in `runs`, by name."""
        return self.replicate("runs", replicate).to_pylist()[0]

    def events(self) -> pa.Table:
        """Return shocks, liquidations, auto-deleveraging and changes of funds on one clock, a row each."""
        from cascade.output.events import events_of
        from cascade.scenario.load import load

        scenario = self.scenario if self.files is None else load(self.resolved(), allow=None)
        return events_of(self.tables, self.replicates, self.units.start, scenario)

    def scenario_text(self) -> str:
        """Return the scenario as its author wrote it."""
        if self.files is None:
            raise ResultsError("a run kept in memory has no scenario file", code="CAS607")
        return self.files.path(manifests.SCENARIO).read_text(encoding="utf-8")

    def resolved(self) -> Path:
        """Return the file of the resolved scenario, once it is found to be the one that ran."""
        if self.files is None:
            raise ResultsError("a run kept in memory has no scenario file", code="CAS607")
        return self.files.path(manifests.RESOLVED)

    def __repr__(self) -> str:
        where = f", path='{self.path}'" if self.path else ""
        return f"Result({self.name!r}, {self.outcome}, {len(self.runs)} replicates{where})"

    def _repr_html_(self) -> str:
        """Return a heading and the tables with their sizes, for notebooks."""
        text = self.manifest.get("outcome", {}).get("text", "")
        rows = self.manifest.get("rows", {})
        items = "".join(
            f"<tr><td style='text-align:left'><code>{name}</code></td><td>{rows.get(name, ''):,}</td>"
            f"<td style='text-align:left'>{html.escape(TABLES[name].description)}</td></tr>"
            for name in self.tables
            if name in rows
        )
        place = f"<br><small>{html.escape(str(self.path))}</small>" if self.path else ""
        return (
            f"<b>{html.escape(self.name)}</b>: {html.escape(self.outcome)}, {len(self.runs):,} replicates. "
            f"{html.escape(str(text))}{place}<table><tr><th style='text-align:left'>table</th><th>rows</th>"
            f"<th></th></tr>{items}</table>"
        )


def read(folder: str | Path, *, partial: bool = False) -> Result:
    """Return the run in a folder.

    Parameters
    ----------
    partial
        Read the finished replicates of a run that was interrupted or is still going on.

    Raises
    ------
    ResultsError
        The folder is not there, not of Cascade, not finished, or of a newer major version.
    """
    folder = Path(folder)
    if partial and (folder / manifests.RESOLVED).exists() and not (folder / manifests.MANIFEST).exists():
        return _unfinished(folder)
    manifest = manifests.load(folder)
    if manifest["kind"] != "run":
        raise ResultsError(
            f"this folder holds a {manifest['kind']}, not a single run",
            where=str(folder),
            remedy="read it with cascade.read(folder), or give the folder of one of its variants",
            code="CAS601",
        )
    files = Files(folder, manifest[manifests.FILES])
    if not (folder / single_file("runs")).is_file():
        raise damaged(folder / single_file("runs"), "it is gone")
    loaders = {name: _loader(places) for name in TABLES if (places := _places(files, name))}
    return Result(Tables(loaders, str(folder)), MappingProxyType(manifest), folder, files)


def _unfinished(folder: Path) -> Result:
    """Return what has finished of a run that has not."""
    if not log.events(folder):
        raise damaged(
            folder / log.LOG, "only the log knows what has been written of a run that has not finished"
        )
    files = Files(folder, log.checksums(folder))
    places = _unfinished_places(files)
    loaders = {name: _loader(places[name]) for name in TABLES if places[name]}
    if "runs" not in loaders:
        raise ResultsError(
            "no replicate has finished",
            where=str(folder),
            remedy="ask for the run again: it goes on where it stopped",
            code="CAS602",
        )
    return Result(Tables(loaders, str(folder)), MappingProxyType({}), folder, files)


Place: TypeAlias = tuple[Files, str]
"""A file among others that are known with it."""


def _places(files: Files, table: str) -> list[Place]:
    """Return the files of a table of a complete run, in order."""
    names = [single_file(table)] if table in SINGLE_FILES else files.within(place_of(table))
    return [(files, name) for name in names if name in files]


def _unfinished_places(files: Files) -> dict[str, list[Place]]:
    """Return the files of each table that hold finished replicates: shards that are done, then lone replicates."""
    written: set[int] = set()
    found: dict[str, list[Place]] = {
        name: [(files, part) for part in files.within(place_of(name))] for name in TABLES
    }
    for name in SINGLE_FILES:
        for _, part in found[name]:
            written.update(read_file(files.path(part), ["replicate"]).column("replicate").to_pylist())
    pieces = files.folder / PIECES
    for replicate in complete_pieces(pieces):
        if replicate in written:
            continue
        piece = files_of(piece_folder(pieces, replicate))
        if not piece.sums:
            raise damaged(piece.folder / SUMS, "nothing says what was written")
        for name in TABLES:
            stream = f"{name}{SUFFIX}"
            found[name] += [(piece, stream)] if stream in piece else []
    return found


def _loader(places: Sequence[Place]) -> Loader:
    """Return what reads a table from files, each of which has to be the one that was written."""

    def load(columns: Sequence[str] | None, replicate: int | None) -> pa.Table:
        paths = [files.path(name) for files, name in places]
        if replicate is None:
            return read_files(paths, columns)
        of_it = [path for path in paths if holds(path, replicate)] or paths[:1]
        rows = of_replicates(read_files(of_it), [replicate])
        return rows if columns is None else rows.select(columns)

    return load
