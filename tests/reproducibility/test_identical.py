"""Same scenario, seed and replicate: the same tables, however the run is cut, buffered, threaded or driven."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cascade.assembly import assemble
from cascade.core.seats import LEAVING
from cascade.core.start import Capacity
from cascade.engine import Engine, counterfactual, simulate
from cascade.experiment.run import run
from cascade.model import CascadeModel, Logs
from cascade.scenario.load import to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_scenario

CRASH = [
    {"type": "news", "at": "30s", "asset": "BTC", "move": "-4 %"},
    {
        "type": "market_order",
        "at": "60s",
        "over": "20s",
        "market": "venue:BTCUSDT",
        "side": "sell",
        "notional": "10M",
    },
]
SMALLEST = Capacity(*(1 for _ in Capacity._fields))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    data = small_scenario(shocks=CRASH)
    return data.replace(**{"outputs.trades": True, "venues.venue.fund": 20_000.0})


def logs_of(scenario: Scenario, chunk: int, capacity: Capacity | None = None) -> Logs:
    logs = Logs()
    simulate(Engine(assemble(scenario, capacity=capacity), logs), chunk)
    return logs


def assert_same(one: Logs, other: Logs) -> None:
    assert set(one.tables) == set(other.tables)
    for table in one.tables:
        np.testing.assert_array_equal(one[table], other[table], err_msg=table)


@pytest.fixture(scope="module")
def reference(scenario: Scenario) -> Logs:
    logs = logs_of(scenario, 10_000)
    assert len(logs["liquidations"]) > 100
    assert len(logs["adl"]) > 0
    return logs


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_of_any_size(scenario: Scenario, reference: Logs, chunk: int) -> None:
    assert_same(logs_of(scenario, chunk), reference)


def test_every_buffer_at_its_smallest(scenario: Scenario, reference: Logs) -> None:
    assert_same(logs_of(scenario, 1, SMALLEST), reference)


def test_through_mesa_with_smallest_buffers(scenario: Scenario, reference: Logs) -> None:
    model = CascadeModel(scenario, capacity=SMALLEST)
    while model.running:
        model.step()
    assert_same(model.logs, reference)


def test_replicates_differ_and_repeat(scenario: Scenario) -> None:
    one, again, two = (assemble(scenario, k).state.positions for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one.lots[: len(two)] != two.lots[: len(one)]).any()


def test_threads_give_the_tables_of_one(scenario: Scenario, tmp_path: Path) -> None:
    folders = [
        run(scenario, replicates=3, counterfactual=True, out=tmp_path / str(jobs), jobs=jobs).path
        for jobs in (1, 3)
    ]
    for name in ("bars", "liquidations", "trades", "adl", "funds"):
        tables = [pq.read_table(folder / name) for folder in folders if folder is not None]
        assert tables[0].num_rows > 0, name
        for k in range(3):
            ours, theirs = (table.filter(pc.field("replicate") == k) for table in tables)
            assert ours.equals(theirs), name


PROGRAM = """
import hashlib, sys
import numpy as np
from cascade.assembly import assemble
from cascade.engine import Engine, simulate
from cascade.model import Logs
from cascade.scenario.load import load
logs = Logs()
simulate(Engine(assemble(load(sys.argv[1])), logs), 50)
print(hashlib.sha256(b"".join(logs[t].tobytes() for t in sorted(logs.tables))).hexdigest())
"""


def test_processes_agree(scenario: Scenario, reference: Logs, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(to_yaml(scenario))
    words = [sys.executable, "-c", PROGRAM, str(file)]
    digest = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    assert digest == sha256(b"".join(reference[t].tobytes() for t in sorted(reference.tables))).hexdigest()


def test_switching_liquidations_off_moves_no_draw(scenario: Scenario) -> None:
    """News values, arrivals of background flow and the lives of traders are the same in the counterfactual."""
    assembled = assemble(scenario)
    twin = counterfactual(assembled)
    engines = [Engine(each, Logs()) for each in (assembled, twin)]
    for engine in engines:
        engine.advance(engine.n_steps)
        engine.drain()
    real, other = engines
    assert real.state.ledger[0].adl_value > 0
    assert other.state.ledger[0].adl_value == 0
    np.testing.assert_array_equal(real.state.assets, other.state.assets)
    settled = (real.state.traders.phase != LEAVING) & (other.state.traders.phase != LEAVING)
    assert settled.mean() > 0.9
    for column in ("life", "life_ends", "side", "leverage", "notional"):
        ours, theirs = (engine.state.traders[column][settled] for engine in engines)
        np.testing.assert_array_equal(ours, theirs, err_msg=column)
    flows = [int(row.market_position) for row in real.params.flows]
    for engine in engines:
        trades = engine.sink["trades"]  # type: ignore[index]
        takers = engine.state.positions.account[flows]
        engine.taken = {  # type: ignore[attr-defined]
            int(taker): np.unique(trades["step"][trades["taker"] == taker]).tolist() for taker in takers
        }
    assert real.taken == other.taken  # type: ignore[attr-defined]
