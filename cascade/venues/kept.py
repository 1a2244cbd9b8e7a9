"""Shipped rulebooks as they were read before: half a second of reading YAML with every place is spent once a machine."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path

from cascade.installation import cache_folder, kept_or_made
from cascade.scenario.document import open_document
from cascade.scenario.reading import Reading
from cascade.scenario.source import shown_name

_PACKAGE = Path(__file__).parents[1]


def read_shipped(path: Path) -> Reading:
    """Return a shipped rulebook as it was read here before; else read it, and keep it.

    A copy counts that is whole and was read from the same files by the same code, for the same name in messages.
    """
    folder = cache_folder(f"rulebooks-{_sources_digest()}")
    if folder is None:
        return open_document(path, what="rulebook")
    name = hashlib.sha256(shown_name(path).encode()).hexdigest()[:8]
    return kept_or_made(folder / f"{path.stem}-{name}", lambda: open_document(path, what="rulebook"))


@functools.cache
def _sources_digest() -> str:
    """Return a hash of every shipped rulebook, and of the code that reads them."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in sorted((*_PACKAGE.glob("scenario/*.py"), *_PACKAGE.glob("venues/*"), _PACKAGE / "errors.py")):
        if path.is_file():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
