"""A replay repeats the stored rows, records a window in full, and says what differs where it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cascade.errors import ResultsError, ScenarioError, UsageError
from cascade.experiment import replay as replays
from cascade.experiment.replay import Span, parse_window, replay, worst_window
from cascade.experiment.run import run
from cascade.output.reader import Result
from tests.support.forge import forge
from tests.support.scenarios import small_scenario

CRASH = [{"type": "news", "at": "70s", "asset": "BTC", "move": "-3 %"}]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("results")
    return run(small_scenario(shocks=CRASH), replicates=2, counterfactual=True, out=out)


@pytest.fixture
def short_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "WORST_S", 20.0)


def test_the_worst_minutes_are_those_with_most_liquidated(stored: Result, short_worst: None) -> None:
    window = worst_window(stored, 1, small_scenario(shocks=CRASH))
    rows = stored.replicate("liquidations", 1).to_pylist()
    within = {
        start: sum(row["liquidated_usd"] for row in rows if start <= row["t_s"] < start + 20)
        for start in range(0, 101, 10)
    }
    best = max(within, key=lambda start: (within[start], -start))
    assert window == Span(best, best + 20)
    assert within[best] > 0


def test_without_liquidations_the_worst_minutes_are_those_of_the_mark(
    short_worst: None, tmp_path: Path
) -> None:
    calm = small_scenario(population=[], shocks=[CRASH[0] | {"at": "95s"}])
    result = run(calm, replicates=1, out=tmp_path)
    assert len(result.tables["liquidations"]) == 0
    window = worst_window(result, 0, calm)
    assert window.start <= 95 < window.end


def test_a_replay_repeats_the_rows_and_records_the_window(
    stored: Result, short_worst: None, tmp_path: Path
) -> None:
    done = replay(stored.path, 1, out=tmp_path)
    assert done.compared["bars"] == len(stored.replicate("bars", 1))
    assert done.compared["liquidations"] == len(stored.replicate("liquidations", 1)) > 0
    first, last = done.window
    result = done.result
    assert result.replicates == [1]
    for table in ("trades", "book", "accounts"):
        times = result.tables[table].column("t_s").to_numpy()
        assert len(times) > 0, table
        assert first <= times.min() <= times.max() <= last, table
    snapshots = sorted(set(result.tables["book"].column("t_s").to_pylist()))
    assert snapshots == [first, first + 10, last], "as often as bars"
    assert result.metrics(1) == stored.metrics(1)


def test_all_trades_of_the_window_are_there(stored: Result, tmp_path: Path) -> None:
    everything = run(
        small_scenario(shocks=CRASH).replace(**{"outputs.trades": True}),
        replicate=1, counterfactual=True, out=tmp_path,
    )  # fmt: skip
    done = replay(stored.path, 1, window="1m..80s", out=tmp_path)
    rows = [row for row in everything.tables["trades"].to_pylist() if 60 <= row["t_s"] <= 80]
    assert done.result.tables["trades"].to_pylist() == rows


def test_a_replay_that_differs_says_so_and_which_software_made_the_run(
    stored: Result, tmp_path: Path
) -> None:
    folder = tmp_path / "altered"
    import shutil

    shutil.copytree(stored.path, folder)
    (part,) = (folder / "bars").iterdir()
    table = pq.ParquetFile(part).read()
    volumes = table.column("volume_usd").to_numpy().copy()
    volumes[np.flatnonzero(table.column("replicate").to_numpy() == 1)[3]] += 1.0
    place = table.schema.get_field_index("volume_usd")
    pq.write_table(table.set_column(place, table.schema.field(place), [volumes]), part)
    forge(folder, platform=stored.manifest["platform"] | {"fingerprint": "another"})
    with pytest.raises(ResultsError, match=r"bars, row 3 of \d+.*fingerprint another then") as refused:
        replay(folder, 1, out=tmp_path / "out")
    assert (refused.value.code, refused.value.exit_code) == ("CAS611", 6)
    assert replay(folder, 0, out=tmp_path / "out").compared["bars"] > 0


@pytest.mark.parametrize(
    ("window", "expected"),
    [("30s..1m", (30, 60)), ("2025-07-01T00:00:10Z..2025-07-01T00:01:00Z", (10, 60)), ("0s..2m", (0, 120))],
)
def test_windows(window: str, expected: tuple[int, int]) -> None:
    dated = small_scenario(start="2025-07-01T00:00:00Z")
    assert parse_window(window, dated) == expected


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ("soon", "is not a window"), ("1m..30s", "does not lie within"), ("1m..3m", "does not lie within"),
        ("now..1m", "no time in the run"), ("2025-07-01T00:00:10Z..1m", "needs the scenario's"),
    ],
)  # fmt: skip
def test_windows_that_mean_nothing(window: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        parse_window(window, small_scenario())
    assert refused.value.remedy


def test_a_replicate_that_is_not_there(stored: Result) -> None:
    with pytest.raises(ResultsError, match="no replicate 7") as refused:
        replay(stored.path, 7)
    assert refused.value.remedy == "it has replicates 0 to 1"


@pytest.mark.parametrize("window", [{"start": "1m", "end": "3m"}, {"start": "1m", "end": "1m"}])
def test_a_window_outside_of_the_run_is_refused(window: dict[str, str]) -> None:
    with pytest.raises(ScenarioError, match="does not lie within"):
        small_scenario().replace(**{"outputs.window": window})
