"""Lists: what is written once, with `each:`, for every row of a list, as venues and coins of a market are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cascade.errors import Problem
from cascade.limits import MOST_WRITTEN_OUT
from cascade.scenario.missing import Missing
from cascade.scenario.source import Node, item_number, walk
from cascade.scenario.tree import DUPLICATE, TOO_MUCH
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
        self.missing = Missing()
        self.lists = (lists.mapping or {}) if lists is not None else {}
        self.n_values = 0
        self._list = ""
        self._is_sound = True
        if lists is not None and lists.mapping is None:
            hint = "lists: {coins: [{coin: BTC}, {coin: ETH}]}"
            self._blame(lists, "`lists` is a mapping of names to lists of rows", hint)

    def write_sections(self, sections: dict[str, Node]) -> None:
        """Write the parts of all sections out, and leave out those that cannot be."""
        for name, node in list(sections.items()):
            entries, items = node.mapping, node.items
            if entries is not None and EACH in entries:
                hint = f"write it in an item or entry of {name}, not beside them"
                self._blame(entries[EACH], f"`{EACH}` is written for a whole section", hint)
                self.missing.lose(name)
                del sections[name]
            elif entries is not None:
                node.value = self._by_key(self._sound(name, entries.items()))
            elif items is not None:
                node.value = [part for _, part in self._sound(name, (("", each) for each in items))]

    def _sound(self, section: str, parts: Iterable[tuple[str, Node]]) -> Iterator[tuple[str, Node]]:
        """Yield the parts of a section, written out; note those that cannot be."""
        for key, part in parts:
            is_listed = part.mapping is not None and EACH in part.mapping
            self._is_sound = True
            for name, written in self._written(key, part):
                if self._is_sound and (is_listed or not self._is_forgotten(key, part)):
                    yield name, written
                    if not self._is_sound:  # its key is that of another
                        self.missing.lose(section)
                else:
                    self.missing.lose(section, "" if _COLUMN.search(name) else name)
                self._is_sound = True
            if not self._is_sound:  # there is no such list: nothing was written
                self.missing.lose(section)

    def _written(self, key: str, node: Node) -> Iterator[tuple[str, Node]]:
        """Yield an item, or an entry with its key, as often as it is written."""
        rows = self._rows(node)
        if rows is None:
            self._write(node)
            yield key, node
        for row in rows or ():
            name = self._text(key, Node(key, node.key_place or node.place), row)
            yield name if self._is_sound else "", self._filled(node, row)

    def _write(self, node: Node) -> None:
        """Write out every item and entry below a node that has `each`."""
        if node.mapping is not None:
            node.value = self._by_key(
                written for entry in node.mapping.items() for written in self._written(*entry)
            )
        elif node.items is not None:
            node.value = [written for item in node.items for _, written in self._written("", item)]

    def _by_key(self, written: Iterable[tuple[str, Node]]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for name, node in written:
            if name in entries:
                place = node.key_place or node.place
                hint = "let a column of the row be part of the key"
                self.problems.append(place.problem(DUPLICATE, f"key {quoted(name)} is written twice", hint))
                self._is_sound = False
            entries[name] = node
        return entries

    def _is_forgotten(self, key: str, part: Node) -> bool:
        """Blame a part that has columns of a list, and says of none that it is written for it."""
        if not self.lists:
            return False
        texts = (text for _, node in walk(part) for text in (*(node.mapping or ()), node.value))
        found = [name for text in (key, *texts) if isinstance(text, str) for name in _COLUMN.findall(text)]
        columns = {name: self._lists_with({name}) for name in found}
        if not any(columns.values()):
            return False
        fitting = self._lists_with(columns)
        shown = " and ".join(f"{{{name}}}" for name in list(columns)[:2])
        what = "is a column" if len(columns) == 1 else "are columns"
        hint = (
            f"write {EACH}: {fitting[0]}"
            if len(fitting) == 1
            else f"write {EACH}: with one of {listing(fitting)}"
        )
        if not fitting:
            hint = f"write {EACH}: with a list; none has all of {listing(list(columns))}"
        blamed = Node(None, part.key_place or part.place)
        self._blame(blamed, f"{shown} {what} of a list, but nothing says of which", hint)
        return True

    def _lists_with(self, columns: Iterable[str]) -> list[str]:
        """Return the lists of which every row has some columns."""
        wanted = set(columns)
        return [
            name
            for name, rows in self.lists.items()
            if rows.items and all(wanted <= (row.mapping or {}).keys() for row in rows.items)
        ]

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
            self._blame(named, *self._no_list(named))
            return []
        self.n_values += sum(1 for _ in walk(item)) * len(rows.items)
        if self.n_values > MOST_WRITTEN_OUT:
            message = f"more than {MOST_WRITTEN_OUT:,} values, lists written out"
            self.problems.append(named.place.problem(TOO_MUCH, message, "write fewer or shorter rows"))
            self._is_sound = False
            return []
        self._list = str(named.value)
        return [row for row in rows.items if self._is_row(row)]

    def _no_list(self, named: Node) -> tuple[str, str]:
        if not isinstance(named.value, str):
            return (
                f"`{EACH}` names one list",
                "to combine two lists, write one whose rows have the columns of both",
            )
        known = list(self.lists)
        hint = (
            f"lists here: {listing(known)}" if known else f"write lists: {{{named.value}: [{{coin: BTC}}]}}"
        )
        return f"no list {quoted(named.value)}{did_you_mean(named.value, known)}", hint

    def _is_row(self, row: Node) -> bool:
        if row.mapping is None:
            self._blame(row, "a row is a mapping of columns", "{coin: BTC, share: 40 %}")
        return row.mapping is not None

    def _filled(self, node: Node, row: Node) -> Node:
        """Return a copy of a node in which columns stand for what the row has in them."""
        if node.mapping is not None:
            self._refuse_what_looks_filled(node.mapping, row)
            value = {
                self._text(key, Node(key, each.key_place or each.place), row): self._filled(each, row)
                for key, each in node.mapping.items()
            }
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

    def _refuse_what_looks_filled(self, entries: dict[str, Node], row: Node) -> None:
        """Blame a second `each`, and a column without quotes, which YAML takes for a mapping."""
        if EACH in entries:
            hint = "write one list whose rows have the columns of both"
            self._blame(entries[EACH], f"`{EACH}` within an item that is written for each row", hint)
        (key, node), *others = entries.items() or [("", row)]
        if not others and node.value is None and key in (row.mapping or {}):
            self._blame(node, f"{{{key}}} without quotes is a mapping", f'write "{{{key}}}"')

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
            rows = self.lists[self._list].items or ()
            is_anywhere = any(name in (each.mapping or {}) for each in rows)
            which = f"the row on line {row.place.line}" if is_anywhere else "no row"
            verb = "has no" if is_anywhere else "has a"
            message = (
                f"{which} of '{self._list}' {verb} column {quoted(name)}{did_you_mean(name, list(known))}"
            )
            self._blame(node, message, f"columns: {listing(list(known))}")
        return known.get(name, node)

    def _blame(self, node: Node, message: str, hint: str) -> None:
        """Note a problem, once for a place."""
        self._is_sound = False
        problem = node.place.problem(BAD_LIST, message, hint)
        if not any(_same_place(problem, each) for each in self.problems):
            self.problems.append(problem)


def _same_place(one: Problem, other: Problem) -> bool:
    return (one.file, one.line, one.column) == (other.file, other.line, other.column)


def write_out(root: Node) -> tuple[list[Problem], Missing]:
    """Write a document out: each item that names a list once for every row of it.

    The lists themselves are gone afterwards: what is written out is an ordinary document. What cannot be written
    is left out; what is wrong with it is returned, and what is missing for it.
    """
    if root.mapping is None:
        return [], Missing()
    writer = _Writer(root.mapping.pop(LISTS, None))
    writer.write_sections(root.mapping)
    return writer.problems, writer.missing


def put_off(base: Node, over: Node) -> tuple[Node, Node | None]:
    """Return what a file changes of one that it extends: before lists are written out, and afterwards.

    Beside items that are written for every row, a name that is not there is that of an item to come.
    """
    if over.mapping is None or not _parts(base):
        return over, None
    is_listed = any(part.child(EACH) is not None for part in _parts(base))
    now: dict[str, Node] = {}
    later: dict[str, Node] = {}
    for key, node in over.mapping.items():
        number = item_number(base.items, key) if base.items is not None else None
        below = base.child(key if base.items is None else number if number is not None else "")
        if below is not None:
            now[key], rest = put_off(below, node)
            if rest is not None:
                later[key] = rest
        elif is_listed and node.child(EACH) is None:
            later[key] = node
        else:
            now[key] = node
    return Node(now, over.place, over.key_place), Node(later, over.place, over.key_place) if later else None


def _parts(node: Node) -> list[Node]:
    return [*node.mapping.values()] if node.mapping is not None else node.items or []
