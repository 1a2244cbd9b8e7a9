"""The scorecard of days of a known law: what is true passes, and what is wrong is told, by each of its figures."""

import json
from datetime import timedelta

import pytest

from cascade.calibration.demands import parse_demand, refuse_breaches
from cascade.calibration.predictions import Prediction, case_of, day_of
from cascade.calibration.scorecard import AMOUNTS, Scorecard
from cascade.calibration.scores import Forecast
from cascade.cli.terminal import _record
from cascade.errors import ThresholdError, UsageError
from cascade.report.builders.scorecard import figures, histogram
from cascade.report.builders.study import Missing, Study
from cascade.report.page import Options, score_page
from cascade.report.score import answer, score_dict, score_rich
from tests.support.foretold import START, USD, event_of, foretold_days, of_a_day, scorecard

DAYS = 60


@pytest.fixture(scope="module")
def true(tmp_path_factory) -> Scorecard:
    return foretold_days(tmp_path_factory.mktemp("true"), DAYS)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory) -> Scorecard:
    """Return days that are foretold half too high, and far too surely."""
    return foretold_days(tmp_path_factory.mktemp("wrong"), DAYS, spread=0.05, bias=0.4)


def of(card, baseline):
    (found,) = (each for each in card.differences if (each.series, each.baseline) == (AMOUNTS, baseline))
    return found


def test_a_true_forecast_is_called_so(true):
    covered = true.coverage(0.9)
    assert covered.low <= 0.9 <= covered.high
    assert covered.n == DAYS
    (series,) = true.series
    assert series.log_correlation.value > 0.85
    assert series.elasticity.value == pytest.approx(1.8, abs=0.1)
    assert series.observed_elasticity.low <= 1.8 <= series.observed_elasticity.high
    assert series.median_ratio.low <= 1.0 <= series.median_ratio.high
    assert series.log_rmse.value == pytest.approx(0.41, abs=0.08)
    assert true.histogram.sum() == pytest.approx(DAYS)
    assert of(true, "none").difference.high < 0.0


def test_a_wrong_one_is_not(wrong):
    assert wrong.coverage(0.9).high < 0.5
    (series,) = wrong.series
    assert series.median_ratio.low > 1.1
    assert series.log_correlation.value > 0.85, "a bias leaves the correlation as it is"
    low, *_, high = wrong.histogram
    assert low > 2 * DAYS / 10 > high
    found = of(wrong, "range_line")
    assert found.difference.low > 0.0
    assert found.model - found.other == pytest.approx(found.difference.value)


def test_the_answer_comes_first(true, wrong):
    n = round(true.coverage(0.9).value * DAYS)
    assert answer(true).startswith(f"{n} of {DAYS} figures lie in their 90 % intervals (")
    assert "worse than range_line" in answer(wrong)
    assert score_rich(true)[0] == answer(true)


def test_json_has_every_score(true):
    said = json.loads(json.dumps(score_dict(true), default=_record))
    assert len(said["figures"]) == DAYS
    first = said["figures"][0]
    assert set(first["scores"]) == {"model", "none", "range_line"}
    assert set(first["scores"]["model"]["pinball"]) == {"5", "50", "95"}
    assert said["coverage"]["90"]["value"] == true.measures["coverage_90"]
    (event,) = said["events"]
    assert event["registered"] <= event["opened"]
    garch = next(each for each in said["baselines"] if each["name"] == "garch_t")
    assert (garch["figures"], garch["lacking"]) == (0, {"it says nothing of liquidated_usd": DAYS})


def test_the_page_says_the_answer_both_times_and_both_checksums(true):
    text = score_page(true, Options())
    (card,) = true.cards
    assert text.index("figures lie in their 90 % intervals") < text.index("<main")
    assert "Days &lt;of June&gt;" in text
    for word in (
        card.registration.sha256, card.opened.sha256, f"{card.registration.registered:%Y-%m-%d %H:%M:%S}",
        f"{card.opened.opened:%Y-%m-%d %H:%M:%S}", "p-pit", "p-days_0", "p-against_baselines",
    ):  # fmt: skip
        assert word in text
    (table,) = figures(Study((), scorecard=true))
    assert table.numbers("observed").tolist() == [row.observed for row in true.rows]


