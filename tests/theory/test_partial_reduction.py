"""Partial liquidation helps only where the tier's rate exceeds fee plus slippage.

Closing a notional d frees m d of maintenance margin, where m is the rate of the tier, and costs (f + s) d of
equity, where f is the clearance fee and s the slippage against the mark. So an account that lacks S of margin
and may be reduced by d at most, down to the tier below, is saved if (m - f - s) d > S, and made worse by every
order if m < f + s.
"""

from __future__ import annotations

import pytest

from cascade.core import params as par
from cascade.core.check import breaches
from tests.support.runner import Intent, Runner
from tests.support.world import Account, Holding, Market, Seat, Venue, World, tiers, wallet

pytestmark = pytest.mark.sampled(5)

START, UNIT, LOTS = 10_000, 100, 2_100
FLOOR = 2_020 * (START - 100) * UNIT
"""Notional at which the second tier begins: whole lots at the mark of the test."""


def reduced(rate: float, fee: float, slip: float, margin: int, down: int = 1, only: int = 0) -> Runner:
    """Return a market in which a long has just failed its test, and been reduced as far as its venue would."""
    table = tiers((FLOOR, 500_000, 50.0), (10**15, round(rate * 1e8), 20.0))
    perpetual = Market(
        spot=False,
        venue=1,
        start=START,
        unit=UNIT,
        tiers=table,
        liquidation_fee=round(fee * 1e8),
        max_order=10**6,
    )
    markets = (Market(spot=True, start=START), perpetual)
    held, other = (Holding(market=1, lots=q, entry=START) for q in (LOTS, -LOTS))
    accounts = [
        Account(name="long", kind=par.TRADER_ACCOUNT, venue=1, margin=par.ISOLATED, holdings=(held,),
                balance=wallet(markets, (held,), margin), seat=Seat(leverage=10.0)),
        Account(name="holder", kind=par.HOLDER, venue=1, holdings=(other,),
                balance=wallet(markets, (other,), 10**12)),
        Account(name="bids", kind=par.FLOW_ACCOUNT, venue=1, balance=10**13, holdings=(Holding(market=1),)),
        *(Account(name=f"spot {k}", kind=par.FLOW_ACCOUNT, venue=0, balance=10**13,
                  holdings=(Holding(market=0, lots=1_000),)) for k in range(2)),
    ]  # fmt: skip
    venues = (Venue(), Venue(tiers_down=down, only_where_it_frees=only, fund_balance=10**12))
    runner = Runner(World(markets=markets, venues=venues, accounts=tuple(accounts), n_ticks=4096))
    spot = next(
        k for k, row in enumerate(runner.st.positions) if row.market == 0
        and runner.st.accounts.kind[row.account] == par.FLOW_ACCOUNT
    )  # fmt: skip
    bids = next(
        k for k, row in enumerate(runner.st.positions) if row.market == 1
        and runner.st.accounts.kind[row.account] == par.FLOW_ACCOUNT
    )  # fmt: skip
    mark = START - 100
    quotes = [
        Intent(position=spot, kind=par.LIMIT, lots=side * 100, tick=mark - side, offset=0.1)
        for side in (1, -1)
    ]
    deep = Intent(position=bids, kind=par.LIMIT, lots=10**5, tick=round(mark * (1 - slip)), offset=0.1)
    runner.step([*quotes, deep])
    assert breaches(runner.st, runner.p, runner.endowment) == []
    return runner


def failing_margin(rate: float, lacks: int) -> int:
    """Return the margin with which the long lacks so much at the mark that it is tested at."""
    mark = START - 100
    notional = LOTS * mark * UNIT
    deduction = FLOOR * (round(rate * 1e8) - 500_000) // 10**8
    maintained = -(-notional * round(rate * 1e8) // 10**8) - deduction
    return maintained - lacks + 100 * LOTS * UNIT


GRID = [
    (rate, fee, slip) for rate in (0.01, 0.02, 0.05) for fee in (0.0, 0.0125, 0.03) for slip in (0.0, 0.001)
]


@pytest.mark.parametrize(("rate", "fee", "slip"), GRID)
def test_an_order_changes_what_is_lacking_by_its_notional_times_fee_and_slippage_less_the_rate(
    rate: float, fee: float, slip: float
) -> None:
    lacks = 5_000_000  # more than one order makes good
    rows = reduced(rate, fee, slip, failing_margin(rate, lacks)).log("liquidations")
    first, second = rows[0], rows[1] if len(rows) > 1 else None
    assert int(first["shortfall"]) == lacks
    closed = int(first["filled_lots"]) * int(first["trigger_mark"]) * UNIT
    slipped = 1.0 - int(first["filled_value"]) / closed
    assert slipped == pytest.approx(slip, abs=1e-4)
    assert second is not None, "what is still lacking is sold next"
    gain = rate - fee * (1.0 - slipped) - slipped
    assert lacks - int(second["shortfall"]) == pytest.approx(gain * closed, abs=5)


@pytest.mark.parametrize(("rate", "fee", "slip"), GRID)
def test_partial_liquidation_saves_exactly_where_the_rate_exceeds_fee_and_slippage(
    rate: float, fee: float, slip: float
) -> None:
    lacks = 1_000
    runner = reduced(rate, fee, slip, failing_margin(rate, lacks))
    owner = int(runner.p.run[0].first_trader)
    left = int(runner.st.positions.lots[runner.st.accounts.first_position[owner]])
    helps = rate > fee * (1.0 - slip) + slip
    assert (left > 0) == helps
    whole = reduced(rate, fee, slip, failing_margin(rate, lacks), down=0)
    logs = [each.log("liquidations") for each in (runner, whole)]
    closed = [int((rows["filled_lots"] + rows["taken_over_lots"]).sum()) for rows in logs]
    assert closed == [LOTS - left, LOTS]
    kept = [int(each.st.ledger[0].fund_income) for each in (runner, whole)]
    assert (kept[0] < kept[1]) == (helps and fee > 0), (
        "where it does not help, the fund gets as much of the owner"
    )


@pytest.mark.parametrize(("rate", "fee", "slip"), GRID)
def test_a_venue_that_reduces_only_where_it_frees_margin_closes_the_rest_in_one_order(
    rate: float, fee: float, slip: float
) -> None:
    runner = reduced(rate, fee, slip, failing_margin(rate, 1_000), only=1)
    asked = [int(row["order_lots"]) for row in runner.log("liquidations")]
    if rate > fee:
        always = reduced(rate, fee, slip, failing_margin(rate, 1_000)).log("liquidations")
        assert asked == [int(row["order_lots"]) for row in always]
    else:
        assert asked == [LOTS]
