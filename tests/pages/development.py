"""The map in the page `development`: every room, and every module of the core, as they describe themselves."""

from __future__ import annotations

from pathlib import Path

from tests.pages.tables import with_table
from tests.support.house import CORE, LAYERS, PACKAGE, packages, part_of, summary


def with_map(page: str) -> str:
    """Return the page with the tables of its map written anew."""
    return with_table(with_table(page, "Rooms", map_of_rooms()), "The core", map_of_core())


def map_of_rooms() -> str:
    """Return the table of layers, with every folder and what it is for."""
    lines = ["| layer | room | what it holds |", "|---|---|---|"]
    for number, layer in enumerate(LAYERS, start=1):
        for part in sorted(layer):
            module = PACKAGE / f"{part}.py"
            inside = [module] if module.is_file() else [path for path in packages() if part_of(path) == part]
            lines += [f"| {number} | {_shown(path, PACKAGE)} | {summary(path)} |" for path in inside]
    return "\n".join(lines)


def map_of_core() -> str:
    """Return the table of the modules of the core."""
    lines = ["| module | what it does |", "|---|---|"]
    for title, listed in CORE.items():
        lines.append(f"| **{title}** | |")
        lines += [_module_row(name) for name in listed.split()]
    return "\n".join(lines)


def _module_row(name: str) -> str:
    core = PACKAGE / "core"
    path = core / name if (core / name).is_dir() else core / f"{name}.py"
    return f"| {_shown(path, core)} | {summary(path)} |"


def _shown(path: Path, above: Path) -> str:
    return f"`{path.relative_to(above).as_posix()}{'/' * path.is_dir()}`"
