"""Reads a report as a browser would: an HTML parser, and what a test asks of the page."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, NamedTuple

import numpy as np

VOID = {"meta", "link", "input", "br", "hr", "img"}


class Number(NamedTuple):
    """A number on the page: its value as written in full, its text, where it comes from, and where it stands."""

    value: str
    text: str
    place: str
    is_cell: bool
    inside: tuple[str, ...]


@dataclass
class Page(HTMLParser):
    """A page: numbers, tables behind the links, data of figures, and the elements with their attributes."""

    numbers: list[Number] = field(default_factory=list)
    csv: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    """Text outside of numbers, by the class or name of the element it stands in."""
    _stack: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _number: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @classmethod
    def of(cls, text: str) -> Page:
        """Return a parsed page; an element that is not closed is an error."""
        found = cls()
        found.feed(text)
        found.close()
        assert not found._stack, found._stack
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in VOID:
            self._stack.append((tag, given))
        if tag == "data":
            self._number = []
        if tag == "a" and "download" in given:
            head, _, body = given["href"].partition(",")
            assert head == "data:text/csv;charset=utf-8;base64"
            rows = csv.DictReader(io.StringIO(base64.b64decode(body).decode()))
            self.csv[given["download"].removesuffix(".csv")] = [_plain(row) for row in rows]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened, given = self._stack.pop()
        assert opened == tag, f"{opened} is closed by {tag}"
        if tag == "data":
            place = given.get("data-cell") or given["data-from"]
            inside = tuple(name for name, _ in self._stack)
            text = "".join(self._number)
            self.numbers.append(Number(given["value"], text, place, "data-cell" in given, inside))

    def handle_data(self, data: str) -> None:
        tag, given = self._stack[-1] if self._stack else ("", {})
        if tag == "data":
            self._number.append(data)
        elif tag == "script" and "data-for" in given:
            self.figures[given["data-for"].removeprefix("p-")] = json.loads(data)
        else:
            self.texts.setdefault(given.get("class") or tag, []).append(data)

    def cell(self, place: str) -> str:
        """Return the cell of a table behind a link."""
        table, row, column = place.split("/")
        return self.csv[table][int(row)][column]


def _plain(row: dict[str, str]) -> dict[str, str]:
    """Return a row without the units in its head, nor what a numbered column says."""
    short = {name: name.partition(" (")[0] for name in row}
    numbered = {name for name in row if re.match(r"v\d", name)}
    return {name.split(" ")[0] if name in numbered else short[name]: value for name, value in row.items()}


def decoded(values: Any) -> np.ndarray | list[Any]:
    """Return the numbers of a trace as plotly.js decodes them."""
    if isinstance(values, list):
        return values
    array = np.frombuffer(base64.b64decode(values["bdata"]), "<f4").astype(np.float64)
    return array.reshape([int(n) for n in values["shape"].split(",")]) if "shape" in values else array
