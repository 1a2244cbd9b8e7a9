"""Counter-based random numbers: a draw is a pure function of who decides what, and when.

The key of a decision is made of (seed, decision name, replicate); a draw adds (step, slot, number).
The scenario never enters, so scenarios share their luck, and switching an agent group or the
liquidations off changes no other draw.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from cascade.compiler.jit import int64, kernel, wrapping

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SLOT = np.uint64(0xD1B54A32D192ED03)
_NUMBER = np.uint64(0x8CB92BA72F3D8DD7)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30 = np.uint64(30)
_S27 = np.uint64(27)
_S31 = np.uint64(31)
_S12 = np.uint64(12)
_TWO_PI = 2.0 * math.pi
ALONE = 0  # slot of an entity whose key is its own
_ULP = 1.0 / 4503599627370496.0  # 2^-52, so that half a unit more is still exact


def decision_key(seed: int, decision: str, replicate: int) -> np.uint64:
    """Return the 64-bit key of one named decision in one replicate."""
    text = f"{seed}/{decision}/{replicate}".encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


@wrapping
def _mix(x: np.uint64) -> np.uint64:
    """Return the finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection of 64 bits."""
    x = (x ^ (x >> _S30)) * _MIX_1
    x = (x ^ (x >> _S27)) * _MIX_2
    return x ^ (x >> _S31)


@wrapping
def bits(key: np.uint64, step: int, slot: int, number: int) -> np.uint64:
    """Return 64 random bits for draw `number` of entity `slot` at `step`."""
    x = _mix(key + np.uint64(step) * _STEP)
    return _mix(x ^ _mix(np.uint64(slot) * _SLOT + np.uint64(number) * _NUMBER + ~key))


@kernel
def uniform(key: np.uint64, step: int, slot: int, number: int) -> float:
    """Return a uniform variate in the open interval (0, 1)."""
    return (float(int64(bits(key, step, slot, number) >> _S12)) + 0.5) * _ULP


FIRST, SECOND, THIRD, FOURTH, FIFTH = range(5)
"""Numbers of the draws of one entity at one step."""


@kernel
def normal(key: np.uint64, step: int, slot: int, number: int) -> float:
    """Return a standard normal variate (Box and Muller 1958); uses draws `number` and `number + 1`."""
    radius = math.sqrt(-2.0 * math.log(uniform(key, step, slot, number)))
    return radius * math.cos(_TWO_PI * uniform(key, step, slot, number + 1))


@kernel
def exponential(key: np.uint64, step: int, slot: int, number: int) -> float:
    """Return an exponential variate of mean 1."""
    return -math.log(uniform(key, step, slot, number))
