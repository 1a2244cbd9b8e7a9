"""Writes a run into its folder, shard by shard: whole files only, the manifest last, resumable at any moment."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from cascade import provenance
from cascade.errors import ResultsError
from cascade.output import log
from cascade.output import manifest as manifests
from cascade.output.checksums import crc_of_text
from cascade.output.claim import CLAIM, claim, refuse_if_held, release
from cascade.output.files import Files
from cascade.output.parquet import write_parquet
from cascade.output.piece import PIECES, Piece, complete_pieces, has_failed, is_sound, piece_folder, unpack
from cascade.output.refusals import writing
from cascade.output.run_units import RunUnits
from cascade.output.schemas import SINGLE_FILES, TABLES, Column
from cascade.output.shards import HIDDEN, Parts, Shard, shards_of, single_file
from cascade.output.software import refuse_other_software

Start: TypeAlias = Literal["new", "resume", "retry", "force"]
"""What to do with what a folder holds: refuse it, go on, go on and run what failed again, start over."""


def run_folder(root: Path, scenario: str, digest: str) -> Path:
    """Return the folder of a request."""
    return root / f"{scenario}-{digest}"


def is_complete(folder: Path) -> bool:
    """Tell whether a folder holds a complete run."""
    return (folder / manifests.MANIFEST).is_file()


class RunWriter:
    """Writes one run; use it as a context, and call `close` when every replicate is in.

    Replicates become pieces, in any order and in any process; pieces become shards as soon as theirs
    are all there. What a killed run leaves has no manifest, and holds whole what had finished.

    Parameters
    ----------
    folder
        As `run_folder` names it.
    scenario_text, resolved_text
        The scenario as written, and resolved.
    tables
        Tables the run records besides `runs` and `failures`; each exists afterwards, if only empty.
    replicates
        Their numbers.
    request
        What was asked for besides the scenario (seed, replicates, ...), for the manifest; its `digest` tells
        it from all other requests.
    metrics
        Columns of `runs` after the declared ones.
    start
        What to do with what an earlier session left in the folder.

    Attributes
    ----------
    pending : tuple[int, ...]
        Replicates that have neither finished nor failed.
    found : int
        Replicates that an earlier session left.
    damaged : tuple[str, ...]
        What of them could not be read, as sentences; it is pending again.
    """

    def __init__(
        self,
        folder: Path,
        units: RunUnits,
        *,
        scenario_text: str,
        resolved_text: str,
        tables: Sequence[str],
        replicates: Sequence[int],
        request: Mapping[str, Any],
        scenario_path: str = "",
        metrics: tuple[Column, ...] = (),
        start: Start = "new",
    ) -> None:
        self.folder = folder
        self.units = units
        self.tables = tuple(tables)
        self.metrics = metrics
        self.request = dict(request)
        self.pieces = folder / PIECES
        self.shards = shards_of(replicates, tables)
        self.files = Files(folder, {})
        self._parts = Parts(self.files, units, self.tables, metrics)
        self._started, self._clock = datetime.now(UTC), time.monotonic()
        self._scenario = {
            "name": units.scenario,
            "path": scenario_path,
            "sha256": provenance.sha256(scenario_text),
            "resolved_sha256": provenance.sha256(resolved_text),
        }
        self.damaged: tuple[str, ...] = ()
        self._missing: dict[int, set[int]] = {shard.number: set(shard.replicates) for shard in self.shards}
        self._shard_of = {k: shard for shard in self.shards for k in shard.replicates}
        with writing(folder):
            _prepare(folder, start, self.request.get("digest"))
            try:
                self._begin(scenario_text, resolved_text, retry=start == "retry")
            except BaseException:
                release(folder)
                raise

    @property
    def pending(self) -> tuple[int, ...]:
        """Return the replicates that have neither finished nor failed, in order."""
        return tuple(k for shard in self.shards for k in self.pending_in(shard.number))

    def pending_in(self, shard: int) -> tuple[int, ...]:
        """Return those of a shard."""
        return tuple(k for k in self.shards[shard].replicates if k in self._missing[shard])

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is pending."""
        return not any(self._missing.values())

    @property
    def n_finished(self) -> int:
        """Return the replicates that have finished or failed."""
        return len(self._shard_of) - sum(map(len, self._missing.values()))

    def piece(self, replicate: int) -> Piece:
        """Return what writes the rows of a replicate; `add` it when it is complete."""
        return Piece(self.pieces, self.units, replicate, self.metrics)

    def add(
        self, replicate: int, files: Mapping[str, bytes] | None = None, *, seconds: float | None = None
    ) -> None:
        """Take the complete piece of a replicate, and write its shard if it was the last.

        Parameters
        ----------
        files
            The piece, where it was made on another machine.
        """
        with writing(self.folder):
            if files is not None:
                unpack(self.pieces, replicate, files)
            self._note_finished(replicate, **({} if seconds is None else {"seconds": round(seconds, 3)}))
            self._take(replicate)

    def close(self, outcome: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Path:
        """Complete the run and return its folder.

        Parameters
        ----------
        outcome
            `status` (a word) and `text` (a sentence), and whatever else belongs to it.
        extra
            Further entries of the manifest: checks, warnings.
        """
        if not self.is_whole:
            raise ResultsError(f"{len(self.pending)} replicates are missing", where=str(self.folder))
        with writing(self.folder):
            rows = {name: self._parts.count(name) for name in (*self.tables, *SINGLE_FILES)}
            self._note_files("complete", self._merge_single())
            manifests.write(self.folder, self._manifest(rows, outcome, extra))
            release(self.folder)
            shutil.rmtree(self.pieces, ignore_errors=True)
        return self.folder

    def rows(self, table: str) -> Any:
        """Return `runs` or `failures` of all shards."""
        return self._parts.rows(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up the folder; what has finished is on disk already."""
        if not is_complete(self.folder):
            release(self.folder)

    def _begin(self, scenario_text: str, resolved_text: str, *, retry: bool) -> None:
        """Find what is there, and open the log of this session."""
        resumed = is_complete(self.folder) or bool(log.events(self.folder))
        damaged: list[str] = []
        if resumed:
            refuse_other_software(self.folder)
            self.files.update(_known(self.folder))
            damaged += self._faults_of_whole()
        texts = {manifests.SCENARIO: scenario_text, manifests.RESOLVED: resolved_text}
        self._note_files(
            "resumed" if resumed else "started", {name: crc_of_text(text) for name, text in texts.items()},
            replicates=len(self._shard_of), digest=self.request.get("digest"), **log.session(),
        )  # fmt: skip
        for name, text in texts.items():
            manifests.write_atomically(self.folder / name, text)
        self.pieces.mkdir(exist_ok=True)
        if resumed:
            self._reopen()
            damaged += self._find(retry=retry)
            for sentence in damaged:
                log.note(self.folder, "damaged", what=sentence)
        self.damaged = tuple(damaged)
        self.found = self.n_finished

    def _note_files(self, event: str, sums: Mapping[str, int | None], **facts: Any) -> None:
        """Log what files have been written, or removed, and count them as such."""
        log.note(self.folder, event, checksums=dict(sums), **facts)
        self.files.update(sums)

    def _faults_of_whole(self) -> Iterator[str]:
        """Yield what is wrong with a complete run apart from its parts, as sentences."""
        if not is_complete(self.folder):
            return
        try:
            manifests.load(self.folder)
        except ResultsError as error:
            yield is_written_again(manifests.MANIFEST, error.problem)
        for name, problem in self.files.faults(*self.files.within(".")):
            yield is_written_again(name, problem)

    def _reopen(self) -> None:
        """Make the run one that can be worked on, its parts first, so that nothing is ever missing."""
        restored = self._parts.restore(self.shards)
        if restored or is_complete(self.folder):  # from here on only the log names the parts
            self._note_files("restored", {**self.files.sums, **restored})
        (self.folder / manifests.MANIFEST).unlink(missing_ok=True)
        for name in map(single_file, SINGLE_FILES):
            (self.folder / name).unlink(missing_ok=True)
        self._note_files("reopened", dict.fromkeys(map(single_file, SINGLE_FILES)))  # they are written last

    def _find(self, *, retry: bool) -> Iterator[str]:
        """Take what an earlier session finished; drop what is damaged, and what failed if asked to."""
        for path in self.pieces.glob(".*"):
            shutil.rmtree(path, ignore_errors=True)
        for shard in self.shards:
            if self._parts.is_done(shard):
                yield from self._examine(shard, retry=retry)
        known = [
            each.get("replicate")
            for each in log.events(self.folder)
            if each["event"] in ("finished", "failed")
        ]
        for replicate in complete_pieces(self.pieces):
            yield from self._examine_piece(replicate, retry=retry, is_known=replicate in known)

    def _examine(self, shard: Shard, *, retry: bool) -> Iterable[str]:
        """Take a shard that is done, unless it is damaged."""
        faults = list(self.files.faults(*self._parts.names(shard)))
        if faults:
            self._note_files("dropped", self._parts.drop(shard))
            return [
                f"{name} is damaged ({problem}): replicates {shard.replicates[0]} "
                f"to {shard.replicates[-1]} are run again"
                for name, problem in faults
            ]
        if retry and self._parts.name("failures", shard.number) in self.files:
            self._note_files("dropped", self._parts.split(shard, self.pieces))
        else:
            self._missing[shard.number].clear()
            for replicate in shard.replicates:
                shutil.rmtree(piece_folder(self.pieces, replicate), ignore_errors=True)
        return []

    def _examine_piece(self, replicate: int, *, retry: bool, is_known: bool) -> Iterable[str]:
        """Take a piece that waits for its shard, unless it is damaged; a kill may have come before its log."""
        piece = piece_folder(self.pieces, replicate)
        sound = is_sound(piece)
        if not sound or (retry and has_failed(piece)) or replicate not in self._shard_of:
            shutil.rmtree(piece)
            return [] if sound else [f"what replicate {replicate} left is damaged: it is run again"]
        if not is_known:
            self._note_finished(replicate)
        self._take(replicate)
        return []

    def _note_finished(self, replicate: int, **facts: float) -> None:
        failed = has_failed(piece_folder(self.pieces, replicate))
        log.note(self.folder, "failed" if failed else "finished", replicate=replicate, **facts)

    def _take(self, replicate: int) -> None:
        """Count a piece as there; write its shard if it was the last."""
        shard = self._shard_of[replicate]
        missing = self._missing[shard.number]
        missing.discard(replicate)
        if missing:
            return
        self._note_files("written", self._parts.merge(shard, self.pieces), shard=shard.number)
        for each in shard.replicates:
            shutil.rmtree(piece_folder(self.pieces, each), ignore_errors=True)

    def _merge_single(self) -> dict[str, int]:
        """Write the small tables as one file each, and return their checksums."""
        whole = {table: self.rows(table) for table in SINGLE_FILES}
        return {
            single_file(table): write_parquet(self.folder / single_file(table), rows)
            for table, rows in whole.items()
            if len(rows) or table == "runs"
        }

    def _manifest(
        self, rows: Mapping[str, int], outcome: Mapping[str, Any], extra: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return the manifest of the run as it stands."""
        counts = {"replicates_finished": rows["runs"], "replicates_failed": rows["failures"]}
        sessions = [each for each in log.events(self.folder) if each["event"] in ("started", "resumed")]
        return {
            **manifests.made_by("run"),
            "command": provenance.command_line(),
            "scenario": self._scenario,
            "request": self.request,
            "started": self._started.isoformat(timespec="milliseconds"),
            "wall_s": round(time.monotonic() - self._clock, 3),
            "peak_memory_bytes": provenance.peak_memory_bytes(),
            "outcome": {**outcome, **counts},
            "rows": rows,
            "units": self.units.to_json(),
            "sessions": len(sessions),
            **(extra or {}),
            manifests.FILES: self.files.sums,
        }


def faults(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of a complete run or sweep that are missing or damaged, with what is wrong."""
    try:
        files = Files(folder, manifests.load(folder)[manifests.FILES])
    except ResultsError as error:
        yield manifests.MANIFEST, error.problem
    else:
        yield from files.faults(*files.sums)


def holds_request(folder: Path, digest: str | None) -> bool:
    """Tell whether a folder holds this request, finished or not: whatever it says of itself has to agree."""
    said = [each.get("digest") for each in log.events(folder)]
    with contextlib.suppress(ResultsError):
        said.append(manifests.load(folder)["request"].get("digest"))
    return bool(said) and all(each in (None, digest) for each in said)


def foreign(folder: Path) -> ResultsError:
    """Return the error for a folder that holds something else than what is asked for."""
    return ResultsError(
        "the folder holds something else than this run",
        where=str(folder),
        remedy="use --force to start over in it, or choose another folder with -o",
        code="CAS605",
    )


def is_written_again(name: str, problem: str) -> str:
    """Return what to say of a damaged file that is made of others."""
    return f"{name} is damaged ({problem}): it is written again"


def _known(folder: Path) -> dict[str, int]:
    """Return the files of a run, finished or not, as its manifest names them, or else its log."""
    with contextlib.suppress(ResultsError):
        return manifests.load(folder)[manifests.FILES]
    return log.checksums(folder)


def _prepare(folder: Path, start: Start, digest: str | None) -> None:
    """Make the folder ours, or refuse."""
    refuse_if_held(folder)
    in_use = folder.is_dir() and any(not path.name.startswith(CLAIM) for path in folder.iterdir())
    ours = holds_request(folder, digest)
    if in_use and start != "force" and (start == "new" or not ours):
        raise _done(folder) if ours and is_complete(folder) else foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    claim(folder)
    if start == "force" or not ours:
        _clear(folder)


def _done(folder: Path) -> ResultsError:
    """Return the error for a run that is complete."""
    return ResultsError(
        "this run is done already",
        where=str(folder),
        remedy="read it with cascade.read(folder), or use --force to run it again",
        code="CAS605",
    )


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, its manifest first; files of others stay."""
    for name in (manifests.MANIFEST, log.LOG, manifests.SCENARIO, manifests.RESOLVED, "report.html"):
        (folder / name).unlink(missing_ok=True)
    for hidden in (PIECES, HIDDEN):
        shutil.rmtree(folder / hidden, ignore_errors=True)
    for table in TABLES:
        (folder / f"{table}.parquet").unlink(missing_ok=True)
        shutil.rmtree(folder / table, ignore_errors=True)
