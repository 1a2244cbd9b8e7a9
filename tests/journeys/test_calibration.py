"""A risk desk fits its market to a day, takes what is not known of it along, and compares two funds under it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.output.reader import read
from tests.support.calibrations import small_problem


def call(*words: str) -> str:
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_from_a_day_to_a_comparison_that_knows_what_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small_problem(tmp_path, simulations=24)
    fitted = json.loads(call("calibrate", "problem.yaml", "-q", "--json"))
    assert [each["name"] for each in fitted["parameters"]] == ["accounts", "move", "stops"]
    draws = Path(fitted["path"]) / "draws.parquet"
    Path("unsure.yaml").write_text(
        f"extends: small.yaml\nname: unsure\nparameters: {draws}\n", encoding="utf-8"
    )
    folders = {
        fund: json.loads(
            call("run", "unsure.yaml", "-n", "4", "-s", f"venues.venue.fund={fund}", "-q", "--json")
        )["path"]
        for fund in ("100M", "1M")
    }
    moves = {
        fund: read(folder).runs.column("drawn_shocks_fall_move").to_pylist()
        for fund, folder in folders.items()
    }
    assert moves["100M"] == moves["1M"]
    assert len(set(moves["1M"])) == 4
    assert "fund" in call("compare", *folders.values())
