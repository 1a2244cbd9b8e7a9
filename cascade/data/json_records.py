"""Records of JSON: in lines, or a document; recorders' wrapping is taken off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, Any, Final

import numpy as np

from cascade.data.adapter import Adapter, Group
from cascade.data.faults import Faults, Place
from cascade.data.opening import LONGEST_LINE, unreadable
from cascade.data.published import (
    CUT_OFF,
    Block,
    Lines,
    Part,
    typed,
)
from cascade.scenario.tables import UNREADABLE

_WRAPPERS: Final = ("data", "result", "payload", "message", "msg")
"""Keys under which recorders keep what a venue sent."""


def json_block(adapter: Adapter, lines: Lines, faults: Faults) -> Block:
    """Return the records of a block of lines."""
    records: list[tuple[int, Any]] = []
    for k, line in enumerate(lines.text):
        try:
            records.append((k, json.loads(line)))
        except (ValueError, RecursionError) as error:
            column = getattr(error, "colno", 1)
            place = Place(lines.numbers[k], column, 1, line)
            faults.note(UNREADABLE, "is not JSON here", CUT_OFF, place)
    return Block(_json_parts(adapter, records, lines, faults), lines)


def document(stream: IO[bytes], adapter: Adapter, faults: Faults) -> Block:
    """Return the records of a file that is read whole: one document, a list of them, or several in a row."""
    raw = stream.read(LONGEST_LINE + 1)
    if len(raw) > LONGEST_LINE:
        raise unreadable(faults.name, f"is larger than {LONGEST_LINE >> 20} MB", "give its records in lines")
    text, decoder, at = raw.decode("utf-8-sig", "replace"), json.JSONDecoder(), 0
    records: list[Any] = []
    numbers: list[int] = []
    while at < len(text.rstrip()):
        at += len(text[at:]) - len(text[at:].lstrip())
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            place = Place(getattr(error, "lineno", line), getattr(error, "colno", 1))
            faults.note(UNREADABLE, "is not JSON here", "give the answer as it was sent", place)
            break
        found = value if isinstance(value, list) else [value]
        records += found
        numbers += [line] * len(found)
    lines = Lines([], numbers)
    return Block(_json_parts(adapter, [*enumerate(records)], lines, faults), lines)


def _json_parts(
    adapter: Adapter, records: Sequence[tuple[int, Any]], lines: Lines, faults: Faults
) -> list[Part]:
    """Return the rows that records give, a part for each group."""
    parts: list[Part] = []
    inner = [(k, _unwrapped(adapter, record)) for k, record in records]
    for k, record in inner:
        if record is None:
            message = f"this record is none of {adapter.name}"
            faults.note(UNREADABLE, message, "leave out records of other kinds", lines.place(k))
    cells = adapter.cells
    for group in adapter.groups:
        wanted = _names(adapter, group)
        values: dict[str, list[Any]] = {name: [] for name in wanted}
        places: list[int] = []
        for k, record in inner:
            for number, item in enumerate(_items(record, group) if record is not None else ()):
                places.append(k)
                for name in wanted:
                    value = (
                        number if name == "#" else _at(record if name[0] == "^" else item, name.lstrip("^"))
                    )
                    values[name].append(value)
        if places:
            sound, good = typed(adapter, values, lines, np.array(places), faults)
            parts.append(Part(group, {name: sound[name] for name in cells}, good))
    return parts


def _names(adapter: Adapter, group: Group) -> list[str]:
    """Return the cells that a group reads."""
    origins = [*(adapter.columns | group.columns).values()]
    kept = [cell for keep in adapter.keep for cell in (keep.cell, keep.other) if cell]
    return [*dict.fromkeys(cell.name for cell in (*(c for o in origins for c in o.cells), *kept))]


def _items(record: Any, group: Group) -> Sequence[Any]:
    return _at(record, group.rows) if group.rows else (record,)


def _unwrapped(adapter: Adapter, record: Any) -> Any:
    """Return the record as the venue sent it, out of what a recorder put around it; None where it is none."""
    inner = [record[key] for key in _WRAPPERS if key in record] if isinstance(record, dict) else []
    around = [{"data": each if isinstance(each, list) else [each]} for each in inner]
    return next((each for each in (record, *inner, *around) if _is_record(adapter, each)), None)


def _is_record(adapter: Adapter, record: Any) -> bool:
    time = adapter.time_cell
    if adapter.groups[0].rows:
        lists = [_at(record, group.rows) for group in adapter.groups]
        items = [item for each in lists if isinstance(each, list) for item in each]
        is_whole = all(isinstance(each, list) for each in lists) and all(
            isinstance(i, dict | list) for i in items
        )
        return is_whole and (time is None or time.name[0] != "^" or _at(record, time.name[1:]) is not None
                             ) and (time is None or time.name[0] == "^" or not items
                                    or _at(items[0], time.name) is not None)  # fmt: skip
    return time is not None and _at(record, time.name) is not None


def _at(value: Any, path: str) -> Any:
    """Return what stands at a path; None where nothing does."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
