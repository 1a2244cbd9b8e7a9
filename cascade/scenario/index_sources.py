"""Of which spot markets an index is made."""

from __future__ import annotations

from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import SpotMarket
from cascade.venues.rulebook import Index


def sources_of(scenario: Scenario, asset: str, index: Index | None = None) -> dict[str, float]:
    """Return the spot markets that an index of an asset is made of, with their weights.

    Parameters
    ----------
    index
        Rule of the venue that makes it; without one each market has its own weight.
    """
    weights = {
        name: market.index_weight if index is None else index.weight_of(name, market.index_weight)
        for name, market in scenario.markets.items()
        if isinstance(market, SpotMarket) and market.asset == asset
    }
    return {name: weight for name, weight in weights.items() if weight > 0.0}
