"""The calculator: its prices meet the margin test, and every kind of example its closed form."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as hs

import cascade
from cascade.calculator.account import Position, single_tier, tiers_from, trigger_prices
from cascade.calculator.examples import check, check_file, matches
from cascade.calculator.kinds import KINDS
from cascade.calculator.sheet import price_sheet
from cascade.calculator.tiers import rulebook_tiers, table_tiers
from cascade.errors import ScenarioError, UsageError
from cascade.manual import page
from cascade.venues.load import load_rulebook

DATA = Path(__file__).parents[1] / "data" / "calculator_examples.json"
EXAMPLES = json.loads(DATA.read_text(encoding="utf-8"))

BTC = rulebook_tiers("binance-2025-07", "BTCUSDT")

prices = hs.floats(1e-4, 2e5).map(lambda x: float(f"{x:.6g}"))
sizes = hs.floats(1e-3, 1e4).map(lambda x: float(f"{x:.5g}"))
sides = hs.sampled_from(["long", "short"])
leverages = hs.floats(1.2, 90).map(lambda x: round(x, 2))


def maintenance(tiers, notional):
    """Return maintenance margin in fractions, from the published form of the table."""
    for tier in tiers:
        if notional <= tier.cap or tier is tiers[-1]:
            return max(notional * Fraction(repr(tier.rate)) - tier.amount, Fraction(0))
    return Fraction(0)


def exact(x):
    return Fraction(repr(x))


# --- public functions -------------------------------------------------------------------------------


@given(sides, prices, sizes, leverages)
def test_equity_meets_maintenance_at_the_liquidation_price(side, entry, size, leverage):
    margin = float(size * entry / leverage)
    position = Position(side=side, size=size, entry=entry, tiers=BTC)
    price = cascade.liquidation_price(position, margin)
    assume(price is not None)
    sign = 1 if side == "long" else -1
    equity = exact(margin) + sign * exact(size) * (exact(price) - exact(entry))
    kept = maintenance(BTC, exact(size) * exact(price))
    assert float(equity - kept) == pytest.approx(0.0, abs=1e-9 * size * entry)
    bankruptcy = cascade.bankruptcy_price(position, margin)
    assert bankruptcy == pytest.approx(entry - sign * margin / size, rel=1e-12)
    assert sign * (price - bankruptcy) >= -1e-9 * entry  # the liquidation price comes first


@given(sides, prices, sizes, leverages, hs.floats(1.01, 3))
def test_margin_moves_the_price_away_and_scale_does_not_matter(side, entry, size, leverage, factor):
    margin = size * entry / leverage
    tiers = single_tier(0.004)
    price = cascade.liquidation_price(Position(side=side, size=size, entry=entry, tiers=tiers), margin)
    assume(price is not None)
    more = cascade.liquidation_price(
        Position(side=side, size=size, entry=entry, tiers=tiers), margin * factor
    )
    assert more is None or (more < price if side == "long" else more > price)
    scaled = Position(side=side, size=size * factor, entry=entry, tiers=tiers)
    assert cascade.liquidation_price(scaled, margin * factor) == pytest.approx(price, rel=1e-9)


@given(sides, prices, sizes, leverages, hs.floats(0.001, 0.02))
def test_inverse_prices_meet_the_margin_test_in_coin(side, entry, size, leverage, rate):
    size = float(round(size) + 1)
    margin = float(f"{size / entry / leverage:.12g}")
    position = Position(side=side, size=size, entry=entry, tiers=single_tier(rate), inverse=True)
    price = cascade.liquidation_price(position, margin)
    assume(price is not None)
    sign = 1 if side == "long" else -1
    equity = margin + sign * size * (1 / entry - 1 / price)
    assert equity == pytest.approx(rate * size / price, abs=1e-9 * size / entry)


@given(sides, hs.integers(5_000, 120_000), hs.integers(1, 4_000), hs.floats(1.5, 60), hs.booleans())
def test_an_inverse_market_triggers_at_the_inverse_price(side, entry, hundreds, leverage, stepped):
    """What the calculator finds at 1 / price is what the kernels find in an inverse market."""
    size = 100 * hundreds * (100 if stepped else 1)
    tiers = rulebook_tiers("bitmex-2025-07", "XBTUSD") if stepped else single_tier(0.005)
    position = Position(side=side, size=size, entry=entry, tiers=tiers, inverse=True)
    margin = float(f"{size / entry / leverage:.8f}")
    price = cascade.liquidation_price(position, margin)
    on_tick, _ = trigger_prices(position, margin, 0.5, 100)
    if price is None:
        assert on_tick is None or on_tick > 1e8
    elif (entry - price) * (1 if side == "long" else -1) > 1.0:  # not failing at the entry already
        assert on_tick == pytest.approx(price, abs=0.51 + 2e-10 * price**2)  # of lots in whole 1e-8


def first_failing(side, size, entry, margin, tiers):
    """Return the first tenth of a USD from the entry at which the margin test fails, by looking at each."""
    sign = 1 if side == "long" else -1
    for tick in range(round(entry * 10), 1 if sign > 0 else 20 * entry, -sign):
        notional = exact(size) * Fraction(tick, 10)
        if exact(margin) + sign * (notional - exact(size) * entry) <= maintenance(tiers, notional):
            return tick / 10
    return None


@pytest.mark.parametrize(
    ("side", "size", "margin", "price"),
    [
        ("long", 201, 215_000.0, 106_784.6),
        ("long", 201, 225_000.0, 106_734.4),
        ("long", 201, 235_000.0, 106_684.3),
        ("short", 199, 215_000.0, 107_537.7),  # where the notional reaches the next step
        ("short", 150, 215_000.0, 108_001.4),
    ],
)
def test_step_limits_fail_where_the_nearest_step_does(side, size, margin, price):
    """Margin jumps between steps: a position that fails may be sound again at a worse price."""
    tiers = rulebook_tiers("bitmex-2025-07", "XBTUSDT")
    position = Position(side=side, size=size, entry=107_000, tiers=tiers)
    on_tick, _ = trigger_prices(position, margin, 0.1, 0.001)
    assert on_tick == first_failing(side, size, 107_000, margin, tiers)
    assert on_tick == price
    assert abs(cascade.liquidation_price(position, margin) - on_tick) < 0.1


def test_a_position_that_fails_at_its_mark_has_the_price_where_that_began():
    tiers = rulebook_tiers("bitmex-2025-07", "XBTUSDT")
    position = Position(side="long", size=201, entry=107_000, tiers=tiers)
    assert cascade.liquidation_price(position, 100_000) == pytest.approx((201 * 107_000 - 1e5) / 201 / 0.992)
    short = Position(side="short", size=1, entry=107_000, tiers=tiers)
    with pytest.raises(UsageError, match="step limits"):
        cascade.liquidation_price(position, 100_000, hedge=short)


def test_the_tick_price_is_the_first_that_fails():
    position = Position(side="short", size=7.2, entry=110_000.0, tiers=BTC)
    price = cascade.liquidation_price(position, 39_600.0)
    on_tick, limit = trigger_prices(position, 39_600.0, 0.1, 0.001)
    assert price <= on_tick < price + 0.1
    assert limit == pytest.approx(115_500.0)
    long = Position(side="long", size=7.2, entry=110_000.0, tiers=BTC)
    on_tick, _ = trigger_prices(long, 39_600.0, 0.1, 0.001)
    assert on_tick <= cascade.liquidation_price(long, 39_600.0) < on_tick + 0.1
    with pytest.raises(UsageError, match="whole number of lots"):
        trigger_prices(Position(side="long", size=0.0005, entry=1.0), 1.0, 0.1, 0.001)


@given(hs.floats(0.1, 100), hs.floats(0.1, 100), hs.floats(1e3, 1e5), hs.floats(0.05, 0.9))
def test_hedged_legs_share_one_price(long, short, entry, share):
    long, short, entry = (float(f"{x:.4g}") for x in (long, short, entry))
    wallet = float(f"{(long + short) * entry * share:.9g}")
    tiers = single_tier(0.02)
    legs = (
        Position(side="long", size=long, entry=entry, mark=entry, tiers=tiers),
        Position(side="short", size=short, entry=entry * 1.01, tiers=tiers),
    )
    price = cascade.liquidation_price(legs[0], wallet, hedge=legs[1])
    assert price == cascade.liquidation_price(legs[1], wallet, hedge=legs[0]) or price is not None
    if price is None:
        assert wallet - long * entry + short * entry * 1.01 > 0  # a fall to nothing is survived
        return
    equity = wallet + long * (price - entry) - short * (price - entry * 1.01)
    assert equity == pytest.approx(0.02 * (long + short) * price, abs=1e-6 * (long + short) * (entry + price))


def test_balanced_legs_have_no_price_below_and_a_far_one_above():
    legs = [Position(side=side, size=1.0, entry=100.0, tiers=single_tier(0.01)) for side in ("long", "short")]
    assert cascade.liquidation_price(legs[0], 50.0, hedge=legs[1]) == pytest.approx(50.0 / 0.02)
    with pytest.raises(UsageError, match="one side"):
        cascade.liquidation_price(legs[0], 50.0, hedge=legs[0])


def test_other_positions_count_with_profit_and_maintenance_at_their_marks():
    position = Position(side="long", size=2.0, entry=100.0, tiers=single_tier(0.01))
    other = Position(side="short", size=5.0, entry=50.0, mark=52.0, tiers=single_tier(0.02, 1.0))
    plain = cascade.liquidation_price(position, 80.0 - 10.0 - (5.0 * 52.0 * 0.02 - 1.0))
    assert cascade.liquidation_price(position, 80.0, others=[other]) == pytest.approx(plain, rel=1e-14)
    assert cascade.bankruptcy_price(position, 80.0, others=[other]) == pytest.approx(100.0 - 70.0 / 2.0)


@given(hs.floats(1, 2e9).map(lambda x: float(f"{x:.8g}")))
def test_margins_are_those_of_the_table(notional):
    position = Position(side="long", size=notional, entry=1.0, tiers=BTC)
    assert cascade.maintenance_margin(position) == pytest.approx(
        float(maintenance(BTC, exact(notional))), rel=1e-12
    )
    tier = next((tier for tier in BTC if notional <= tier.cap), BTC[-1])
    assert cascade.initial_margin(position) == pytest.approx(notional / tier.max_leverage, rel=1e-6)
    assert cascade.initial_margin(position, leverage=4) == notional / 4


def test_rates_finer_than_a_market_counts_are_met():
    position = Position(side="long", size=10, entry=100.0, tiers=single_tier(Fraction(1, 30)))
    assert cascade.liquidation_price(position, 80) == pytest.approx(92 / (1 - 1 / 30), abs=1e-12)
    assert cascade.maintenance_margin(position) == pytest.approx(100 / 3, abs=1e-13)


def test_no_price_where_nothing_liquidates():
    assert (
        cascade.liquidation_price(Position(side="long", size=1, entry=10, tiers=single_tier(0.01)), 10)
        is None
    )
    assert cascade.bankruptcy_price(Position(side="long", size=1, entry=10), 11) is None
    short = Position(side="short", size=100, entry=10, inverse=True)
    assert cascade.bankruptcy_price(short, 10) is None  # coin covers any fall, and a rise gains
    for wrong in ({"size": -1}, {"entry": 0}, {"mark": math.inf}):
        with pytest.raises(UsageError, match="positive"):
            Position(**{"side": "long", "size": 1, "entry": 10, **wrong})


def test_amounts_and_tables_are_those_of_the_rulebook():
    book = load_rulebook("binance-2025-07")
    shipped = json.loads((Path(cascade.__file__).parent / "calculator" / "tiers.json").read_text())
    dated_ones = [(name, each) for name, each in book.contracts.items() if name in shipped["binance"]]
    assert len(dated_ones) >= 6
    for name, contract in dated_ones:
        tiers = rulebook_tiers("binance-2025-07", name)
        assert [float(t.amount) for t in tiers] == pytest.approx(contract.maintenance_amounts(), abs=1e-6)
        dated = table_tiers(shipped["binance"][name]["tiers"])
        assert [(float(t.cap), float(t.rate)) for t in dated] == [(t.cap, t.rate) for t in tiers]
    assert tiers_from([(10, 0.01, 50), (20, 0.02, 25)])[1].amount == Fraction(1, 10)


def test_the_page_names_every_kind():
    text = page("calculator")
    assert not [name for name in KINDS if f"`{name}`" not in text]


def test_a_kind_says_what_computes_it():
    def basis(kind, **inputs):
        return check({"kind": kind, "inputs": inputs, "expected": 1}).basis

    assert basis("funding_rate", avg_premium=0.001) == "kernel"
    assert basis("funding_rate", f=99, s=100) == "formula"
    assert basis("partial_liquidation_size", contracts=15_000, tier1_max=2_000) == "kernel"
    assert basis("partial_liquidation_size", margin_shortage=10) == "formula"
    assert basis("adl_quantile") == basis("impact_margin_notional") == basis("liquidatable") == "formula"
    assert basis("no_such_kind") == ""


# --- worked examples ----------------------------------------------------------------------------------


def test_every_kind_has_an_example():
    assert {example["kind"] for example in EXAMPLES} == set(KINDS)
    assert all(
        kind.summary.endswith((".", "}")) and kind.basis in ("kernel", "formula") for kind in KINDS.values()
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_example_is_met_or_marked(example):
    checked = check(example, DATA.parent)
    assert checked.verdict == ("pass" if example["consistent"] else "inconsistent"), checked
    assert checked.computed is not None
    json.dumps(checked.as_dict())


@pytest.mark.sampled(4)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_missing_inputs_are_named(example):
    """Whatever input is left out: computed without, or said to be missing; never a traceback."""
    for name in example["inputs"]:
        rest = {key: value for key, value in example["inputs"].items() if key != name}
        checked = check({**example, "inputs": rest, "consistent": True}, DATA.parent)
        assert checked.verdict in ("pass", "FAIL", "cannot compute")
        if checked.verdict == "cannot compute":
            assert checked.message
        for nonsense in ("x", [], {}, -1, 0, 1e300, True):
            check({**example, "inputs": {**rest, name: nonsense}}, DATA.parent)


def run(kind, **inputs):
    checked = check({"kind": kind, "inputs": inputs, "expected": None})
    assert checked.verdict in ("pass", "FAIL"), checked.message
    return checked.computed


def tiered(tiers, folder=Path(), symbol="BTCUSDT"):
    inputs = {
        "symbol": symbol,
        "side": -1,
        "qty": 8,
        "entry": 110_000,
        "wallet_balance": 50_000,
        "tiers": tiers,
    }
    return check({"kind": "liq_price_isolated_tiered", "inputs": inputs, "expected": 1}, folder)


JULY, MARCH = 115_685.5439642325, 115_617.23795330353


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("binance-2025-07", JULY),
        ("binance-2025-03", MARCH),
        ("tiers.json binance", JULY),
        ("binance@2025-03-20", MARCH),
        ("binance@2025-07-17", JULY),
        ("binance (2025-07)", JULY),
        ("binance (17 July 2025)", JULY),
        ("Binance, March 20, 2025", MARCH),
        ("Binance Mar 2025", MARCH),
        ("binance (2025-10-09)", JULY),  # no change until then
        ("tiers.json binance_2020_doc", 115_259.900990099),
        ("bybit", 115_671.64179104478),
        ("bybit (2026-09)", 115_735.07462686567),
    ],
)
def test_a_table_is_the_one_that_its_name_says(name, price):
    assert tiered(name).computed == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize("name", ["binance (2025-06-17)", "binance 2020", "kraken", "", "binance-2025"])
def test_a_table_that_no_name_says_is_refused(name):
    checked = tiered(name)
    assert checked.verdict == "cannot compute"
    assert "binance-2025-07" in checked.message


def test_a_name_of_several_tables_is_refused():
    assert "may be any of" in tiered("binance 2025").message
    assert tiered("binance 2025", symbol="HIVEUSDT").verdict == "cannot compute"


def test_tables_beside_the_file_come_first(tmp_path):
    own = {"binance": {"BTCUSDT": {"tiers": [{"floor": "0", "mmr": "0.01"}]}}}
    (tmp_path / "mine.json").write_text(json.dumps(own), encoding="utf-8-sig")
    assert tiered("mine.json binance", tmp_path).computed == pytest.approx((880_000 + 5e4) / 8 / 1.01)
    for broken in ("[", "[1]", '{"binance": {"BTCUSDT": 1}}', '{"binance": {"BTCUSDT": {"tiers": []}}}'):
        (tmp_path / "mine.json").write_text(broken, encoding="utf-8")
        assert tiered("mine.json binance", tmp_path).verdict == "cannot compute"


def test_tables_of_an_inverse_contract_are_in_coin():
    inputs = {"symbol": "XBTUSD", "side": -1, "contracts": 22_000_000, "entry": 110_000, "leverage": 50}
    for name in ("bitmex-2025-07", "tiers.json bitmex"):
        price = run("liq_price_isolated_tiered", **inputs, tiers=name)
        assert price == pytest.approx(22e6 * (1 - 0.004) / (200 - 4), rel=1e-12)


S = hs.sampled_from([1, -1])
P = hs.floats(0.01, 1e5).map(lambda x: float(f"{x:.7g}"))
Q = hs.floats(0.01, 1e3).map(lambda x: float(f"{x:.4g}"))
L = hs.floats(1.5, 40).map(lambda x: round(x, 1))
RATE = hs.floats(0.001, 0.05).map(lambda x: round(x, 5))


@given(S, P, Q, L, RATE, RATE)
def test_isolated_closed_forms(s, entry, qty, leverage, mmr, fee):
    common = {"side": s, "entry": entry, "qty": qty, "leverage": leverage, "mmr": mmr}
    margin = entry * qty / leverage
    assert run("liq_price_isolated", **common, maint_amount=0) == approx(
        (entry - s * margin / qty) / (1 - s * mmr)
    )
    got = run("liq_price_isolated_with_taker_fee", **common, taker_fee=fee / 50)
    assert got == approx((entry - s * margin / qty) / (1 - s * (mmr + fee / 50)))
    assert run("liq_price_isolated_mm_at_entry", **common) == approx(entry - s * entry * (1 / leverage - mmr))
    got = run("liq_price_after_funding_debit", **common, funding_paid_from_margin=margin / 10)
    assert got == approx(entry - s * entry * (0.9 / leverage - mmr))
    got = run("bankruptcy_price_linear", side=s, entry=entry, qty=qty, position_margin=margin)
    assert got == approx(entry - s * margin / qty)
    got = run("bankruptcy_price_inverse_isolated", side=s, entry=entry, leverage=leverage)
    assert got == approx(entry * leverage / (leverage + s))


def approx(value):
    """Return what a price has to be within: none where the closed form is no price."""
    return pytest.approx(value, rel=1e-9) if value > 0 else None


@given(S, P, Q, hs.floats(0.02, 0.6), RATE, RATE)
def test_account_value_closed_forms(s, price, size, share, mmf, other):
    equity = float(f"{price * size * share:.9g}")
    lp = (equity - other * equity - s * size * price) / (size * mmf - s * size)
    got = run("liq_price_cross", equity=equity, size=s * size, price=price, mmf=mmf, other_mmr=other * equity)
    assert got == approx(lp)
    kept = size * price / 40
    lp = price - s * (equity - kept) / size / (1 - s / 40)
    assert run("liq_price", mark=price, side=s, size=size, account_value=equity, max_leverage=20) == approx(
        lp
    )


@given(S, P, hs.integers(100, 10**6), hs.floats(0.1, 0.8), RATE)
def test_inverse_cross_closed_forms(s, entry, contracts, share, mmr):
    balance = float(f"{contracts / entry * share:.9g}")
    common = {
        "side": s,
        "contracts_usd": contracts,
        "entry": entry,
        "balance_btc": balance,
        "order_margin": 0,
    }
    bp = contracts * (1 + s * 0.00075) / (contracts / entry + s * balance)
    assert run("bankruptcy_price_inverse_cross", **common, taker_fee=0.00075) == approx(bp)
    kept = contracts / entry * mmr + contracts / bp * 0.00075
    lp = contracts / (contracts / entry + s * (balance - kept))
    assert run("liq_price_inverse_cross", **common, taker_fee=0.00075, mmr=mmr) == approx(lp)
    tick = run("liq_price_inverse_cross", **common, taker_fee=0.00075, mmr=mmr, tick=0.5)
    assert lp - 0.5 <= tick <= lp + 0.5
    assert s * (tick - lp) >= -1e-6 * lp  # against the account


@given(S, P, hs.floats(0.5, 2), hs.integers(1, 10**6))
def test_inverse_values_have_twelve_digits(s, entry, move, contracts):
    """Those of the inverse branch of the kernels, whatever decimals a price has."""
    exit_ = entry * move
    got = run("pnl_inverse", side=s, contracts=contracts, entry=entry, exit=exit_)
    profit = s * contracts * (1 / exact(entry) - 1 / exact(exit_))
    assert got == pytest.approx(float(profit), rel=1e-13, abs=1e-12 * contracts / entry)
    paid = run(
        "funding_payment_inverse", contracts=contracts, price=entry, quote_rate_day=0.01, base_rate_day=0.0025
    )
    assert paid == pytest.approx(contracts / entry * 0.0075 / 3, rel=1e-12)


@given(hs.floats(-0.01, 0.01), hs.floats(0.0, 0.0005), hs.sampled_from([1, 2, 4, 8]))
def test_funding_closed_forms(premium, interest, hours):
    rate = premium + max(-0.0005, min(0.0005, interest - premium))
    got = run("funding_rate", avg_premium=premium, interest=interest, interval_h=hours, rule="2025-09-18")
    assert got == pytest.approx(rate * hours / 8, abs=1e-15)
    assert run("funding_rate", avg_premium=premium, interest=interest) == pytest.approx(rate, abs=1e-15)
    assert run("funding_rate", avg_premium=premium, cap=0.001, interest=interest) == pytest.approx(
        max(-0.001, min(0.001, rate)), abs=1e-15
    )
    bid = 10_000 * (1 + abs(premium))
    got = run("funding_rate_8h", impact_bid=bid, oracle=10_000, interest=interest)
    up = bid / 10_000 - 1
    assert got == pytest.approx(up + max(-0.0005, min(0.0005, interest - up)), abs=1e-12)


@given(hs.floats(-1e4, 1e4), hs.floats(0.01, 2), S, hs.floats(0.001, 1))
def test_parts_of_dydx_accounts_close_at_one_share(usdc, size, s, share):
    usdc, size, share = round(usdc, 2), round(size, 4), round(share, 3)
    held = {"BTC": s * size, "ETH": 1.5}
    oracle = {"BTC": 50_000.0, "ETH": 3000.0}
    common = {"usdc": usdc, "positions": held, "oracle": oracle, "mmf": 0.05, "close": "BTC"}
    tnc, tmmr = usdc + s * size * 50_000 + 4500, 0.05 * (size * 50_000 + 4500)
    part = s * size * share
    value, kept = part * 50_000, abs(part) * 2500
    got = run("bankruptcy_price_quote", **common, delta=-part)
    assert got == pytest.approx(value - tnc * kept / tmmr, abs=2e-6)
    abr = max(0.0, min(1.0, 1 - tnc / tmmr))
    assert run("fillable_price", **common) == pytest.approx(50_000 - s * abr * 1.5 * 2500, rel=1e-9)
    delta = run(
        "insurance_fund_delta",
        usdc=usdc,
        position=s * size,
        oracle=50_000,
        fill_price=50_500,
        max_liq_fee=0.01,
    )
    gain = s * size * 50_500 + usdc
    assert delta == pytest.approx(min(gain, 0.01 * size * 50_500) if gain > 0 else gain, abs=1e-6)


def test_deleveraging_passes_over_whom_it_would_bankrupt():
    liquidated = {"usdc": -54_999, "btc": 1}
    poor, rich = {"usdc": 50_500, "btc": -1}, {"usdc": 100_000, "btc": -1}
    got = run("adl_settlement", liquidated=liquidated, offsetting=[poor, rich], oracle=50_000)
    assert got == [[50_500.0], [45_001.0]]
    got = run(
        "adl_settlement",
        liquidated={"usdc": 54_999, "eth": -1},
        offsetting=[{"usdc": 1, "eth": 2}],
        oracle=50_000,
    )
    assert got == [[55_000.0]]


def test_variants_of_inputs():
    assert run("maint_amount", tiers=[{"floor": 0, "mmr": 0.01}, {"floor": 10, "mmr": 0.02}]) == [0.0, 0.1]
    assert run("maint_amount", tiers={"X": [[0, 10], [90, 5], [900, 3]]})["X"] == pytest.approx(
        [0, 4.5, 64.5]
    )
    assert run("impact_margin_notional", max_leverage=75) == 15_000
    assert run("funding_cap", mmr=0.004) == pytest.approx(0.003)
    assert run("insurance_fund_delta_sign", side="short", bp=100, exec=[98, 103]) == [2.0, -3.0]
    assert run("pnl_inverse", contracts=1000, entry=1000, mark=1250, side=-1) == pytest.approx(-0.2)
    assert run("partial_liquidation_size", contracts=1500, tier1_max=2000) == 0.0
    assert run("adl_trigger_threshold", avg_8h_fund=100_000, drop=0.3, min_abs=50_000, current=60_000) == {
        "threshold": 50_000.0, "adl": False,
    }  # fmt: skip
    assert run("maintenance_margin_step_model", position_xbt=[200, 200.01], base_mm=0.004, base_im=0.01)[
        "mm"
    ] == pytest.approx([0.8, 1.60008])
    assert run("max_liquidatable_debt", coll=5000, debt=4000, hf=1.01) == 0.0
    assert run("collateral_seized", debt_usd=1000, bonus=1.05, protocol_fee=0.1, collateral_usd=525) == [
        522.5,
        2.5,
    ]
    assert run("health_factor", collateral_usd=1, liq_threshold=0.8, debt_usd=0) == math.inf
    assert run("liquidatable", collateral_usd=1000, size_usd=9000, entry=100, price=112, side=-1,
               min_collateral_factor=0.01)  # fmt: skip
    assert run("adl_enabled", pool_usd=100, size_usd=100, entry=1, price=[1.8, 2.0], max_pnl_factor_for_adl=0.85) == [
        False, True,
    ]  # fmt: skip
    assert run("liquidation_disposal_schedule", position=-7, disposal_fraction=0.5, full_disposal_size=2,
               book_volume=[1, 100], max_fraction=1) == [1.0, 3.0, 2.0, 1.0]  # fmt: skip
    assert run("funding_rate", f=99, s=100) == pytest.approx(-0.01)
    assert run("loss_socialisation", shortfall=3, insurance=1, gains=[1, 3])["paid"] == [0.5, 1.5]
    assert run("network_party_pnl", events=[["take_short", 2, 50], ["buy", 3, 40]]) == [
        [-2, 0, 0],
        [1, 20, 10],
    ]


def test_tables_of_tiers_by_name(tmp_path):
    common = {"side": 1, "qty": 1.0, "entry": 100.0, "leverage": 10}
    lists = run("liq_price_isolated_tiered", **common, tiers=[[0, 50, 0.01], [50, 1000, 0.02]])
    assert lists == pytest.approx((90 - 0.5) / 0.98)
    named = run(
        "liq_price_isolated_tiered", **common, symbol="SUIUSDT", tiers="tiers.json binance (2025-10-09)"
    )
    assert named is not None
    own = {"venue": {"ABC": {"tiers": [{"floor": 0, "mmr": 0.05}]}}}
    (tmp_path / "mine.json").write_text(json.dumps(own), encoding="utf-8")
    inputs = {**common, "symbol": "ABC", "tiers": "mine.json venue"}
    example = {
        "kind": "liq_price_isolated_tiered",
        "inputs": inputs,
        "expected": 90 / 0.95,
        "tolerance": 1e-9,
    }
    assert check(example, tmp_path).verdict == "pass"
    missing = check({**example, "inputs": {**inputs, "symbol": "NONE"}}, tmp_path)
    assert "no table of tiers of 'NONE'" in missing.message


def test_verdicts():
    example = {"id": "x", "kind": "pnl_inverse", "inputs": {"contracts": 1000, "entry": 1000, "mark": 1250}}
    assert check({**example, "expected": 0.2}).verdict == "pass"
    assert check({**example, "expected": 0.21}).verdict == "FAIL"
    assert check({**example, "expected": 0.21, "tolerance": 0.02}).verdict == "pass"
    marked = check({**example, "expected": 0.2, "consistent": False, "note": "typo"})
    assert (marked.verdict, marked.holds) == ("inconsistent", True)
    assert "agree" in marked.message
    unknown = check({**example, "kind": "pnl_inverses", "expected": 0.2})
    assert unknown.verdict == "unknown kind"
    assert "did you mean 'pnl_inverse'" in unknown.message
    assert check({**example, "inputs": {**example["inputs"], "why": 1}, "expected": 0.2}).unused == ("why",)


def test_comparison():
    assert matches({"a": [1, [2.0]], "b": True}, {"a": [1.0, [2.0]], "b": True, "c": 0}, 0)
    assert not matches({"a": 1}, {"b": 1}, 0)
    assert not matches([1, 2], [1], 0)
    assert not matches(True, 1, 0)
    assert not matches(1, True, 0)
    assert matches(None, None, 0)
    assert matches("--", None, 0)
    assert not matches(0, None, 0)
    assert not matches(None, 0.0, 0)
    assert matches(3, [1, 3], 0)
    assert matches("inf", math.inf, 0)
    assert not matches([1], 1.0, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ('[{"id": 1,}]', "not JSON"),
        ("{}", "holds no list"),
        ("[]", "holds no list"),
        ("[1]", "not an example"),
        ('[{"id": "a", "kind": "x", "inputs": {}}]', "lacks 'expected'"),
        ('[{"id": "a", "kind": "x", "inputs": [], "expected": 1}]', "not a mapping"),
        ('[{"id": "a", "kind": "x", "inputs": {}, "expected": 1, "tolerance": "a"}]', "tolerance"),
    ],
)
def test_broken_files_say_where(tmp_path, text, message):
    path = tmp_path / "examples.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        check_file(path)
    assert message in caught.value.render()
    assert "examples.json" in caught.value.render()


# --- sheet and rulebooks ------------------------------------------------------------------------------


def test_sheet_of_a_position():
    sheet = price_sheet("binance-2025-07", "BTCUSDT", side="long", entry=107_000, size=1.5, leverage=20)
    assert sheet.margin == 8025
    assert sheet.liquidation_price == pytest.approx((107_000 - 5350) / 0.996)
    assert sheet.liquidation_tick_price <= sheet.liquidation_price < sheet.liquidation_tick_price + 0.1
    assert sheet.bankruptcy_price == 101_650
    assert (sheet.tier, sheet.rate, sheet.maintenance_margin) == (1, 0.004, 642)
    assert any("stated" in source for source in sheet.sources)
    assert (
        price_sheet("binance-2025-07", "BTCUSDT", side="long", entry=107_000, size=1.5, margin=8025) == sheet
    )
    short = price_sheet(
        "binance-2025-07", "DOGEUSDT", side="short", entry=0.2, size=600_000.5, margin=1, mark=0.3
    )
    assert (short.liquidation_tick_price, short.margin_ratio) == (None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leverage": 126}, "allows 125x"),
        ({"leverage": None}, "either --leverage or --margin"),
        ({"margin": 5.0}, "either --leverage or --margin"),
        ({"leverage": -1}, "not a positive number"),
        ({"size": 0}, "not a positive number"),
        ({"contract": "BTCUSD"}, "did you mean 'BTCUSDT'"),
        ({"rulebook": "spot"}, "no contract"),
    ],
)
def test_sheet_refuses(change, message):
    asked = {"rulebook": "binance-2025-07", "contract": "BTCUSDT", "side": "long", "entry": 1e5, "size": 1.0}
    with pytest.raises(UsageError, match=message):
        price_sheet(**{**asked, "leverage": 10, **change})


def test_sheet_of_an_inverse_contract_is_in_coin():
    asked = {"side": "long", "entry": 107_000, "size": 1_000_000}
    sheet = price_sheet("bitmex-2025-07", "XBTUSD", **asked, leverage=50)
    value = 1e6 / 107_000
    assert (sheet.currency, sheet.tier, sheet.amount) == ("XBT", 1, 0)
    assert (sheet.notional, sheet.margin) == pytest.approx((value, value / 50))
    assert sheet.maintenance_margin == pytest.approx(0.004 * value)
    assert sheet.liquidation_price == pytest.approx(1.004 * 1e6 / (value * 1.02))
    assert sheet.bankruptcy_price == pytest.approx(1e6 / (value * 1.02))
    assert sheet.liquidation_price - 1 < sheet.liquidation_tick_price <= sheet.liquidation_price
    assert "1 / mark" in sheet.formula
    down = price_sheet("bitmex-2025-07", "XBTUSD", **asked, margin=sheet.margin, mark=106_000)
    assert down.margin_ratio == pytest.approx(4000 / 106_000 / (value * 1.02 - 1e6 / 106_000))


def test_sheet_shows_what_is_set_aside_for_closing():
    sheet = price_sheet("okx-2025-07", "BTC-USDT-SWAP", side="long", entry=107_000, size=1.5, leverage=20)
    assert (sheet.rate, sheet.closing_fee) == (0.004, 0.0005)
    assert sheet.maintenance_margin == pytest.approx(0.0045 * sheet.notional)
    assert "closing fee" in sheet.formula
    assert any(source.startswith("closing fee") for source in sheet.sources)


def test_sheet_remarks_on_what_is_open_or_not_allowed():
    bybit = price_sheet("bybit-2025-07", "BTCUSDT", side="long", entry=20_000, size=1, leverage=50)
    assert "19,700 USD" in bybit.remarks[0]
    asked = {"rulebook": "binance-2025-07", "contract": "BTCUSDT", "side": "long", "entry": 1e5}
    assert price_sheet(**asked, size=1, leverage=125).remarks == ()
    assert "100,000x is more" in price_sheet(**asked, size=1, margin=1).remarks[0]
    assert "largest position" in price_sheet(**asked, size=1e9, leverage=1).remarks[0]