def test_few_figures_have_no_histogram_and_no_intervals_of_scores(tmp_path):
    card = foretold_days(tmp_path, 4, replicates=4)
    assert isinstance(histogram(Study((), scorecard=card)), Missing)
    assert of(card, "none").difference.low is None
    assert any("Student's" in str(part) for part in score_rich(card))
    assert answer(card).endswith(
        "Whether it does better than simple formulas takes six events or days to say."
    )


@pytest.mark.parametrize(
    "text", ["coverage_90<0.75", "worse:range_line", "worse", "liquidated_usd.BTC.median_ratio > 1.25"]
)
def test_what_is_not_accepted(true, wrong, text):
    refuse_breaches(true, [parse_demand(text)])
    with pytest.raises(ThresholdError, match=r"coverage_90 is|worse than range_line|median_ratio is"):
        refuse_breaches(wrong, [parse_demand(text)])


def test_mistakes_in_it_are_told_with_what_to_write(true):
    with pytest.raises(UsageError, match="did you mean 'climatology'"):
        parse_demand("worse:climatologie")
    with pytest.raises(UsageError) as caught:
        parse_demand("coverage")
    assert "worse:climatology" in caught.value.remedy
    with pytest.raises(UsageError, match="did you mean 'coverage_90'"):
        refuse_breaches(true, [parse_demand("coverage_9<0.75")])


def test_a_demand_that_nothing_can_breach_is_refused(tmp_path):
    few = foretold_days(tmp_path, 4, replicates=4)
    with pytest.raises(UsageError, match="too few for an interval against none"):
        refuse_breaches(few, [parse_demand("worse:none")])
    with pytest.raises(UsageError, match="square_root was not made for what was liquidated"):
        refuse_breaches(few, [parse_demand("worse:square_root")])


def test_what_cannot_be_scored_is_named(tmp_path):
    asked = {"a": of_a_day(0), "b": of_a_day(0), "c": of_a_day(0, "return_pct"), "d": of_a_day(0, "low_usd")}
    event = event_of(tmp_path / "event", asked, {"b": 1e6, "c": -1.0, "d": 0.0})
    made = {
        name: Prediction(figure, None if name == "b" else Forecast.of([1.0, 2.0], USD), 0, {}, {}, {})
        for name, figure in asked.items()
    }
    card = scorecard(tmp_path, [(event, made)])
    assert [row.name for row in card.rows] == ["c"]
    assert card.cards[0].unscored == {
        "a": "it was not observed", "b": "no replicate has a value of it", "d": "the observed value has no logarithm",
    }  # fmt: skip
    text = "\n".join(str(part) for part in score_rich(card))
    assert "a is not scored: it was not observed." in text


def test_a_figure_is_of_the_day_that_its_window_holds():
    hours = timedelta(hours=1)
    assert day_of(of_a_day(3)) == (START + 72 * hours).date()
    longer = of_a_day(0).model_copy(update={"to": START + 26 * hours})
    assert day_of(longer) == START.date()
    for window in (
        (START, START + 48 * hours),
        (START, START + 2 * hours),
        (START + 12 * hours, START + 36 * hours),
    ):
        assert day_of(of_a_day(0).model_copy(update=dict(zip(("from_", "to"), window, strict=True)))) is None


def test_without_a_history_a_baseline_knows_why(tmp_path):
    event = event_of(tmp_path, {"total": of_a_day(0)}, {})
    assert case_of(event, event.asked["total"], None).given == "the event names no history: add `history:`"


def test_of_no_event_nothing_is_said():
    assert answer(Scorecard(())) == "No figure was both foretold and observed."
