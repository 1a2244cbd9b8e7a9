"""A user's folder of archives: from it to the market of that day, run, and held against what was observed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cascade
from cascade.calibration.event_file import load_event, load_observed
from cascade.calibration.figures import replicate_of, simulated
from tests.support.archived_day import write_day

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def call(cwd, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "cascade", *words],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


SMALL = {
    "duration": "2m", "outputs.bars": "30s", "population.btc-low.open_interest": "20M",
    "population.btc-high.open_interest": "10M", "population.btc-large.accounts": 1,
}  # fmt: skip
"""A minute of the day with few of its accounts."""


@pytest.mark.slow
def test_from_archives_to_a_figure(tmp_path):
    write_day(tmp_path / "archives")
    day = ["--from", "archives", "--start", "2025-07-01", "--end", "2025-07-02", "--venues", "binance"]
    _, told = call(tmp_path, "event", "new", "slide", *day, "--coins", "BTC,ETH", code=3)
    assert "the archives lack prices of ETH" in told
    assert "fetch data.binance.vision" in told
    assert not (tmp_path / "slide").exists()
    shown, told = call(tmp_path, "event", "new", "slide", *day)
    assert shown.strip() == "slide"
    assert "ETH is left out" in told
    assert "cascade validate slide/scenario.yaml" in told
    assert call(tmp_path, "validate", "slide/scenario.yaml")[0].strip() == "slide/scenario.yaml: ok"
    _, again = call(tmp_path, "event", "new", "slide", *day, code=2)
    assert "--force" in again

    event = load_event(tmp_path / "slide")
    observed = load_observed(event)
    scenario = cascade.load(event.scenario).replace(**SMALL)
    result = cascade.run(scenario, out=tmp_path / "results", jobs=1)
    measured = {name: simulated(figure, replicate_of(result, 0)) for name, figure in event.asked.items()}
    assert measured.keys() == observed.keys()
    assert 0 <= measured["btc_long"] < observed["btc_long"].value
