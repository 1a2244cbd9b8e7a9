"""Times as files write them: in text, or in whichever unit the size of a number tells."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cascade.data.arrays import compute, integers_of, numbers_of
from cascade.output.columns import strings

_ZONE: Final = r"(Z|[+-]00:?00)$"

_UNITS: Final = {"ns": 1e17, "us": 1e14, "ms": 1e11, "s": 1e8}
"""The least time of each unit: none of ours since 1973 or before 5000 is of another."""

_IN_US: Final = {"s": 1e6, "ms": 1e3}


def units_of(times: Any) -> npt.NDArray[np.str_]:
    """Return the unit of each time; ? where its size is of none."""
    import pyarrow as pa

    if pa.types.is_string(times.type):
        return np.full(len(times), "text")
    size = numbers_of(times)
    ends = {_unit(float(size.min())), _unit(float(size.max()))} if len(size) else {"?"}
    if len(ends) == 1:  # NaN is of no unit, and least and greatest are NaN where any is
        return np.broadcast_to(ends.pop(), len(size))
    return np.select([size >= least for least in _UNITS.values()], [*_UNITS], "?")


def units_in(times: Any) -> set[str]:
    """Return the units of times."""
    units = units_of(times)
    return {str(units[0])} if units.strides == (0,) else {*np.unique(units).tolist()}


def _unit(time: float) -> str:
    return next((unit for unit, least in _UNITS.items() if time >= least), "?")


def microseconds(times: Any) -> npt.NDArray[np.int64]:
    """Return times in microseconds since 1970 UTC; floats hold those of our days exactly."""
    import pyarrow as pa

    if pa.types.is_string(times.type):
        return instants(times)
    units = units_of(times)
    scale = np.select([units == unit for unit in _IN_US], [*_IN_US.values()], 1.0)
    return np.rint(numbers_of(times) * scale).astype(np.int64)


def instants(texts: Any) -> npt.NDArray[np.int64]:
    """Return what dates and times in UTC are in microseconds since 1970; raises ArrowInvalid where one is none."""
    import pyarrow as pa

    pc = compute()
    bare = pc.replace_substring_regex(texts, _ZONE, "")
    return integers_of(bare.cast(pa.timestamp("ns"))) // 1_000


def is_instant(text: str) -> bool:
    """Tell whether a text is a date, or a date and time, in UTC."""
    import pyarrow as pa

    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        instants(strings([text]))
    except pa.ArrowInvalid:
        return False
    return True
