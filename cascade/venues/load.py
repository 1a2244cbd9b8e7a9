"""Rulebooks from YAML: found by name or path, every problem located."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from cascade.errors import Problem, ScenarioError
from cascade.scenario.document import open_document
from cascade.scenario.messages import problems_of
from cascade.scenario.source import Node, Steps, follow, walk
from cascade.scenario.words import closest, did_you_mean, listing
from cascade.venues.rulebook import Contract, Rulebook

_FOLDER = Path(__file__).resolve().parent
_SECTIONS = ("mark", "index", "funding", "liquidation", "fund", "adl", "contracts")
_NO_FIGURES = ("name", "venue", "date", "kind", "description", "sources")


class UnknownRulebookError(LookupError):
    """No rulebook has this name.

    Attributes
    ----------
    hint : str
        The names there are.
    """

    def __init__(self, name: str) -> None:
        names = shipped_rulebooks()
        self.hint = f"write one of {listing(names)}, or the path of your own rulebook: ./rules.yaml"
        super().__init__(f"unknown rulebook '{name}'{did_you_mean(name, names)}")


def shipped_rulebooks() -> tuple[str, ...]:
    """Return the names of the rulebooks that come with Cascade."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def rulebook_path(name_or_path: str) -> Path:
    """Return the file of a rulebook.

    Raises
    ------
    UnknownRulebookError
        If there is none.
    """
    shipped = _FOLDER / f"{name_or_path}.yaml"
    if "/" not in name_or_path and shipped.is_file():
        return shipped
    own = Path(name_or_path)
    if own.suffix in (".yaml", ".yml") and own.is_file():
        return own.resolve()
    raise UnknownRulebookError(name_or_path)


def load_rulebook(name_or_path: str) -> Rulebook:
    """Return a rulebook by its name or path.

    Raises
    ------
    ScenarioError
        With every problem of the file, or that there is none.
    """
    try:
        path = rulebook_path(name_or_path)
    except UnknownRulebookError as error:
        problem = Problem("CAS105", str(error), error.hint, name_or_path)
        raise ScenarioError([problem]) from None
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _load(path: Path, _modified: int) -> Rulebook:
    reading = open_document(path, what="rulebook")
    root = reading.root
    assert root is not None
    try:
        rulebook = Rulebook.model_validate(root.plain())
    except ValidationError as error:
        raise ScenarioError([*reading.problems, *problems_of(error, Rulebook, root)]) from None
    problems = [*reading.problems, *_problems(rulebook, root)]
    if problems:
        raise ScenarioError(problems)
    return rulebook


def _problems(rulebook: Rulebook, root: Node) -> Iterator[Problem]:
    yield from _sections(rulebook, root)
    for name, contract in rulebook.contracts.items():
        yield from _tiers(name, contract, root)
    yield from _unsourced(rulebook, root)


def _sections(rulebook: Rulebook, root: Node) -> Iterator[Problem]:
    written = root.mapping or {}
    for section in _SECTIONS:
        if rulebook.kind == "perpetual" and section not in written:
            hint = f"add {section}: as in the rulebook binance-2025-07"
            yield root.place.problem("CAS202", f"a perpetual venue lacks '{section}'", hint)
        if rulebook.kind == "spot" and section in written:
            place = written[section].key_place or written[section].place
            message = "a spot venue has no leverage, and so none of this"
            yield place.problem("CAS202", message, "remove it, or write kind: perpetual", path=section)


def _tiers(name: str, contract: Contract, root: Node) -> Iterator[Problem]:
    for number, (below, tier) in enumerate(pairwise(contract.tiers), start=1):
        faults = (
            ("cap_usd", tier.cap_usd <= below.cap_usd, "caps must rise"),
            ("max_leverage", tier.max_leverage >= below.max_leverage, "leverage must fall"),
            ("mmr", tier.mmr <= below.mmr, "maintenance rates must rise"),
        )
        for key, wrong, message in faults:
            if wrong:
                yield _at(
                    root, ("contracts", name, "tiers", number, key), "CAS203", f"{message} from tier to tier"
                )
    for number, tier in enumerate(contract.tiers):
        if tier.mmr * tier.max_leverage > 1:
            hint = f"write at most {1 / tier.max_leverage:.4g}"
            message = "maintenance margin exceeds the initial margin of the tier's leverage"
            yield _at(root, ("contracts", name, "tiers", number, "mmr"), "CAS203", message, hint)


def _unsourced(rulebook: Rulebook, root: Node) -> Iterator[Problem]:
    used: set[str] = set()
    paths: list[str] = []
    for steps, node in walk(root):
        if not steps or steps[0] in _NO_FIGURES or node.mapping is not None or node.items is not None:
            continue
        path = ".".join(str(step) for step in steps)
        paths.append(path)
        matching = [pattern for pattern in rulebook.sources if fnmatchcase(path, pattern)]
        used.update(matching)
        if not matching:
            hint = f'add to sources:  {path}: {{status: stated, source: "..."}}'
            yield _at(root, steps, "CAS201", "a figure without a source", hint)
    for pattern in rulebook.sources:
        if pattern not in used:
            guess = closest(pattern, paths)
            hint = f"did you mean {guess}?" if guess else "remove it"
            place = follow(root, ("sources", pattern))[0]
            yield (place.key_place or place.place).problem("CAS119", f"no figure matches '{pattern}'", hint)


def _at(root: Node, steps: Steps, code: str, message: str, hint: str = "") -> Problem:
    node, _ = follow(root, steps)
    return node.place.problem(code, message, hint, path=".".join(str(step) for step in steps))
