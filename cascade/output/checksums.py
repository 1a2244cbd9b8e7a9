"""Whether a file is still the one that was written: checksums over whole files, kept apart from them.

The pages of a parquet file have checksums of their own, which other readers check, too; those of the whole
file also guard its footer and the headers of its pages.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cascade.errors import ResultsError

BLOCK: Final = 1 << 20


def crc_of(path: Path) -> int:
    """Return the CRC-32 of a file."""
    crc = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc


def fault(path: Path, crc: int | None) -> Iterator[str]:
    """Yield what is wrong with a file, if anything is; where its checksum is not known, its pages are read."""
    try:
        if crc is None:
            _read_pages(path)
        elif crc_of(path) != crc:
            yield "its checksum differs"
    except FileNotFoundError:
        yield "it is gone"
    except OSError as error:
        yield " ".join(str(error).split())


def refuse_damaged(path: Path, crc: int | None) -> None:
    """Raise if a file is not the one that was written; without its checksum, reading it has to tell."""
    for problem in () if crc is None else fault(path, crc):
        raise damaged(path, problem)


def damaged(path: Path, problem: str) -> ResultsError:
    """Return the error for a file that is missing or damaged."""
    return ResultsError(
        f"this file of the results is missing or damaged: {problem}",
        where=str(path),
        remedy="ask for the same again: what is damaged is found and made anew",
        code="CAS609",
    )


def _read_pages(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except pa.ArrowException as error:
        raise OSError(str(error)) from error
