"""`python -m tests.regenerate [--check] [WHAT...]`: write everything anew that is made from the code.

WHAT is `pages`, for the pages of the documentation (seconds), or a scenario, for its golden numbers;
nothing means all of it. What changes is printed. With `--check` nothing is written, and the exit code
is 1 if something would be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.golden import numbers
from tests.golden.numbers import CASES, Case

PAGES = "pages"


def main(words: Sequence[str] | None = None) -> int:
    """Write what the command line names, or check it; return the exit code."""
    scenarios = {case.scenario: case for case in CASES}
    parser = argparse.ArgumentParser(
        prog="python -m tests.regenerate", description=(__doc__ or "").split("\n\n", 1)[1]
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{PAGES}, or a scenario")
    asked = parser.parse_args(words)
    unknown = set(asked.what) - {PAGES, *scenarios}
    if unknown:
        parser.error(
            f"nothing of this name is generated: {', '.join(sorted(unknown))}; write {PAGES} or a scenario"
        )
    found = 0
    for name in asked.what or [PAGES, *scenarios]:
        case = scenarios.get(name)
        for change in changed_numbers(case, check=asked.check) if case else changed_pages(check=asked.check):
            found += 1
            print(change, flush=True)  # noqa: T201
    return int(asked.check and found > 0)


def changed_pages(*, check: bool) -> Iterator[str]:
    """Write the pages that are no longer what the code says, unless they are only checked; yield which."""
    from tests.pages import path_of, writers

    for name, write in writers().items():
        text = write()
        path = path_of(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        yield f"the page {name} {'would change' if check else 'is written anew'}"
        if not check:
            path.write_text(text, encoding="utf-8")


def changed_numbers(case: Case, *, check: bool) -> Iterator[str]:
    """Write the golden numbers of a scenario, unless they are only checked; yield what changed."""
    replicates = 1 if check else numbers.N_SPREAD
    with tempfile.TemporaryDirectory() as folder:
        now = numbers.golden_of(case, numbers.measure(case, Path(folder), replicates))
    if not numbers.is_stored(case):
        yield f"{case.scenario}: {len(now.numbers)} numbers, the first of this scenario"
    elif found := numbers.differences(numbers.load(case), now):
        yield f"{case.scenario}: {len(found)} of {len(now.numbers)} numbers\n{numbers.table(found)}"
    if not check:
        numbers.save(case, now)


if __name__ == "__main__":
    sys.exit(main())
