"""How many examples Hypothesis looks at: as many as a test says with the slow tests, a quarter of them without.

Its profile `deep` looks at ten times as many.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings

USUAL = settings.default.max_examples

settings.register_profile("usual", settings.default, deadline=None)
settings.register_profile("quick", settings.default, deadline=None, max_examples=USUAL // 4)
settings.register_profile("deep", settings.default, deadline=None, max_examples=10 * USUAL)
settings.load_profile("usual")


def examples(n: int, **others: Any) -> settings:
    """Return what lets a test look at `n` examples, or at as many more as the profile asks for."""
    return settings(max_examples=max(1, n * settings.default.max_examples // USUAL), **others)
