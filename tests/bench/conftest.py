"""Benchmarks run only when asked for: `pytest tests/bench -m bench -s`."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = "bench" in config.option.markexpr and "not bench" not in config.option.markexpr
    own = [item for item in items if item.path.is_relative_to(HERE)]
    for item in own:
        item.add_marker(pytest.mark.bench)
    if not asked and own:
        config.hook.pytest_deselected(items=own)
        items[:] = [item for item in items if item not in own]
