"""Without leverage nobody is liquidated, in a whole scenario whose price halves; with leverage many are."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.engine import Engine, Outcome, simulate
from tests.support.scenarios import small_data, small_scenario


class Count:
    """A sink that counts forced orders."""

    forced = 0

    def take(self, table: str, records: np.ndarray) -> None:
        """Count the rows of the liquidation log."""
        self.forced += len(records) if table == "liquidations" else 0

    def chunk(self, engine: Engine) -> None:
        """Look at nothing."""


@pytest.mark.parametrize(("leverage", "some"), [(1, False), (20, True)])
def test_liquidations_need_leverage(leverage, some):
    (crowd,) = small_data()["population"]
    crowd |= {"leverage": {"dist": "table", "values": [leverage], "weights": [1]}}
    shock = {"type": "news", "at": "30s", "over": "60s", "asset": "BTC", "move": "-50 %"}
    assembled, count = assemble(small_scenario(population=[crowd], shocks=[shock])), Count()
    start = int(assembled.state.markets.mark[1])
    engine = Engine(assembled, count)
    assert simulate(engine, chunk_steps=10) is Outcome.COMPLETED
    assert engine.state.markets.mark[1] < 0.6 * start
    assert (count.forced > 0) == some
