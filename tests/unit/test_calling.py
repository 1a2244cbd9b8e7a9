"""What passes between Python and an entry point: nothing is cut, rounded or taken for something else."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
import pytest

from cascade.compiler.calling import Items, kind_of
from cascade.compiler.jit import JIT_ENABLED, entry
from cascade.compiler.tables import declare

compiled = pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")


@entry
def same(number: int, share: float, yes: bool, key: np.uint64) -> tuple[int, float, bool, np.uint64]:
    return number, share, yes, key


@entry
def sums(numbers: Any, shares: Any, grid: Any) -> tuple[int, float, int]:
    return numbers[0] + numbers[len(numbers) - 1], shares[0] + shares[1], grid[1, 2]


@entry
def nothing(numbers: Any) -> None:
    numbers[0] = 7


@entry
def total(numbers: Any) -> int:
    found = 0
    for k in range(len(numbers)):
        found += numbers[k]
    return found


@entry
def above(number: int, bound: int) -> bool:
    return number > bound


def test_numbers_come_back_as_they_went():
    for number in (0, 1, -1, 2**63 - 1, -(2**63)):
        for share in (0.0, -0.0, 0.1, float("inf"), 5e-324):
            for yes in (True, False):
                found = same(number, share, yes, np.uint64(2**64 - 1 - abs(number) % 7))
                assert found == (number, share, yes, 2**64 - 1 - abs(number) % 7)
    assert str(same(0, -0.0, True, np.uint64(0))[1]) == "-0.0"
    assert np.isnan(same(0, float("nan"), True, np.uint64(0))[1])


def test_numbers_of_numpy_are_numbers():
    found = same(np.int64(-5), np.float64(0.5), np.bool_(True), np.uint64(2**63))
    assert found == (-5, 0.5, True, 2**63)


def test_what_comes_back_are_numbers_of_python():
    if JIT_ENABLED:
        assert [type(part) for part in same(1, 0.5, False, np.uint64(3))] == [int, float, bool, int]
        assert (above(2, 1), above(1, 2)) == (True, False)
        assert type(above(2, 1)) is bool


def test_arrays_are_read_and_written_in_place():
    numbers, shares = np.array([3, 4, 5], np.int32), np.array([0.25, 0.5])
    assert sums(numbers, shares, np.arange(6).reshape(2, 3)) == (8, 0.75, 5)
    assert nothing(numbers) is None
    assert numbers.tolist() == [7, 4, 5]


@compiled
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_that_does_not_fit_is_refused_and_not_cut(number):
    with pytest.raises(OverflowError, match="above"):
        above(number, 0)


@compiled
def test_a_key_is_not_negative():
    assert same(0, 0.0, True, np.uint64(7))[3] == 7
    with pytest.raises(TypeError, match="not str"):
        above("2", 1)
    with pytest.raises(TypeError, match="takes 2 arguments, not 1"):
        above(2)


@compiled
def test_an_array_is_told_by_its_type_and_must_be_in_one_piece():
    assert kind_of(np.zeros((2, 3), np.int32)) == Items(np.dtype(np.int32), 2)
    with pytest.raises(ValueError, match="argument 0 is not contiguous"):
        nothing(np.zeros(8, np.int64)[::2])
    before = len(nothing.calls)
    nothing(np.zeros(3))
    assert len(nothing.calls) == before + 1


@compiled
def test_an_array_that_is_read_only_is_read_and_not_written():
    numbers = np.frombuffer(bytes(16), np.int64)
    assert total(numbers) == 0
    with pytest.raises(TypeError, match="read-only int64 is written"):
        nothing(numbers)
    assert total(numbers) == 0


class Money(NamedTuple):
    """Arrays that a kernel takes as one."""

    cash: Any
    rows: Any


ROW = np.dtype([("lots", np.int32), ("price", np.float64)])
declare(Money, {"cash": (np.dtype(np.int64), 1), "rows": (ROW, 1)})


@entry
def pay(money: Money) -> int:
    money.cash[0] = 7
    return money.cash[0] + money.rows[0].lots


CASH, ROWS = np.zeros(4, np.int64), np.zeros(4, ROW)
KEPT = np.zeros(4, np.int64)
KEPT.flags.writeable = False


@compiled
@pytest.mark.parametrize(
    ("cash", "rows", "refused"),
    [
        (np.zeros(4, np.int8), ROWS, "cash needs .* 1 dimensions of int64, not of 1 of int8"),
        (np.zeros(4), ROWS, "cash .* not of 1 of float64"),
        (np.zeros((4, 4), np.int64), ROWS, "cash .* not of 2 of int64"),
        ([1, 2], ROWS, "cash .* not list"),
        (KEPT, ROWS, "cash .* which can be written"),
        (CASH, np.zeros(4, [("price", np.float64), ("lots", np.int32)]), "rows .* not of 1 of"),
    ],
)
def test_the_arrays_of_a_table_are_those_that_were_declared(cash, rows, refused):
    assert pay(Money(CASH, ROWS.view(np.recarray))) == 7
    with pytest.raises(TypeError, match=refused):
        pay(Money(cash, rows))


@compiled
def test_a_table_is_looked_up_anew_when_an_array_is_another():
    for _ in range(50):  # arrays of earlier rounds are gone, and their places may be those of later ones
        numbers = np.zeros(4, np.int64)
        nothing(numbers)
        assert numbers[0] == 7


@compiled
def test_another_process_is_told_of_an_entry_point_by_its_name():
    assert same(1, 0.5, True, np.uint64(3))[0] == 1
    assert pickle.loads(pickle.dumps(same)) is same
    assert copy.deepcopy(same) is same
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(above, 2, 1).result() is True


@compiled
def test_threads_call_an_entry_point_each_with_arrays_of_its_own():
    """The kernel lets go of Python's lock, and what one thread is given stays while another is given something else."""

    def own(number: int) -> bool:
        for _ in range(20):
            long = np.full(300_000, number)
            if total(long) != number * len(long):
                return False
        return True

    total(np.zeros(1, np.int64))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(own, range(8)))
