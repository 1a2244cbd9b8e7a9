"""Predictions are registered before the observed values are opened, once, and found out where they are altered."""

import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cascade.calibration import map_registration, sealed
from cascade.calibration.map_registration import MapRequest, open_realised, register_map
from cascade.calibration.map_score import MapForecast
from cascade.calibration.predictions import Prediction
from cascade.calibration.registration import open_observed, place_of, read_registration, register, registered
from cascade.calibration.scores import Forecast
from cascade.errors import ResultsError, ScenarioError
from tests.support.foretold import REQUEST, USD, event_of, of_a_day


@pytest.fixture
def event(tmp_path):
    return event_of(tmp_path / "event", {"total": of_a_day(0)}, {"total": 4e6})


@pytest.fixture
def predictions(event):
    forecast = Forecast.of([1.5e6, 1e6 / 3.0, 2e6], USD)
    line = Forecast.of([1e6, 2e6], USD, is_sample=False)
    return {
        "total": Prediction(
            event.asked["total"], forecast, 1, {"range_line": line}, {"none": "why"}, {"range_pct": 2.5}
        )
    }


def test_what_is_registered_is_read_back_to_the_last_bit(tmp_path, event, predictions):
    made = register(tmp_path / "out", event, REQUEST, predictions)
    assert registered(tmp_path / "out", event, REQUEST) == made
    assert made.predictions == predictions
    assert re.fullmatch("[0-9a-f]{64}", made.sha256)
    said = json.loads(made.path.read_text())
    assert said["predictions"]["total"]["model"]["quantiles"]["50"] == made.predictions["total"].model.median
    assert said["registered"] == made.registered.isoformat(timespec="microseconds")


def test_it_is_never_written_again(tmp_path, event, predictions):
    made = register(tmp_path, event, REQUEST, predictions)
    text = made.path.read_text()
    with pytest.raises(ResultsError, match="another process has just registered the same"):
        register(tmp_path, event, REQUEST, predictions)
    assert made.path.read_text() == text
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"registered": "20', '"registered": "19'), ("1500000.0", "1500000.5"),
        ('"seed": 1', '"seed": 2'), ('"none": "why"', '"none": "who"'),
    ],
)  # fmt: skip
def test_an_altered_one_is_found_out(tmp_path, event, predictions, old, new):
    made = register(tmp_path, event, REQUEST, predictions)
    text = made.path.read_text()
    assert old in text
    made.path.write_text(text.replace(old, new, 1))
    with pytest.raises(ResultsError, match="altered after it was written") as caught:
        registered(tmp_path, event, REQUEST)
    assert (caught.value.code, str(made.path)) == ("CAS320", caught.value.where)


@pytest.mark.parametrize("text", ["", "[1]", '{"cascade_registration": 2}'])
def test_what_is_none_is_refused(tmp_path, event, text):
    path = place_of(tmp_path, event, REQUEST)
    path.write_text(text)
    with pytest.raises(ResultsError) as caught:
        read_registration(path)
    assert caught.value.code == "CAS321"


def test_another_request_has_a_registration_of_its_own(tmp_path, event, predictions):
    first = register(tmp_path, event, REQUEST, predictions)
    for change in ({"scenario_sha256": "t" * 64}, {"event_sha256": "t" * 64}, {"seed": 2}, {"replicates": 4}):
        other = REQUEST._replace(**change)
        assert registered(tmp_path, event, other) is None
        assert register(tmp_path, event, other, predictions).path != first.path


def test_a_registration_needs_no_observed_values(tmp_path, event, predictions):
    event.observed.unlink()
    made = register(tmp_path, event, REQUEST, predictions)
    with pytest.raises(ScenarioError):
        open_observed(event, made)
    assert read_registration(made.path) == made
    assert not list(tmp_path.glob("*.opened.json"))


