"""Shipped rulebooks as they were read and checked before: half a second of reading YAML is spent once a machine."""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import VERSION

from cascade.installation import cache_folder, digest_of, kept_or_made
from cascade.scenario.document import open_document
from cascade.scenario.reading import Reading
from cascade.scenario.source import shown_name
from cascade.venues.rulebook import Rulebook

_PACKAGE = Path(__file__).parents[1]

_FLOOR = ("errors.py", "limits.py", "names.py", "units.py")
"""What a rulebook is read and checked by, besides the rooms of scenarios and of venues."""

_Made = TypeVar("_Made")


def read_shipped(path: Path) -> Reading:
    """Return a shipped rulebook as it was read here before; else read it, and keep it.

    A copy is of the same name in messages.
    """
    called = hashlib.sha256(shown_name(path).encode()).hexdigest()[:8]
    return _once(f"{path.stem}-{called}", lambda: open_document(path, what="rulebook"))


def checked_shipped(path: Path, check: Callable[[], Rulebook]) -> Rulebook:
    """Return a shipped rulebook as it passed its checks here before; else check it, and keep it."""
    return _once(f"{path.stem}-checked", check)


def _once(name: str, make: Callable[[], _Made]) -> _Made:
    """Return what was made under a name before; else make it, and keep it.

    A copy counts that is whole and was made of the same files by the same code.
    """
    folder = cache_folder(f"rulebooks-{_sources_digest()}")
    return make() if folder is None else kept_or_made(folder / name, make)


@functools.cache
def _sources_digest() -> str:
    """Return a hash of every shipped rulebook, and of the code that reads and checks them."""
    floor = (_PACKAGE / name for name in _FLOOR)
    files = (*_PACKAGE.glob("scenario/*.py"), *filter(Path.is_file, _PACKAGE.glob("venues/*")), *floor)
    return digest_of(_PACKAGE, files, f"{sys.version_info[:2]} {VERSION}")
