"""What kernels may rely on when they read and write the arrays of a table."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from cascade.compiler import jit
from cascade.compiler.jit import JIT_ENABLED, entry, int64, kernel
from cascade.compiler.tables import blank, declare

ROOT = Path(__file__).parents[2]
ROW = np.dtype([("a", "i8"), ("b", "f8"), ("c", "i4"), ("d", "i2"), ("e", "f4")], align=True)


SEVEN, YES = 7, True


class Kept(NamedTuple):
    rows: Any
    numbers: Any


class Changed(NamedTuple):
    rows: Any
    grid: Any


declare(Kept, {"rows": (ROW, 1), "numbers": (np.dtype(np.int64), 1)}, fixed=True)
declare(Changed, {"rows": (ROW, 1), "grid": (np.dtype(np.int32), 2)})


@entry
def copy(kept: Kept, changed: Changed, k: int) -> int:
    """Copy row k, through each kind of access; what is written is read again."""
    changed.rows[k].a = kept.rows[k].a
    changed.rows[k].b = kept.rows[k].a  # an integer into a float
    changed.grid[1, k] = changed.rows[k].a + int64(changed.rows[k].b)
    changed.rows[k].c += 1
    changed.rows[k].c += 1
    return changed.grid[1, k] + kept.numbers[k]


@kernel
def square(number: int) -> int:
    return number * number


@kernel
def square_of(number: float) -> float:
    return number * number


@kernel
def one_if(yes: bool) -> int:
    return 1 if yes else 0


@entry
def use_all(kept: Kept, changed: Changed, k: int, floats: Any) -> int:
    """Square what is kept in 64 bits and in fewer, constants, and what a loop counts."""
    row = changed.rows[k]
    total = square(kept.rows[k].a) + square(row.c) + square(row.d) + square(changed.grid[1, k])
    total += square(SEVEN) + square(-2) + one_if(True) + one_if(YES) + one_if(row.c > 0)
    for j in range(3):
        total += square(j)
    for j in range(row.d):
        total += square(j)
    floats[0], floats[1] = square_of(row.e), square_of(0.5)
    return total


@entry
def measure(kept: Kept, changed: Changed) -> int:
    """Tell all lengths, as digits."""
    height, width = changed.grid.shape
    return 1000 * len(kept.numbers) + 100 * len(changed.grid) + 10 * height + width


@entry
def write_a_field(kept: Kept) -> None:
    kept.rows[0].a = 1


@entry
def write_an_item(kept: Kept) -> None:
    kept.numbers[0] = 1


def kept_rows() -> Kept:
    rows = np.zeros(4, ROW).view(np.recarray)
    rows.a = [10, 20, 30, 40]
    return Kept(rows, np.arange(4))


def test_what_is_written_is_read_again():
    changed = Changed(np.zeros(4, ROW).view(np.recarray), np.zeros((2, 4), np.int32))
    assert [copy(kept_rows(), changed, k) for k in range(4)] == [20, 41, 62, 83]
    assert changed.rows.a.tolist() == [10, 20, 30, 40]
    assert changed.rows.b.tolist() == [10.0, 20.0, 30.0, 40.0]
    assert changed.rows.c.tolist() == [2, 2, 2, 2]
    assert changed.grid.tolist() == [[0, 0, 0, 0], [20, 40, 60, 80]]


def test_lengths_are_those_of_the_arrays():
    grid = np.zeros((2, 5), np.int32)
    assert measure(kept_rows(), Changed(np.zeros(4, ROW).view(np.recarray), grid)) == 4225


def changed_rows() -> Changed:
    changed = Changed(np.zeros(4, ROW).view(np.recarray), np.zeros((2, 4), np.int32))
    changed.rows.c, changed.rows.d, changed.rows.e = 100_000, 3, 0.1
    changed.grid[1] = 2_000_000_000
    return changed


def test_what_is_kept_in_fewer_than_64_bits_is_read_at_64():
    floats = np.zeros(2)
    wanted = 10**2 + 10**10 + 3**2 + 4 * 10**18 + 7**2 + 2**2 + 3 + (0 + 1 + 4) * 2
    assert use_all(kept_rows(), changed_rows(), 0, floats) == wanted
    assert floats.tolist() == [float(np.float32(0.1)) ** 2, 0.25]


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as Python")
def test_a_kernel_is_compiled_once_for_numbers_of_all_widths_constants_and_counters(monkeypatch):
    from numba.core import types

    monkeypatch.setattr(jit, "cache_directory", lambda: None)  # what is loaded compiles no parts
    entry(use_all)(kept_rows(), changed_rows(), 0, np.zeros(2))
    assert square.compiled.signatures == [(types.int64,)]
    assert square_of.compiled.signatures == [(types.float64,)]
    assert one_if.compiled.signatures == [(types.boolean,)]


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as Python")
@pytest.mark.parametrize("write", [write_a_field, write_an_item])
def test_a_fixed_table_is_not_written(write):
    from numba.core.errors import LoweringError

    with pytest.raises(
        (LoweringError, TypeError), match=r"Kept\.\w+.* is written, but it is said to be fixed"
    ):
        write(kept_rows())


def test_a_layout_names_the_fields_in_order():
    with pytest.raises(ValueError, match="does not name its fields in order"):
        declare(Kept, {"numbers": (np.dtype(np.int64), 1), "rows": (ROW, 1)})
    assert [len(array) for array in blank(Changed)] == [0, 0]


def test_a_field_that_numpy_has_for_itself_is_refused():
    rows = np.dtype([("size", np.int64)])
    with pytest.raises(ValueError, match=r"Kept\.rows has a field 'size'"):
        declare(Kept, {"rows": (rows, 1), "numbers": (np.dtype(np.int64), 1)})


def test_an_array_that_is_not_contiguous_is_refused():
    rows = np.zeros(8, ROW).view(np.recarray)
    with pytest.raises(ValueError, match=r"Kept\.rows is not contiguous"):
        copy(Kept(rows[::2], np.arange(4)), blank(Changed), 0)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "test", [test_what_is_written_is_read_again, test_what_is_kept_in_fewer_than_64_bits_is_read_at_64]
)
def test_it_is_the_same_without_the_compiler(test):
    script = f"from tests.unit.test_columns import *; {test.__name__}()"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, cwd=ROOT, env=environment)
