"""What a step costs under the rules of each venue, against Binance's, on the same market in one run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cascade.assembly import assemble
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.load import load

SCENARIOS = Path(__file__).parents[2] / "scenarios"
VENUES = ("binance", "bybit", "okx", "bitmex", "hyperliquid", "dydx")
ROUNDS = 5


@pytest.mark.bench
def test_a_step_under_the_rules_of_each_venue() -> None:
    scenarios = {name: load(SCENARIOS / f"venue-{name}.yaml") for name in VENUES}
    engines = {name: Engine(assemble(scenario), Logs()) for name, scenario in scenarios.items()}
    for engine in engines.values():
        engine.advance(1)  # compiled, and quotes are in the book
    spent = dict.fromkeys(VENUES, 0.0)
    steps = min(engine.n_steps for engine in engines.values()) - 1
    for part in range(ROUNDS):
        for name, engine in engines.items():  # in turn, so that noise falls on all of them
            until = 1 + steps * (part + 1) // ROUNDS
            start = time.process_time()
            engine.advance(until)
            spent[name] += time.process_time() - start
    print(f"\n{steps} steps of the market of venue-binance.yaml, a jump and its liquidations among them")
    for name in VENUES:
        ratio = spent[name] / spent["binance"]
        print(
            f"{name:12} {1e6 * spent[name] / steps:6.1f} us a step   {ratio:4.2f} x Binance   (at most 1.5)"
        )
