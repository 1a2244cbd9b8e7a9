"""The reference pages say what the code declares, and the other pages lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

import cascade
from cascade.output.schemas import TABLES, UNIT_SUFFIXES
from tests.pages import FOLDER
from tests.support.house import PACKAGE, sources

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted(FOLDER.glob("**/*.md"))
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir()}


@pytest.mark.parametrize("page", [*PAGES, README], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, README], ids=lambda page: page.stem)
def test_a_page_names_only_modules_and_files_that_there_are(page):
    text = page.read_text(encoding="utf-8")
    for named in re.findall(r"`([\w./-]+)`", text):
        assert is_there(named), named
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), module
    for name in re.findall(r"`cascade\.([A-Za-z]\w*)[`(]", text):
        assert name in dir(cascade), f"cascade.{name}"


def test_modules_name_only_modules_that_there_are():
    for path in sources():
        for named in re.findall(r"`([\w./-]+)`", path.read_text(encoding="utf-8")):
            assert is_there(named), f"{path.relative_to(PACKAGE)} names {named}"


def test_what_is_not_there_is_told():
    assert is_there("core/rules.py")
    assert is_there("core/rules")
    assert is_there("tests/golden/numbers/")
    assert is_there("results/any")
    assert not is_there("core/pricing")
    assert not is_there("cascade/core/pricing.py")
    assert not is_there("tests/golden/update.py")


def is_there(named):
    """Tell whether what reads like the path of a module or a file of this project is one."""
    first, *rest = named.rstrip("/").split("/")
    if first in {"cascade", "tests", "scenarios"} and rest:
        place = ROOT / named
    elif first in ROOMS and rest:
        place = PACKAGE / named
    else:
        return True
    return place.exists() or place.with_suffix(".py").is_file()


def test_every_number_names_its_unit():
    for table in TABLES.values():
        for column in table.columns:
            if column.kind == "float":
                assert column.unit, f"{table.name}.{column.name}"
            for suffix, unit in UNIT_SUFFIXES.items():
                if column.name.endswith(suffix):
                    assert column.unit == unit, f"{table.name}.{column.name}"
