"""Accounts of several positions: where they are liquidated, jointly, by one mark and without each leg."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.calculator.account import MarginTier, Position, liquidation_at, single_tier
from cascade.calculator.portfolio import Portfolio, PortfolioLeg
from cascade.calculator.snapshot import read_portfolios
from cascade.calculator.tiers import rulebook_tiers
from cascade.cli.app import build
from cascade.errors import ScenarioError, UsageError

BOOK = "binance-2025-07"
ROWS = (
    "label,market,side,quantity,entry_price,margin_mode,leverage,wallet_usd",
    "fund,BTCUSDT,long,10,107000,cross,,150000",
    "fund,ETHUSDT,short,200,2480,cross,,",
    "solo,BTCUSDT,long,1,107000,isolated,20,",
)


def leg(
    contract: str, side, size: float, entry: float, mark: float | None = None, book: str = BOOK
) -> PortfolioLeg:
    tiers = rulebook_tiers(book, contract)
    return PortfolioLeg(contract, Position(side=side, size=size, entry=entry, mark=mark, tiers=tiers))


def random_account(seed: int) -> Portfolio:
    """Return an account of up to four legs in three contracts, some of them hedges; sizes reach high tiers."""
    rng = np.random.default_rng(seed)
    legs = []
    for contract, mark in (("BTCUSDT", 107_000.0), ("ETHUSDT", 2_480.0), ("SOLUSDT", 150.0)):
        for side in ("long", "short"):
            if rng.random() < 0.6:
                size = float(np.round(np.exp(rng.uniform(8, 18)) / mark, 3)) + 0.001
                legs.append(
                    leg(contract, side, size, float(np.round(mark * rng.uniform(0.95, 1.05), 2)), mark)
                )
    legs = legs or [leg("BTCUSDT", "long", 1.0, 107_000.0)]
    worth = sum(float(abs(each.signed)) * each.position.valued_at for each in legs)
    return Portfolio(tuple(legs), float(np.round(worth * rng.uniform(0.02, 0.3), 2)))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(40))
def test_a_range_ends_where_the_test_first_fails(seed: int) -> None:
    account = random_account(seed)
    for along in (account.contracts, account.contracts[:1]):
        found, step = account.safe(along), Fraction(1, 10**9)
        if account.is_liquidated():
            assert found is None or not _within(found, Fraction(0))
        if found is None:
            continue

        def fails(move: Fraction, along=along) -> bool:
            return account.is_liquidated(dict.fromkeys(along, move))

        for end, inwards in ((found.low, step), (found.high, -step)):
            if end is not None:
                assert fails(end)
                assert not fails(end + inwards)
                assert fails(end - inwards)
        low = Fraction(-1) if found.low is None else found.low
        high = max(low + 3, Fraction(3)) if found.high is None else found.high
        assert not any(fails(low + (high - low) * Fraction(k, 40)) for k in range(1, 40))


def _within(found, move: Fraction) -> bool:
    return (found.low is None or found.low < move) and (found.high is None or move < found.high)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(40))
def test_one_mark_is_that_of_the_calculator(seed: int) -> None:
    account = random_account(seed)
    if account.is_liquidated():
        return
    for contract in account.contracts:
        mine = [each.position for each in account.legs if each.contract == contract]
        others = [each.position for each in account.legs if each.contract != contract]
        hedge = mine[1] if len(mine) > 1 else None
        known = liquidation_at(mine[0], account.balance, others=others, hedge=hedge)
        found, mark = account.safe([contract]), account.mark(contract)
        assert found is not None
        ends = [float(mark * (1 + end)) for end in found if end is not None]
        if known is None:
            assert ends == []
        elif hedge is None:
            assert ends == pytest.approx([float(known)], rel=1e-12)
        else:  # of two prices the calculator names the nearer one
            assert min(abs(end / float(known) - 1) for end in ends) < 1e-12


def test_a_rate_that_holds_for_the_whole_position_ends_at_the_step() -> None:
    tiers = (MarginTier(1_050, 0.01, 0, 50), MarginTier(10**9, 0.1, 0, 5))
    account = Portfolio((PortfolioLeg("X", Position(side="short", size=10, entry=100, tiers=tiers)),), 150.0)
    # at 105 the notional reaches the second tier: 10 % of 1,050 is more than the 100 that are left there
    assert account.safe() == (None, Fraction(5, 100))


def test_what_a_leg_adds_is_the_account_without_it() -> None:
    long, short = leg("BTCUSDT", "long", 10, 107_000, 106_000), leg("ETHUSDT", "short", 200, 2_480)
    account = Portfolio((long, short), 150_000.0)
    rest = account.without(long)
    assert rest.legs == (short,)
    assert rest.equity() == account.equity() == 140_000
    both, alone = account.safe(), account.without(short).safe()
    assert both is not None
    assert alone is not None
    assert both.low < alone.low  # type: ignore[operator]  # the short hedges the long


def test_the_line_of_two_assets_meets_the_joint_move() -> None:
    account = Portfolio((leg("BTCUSDT", "long", 10, 107_000), leg("ETHUSDT", "long", 200, 2_480)), 150_000.0)
    joint = account.safe()
    assert joint is not None
    assert joint.low is not None
    there = account.safe(["ETHUSDT"], {"BTCUSDT": joint.low})
    assert there is not None
    assert there.low == joint.low


def test_what_is_no_portfolio_is_refused() -> None:
    with pytest.raises(UsageError, match="two positions are long in BTCUSDT"):
        Portfolio((leg("BTCUSDT", "long", 1, 100), leg("BTCUSDT", "long", 2, 100)), 1.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "book.csv").write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return tmp_path / "book.csv"


def test_rows_that_share_their_margin_are_one_account(file: Path) -> None:
    fund, solo = read_portfolios(file, BOOK)
    assert (fund.label, len(fund.legs), fund.balance) == ("fund", 2, 150_000)
    assert (solo.label, len(solo.legs), solo.balance) == ("solo", 1, 5_350)
    assert fund.mark("ETHUSDT") == 2_480
    (fund, _) = read_portfolios(file, BOOK, marks={"BTCUSDT": 100_000.0})
    assert fund.equity() == 80_000


def call(*words: str | Path, code: int = 0):
    done = CliRunner().invoke(build(["price"]), ["price", "--venue", BOOK, *map(str, words)])
    assert done.exit_code == code, done.output
    return done


def test_the_command_prints_accounts_or_one_of_them(file: Path) -> None:
    plain = call("--positions", file).stdout
    assert plain.startswith("2 accounts, 0 of them liquidated at these marks")
    one = call("--positions", file, "--account", "fund").stdout
    assert "Where ETHUSDT liquidates it, by the mark of BTCUSDT:" in one
    assert "92,670.36 (-13.39%)" in one
    (found,) = json.loads(call("--positions", file, "--account", "fund", "--json").stdout)
    assert found["legs"][0]["liquidation_prices"]["low"] == pytest.approx(92_670.357, abs=1e-3)
    assert len(found["line"]) == 9
    assert len(found["moves"]) == 81
    due = call("--positions", file, "--account", "fund", "--mark", "BTCUSDT=92000").stdout
    assert "liquidated at these marks" in due


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--account", "fnd"), "did you mean 'fund'?"),
        (("--mark", "107000"), "does not say of which contract"),
        (("--mark", "BTCUSDT=x"), "'x' is not a number"),
        (("--mark", "BTCUSD=1"), "did you mean 'BTCUSDT'?"),
        (("--side", "long"), "leave out --side, or leave out --positions"),
        (("--size", "0", "--entry", "107000"), "the file says side, entry, size and margin of each position"),
        (("--leverage", "5", "--margin", "10"), "leave out --leverage, --margin, or leave out --positions"),
    ],
)
def test_what_cannot_be_priced_is_told(file: Path, words, told: str) -> None:
    stderr = call("--positions", file, *words, code=2).stderr
    assert told in stderr
    assert "    = " in stderr


def test_a_file_without_markets_or_with_several_entries_needs_more(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text("side,quantity,entry_price,leverage\nlong,1,100,5\nshort,1,110,5\n", encoding="utf-8")
    assert "row 2 of" in call("--positions", path, code=2).stderr
    assert "--mark BTCUSDT=110" in call("--positions", path, "--contract", "BTCUSDT", code=2).stderr
    assert "2 accounts" in call("--positions", path, "--contract", "BTCUSDT", "--mark", "BTCUSDT=105").stdout
    path.write_text("side,quantity\nlong,1\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="entry_price"):
        read_portfolios(path, BOOK)
    assert "a position has a contract" in call("--side", "long", code=2).stderr


@pytest.mark.parametrize("ratio", [1.001, 3.0, 1e3, 1e6])
def test_a_hedge_of_very_unequal_legs_has_its_exact_price(ratio: float) -> None:
    long = leg("BTCUSDT", "long", 12.345, 107_000, 106_500)
    short = leg("BTCUSDT", "short", round(12.345 / ratio, 9), 105_000, 106_500)
    balance = 60_000.0 if ratio > 2 else 40_000.0
    found = Portfolio((long, short), balance).safe()
    known = liquidation_at(long.position, balance, hedge=short.position)
    assert found is not None
    ends = [float(Fraction(106_500) * (1 + end)) for end in found if end is not None]
    assert known is not None
    assert min(abs(end / float(known) - 1) for end in ends) < 1e-12


# --- inverse contracts -------------------------------------------------------------------------------------

COIN_ROWS = (
    "label,market,side,quantity,entry_price,margin_mode,leverage,wallet_usd",
    "miner,XBTUSD,long,3000000,100000,cross,,150000",
    "bank,XBTUSD,short,2000000,100000,isolated,5,",
)


def coin_account(path: Path, mark: float) -> list[Portfolio]:
    (path / "coin.csv").write_text("\n".join(COIN_ROWS) + "\n", encoding="utf-8")
    return read_portfolios(path / "coin.csv", "bitmex-2025-07", marks={"XBTUSD": mark})


@pytest.mark.parametrize("mark", [98_000, 100_000, 103_000.0])
def test_an_inverse_contract_is_liquidated_where_the_calculator_says(tmp_path: Path, mark: float) -> None:
    miner, bank = coin_account(tmp_path, mark)
    assert (miner.currency, float(miner.balance), float(bank.balance)) == ("XBT", 1.5, 4.0)
    for account in (miner, bank):
        (mine,) = account.legs
        known, found = liquidation_at(mine.position, account.balance), account.safe()
        assert found is not None
        ends = [float(account.mark("XBTUSD") * (1 + end)) for end in found if end is not None]
        assert ends == pytest.approx([float(known)], rel=1e-12)  # type: ignore[arg-type]
        assert account.is_liquidated({"XBTUSD": next(end for end in found if end is not None)})
    assert miner.safe().high is None  # type: ignore[union-attr]
    assert bank.safe().low is None  # type: ignore[union-attr]
    # 3M USD bought at 100,000 and sold at the mark
    assert float(miner.equity()) == pytest.approx(1.5 + 3e6 / 100_000 - 3e6 / mark)


def test_two_inverse_contracts_of_a_coin_hedge_each_other() -> None:
    tiers = rulebook_tiers("bitmex-2025-07", "XBTUSD")
    long, short = (
        PortfolioLeg("XBTUSD", Position(side=side, size=size, entry=100_000, tiers=tiers, inverse=True))
        for side, size in (("long", 3e6), ("short", 2e6))
    )  # fmt: skip
    both, alone = Portfolio((long, short), 1.5).safe(), Portfolio((long,), 1.5).safe()
    assert both is not None
    assert alone is not None
    assert both.low < alone.low  # type: ignore[operator]
    assert Portfolio((long, short), 1.5).without(short).safe() == alone


def test_margins_in_several_currencies_are_several_accounts() -> None:
    coin = PortfolioLeg(
        "XBTUSD", Position(side="long", size=1e6, entry=100_000, tiers=single_tier(0.01), inverse=True)
    )
    with pytest.raises(UsageError, match="settle in USD and in XBT"):
        Portfolio((leg("BTCUSDT", "long", 1, 107_000), coin), 1e5, "mixed")


def test_inverse_accounts_are_printed_in_coin(tmp_path: Path) -> None:
    coin_account(tmp_path, 100_000)
    words = ["price", "--venue", "bitmex-2025-07", "--positions", str(tmp_path / "coin.csv")]
    listed = CliRunner().invoke(build(words[:1]), words)
    assert "XBT" in listed.output
    told = json.loads(CliRunner().invoke(build(words[:1]), [*words, "--account", "miner", "--json"]).stdout)
    assert told[0]["currency"] == "XBT"
    assert told[0]["balance_coin"] == 1.5
    assert told[0]["legs"][0]["notional_coin"] == 30.0
    one = CliRunner().invoke(build(words[:1]), [*words, "--account", "miner"]).stdout
    assert "balance 1.5 XBT" in one
