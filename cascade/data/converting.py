"""`cascade data convert`: files as published become parquet of their canonical tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade.data.arrays import compute, integers_of, taken
from cascade.data.canonical import columns_of, schema_of
from cascade.data.faults import CHECKSUM, CONTRACT, DAY, SYMBOL, UNIT, Faults
from cascade.data.reading import batches
from cascade.data.recognise import Given
from cascade.data.repeats import Copied, Repeats
from cascade.data.soundness import Checked, Reading, check
from cascade.errors import Problem, UsageError, refuse_existing
from cascade.output.parquet import ROW_GROUP, PartWriter
from cascade.output.refusals import writing
from cascade.scenario.source import shown_name
from cascade.scenario.tables import ROW, UNREADABLE

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT: Final = 1
"""Version of the files that conversion writes."""

_NOT_READ: Final = {ROW, UNREADABLE, UNIT, DAY, CONTRACT, SYMBOL, CHECKSUM}
"""Faults after which a file would say something else than was published."""

_PACKINGS: Final = {
    ".gz",
    ".zip",
    ".lz4",
    ".zst",
    ".csv",
    ".tar",
    ".json",
    ".jsonl",
    ".data",
    ".parquet",
    ".txt",
}


@dataclass(frozen=True)
class Converted:
    """A file that conversion wrote, or why it wrote none."""

    source: Path
    checked: Checked
    files: tuple[Path, ...]
    rows: tuple[int, ...]
    refused: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the record that `--json` prints."""
        return {
            "file": shown_name(self.source),
            "verdict": self.checked.word,
            "written": [str(path) for path in self.files],
            "rows": [*self.rows],
            "problems": [each.as_dict() for each in (*self.refused, *self.checked.problems)],
        }


def convert(
    paths: Sequence[Path], out: Path, given: Given | None = None, *, force: bool = False
) -> list[Converted]:
    """Write each file as parquet of its canonical table, after every check.

    A file with cells that cannot be read is left out; what else is wrong is written into the metadata of the parquet.

    Raises
    ------
    UsageError
        If a file exists already, or two sources would become one file; nothing is written then.
    """
    files = check(paths, given)
    plans = [(checked, refusals(checked)) for checked in files]
    _refuse_overwriting(
        [(v, target) for v, no in plans if not no for target in _targets(v, out)], force=force
    )
    return [
        Converted(checked.path, checked, (), (), refused) if refused else _write(checked, out)
        for checked, refused in plans
    ]


def refusals(checked: Checked) -> tuple[Problem, ...]:
    """Return what forbids the use of a file: it would say something else than was published."""
    if not checked.readings:
        return tuple(each for each in checked.problems if each.severity == "error")
    return tuple(
        replace(each, severity="error")
        for each in checked.problems
        if each.code in _NOT_READ and (each.severity == "error" or each.code == SYMBOL)
    )


def _targets(checked: Checked, out: Path) -> list[Path]:
    """Return the files that a source becomes: its name without packing, and the table."""
    stem = Path(checked.path.name)
    while stem.suffix.lower() in _PACKINGS:
        stem = stem.with_suffix("")
    return [out / f"{stem}.{reading.adapter.table}.parquet" for reading in checked.readings]


def _refuse_overwriting(targets: Sequence[tuple[Checked, Path]], *, force: bool) -> None:
    seen: dict[Path, Checked] = {}
    for checked, path in targets:
        if path in seen:
            raise UsageError(
                f"{shown_name(seen[path].path)} and {shown_name(checked.path)} would both become {path.name}",
                where=str(path), remedy="convert them into two folders",
            )  # fmt: skip
        refuse_existing(path, force=force)
        seen[path] = checked


def _write(checked: Checked, out: Path) -> Converted:
    """Write every table of a source."""
    files = _targets(checked, out)
    rows: list[int] = []
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for reading, path in zip(checked.readings, files, strict=True):
            rows.append(_write_table(checked, reading, path))
    return Converted(checked.path, checked, tuple(files), tuple(rows), ())


def _write_table(checked: Checked, reading: Reading, path: Path) -> int:
    """Write one table and return its rows: streaming, or where rows have to be sorted at once."""
    import pyarrow as pa

    schema = schema_of(reading.adapter.table, metadata_of(checked, reading))
    written = 0
    with PartWriter(path, schema) as part:
        found = tables_of(checked, reading)
        for table in found if reading.is_sorted else _sorted(found):
            part.write(pa.table(table.columns, schema=schema))
            written += len(table)
    return written


def tables_of(checked: Checked, reading: Reading) -> Iterator[pa.Table]:
    """Yield the rows of a source in whole row groups: once each, labelled by the start of their interval."""
    import pyarrow as pa

    kept = _Kept(reading)
    waiting: list[pa.Table] = []
    n = 0
    for batch in batches(checked.path, reading.adapter, reading.about, Faults("")):
        table = _labelled(kept.of(batch.table), reading)
        waiting.append(table)
        n += len(table)
        if n >= ROW_GROUP:
            whole = pa.concat_tables(waiting)
            full = n // ROW_GROUP * ROW_GROUP
            yield whole.slice(0, full)
            waiting, n = [whole.slice(full)], n - full
    if n:
        yield pa.concat_tables(waiting)


def _sorted(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield all rows in the order of time; those of one time as they were published."""
    import pyarrow as pa

    everything = [*tables]
    if everything:
        whole = pa.concat_tables(everything)
        yield taken(whole, np.argsort(integers_of(whole.column("time")), kind="stable"))


def _labelled(table: pa.Table, reading: Reading) -> pa.Table:
    """Return rows with the start of their interval as their time."""
    import pyarrow as pa

    if reading.label != "end" or not reading.interval_s:
        return table
    step = pa.scalar(round(reading.interval_s * 1e6), pa.duration("us"))
    return table.set_column(0, table.schema.field(0), compute().subtract(table.column(0), step))


class _Kept:
    """Which rows of a source are kept: of those that are there again the first, of copies one."""

    def __init__(self, reading: Reading) -> None:
        self._copies = reading.adapter.copies
        self._copied = Copied() if self._copies > 1 else None
        self._repeats = Repeats(reading.adapter.key) if reading.has_repeats else None

    def of(self, table: pa.Table) -> pa.Table:
        """Return the rows of a table that are kept."""
        if self._copied is not None:
            keep = self._copied.of(table) % self._copies == 1
        elif self._repeats is not None:
            keep = np.ones(len(table), bool)
            for rows in self._repeats.of(table):
                keep[rows] = False
        else:
            return table
        return taken(table, np.flatnonzero(keep))


def metadata_of(checked: Checked, reading: Reading) -> dict[str, str]:
    """Return what a converted file says of itself; it holds no path and no time of writing."""
    adapter = reading.adapter
    told: dict[str, Any] = {
        "format": FORMAT,
        "source": checked.path.name,
        "adapter": adapter.name,
        "adapter_version": adapter.version,
        "table": adapter.table,
        "label": "start" if reading.label else "",
        "published_label": reading.label,
        "published_time_units": [*reading.units],
        "interval_s": reading.interval_s,
        "side": adapter.side,
        "price_is": adapter.price_is,
        "contracts": asdict(reading.about.contract),
        "units": {column.name: column.unit for column in columns_of(adapter.table)},
        "quality": checked.word,
        "problems": [f"{each.code} line {each.line}: {each.message}" for each in checked.problems],
    }
    return {"source_sha256": checked.sha256, "cascade": json.dumps(told, sort_keys=True)}
