"""Prices before the start: where they come from, and that they run to the start."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly.price_paths import assemble_prices
from tests.support.scenarios import small_scenario


def history_of(tmp_path=None, rows=(), **source):
    """Return the history of a market that opens at 107,000."""
    if rows:
        text = "time_utc,open,high,low,close\n" + "\n".join(rows)
        source["file"] = str(tmp_path / "bars.csv")
        (tmp_path / "bars.csv").write_text(text, encoding="utf-8")
    asset = {"news": {"type": "constant", "price": 107_000}, "history": source}
    (history,) = assemble_prices(
        small_scenario(assets={"BTC": asset}, start="2025-07-01T00:00:00Z"), 0
    ).history
    return history


def test_a_history_that_ends_early_runs_to_the_start():
    history = history_of(type="anchors", points=[["-2h", 100_000], ["-1h", 110_000]])
    assert len(history) == 121
    assert history.price[0] == pytest.approx(107_000)
    assert history.price[60] == pytest.approx(110_000)
    assert history.price[30] == pytest.approx((107_000 * 110_000) ** 0.5)
    assert (np.diff(history.price[:61]) > 0).all()


def test_a_history_ends_at_the_start_price():
    history = history_of(type="anchors", points=[["-2h", 100_000], ["0s", 106_990]])
    assert history.price[0] == pytest.approx(107_000)
    assert history.low[0] == history.high[0] == history.price[0]


def test_bridges_end_at_the_start_price():
    history = history_of(type="anchors", points=[["-2h", 100_000], ["-1h", 110_000]], volatility="50 %")
    assert history.price[0] == pytest.approx(107_000)
    assert history.price[60] == pytest.approx(110_000)
    assert history.price[120] == pytest.approx(100_000)


def test_bars_that_end_early_run_to_the_start(tmp_path):
    rows = [
        "2025-06-30T22:00:00Z,100000,101000,99000,100500",
        "2025-06-30T22:05:00Z,100500,100600,100000,100100",
    ]
    history = history_of(tmp_path, rows, type="bars")
    assert history.price[0] == pytest.approx(107_000)
    assert history.low.min() == pytest.approx(99_000)


def test_bars_of_days_before_bars_of_minutes_last_a_day(tmp_path):
    file = tmp_path / "bars.csv"
    minutes = "".join(f"2025-06-30T23:{5 * k:02}:00Z,105000,105000,105000,105000,300\n" for k in range(12))
    day = "2025-06-29T00:00:00Z,100000,110000,99000,105000,86400\n"
    file.write_text(f"time_utc,open,high,low,close,interval_s\n{day}{minutes}", encoding="utf-8")
    history = history_of(type="bars", file=str(file))
    hours = 48 - np.array([0.3, 0.65, 0.95]) * 24  # low, high and close of a day that rose
    found = history.price[np.rint(hours * 60).astype(int)]
    assert found == pytest.approx([99_000, 110_000, 105_000])


def test_a_history_without_a_point_before_the_start_is_the_start_price():
    history = history_of(type="anchors", points=[["1h", 100_000], ["2h", 110_000]])
    assert len(history) == 1
    assert history.price[0] == pytest.approx(107_000)


def test_who_entered_after_an_extreme_has_not_met_it():
    points = [["-10m", 107_000], ["-3m", 107_000], ["-150s", 90_000], ["-2m", 107_000], ["0s", 107_000]]
    history = history_of(type="anchors", points=points)
    assert history.low[2] == pytest.approx(107_000)
    assert history.low[3] == pytest.approx(90_000)
