"""What a notebook shows and takes: scenarios, tables in memory, and events on one clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cascade
from cascade.errors import ScenarioError
from cascade.scenario.frames import frame_file
from cascade.scenario.load import digest
from tests.support.scenarios import small_scenario

POSITIONS: dict[str, list[Any]] = {
    "label": ["a", "b"], "side": ["long", "short"], "quantity": [2.0, 1.0],
    "entry_price": [107_000.0, 106_000.0], "leverage": [10.0, 5.0], "stop_price": [None, 120_000.0],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cascade.scenario.frames._folder", lambda: tmp_path)


def test_a_scenario_shows_itself_in_a_line_and_in_a_table() -> None:
    scenario = small_scenario(description="a < b", start="2025-07-01T00:00:00Z")
    assert repr(scenario) == str(scenario)
    assert repr(scenario) == "Scenario('small', 2m, from 2025-07-01 00:00Z, 2 markets, 1 replicates)"
    page = scenario._repr_html_()
    assert "a &lt; b" in page
    assert "venue:BTCUSDT" in page
    assert "crowd" in page


@pytest.mark.parametrize("part", ["scenario", "maker"])
def test_what_is_frozen_says_how_a_copy_is_made(part: str) -> None:
    scenario = small_scenario()
    changed, name = (scenario, "seed") if part == "scenario" else (scenario.makers[0], "count")
    with pytest.raises(AttributeError, match=r"scenario\.replace\("):
        setattr(changed, name, 7)
    assert scenario.replace(seed=7).seed == 7
    assert scenario.replace(**{"makers.0.count": 7}).makers[0].count == 7


class Older:
    """A table of a library that speaks the older protocol only."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __dataframe__(self, **options: Any) -> Any:
        return self._table.__dataframe__(**options)


FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "older": lambda d: Older(pa.table(d)),
}


@pytest.mark.parametrize("library", FRAMES)
def test_a_table_in_memory_is_a_population(library: str, tmp_path: Path) -> None:
    layer = {"type": "table", "name": "mine", "file": FRAMES[library](POSITIONS)}
    scenario = small_scenario(duration="10s").replace(population=[layer])
    again = small_scenario(duration="10s").replace(population=[layer])
    assert digest(scenario) == digest(again)
    result = cascade.run(scenario.replace(**{"outputs.accounts": True}), out=tmp_path / "results")
    rows = result.tables["accounts"].to_pandas()
    assert set(rows[rows["layer"] == "mine"]["label"]) == {"a", "b"}
    assert result.path is not None
    assert cascade.replay(result.path, 0, window="1s..5s", out=tmp_path / "again").compared["bars"]


def test_tables_in_memory_are_depth_and_prices() -> None:
    depth = pl.DataFrame({"distance_bps": [1.0, 10.0, 100.0], "cumulative_usd": [440e3, 9e6, 240e6]})
    times = pd.date_range("2025-06-30T23:59:00Z", periods=4, freq="1min", name="time_utc")
    price = [107_000.0, 107_010.0, 107_020.0, 107_030.0]
    bars = pd.DataFrame({"open": price, "high": price, "low": price, "close": price}, times)
    scenario = small_scenario(start="2025-07-01T00:00:00Z", makers=[]).replace(
        **{
            "makers": [{"name": "makers", "markets": "*", "depth": {"file": depth}}],
            "assets.BTC.news": {"type": "bars", "file": bars},
        }
    )
    assert scenario.makers[0].within(10.0) == pytest.approx(9e6)


def test_the_index_of_a_frame_is_a_column_only_if_it_has_a_name(tmp_path: Path) -> None:
    unnamed = pd.DataFrame({"x": [1.0, 2.0]}, index=[7, 9])
    assert pa.parquet.read_table(frame_file(unnamed)).column_names == ["x"]
    named = unnamed.rename_axis("t")
    assert set(pa.parquet.read_table(frame_file(named)).column_names) == {"x", "t"}
    assert frame_file(unnamed) == frame_file(unnamed.copy())
    assert frame_file(unnamed) != frame_file(unnamed + 1)


def test_a_bad_row_of_a_table_in_memory_is_told() -> None:
    wrong = pd.DataFrame(POSITIONS | {"side": ["long", "shrt"]})
    with pytest.raises(ScenarioError, match="did you mean 'short'"):
        small_scenario().replace(population=[{"type": "table", "name": "mine", "file": wrong}])


def test_events_stand_on_one_clock(tmp_path: Path) -> None:
    fall = {"name": "fall", "type": "news", "at": "20s", "asset": "BTC", "move": "-3 %"}
    scenario = small_scenario(duration="60s", start="2025-07-01T00:00:00Z", shocks=[fall], replicates=2)
    result = cascade.run(scenario, ["outputs.snapshots=10s"], out=tmp_path / "results")
    events = result.events().to_pandas()
    liquidations = result.tables["liquidations"].to_pandas()
    mine = events[events["event"] == "liquidation"]
    assert mine["usd"].sum() == pytest.approx(liquidations["liquidated_usd"].sum())
    assert len(mine) == len(liquidations) > 0
    shocks = events[events["event"] == "shock"]
    assert shocks["t_s"].tolist() == [20.0, 20.0]
    assert shocks["time"].iloc[0] == pd.Timestamp("2025-07-01T00:00:20Z")
    for _, rows in events.groupby("replicate"):
        assert rows["t_s"].is_monotonic_increasing
    assert {"fund", "liquidation", "shock"} <= set(events["event"])
