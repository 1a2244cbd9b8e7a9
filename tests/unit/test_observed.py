"""What facts are measured on: the same from a run in memory as from its folder; and sales under one luck."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cascade
from cascade.analysis.facts import LackingError, Verdict
from cascade.analysis.facts.real import real_sample
from cascade.analysis.facts.tables import RunTables, sample_of, subject_of
from cascade.errors import InterruptedRunError, UsageError
from cascade.experiment.facts import prepare_facts
from cascade.experiment.sales import Sale, responses
from tests.support.scenarios import small_scenario

MARKET = "venue:BTCUSDT"


@pytest.fixture(scope="module")
def scenario():
    return small_scenario(duration="10m", outputs={"bars": "1s", "trades": True})


@pytest.fixture(scope="module")
def result(scenario, tmp_path_factory):
    return cascade.run(scenario, replicates=2, out=tmp_path_factory.mktemp("run"), jobs=1)


def readings(found):
    return [
        (
            row.fact.name,
            r.part.label,
            r.verdict,
            r.estimate and (r.estimate.value, r.estimate.low, r.estimate.high),
        )
        for row in found.rows
        for r in row.readings
    ]


def test_a_scenario_and_its_run_give_the_same_facts(scenario, result):
    of_scenario = cascade.facts(scenario, replicates=2, sales=0, jobs=1)
    of_run = cascade.facts(result)
    assert readings(of_scenario) == readings(of_run)
    assert of_scenario.curves.keys() == of_run.curves.keys()
    for name, curve in of_scenario.curves.items():
        assert curve.mean == pytest.approx(of_run.curves[name].mean, nan_ok=True)
    judged = [row for row in of_run.rows if row.verdict is not Verdict.NOT_JUDGED]
    assert {"kurtosis_1s", "spread", "sign_memory", "depth_asked", "imbalance"} <= {
        row.fact.name for row in judged
    }


def test_threads_do_not_matter(scenario):
    one, two = (cascade.facts(scenario, replicates=2, sales=0, jobs=jobs) for jobs in (1, 2))
    assert readings(one) == readings(two)


@pytest.mark.slow
def test_a_sample_is_what_the_tables_hold(result):
    subject = subject_of(result.units)
    assert (subject.market.name, subject.reference.name, subject.pair) == (MARKET, "spot:BTCUSD", None)
    sample = sample_of(RunTables(result), 1, result.units, subject, None, {})
    bars = result.replicate("bars", 1).to_pandas()
    mine = bars[bars.market == MARKET]
    (series,) = sample.bars
    assert series.seconds == 1.0
    assert series["price"] == pytest.approx(
        ((mine.best_bid_price + mine.best_ask_price) / 2).to_numpy(), nan_ok=True
    )
    assert series["flow"] == pytest.approx(mine.flow_usd.to_numpy())
    spot = bars[bars.market == "spot:BTCUSD"]
    assert series["reference"] == pytest.approx(((spot.best_bid_price + spot.best_ask_price) / 2).to_numpy())
    assert series["spread"].min() >= 1
    trades = result.replicate("trades", 1).to_pandas()
    trades = trades[trades.market == MARKET]
    keys = trades[["step", "taker", "side"]].astype(str).agg("/".join, axis=1)
    number = (keys != keys.shift()).cumsum()
    orders = trades.groupby(number.to_numpy()).agg(usd=("size_usd", "sum"), side=("side", "first"))
    assert sample.orders.usd == pytest.approx(orders.usd.to_numpy())
    assert sample.orders.sign.tolist() == np.where(orders.side == "buy", 1.0, -1.0).tolist()


def test_longer_bars_are_those_of_a_second_joined(scenario, result, tmp_path):
    coarse = cascade.run(scenario.replace(**{"outputs.bars": "60s"}), replicates=1, out=tmp_path, jobs=1)
    samples = [
        sample_of(RunTables(each), 0, each.units, subject_of(each.units), None, {})
        for each in (coarse, result)
    ]
    minutes = [sample.every(60.0) for sample in samples]
    for name in ("price", "high", "low", "volume", "flow", "bid_10", "news"):
        assert minutes[0][name] == pytest.approx(minutes[1][name]), name
    with pytest.raises(LackingError, match="bars are 60 s long"):
        samples[0].every(1.0)


def test_a_run_that_lacks_something_says_what_to_record(tmp_path):
    plain = cascade.run(small_scenario(outputs={"bars": "60s"}), out=tmp_path, jobs=1)
    rows = {row.fact.name: row.readings[0].reason for row in cascade.facts(plain).rows}
    assert "outputs: {bars: 1s}" in rows["kurtosis_1s"]
    assert "outputs: {trades: true}" in rows["sign_memory"]
    assert "--sales" in rows["impact_exponent"]
    assert rows["correlation"] == "the scenario has one asset"
    assert rows["added_fall"].startswith("the scenario is of no real day")


def test_a_market_that_is_not_there(scenario, result):
    with pytest.raises(UsageError, match="no leveraged market 'venue:BTCUSD'"):
        prepare_facts(scenario, market="venue:BTCUSD")
    with pytest.raises(UsageError, match="overrides and a seed are for a scenario"):
        prepare_facts(result, seed=3)


def test_what_liquidations_added_of_a_real_day(tmp_path):
    shock = {"type": "news", "at": "30s", "asset": "BTC", "move": "-4 %"}
    published = [{"what": "public_usd", "value": 1.0, "source": "a newspaper"}]
    real_day = small_scenario(shocks=[shock], published=published)
    run = cascade.run(real_day, replicates=2, counterfactual=True, out=tmp_path, jobs=1)
    of_run, of_scenario = cascade.facts(run), cascade.facts(real_day, replicates=2, sales=0, jobs=1)
    values = [found.rows[42].readings[0].estimate.value for found in (of_run, of_scenario)]
    assert values[0] == pytest.approx(values[1])
    fall, added = (run.runs.column(f"venue_btcusdt_{name}_bps").to_numpy() for name in ("fall", "added_fall"))
    assert values[0] == pytest.approx(np.mean(added / fall))


# --- sales -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(scenario):
    sales = (
        Sale(1.0, 60.0, 60.0),
        Sale(20e6, 60.0, 60.0),
        Sale(20e6, 60.0, 60.0, side="buy"),
        Sale(30e6, 0.0, 30.0),
    )
    return list(responses(scenario, MARKET, sales).values())


def test_a_sale_of_less_than_a_lot_changes_nothing(answers):
    assert (answers[0].moved_bps == 0.0).all()
    assert (answers[0].depth_share == 1.0).all()
    assert len(answers[0].moved_bps) == 120


def test_sales_and_purchases_move_the_price_their_way_and_are_forgotten_in_part(answers):
    for each in answers[1:3]:
        assert each.peak > 0.5
        assert each.at(1.0) < each.peak
        assert each.at(120.0) < each.peak


def test_a_sweep_empties_the_book_and_makers_fill_it(answers):
    sweep = answers[3]
    assert sweep.depth_share[0] < 0.2
    assert np.median(sweep.depth_share[10:]) > 0.5


def test_facts_of_impact_rest_on_sales(scenario):
    prepared = prepare_facts(scenario, replicates=1, sales=1)
    assert prepared.n_steps > 600 + 3 * 3600  # the run, and three hours of the longest sale


def test_facts_can_be_stopped(scenario):
    calls = 0

    def progress(done):
        nonlocal calls
        calls += 1
        raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="nothing is kept"):
        cascade.facts(scenario, replicates=2, sales=0, jobs=1, progress=progress)
    assert calls


# --- real data ------------------------------------------------------------------------------------------


def test_files_of_bars_become_the_market_and_its_pair(tmp_path):
    rng, n = np.random.default_rng(1), 50
    times = pd.date_range("2025-07-01T10:00Z", periods=n, freq="1min")
    price = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    frame = pd.DataFrame({
        "time_utc": times.strftime("%Y-%m-%dT%H:%M:%SZ"), "open": price, "high": price * 1.01, "low": price * 0.99,
        "close": price, "volume": 2.0, "quote_volume": 200.0, "taker_buy_quote_volume": 150.0,
    })  # fmt: skip
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame[5:40].to_csv(tmp_path / "b.csv", index=False)
    sample = real_sample([tmp_path / "a.csv", tmp_path / "b.csv"])
    own, pair = sample.bars[0], sample.pair[0]
    assert own.start_s == 10 * 3600
    assert own["flow"].tolist() == [100.0] * n
    assert len(pair) == n
    assert np.isnan(pair["price"][:5]).all()
    assert pair["price"][5:40] == pytest.approx(price[5:40])
    assert np.isnan(pair["price"][40:]).all()


def test_trades_become_seconds_and_orders(tmp_path):
    rows = [
        # id, price, quantity, quote, ms, is_buyer_maker
        (1, 100.0, 1, 100, 1_751_328_000_100, "false"),
        (2, 101.0, 1, 101, 1_751_328_000_100, "false"),
        (3, 99.0, 2, 198, 1_751_328_000_100, "true"),
        (4, 98.0, 1, 98, 1_751_328_002_900, "true"),
    ]
    (tmp_path / "t.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    sample = real_sample([], tmp_path / "t.csv")
    (bars,) = sample.bars
    assert bars["price"].tolist() == [99, 99, 98]
    assert bars["high"].tolist() == [101, 99, 98]
    assert bars["volume"].tolist() == [399, 0, 98]
    assert bars["flow"].tolist() == [3, 0, -98]
    assert sample.orders.usd.tolist() == [201, 198, 98]
    assert sample.orders.sign.tolist() == [1, -1, -1]


def test_files_that_do_not_go_together(tmp_path):
    for name, step in (("a", "1min"), ("b", "5min")):
        times = pd.date_range("2025-07-01", periods=4, freq=step, tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
        frame = pd.DataFrame({"time_utc": times, "open": 1, "high": 1, "low": 1, "close": 1})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(UsageError, match="cannot be held side by side"):
        real_sample([tmp_path / "a.csv", tmp_path / "b.csv"])
    with pytest.raises(UsageError, match="3 files of bars"):
        real_sample([tmp_path / "a.csv"] * 3)
    assert real_sample([]) is None
