"""Where the code of agents in Python lies: found, looked into and digested, never run."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

NOT_ALLOWED: Final = "CAS019"
NO_AGENT: Final = "CAS165"
"""A class that is not there, before its code runs, or that makes no agent, once it does."""


def parts_of(reference: str) -> tuple[str, str]:
    """Return the module, or the file, and the class that ``module:Class`` names."""
    module, _, name = reference.rpartition(":")
    return module, name


def anchored(reference: str, folder: Path) -> tuple[str, Path | None]:
    """Return the reference with the file that it means in a folder, and that file; as it is where there is none."""
    module, name = parts_of(reference)
    path = folder / (module if module.endswith(".py") else f"{module.replace('.', '/')}.py")
    if not (module.endswith(".py") or path.is_file()):
        return reference, None
    return f"{path.resolve()}:{name}", path


def source_of(reference: str) -> Path | None:
    """Return the file of a module; None where there is none. Nothing of it is imported."""
    module, _ = parts_of(reference)
    if module.endswith(".py"):
        return Path(module) if Path(module).is_file() else None
    where, found = None, None
    for depth in range(1, module.count(".") + 2):
        spec = PathFinder.find_spec(".".join(module.split(".")[:depth]), where)
        if spec is None:
            return None
        where, found = spec.submodule_search_locations, spec.origin
    return Path(found) if found is not None and found.endswith(".py") else None


def sources_of(reference: str) -> list[Path]:
    """Return the files that a class is made of: its module's, or all of the package that the module is part of."""
    path, module = source_of(reference), parts_of(reference)[0]
    if path is None or module.endswith(".py"):
        return [] if path is None else [path]
    depth = module.count(".") + (path.name == "__init__.py")
    return sorted(path.parents[depth - 1].rglob("*.py")) if depth else [path]


def digest_of(reference: str) -> str:
    """Return the sha256 of the source of a class, with its name; empty where there is no source."""
    sources = sources_of(reference)
    if not sources:
        return ""
    sums = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in sources)
    # one file has the digest that `sha256sum` prints, so that it can be checked by hand
    return f"sha256:{sums if len(sources) == 1 else hashlib.sha256(sums.encode()).hexdigest()}"


def classes_in(path: Path) -> list[str]:
    """Return the names that a module binds to classes, its own and imported ones.

    Raises
    ------
    SyntaxError
        If it is no Python.
    """
    return list(_bound(ast.parse(path.read_bytes(), str(path))))


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
