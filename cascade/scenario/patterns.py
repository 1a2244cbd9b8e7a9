"""Names that a pattern matches: `*` any text, `?` a character, `[ab]` one of several."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(name: str, pattern: str) -> bool:
    """Tell whether a pattern matches a name as `fnmatch.fnmatchcase` does.

    One with stars alone is looked for piece by piece: a regular expression would take longer to be made than to match.
    """
    if "[" in pattern:
        return fnmatchcase(name, pattern)
    if "?" in pattern:
        return len(pattern) - pattern.count("*") <= len(name) and fnmatchcase(name, pattern)
    if "*" not in pattern:
        return name == pattern
    first, *middle, last = pattern.split("*")
    end = len(name) - len(last)
    at = len(first)
    if at > end or not (name.startswith(first) and name.endswith(last)):
        return False
    for part in middle:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
