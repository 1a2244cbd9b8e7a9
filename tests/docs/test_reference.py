"""The reference pages say what the code declares, and the other pages lead somewhere."""

import re
from pathlib import Path

import pytest

from cascade.output.schemas import TABLES, UNIT_SUFFIXES
from cascade.report import reference

PAGES = sorted(reference.FOLDER.glob("**/*.md"))
README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", ["outputs", "metrics", "errors", "figures", "stylised"])
def test_page_is_up_to_date(name):
    written = (reference.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert written == getattr(reference, f"{name}_page")(), "run: python -m cascade.report.reference"


@pytest.mark.parametrize("page", [*PAGES, README], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_number_names_its_unit():
    for table in TABLES.values():
        for column in table.columns:
            if column.kind == "float":
                assert column.unit, f"{table.name}.{column.name}"
            for suffix, unit in UNIT_SUFFIXES.items():
                if column.name.endswith(suffix):
                    assert column.unit == unit, f"{table.name}.{column.name}"
