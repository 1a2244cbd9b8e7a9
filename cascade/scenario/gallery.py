"""The scenarios that come with Cascade, and copying one to start from."""

from __future__ import annotations

import re
from pathlib import Path

from cascade.errors import UsageError, refuse_existing
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.words import did_you_mean, listing

EXAMPLE = "example"
_EXAMPLE_FILE = Path(__file__).resolve().parent / "example.yaml"


def catalogue() -> dict[str, str]:
    """Return the description of each scenario by its name, the commented example first."""
    return {name: _description(path) for name, path in _files().items()}


def copy_to(place: Path, name: str, *, force: bool = False) -> Path:
    """Copy a scenario into a folder, or to a file that ends in .yaml, and return the new file.

    A scenario in a file of another name is called like the file, as its results are then.

    Raises
    ------
    UsageError
        If there is no such scenario, or the file exists and `force` is not set.
    """
    from cascade.scenario.base import NAME_PATTERN

    files = _files()
    if name not in files:
        message = f"no scenario '{name}'{did_you_mean(name, files)}"
        raise UsageError(message, remedy=f"scenarios: {listing(files)}", code="CAS801")
    is_file = place.suffix in (".yaml", ".yml") and not place.is_dir()
    target = place if is_file else place / files[name].name
    refuse_existing(target, force=force)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = files[name].read_text(encoding="utf-8")
    if target.stem != name and re.fullmatch(NAME_PATTERN, target.stem):
        text = _NAME.sub(f"name: {target.stem}", text, count=1).replace(f"{name}.yaml", target.name)
    target.write_text(text, encoding="utf-8")
    return target


_NAME = re.compile(r"^name: \S+", re.MULTILINE)

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
