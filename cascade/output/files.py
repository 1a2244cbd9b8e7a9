"""The files that a result is made of, each with the checksum it was written with: nothing else is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from cascade.output.checksums import damaged, fault


class Files:
    """Files below a folder, by their path from there.

    Attributes
    ----------
    sums : dict[str, int]
        Checksum of each.
    """

    def __init__(self, folder: Path, sums: Mapping[str, int]) -> None:
        self.folder, self.sums = folder, dict(sums)
        self._sound: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self.sums

    def path(self, name: str) -> Path:
        """Return where a file is, once it is found to be the one that was written; each is looked at once.

        Raises
        ------
        ResultsError
            If it is missing or damaged, or nobody knows what was written.
        """
        path = self.folder / name
        if name not in self._sound:
            if name not in self.sums:
                raise damaged(path, "nothing says what was written")
            for problem in fault(path, self.sums[name]):
                raise damaged(path, problem)
            self._sound.add(name)
        return path

    def refuse_damage(self) -> None:
        """Look at every file, also at those of which nothing is read.

        Raises
        ------
        ResultsError
            If one is missing or damaged.
        """
        for name in self.sums:
            self.path(name)

    def within(self, folder: str) -> list[str]:
        """Return the files that lie directly in a folder, in order."""
        return sorted(name for name in self.sums if str(PurePosixPath(name).parent) == folder)

    def faults(self, *names: str) -> Iterator[tuple[str, str]]:
        """Yield the files, of those named, that are missing or damaged, with what is wrong."""
        for name in names:
            if name not in self.sums:
                yield name, "nothing says what was written"
            else:
                yield from ((name, problem) for problem in fault(self.folder / name, self.sums[name]))

    def update(self, sums: Mapping[str, int | None]) -> None:
        """Take in what has been written, and, where the checksum is None, what has been removed."""
        for name, crc in sums.items():
            self._sound.discard(name)
            if crc is None:
                self.sums.pop(name, None)
            else:
                self.sums[name] = crc
