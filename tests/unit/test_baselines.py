"""Baselines: formulas by hand, lines that recover what made the days, and no forecast where something is lacking."""

import math
from datetime import date, timedelta

import numpy as np
import pytest

from cascade.calibration.baselines import BASELINES, Case, LackError, fit_garch
from cascade.calibration.history import History, column_of, read_history
from cascade.calibration.scores import Measured
from cascade.errors import ScenarioError
from tests.support.foretold import of_a_day

KNOWN = {
    ("price_usd", "BTC"): 100_000.0, ("news_pct", "BTC"): -2.0, ("liquidations_usd_per_pct", "BTC"): 30e6,
    ("depth_usd_per_pct", "BTC"): 60e6, ("sold_usd", "BTC"): 1e9, ("volume_usd", None): 25e9,
    ("realised_volatility_pct", "BTC"): 50.0,
}  # fmt: skip


def case(what="liquidated_usd", past=None, given=None, known=KNOWN, **changes):
    figure = of_a_day(0, what, **changes)
    return Case(figure, Measured.of(what, figure.unit), known, past, {} if given is None else given)


def made(name, *args, **changes):
    return BASELINES[name].make(case(*args, **changes))


def days(n=400, noise=0.3, seed=2):
    """Return days whose totals are 2e6 range^1.7 exp(-.4 return / range), with lognormal luck."""
    generator = np.random.default_rng(seed)
    ranges, returns = np.exp(generator.normal(1.0, 0.5, n)), generator.normal(size=n)
    total = 2e6 * ranges**1.7 * np.exp(-0.4 * returns / ranges + noise * generator.normal(size=n))
    first = np.datetime64("2024-01-01")
    columns = {"range_pct.BTC": ranges, "return_pct.BTC": returns, "liquidated_usd.BTC": total}
    return History(first + np.arange(n), columns)


def test_each_says_what_it_is():
    assert {
        "none",
        "linear_cascade",
        "square_root",
        "range_line",
        "range_and_return",
        "garch_t",
        "climatology",
    } == set(BASELINES)
    assert all(each.formula and each.source for each in BASELINES.values())


def test_nothing_is_liquidated_and_the_price_stays():
    assert made("none").draws == (0.0,)
    assert made("none", "low_usd").draws == (100_000.0,)


def test_a_linear_cascade_is_the_news_over_one_less_n():
    assert made("linear_cascade", "return_pct").median == pytest.approx(-4.0)
    assert made("linear_cascade", "low_usd").median == pytest.approx(96_000.0)
    assert made("linear_cascade", "high_usd").median == pytest.approx(100_000.0)
    assert made("linear_cascade", side="long").median == pytest.approx(120e6)
    assert made("linear_cascade", side="short").median == 0.0
    with pytest.raises(LackError, match="n is 2: at 1 and more"):
        made("linear_cascade", known=KNOWN | {("depth_usd_per_pct", "BTC"): 15e6})


def test_a_sale_moves_by_the_square_root():
    move = math.sqrt(1 / 25) * 50 / math.sqrt(365)
    assert made("square_root", "return_pct").median == pytest.approx(-move)
    assert made("square_root", "low_usd").median == pytest.approx(1000 * (100 - move))
    bought = KNOWN | {("sold_usd", "BTC"): -1e9}
    assert made("square_root", "return_pct", known=bought).median == pytest.approx(move)


def test_lines_recover_what_made_the_days():
    past = days()
    for own_range, own_return in ((2.0, 0.0), (6.0, -3.0), (6.0, 3.0)):
        given = {"range_pct": own_range, "return_pct": own_return}
        true = 2e6 * own_range**1.7 * math.exp(-0.4 * own_return / own_range)
        both = made("range_and_return", past=past, given=given)
        assert both.median == pytest.approx(true, rel=0.12)
        low, high = both.interval(0.9)
        assert math.log(high / low) == pytest.approx(2 * 1.645 * 0.3, rel=0.12)
    line = [made("range_line", past=past, given={"range_pct": each}).median for each in (2.0, 4.0)]
    assert math.log(line[1] / line[0]) / math.log(2.0) == pytest.approx(1.7, abs=0.1)


def test_climatology_is_the_latest_days():
    past = days()
    found = made("climatology", past=past)
    assert found.draws == tuple(sorted(past.columns["liquidated_usd.BTC"][-365:]))


