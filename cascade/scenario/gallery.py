"""The scenarios that come with Cascade, and copying one to start from."""

from __future__ import annotations

import re
from pathlib import Path

from cascade.errors import UsageError
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.words import did_you_mean, listing

EXAMPLE = "example"
_EXAMPLE_FILE = Path(__file__).resolve().parent / "example.yaml"


def catalogue() -> dict[str, str]:
    """Return the description of each scenario by its name, the commented example first."""
    return {name: _description(path) for name, path in _files().items()}


def copy_to(folder: Path, name: str, *, force: bool = False) -> Path:
    """Copy a scenario into a folder and return the new file.

    Raises
    ------
    UsageError
        If there is no such scenario, or the file exists and `force` is not set.
    """
    files = _files()
    if name not in files:
        message = f"no scenario '{name}'{did_you_mean(name, files)}"
        raise UsageError(message, remedy=f"scenarios: {listing(files)}", code="CAS801")
    target = folder / files[name].name
    if target.exists() and not force:
        raise UsageError(
            "the file exists", where=str(target), remedy="add --force to overwrite it", code="CAS802"
        )
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(files[name].read_text(encoding="utf-8"), encoding="utf-8")
    return target


_DESCRIPTION = re.compile(r"^description:.*\n(?:[ ].*\n|\n)*", re.MULTILINE)
"""The section of a file that is read: forty whole files would take seconds."""


def _files() -> dict[str, Path]:
    return {EXAMPLE: _EXAMPLE_FILE, **shipped_scenarios()}


def _description(path: Path) -> str:
    from cascade.scenario.reading import parse_yaml

    section = _DESCRIPTION.search(path.read_text(encoding="utf-8"))
    root = parse_yaml(section[0], path.name, path.parent).root if section else None
    node = root.child("description") if root is not None else None
    text = " ".join(str(node.value).split()) if node is not None else ""
    return text if len(text) <= 90 else text[:87].rstrip() + "..."