def test_when_values_were_first_opened_is_kept(tmp_path, event, predictions):
    made = register(tmp_path, event, REQUEST, predictions)
    first = open_observed(event, made)
    assert first.opened >= made.registered - timedelta(milliseconds=1)
    assert (first.values, first.is_changed, first.seen, first.others) == ({"total": 4e6}, False, None, 0)
    event.observed.write_text(event.observed.read_text().replace("4000000", "5000000"))
    again = open_observed(event, made)
    assert again.opened == first.opened
    assert (again.values, again.is_changed) == ({"total": 5e6}, True)


def test_a_registration_after_values_were_seen_is_called_so(tmp_path, event, predictions):
    first = register(tmp_path, event, REQUEST, predictions)
    seen = open_observed(event, first)
    late = register(tmp_path, event, REQUEST._replace(seed=2), predictions)
    found = open_observed(event, late)
    assert (found.seen, found.others) == (seen.opened, 1)
    assert open_observed(event, first).seen is None


def test_values_that_changed_between_registration_and_opening_are_told(tmp_path, event, predictions):
    made = register(tmp_path, event, REQUEST, predictions)
    event.observed.write_text(event.observed.read_text().replace("4000000", "5000000"))
    assert open_observed(event, made).is_changed


def test_a_map_is_registered_unread_and_once(tmp_path, event):
    table = tmp_path / "real.csv"
    table.write_text("price,side,notional_usd\nno,value,here\n")
    expected = MapForecast("venue:BTCUSDT", 1e5, np.array([3e6, 1e6, 0.0]), np.array([0.0, 1e6 / 3.0, 2e6]))
    request = MapRequest("e" * 64, "s" * 64, expected.market)
    made = register_map(tmp_path, event, request, expected, table)
    assert made.predictions.below_usd.tolist() == expected.below_usd.tolist()
    assert made.predictions.above_usd.tolist() == expected.above_usd.tolist()
    assert json.loads(made.path.read_text())["below"]["share"] == [0.75, 0.25, 0.0]
    assert register_map(tmp_path, event, request, expected, table).registered == made.registered
    assert not list(tmp_path.glob("*.opened.json"))
    with pytest.raises(ScenarioError):
        open_realised(table, made)
    table.write_text("price,side,notional_usd\n99000,long,5\n")
    found = open_realised(table, made)
    assert (found.values.usd.tolist(), found.is_changed, found.seen) == ([5.0], True, None)
    assert found.opened >= made.registered
    made.path.write_text(made.path.read_text().replace("3000000.0", "3000001.0"))
    with pytest.raises(ResultsError, match="altered"):
        register_map(tmp_path, event, request, expected, table)


def test_a_second_map_after_the_table_was_opened_is_no_forecast(tmp_path, event):
    table = tmp_path / "real.csv"
    table.write_text("price,side,notional_usd\n99000,long,5\n")
    expected = MapForecast("venue:BTCUSDT", 1e5, np.ones(3), np.ones(3))
    requests = [MapRequest("e" * 64, each * 64, expected.market) for each in "st"]
    first = open_realised(table, register_map(tmp_path, event, requests[0], expected, table))
    late = open_realised(table, register_map(tmp_path, event, requests[1], expected, table))
    assert (late.seen, late.others) == (first.opened, 1)


def test_what_was_opened_in_the_moment_of_a_registration_was_seen(tmp_path, event, monkeypatch):
    """A clock that stands still, or is coarse, is no excuse."""
    stopped = datetime(2026, 1, 1, tzinfo=UTC)
    clock = type("Clock", (datetime,), {"now": classmethod(lambda cls, zone: stopped)})
    for room in (sealed, map_registration):
        monkeypatch.setattr(room, "datetime", clock)
    table = tmp_path / "real.csv"
    table.write_text("price,side,notional_usd\n99000,long,5\n")
    expected = MapForecast("venue:BTCUSDT", 1e5, np.ones(3), np.ones(3))
    for each, seen in (("s", None), ("t", stopped)):
        made = register_map(
            tmp_path, event, MapRequest("e" * 64, each * 64, expected.market), expected, table
        )
        assert open_realised(table, made).seen == seen
