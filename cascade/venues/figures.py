"""Rulebooks as lists of figures, each with its source and how it is known, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cascade.venues.load import RULES, document_of, load_rulebook, shipped_rulebooks, written_figures
from cascade.venues.rulebook import Rulebook

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


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that two rulebooks do not share; None where one has none."""

    path: str
    first: str | None
    second: str | None


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
    """Return every figure of a rulebook, by its name or path, those that the file leaves out, too."""
    book, written = load_rulebook(name), written_texts(name)
    return [_figure(book, leaf, written.get(leaf.path)) for leaf in leaves(book)]


def differences(first: str, second: str) -> list[Difference]:
    """Return the figures that differ between two rulebooks, in value and not in spelling."""
    names = first, second
    values = [{leaf.path: leaf.value for leaf in leaves(load_rulebook(name))} for name in names]
    shown = [
        {path: text.get(path, str(value)) for path, value in own.items()}
        for own, text in zip(values, map(written_texts, names), strict=True)
    ]
    return [
        Difference(path, shown[0].get(path), shown[1].get(path))
        for path in dict.fromkeys([*values[0], *values[1]])
        if values[0].get(path) != values[1].get(path)
    ]


def _figure(book: Rulebook, leaf: Leaf, text: str | None) -> RuleFigure:
    provenance = book.provenance(leaf.path) if text is not None else None
    if provenance is None:
        return RuleFigure(leaf.path, str(leaf.value), _DEFAULT)
    return RuleFigure(
        leaf.path, text or str(leaf.value), provenance.status, provenance.source, provenance.note
    )


class Leaf(NamedTuple):
    """A figure as a rulebook holds it, its field, and whether the file writes it out."""

    path: str
    value: Any
    field: FieldInfo | None
    is_written: bool


def leaves(book: Rulebook) -> Iterator[Leaf]:
    """Yield every figure of a rulebook, in the order of its format."""
    for section in ("fees", "contracts") if book.kind == "spot" else RULES:  # others mean nothing there
        yield from _below(Leaf(section, getattr(book, section), None, section in book.model_fields_set))


def _below(leaf: Leaf) -> Iterator[Leaf]:
    if isinstance(leaf.value, BaseModel):
        written = leaf.value.model_fields_set
        for name, field in type(leaf.value).model_fields.items():
            value = getattr(leaf.value, name)
            yield from _below(Leaf(f"{leaf.path}.{name}", value, field, leaf.is_written and name in written))
    elif isinstance(leaf.value, Mapping | tuple):
        entries = leaf.value.items() if isinstance(leaf.value, Mapping) else enumerate(leaf.value)
        for key, value in entries:
            yield from _below(leaf._replace(path=f"{leaf.path}.{key}", value=value))
    elif leaf.value is not None:
        yield leaf


def written_texts(name: str) -> dict[str, str]:
    """Return each figure as the file of a rulebook writes it, by its dotted path."""
    root = document_of(name).root
    assert root is not None
    return {path: str(node.value) for path, node in written_figures(root).items()}
