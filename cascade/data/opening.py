"""Opening a published file: plain, or packed as gz, zip, lz4, zst or tar, a block at a time."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from cascade.data.adapters import fetched_from
from cascade.errors import Problem, ScenarioError
from cascade.scenario.source import MISSING_FILE, shown_name
from cascade.scenario.tables import UNREADABLE
from cascade.scenario.words import closest, listing

BLOCK_BYTES: Final = 4 << 20
"""Bytes that are looked at together: what a file takes in memory follows from it, not from the file."""

LONGEST_LINE: Final = 64 << 20
"""Bytes of a line, or of a document that is read whole."""

BOM: Final = b"\xef\xbb\xbf"
"""Byte order mark that some programs write before UTF-8."""

_DAMAGED: Final = "the archive is damaged or cut off"
_AGAIN: Final = "fetch it again"
_FRAMES: Final = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}
_SOUGHT: Final = (io.FileIO, gzip.GzipFile, zipfile.ZipExtFile)
"""What can be read from any place: other archives are read in one go."""
_TAR_AT: Final = 257
_DEEPEST: Final = 3
"""Archives within each other: a tar in a gz, say."""


@dataclass(frozen=True, slots=True)
class Text:
    """Whole lines of a file, and the number of the first."""

    raw: bytes
    first: int


@contextlib.contextmanager
def unpacked(path: Path) -> Generator[IO[bytes]]:
    """Open a file and give what is in it, unpacked as it is read.

    Raises
    ------
    ScenarioError
        If there is no such file, or it is damaged, now or while it is read.
    """
    name = shown_name(path)
    if not path.is_file():
        raise _not_there(path, name)
    with contextlib.ExitStack() as stack:
        try:
            stream: Any = stack.enter_context(path.open("rb"))
            for _ in range(_DEEPEST):
                inner = _layer(stream, name, stack)
                if inner is stream:
                    break
                stream = inner
            yield stream
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, NotImplementedError):
            fetch = fetched_from(path.as_posix())
            raise unreadable(name, _DAMAGED, f"{_AGAIN}\n{fetch}" if fetch else _AGAIN) from None


def _layer(stream: io.BufferedReader, name: str, stack: contextlib.ExitStack) -> Any:
    """Return what a stream holds if it is an archive, else the stream."""
    head = _peek(stream, _TAR_AT + 5)
    if head[:4] == b"PK\x03\x04":
        if not isinstance(stream.raw, _SOUGHT):  # a zip is read from its end
            raise unreadable(name, "a zip lies within an archive that is read in one go", "unpack it first")
        inside: Any = _member(stack.enter_context(zipfile.ZipFile(stream)), name)
        return io.BufferedReader(stack.enter_context(inside), 1 << 16)
    if head[:2] == b"\x1f\x8b":
        return io.BufferedReader(stack.enter_context(gzip.GzipFile(fileobj=stream)), 1 << 16)  # type: ignore[arg-type]
    if head[:4] in _FRAMES:
        return io.BufferedReader(_Frames(stream, _FRAMES[head[:4]], name), 1 << 16)
    if head[_TAR_AT:] == b"ustar":
        archive = stack.enter_context(tarfile.open(fileobj=stream, mode="r|"))  # noqa: SIM115
        first = next((each for each in archive if each.isfile()), None)
        found = archive.extractfile(first) if first else None
        if found is None:
            raise unreadable(name, "the archive holds no file", _AGAIN)
        return io.BufferedReader(found, 1 << 16)  # type: ignore[type-var]
    return stream


def _peek(stream: io.BufferedReader, n: int) -> bytes:
    """Return the first bytes that are to come, which are read again."""
    head = stream.peek(n)
    return head[:n]


class _Frames(io.RawIOBase):
    """What frames of lz4 or zst hold, by the codecs of Arrow, which is there anyway."""

    def __init__(self, stream: IO[bytes], codec: str, name: str) -> None:
        import pyarrow as pa

        if not pa.Codec.is_available(codec):
            remedy = "unpack it first, or install a pyarrow that is built with it"
            raise unreadable(name, f"the installed pyarrow cannot unpack {codec}", remedy)
        self._inside = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), codec)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._inside.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Return the one file of data of a zip archive."""
    members = [
        each
        for each in archive.namelist()
        if not each.endswith(("/", ".CHECKSUM")) and "__MACOSX" not in each
    ]
    if len(members) != 1:
        found = f"{len(members)} files: {listing(members, 4)}" if members else "no file"
        raise unreadable(name, f"the archive holds {found}", "unpack it and give one file")
    if archive.getinfo(members[0]).flag_bits & 1:
        raise unreadable(name, "the archive asks for a password", "unpack it first")
    return archive.open(members[0])


def blocks(stream: IO[bytes], name: str) -> Iterator[Text]:
    """Yield a stream in blocks of whole lines, without a byte order mark."""
    rest, first = b"", 1
    while block := stream.read(BLOCK_BYTES):
        block = rest + (block.removeprefix(BOM) if first == 1 and not rest else block)
        end = block.rfind(b"\n") + 1
        whole, rest = block[:end], block[end:]
        if whole:
            yield Text(whole, first)
            first += n_lines(whole)
        if len(rest) > LONGEST_LINE:
            raise unreadable(
                name, f"line {first} is longer than {LONGEST_LINE >> 20} MB", "give lines of text"
            )
    if rest:
        yield Text(rest, first)


def n_lines(raw: bytes) -> int:
    """Return the number of line ends; numpy counts them several times faster than `count`."""
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) == ord("\n")))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as it lies there, packed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def promised_sha256(path: Path) -> str | None:
    """Return the SHA-256 that a `.CHECKSUM` beside a file promises; None without one."""
    beside = path.with_name(f"{path.name}.CHECKSUM")
    if not beside.is_file():
        return None
    words = beside.read_text(encoding="utf-8", errors="replace").split()
    return words[0].lower() if words else ""


def unreadable(name: str, message: str, hint: str) -> ScenarioError:
    """Return the error for a file that cannot be read at all."""
    return ScenarioError([Problem(UNREADABLE, message, hint, name)])


def _not_there(path: Path, name: str) -> ScenarioError:
    if path.is_dir():
        return ScenarioError([Problem(MISSING_FILE, "is a folder", f"give its files: {path}/*", name)])
    if path.exists():
        return ScenarioError([Problem(MISSING_FILE, "is not a plain file", "give the path of a file", name)])
    beside = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
    near = closest(path.name, beside)
    fetch = fetched_from(path.as_posix())
    hint = f"did you mean {path.parent / near}?" if near else "give the path of a file"
    return ScenarioError(
        [Problem(MISSING_FILE, "no such data file", f"{hint}\n{fetch}" if fetch else hint, name)]
    )
