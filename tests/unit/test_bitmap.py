"""The bitmap against a set of Python numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs

from cascade.core.bitmap import words
from tests.support import kernels
from tests.support.examples import examples

SET, CLEAR, HAS, FIRST_FROM, LAST_UNTIL = range(5)
"""What a script does, and what it asks."""

SIZES = (1, 63, 64, 65, 4096, 4097, 2**18)


def answer(slots: set[int], what: int, i: int) -> int:
    """Answer a question as a set of slots does."""
    if what == HAS:
        return int(i in slots)
    if what == FIRST_FROM:
        return min((k for k in slots if k >= i), default=-1)
    return max((k for k in slots if k <= i), default=-1)


def carry_out(bits: np.ndarray, n0: int, n1: int, what: int, i: int) -> int:
    """Do what a line of a script says to a bitmap that begins at word 3; return what it answers, or 0."""
    if what == HAS:
        return int(kernels.has_bit(bits, 3, i))
    does = {
        SET: kernels.set_bit, CLEAR: kernels.clear_bit,
        FIRST_FROM: kernels.first_from, LAST_UNTIL: kernels.last_until,
    }  # fmt: skip
    return does[what](bits, 3, n0, n1, i) or 0


def run(n: int, script: list[tuple[int, int]]) -> tuple[list[int], np.ndarray]:
    """Carry out a script in the middle of a longer array, whose other words must stay."""
    n0, n1, n2 = words(n)
    bits = np.zeros(3 + n0 + n1 + n2 + 3, np.uint64)
    bits[:3] = bits[-3:] = np.uint64(0xAAAAAAAAAAAAAAAA)
    answers = [carry_out(bits, n0, n1, what, i) for what, i in script]
    assert (bits[:3] == bits[-3:]).all()
    assert (bits[:3] == np.uint64(0xAAAAAAAAAAAAAAAA)).all()
    return answers, bits[3:-3]


@examples(150)
@given(data=hs.data(), n=hs.sampled_from(SIZES))
def test_it_answers_as_a_set_does(data, n):
    near = hs.integers(0, n - 1) | hs.sampled_from([k for k in (0, 63, 64, 65, 4095, 4096, n - 1) if k < n])
    script = data.draw(hs.lists(hs.tuples(hs.integers(SET, LAST_UNTIL), near), max_size=60))
    slots: set[int] = set()
    wanted = []
    for what, i in script:
        if what == SET:
            slots.add(i)
        elif what == CLEAR:
            slots.discard(i)
        wanted.append(answer(slots, what, i) if what >= HAS else 0)
    assert run(n, script)[0] == wanted


@pytest.mark.parametrize("n", SIZES)
def test_every_slot_is_found_from_both_ends_and_leaves_nothing_behind(n):
    slots = sorted({0, n - 1, n // 2, min(64, n - 1), min(4095, n - 1)})
    script = [(SET, i) for i in slots]
    script += [(FIRST_FROM, i) for i in slots] + [(LAST_UNTIL, i) for i in slots]
    script += [(FIRST_FROM, i + 1) for i in slots] + [(LAST_UNTIL, i - 1) for i in slots]
    wanted = [0] * len(slots) + slots + slots + [*slots[1:], -1] + [-1, *slots[:-1]]
    answers, bits = run(n, script + [(CLEAR, i) for i in slots])
    assert answers[: len(wanted)] == wanted
    assert not bits.any()
