"""The page `extending` says which files something new touches: as many as there are, and no more than promised."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from cascade import names
from tests.pages import text_of
from tests.pages.tables import code, rows, section
from tests.support.house import PACKAGE

ROOT = Path(__file__).parents[2]
PAGE = text_of("extending")
TABLE = rows(PAGE, "Files")
ADDED = {
    what: (code(files), code(example)) for what, files, example in (row for row in TABLE if len(row) == 3)
}
"""By what is added, its files, and the example's name with the type of names that it is of, if it is of one."""

MOST = {
    "a venue": 1, "an ADL policy": 5, "a procedure": 5, "a kind of maker": 5, "a kind of agent": 5, "a mark rule": 5,
    "a metric": 1, "a figure of a table that there is": 1, "a format of an archive": 2,
    "a field of a scenario": 5,
}  # fmt: skip
SECTIONS = (
    "A venue", "An ADL policy", "A procedure", "A maker", "An agent", "A metric", "A figure",
    "A format of an archive", "A field of a scenario",
)  # fmt: skip
WRITERS = {"cascade/explain/new_form.py"}
"""Modules that write scenarios of kinds that there are: a new kind is none of theirs."""
FRAGMENTS = re.findall(r"^```(?:python|yaml) fragment\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_table_says_it_of_each_kind() -> None:
    assert set(ADDED) == set(MOST)


@pytest.mark.parametrize("what", MOST)
def test_no_more_files_than_promised(what: str) -> None:
    files, _ = ADDED[what]
    assert 1 <= len(set(files)) <= MOST[what]


@pytest.mark.parametrize("what", MOST)
def test_each_file_knows_the_example_or_the_family_that_it_is_of(what: str) -> None:
    files, example = ADDED[what]
    for file in files:
        assert (ROOT / file).is_file(), file
        known = re.findall(r"[\w-]+", (ROOT / file).read_text(encoding="utf-8"))
        assert set(example) & {*known, Path(file).stem}, f"{file} has none of {example}"


@pytest.mark.parametrize("what", [what for what, (_, example) in ADDED.items() if len(example) > 1])
def test_the_example_is_a_name_of_its_family(what: str) -> None:
    name, family = ADDED[what][1]
    assert name in names.names_of(getattr(names, family))


@pytest.mark.parametrize("what", [what for what, (_, example) in ADDED.items() if len(example) > 1])
def test_a_name_of_the_family_is_known_to_no_other_module(what: str) -> None:
    """Of a name that only files of the table know, nothing else needs to know."""
    files, (_, family) = ADDED[what]
    room = Path(files[0]).parent
    known = {name: modules_knowing(name) for name in names.names_of(getattr(names, family))}
    assert any(modules <= {*files, f"{room}/{name}.py", *WRITERS} for name, modules in known.items()), known


def modules_knowing(name: str) -> set[str]:
    """Return the modules that have a text or a function which is, to the letter, a name."""
    return {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py") if name in _told(path)}


@cache
def _told(path: Path) -> set[object]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("title", SECTIONS)
def test_each_section_shows_an_example(title: str) -> None:
    assert " fragment\n" in section(PAGE, title)


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda text: text.split("\n")[1][:30])
def test_what_is_shown_stands_in_a_file_of_the_table(fragment: str) -> None:
    shown = [line.strip() for line in fragment.splitlines()]
    files = {file for files, _ in ADDED.values() for file in files}
    texts = (Path(ROOT / file).read_text(encoding="utf-8").splitlines() for file in files)
    assert any(_holds([line.strip() for line in lines], shown) for lines in texts), fragment


def _holds(lines: list[str], wanted: list[str]) -> bool:
    return any(lines[k : k + len(wanted)] == wanted for k in range(len(lines)))


def test_what_costs_more_names_files_that_are_there() -> None:
    for where, also in (row for row in TABLE if len(row) == 2):
        paths = [path for path in code(also) if "/" in path]
        assert paths, where
        assert all((ROOT / path).exists() for path in paths), where
