"""The page `development` leads to what is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.pages import text_of
from tests.pages.tables import code, rows
from tests.support.house import CORE, PACKAGE, core_modules, packages, same_names, summary

ROOT = Path(__file__).parents[2]
PAGE = text_of("development")
WALKS = ("The way of a run", "A margin test", "A figure of Bybit enters a kernel", "A number of a report")
STEPS = [(title, *row) for title in WALKS for row in rows(PAGE, title)]


def defined_in(path: Path) -> set[str]:
    """Return what a module, or a document, has a name for."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return set(re.findall(r"^ *(\w+):", text, re.MULTILINE))
    found = {
        node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {
                name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1][:40])
def test_a_walk_leads_through_what_is_there(step: tuple[str, ...]) -> None:
    """A name after a path, in its cell, is defined there; any other occurs in the file that the row is about."""
    first = next(PACKAGE / word for cell in step[1:] for word in code(cell) if is_path(word))
    for cell in step[1:]:
        path = None
        for word in code(cell):
            if is_path(word):
                path = PACKAGE / word
                assert path.is_file(), word
            elif re.fullmatch(r"\w+", word):
                known = defined_in(path) if path else re.findall(r"\w+", first.read_text(encoding="utf-8"))
                assert word in known, f"{(path or first).name} has no {word}"


def is_path(word: str) -> bool:
    """Tell whether a word is the path of a file of the package."""
    return word.endswith((".py", ".yaml"))


def test_each_module_of_the_core_has_its_line() -> None:
    listed = [name for names in CORE.values() for name in names.split()]
    assert len(listed) == len(set(listed))
    assert set(listed) == core_modules()


def test_each_room_says_what_it_is_for() -> None:
    for path in (*packages(), *PACKAGE.rglob("*.py")):
        if path.name != "__init__.py":
            assert summary(path).endswith("."), f"{path}: begin its docstring with a sentence"


def test_files_of_the_same_name_have_a_reason() -> None:
    reasons: dict[str, set[str]] = {}
    for files, folders, why in rows(PAGE, "Files of the same name"):
        assert why
        for name in code(files):
            reasons.setdefault(name, set()).update(code(folders))
    found = same_names()
    assert set(found) - set(reasons) == set(), "rename them, or say why in the table"
    assert set(reasons) - set(found) == set(), "only one file has this name"
    for name, folders in found.items():
        assert folders <= reasons[name], name


def test_each_folder_of_tests_has_its_line() -> None:
    listed = [code(row[0])[0].strip("/") for row in rows(PAGE, "Tests")]
    there = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("*.*"))}
    assert sorted(listed) == sorted(path for path in there if "__pycache__" not in path)


@pytest.mark.parametrize("title", ["Beside the modules", "What is generated"])
def test_folders_are_there(title: str) -> None:
    for row in rows(PAGE, title):
        for word in code(" ".join(row)):
            if word.endswith("/"):
                assert (ROOT / word).is_dir(), word
