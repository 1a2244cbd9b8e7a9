"""Environments with the installed libraries that a project declares, and nothing else, without an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def link_libraries(requirements: Iterable[str], site: Path) -> None:
    """Let a folder of installed packages hold what is required, and what that requires in turn.

    The libraries are those of the Python that runs: links cost nothing and take no network, and a library
    that nobody declares is not there.
    """
    for library in _closure(requirements):
        for name in {file.parts[0] for file in library.files or ()} - {"..", "__pycache__"}:
            link = site / name
            if not link.exists():
                link.symlink_to(str(library.locate_file(name)))


def _closure(requirements: Iterable[str]) -> Iterator[metadata.Distribution]:
    """Yield each library once."""
    queue, seen = [Requirement(text) for text in requirements], set[tuple[str, frozenset[str]]]()
    while queue:
        wanted = queue.pop()
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if key in seen:
            continue
        seen.add(key)
        library = metadata.distribution(wanted.name)
        yield library
        for each in map(Requirement, library.requires or ()):
            marker = each.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted.extras or {""}):
                queue.append(each)
