"""Tables of margin tiers by name: of a rulebook, of a file beside the examples, or of those kept here.

A name says a venue and perhaps a date, such as "tiers.json binance (2025-07-17)", "binance-2025-07" or
"binance, July 2025". A table called exactly so comes first; then those of the venue and date. What fits
several tables that differ is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascade.calculator.inputs import CannotComputeError
from cascade.calculator.tiers import Table, rulebook_table, table_tiers
from cascade.scenario.words import listing
from cascade.venues.load import load_rulebook, shipped_rulebooks

_SHIPPED = Path(__file__).resolve().parent / "tiers.json"
_FILE = re.compile(r"[\w.-]+\.json")
_DATE = re.compile(r"(?<!\d)\d{4}(?:-\d{2}){0,2}(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY_FIRST = re.compile(rf"(?:\b(\d{{1,2}})\.? )?\b{_MONTH},? (\d{{4}})\b")
_MONTH_FIRST = re.compile(rf"\b{_MONTH} (\d{{1,2}}),? (\d{{4}})\b")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A table that a name may mean: what it is called, whose it is, when it held."""

    name: str
    venue: str
    date: str
    table: Table


def named_table(text: str, symbol: str, folder: Path) -> Table:
    """Return the table of a symbol that a text names; files that it mentions are looked for in `folder`."""
    file = _FILE.search(text)
    wanted = _with_dates(text.replace(file[0], "") if file else text)
    date = _DATE.search(wanted)
    day = date[0] if date else ""
    beside = list(_of_file(folder / file[0], symbol, day)) if file else []
    sources = [beside, list(_of_rulebooks(symbol)), list(_of_file(_SHIPPED, symbol, day))]
    for fitting in (_called, _of_venue):
        for source in sources:
            found = [entry for entry in source if fitting(entry, wanted, day)]
            if found:
                return _only(found, text)
    known = sorted({entry.name for source in sources for entry in source})
    remedy = f"there are {listing(known)}" if known else "write them as a list"
    raise CannotComputeError(f"no table of tiers of '{symbol}' is called '{text}'; {remedy}")


def _with_dates(text: str) -> str:
    """Return a text in lower case with its dates as 2025-07-17 or 2025-07."""

    def iso(year: str, month: str, day: str | None) -> str:
        number = f"{year}-{_MONTHS.index(month) + 1:02}"
        return f"{number}-{int(day):02}" if day else number

    text = _MONTH_FIRST.sub(lambda m: iso(m[3], m[1], m[2]), text.lower())
    return _DAY_FIRST.sub(lambda m: iso(m[3], m[2], m[1]), text)


def _called(entry: _Entry, wanted: str, day: str) -> bool:
    """Tell whether a text says a table's full name, and no other date; a year alone is too little."""
    name = entry.name.lower()
    dated = day in ("", entry.date) or (len(day) > len("2025") and entry.date.startswith(day))
    return (dated or _DATE.search(name) is not None) and re.search(
        rf"(?<![\w@-]){re.escape(name)}(?![\w@-])", wanted
    ) is not None


def _of_venue(entry: _Entry, wanted: str, day: str) -> bool:
    """Tell whether a table is of the venue and the date that a text says."""
    says_venue = re.search(rf"(?<![a-z0-9]){re.escape(entry.venue)}(?![a-z0-9])", wanted) is not None
    return says_venue and entry.date.startswith(day)


def _only(found: list[_Entry], text: str) -> Table:
    if any(entry.table != found[0].table for entry in found):
        names = listing([f"{entry.name} ({entry.date})" for entry in found])
        raise CannotComputeError(f"'{text}' may be any of {names}: write the one meant")
    return found[0].table


def _of_rulebooks(symbol: str) -> Iterator[_Entry]:
    for name in shipped_rulebooks():
        book = load_rulebook(name)
        if symbol in book.contracts:
            table = rulebook_table(name, symbol)
            yield _Entry(name, name.split("-")[0], book.date.isoformat(), table)


def _of_file(path: Path, symbol: str, day: str) -> Iterator[_Entry]:
    """Yield the tables of a symbol in a file; `symbol@date` of it is looked at where a date is asked for."""
    for name, contracts in _read(path).items():
        for key, found in contracts.items() if isinstance(contracts, dict) else ():
            if key == symbol or (day and key.split("@")[0] == symbol):
                yield _entry(name, found, f"{path.name}: {name}: {key}")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        tables = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        raise CannotComputeError(f"{path.name} cannot be read as JSON") from None
    if not isinstance(tables, dict):
        raise CannotComputeError(f"{path.name} is not a mapping from venues to tables")
    return tables


def _entry(name: str, found: Any, place: str) -> _Entry:
    if not isinstance(found, dict) or not isinstance(found.get("tiers"), list):
        raise CannotComputeError(f"{place} has no list of tiers")
    venue, _, day = name.lower().partition("@")
    inverse = str(found.get("unit", "USD")) not in ("USD", "USDT", "USDC")
    date = _DATE.search(str(found.get("date", day)))
    return _Entry(name, venue, date[0] if date else "", Table(table_tiers(found["tiers"]), inverse))
