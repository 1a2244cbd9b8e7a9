"""Pages of the documentation that are written from the code, whole or in part: `python -m tests.regenerate pages`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cascade

FOLDER = Path(cascade.__file__).parent / "docs"


def path_of(page: str) -> Path:
    """Return the file of a page."""
    return FOLDER / f"{page}.md"


def text_of(page: str) -> str:
    """Return a page as it is."""
    return path_of(page).read_text(encoding="utf-8")


def writers() -> dict[str, Callable[[], str]]:
    """Return what writes the text that each of these pages should have, by its name."""
    from tests.pages import development, reference, venues
    from tests.pages.tables import with_table

    return {
        **reference.pages(),
        **venues.pages(),
        "index": lambda: with_table(text_of("index"), "Venues", venues.index()),
        "development": lambda: development.with_map(text_of("development")),
    }
