"""The parts of an explanation: figures with their sources, the liquidation map, the timeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.params import PERPETUAL
from cascade.explain.figures import DEFAULT, NONE, figures_of, show_value, unit_of
from cascade.explain.liquidation_map import WIDTH, failing_moves, liquidation_maps, quoted_depth
from cascade.explain.timeline import timeline
from cascade.scenario.load import load
from cascade.scenario.schema_agents import LadderMaker

BASE = Path(__file__).parent.parent / "data" / "base.yaml"
SMALL = ["population.retail.open_interest=200M"]


@pytest.fixture(scope="module")
def scenario():
    return load(BASE, SMALL)


@pytest.fixture(scope="module")
def drawn(scenario):
    return assemble(scenario)


def test_figures_have_units_and_sources(scenario):
    figures = {figure.path: figure for figure in figures_of(scenario)}
    depth = figures["makers.perpetual-makers.depth.profile"]
    assert (depth.kind, depth.unit, depth.source) == ("measured", "bps, USD", "test data")
    assert figures["population.retail.open_interest"].kind == "assumed"
    assert figures["population.retail.hold.mean"].value == "5d"
    assert figures["population.fuel.notional"].kind == NONE
    assert figures["population.fuel.leverage"].kind == DEFAULT
    assert figures["population.retail.size"].value == "lognormal: max 2M, median 1k, sigma 2.1"
    assert figures["shocks.1.factor"].value == "0.5x"
    assert not any("description" in path or path.startswith("outputs") for path in figures)


def test_the_last_source_that_matches_counts(scenario):
    changed = scenario.replace(
        sources={"population.*": {"kind": "assumed"}, "population.retail.hold.mean": {"kind": "fitted"}}
    )
    kinds = {figure.path: figure.kind for figure in figures_of(changed)}
    assert kinds["population.retail.hold.mean"] == "fitted"
    assert kinds["population.retail.hold.min"] == "assumed"


def test_values_are_written_as_a_scenario_would():
    unit = unit_of(LadderMaker.model_fields["requote_rate"])
    assert (unit, show_value(1.0, unit)) == ("1/s", "1")
    assert show_value(107_123.4, "USD") == "107123.4"
    assert show_value(1.1e6, "USD") == "1.1M"
    assert show_value(0.0065, "fraction") == "0.65 %"


def test_liquidation_prices_are_those_of_the_kernels(scenario, drawn):
    """An account without stop or top-up hangs in the trigger index at its liquidation price."""
    down, up = failing_moves(drawn)
    state, first = drawn.state, drawn.params.run[0].first_trader
    mark = float(state.markets.mark[list(scenario.markets).index("binance:BTCUSDT")])
    n = 0
    for k in np.flatnonzero(state.positions.account >= first):
        position, (low, high) = state.positions[k], state.triggers.tick[2 * k : 2 * k + 2]
        seat = state.traders[position.account - first]
        if position.lots == 0 or max(seat.stop_tick, seat.top_up_tick) >= 0:
            continue
        move, tick = (-down, low) if position.lots > 0 else (up, high)
        if tick >= 0:
            assert abs(mark * (1 + move[position.account]) - tick) <= 1
            n += 1
    assert n > 1_000


def test_the_map_counts_every_open_position_that_can_fail(scenario, drawn):
    (each,) = liquidation_maps(scenario, drawn)
    fuel = each.below.usd[1:7].sum()
    assert fuel >= 0.95 * 50e6  # notional is that at entry, the map counts at the mark
    held = drawn.state.positions
    market = drawn.params.markets.kind[held.market] == PERPETUAL
    seats = held[market & (held.account >= drawn.params.run[0].first_trader)]
    shorts = np.abs(seats.lots[seats.lots < 0]).sum() * 0.001 * each.price
    assert each.above.usd.sum() + each.above.beyond_usd == pytest.approx(shorts, rel=1e-6)


def test_cross_margined_accounts_fail_at_the_same_move_as_isolated_ones(scenario, drawn):
    """With one position each, cross margin must give what the closed form gives."""
    from cascade.explain import liquidation_map as module

    first = int(drawn.params.run[0].first_trader)
    accounts = (
        first
        + np.flatnonzero(drawn.state.positions.lots[drawn.state.accounts.first_position[first:]] != 0)[:500]
    )
    down, up = failing_moves(drawn)
    for closed, farthest in ((down, -0.99), (up, 3.0)):
        open_form = module._together(drawn, accounts, farthest)
        both = ~np.isnan(closed[accounts]) & ~np.isnan(open_form) & (open_form > 0)
        assert both.sum() > 50
        np.testing.assert_allclose(open_form[both], closed[accounts][both], atol=1e-6)


def test_depth_is_what_makers_quote(scenario):
    depth, thin = quoted_depth(scenario, "binance:BTCUSDT")
    assert depth[round(0.01 / WIDTH) - 1] == pytest.approx(240e6)
    assert thin[-1] == pytest.approx(240e6 * 0.5 * 0.5)  # its withdrawal floor, and the depth shock


def test_timeline_has_stamps_of_the_utc_day(scenario, drawn):
    longer = scenario.replace(duration="9h")
    found = [moment for moment in timeline(longer, assemble(longer).params) if moment.kind == "funding"]
    assert [moment.time for moment in found] == ["2025-07-01T08:00:00Z"]
    assert not [moment for moment in timeline(scenario, drawn.params) if moment.kind == "funding"]
