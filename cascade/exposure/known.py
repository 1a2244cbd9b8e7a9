"""What was found out of a scenario on this machine before: what takes a draw, or a run, is found once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cascade.installation import cache_folder, digest_of, kept_or_made
from cascade.provenance import platform_facts, sha256

if TYPE_CHECKING:
    from cascade.scenario.schema import Scenario

T = TypeVar("T")

_PACKAGE = Path(__file__).parents[1]


def known(scenario: Scenario, asked: tuple[str | int, ...], find: Callable[[], T]) -> T:
    """Return what was found of a scenario here before, by the same code; else find it, and keep it.

    Parameters
    ----------
    asked
        What is looked for, and all it depends on besides the scenario and Cascade: values, data files and rulebooks
        of the scenario count, not their paths. With agents in Python nothing is kept, for their code is not Cascade's.
    """
    from cascade.scenario.load import digest

    folder = None if scenario.python_agents else cache_folder(f"exposure-{_code_digest()}")
    if folder is None:
        return find()
    return kept_or_made(folder / sha256(repr((digest(scenario), scenario.seed, *asked)))[:32], find)


@functools.cache
def _code_digest() -> str:
    """Return a hash of all of Cascade's code, and of what else decides its last digits."""
    return digest_of(_PACKAGE, _PACKAGE.rglob("*.py"), platform_facts()["fingerprint"])


_code_digest()  # of the code as it is imported: what is edited later is not what finds anything in this process
