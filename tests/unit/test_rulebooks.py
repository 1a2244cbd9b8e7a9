"""Rulebooks: the shipped figures, that each is sourced, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.errors import ScenarioError
from cascade.venues.load import load_rulebook, rulebook_path, shipped_rulebooks
from cascade.venues.rulebook import Contract, Tier

BTC_AMOUNTS = [0, 300, 1500, 12_000, 132_000, 482_000, 2_982_000, 14_482_000, 26_482_000, 41_482_000, 121_482_000, 421_482_000]  # fmt: skip # noqa: E501


def test_every_shipped_rulebook_loads() -> None:
    assert shipped_rulebooks() == ("binance-2025-07", "spot")
    for name in shipped_rulebooks():
        assert load_rulebook(name).name == name


def test_tiers_of_btc_are_those_of_the_venue() -> None:
    contract = load_rulebook("binance-2025-07").contracts["BTCUSDT"]
    assert contract.maintenance_amounts() == pytest.approx(BTC_AMOUNTS, abs=1e-6)
    assert contract.tier_of(300_000).max_leverage == 125
    assert contract.tier_of(300_000.01).max_leverage == 100
    assert contract.tier_of(1e12).max_leverage == 1
    assert contract.largest_notional(50) == 12_000_000
    assert contract.largest_notional(126) == 0


@pytest.mark.parametrize("contract", ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "XRPUSDT", "BNBUSDT"])
def test_tiers_are_continuous_convex_and_within_initial_margin(contract: str) -> None:
    figures = load_rulebook("binance-2025-07").contracts[contract]
    amounts = figures.maintenance_amounts()
    for (below, a), (above, b) in zip(
        zip(figures.tiers, amounts, strict=True),
        zip(figures.tiers[1:], amounts[1:], strict=True),
        strict=False,
    ):
        cap = below.cap_usd
        assert cap * below.mmr - a == pytest.approx(cap * above.mmr - b)
        assert above.mmr > below.mmr
        assert above.max_leverage < below.max_leverage
    assert all(tier.mmr <= 1 / tier.max_leverage for tier in figures.tiers)


def test_figures_of_a_contract_fall_back_to_the_venue() -> None:
    rules = load_rulebook("binance-2025-07")
    assert rules.price_band("BTCUSDT") == 0.05
    assert rules.price_band("DOGEUSDT") == 0.10
    assert rules.impact_notional("BTCUSDT") == 25_000
    assert rules.impact_notional("DOGEUSDT") == 15_000


def test_provenance_of_a_figure_is_its_most_specific_entry() -> None:
    rules = load_rulebook("binance-2025-07")
    tier = rules.provenance("contracts.BTCUSDT.tiers.0.mmr")
    unwinding = rules.provenance("fund.unwind.fraction_per_minute")
    assert tier is not None
    assert tier.status == "stated"
    assert unwinding is not None
    assert unwinding.status == "unconfirmed"


def broken(folder: Path, old: str, new: str) -> ScenarioError:
    text = rulebook_path("binance-2025-07").read_text(encoding="utf-8")
    assert old in text
    path = folder / "own.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_rulebook(str(path))
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "code", "message", "remedy"),
    [
        (
            "  fees.*: {status",
            "  fee.*: {status",
            "CAS201",
            "a figure without a source",
            "fees.maker: {status: stated",
        ),
        ("cap_usd: 800k", "cap_usd: 100k", "CAS203", "caps must rise", ""),
        ("mmr: 0.5 %", "mmr: 1.5 %", "CAS203", "exceeds the initial margin", "at most 0.01"),
        ("kind: perpetual", "kind: spot", "CAS202", "a spot venue has no leverage", "kind: perpetual"),
        ("adl:\n  ranking: queue_pnl_margin\n  price: bankruptcy\n", "", "CAS202", "lacks 'adl'", "add adl:"),
        (
            "procedure: binance_partial",
            "procedure: partial",
            "CAS012",
            "'partial' is not one of",
            "binance_partial",
        ),
        ("date: 2025-07-17", "date: July", "CAS013", "'July' is not a date", "2025-07-17"),
    ],
)
def test_broken_rulebooks(tmp_path: Path, old: str, new: str, code: str, message: str, remedy: str) -> None:
    problems = broken(tmp_path, old, new).problems
    fitting = [p for p in problems if p.code == code and message in p.message and remedy in p.hint]
    assert fitting, ScenarioError(problems).render()
    assert all(problem.file.endswith("own.yaml") and problem.line > 0 for problem in problems)


def test_unknown_rulebook() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'binance-2025-07'"):
        load_rulebook("binance-2025-7")


def test_a_rulebook_can_extend_another(tmp_path: Path) -> None:
    path = tmp_path / "stricter.yaml"
    base = rulebook_path("binance-2025-07")
    path.write_text(f"extends: {base}\nname: stricter\nadl: {{price: mark}}\n", encoding="utf-8")
    rules = load_rulebook(str(path))
    assert rules.adl.price == "mark"
    assert rules.adl.ranking == "queue_pnl_margin"


def test_one_tier_needs_no_amount() -> None:
    contract = Contract(
        tiers=(Tier(cap_usd=1e6, max_leverage=10, mmr=0.05),), liquidation_fee=0.01, max_market_qty=1
    )
    assert contract.maintenance_amounts() == (0.0,)


def test_figures_that_nothing_reads_are_refused(tmp_path: Path) -> None:
    problems = broken(tmp_path, "    lot: 0.001\n", "    lot: 0.001\n    min_notional_usd: 100\n").problems
    assert [(p.code, p.path) for p in problems] == [("CAS010", "contracts.BTCUSDT.min_notional_usd")]