def test_garch_recovers_the_parameters_of_its_own_returns():
    generator, n = np.random.default_rng(1), 3000
    returns, variance = np.empty(n), 4.0
    for k in range(n):
        error = math.sqrt(variance) * generator.standard_t(5) * math.sqrt(3 / 5)
        returns[k], variance = 0.1 + error, 0.12 + 0.08 * error**2 + 0.89 * variance
    found = fit_garch(returns)
    assert found.news == pytest.approx(0.08, abs=0.03)
    assert found.memory == pytest.approx(0.89, abs=0.04)
    assert found.freedom == pytest.approx(5.0, abs=1.2)
    assert found.ahead == pytest.approx(variance, rel=0.2)
    past = History(
        np.datetime64("2017-01-01") + np.arange(n), {"return_pct.BTC": 100 * np.expm1(returns / 100)}
    )
    low, high = made("garch_t", "return_pct", past=past).interval(0.9)
    assert high - low == pytest.approx(2 * 1.56 * math.sqrt(variance), rel=0.15)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("range_line", {}, "names no history"),
        (
            "range_line", {"past": days(19), "given": {"range_pct": 2.0}},
            "a line takes 20 days before the event, and the history has 19",
        ),
        ("range_line", {"past": days(), "given": {}}, "has no range_pct.BTC of the day itself"),
        ("range_line", {"past": days(), "given": {"range_pct": 0.0}}, "range of the day itself is zero"),
        ("range_line", {"past": days(), "given": "the window is no day"}, "the window is no day"),
        ("range_line", {"what": "return_pct", "past": days()}, "says nothing of return_pct"),
        ("climatology", {"past": days(), "side": "long"}, "no column liquidated_usd.BTC.long"),
        ("climatology", {"what": "low_usd", "past": days()}, "prices of other days"),
        ("garch_t", {"what": "return_pct", "past": days(249)}, "250 daily returns before the event, and there are 249"),
        ("garch_t", {"past": days()}, "says nothing of liquidated_usd"),
        ("square_root", {"what": "return_pct", "known": {}}, "sold_usd of BTC is not among what was known"),
        ("none", {"what": "low_usd", "known": {}}, "price_usd of BTC is not among"),
    ],
)  # fmt: skip
def test_what_lacks_something_says_so_and_is_no_zero(name, changes, reason):
    with pytest.raises(LackError, match=reason):
        made(name, **changes)


# --- the table of days


def test_of_a_later_day_the_path_is_known_and_no_figure():
    past = days(30)
    known = past.known(date(2024, 1, 11), date(2024, 1, 21))
    assert len(known.days) == 20
    assert np.isfinite(known.columns["return_pct.BTC"]).all()
    assert np.isfinite(known.columns["liquidated_usd.BTC"]).tolist() == [True] * 10 + [False] * 10
    assert past.value("range_pct.BTC", date(2024, 1, 30)) == past.columns["range_pct.BTC"][-1]
    assert past.value("range_pct.BTC", date(2024, 1, 31)) is None


def test_a_table_of_days_is_read_in_any_order(tmp_path):
    file = tmp_path / "history.csv"
    file.write_text("day,liquidated_usd.BTC.long,other\n2025-01-02,5,x\n2025-01-01,,y\n")
    figure = of_a_day(0, side="long")
    assert column_of(figure) == "liquidated_usd.BTC.long"
    found = read_history(file, [figure])
    assert found.days.tolist() == [date(2025, 1, 1), date(2025, 1, 1) + timedelta(days=1)]
    assert math.isnan(found.columns["liquidated_usd.BTC.long"][0])


def test_every_bad_cell_of_it_is_told(tmp_path):
    file = tmp_path / "history.csv"
    file.write_text(
        "day,liquidated_usd.BTC,range_pct.BTC\n2025-01-01,-5,1\n1 Jan,5,1\n2025-01-03,x,1\n2025-01-03,1,2\n"
    )
    with pytest.raises(ScenarioError) as caught:
        read_history(file, [of_a_day(0)])
    said = caught.value.render()
    assert "-5 cannot be a liquidated_usd" in said
    assert "'1 Jan' is not a day" in said
    assert "'x' is not a number" in said
    assert "2025-01-03 is there twice" in said
    assert ":2:12" in said
