"""`cascade cost`: an order in a market where the answer is known, tables, and what cannot be asked."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.assembly import assemble
from cascade.cli.app import build
from cascade.engine import Engine
from cascade.errors import UsageError
from cascade.experiment.asked_order import Order, plans_of
from cascade.experiment.order_cost import Prepared, prepare_cost
from cascade.experiment.order_words import ScheduleWords
from cascade.model import Logs
from cascade.scenario.load import to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

MARKET = "venue:BTCUSDT"
STILL = {"assets": {"BTC": {"news": {"type": "constant", "price": 107000}}},
         "news_takers": [], "flow": [], "population": [], "arbitrage": []}  # fmt: skip
LADDER = [[1, 1e6], [2, 3e6], [5, 9e6]]


def still(learns: float = 0.0, **changes) -> Scenario:
    """Return a market in which nothing happens but the order: one maker, who learns nothing from it unless told."""
    makers = [{
        "name": "makers", "markets": "*", "depth": {"profile": LADDER},
        "learning": {"impact_bps_per_million": learns, "half_life": "1h"}, "cap": "1B",
    }]  # fmt: skip
    return Scenario.model_validate(small_data(**STILL, makers=makers, **changes))


def call(*words, code=0):
    done = CliRunner().invoke(build(["cost"]), ["cost", *map(str, words)])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def file(tmp_path):
    (tmp_path / "small.yaml").write_text(to_yaml(small_scenario(duration="10m")), encoding="utf-8")
    return tmp_path / "small.yaml"


def asked(
    scenario: Scenario, *overs: float, usd: float | None = 5e6, side="sell", n: int = 1, **more
) -> Prepared:
    more = {"at_s": 30.0, "watch_s": 0.0} | more
    return prepare_cost(scenario, side, usd, overs, market=MARKET, replicates=n, **more)


def ladder_cost_bps(scenario: Scenario, usd: float) -> float:
    """Return the mean distance of what an order takes, worked out level by level."""
    levels = scenario.makers[0].levels()
    paid = left = 0.0
    left = usd
    for distance, held in zip(levels.distance_bps, levels.usd, strict=True):
        taken = min(left, held)
        paid, left = paid + taken * distance, left - taken
    assert left == 0.0
    return paid / usd


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_at_once_it_costs_what_the_ladder_says(side):
    scenario = still()
    (row,) = asked(scenario, 0.0, side=side).run(jobs=1).rows
    told = ladder_cost_bps(scenario, 5e6)
    tick = 1e4 * 0.1 / 107_000
    figures = {name: float(values[0]) for name, values in row.values.items()}
    assert figures["shortfall_bps"] == pytest.approx(told, abs=3 * tick)
    assert figures["slippage_bps"] == pytest.approx(figures["shortfall_bps"], abs=1e-9)  # nothing else moves
    sign = 1.0 if side == "sell" else -1.0
    assert figures["vwap_price"] == pytest.approx(107_000 * (1 - sign * told * 1e-4), abs=0.3)
    assert figures["filled_share"] == pytest.approx(1.0, abs=1e-4)
    assert figures["shortfall_usd"] == pytest.approx(5e6 * told * 1e-4, rel=0.02)
    assert figures["triggered_usd"] == 0.0


def bids_by_hand(scenario: Scenario, step: int) -> list[tuple[int, int]]:
    """Return the bids that rest after some steps without the order, the best first: ticks and lots."""
    engine = Engine(assemble(scenario), Logs())
    engine.advance(step)
    state, n = engine.state, int(engine.params.run[0].n_ticks)
    held = np.array(state.levels.lots[n : 2 * n])
    ticks = np.arange(n) + int(state.markets[1].window)
    rests = (held > 0) & (2 * ticks < int(state.markets[1].mid2))
    return list(zip(ticks[rests][::-1].tolist(), held[rests][::-1].tolist(), strict=True))


def test_at_once_it_pays_what_a_walk_through_the_book_by_hand_pays():
    """From the best bid on until it is filled, to a tenth of a tick: makers renew some quotes while it comes."""
    scenario = still()
    book = bids_by_hand(scenario, 30)
    (row,) = asked(scenario, 0.0).run(jobs=1).rows
    vwap, filled = (float(row.values[name][0]) for name in ("vwap_price", "filled_usd"))
    lots = left = round(filled / vwap / 0.001)
    paid = 0
    for tick, held in book:
        paid, left = paid + tick * min(left, held), left - min(left, held)
    assert left == 0
    assert sum(held for _, held in book[:3]) < lots, "it takes several levels"
    assert vwap == pytest.approx(0.1 * paid / lots, abs=0.01)


def test_worked_it_is_cheaper_and_a_book_that_is_too_thin_is_told():
    scenario = still()
    at_once, worked = asked(scenario, 0.0, 60.0).run(jobs=1).rows
    assert worked.values["shortfall_bps"] < 0.5 * at_once.values["shortfall_bps"]
    (row,) = asked(scenario, 0.0, usd=50e6).run(jobs=1).rows
    assert row.values["filled_share"][0] == pytest.approx(9 / 50, rel=0.05)


def test_slippage_under_the_same_luck_is_far_surer_than_shortfall():
    scenario = small_scenario(duration="20m", population=[])
    (row,) = asked(scenario, 600.0, usd=3e6, n=8).run(jobs=2).rows
    shortfall, slippage = row.error("shortfall_bps"), row.error("slippage_bps")
    assert shortfall is not None
    assert slippage is not None
    assert shortfall > 5 * slippage
    estimate = row.estimate("slippage_bps")
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.low > 0.0


def test_an_order_triggers_liquidations_that_its_luck_would_not_have_seen():
    wall = {
        "type": "ladder", "name": "fuel", "market": MARKET, "side": "long", "notional": 2e6,
        "from_price": 106_900, "to_price": 106_800, "leverage": 50, "size": 100e3,
    }  # fmt: skip
    scenario = still(10, duration="10m").replace(population=[wall])
    (row,) = asked(scenario, 60.0, usd=20e6, watch_s=300.0).run(jobs=1).rows
    assert row.values["triggered_usd"][0] == row.values["liquidated_usd"][0] > 0.0
    assert row.values["added_bps"][0] == pytest.approx(row.values["move_bps"][0], abs=0.1)
    assert row.values["move_bps"][0] > 50.0


def test_the_scenarios_own_shocks_stay_and_rows_do_not_touch_each_other():
    own = [
        {
            "type": "market_order",
            "at": "40s",
            "over": "10s",
            "market": MARKET,
            "side": "sell",
            "notional": 20e6,
        }
    ]
    scenario = still(shocks=own)
    both = asked(scenario, 20.0, 60.0).run(jobs=1).rows
    (alone,) = asked(scenario, 60.0).run(jobs=1).rows
    for name, values in alone.values.items():
        np.testing.assert_array_equal(values, both[1].values[name])
    assert both[0].values["added_bps"] < both[0].values["move_bps"]


def test_a_table_an_interval_and_json(file):
    words = (file, "--sell", "3M", "--over", "0s,1m", "--at", "2m", "--watch", "1m", "-j", 2, "-q")
    plain = call(*words, "-n", 2).stdout
    assert plain.startswith("Selling 3M USD costs least over 1m: ")
    assert "small: sell 3M USD at venue:BTCUSDT from 2m on, 2 replicates" in plain
    assert "An interval needs 6 replicates: -n 6." in plain
    found = json.loads(call(*words, "-n", 6, "--json").stdout)
    assert [row["over_s"] for row in found["rows"]] == [0.0, 60.0]
    slippage = found["rows"][0]["figures"]["slippage_bps"]
    assert slippage["low"] < slippage["value"] < slippage["high"]
    assert found["rows"][0]["expected_bps"] == pytest.approx(slippage["value"], rel=0.5)
    table = [line for line in call(*words, "-n", 1, "--markdown").stdout.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert {line.count("|") for line in table} == {11}


def test_schedules_stand_beside_each_other(file):
    words = ("--schedule", "twap,pov,almgren-chriss", "--participation", "0.2%,1%", "--risk-aversion", "1e-8")
    found = json.loads(
        call(
            file,
            "--sell",
            "2M",
            "--over",
            "0s,2m",
            *words,
            "--at",
            "2m",
            "--watch",
            "1m",
            "-n",
            2,
            "-q",
            "--json",
        ).stdout
    )
    kinds = [None if row["schedule"] is None else row["schedule"]["type"] for row in found["rows"]]
    assert kinds == [None, None, "pov", "pov", "almgren_chriss"]  # at once there is but one way
    slow, fast = (row["figures"]["filled_share"]["value"] for row in found["rows"][2:4])
    assert slow < fast
    assert found["rows"][2]["expected_bps"] is None


def test_what_almgren_chriss_fears_and_pays_may_be_said():
    words = ScheduleWords(
        "almgren-chriss", risk_aversion="1e-9", temporary_impact="0.5bps,2 bps", volatility="60%"
    )
    found = [each for each in words.read() if each is not None and each.type == "almgren_chriss"]
    assert [(each.temporary_impact_bps, each.volatility) for each in found] == [(0.5, 0.6), (2.0, 0.6)]
    plans = plans_of([60.0], found)
    assert [plan.name for plan in plans] == [
        "1m, risk aversion 1e-09, impact 0.5 bps, volatility 60 %",
        "1m, risk aversion 1e-09, impact 2 bps, volatility 60 %",
    ]
    assert plans[0].shock(Order(MARKET, "sell", 1e6))["schedule"] == {
        "type": "almgren_chriss", "risk_aversion": 1e-9, "temporary_impact_bps": 0.5, "volatility": 0.6,
    }  # fmt: skip


def test_an_order_of_an_account_closes_its_position(tmp_path):
    rows = ["label,side,quantity,entry_price,leverage", "fund,long,60,107000,5", "thin,short,20,107000,70"]
    (tmp_path / "book.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    book = {"type": "table", "name": "book", "file": str(tmp_path / "book.csv")}
    scenario = still(10, duration="10m").replace(population=[book])
    (row,) = asked(scenario, 60.0, usd=None, side=None, account="fund", watch_s=60.0).run(jobs=1).rows
    assert row.values["filled_usd"][0] == pytest.approx(60 * 107_000, rel=0.01)
    assert row.values["filled_share"][0] == 1.0
    assert row.values["own_liquidated_usd"][0] == 0.0
    (part,) = asked(scenario, 60.0, usd=1.07e6, side="sell", account="fund").run(jobs=1).rows
    assert part.values["filled_usd"][0] == pytest.approx(1.07e6, rel=0.01)
    fall = {
        "type": "market_order",
        "at": "40s",
        "over": "60s",
        "market": MARKET,
        "side": "buy",
        "notional": 80e6,
    }
    late = scenario.replace(shocks=[fall])
    (due,) = asked(late, 300.0, usd=None, side=None, account="thin").run(jobs=1).rows
    assert due.values["own_liquidated_usd"][0] > 0.0
    assert due.values["filled_share"][0] < 0.9  # what was forced is no part of the order
    for account, told in (("fnd", "did you mean 'fund'?"), ("fund", "would close")):
        with pytest.raises(UsageError, match="(?s)" + told.replace("?", "\\?")):
            asked(scenario, 60.0, usd=1e6, side="buy", account=account)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no order is given"),
        (("--sell", "1M", "--schedule", "vwap"), "'vwap' is no schedule"),
        (("--sell", "1M", "--schedule", "pov", "--participation", "100%"), "between 0 % and 100 %"),
        (("--sell", "1M", "--volatility", "60%"), "not asked for"),
        (("--sell", "1M", "--schedule", "almgren-chriss", "--volatility", "2000%"), "up to 1000%"),
        (("--sell", "1M", "--schedule", "almgren-chriss", "--temporary-impact", "0"), "not above 0"),
        (("--account", "fund"), "no account 'fund'"),
        (("--sell", "1M", "--buy", "1M"), "either sold or bought"),
        (("--sell", "lots"), "'lots' is not an amount of USD"),
        (("--sell", "0"), "no size"),
        (("--sell", "1M", "--over", "1x"), "'1x' is not a duration"),
        (("--sell", "1M", "--over", "1h"), "would end 52m after the run"),
        (("--sell", "1M", "--over", "1m", "--at", "3h"), "the run lasts 10m"),
        (("--sell", "1M", "--over", "1m", "--market", "venue:BTCUSD"), "did you mean 'venue:BTCUSDT'?"),
        (("--sell", "9000B", "--over", "1m"), "more than can be counted"),
        (("--sell", "3000B", "--over", "1m"), "too large"),
        (("--sell", "1", "--over", "1m"), "less than a lot"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(file, words, told):
    more = () if "--at" in words else ("--at", "2m")
    stderr = call(file, *words, *more, code=2).stderr
    assert told in stderr
    assert "    = " in stderr
