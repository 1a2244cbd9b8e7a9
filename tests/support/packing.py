"""Files in the formats of public archives: how they are packed, and how what is read of them is held to its value."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

DAY_MS = 1_751_328_000_000
"""1 July 2025, midnight UTC."""

Told: TypeAlias = Mapping[str, Any]
"""A row of a canonical table; what it does not name is null."""


@dataclass(frozen=True)
class Example:
    """A file of a kind: where it lies, what its line k is, and which rows of the canonical table that makes."""

    kind: str
    path: str
    header: str
    line: Callable[[int], str]
    makes: Callable[[int], Sequence[Told]]

    def lines(self, n: int) -> list[str]:
        return [*([self.header] if self.header else []), *(self.line(k) for k in range(n))]

    def rows(self, n: int) -> list[Told]:
        """Return what the canonical table has of the first n lines."""
        return [row for k in range(n) for row in self.makes(k)]


def packed(path: Path, text: str) -> Path:
    """Write a text as the name of the file says it is packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw, inner = text.encode(), path.name
    if path.name.endswith(".tar.gz"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(inner.removesuffix(".tar.gz"))
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
        path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(raw, mtime=0))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(inner.replace(".zip", ".csv"), raw)
    elif path.suffix == ".lz4":
        buffer = pa.BufferOutputStream()
        with pa.CompressedOutputStream(buffer, "lz4") as stream:
            stream.write(raw)
        path.write_bytes(buffer.getvalue().to_pybytes())
    else:
        path.write_bytes(raw)
    return path


def write(folder: Path, example: Example, n: int = 20, *, lines: Sequence[str] | None = None) -> Path:
    """Write the file of an example below a folder."""
    found = example.lines(n) if lines is None else lines
    return packed(folder / example.path, "\n".join(found) + "\n")


def cells(*values: Any) -> str:
    """Return a line of CSV; None is a blank cell."""
    return ",".join("" if value is None else str(value) for value in values)


def iso(seconds: float, between: str = "T", end: str = "Z") -> str:
    return str(np.datetime64(DAY_MS // 1000 + int(seconds), "s")).replace("T", between) + end


def at(us: int) -> dt.datetime:
    """Return the time that is so many microseconds after midnight."""
    return dt.datetime.fromtimestamp(DAY_MS / 1e3, dt.UTC) + dt.timedelta(microseconds=us)


def hold(table: pa.Table, rows: Sequence[Told], *, without: frozenset[str] = frozenset()) -> None:
    """Hold every cell of a table to the value it was made with: numbers to the last digits, all else exactly."""
    assert len(table) == len(rows)
    assert {name for row in rows for name in row} <= {*table.column_names}
    for name in {*table.column_names} - without:
        column = table.column(name)
        found, told = column.to_pylist(), [row.get(name) for row in rows]
        same = np.array([a == b for a, b in zip(found, told, strict=True)], bool)
        if pa.types.is_floating(column.type):
            same |= np.isclose(np.array(found, float), np.array(told, float), rtol=1e-12, atol=0.0)
        wrong = np.flatnonzero(~same)
        assert not len(wrong), (
            f"{name} of row {wrong[0]} is {found[wrong[0]]}, its line says {told[wrong[0]]}; "
            f"{len(wrong):,} of {len(rows):,} are wrong"
        )
