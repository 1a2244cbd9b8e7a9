"""What is written from the code is what the code says, and one command writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pages, regenerate
from tests.pages import text_of, writers
from tests.pages.tables import rows, with_table


@pytest.mark.parametrize("name", writers())
def test_page_is_up_to_date(name: str) -> None:
    assert text_of(name) == writers()[name](), "run: python -m tests.regenerate pages"


@pytest.fixture
def stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a page that is no longer what the code says, beside one that is."""
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    monkeypatch.setattr(pages, "writers", lambda: {"one": lambda: "new\n", "other": lambda: "same\n"})
    (tmp_path / "one.md").write_text("old\n", encoding="utf-8")
    (tmp_path / "other.md").write_text("same\n", encoding="utf-8")
    return tmp_path / "one.md"


def test_a_check_names_what_would_change_and_writes_nothing(
    stale: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regenerate.main(["--check", "pages"]) == 1
    assert capsys.readouterr().out == "the page one would change\n"
    assert stale.read_text(encoding="utf-8") == "old\n"


def test_what_is_stale_is_written_anew(stale: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert regenerate.main(["pages"]) == 0
    assert capsys.readouterr().out == "the page one is written anew\n"
    assert stale.read_text(encoding="utf-8") == "new\n"
    assert regenerate.main(["--check", "pages"]) == 0


def test_what_is_not_generated_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        regenerate.main(["nothing"])
    assert "nothing of this name is generated: nothing" in capsys.readouterr().err


def test_a_table_is_replaced_and_nothing_else() -> None:
    page = "# Page\n\n## One\n\nText.\n\n| a |\n|---|\n| 1 |\n\n## Two\n\n| b |\n|---|\n| 2 |\n"
    new = with_table(page, "One", "| a |\n|---|\n| 3 |\n| 4 |")
    assert rows(new, "One") == [["3"], ["4"]]
    assert new.replace("| 3 |\n| 4 |", "| 1 |") == page
    assert with_table(page, "Two", "| b |\n|---|\n| 2 |") == page
