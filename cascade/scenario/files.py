"""Files that a document names: their paths, and which of them it may name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cascade.errors import UNPRINTABLE
from cascade.scenario.code import anchored
from cascade.scenario.source import Node, walk
from cascade.units import quoted

OUTSIDE = "CAS009"
_LONGEST_NAME, _LONGEST_PATH = 255, 4096
"""Bytes that file systems take."""

_PACKAGE = Path(__file__).resolve().parent.parent
GALLERIES = (_PACKAGE / "gallery", _PACKAGE.parent / "scenarios")
"""Where the scenarios that come with Cascade are: in an installation, in a checkout."""

RULEBOOKS = _PACKAGE / "venues"

DATA_KEYS = ("file", "parameters")
"""Keys whose text is the path of a data file."""

FILE_KEYS = (*DATA_KEYS, "rulebook", "python")
"""Keys whose text names a file, or may."""


Allowed: TypeAlias = Collection[str | Path] | None
"""Folders whose files a document may name besides those of its own; None allows every folder."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The folders whose files a document may name."""

    folders: tuple[Path, ...]

    @classmethod
    def around(cls, path: Path, allow: Allowed = ()) -> Fence | None:
        """Return the fence of a document: its own folder, those allowed, and what comes with Cascade.

        Without a fence, where `allow` is None, it may name every file.
        """
        if allow is None:
            return None
        return cls((absolute(path).parent, *(absolute(Path(each)) for each in allow), *GALLERIES, RULEBOOKS))

    def holds(self, path: Path) -> bool:
        """Tell whether a file lies inside, wherever links on the way lead."""
        try:
            real = path.resolve()
        except (OSError, RuntimeError, ValueError):  # links that go round in a circle, say
            return False
        return any(real.is_relative_to(folder) for folder in self.folders)


class Forbidden(str):
    """The path of a file that the document may not name; the schema refuses it where it stands."""

    __slots__ = ()

    @property
    def message(self) -> str:
        """Return what is wrong with it."""
        return f"{quoted(str(self))} lies outside of the scenario's folder"

    @property
    def hint(self) -> str:
        """Return what to do."""
        return f"move it there, or allow its folder: --allow {Path(self).parent}"


def name_fault(name: str) -> str:
    """Return why no file can have this name; empty where one can."""
    if not name:
        return "is empty"
    if UNPRINTABLE.search(name):
        return "holds a control character"
    if any(len(part) > _LONGEST_NAME for part in name.encode().split(b"/")):
        return f"is longer than {_LONGEST_NAME} bytes"
    return f"is longer than {_LONGEST_PATH} bytes" if len(name.encode()) > _LONGEST_PATH else ""


def anchor_files(root: Node, fence: Fence | None, root_key: str = "") -> None:
    """Make the paths of data files, rulebooks and agents' code absolute: they are relative to the file that names them.

    A file beyond the fence becomes a `Forbidden` one; what no file can be called is left to the schema.
    """
    for steps, node in walk(root):
        key, name = steps[-1] if steps else root_key, node.value
        if not isinstance(name, str) or key not in FILE_KEYS or name_fault(name):
            continue
        if key == "python":
            text, code = anchored(name, node.place.source.directory)
            node.value = text if code is None or fence is None or fence.holds(code) else Forbidden(text)
            continue
        if key in DATA_KEYS or "/" in name or name.endswith((".yaml", ".yml")):
            path = absolute(node.place.source.directory / name)
            node.value = str(path) if fence is None or fence.holds(path) else Forbidden(path)


def absolute(path: Path) -> Path:
    """Return a path without links and dots; one that leads nowhere as it is."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path.absolute()
