"""Scenarios from YAML and back: loading with every problem located, the resolved form and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cascade.errors import Problem, ScenarioError
from cascade.scenario.code import digest_of, parts_of
from cascade.scenario.document import read_document
from cascade.scenario.files import DATA_KEYS, Allowed
from cascade.scenario.messages import MISSING_KEY, problems_of
from cascade.scenario.missing import Missing
from cascade.scenario.overrides import from_data, override, set_node, set_value
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Node, Place, SourceText
from cascade.scenario.written import yaml_of


def load(path: str | Path, overrides: Iterable[str] = (), *, allow: Allowed = ()) -> Scenario:
    """Return the scenario of a YAML file, checked.

    Parameters
    ----------
    path
        The file; it may extend others.
    overrides
        Changes such as ``"makers.0.depth.scale=0.5x"``, applied after everything else.
    allow
        Folders, besides its own, whose files the scenario may name; None allows every folder.

    Raises
    ------
    ScenarioError
        With every problem of the schema and of the checks, warnings included.
    """
    scenario, problems = inspect(path, overrides, allow=allow)
    if scenario is None or any(problem.severity == "error" for problem in problems):
        raise ScenarioError(problems)
    return scenario


def inspect(
    path: str | Path, overrides: Iterable[str] = (), *, allow: Allowed = ()
) -> tuple[Scenario | None, tuple[Problem, ...]]:
    """Return the scenario if its schema is met, and every problem found, warnings included."""
    try:
        reading = read_document(Path(path), overrides, allow=allow)
    except ScenarioError as error:
        return None, error.problems
    assert reading.root is not None
    scenario, problems = _validate(reading.root, reading.missing)
    return scenario, ScenarioError([*reading.problems, *problems]).problems


@dataclass(frozen=True, slots=True)
class Report:
    """What validation says about one file."""

    file: str
    name: str
    problems: tuple[Problem, ...]

    @property
    def is_valid(self) -> bool:
        """Tell whether nothing forbids a run."""
        return not any(problem.severity == "error" for problem in self.problems)

    @property
    def summary(self) -> str:
        """Return one line for people."""
        warnings = len(self.problems)
        tail = f" ({warnings} warning{'s' * (warnings > 1)})" if warnings else ""
        return f"{self.file}: ok{tail}"

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        problems = [problem.as_dict() for problem in self.problems]
        return {"file": self.file, "name": self.name, "valid": self.is_valid, "problems": problems}


def report(
    path: str | Path, overrides: Iterable[str] = (), *, allow: Allowed = (), rulebook: bool = False
) -> Report:
    """Return what validation says about a scenario, or about a rulebook."""
    if not rulebook:
        scenario, problems = inspect(path, overrides, allow=allow)
        return Report(str(path), scenario.name if scenario is not None else "", problems)
    from cascade.venues.load import load_rulebook

    try:
        return Report(str(path), load_rulebook(str(path)).name, ())
    except ScenarioError as error:
        return Report(str(path), "", error.problems)


def replaced(scenario: Scenario, /, **changes: Any) -> Scenario:
    """Return a checked copy of a scenario with some values changed.

    Parameters
    ----------
    **changes
        New values by dotted path, as ``-s`` takes them: ``{"makers.0.depth.scale": 0.5}``.

    Raises
    ------
    ScenarioError
        If the changed scenario is not valid.
    """
    root = tree_of(scenario, "replace")
    return _changed(
        root, [problem for path, value in changes.items() for problem in set_value(root, path, value)]
    )


Scenario.replace = replaced  # its method, given it here: the schema knows nothing of how a copy is checked


def overridden(
    scenario: str | Path | Scenario, overrides: Sequence[str] = (), *, allow: Allowed = ()
) -> Scenario:
    """Return the scenario of a file, or one that is loaded already, with overrides applied.

    Raises
    ------
    ScenarioError
        With every problem of the scenario and of the overrides.
    """
    if not isinstance(scenario, Scenario):
        return load(scenario, overrides, allow=allow)
    if not overrides:
        return scenario
    root = tree_of(scenario)
    return _changed(root, [problem for text in overrides for problem in override(root, text)])


def inspect_changed(
    root: Node, changes: Iterable[tuple[str, Node, Place]]
) -> tuple[Scenario | None, list[Problem]]:
    """Return the scenario of a tree with values changed, and every problem found; the tree stays as it is.

    Parameters
    ----------
    changes
        Dotted path, value, and where the path is written.
    """
    changed = root.copy()
    problems = [
        problem for path, value, at in changes for problem in set_node(changed, path, value.copy(), at)
    ]
    scenario, found = _validate(changed)
    return scenario, [*problems, *found]


def tree_of(scenario: Scenario, name: str = "") -> Node:
    """Return a scenario as nodes that problems can be located in, under a name or its own."""
    return from_data(to_data(scenario), Place(SourceText(name or scenario.name, (), Path.cwd()), 0, 0))


def _changed(root: Node, problems: list[Problem]) -> Scenario:
    """Return the scenario of changed nodes, unless the change or what it led to is wrong."""
    copy, found = _validate(root)
    if copy is None or any(problem.severity == "error" for problem in (*problems, *found)):
        raise ScenarioError([*problems, *found])
    return copy


def to_data(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario as plain data in canonical form, defaults written out."""
    data = scenario.model_dump(mode="json", exclude_none=True)
    return tidy(data)


