"""`cascade migrate`: today's scenarios in the form of the new price formation."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.explain.new_form import migrate
from cascade.scenario.liquidity import daily_flow
from cascade.scenario.load import inspect, load
from tests.support.tiny import TINY

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "data" / "base.yaml"


def call(*words: str, code: int = 0):
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    out = tmp_path / "new.yaml"
    call("migrate", str(BASE), "-o", str(out))
    return out


def test_the_new_form_is_valid_and_has_every_part(migrated: Path) -> None:
    scenario, problems = inspect(migrated)
    assert scenario is not None
    assert [each.code for each in problems if each.severity == "error" or each.code == "CAS156"] == []
    impact = scenario.assets["BTC"].impact
    assert impact is not None
    assert scenario.assets["BTC"].lean is not None
    assert scenario.activity is not None
    assert [(each.name, each.type) for each in scenario.makers] == [
        ("perpetual-makers", "ladder"),
        ("spot-makers", "ladder"),
        ("perpetual-makers-touch", "touch"),
        ("spot-makers-touch", "touch"),
    ]
    assert {each.type for each in scenario.flow} == {"splitters"}
    assert impact.daily_volume == pytest.approx(
        sum(daily_flow(load(BASE), name) for name in load(BASE).markets), 0.01
    )
    flow = sum(daily_flow(scenario, name) for name in scenario.markets)
    assert flow == pytest.approx(impact.daily_volume, rel=0.15)
    assert scenario.sources["assets.BTC.impact.daily_volume"].kind == "assumed"


def test_what_does_not_concern_prices_stays_to_the_letter(migrated: Path) -> None:
    before, after = BASE.read_text(encoding="utf-8"), migrated.read_text(encoding="utf-8")
    for section in ("population", "shocks", "venues", "markets", "arbitrage"):
        text = before[before.index(f"\n{section}:") :].partition("\n\n")[0]
        assert text in after, section
    news = before[before.index("    news:") : before.index("    history:")]
    assert news in after


def test_comments_stay(tmp_path: Path) -> None:
    old = tmp_path / "old.yaml"
    text = BASE.read_text(encoding="utf-8")
    old.write_text(
        text.replace("makers:\n", "# who quotes\nmakers:  # two\n")
        .replace(
            "    withdrawal: {calm",
            "    learning: {half_life: 10m}  # ours\n    # they fear\n    withdrawal: {calm",
        )
        .replace('"*"}\n\narbitrage', '"*"}   # the crowd\n\n# ties\narbitrage'),
        encoding="utf-8",
    )
    after = migrate(old).after
    assert "learning" not in after
    for comment in ("# who quotes\nmakers:  # two", "# they fear\n", "# the crowd\n", "\n# ties\narbitrage"):
        assert comment in after, after


def test_assets_written_in_one_line(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(TINY, encoding="utf-8")
    call("migrate", str(old), "-o", str(new))
    asset = load(new).assets["X"]
    assert asset.impact is not None
    assert asset.impact.daily_volume == 54 * 5e6
    assert asset.impact.daily_volatility == 0.016  # of constant news nothing can be learnt


def test_the_difference_is_shown_and_nothing_is_written(tmp_path: Path) -> None:
    result = call("migrate", str(BASE))
    assert "+    impact: {daily_volume: " in result.stdout
    assert '-  - {name: background, markets: "*"}' in result.stdout
    assert "nothing is written" in result.stderr
    assert not list(tmp_path.iterdir())


def test_what_is_new_already_stays(migrated: Path) -> None:
    result = call("migrate", str(migrated))
    assert result.stdout == ""
    assert "in the new way already" in result.stderr


def test_a_file_that_extends_another_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "child.yaml"
    path.write_text("extends: thin-book\nname: child\n", encoding="utf-8")
    error = call("migrate", str(path), code=2).stderr
    assert "extends" in error
    assert "write extends: NEW.yaml here" in error


def test_nothing_is_overwritten_and_a_broken_file_is_told(migrated: Path, tmp_path: Path) -> None:
    assert "CAS802" in call("migrate", str(BASE), "-o", str(migrated), code=2).stderr
    call("migrate", str(BASE), "-o", str(migrated), "--force")
    broken = tmp_path / "broken.yaml"
    broken.write_text(TINY.replace("1m", "5"), encoding="utf-8")
    assert "CAS013" in call("migrate", str(broken), code=3).stderr
