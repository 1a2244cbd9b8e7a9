"""A copy of a rulebook to change: one complete file, with its sources, and nothing that it extends."""

from __future__ import annotations

from pathlib import Path

from cascade.errors import UsageError, refuse_existing
from cascade.scenario.written import yaml_of
from cascade.venues.load import document_of, load_rulebook, rulebook_path

_HEADER = """\
# Copied from the rulebook {name}. Give the copy a name of its own, and every figure that you change its source:
# one pattern may stand for many, such as contracts.BTCUSDT.tiers.* for a table of tiers; the last that matches counts.

"""


def copy_rulebook(name: str, target: Path, *, force: bool = False) -> Path:
    """Write a rulebook, by its name or path, into a file that stands by itself; return the file.

    Raises
    ------
    ScenarioError
        If there is no such rulebook, or it is not valid.
    UsageError
        If the file has no ending that a rulebook has, or exists and `force` is not set.
    """
    load_rulebook(name)  # which says what is wrong with it
    if target.suffix not in (".yaml", ".yml"):
        raise UsageError(
            "a rulebook is a YAML file",
            where=str(target),
            remedy=f"write -o {target.stem}.yaml",
            code="CAS801",
        )
    refuse_existing(target, force=force)
    text = _text(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_HEADER.format(name=name) + text, encoding="utf-8")
    return target


def _text(name: str) -> str:
    """Return a rulebook as it is written, comments included; with what it extends, written out."""
    root = document_of(name).root
    assert root is not None
    written = rulebook_path(name).read_text(encoding="utf-8")
    if "extends" not in _keys(written):
        return written
    data = {key: value for key, value in root.plain().items() if key != "extends"}
    return yaml_of(data, width=110)


def _keys(text: str) -> set[str]:
    """Return the keys that stand at the beginning of a line."""
    return {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
