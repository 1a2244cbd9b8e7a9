"""Whole markets: a reference market with up to a million accounts, a realistic pair, memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.core.state import ACCOUNT, ORDER, POSITION, TRADER
from cascade.scenario.gallery import EXAMPLE, copy_to
from tests.bench.markets import FUSED, count_events, drawn, started
from tests.bench.measure import best_of, line

DAY = 86_400
PAIR_STEPS = 7_000


@pytest.mark.parametrize(("accounts", "target"), [(10_000, None), (100_000, 0.3), (1_000_000, 0.6)])
def test_reference_market(accounts: int, target: float | None) -> None:
    engine = started(drawn(FUSED, f"population.0.accounts={accounts}"), steps=60)
    before, begun = count_events(engine), engine.step
    steps = 8_640
    seconds = best_of(1, lambda: engine.advance(begun + steps))
    orders = (count_events(engine) - before) / steps
    print(f"\nreference market, {accounts:,} accounts: {orders:.0f} orders a step besides cancellations")
    line("a step", f"{seconds / steps * 1e6:.2f} us")
    line("an order", f"{seconds / steps / orders * 1e9:.0f} ns")
    day = seconds / steps * DAY
    bound = f"<= {target} s" if target else ""
    line("a day of 1 s steps", f"{day:.2f} s", bound, day <= target if target else None)


def test_pairs_of_spot_and_perpetual(tmp_path: Path) -> None:
    learning = (Path(__file__).parents[1] / "data" / "learning_market.yaml").read_text(encoding="utf-8")
    realistic = copy_to(tmp_path, EXAMPLE).read_text(encoding="utf-8")
    print("\npairs of spot and perpetual, a step of 1 s")
    spent = []
    for name, text, target in (
        ("makers learn", learning, 1.5),
        ("the example: impact and touch", realistic, None),
    ):
        engine = started(drawn(text), steps=60)
        seconds = best_of(1, lambda engine=engine: engine.advance(60 + PAIR_STEPS))
        day = seconds / PAIR_STEPS * DAY
        spent.append(seconds)
        line(f"{name}: a step", f"{seconds / PAIR_STEPS * 1e6:.1f} us")
        line(
            f"{name}: a day", f"{day:.2f} s", "about 1 s" if target else "", day <= target if target else None
        )
    line("the second over the first", f"{spent[1] / spent[0]:.2f}")


def test_memory() -> None:
    account = ACCOUNT.itemsize + POSITION.itemsize + 8  # with its balance
    print("\nmemory in hot state")
    line("an order", f"{ORDER.itemsize} bytes", "<= 48 bytes", ORDER.itemsize <= 48)
    line("an account with one position", f"{account} bytes", "<= 64 bytes", account <= 64)
    line("  and its habits as a trader", f"{TRADER.itemsize} bytes")
