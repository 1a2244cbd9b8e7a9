"""Lists: what is written once, with `each:`, for every row of a list, as venues and coins of a market are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cascade.errors import Problem
from cascade.limits import MOST_WRITTEN_OUT
from cascade.scenario.reading import DUPLICATE, TOO_MUCH
from cascade.scenario.source import Node, walk
from cascade.scenario.words import did_you_mean, listing
from cascade.units import quoted

LISTS, EACH = "lists", "each"
"""The section that holds them, and the key under which an item names one."""

BAD_LIST = "CAS024"

_COLUMN = re.compile(r"\{([^{}]*)\}")
"""A column of the row, in any text of an item."""


class _Writer:
    """Writes the items of a document out, and collects what is wrong with them."""

    def __init__(self, lists: Node | None) -> None:
        self.problems: list[Problem] = []
        self.lists = (lists.mapping or {}) if lists is not None else {}
        self.n_values = 0
        if lists is not None and lists.mapping is None:
            hint = "lists: {coins: [{coin: BTC}, {coin: ETH}]}"
            self._blame(lists, "`lists` is a mapping of names to lists of rows", hint)

    def write(self, node: Node) -> None:
        """Write out every item and entry below a node that has `each`."""
        if node.mapping is not None:
            node.value = dict(self._entries(node.mapping))
        elif node.items is not None:
            node.value = [item for each in node.items for item in self._items(each)]

    def _items(self, item: Node) -> Iterator[Node]:
        rows = self._rows(item)
        if rows is None:
            self.write(item)
            yield item
        else:
            for row in rows:
                yield self._filled(item, row)

    def _entries(self, entries: dict[str, Node]) -> Iterator[tuple[str, Node]]:
        taken: set[str] = set()
        for key, node in entries.items():
            rows = self._rows(node)
            if rows is None:
                self.write(node)
            for row in rows if rows is not None else [None]:
                name, written = key, node
                if row is not None:
                    name, written = self._key(key, node, row), self._filled(node, row)
                if name in taken:
                    hint = "let a column of the row be part of the key"
                    place = node.key_place or node.place
                    self.problems.append(
                        place.problem(DUPLICATE, f"key {quoted(name)} is written twice", hint)
                    )
                taken.add(name)
                yield name, written

    def _rows(self, item: Node) -> list[Node] | None:
        """Return the rows that an item is written for, and take its `each` out; None where it has none."""
        named = item.mapping.pop(EACH, None) if item.mapping is not None else None
        if named is None:
            return None
        rows = self.lists.get(named.value) if isinstance(named.value, str) else None
        if rows is not None and rows.items is None:
            self._blame(rows, f"`{named.value}` is no list of rows", "coins: [{coin: BTC}, {coin: ETH}]")
            return []
        if rows is not None and not rows.items:
            self._blame(rows, f"`{named.value}` has no rows: nothing would be written for it", "write a row")
            return []
        if rows is None or rows.items is None:
            message = (
                f"no list {quoted(str(named.plain()))}{did_you_mean(str(named.plain()), list(self.lists))}"
            )
            known = f"lists here: {listing(list(self.lists))}" if self.lists else "write it under `lists:`"
            self._blame(named, message, known)
            return []
        self.n_values += sum(1 for _ in walk(item)) * len(rows.items)
        if self.n_values > MOST_WRITTEN_OUT:
            message = f"more than {MOST_WRITTEN_OUT:,} values, lists written out"
            self.problems.append(named.place.problem(TOO_MUCH, message, "write fewer or shorter rows"))
            return []
        return [row for row in rows.items if self._is_row(row)]

    def _is_row(self, row: Node) -> bool:
        if row.mapping is None:
            self._blame(row, "a row is a mapping of columns", "{coin: BTC, share: 40 %}")
        return row.mapping is not None

    def _filled(self, node: Node, row: Node) -> Node:
        """Return a copy of a node in which columns stand for what the row has in them."""
        if node.mapping is not None:
            value = {self._key(key, each, row): self._filled(each, row) for key, each in node.mapping.items()}
        elif node.items is not None:
            value = [self._filled(each, row) for each in node.items]
        elif isinstance(node.value, str):
            whole = _COLUMN.fullmatch(node.value)
            if whole is None:
                return Node(self._text(node.value, node, row), node.place, node.key_place)
            column = self._column(whole[1], node, row)
            return Node(column.copy().value, column.place, node.key_place)
        else:
            value = node.value
        return Node(value, node.place, node.key_place, node.number)

    def _key(self, key: str, node: Node, row: Node) -> str:
        return self._text(key, Node(key, node.key_place or node.place), row)

    def _text(self, text: str, node: Node, row: Node) -> str:
        """Return a text with columns put in."""
        return _COLUMN.sub(lambda found: self._word(found[1], node, row), text)

    def _word(self, name: str, node: Node, row: Node) -> str:
        """Return what a column puts into a text: a text or a number."""
        column = self._column(name, node, row)
        value = column.plain()
        if column is node:  # there is no such column, which has been told
            return ""
        if value is None or isinstance(value, bool | list | dict):
            self._blame(
                column, f"column {quoted(name)} is put into a text, and is none", "write a text or a number"
            )
        return str(value)

    def _column(self, name: str, node: Node, row: Node) -> Node:
        known = row.mapping or {}
        if name not in known:
            message = f"the row on line {row.place.line} has no column {quoted(name)}"
            self._blame(node, message + did_you_mean(name, list(known)), f"columns: {listing(list(known))}")
        return known.get(name, node)

    def _blame(self, node: Node, message: str, hint: str) -> None:
        """Note a problem, once for a place."""
        problem = node.place.problem(BAD_LIST, message, hint)
        if not any(_same_place(problem, each) for each in self.problems):
            self.problems.append(problem)


def _same_place(one: Problem, other: Problem) -> bool:
    return (one.file, one.line, one.column) == (other.file, other.line, other.column)


def write_out(root: Node) -> Iterable[Problem]:
    """Write a document out: each item that names a list once for every row of it; return what is wrong.

    The lists themselves are gone afterwards: what is written out is an ordinary document.
    """
    entries = root.mapping
    if entries is None:
        return ()
    writer = _Writer(entries.pop(LISTS, None))
    writer.write(root)
    return writer.problems
