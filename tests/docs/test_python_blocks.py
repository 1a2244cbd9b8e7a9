"""Every Python block of the pages runs; `conftest.py` says on which files. Those of the README: `test_readme.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.conftest import Block, blocks

SLOW = {"policies", "sweep", "threshold"}
"""Pages whose block runs 30 replicates and more."""

PYTHON = [
    pytest.param(*each.values, id=each.id, marks=[pytest.mark.slow] if each.values[0].page in SLOW else [])
    for each in blocks("python")
    if each.values[0].page != "README"
]


@pytest.mark.parametrize("block", PYTHON)
def test_block(block: Block, desk: Path) -> None:
    code = compile(block.text, f"{block.page}.md", "exec")
    if not block.is_part:
        exec(code, {})
