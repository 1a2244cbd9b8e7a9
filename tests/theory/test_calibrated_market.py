"""Calibration of a market of hundreds of accounts, on 40 truths that are known: its intervals hold them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.calibration.calibrate import calibrate, prepare_calibration
from tests.support.calibrations import small_problem

pytestmark = pytest.mark.slow

TRIALS = 40


def test_intervals_hold_the_truth_in_85_to_95_percent_of_40_trials(tmp_path: Path) -> None:
    prepared = prepare_calibration(small_problem(tmp_path, simulations=96, replicates=6))
    answer = calibrate(prepared, trials=TRIALS, out=tmp_path).answer
    found = {each.name: each for each in answer.coverage}
    identified = [each for each in found.values() if each.n_identified > TRIALS / 2]
    assert {each.name for each in identified} == {"accounts", "move"}
    for each in identified:
        assert 0.85 * each.n_identified <= each.held_identified <= 0.95 * each.n_identified + 1, each
    assert found["stops"].n_identified == 0
    assert "stops" not in answer.identified
