"""Memories that fade: what is left of a thing after a time."""

from __future__ import annotations

import math


def left_after(seconds: float, memory_s: float) -> float:
    """Return the part that is left of a thing after a time, by the time in which it falls to a part of e."""
    return math.exp(-seconds / memory_s)
