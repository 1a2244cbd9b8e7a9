"""Small helpers for messages that people read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_WORD, _MOST_CANDIDATES = 80, 1_000
"""Beyond these nobody is helped by a guess, and comparing takes long."""


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like the word, if any is."""
    known = list(candidates)
    if len(word) > _LONGEST_WORD or len(known) > _MOST_CANDIDATES:
        return None
    folded = {candidate.lower(): candidate for candidate in reversed(known)}
    found = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return the tail of a message that proposes the closest candidate, or nothing."""
    match = closest(word, candidates)
    return f" — did you mean '{match}'?" if match else ""


def words_in(text: str) -> list[str]:
    """Return the words of a text between its commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def listing(words: Iterable[str], limit: int = 12) -> str:
    """Return words as a comma-separated list, shortened where there are many."""
    names = list(words)
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
