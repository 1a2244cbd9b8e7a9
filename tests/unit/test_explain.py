"""The parts of an explanation: figures with their sources, the timeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.assembly import assemble
from cascade.explain.sources import DEFAULT, NONE, figures_of, show_value, unit_of
from cascade.explain.timeline import timeline
from cascade.scenario.load import load
from cascade.scenario.schema_makers import LadderMaker

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


def test_a_share_that_is_called_as_a_moment_has_no_seconds(scenario):
    """`top_up.at` 0.7, a part of the way to liquidation, was printed as 0.7s; a halt's `at` is a moment."""
    text = ['population.retail.top_up={"share": 0.5, "at": 0.7, "factor": 1.5}']
    figures = {figure.path: figure for figure in figures_of(load(BASE, [*SMALL, *text]))}
    assert figures["population.retail.top_up.at"].value == "70 %"
    moments = {
        figure.value for path, figure in figures.items() if path.startswith("shocks") and path.endswith(".at")
    }
    assert moments
    assert all(value.endswith(("s", "m", "h")) for value in moments)


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


def test_timeline_has_stamps_of_the_utc_day(scenario, drawn):
    longer = scenario.replace(duration="9h")
    found = [moment for moment in timeline(longer, assemble(longer).params) if moment.kind == "funding"]
    assert [moment.time for moment in found] == ["2025-07-01T08:00:00Z"]
    assert not [moment for moment in timeline(scenario, drawn.params) if moment.kind == "funding"]
