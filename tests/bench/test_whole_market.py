"""Four venues, four coins, a million accounts: time and memory beside the reference day, and where a step goes."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from cascade.assembly import assemble
from cascade.explain.cost import memory_of
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario
from tests.bench.markets import FUSED, drawn, started
from tests.bench.measure import best_of, line

SCENARIO = Path(__file__).parents[2] / "scenarios" / "market-2025-07-01.yaml"
COINS = ("BTC", "ETH", "SOL", "XRP")
HOURS, STEPS = 26, 3_600
SCALE = 0.7
"""Of each layer, so that a million accounts are drawn."""

TARGET_S, REFERENCE_S = 30.0, 0.25


def four_coins() -> Scenario:
    """Return the whole market with four of its coins, on four venues: twenty books."""
    scenario = load(SCENARIO)
    markets = {name: each for name, each in scenario.markets.items() if each.asset in COINS}
    groups = {
        kind: [each for each in getattr(scenario, kind) if re.search("|".join(COINS), each.name)]
        for kind in ("makers", "flow", "arbitrage", "population")
    }
    groups["population"] = [each.model_copy(update={"scale": SCALE}) for each in groups["population"]]
    assets = {name: each for name, each in scenario.assets.items() if name in COINS}
    return scenario.model_copy(update={"assets": assets, "markets": markets, **groups})


def test_four_venues_four_coins_a_million_accounts() -> None:
    begun = time.process_time()
    made = assemble(four_coins())
    drawing = time.process_time() - begun
    engine = started(made, steps=300)
    a_day = best_of(1, lambda: engine.advance(300 + STEPS)) / STEPS * HOURS * 3_600
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    reference = started(drawn(FUSED, "population.0.accounts=100000"), steps=60)
    day = best_of(1, lambda: reference.advance(60 + 8_640)) * 10.0
    bound = TARGET_S / REFERENCE_S * day
    print(
        f"\n{len(made.state.markets)} books, {len(made.state.accounts):,} accounts, {HOURS} h from {STEPS} steps"
    )
    line("drawn and assembled", f"{drawing:.1f} s")
    line("26 hours at 1 s, one core", f"{a_day:.1f} s", f"<= {bound:.1f} s", a_day <= bound)
    line("the reference day of 100,000 accounts", f"{day:.2f} s")
    line("ratio", f"{a_day / day:.0f}", f"<= {TARGET_S / REFERENCE_S:.0f}", a_day <= bound)
    line("state", f"{sum(memory_of(made.state).values()) / 1e6:.0f} MB", "<= 1,000 MB")
    line("peak memory of the process", f"{peak / 1e6:.0f} MB", "<= 2,000 MB", peak <= 2e9)


def test_where_a_step_goes() -> None:
    whole, steps, rounds = four_coins(), 200, 10
    engines = {name: started(assemble(change(whole)), steps=300) for name, change in PARTS.items()}
    times: dict[str, list[float]] = {name: [] for name in PARTS}
    for _ in range(rounds):  # side by side: other work on the machine slows all of them
        for name, engine in engines.items():
            times[name].append(best_of(1, partial(engine.advance, engine.step + steps)) / steps)
    whole_step = times.pop("nothing")
    print(f"\na step of four coins on four venues: {median(whole_step) * 1e6:.0f} us; less without")
    for name, each in times.items():
        line(name, f"{median(a - b for a, b in zip(whole_step, each, strict=True)) * 1e6:.0f} us")


def only(kind: str, keep: Callable[[Any], bool]) -> Callable[[Scenario], Scenario]:
    """Return a change that keeps some groups of a kind."""
    return lambda scenario: scenario.model_copy(
        update={kind: [each for each in getattr(scenario, kind) if keep(each)]}
    )


def halved(scenario: Scenario) -> Scenario:
    """Take one of two ladder makers from each book."""
    makers = [
        each if each.type == "touch" else each.model_copy(update={"count": 1}) for each in scenario.makers
    ]
    return scenario.model_copy(update={"makers": makers})


PARTS: dict[str, Callable[[Scenario], Scenario]] = {
    "nothing": lambda scenario: scenario,
    "one of two ladder makers in each book": halved,
    "makers at the touch": only("makers", lambda each: each.type != "touch"),
    "the crowd's flow": only("flow", lambda each: False),
    "arbitrage": only("arbitrage", lambda each: False),
    "leveraged accounts": only("population", lambda each: False),
}
