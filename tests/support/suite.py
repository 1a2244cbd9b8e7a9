"""What the suite leaves out unless it is asked for, and says so at its end; and how many workers it takes.

Slow is, in the order in which a test is asked:

- what takes more than about five seconds of a core and proves what a quicker test proves for a smaller market, a
  shorter time or fewer replicates: it is marked `slow`;
- all but the first of each `k` cases of a test that is marked `sampled(k)`: they prove the same of another page,
  scenario or world. A file may mark all of its tests so;
- what a test that repeats itself adds to its repetitions: mutations, examples of Hypothesis.

What remains still asks every family its question.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings

from tests.support import examples  # noqa: F401 its profiles are there before one is asked for

HOW = {
    "slow": "`pytest --slow` runs them, as .ci/run does",
    "bench": "`pytest tests/bench -m bench -s` runs them",
}
"""The marks that are left out, and what runs them."""

UNCOMPILED = (
    "tests/cli/test_broken_scenarios.py", "tests/cli/test_data.py", "tests/docs/test_blocks.py",
    "tests/docs/test_generated.py", "tests/docs/test_shipped.py", "tests/docs/test_site.py",
    "tests/fuzz/test_archives.py", "tests/fuzz/test_inputs.py",
)  # fmt: skip
"""Files that need no kernels, and take together about as long as kernels take to compile."""

LEFT_OUT = pytest.StashKey[dict[str, dict[str, int]]]()
"""By mark and family, which is the folder below `tests/`, the number of tests."""


MUTATIONS, MANY_MUTATIONS = 24, 240
"""How many mutations each file of tests/fuzz looks at, and how many with the slow tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests, too")
    parser.addoption(
        "--fuzz",
        type=int,
        help=f"how many mutations each file of tests/fuzz looks at ({MUTATIONS}; with --slow {MANY_MUTATIONS})",
    )


@pytest.fixture(scope="session")
def is_thorough(pytestconfig: pytest.Config) -> bool:
    """Tell whether a test that repeats itself does so as often as it can: with the slow tests, or asked for by name."""
    return is_asked_for("slow", pytestconfig)


@pytest.fixture(scope="session")
def n_mutations(pytestconfig: pytest.Config, is_thorough: bool) -> int:
    """Return how many mutations all tests of a file look at together."""
    return pytestconfig.option.fuzz or (MANY_MUTATIONS if is_thorough else MUTATIONS)


def pytest_configure(config: pytest.Config) -> None:
    """Look at fewer examples without the slow tests, unless the command line names a profile."""
    if not (is_asked_for("slow", config) or config.option.hypothesis_profile):
        settings.load_profile("quick")


def is_asked_for(mark: str, config: pytest.Config) -> bool:
    """Tell whether tests of a mark were asked for: by option, by mark, or one by one."""
    return (mark == "slow" and config.option.slow) or mark in config.option.markexpr or names_tests(config)


def names_tests(config: pytest.Config) -> bool:
    """Tell whether the command line names single tests."""
    return any("::" in argument for argument in config.args)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run single tests and benchmarks in this process: workers take longer to start, and swallow what is printed."""
    return 0 if names_tests(config) or is_asked_for("bench", config) else None


def mark_all_but_samples(items: list[pytest.Item]) -> None:
    """Mark as slow what `sampled(k)` leaves out: of the cases of a test, all but the first of each `k`."""
    seen: Counter[str] = Counter()
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is not None:
            name = item.nodeid.partition("[")[0]
            if seen[name] % sampled.args[0]:
                item.add_marker("slow")
            seen[name] += 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark_all_but_samples(items)
    left: dict[str, list[pytest.Item]] = {mark: [] for mark in HOW}
    kept: list[pytest.Item] = []
    for item in items:
        marks = (mark for mark in HOW if item.get_closest_marker(mark) and not is_asked_for(mark, config))
        left.get(next(marks, ""), kept).append(item)
    config.stash[LEFT_OUT] = {
        mark: dict(Counter(item.nodeid.split("/")[1] for item in found)) for mark, found in left.items()
    }
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for found in left.values() for item in found])
        items[:] = kept
    if hasattr(config, "workerinput"):
        items[:] = with_uncompiled_in_the_middle(items)


def with_uncompiled_in_the_middle(items: list[pytest.Item]) -> list[pytest.Item]:
    """Have the second of two workers begin with what needs no kernels: the first compiles them meanwhile."""
    quick = [item for item in items if item.nodeid.startswith(UNCOMPILED)]
    others = [item for item in items if not item.nodeid.startswith(UNCOMPILED)]
    middle = len(items) // 2
    return [*others[:middle], *quick, *others[middle:]]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker tell what it left out, which only it knows."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if hasattr(node, "workeroutput"):  # not of a worker that died
        node.config.stash[LEFT_OUT] = node.workeroutput["left_out"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for mark, families in config.stash.get(LEFT_OUT, {}).items():
        if families:
            listed = ", ".join(f"{name} {n}" for name, n in sorted(families.items()))
            terminalreporter.write_line(
                f"left out: {sum(families.values())} {mark} tests ({listed}); {HOW[mark]}", yellow=True
            )
