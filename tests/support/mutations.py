"""Damage that has a number: a number always makes the same.

CI looks at the same ones each time, `pytest` at the first of them; `pytest tests/fuzz --fuzz 10000` looks at more.
"""

from __future__ import annotations

import numpy as np

Generator = np.random.Generator


def generator(number: int) -> Generator:
    """Return the luck of a mutation."""
    return np.random.Generator(np.random.Philox(key=number))


def with_other_bytes(content: bytes, rng: Generator) -> tuple[bytes, str]:
    """Return bytes of which some are changed, missing or too many, and what was done."""
    changed, at = bytearray(content), int(rng.integers(max(len(content), 1)))
    how = int(rng.integers(5))
    if how == 0 and content:
        changed[at] ^= 1 << int(rng.integers(8))
    elif how == 1 and content:
        n = int(rng.integers(1, 9))
        changed[at : at + n] = rng.bytes(len(changed[at : at + n]))
    elif how == 2:
        del changed[at:]
    elif how == 3:
        changed += rng.bytes(int(rng.integers(1, 40)))
    else:
        del changed[at : at + int(rng.integers(1, 9))]
    return bytes(changed), f"changed in its bytes ({how}, at {at})"


def with_other_lines(text: str, rng: Generator) -> tuple[str, str]:
    """Return text with another digit, a line less or more, or two lines exchanged, and what was done."""
    lines = text.split("\n")
    at, to = (int(rng.integers(len(lines))) for _ in range(2))
    how = int(rng.integers(4))
    if how == 0:
        digits = [k for k, letter in enumerate(lines[at]) if letter.isdigit()]
        if digits:
            place = digits[int(rng.integers(len(digits)))]
            digit = str((int(lines[at][place]) + int(rng.integers(1, 10))) % 10)
            lines[at] = lines[at][:place] + digit + lines[at][place + 1 :]
    elif how == 1:
        del lines[at]
    elif how == 2:
        lines.insert(to, lines[at])
    else:
        lines[at], lines[to] = lines[to], lines[at]
    return "\n".join(lines), f"edited in line {at + 1} ({how})"
