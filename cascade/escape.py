"""Text of others in formats of ours: what a scenario or a folder is called never becomes markup or a formula."""

from __future__ import annotations

import html
import re
from typing import Final

_MARKS: Final = re.compile(r"([\\`*_|~]|\](?=[(\[:]))")
"""What Markdown takes for emphasis, code, a cell or the middle of a link."""

_ENTITY: Final = re.compile(r"&(?=#?\w+;)")

_IN_CODE: Final = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_|~[]"}

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the wide forms of the first, which spreadsheets of some countries take for them."""

_NUMBER: Final = re.compile(r"[-+]?[0-9.,]+(e[-+]?[0-9]+)?(\s*%)?", re.IGNORECASE)


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _as_it_is(" ".join(text.split()))


def markdown_coded(text: str) -> str:
    """Return text of ours, with that of others in it, for Markdown: what stands between backticks is code."""
    parts = re.split("`([^`]*[^` ][^`]*)`", " ".join(text.split()))
    return "".join(markdown_code(part) if k % 2 else _as_it_is(part) for k, part in enumerate(parts))


def _as_it_is(line: str) -> str:
    plain = _ENTITY.sub("&amp;", line)
    return _MARKS.sub(r"\\\1", plain).replace("<", "&lt;").replace(">", "&gt;")


def markdown_code(text: str) -> str:
    """Return text as code in Markdown, also where it holds what would end the code."""
    plain = " ".join(text.split())
    if re.search(r"[`<>&|\\]", plain):
        return f"<code>{html.escape(plain, quote=False).translate(_IN_CODE)}</code>"
    return f"`{plain}`"


def cell(text: str) -> str:
    """Return text as a cell of a file for spreadsheets, which take what begins like a formula for one.

    What is a number stays one.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{lines}" if lines.startswith(_FORMULA) and not _NUMBER.fullmatch(lines) else lines
