"""What public feeds show of the liquidations: some venues publish the latest order of each second only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cascade.output.columns import to_names, to_numpy
from cascade.output.run_units import Feed

if TYPE_CHECKING:
    import pyarrow as pa

_ROUNDING_S: Final = 1e-9


def public_mask(liquidations: pa.Table, feeds: Mapping[str, Feed]) -> npt.NDArray[np.bool_]:
    """Tell which rows the public feeds show.

    A row that closed nothing is never shown. Of a venue under `latest_per_second`, the last row of
    each (reporting venue, market, second) is, of one under `complete` every row, and of one under `none`
    no row; a venue without an entry counts as complete. Rows are those of one replicate, in their order.
    """
    shown = to_numpy(liquidations.column("liquidated_usd")) > 0
    venues = to_names(liquidations.column("reporting"))
    shown &= ~np.isin(venues, [name for name, feed in feeds.items() if feed == "none"])
    thinned = shown & np.isin(venues, [name for name, feed in feeds.items() if feed == "latest_per_second"])
    candidates = np.flatnonzero(shown & thinned)
    markets = to_names(liquidations.column("market"))[candidates]
    seconds = np.floor(to_numpy(liquidations.column("t_s"))[candidates] + _ROUNDING_S)
    shown[candidates] = False
    shown[candidates[_last_of_each(venues[candidates], markets, seconds)]] = True
    return shown


def _last_of_each(*keys: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the position of the last row of each combination of keys."""
    if len(keys[0]) == 0:
        return np.empty(0, dtype=np.intp)
    codes = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        distinct, code = np.unique(key, return_inverse=True)
        codes = codes * len(distinct) + code
    _, from_end = np.unique(codes[::-1], return_index=True)
    return len(codes) - 1 - from_end
