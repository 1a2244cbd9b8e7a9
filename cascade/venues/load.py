"""Rulebooks from YAML: found by name or path, every problem located."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cascade.errors import Problem, ScenarioError
from cascade.scenario.document import open_document
from cascade.scenario.messages import UNKNOWN_KEY, problems_of, unknown_key
from cascade.scenario.overrides import from_data
from cascade.scenario.patterns import matches
from cascade.scenario.reading import Reading
from cascade.scenario.source import Node, Place, SourceText, Steps, follow, merge, walk
from cascade.scenario.words import closest, did_you_mean, listing
from cascade.venues.kept import checked_shipped, read_shipped
from cascade.venues.rulebook import Contract, Pool, Provenance, Rulebook, Tier

_FOLDER = Path(__file__).resolve().parent
_SECTIONS = {
    "spot": (),
    "perpetual": ("mark", "index", "funding", "margin", "liquidation", "fund", "adl", "contracts"),
    "lending": ("mark", "index", "liquidation", "lending", "liquidators", "pools"),
}
"""What the rulebook of each kind of venue consists of, besides fees; it has no section of another kind."""

_MODELS = {"perpetual": "binance-2025-07", "lending": "aave-v3"}

RULES = (
    "mark", "index", "funding", "margin", "liquidation", "fund", "adl", "fees", "contracts", "lending", "liquidators",
    "pools", "collateral", "feed",
)  # fmt: skip
"""The sections of a rulebook that hold figures; a scenario may change them."""

BY_SCENARIO = Provenance(status="unconfirmed", source="set by the scenario")
"""Provenance of what a scenario changes: it is no rule of the venue."""


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
        dated = [each for each in names if each.startswith(f"{name}-")]
        guess = f" — did you mean '{dated[-1]}'?" if dated else did_you_mean(name, names)
        super().__init__(f"unknown rulebook '{name}'{guess}")


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
    path = _existing(name_or_path)
    return _load(path, path.stat().st_mtime_ns)


def rulebook_of(name_or_path: str, rules: Mapping[str, Any]) -> Rulebook:
    """Return a rulebook with the rules that a scenario changes.

    Raises
    ------
    ScenarioError
        With every problem of the rulebook, or of the changes.
    """
    if not rules:
        return load_rulebook(name_or_path)
    nowhere = Place(SourceText("rules", (), Path.cwd()), 0, 0)
    rulebook, problems = _changed(name_or_path, from_data(rules, nowhere))
    if rulebook is None or problems:
        raise ScenarioError(problems)
    return rulebook


def rules_problems(name_or_path: str, rules: Node, steps: Steps) -> list[Problem]:
    """Return what is wrong with changes of a rulebook, located in the tree that `steps` lead to."""
    _, problems = _changed(name_or_path, rules)
    above = ".".join(str(step) for step in steps)
    return [replace(problem, path=f"{above}.{problem.path}".rstrip(".")) for problem in problems]


def document_of(name_or_path: str) -> Reading:
    """Return a rulebook as it is written, with what it extends."""
    path = _existing(name_or_path)
    return _document(path, path.stat().st_mtime_ns)


def _existing(name_or_path: str) -> Path:
    try:
        return rulebook_path(name_or_path)
    except UnknownRulebookError as error:
        problem = Problem("CAS105", str(error), error.hint, name_or_path)
        raise ScenarioError([problem]) from None


@lru_cache(maxsize=64)
def _document(path: Path, _modified: int) -> Reading:
    return read_shipped(path) if path.parent == _FOLDER else open_document(path, what="rulebook")


@lru_cache(maxsize=64)
def _load(path: Path, modified: int) -> Rulebook:
    def check() -> Rulebook:
        return _checked(_document(path, modified))

    return checked_shipped(path, check) if path.parent == _FOLDER else check()


def _checked(reading: Reading) -> Rulebook:
    """Return the rulebook of a document, unless something is wrong with it."""
    root = reading.root
    assert root is not None
    try:
        rulebook = Rulebook.model_validate(root.plain())
    except ValidationError as error:
        raise ScenarioError([*reading.problems, *problems_of(error, Rulebook, root)]) from None
    problems = [*reading.problems, *_problems(rulebook, root), *_unsourced(rulebook, reading)]
    if problems:
        raise ScenarioError(problems)
    return rulebook


def _changed(name_or_path: str, rules: Node) -> tuple[Rulebook | None, list[Problem]]:
    """Return a rulebook with some rules changed, each of them sourced to the scenario, and what is wrong."""
    reading = document_of(name_or_path)
    assert reading.root is not None
    written = rules.mapping or {}
    problems = [
        (node.key_place or node.place).problem(UNKNOWN_KEY, *unknown_key(key, RULES, Rulebook), path=key)
        for key, node in written.items()
        if key not in RULES
    ]
    known = Node({key: node for key, node in written.items() if key in RULES}, rules.place, rules.key_place)
    root = merge(reading.root, known)
    try:
        rulebook = Rulebook.model_validate(root.plain())
    except ValidationError as error:
        return None, [*problems, *problems_of(error, Rulebook, root)]
    own = dict.fromkeys(written_figures(known), BY_SCENARIO)
    changed = rulebook.model_copy(update={"sources": {**rulebook.sources, **own}})
    return changed, [*problems, *_problems(changed, root)]


def written_figures(root: Node) -> dict[str, Node]:
    """Return the figures that a rulebook writes out, by their dotted paths."""
    return {
        ".".join(map(str, steps)): node
        for steps, node in walk(root)
        if steps and steps[0] in RULES and node.mapping is None and node.items is None
    }


def _problems(rulebook: Rulebook, root: Node) -> Iterator[Problem]:
    yield from _sections(rulebook, root)
    for name, contract in rulebook.contracts.items():
        yield from _tiers(name, contract, rulebook.margin.closing_fee, root)
    for name, pool in rulebook.pools.items():
        yield from _pool(name, pool, root)


def _sections(rulebook: Rulebook, root: Node) -> Iterator[Problem]:
    written, kind = root.mapping or {}, rulebook.kind
    for section in _SECTIONS[kind]:
        if section not in written:
            hint = f"add {section}: as in the rulebook {_MODELS[kind]}"
            yield root.place.problem("CAS202", f"a {kind} venue lacks '{section}'", hint)
    owners = ((section, owner) for owner, sections in _SECTIONS.items() for section in sections)
    for section, owner in dict(reversed([*owners])).items():
        if section in written and section not in _SECTIONS[kind]:
            place = written[section].key_place or written[section].place
            message = f"a {kind} venue has none of this"
            if kind == "spot":
                message = "a spot venue has no leverage, and so none of this"
            yield place.problem("CAS202", message, f"remove it, or write kind: {owner}", path=section)


def _pool(name: str, pool: Pool, root: Node) -> Iterator[Problem]:
    most = 1 / (1 + pool.bonus)
    if pool.liquidation_threshold > most:
        message = "at this threshold and bonus a call leaves less collateral than debt"
        hint = f"write at most {most:.4g}"
        yield _at(root, ("pools", name, "liquidation_threshold"), "CAS204", message, hint)
    if pool.ltv > pool.liquidation_threshold:
        message = "who borrows as much as is allowed would be liquidated at once"
        hint = f"write at most {pool.liquidation_threshold:.4g}"
        yield _at(root, ("pools", name, "ltv"), "CAS204", message, hint)


def _cap_key(tier: Tier) -> str:
    return "cap" if tier.cap_usd is None else "cap_usd"


def _tiers(name: str, contract: Contract, closing_fee: float, root: Node) -> Iterator[Problem]:
    wanted = "cap" if contract.inverse else "cap_usd"
    for number, tier in enumerate(contract.tiers):
        if _cap_key(tier) != wanted:
            place = ("contracts", name, "tiers", number, _cap_key(tier))
            kind = "an inverse contract in its asset" if contract.inverse else "a linear contract in USD"
            yield _at(root, place, "CAS203", f"the notional of {kind}", f"write {wanted} instead")
    for number, (below, tier) in enumerate(pairwise(contract.tiers), start=1):
        faults = (
            (_cap_key(tier), tier.limit <= below.limit, "caps must rise"),
            ("max_leverage", tier.max_leverage >= below.max_leverage, "leverage must fall"),
            ("mmr", tier.mmr <= below.mmr, "maintenance rates must rise"),
        )
        for key, wrong, message in faults:
            if wrong:
                yield _at(
                    root, ("contracts", name, "tiers", number, key), "CAS203", f"{message} from tier to tier"
                )
    for number, tier in enumerate(contract.tiers):
        if (tier.mmr + closing_fee) * tier.max_leverage > 1:
            most = max(1 / tier.max_leverage - closing_fee, 0.0)
            hint = f"write at most {most:.4g}" + (", for the closing fee comes on top" if closing_fee else "")
            message = "maintenance margin exceeds the initial margin of the tier's leverage"
            yield _at(root, ("contracts", name, "tiers", number, "mmr"), "CAS203", message, hint)


def _unsourced(rulebook: Rulebook, reading: Reading) -> Iterator[Problem]:
    root = reading.root
    assert root is not None
    used: set[str] = set()
    written = written_figures(root)
    for path, node in written.items():
        matching = [pattern for pattern in rulebook.sources if matches(path, pattern)]
        used.update(matching)
        pattern = matching[-1] if matching else None
        if pattern is None:
            message = "a figure without a source"
        elif _is_older(follow(root, ("sources", pattern))[0], node, reading):
            message = f"the figure is changed, but '{pattern}' is the source of the file that it extends"
        else:
            continue
        named = f"{path.partition('.tiers.')[0]}.tiers.*" if ".tiers." in path else path
        hint = f'add to sources:  {named}: {{status: stated, source: "..."}}'
        yield node.place.problem("CAS201", message, hint, path=path)
    yield from _unused(rulebook, root, used, written)


def _is_older(source: Node, figure: Node, reading: Reading) -> bool:
    """Tell whether a source was written in a file that the one with the figure extends."""
    texts = reading.texts
    return texts.index(source.place.source) < texts.index(figure.place.source)


def _unused(rulebook: Rulebook, root: Node, used: set[str], paths: Iterable[str]) -> Iterator[Problem]:
    for pattern in rulebook.sources:
        if pattern not in used:
            guess = closest(pattern, paths)
            hint = f"did you mean {guess}?" if guess else "remove it"
            place = follow(root, ("sources", pattern))[0]
            yield (place.key_place or place.place).problem("CAS119", f"no figure matches '{pattern}'", hint)


def _at(root: Node, steps: Steps, code: str, message: str, hint: str = "") -> Problem:
    node, _ = follow(root, steps)
    return node.place.problem(code, message, hint, path=".".join(str(step) for step in steps))
