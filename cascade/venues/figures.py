"""Rulebooks as lists of figures, each with its source and how it is known, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cascade.scenario.document import open_document
from cascade.scenario.source import Node, walk
from cascade.venues.load import load_rulebook, rulebook_path, shipped_rulebooks
from cascade.venues.rulebook import Rulebook

_NO_FIGURES = ("name", "venue", "date", "kind", "description", "sources")
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RuleFigure:
    """A figure of a rulebook.

    Attributes
    ----------
    text : str
        The value as the file writes it, or as it is where the file leaves it out.
    status : str
        How it is known; `default` where the file leaves it out.
    """

    path: str
    text: str
    status: str
    source: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the record ``--json`` prints."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that two rulebooks do not share; None where one has none."""

    path: str
    first: str | None
    second: str | None

    def as_dict(self) -> dict[str, str | None]:
        """Return the record ``--json`` prints."""
        return asdict(self)


def overview() -> list[dict[str, str]]:
    """Return name, venue, date and contracts of every rulebook that comes with Cascade."""
    books = [load_rulebook(name) for name in shipped_rulebooks()]
    return [
        {
            "name": book.name,
            "venue": book.venue,
            "date": book.date.isoformat(),
            "kind": book.kind,
            "contracts": " ".join(book.contracts),
        }
        for book in books
    ]


def figures(name: str) -> list[RuleFigure]:
    """Return every figure of a rulebook, by its name or path."""
    book = load_rulebook(name)
    written = _written(name)
    return [_figure(book, path, value, written.get(path)) for path, value in _leaves(book)]


def differences(first: str, second: str) -> list[Difference]:
    """Return the figures that differ between two rulebooks, in value and not in spelling."""
    books = [load_rulebook(name) for name in (first, second)]
    texts = [_written(name) for name in (first, second)]
    values = [dict(_leaves(book)) for book in books]
    found: list[Difference] = []
    for path in dict.fromkeys([*values[0], *values[1]]):
        if values[0].get(path) != values[1].get(path):
            shown = [
                texts[k].get(path, str(values[k][path])) if path in values[k] else None for k in range(2)
            ]
            found.append(Difference(path, *shown))
    return found


def _figure(book: Rulebook, path: str, value: Any, text: str | None) -> RuleFigure:
    provenance = book.provenance(path) if text is not None else None
    if provenance is None:
        return RuleFigure(path, str(value), _DEFAULT)
    return RuleFigure(path, text or str(value), provenance.status, provenance.source, provenance.note)


def _leaves(book: Rulebook) -> Iterator[tuple[str, Any]]:
    """Yield path and value of every figure, those that the file leaves out, too."""
    plain = book.model_dump(mode="json")
    if book.kind == "spot":  # sections without a meaning there have defaults all the same
        plain = {key: plain[key] for key in ("fees", "contracts") if key in plain}
    for key, value in plain.items():
        if key not in _NO_FIGURES:
            yield from _below(key, value)


def _below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in entries:
            yield from _below(f"{path}.{key}", each)
    elif value is not None:
        yield path, value


def _written(name: str) -> dict[str, str]:
    """Return the text of each figure as the file writes it."""
    root: Node | None = open_document(rulebook_path(name), what="rulebook").root
    assert root is not None
    return {
        ".".join(str(step) for step in steps): str(node.value)
        for steps, node in walk(root)
        if steps and node.mapping is None and node.items is None
    }