def to_yaml(scenario: Scenario) -> str:
    """Return the resolved scenario: YAML in canonical form that loads to an equal scenario."""
    return yaml_of(to_data(scenario))


def digest(scenario: Scenario) -> str:
    """Return the sha256 of what the scenario means: its values, data files and rulebooks, not their paths."""
    import json

    from cascade.venues.load import rulebook_of

    meaning = _with_contents(to_data(scenario))
    for name, venue in meaning["venues"].items():
        asked = scenario.venues[name]
        rulebook = rulebook_of(asked.rulebook, asked.rules)
        venue["rulebook"] = rulebook.model_dump(mode="json", exclude_none=True)
        venue.pop("rules", None)
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hash8(scenario: Scenario) -> str:
    """Return the first eight digits of the digest, which name the folder of results."""
    return digest(scenario)[:8]


def _validate(root: Node, missing: Missing | None = None) -> tuple[Scenario | None, list[Problem]]:
    """Return the scenario of a tree, unless something is wrong or missing, and every problem found."""
    from cascade.scenario.checks import check, check_mended
    from cascade.scenario.mending import mend, mended_of

    missing = missing or Missing()
    problems: list[Problem] = []
    try:
        scenario = Scenario.model_validate(root.plain())
        if not missing:
            return scenario, check(scenario, root)
        mended = mended_of(root, missing)
    except ValidationError as error:
        problems = [each for each in problems_of(error, Scenario, root) if not _is_of_missing(each, missing)]
        scenario, mended = mend(root, error, missing)
    found = [] if scenario is None or missing.is_anything else check_mended(scenario, mended)
    came_up = [each for each in mended.problems if not _is_of_missing(each, missing)]
    return None, [*problems, *came_up, *found]


def _is_of_missing(problem: Problem, missing: Missing) -> bool:
    """Tell whether what a problem lacks may be written where nothing could be read."""
    if problem.code == MISSING_KEY:
        return missing.is_anything or problem.path.partition(".")[0] in missing.gone
    return problem.path in missing.sections  # it needs at least one entry, say


def tidy(value: Any) -> Any:
    """Write whole numbers without a fraction."""
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}  # pyright: ignore
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]  # pyright: ignore
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _with_contents(value: Any) -> Any:
    """Replace the paths of data files by the digests of their contents."""
    if isinstance(value, dict):
        return {key: _content(key, item) for key, item in value.items()}  # pyright: ignore
    if isinstance(value, list):
        return [_with_contents(item) for item in value]  # pyright: ignore
    return value


def _content(key: str, item: Any) -> Any:
    if key == "python" and isinstance(item, str):
        return f"{digest_of(item)}:{parts_of(item)[1]}"
    if key in DATA_KEYS and isinstance(item, str) and Path(item).is_file():
        return f"sha256:{hashlib.sha256(Path(item).read_bytes()).hexdigest()}"
    return _with_contents(item)
