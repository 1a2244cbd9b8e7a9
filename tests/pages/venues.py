"""Pages of the documentation on venues, written from their rulebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, get_args

from cascade.venues.figures import written_texts
from cascade.venues.load import load_rulebook, shipped_rulebooks
from cascade.venues.rulebook import Rulebook, Status

_MARKS: dict[str, str] = dict(zip(get_args(Status), ("S", "C", "D", "2", "?"), strict=True))

_LEGEND = (
    "Marks: [S] stated by the venue, or a copy of its page; [C] read in public code or an API fixture; [D] derived; "
    "[2] second hand; [?] not confirmed: an assumption, never to be quoted as a rule of the venue."
)


@dataclass(frozen=True)
class _Book:
    """A rulebook with its figures as they are written."""

    name: str

    @cached_property
    def rules(self) -> Rulebook:
        return load_rulebook(self.name)

    @cached_property
    def figures(self) -> dict[str, str]:
        """Return what each figure is, by its dotted path."""
        return written_texts(self.name)

    def marked(self, path: str) -> str:
        """Return a figure with the mark of how it is known; empty where the rulebook has none."""
        provenance = self.rules.provenance(path)
        if path not in self.figures or provenance is None:
            return ""
        return f"{self.figures[path]} [{_MARKS[provenance.status]}]"


def pages() -> dict[str, Callable[[], str]]:
    """Return what writes each page, by its name."""
    return {f"venues/{family}": partial(_page, books) for family, books in _families().items()}


def index() -> str:
    """Return the table of these pages."""
    rows = [
        (f"[{books[-1].rules.venue}](venues/{family}.md)", ", ".join(f"`{book.name}`" for book in books))
        for family, books in _families().items()
    ]
    return _table(("page", "rulebooks"), rows)


def _families() -> dict[str, list[_Book]]:
    """Return the rulebooks of each venue, in the order of their dates."""
    families: dict[str, list[_Book]] = {}
    for name in shipped_rulebooks():
        families.setdefault(name.partition("-")[0], []).append(_Book(name))
    return families


def _page(books: Sequence[_Book]) -> str:
    parts = [f"# {books[-1].rules.venue}", "Written from the rulebooks."]
    rows = [(f"`{book.name}`", str(book.rules.date), book.rules.description) for book in books]
    parts += [_table(("rulebook", "date", "in short"), rows), _LEGEND, "## Rules"]
    parts.append(_figures(books, [path for path in _paths(books) if not path.startswith("contracts.")], ""))
    for contract in dict.fromkeys(name for book in books for name in book.rules.contracts):
        parts += [f"## {contract}", *_contract(books, contract)]
    parts += ["## Not confirmed", _sources(books, unconfirmed=True)]
    parts += ["## Sources", _sources(books, unconfirmed=False)]
    return "\n\n".join(parts) + "\n"


def _paths(books: Sequence[_Book]) -> list[str]:
    return list(dict.fromkeys(path for book in books for path in book.figures))


def _figures(books: Sequence[_Book], paths: Sequence[str], above: str) -> str:
    rows = [(f"`{path.removeprefix(above)}`", *(book.marked(path) for book in books)) for path in paths]
    return _table(("figure", *(book.name for book in books)), rows)


def _contract(books: Sequence[_Book], contract: str) -> Iterator[str]:
    """Yield the figures of a contract, then each table of tiers with the rulebooks that share it."""
    above = f"contracts.{contract}."
    own = [path for path in _paths(books) if path.startswith(above)]
    yield _figures(books, [path for path in own if not path.startswith(f"{above}tiers.")], above)
    shared: dict[str, list[str]] = {}
    for book in books:
        if contract in book.rules.contracts:
            shared.setdefault(_tiers(book, contract), []).append(f"`{book.name}`")
    for table, names in shared.items():
        yield f"Tiers of {', '.join(names)}:\n\n{table}"


def _tiers(book: _Book, contract: str) -> str:
    rows: list[Sequence[str]] = []
    inverse = book.rules.contracts[contract].inverse
    for number in range(len(book.rules.contracts[contract].tiers)):
        above = f"contracts.{contract}.tiers.{number}"
        cap = "cap" if inverse else "cap_usd"
        rows.append([book.marked(f"{above}.{key}") for key in (cap, "max_leverage", "mmr")])
    unit = "units of the asset" if inverse else "USD"
    return _table((f"notional up to, {unit}", "leverage up to", "maintenance margin rate"), rows)


def _sources(books: Sequence[_Book], *, unconfirmed: bool) -> str:
    """Return the entries of `sources` that count for some figure; equal ones of several rulebooks once."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for book in books:
        counting = {book.rules.pattern_of(path) for path in book.figures}
        for pattern, source in book.rules.sources.items():
            if pattern in counting and (source.status == "unconfirmed") == unconfirmed:
                mark = "" if unconfirmed else f" [{_MARKS[source.status]}]"
                row = (f"`{pattern}`", f"{source.source}{mark}", source.note)
                rows.setdefault(row, []).append(f"`{book.name}`")
    if not rows:
        return "None."
    head = ("figures", "why" if unconfirmed else "source", "note", "rulebooks")
    return _table(head, [(*row, _which(names, books)) for row, names in rows.items()])


def _which(names: Sequence[str], books: Sequence[_Book]) -> str:
    """Return names of rulebooks; nothing where there is but one."""
    if len(books) == 1:
        return ""
    return "all" if len(names) == len(books) else ", ".join(names)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table, without the columns that are empty throughout."""
    kept = [k for k in range(len(head)) if any(row[k] for row in rows)]
    lines = [[head[k] for k in kept], ["---"] * len(kept)]
    lines += [[" ".join(str(row[k]).replace("|", "\\|").split()) for k in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
