"""Where accounts come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.core.state import Array


class Owners(NamedTuple):
    """Where accounts come from: the layer of each, and the user's own label; -1 where it has none.

    Those of agents in Python stand first: their label is their name.
    """

    first: int
    """Account of the lowest number."""
    layers: tuple[str, ...]
    layer: Array  # int64
    labels: tuple[str, ...]
    label: Array  # int64

    def accounts(self, label: str) -> Array:
        """Return the numbers of the leveraged accounts of a label; an agent of that name is none of them."""
        if label not in self.labels:
            return np.zeros(0, np.int64)
        return self.first + np.flatnonzero((self.label == self.labels.index(label)) & (self.layer >= 0))


NOBODY = Owners(0, (), np.zeros(0, np.int64), (), np.zeros(0, np.int64))
