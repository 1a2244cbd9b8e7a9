"""Rulebooks: the shipped figures, that each is sourced, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.errors import ScenarioError
from cascade.explain.rules import rules_of
from cascade.venues.figures import differences, figures
from cascade.venues.load import load_rulebook, rulebook_path, shipped_rulebooks
from cascade.venues.rulebook import Contract, Tier

BTC_AMOUNTS = [0, 300, 1500, 12_000, 132_000, 482_000, 2_982_000, 14_482_000, 26_482_000, 41_482_000, 121_482_000, 421_482_000]  # fmt: skip # noqa: E501


PERPETUAL = [name for name in shipped_rulebooks() if name != "spot"]
CONTRACTS = [(name, contract) for name in PERPETUAL for contract in load_rulebook(name).contracts]

SAMPLE = [
    ("binance-2025-03", "BTCUSDT", 0, 50e3, 125, 0.004),
    ("binance-2025-03", "DOGEUSDT", 1, 50e3, 50, 0.007),
    ("binance-2025-03", "XRPUSDT", 2, 160e3, 40, 0.01),
    ("binance-2025-03", "BNBUSDT", 9, 150e6, 1, 0.5),
    ("binance-2025-07", "ETHUSDT", 4, 50e6, 25, 0.02),
    ("binance-2025-07", "XRPUSDT", 0, 80e3, 75, 0.006),
    ("binance-2025-10", "BTCUSDT", 0, 300e3, 150, 0.004),
    ("binance-2025-10", "ETHUSDT", 11, 1.2e9, 1, 0.5),
    ("binance-2025-10", "SOLUSDT", 3, 4e6, 25, 0.02),
    ("binance-2025-10", "XRPUSDT", 0, 40e3, 100, 0.005),
    ("binance-2026-03", "BNBUSDT", 1, 200e3, 50, 0.006),
    ("binance-2025-03", "HIVEUSDT", 0, 5e3, 10, 0.01),
    ("binance-2025-03", "WLDUSDT", 9, 16e6, 1, 0.5),
    ("binance-2025-07", "HIVEUSDT", 3, 62_500, 10, 0.05),
    ("binance-2025-07", "HYPEUSDT", 4, 175e3, 15, 0.0333),
    ("binance-2025-07", "SUIUSDT", 1, 200e3, 50, 0.015),
    ("binance-2025-07", "ENAUSDT", 8, 80e6, 1, 0.5),
    ("binance-2025-10", "HIVEUSDT", 5, 4.5e6, 3, 0.1667),
    ("binance-2026-03", "HIVEUSDT", 5, 500e3, 3, 0.1667),
    ("bybit-2025-07", "BTCUSDT", 0, 2e6, 100, 0.005),
    ("bybit-2025-07", "BTCUSDT", 1, 2.6e6, 90, 0.0056),
    ("bybit-2025-07", "SOLUSDT", 0, 50e3, 100, 0.005),
    ("bybit-2025-02", "BTCUSDT", 1, 4e6, 57.14, 0.01),
    ("okx-2025-07", "ADA-USDT-SWAP", 2, 50e3, 40, 0.01),
    ("hyperliquid-2025-07", "BTC", 0, 150e6, 40, 0.0125),
    ("hyperliquid-2025-07", "ADA", 0, 20e6, 10, 0.05),
    ("binance-2025-07", "ADAUSDT", 9, 50e6, 1, 0.5),
    ("binance-2024-08", "BTCUSDT", 1, 600e3, 100, 0.005),
    ("binance-2024-08", "ETHUSDT", 4, 50e6, 25, 0.02),
    ("binance-2021-09", "BTCUSDT", 3, 5e6, 20, 0.025),
    ("binance-2021-09", "ETHUSDT", 0, 10e3, 100, 0.005),
    ("binance-2021-09", "DOGEUSDT", 6, 100e9, 1, 0.5),
    ("bitmex-2025-07", "XBTUSDT", 1, 300 * 107e3, 71.4286, 0.008),
    ("hyperliquid-2025-10", "BTC", 0, 150e6, 40, 0.0125),
    ("hyperliquid-2025-10", "ETH", 1, 100e9, 15, 1 / 30),
    ("hyperliquid-2025-10", "ARB", 0, 3e6, 10, 0.05),
    ("dydx-v4", "ETH-USD", 0, 100e9, 20, 0.03),
]


@pytest.mark.parametrize("name", shipped_rulebooks())
def test_a_shipped_rulebook_is_called_like_its_file(name: str) -> None:
    assert load_rulebook(name).name == name


@pytest.mark.parametrize(("name", "contract", "number", "cap", "leverage", "mmr"), SAMPLE)
def test_tiers_are_those_of_the_table(
    name: str, contract: str, number: int, cap: float, leverage: float, mmr: float
) -> None:
    tier = load_rulebook(name).contracts[contract].tiers[number]
    assert (tier.cap_usd, tier.max_leverage, tier.mmr) == (cap, leverage, pytest.approx(mmr, rel=1e-8))


def test_a_contract_is_in_the_rulebooks_from_the_date_it_was_seen() -> None:
    with_hype = [name for name, contract in CONTRACTS if contract == "HYPEUSDT"]
    assert with_hype == ["binance-2025-07", "binance-2025-10", "binance-2026-03"]


def test_the_tiers_of_ada_join_as_the_dump_says() -> None:
    """Its first two tiers were not read: they follow from the maintenance amounts of the others."""
    amounts = load_rulebook("binance-2024-08").contracts["ADAUSDT"].maintenance_amounts()
    assert amounts[2:] == pytest.approx([45, 545, 8045, 58_045, 183_045, 433_045, 2_433_045, 9_933_045])


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("binance-2021-09", "latest_per_second"),
        ("okx-2025-07", "latest_per_second"),
        ("bybit-2025-02", "latest_per_second"),
        ("bybit-2025-07", "complete"),
        ("hyperliquid-2025-07", "complete"),
        ("dydx-v4", None),
    ],
)
def test_a_venue_publishes_as_it_did_on_the_date(name: str, feed: str | None) -> None:
    assert load_rulebook(name).feed == feed


def test_bybit_deleverages_earlier_since_its_pools() -> None:
    shares = [load_rulebook(name).fund.drawdown for name in ("bybit-2025-07", "bybit-2025-12")]
    assert [each.share for each in shares if each is not None] == [1.0, 0.3]


def test_what_rests_on_an_assumption_is_unconfirmed() -> None:
    found = load_rulebook("okx-2025-07").provenance("margin.closing_fee")
    assert found is not None
    assert found.status == "unconfirmed"


@pytest.mark.parametrize("name", shipped_rulebooks())
def test_every_rule_of_a_rulebook_is_sourced(name: str) -> None:
    rules = rules_of(load_rulebook(name))
    assert len(rules) >= 2
    assert [rule.path for rule in rules if not rule.source] == []


@pytest.mark.parametrize("name", PERPETUAL)
def test_what_a_rulebook_extends_has_sources_of_its_date(name: str) -> None:
    rules = load_rulebook(name)
    for contract in rules.contracts:
        source = rules.provenance(f"contracts.{contract}.tiers.0.mmr")
        assert source is not None
        if name.startswith("binance"):
            assert rules.date.isoformat() in source.source


def test_tiers_of_btc_are_those_of_the_venue() -> None:
    contract = load_rulebook("binance-2025-07").contracts["BTCUSDT"]
    assert contract.maintenance_amounts() == pytest.approx(BTC_AMOUNTS, abs=1e-6)
    assert contract.tier_of(300_000).max_leverage == 125
    assert contract.tier_of(300_000.01).max_leverage == 100
    assert contract.tier_of(1e12).max_leverage == 1
    assert contract.largest_notional(50) == 12_000_000
    assert contract.largest_notional(126) == 0


@pytest.mark.parametrize(("name", "contract"), CONTRACTS)
def test_tiers_are_continuous_convex_and_within_initial_margin(name: str, contract: str) -> None:
    figures = load_rulebook(name).contracts[contract]
    amounts = figures.maintenance_amounts()
    for (below, a), (above, b) in zip(
        zip(figures.tiers, amounts, strict=True),
        zip(figures.tiers[1:], amounts[1:], strict=True),
        strict=False,
    ):
        cap = below.limit
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
            "procedure: lower_tier",
            "procedure: partial",
            "CAS012",
            "'partial' is not one of",
            "lower_tier",
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


def extended(folder: Path, changes: str) -> str:
    path = folder / "stricter.yaml"
    path.write_text(f"extends: binance-2025-07\nname: stricter\n{changes}", encoding="utf-8")
    return str(path)


def test_a_rulebook_can_extend_another(tmp_path: Path) -> None:
    changes = 'adl: {price: mark}\nsources: {adl.price: {status: unconfirmed, source: "a test"}}\n'
    rules = load_rulebook(extended(tmp_path, changes))
    assert rules.adl.price == "mark"
    assert rules.adl.ranking == "queue_pnl_margin"
    source = rules.provenance("adl.price")
    assert source is not None
    assert source.source == "a test"


def test_a_figure_that_is_changed_does_not_keep_its_source(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="is the source of the file that it extends") as caught:
        load_rulebook(extended(tmp_path, "adl: {price: mark}\n"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.line) == ("CAS201", "adl.price", 3)
    assert problem.file.endswith("stricter.yaml")


def test_a_source_that_is_written_anew_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    name = extended(tmp_path, 'sources: {fund.take_over: {status: derived, source: "a test"}}\n')
    source = load_rulebook(name).provenance("fund.take_over")
    assert source is not None
    assert (source.source, source.note) == ("a test", "")


def test_a_pattern_of_the_extending_file_counts_after_those_of_the_extended(tmp_path: Path) -> None:
    name = extended(
        tmp_path, 'sources: {"contracts.*.liquidation_fee": {status: derived, source: "a test"}}\n'
    )
    source = load_rulebook(name).provenance("contracts.BNBUSDT.liquidation_fee")
    assert source is not None
    assert source.source == "a test"


def test_the_closing_fee_counts_towards_the_margin(tmp_path: Path) -> None:
    own = 'sources: {margin.closing_fee: {status: derived, source: "a test"}}\n'
    with pytest.raises(ScenarioError, match="exceeds the initial margin") as caught:
        load_rulebook(extended(tmp_path, "margin: {closing_fee: 0.5 %}\n" + own))
    assert "the closing fee comes on top" in caught.value.problems[0].hint


def test_one_tier_needs_no_amount() -> None:
    contract = Contract(
        tiers=(Tier(cap_usd=1e6, max_leverage=10, mmr=0.05),), liquidation_fee=0.01, max_market_qty=1
    )
    assert contract.maintenance_amounts() == (0.0,)


def test_figures_that_nothing_reads_are_refused(tmp_path: Path) -> None:
    problems = broken(tmp_path, "    lot: 0.001\n", "    lot: 0.001\n    min_notional_usd: 100\n").problems
    assert [(p.code, p.path) for p in problems] == [("CAS010", "contracts.BTCUSDT.min_notional_usd")]


def test_figures_of_a_rulebook_are_sourced_and_differ() -> None:
    found = {figure.path: figure for figure in figures("binance-2025-07")}
    assert found["contracts.BTCUSDT.tiers.0.cap_usd"].text == "300k"
    assert found["fund.unwind.fraction_per_minute"].status == "unconfirmed"
    assert all(figure.source or figure.status == "default" for figure in found.values())
    assert differences("binance-2025-07", "binance-2025-07") == []
    apart = {each.path: each for each in differences("binance-2025-07", "spot")}
    assert (apart["fees.taker"].first, apart["fees.taker"].second) == ("0.05 %", "0 %")
    assert apart["mark.rule"].second is None
    assert all(each.first != each.second for each in apart.values())


def test_a_key_of_the_top_level_is_sent_there(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: spot\nname: mine\nfees: {kind: spot}\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_rulebook(str(path))
    (problem,) = [each for each in caught.value.problems if each.code == "CAS010"]
    assert problem.hint.startswith("`kind` belongs in the top level\n")
