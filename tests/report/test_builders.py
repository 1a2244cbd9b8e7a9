"""Builders against the tables of the run, computed another way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cascade
from cascade.report import page as pages
from cascade.report.builders import depth, differences, facts, liquidations, losses, outcomes, prices
from cascade.report.builders.headline import headline
from cascade.report.builders.liquidation_map import liquidation_map
from cascade.report.builders.losses import gini
from cascade.report.builders.study import BINS, Bars, quantile
from cascade.report.builders.table import Column, Table, join, plain, said, text_column
from cascade.report.page import study_of
from tests.report.conftest import MADE


@pytest.fixture(scope="module")
def study(stress):
    return study_of([stress])


@pytest.fixture(scope="module")
def frames(stress):
    return {
        name: stress.tables[name].to_pandas() for name in ("bars", "liquidations", "adl", "accounts", "runs")
    }


@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_a_quantile_over_replicates_leaves_out_those_without_a_value(gap):
    luck = np.random.default_rng(1)
    values = np.where(luck.random((7, 40)) < gap, np.nan, luck.lognormal(10.0, 1.0, (7, 40)))
    for share in (0.05, 0.5, 0.75):
        known = [np.quantile(each[~np.isnan(each)], share) for each in values.T]
        assert quantile(values, share).tolist() == known
    assert np.isnan(quantile(np.empty((0, 3)), 0.5)).all()


def of_market(frame, market="venue:BTCUSDT"):
    return frame[frame.market == market]


def test_prices_are_quantiles_over_replicates(study, frames):
    ((_, table),) = prices.price_paths(study)
    bars = of_market(frames["bars"]).groupby("t_s")
    assert table.numbers("time") == pytest.approx(sorted(frames["bars"].t_s.unique() / 60))
    for share, column in ((0.05, "v0_p05"), (0.5, "v0_mark"), (0.95, "v0_p95")):
        assert table.numbers(column) == pytest.approx(bars.mark_price.quantile(share).to_numpy())
    assert table.numbers("index") == pytest.approx(bars.index_price.median().to_numpy())


def test_basis_is_mark_over_index(study, frames):
    ((_, table),) = prices.basis_and_funding(study)
    bars = of_market(frames["bars"])
    basis = ((bars.mark_price / bars.index_price - 1) * 100).groupby(bars.t_s).median()
    assert table.numbers("v0_basis") == pytest.approx(basis.to_numpy())


def test_liquidations_over_time_add_up(study, frames):
    (item,) = liquidations.over_time(study)
    table, rows = item.table, frames["liquidations"]
    total = rows.liquidated_usd.sum() / study.n
    assert table.numbers("v0_long").sum() + table.numbers("v0_short").sum() == pytest.approx(total)
    by_run = rows.groupby("replicate").liquidated_usd.sum()
    assert table.numbers("v0_total")[-1] == pytest.approx(by_run.median())
    assert item.peak == int(np.argmax(table.numbers("v0_long") + table.numbers("v0_short")))
    share = item.facts.numbers("median")[2]
    assert 0 < share <= 100


def test_depth_is_the_median_of_the_first_bar_on(study, frames):
    ((_, table),) = depth.depth_over_time(study)
    bars = of_market(frames["bars"]).groupby("t_s")
    bids = bars.bid_depth_50bps_usd.median().to_numpy()
    assert table.numbers("bid_50") == pytest.approx(bids, nan_ok=True)
    assert table.numbers("bid_50_share") == pytest.approx(bids / bids[0] * 100, nan_ok=True)


def test_open_interest_starts_at_all_of_it(study):
    ((_, table),) = depth.open_interest(study)
    assert table.numbers("v0")[0] == 100


def test_leverage_before_and_after_holds_every_position(study, frames):
    (table,) = depth.leverage_before_and_after(study)
    accounts = frames["accounts"]
    traders = accounts[accounts.kind == "trader"]
    for name, step in (("start", 0), ("end", traders.step.max())):
        expected = traders[traders.step == step].position_usd.sum() / study.n
        assert table.numbers(f"notional_{name}").sum() == pytest.approx(expected)


def test_waterfall_is_that_of_the_tables(study, frames):
    (table,) = losses.waterfall(study)
    found = dict(zip(table.names("label"), table.numbers("median"), strict=True))
    rows = frames["liquidations"]
    fees = rows.groupby("replicate").fee_usd.sum()
    drawn = rows.fund_draw_usd.clip(lower=0).groupby(rows.replicate).sum()
    assert found["clearance fees"] == pytest.approx(fees.median())
    assert found["losses the fund took over"] == pytest.approx(drawn.median())
    assert found["bad debt"] == pytest.approx(frames["runs"].bad_debt_usd.median())
    assert found["loss of those auto-deleveraged"] == pytest.approx(frames["runs"].adl_forgone_usd.median())


def test_fairness_counts_every_account(study, frames):
    (item,) = losses.fairness(study)
    per_account = (
        frames["adl"].groupby(["replicate", "counterparty"])[["forgone_usd", "mark_value_usd"]].sum()
    )
    assert item.facts.numbers("accounts") == pytest.approx([len(per_account) / study.n])
    assert item.haircuts.numbers("v1").sum() == pytest.approx(len(per_account) / study.n)
    haircut = per_account.forgone_usd / per_account.mark_value_usd * 100
    assert item.facts.numbers("median") == pytest.approx([haircut.median()])
    curve = item.lorenz.numbers("v1")
    assert (curve[0], curve[-1]) == (0, pytest.approx(100))
    assert (np.diff(curve) >= -1e-9).all()
    assert (curve <= item.lorenz.numbers("share") + 1e-9).all()


def test_gini_of_known_cases():
    assert gini(np.full(10, 3.0)) == pytest.approx(0)
    assert gini(np.array([0.0] * 99 + [1.0])) == pytest.approx(0.99)
    assert gini(np.array([1.0, 3.0])) == pytest.approx(0.25)


def test_map_holds_the_population(study):
    (item,) = liquidation_map(study)
    bars = np.sum([item.table.numbers(column) for column, _ in item.buckets], axis=0)
    sides = np.array(item.table.names("side"))
    for side, column in (("long", "below"), ("short", "above")):
        assert bars[sides == side].sum() == pytest.approx(item.facts.value(2, column))
        curve = item.table.numbers("cumulative")[sides == side]
        ordered = curve[::-1] if side == "long" else curve
        assert ordered[0] == 0
        assert (np.diff(ordered) >= 0).all()
        assert ordered[-1] == pytest.approx(bars[sides == side].sum())


def test_headline_is_the_summary(study):
    table, figures = headline(study), study.first.summary.figures
    assert len(table) > 20
    for row, metric in enumerate(table.names("metric")):
        assert table.value(row, "v0") == figures[metric].estimate.value
        assert table.value(row, "v0_low") == figures[metric].estimate.low


def test_newspaper_has_published_figures_beside(study):
    table = liquidations.newspaper(study)
    row = table.row("total")
    assert (table.value(row, "published"), table.value(row, "source")) == (1.25e6, "a newspaper")
    assert table.value(table.row("largest single liquidation"), "where").endswith("venue:BTCUSDT")


def test_outcomes_hold_every_replicate(study, frames):
    for item in outcomes.outcomes(study):
        scale = 100 if item.unit == "%" else 1
        expected = np.sort(frames["runs"][item.metric].to_numpy()) / scale
        assert item.table.numbers("value") == pytest.approx(expected)
        assert item.table.numbers("share")[-1] == 100


def test_worst_replicates_are_the_worst(study, frames):
    found = outcomes.worst(study)
    runs = frames["runs"].sort_values(["bad_debt_usd", "venue_btcusdt_fall_bps"], ascending=False)
    assert found.table.names("replicate") == [str(k) for k in runs.replicate[:5]]
    for row, replicate in enumerate(found.table.names("replicate")):
        command = found.table.value(row, "command")
        assert command == f"cascade replay results/{study.first.result.path.name} --replicate {replicate}"


def test_definitions_cover_every_metric_of_the_run(study):
    table = facts.definitions(study)
    assert {"complete_usd", "{market}_fall_bps", "bad_debt_var95_usd"} <= set(table.names("metric"))
    assert all(table.names("definition"))
    assert all(table.names("formula"))


def test_assumptions_say_how_figures_are_known(study):
    table = facts.parameters(study)
    assert "venues.venue.fund" in table.names("path")
    assert sum(int(n) for n in facts.kinds(study).names("count")) >= len(table)


def test_many_bars_become_few_points_without_losing_the_extremes():
    n = 3 * BINS + 7
    t_s = np.arange(1, n + 1) * 60.0
    marks = np.full(n, 100.0)
    marks[501] = 1.0
    columns = {
        "t_s": np.tile(t_s, 2),
        "m": np.tile(marks, 2),
        "one": np.ones(2 * n),
        "replicate": np.repeat([0, 4], n),
    }
    bars = Bars(columns.__getitem__, 1.0)
    assert len(bars.t_s) <= BINS
    assert bars.t_s[-1] == t_s[-1]
    assert bars.lowest("m").min() == 1.0
    assert bars.highest("m").max() == 100.0
    assert bars.total("one").sum(axis=1).tolist() == [n, n]
    assert bars.last("m").shape == (2, len(bars.t_s))


def test_csv_has_units_and_full_numbers():
    columns = (Column("a", "A", ["x", None], "", "text"), Column("b", "B", [1 / 3, None], "USD"))
    assert Table("t", "T", columns).csv() == "a,b (USD)\nx,0.3333333333\n,\n"
    assert plain(12) == "12"
    assert pd.isna(float(plain(float("nan"))))


def test_sentences_are_joined_with_their_cells():
    table = Table("t", "T", (Column("a", "A", ["x"], "", "text"), Column("b", "B", [2.5e6], "USD")))
    one = said("it is {b}", b=table.refer("x", "b"))
    both = join([one, said("and {b} again", b=table.refer("x", "b"))])
    assert both.text == "it is 2.50M USD and 2.50M USD again"
    assert [piece.place for piece in both.pieces() if not isinstance(piece, str)] == ["t/0/b", "t/0/b"]


def test_csv_says_what_a_numbered_column_is():
    columns = (text_column("a", "A", ["x"]), Column("v0_low", "scale 2: total, low", [1.5], "USD"))
    assert Table("t", "T", columns).csv() == 'a,"v0_low scale 2: total, low (USD)"\nx,1.5\n'


def test_the_worst_hundredth_of_time_is_not_a_bar(write_run, liquidation_log):
    # 360 steps, three bars: the worst hundredth is four steps, which hold all but one of ten
    steps = [100] * 4 + [101] * 3 + [150, 200, 300]
    logs = {"liquidations": liquidation_log(*({"step": s, "account": k} for k, s in enumerate(steps)))}
    study = study_of([cascade.read(write_run(n=2, logs=logs))])
    (item,) = liquidations.over_time(study)
    facts = item.facts
    row = facts.names("label").index("share of the worst 1 % of time")
    assert facts.value(row, "median") == pytest.approx(90.0)
    assert facts.value(row, "n") == 2


def test_socialised_losses_have_no_share_of_what_was_given_up(write_run):
    from cascade.core.state import ADL

    adl = np.zeros(3, ADL)
    adl["market"], adl["counterparty"], adl["forgone"] = 1, [4, 5, 6], [1_000_000, 2_000_000, 3_000_000]
    study = study_of([cascade.read(write_run(n=2, logs={"adl": adl}))])
    (item,) = losses.fairness(study)
    assert item.facts.value(0, "median") is None
    assert item.facts.value(0, "p95") is None
    assert item.facts.value(0, "loss") == pytest.approx(2.0)
    assert item.facts.value(0, "remark") == "no position was closed"
    assert item.haircuts.numbers("v0" if "v0" in item.haircuts else "v1").sum() == 0


def test_names_of_runs_tell_paths_with_one_ending_apart():
    values = {"makers.spot.depth.scale": "2.5", "makers.offshore.depth.scale": "1"}
    assert differences._label("x", values, values) == "spot.depth.scale 2.5, offshore.depth.scale 1"
    assert (
        differences._label("x", {"makers.spot.depth.scale": "2.5"}, ["makers.spot.depth.scale"])
        == "scale 2.5"
    )


@pytest.mark.slow
def test_a_page_that_would_be_too_large_is_drawn_coarser(monkeypatch, write_run):
    study = study_of([cascade.read(write_run(n=2))])
    whole, rendered, asked = pages.page(study), pages._rendered, []

    def noted(each, options):
        asked.append(each.first.bins)
        return rendered(each, options)

    monkeypatch.setattr(pages, "_rendered", noted)
    monkeypatch.setattr(pages, "MOST_BYTES", len(whole.encode()) - 1)
    pages.page(study)
    assert asked[:2] == [360, 180]
    assert asked[-1] == 45


def test_a_page_reads_each_table_once(write_run, monkeypatch):
    """Of as many columns and markets as there are; what is too large to be kept is read by column."""
    from cascade.output import reader
    from cascade.report.builders import study as studies

    folder, read, seen = write_run(n=2), reader.read_files, []

    def noted(paths, columns=None, **options):
        seen.append((paths[0].parent.name, columns))
        return read(paths, columns, **options)

    monkeypatch.setattr(reader, "read_files", noted)
    kept = pages.page(pages.study_of([folder]), pages.Options(made=MADE))
    assert len(seen) == len({name for name, _ in seen})
    seen.clear()
    monkeypatch.setattr(studies, "MOST_KEPT", 0)
    assert pages.page(pages.study_of([folder]), pages.Options(made=MADE)) == kept
    assert all(len(columns) == 1 for name, columns in seen if name == "bars")
