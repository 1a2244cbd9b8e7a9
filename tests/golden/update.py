"""`python -m tests.golden.update [SCENARIO...]`: write the golden numbers anew and print what changed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.golden.numbers import (
    CASES,
    N_SPREAD,
    Case,
    differences,
    golden_of,
    is_stored,
    load,
    measure,
    save,
    table,
)


def main(names: Sequence[str]) -> None:
    """Update the cases of the given scenarios, or all."""
    unknown = set(names) - {case.scenario for case in CASES}
    if unknown:
        sys.exit(f"no golden numbers for: {', '.join(sorted(unknown))}")
    for case in CASES:
        if not names or case.scenario in names:
            print(f"{case.scenario}: {update(case)}\n", flush=True)  # noqa: T201


def update(case: Case) -> str:
    """Write the numbers of a case; return what changed."""
    with tempfile.TemporaryDirectory() as folder:
        now = golden_of(case, measure(case, Path(folder), N_SPREAD))
    if is_stored(case):
        found = differences(load(case), now)
        said = f"{len(found)} of {len(now.numbers)} numbers changed" + (f"\n{table(found)}" if found else "")
    else:
        said = f"{len(now.numbers)} numbers, the first of this scenario"
    save(case, now)
    return said


if __name__ == "__main__":
    main(sys.argv[1:])
