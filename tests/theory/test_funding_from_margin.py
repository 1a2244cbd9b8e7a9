"""Funding is settled from margin: a seat's wallet is all it has, so a payment moves its liquidation price."""

from __future__ import annotations

from fractions import Fraction

import pytest

import cascade
from cascade.calculator.account import MarginTier
from cascade.core import params as par
from cascade.core.check import breaches
from tests.support.runner import Runner
from tests.support.small_worlds import quotes
from tests.support.world import Account, Holding, Market, Seat, Venue, World, tiers, wallet

ENTRY, UNIT, RATE = 20_000, 50, 500_000  # maintenance of 0.5 %, as in the worked example of Bybit
STAMP = 2


def world_of(lots: int, margin: int, funding: int, others: tuple[Holding, ...] = ()) -> World:
    """Return a market in which one account pays funding once, against a holder who receives it."""
    table = tiers((10**15, RATE, 100.0))
    perpetuals = tuple(
        Market(spot=False, asset=a, venue=1, start=ENTRY, unit=UNIT, tiers=table, funding_rate=funding)
        for a in range(1 + len(others))
    )
    spots = tuple(Market(spot=True, asset=a, start=ENTRY, unit=UNIT) for a in range(len(perpetuals)))
    markets = (*spots, *perpetuals)
    first = len(spots)
    held = (Holding(market=first, lots=lots, entry=ENTRY), *others)
    mode = par.CROSS if others else par.ISOLATED
    accounts = [
        Account(name="payer", kind=par.TRADER_ACCOUNT, venue=1, margin=int(mode), holdings=held,
                balance=wallet(markets, held, margin), seat=Seat(leverage=50.0))
    ]  # fmt: skip
    for m, market in enumerate(markets):
        kinds = ((par.MAKER_ACCOUNT, "maker"), (par.FLOW_ACCOUNT, "taker"))
        accounts += [
            Account(name=f"{name} {m}", kind=int(kind), venue=market.venue, balance=10**14,
                    holdings=(Holding(market=m, lots=10**6 if market.spot else 0, entry=ENTRY),))
            for kind, name in kinds
        ]  # fmt: skip
        place = (Holding(market=m, lots=-sum(h.lots for h in held if h.market == m), entry=ENTRY),)
        if not market.spot:
            accounts.append(Account(name=f"holder {m}", kind=par.HOLDER, venue=1, holdings=place,
                                    balance=wallet(markets, place, 10**14)))  # fmt: skip
    venue = Venue(first_funding=STAMP, funding_steps=1000, fund_balance=10**14)
    return World(markets=markets, venues=(Venue(), venue), accounts=tuple(accounts), n_quotes=8 * len(markets),
                 n_ticks=4096)  # fmt: skip


def after_the_stamp(world: World) -> Runner:
    """Run until funding has been paid, at one price."""
    runner = Runner(world)
    for _ in range(STAMP + 1):
        runner.step(quotes(world, ENTRY, deep=True))
        assert breaches(runner.st, runner.p, runner.endowment) == []
    return runner


def trigger(lots: int, margin: int) -> int:
    """Return where the calculator liquidates a position with this margin, on the tick."""
    flat = (MarginTier(10**9, Fraction(RATE, 10**8)),)
    size = Fraction(abs(lots) * UNIT, 10**6)
    position = cascade.Position(side="long" if lots > 0 else "short", size=size, entry=ENTRY, tiers=flat)
    price = cascade.liquidation_price(position, margin=Fraction(margin, 10**6))
    assert price is not None
    return int(price // 1) if lots > 0 else -int(-price // 1)


@pytest.mark.parametrize(
    ("lots", "funding"), [(100, 100_000), (100, -100_000), (-100, 100_000), (-100, -100_000)]
)
def test_an_isolated_payment_moves_the_trigger_by_what_the_calculator_says(lots: int, funding: int) -> None:
    margin = 2_000_000
    paid = lots * ENTRY * UNIT * funding // 10**8
    runner = after_the_stamp(world_of(lots, margin, funding))
    position = runner.st.accounts.first_position[int(runner.p.run[0].first_trader)]
    tick = int(runner.st.triggers.tick[2 * position + (0 if lots > 0 else 1)])
    assert tick == trigger(lots, margin - paid)
    assert (abs(tick - ENTRY) < abs(trigger(lots, margin) - ENTRY)) == (paid > 0)


def test_the_worked_example_of_a_venue_in_a_run() -> None:
    """Bybit: long 1 at 20,000 with 50x; funding of 200 out of the margin of 400 moves 19,700 to 19,900."""
    lots, margin = 20_000, 400_000_000  # of 5e-5 each: size 1
    runner = after_the_stamp(world_of(lots, margin, 1_000_000))
    position = runner.st.accounts.first_position[int(runner.p.run[0].first_trader)]
    assert int(runner.st.triggers.tick[2 * position]) == trigger(lots, margin - 200_000_000)
    flat = (MarginTier(10**9, 0, -100),)  # Bybit counts maintenance at entry: 0.5 % of 20,000
    long = cascade.Position(side="long", size=1, entry=ENTRY, tiers=flat)
    assert cascade.liquidation_price(long, margin=400) == pytest.approx(19_700)
    assert cascade.liquidation_price(long, margin=200) == pytest.approx(19_900)


def test_a_payment_beyond_the_free_balance_liquidates_at_the_stamp_and_nothing_is_lost() -> None:
    lots, margin = 100, 1_000_000
    runner = after_the_stamp(
        world_of(lots, margin, 600_000)
    )  # 0.6 % of 100M is 600,000: less than 0.5 % is left
    rows = runner.log("liquidations")
    assert rows["step"].tolist() == [STAMP]
    assert int(rows["shortfall"][0]) == 500_000 - (margin - 600_000)
    assert runner.st.ledger[0].fund_losses == 0


def test_a_payment_beyond_the_margin_is_still_paid_and_the_fund_bears_the_rest() -> None:
    lots, margin = 100, 1_000_000
    runner = after_the_stamp(world_of(lots, margin, 2_000_000))
    rows, st = runner.log("liquidations"), runner.st
    assert rows["step"].tolist() == [STAMP]
    owner = int(runner.p.run[0].first_trader)
    assert int(st.balances[owner, 0]) == 0
    assert int(rows["fund_draw"].sum()) == int(st.ledger[0].fund_losses) >= 1_000_000


def test_a_cross_account_pays_from_its_shared_balance() -> None:
    """What one market takes is no longer there for the other."""
    other = Holding(market=3, lots=-60, entry=ENTRY)
    world = world_of(100, 900_000, 150_000, (other,))
    still = world_of(100, 900_000, 0, (other,))
    paid = (100 - 60) * ENTRY * UNIT * 150_000 // 10**8
    balances = [
        int(r.st.balances[int(r.p.run[0].first_trader), 0]) for r in map(after_the_stamp, (still, world))
    ]
    assert balances[0] - balances[1] == paid
    more = world_of(100, 900_000, 600_000, (other,))  # nets 240,000: 660,000 is below 800,000
    assert after_the_stamp(more).log("liquidations")["step"].min() == STAMP
    assert len(after_the_stamp(world).log("liquidations")) == 0
