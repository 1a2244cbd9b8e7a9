"""Documents: a YAML file with the files it extends and the overrides of the command line, as one tree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cascade.errors import Problem, ScenarioError
from cascade.scenario.files import (
    GALLERIES,
    OUTSIDE,
    RULEBOOKS,
    Allowed,
    Fence,
    Forbidden,
    absolute,
    anchor_files,
    name_fault,
)
from cascade.scenario.lists import LISTS, put_off, write_out
from cascade.scenario.overrides import override
from cascade.scenario.reading import WRONG_SHAPE, Reading, read_yaml
from cascade.scenario.source import (
    MISSING_FILE,
    Node,
    Place,
    SourceText,
    merge,
    shown_name,
)
from cascade.scenario.words import did_you_mean
from cascade.units import quoted

EMPTY, CYCLE = "CAS004", "CAS006"


def open_document(
    path: Path,
    overrides: Iterable[str] = (),
    *,
    what: str = "scenario",
    allow: Allowed = (),
) -> Reading:
    """Return the merged tree of a file; syntax errors of any part raise, duplicate keys are collected.

    Its own folder and those of `allow` are where the files it names may lie; None allows every folder.
    """
    reading = read_document(path, overrides, what=what, allow=allow)
    if reading.missing:
        raise ScenarioError(reading.problems)
    return reading


def read_document(
    path: Path, overrides: Iterable[str] = (), *, what: str = "scenario", allow: Allowed = ()
) -> Reading:
    """Return the tree of a file as `open_document`, or a part of it where what it extends cannot be read.

    Overrides of lists are applied before these are written out, others afterwards.
    """
    reading = _read_chain(path, (), what, Fence.around(path, allow))
    assert reading.root is not None
    texts = list(overrides)
    if what == "scenario":
        of_lists = [text for text in texts if text.strip().startswith(f"{LISTS}.")]
        reading.problems.extend(problem for text in of_lists for problem in override(reading.root, text))
        _write_out(reading)
        texts = [text for text in texts if text not in of_lists]
    for text in texts:
        if text.strip().partition(".")[0] not in reading.missing.sections:
            reading.problems.extend(override(reading.root, text))
    return reading


def _write_out(reading: Reading) -> None:
    """Write the lists of a scenario out, and change what they became as the files that extend it say."""
    assert reading.root is not None
    problems, missing = write_out(reading.root)
    reading.problems.extend(problems)
    reading.missing.add(missing)
    for changes in reading.later:
        kept = {k: v for k, v in (changes.mapping or {}).items() if k not in reading.missing.sections}
        reading.root = merge(reading.root, Node(kept, changes.place))


def shipped_scenarios() -> dict[str, Path]:
    """Return the scenarios that come with Cascade, by name."""
    for folder in GALLERIES:
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return {}


def _shipped(what: str) -> dict[str, Path]:
    """Return the files that may be extended by name alone."""
    if what == "scenario":
        return shipped_scenarios()
    return {path.stem: path for path in sorted(RULEBOOKS.glob("*.yaml"))}


def _read_chain(path: Path, below: tuple[Path, ...], what: str, fence: Fence | None) -> Reading:
    reading = read_yaml(path, what=what)
    root = top_mapping(reading, path, what)
    entries = root.mapping or {}
    extends = entries.pop("extends", None)
    anchor_files(root, fence)
    if extends is None:
        return reading
    try:
        base = _base(extends, (*below, absolute(path)), what, fence)
    except ScenarioError as error:  # what is written here is still looked at
        reading.missing.is_anything = True
        return Reading(root, [*error.problems, *reading.problems], reading.texts, reading.missing)
    assert base.root is not None
    now, later = put_off(base.root, root)
    merged = merge(base.root, now)
    _put_own_sources_last(merged, now)
    problems, texts = [*base.problems, *reading.problems], (*base.texts, *reading.texts)
    reading.missing.add(base.missing)
    put_off_so_far = (*base.later, later) if later is not None else base.later
    return Reading(merged, problems, texts, reading.missing, later=put_off_so_far)


def _base(extends: Node, chain: tuple[Path, ...], what: str, fence: Fence | None) -> Reading:
    """Return what a file extends."""
    if not isinstance(extends.value, str):
        hint = "extends: baseline.yaml"
        problem = extends.place.problem(WRONG_SHAPE, "needs the name of a file", hint, path="extends")
        raise ScenarioError([problem])
    path = _base_path(extends, what, fence)
    if absolute(path) in chain:
        raise ScenarioError([_cycle(extends, chain, path)])
    return _read_chain(path, chain, what, fence)


def _put_own_sources_last(merged: Node, own: Node) -> None:
    """Let what a file says about sources count after, and in place of, what the extended file says.

    Of several patterns the last counts, and a source is one statement: half of it would be wrong.
    """
    own_sources, sources = own.child("sources"), merged.child("sources")
    if own_sources is None or sources is None or sources.mapping is None:
        return
    for pattern, source in list((own_sources.mapping or {}).items()):
        if sources.mapping.pop(pattern, None) is not None:
            sources.mapping[pattern] = source


def top_mapping(reading: Reading, path: Path, what: str) -> Node:
    """Return the mapping that a file holds.

    Raises
    ------
    ScenarioError
        If it is no YAML, empty, or something else than a mapping.
    """
    if reading.problems and reading.root is None:
        raise ScenarioError(reading.problems)
    empty = reading.root is None or reading.root.value is None
    if empty or reading.root is None:
        source = SourceText(shown_name(path), (), path.parent)
        hint = "write an example with: cascade init" if what == "scenario" else ""
        raise ScenarioError([Place(source, 1, 1).problem(EMPTY, f"the {what} file is empty", hint)])
    if reading.root.mapping is None:
        kind = "a list" if reading.root.items is not None else "a single value"
        hint = (
            "begin with `cascade: 1`, then `name:`, `duration:`, `assets:` and so on"
            if what == "scenario"
            else ""
        )
        problem = reading.root.place.problem(
            WRONG_SHAPE, f"a {what} is a mapping of keys, this is {kind}", hint
        )
        raise ScenarioError([*reading.problems, problem])
    return reading.root


def _base_path(extends: Node, what: str, fence: Fence | None) -> Path:
    text = str(extends.value)
    fault = name_fault(text)
    if fault:
        message = f"{quoted(text)} is no file to extend: its name {fault}"
        raise ScenarioError([extends.place.problem(MISSING_FILE, message, path="extends")])
    path = extends.place.source.directory / text
    candidates = [path, path.parent / f"{path.name}.yaml"]
    inside = [each for each in candidates if fence is None or fence.holds(each)]
    found = next((each for each in inside if each.is_file()), None) or _shipped(what).get(text)
    if found is not None:
        return found
    if path not in inside:
        forbidden = Forbidden(absolute(path))
        problem = extends.place.problem(OUTSIDE, forbidden.message, forbidden.hint, path="extends")
        raise ScenarioError([problem])
    known = [file.name for file in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
    message = f"no file '{text}' to extend{did_you_mean(Path(text).name, [*known, *_shipped(what)])}"
    hint = f"paths are relative to this file; looked for {path}"
    raise ScenarioError([extends.place.problem(MISSING_FILE, message, hint, path="extends")])


def _cycle(extends: Node, chain: tuple[Path, ...], base: Path) -> Problem:
    names = [path.name for path in (*chain, base.resolve())]
    message = f"extends goes round in a circle: {' -> '.join(names)}"
    return extends.place.problem(CYCLE, message, "remove one `extends:` of the circle", path="extends")
