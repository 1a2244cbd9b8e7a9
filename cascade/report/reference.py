"""The public interface in Markdown, from its signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

_LONGEST: Final = 400
"""Characters of a signature that is shown: one of a model with all its keys says less than their page."""

_SECTION: Final = re.compile(r"^([A-Z][\w ]+)\n-+\n", re.MULTILINE)


def interface() -> str:
    """Return a page of Markdown with every public name of Cascade."""
    import cascade

    parts = ["# The public interface", "Names of the package `cascade`, in the order of the alphabet."]
    for name in cascade.__all__:
        parts += _described(name, getattr(cascade, name), "##")
    return "\n\n".join(parts)


def _described(name: str, thing: Any, level: str) -> Iterator[str]:
    """Yield the heading, the signature and the docstring of a name, and of a class those of its own members."""
    yield f"{level} {name}"
    signature = _signature(thing)
    if signature:
        yield f"```python\n{name.rpartition('.')[2]}{signature}\n```"
    yield _sections(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            is_own = inspect.isfunction(value) or isinstance(value, property | classmethod)
            if is_own and not member.startswith("_") and inspect.getdoc(value):
                function = value.__func__ if isinstance(value, classmethod) else value
                yield from _described(f"{name}.{member}", function, "###")


def _signature(thing: Any) -> str:
    """Return the signature of what can be called; none of a property, or where it is too long to read."""
    if isinstance(thing, property):
        return ""
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""
    return text if len(text) <= _LONGEST else "(...)"


def _sections(text: str) -> str:
    """Return a docstring in the style of NumPy as Markdown: entries of a section become a list."""
    first, *rest = _SECTION.split(text)
    parts = [first.strip()]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        parts.append(f"**{title}**\n\n{_entries(body)}")
    return "\n\n".join(parts)


def _entries(body: str) -> str:
    """Return what is indented below a name as the name's item."""
    lines: list[str] = []
    for line in body.strip("\n").splitlines():
        if line and not line[0].isspace():
            lines.append(f"- `{line}`")
        elif line.strip():
            lines[-1:] = [f"{lines[-1]} {line.strip()}"] if lines else [line.strip()]
        elif lines:
            lines.append("")
    return "\n".join(lines).strip()
