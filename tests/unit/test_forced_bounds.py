"""What bounds a forced order: the venue's largest market order, or of venues that send limit orders another one."""

from __future__ import annotations

from typing import Any

import pytest

from cascade.assembly import assemble
from tests.support.scenarios import small_scenario


@pytest.mark.parametrize(("rules", "lots"), [({}, 120_000), ({"max_liquidation_qty": 1000}, 1_000_000)])
def test_a_forced_order_is_bound_as_a_limit_order_where_it_is_one(rules: dict[str, Any], lots: int) -> None:
    venue = {"rulebook": "binance-2025-07", "rules": {"contracts": {"BTCUSDT": rules}}}
    made = assemble(small_scenario(venues={"spot": {"rulebook": "spot"}, "venue": venue}, population=[]))
    assert made.params.markets[1].max_order == lots


@pytest.mark.parametrize(("rules", "kept"), [({}, 0), ({"reduces": "where_it_frees"}, 1)])
def test_a_venue_may_reduce_only_where_it_frees_margin(rules: dict[str, Any], kept: int) -> None:
    venue = {"rulebook": "binance-2025-07", "rules": {"liquidation": rules}}
    made = assemble(small_scenario(venues={"spot": {"rulebook": "spot"}, "venue": venue}, population=[]))
    assert made.params.venues[1].only_where_it_frees == kept
