"""A page as PDF, printed by a Chromium that is on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from cascade.errors import UsageError

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
"""What a browser that prints without a window is called."""

WIDE: Final = "1280,900"
"""Of the window from which it prints: figures are drawn for it, and scaled to the sheet."""

_MOST_S: Final = 600

_WITHOUT: Final = "print the page from a browser, or write one for mail and print with --static"


def browser() -> str:
    """Return the browser that prints.

    Raises
    ------
    UsageError
        There is none.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise UsageError(
            "a PDF is printed by Chromium, and none is on the PATH",
            where="--pdf",
            remedy=f"install Chromium or Chrome (on Debian: apt install chromium), or {_WITHOUT}",
            code="CAS807",
        )
    return found


def write_pdf(html: str, path: str | Path) -> Path:
    """Print a page and return the file.

    Raises
    ------
    UsageError
        There is no browser, or it does not print.
    """
    program, path = browser(), Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cascade-") as folder:
        page, printed = Path(folder, "page.html"), Path(folder, "page.pdf")
        page.write_text(html, encoding="utf-8")
        said = _print(program, page, printed)
        if not printed.exists():
            raise UsageError(
                f"{Path(program).name} did not print the page: {said}",
                where="--pdf",
                remedy=_WITHOUT,
                code="CAS807",
            )
        shutil.copyfile(printed, path.with_suffix(f"{path.suffix}.part"))
    path.with_suffix(f"{path.suffix}.part").replace(path)
    return path


def _print(program: str, page: Path, printed: Path) -> str:
    """Print a page, and return what the browser said last."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0  # for whom Chromium has no sandbox
    command = [
        program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        f"--user-data-dir={page.parent / 'profile'}", *(["--no-sandbox"] if is_root else []),
        f"--window-size={WIDE}", "--no-pdf-header-footer", f"--print-to-pdf={printed}", page.as_uri(),
    ]  # fmt: skip
    words = page.with_name("said.txt")
    try:
        with words.open("wb") as said:  # no pipe: helpers that outlive the browser would hold it open
            done = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=said, timeout=_MOST_S, check=False
            )
    except subprocess.TimeoutExpired:
        return f"it took more than {_MOST_S} s"
    lines = [line for line in words.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
