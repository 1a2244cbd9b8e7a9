"""The page's own files: its HTML, its script, and the style and plotting script of the report."""

from __future__ import annotations

import contextlib
import html
import json
import tempfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Final

from cascade import report
from cascade.report.draw.palette import look

OWN: Final = Path(__file__).resolve().parent / "assets"
OF_REPORT: Final = Path(report.__file__).resolve().parent / "assets"

LOOKS: Final = {
    "mark": "run1", "index": "index", "last": "last", "long": "long", "short": "short", "bid": "depth", "ask": "long",
    "fund": "fund", "interest": "spread", "changed": "run3",
}  # fmt: skip
"""How each series looks, as in the report."""

SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"


def screen(title: str) -> bytes:
    """Return the page."""
    text = (OWN / "view.html").read_text(encoding="utf-8")
    return text.replace("{{ title }}", html.escape(title)).encode()


def looks() -> bytes:
    """Return how series look, as a script that says so."""
    return f"const LOOKS = {json.dumps({name: asdict(look(role)) for name, role in LOOKS.items()})};".encode()


@contextlib.contextmanager
def doorway(address: str) -> Generator[Path]:
    """Keep a file, readable by its owner only, that leads a browser to the page.

    On the command line of a browser the address, and the token in it, would be open to all users of the machine.
    """
    with tempfile.TemporaryDirectory(prefix="cascade-") as folder:
        door = Path(folder) / "open.html"
        door.write_text(
            f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">', encoding="utf-8"
        )
        yield door


@lru_cache(maxsize=8)
def _file(path: Path) -> bytes:
    return path.read_bytes()


FILES: Final[Mapping[str, Callable[[], tuple[bytes, str]]]] = {
    "report.css": lambda: (_file(OF_REPORT / "style.css"), STYLE),
    "view.css": lambda: (_file(OWN / "view.css"), STYLE),
    "plotly.js": lambda: (_file(OF_REPORT / "plotly" / "plotly-cartesian.min.js"), SCRIPT),
    "looks.js": lambda: (looks(), SCRIPT),
    "view.js": lambda: (_file(OWN / "view.js"), SCRIPT),
}
"""Files of the page by name: nothing else can be asked for."""
