"""A venue asks which of its rules keeps its vault from a coin that somebody moves against it, and reads the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.journeys.test_question import call

SCENARIOS = Path(__file__).parents[2] / "scenarios"
N = 6


@pytest.mark.slow
def test_which_rule_keeps_the_vault_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = yaml.safe_load((SCENARIOS / "studies/listing-attack.yaml").read_text(encoding="utf-8"))
    kept = ("attack", "position-limit", "vault-cap")
    study["variants"] = {name: study["variants"][name] for name in kept}
    study |= {"scenario": str(SCENARIOS / "listing-attack.yaml"), "set": {"duration": "22m", "dt": "2s"}}
    Path("mine.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    made = json.loads(call("sweep", "mine.yaml", "-n", str(N), "-q", "--json"))
    found = json.loads(call("compare", made["path"], "--baseline", "attack", "--json"))
    rows = {(row["variant"], row["metric"]): row for row in found["differences"]}

    lost = rows["position-limit", "fund_low_usd"]  # the short cannot be opened: the loss falls nowhere
    assert lost["pairs"]["higher"] == N
    assert lost["difference"]["value"] > 4e6
    assert rows["position-limit", "adl_usd"]["value"]["value"] == 0.0
    handed_on = rows["vault-cap", "adl_usd"]  # the vault is whole, and the winners give way
    assert handed_on["pairs"]["higher"] == N
    assert handed_on["difference"]["value"] == pytest.approx(4.7e6, rel=0.1)
