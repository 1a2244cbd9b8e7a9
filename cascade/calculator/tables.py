"""Tables of margin tiers in worked examples: written out, by the name of a rulebook, or beside the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from cascade.calculator.account import MarginTier, tier_amounts, tiers_from
from cascade.calculator.inputs import CannotComputeError, Inputs
from cascade.calculator.whole import Number, exact
from cascade.errors import UsageError
from cascade.scenario.words import did_you_mean, listing
from cascade.venues.load import load_rulebook, shipped_rulebooks
from cascade.venues.rulebook import Contract, Rulebook

_SHIPPED = Path(__file__).resolve().parent / "tiers.json"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FILE = re.compile(r"[\w.-]+\.json")


def rulebook_tiers(rulebook: str, contract: str) -> tuple[MarginTier, ...]:
    """Return the maintenance margin tiers of a contract under a rulebook, by name or path.

    The rates hold what the venue sets aside for the fee of closing; where each rate holds for the
    whole position, no amount is deducted.

    Raises
    ------
    UsageError
        If the rulebook has no such contract.
    """
    book = load_rulebook(rulebook)
    fee = exact(book.margin.closing_fee)
    figures = contract_of(book, contract)
    if figures.inverse:
        message = (
            f"{contract} of {book.name} is an inverse contract: its figures are in the asset, not in USD"
        )
        linear = [name for name, other in book.contracts.items() if not other.inverse]
        raise UsageError(message, remedy=f"linear contracts: {listing(linear) or 'none'}")
    tiers = figures.tiers
    rows = [(tier.limit, float(exact(tier.mmr) + fee), tier.max_leverage) for tier in tiers]
    if book.margin.tiers == "whole":
        return tuple(MarginTier(cap, rate, 0, leverage) for cap, rate, leverage in rows)
    return tiers_from(rows)


def contract_of(book: Rulebook, contract: str) -> Contract:
    """Return a contract of a rulebook, or say which there are."""
    if contract in book.contracts:
        return book.contracts[contract]
    message = f"the rulebook {book.name} has no contract '{contract}'{did_you_mean(contract, book.contracts)}"
    remedy = f"it has {listing(book.contracts)}" if book.contracts else "a spot venue has no margin"
    raise UsageError(message, remedy=remedy)


def tiers_of(x: Inputs) -> tuple[MarginTier, ...]:
    """Return the tiers of an example.

    A list is a table: rows (floor, cap, rate), (floor, rate), or mappings. A text names a venue and a
    date, such as "tiers.json binance (2025-07-17)": the tiers of `symbol` are then those of the shipped
    rulebook of that date, else of the file of that name beside the examples, else of the dated tables
    that come with the calculator.
    """
    value = x.raw("tiers")
    if isinstance(value, list):
        return table_tiers(value)
    if not isinstance(value, str):
        raise CannotComputeError("the input 'tiers' is neither a table nor the name of one")
    symbol = x.text("symbol")
    beside = _FILE.search(value)
    found = _of_rulebook(value, symbol)
    found = found or (_of_file(x.folder / beside[0], value, symbol) if beside else ())
    found = found or _of_file(_SHIPPED, value, symbol)
    if not found:
        raise CannotComputeError(f"no rulebook has tiers of '{symbol}' for '{value}'; write them as a list")
    return found


def floors_and_rates(rows: list[Any], *, leverages: bool = False) -> tuple[list[Number], list[Number]]:
    """Return where each tier of a written table begins and its rate; `leverages`: half of 1 / leverage."""
    floors: list[Number] = []
    rates: list[Number] = []
    for k, row in enumerate(rows):
        floor, figure, is_leverage = _row(row, k)
        if is_leverage or leverages:
            if figure <= 0:
                raise CannotComputeError(f"the leverage of tier {k} is {float(figure):g}")
            figure = 1 / (2 * figure)
        floors.append(floor)
        rates.append(figure)
    return floors, rates


def table_tiers(rows: list[Any]) -> tuple[MarginTier, ...]:
    """Return tiers from a written table, with the amounts that it gives or that make it continuous."""
    floors, rates = floors_and_rates(rows)
    caps = [*floors[1:], Fraction(10**30)]
    amounts = tier_amounts(floors, rates)
    made: list[MarginTier] = []
    for k, row in enumerate(rows):
        given = row if isinstance(row, dict) else {}
        cap = caps[k] if given.get("cap") is None else _figure(given["cap"], k)
        amount = amounts[k] if given.get("maint_amount") is None else _figure(given["maint_amount"], k)
        made.append(MarginTier(cap, rates[k], amount, float(given.get("max_leverage") or 1.0)))
    return tuple(made)


def _row(row: Any, k: int) -> tuple[Fraction, Fraction, bool]:
    """Return (floor, rate or leverage, whether it is a leverage) of a row."""
    if isinstance(row, dict):
        name = "mmr" if row.get("mmr") is not None else "max_leverage"
        if row.get("floor") is None or row.get(name) is None:
            raise CannotComputeError(f"tier {k} lacks 'floor' or 'mmr'")
        return _figure(row["floor"], k), _figure(row[name], k), name == "max_leverage"
    if not isinstance(row, list) or len(row) not in (2, 3):
        raise CannotComputeError(f"tier {k} is not (floor, rate) or (floor, cap, rate)")
    return _figure(row[0], k), _figure(row[-1], k), False


def _figure(value: Any, k: int) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CannotComputeError(f"tier {k} holds {value!r}, which is not a number")
    return exact(value)


def _of_rulebook(name: str, symbol: str) -> tuple[MarginTier, ...]:
    """Return the tiers of a contract of a shipped rulebook that is called by name, or by venue and date."""
    date = _DATE.search(name)
    for shipped in shipped_rulebooks():
        book = load_rulebook(shipped)
        venue = book.name.split("-")[0]
        named = shipped in name or (
            venue in name.lower() and (date is None or date[0] == book.date.isoformat())
        )
        if named and symbol in book.contracts:
            return rulebook_tiers(shipped, symbol)
    return ()


def _of_file(path: Path, name: str, symbol: str) -> tuple[MarginTier, ...]:
    """Return the tiers of a symbol in a file of tables, by venue or venue@date."""
    if not path.is_file():
        return ()
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CannotComputeError(f"{path.name} cannot be read") from None
    entry = next(_entries(tables, symbol, name.replace(path.name, "")), None)
    return table_tiers(entry) if entry else ()


def _entries(tables: Any, symbol: str, name: str) -> Iterator[list[Any]]:
    """Yield the tables of a symbol that fit the name, those of its date first."""
    date = _DATE.search(name)
    fitting = [key for key in tables if key.split("@")[0] in name.lower()]
    for key in sorted(fitting, key=lambda key: date is None or date[0] not in key):
        entry = tables[key].get(symbol)
        dated = date is None or date[0] in key or (entry or {}).get("date") == date[0]
        if entry and dated:
            yield entry["tiers"]
