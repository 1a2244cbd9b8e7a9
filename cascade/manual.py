"""The pages of the documentation that comes with the package."""

from __future__ import annotations

from pathlib import Path

from cascade.errors import UsageError

_FOLDER = Path(__file__).resolve().parent / "docs"


def pages() -> dict[str, str]:
    """Return the title of each page by its name."""
    return {_name(path): _title(path) for path in sorted(_FOLDER.rglob("*.md"))}


def page(topic: str) -> str:
    """Return the text of a page.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    for path in _FOLDER.rglob("*.md"):
        if _name(path) == topic.removesuffix(".md"):
            return path.read_text(encoding="utf-8").rstrip()
    from cascade.scenario.words import did_you_mean

    known = pages()
    remedy = f"pages: {', '.join(known)}" if known else "this installation has no pages; reinstall it"
    raise UsageError(f"no page '{topic}'{did_you_mean(topic, known)}", remedy=remedy, code="CAS803")


def _name(path: Path) -> str:
    return path.relative_to(_FOLDER).with_suffix("").as_posix()


def _title(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), path.stem)
