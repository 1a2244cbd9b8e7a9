"""Events out of archives: what is read, what is written and where it is from, and what is asked for where it lacks."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cascade.calibration import market
from cascade.calibration.event_file import load_event, load_observed
from cascade.calibration.feed_dates import accounts_of
from cascade.calibration.history import read_history
from cascade.calibration.market import Frame
from cascade.calibration.new_event import Wanted, new_event, wanted_of
from cascade.errors import ScenarioError, UsageError
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.draws import read_draws, with_draw
from cascade.scenario.load import inspect, load
from cascade.scenario.tables import read_bars
from tests.support.archived_day import (
    DAY,
    DEPTH_USD,
    KLINES,
    OPEN_INTEREST_USD,
    kline,
    ms,
    write_checksum,
    write_daily,
    write_day,
    write_klines,
    write_text,
    write_window,
)

SHARED = os.environ.get("CASCADE_ARCHIVES")
"""A folder with real archives, where there is one."""


def wanted(**changes):
    usual = {
        "name": "slide", "start": DAY, "end": DAY + timedelta(days=1), "venues": ("binance",),
        "ask": ("liquidations", "open_interest"),
    }  # fmt: skip
    return Wanted(**usual | changes)


def scenario_of(folder):
    scenario, problems = inspect(folder / "scenario.yaml")
    assert problems == ()
    return scenario


def lacking(archives, tmp_path, **changes):
    with pytest.raises(ScenarioError) as caught:
        new_event(wanted(**changes), archives, tmp_path / "slide")
    assert not (tmp_path / "slide").exists()
    return caught.value.problems


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return archives of one venue, and the event that they become."""
    archives = write_day(tmp_path_factory.mktemp("archives"))
    out = tmp_path_factory.mktemp("event") / "slide"
    written = new_event(wanted(), archives, out)
    return archives, written


@pytest.fixture(scope="module")
def daily(tmp_path_factory):
    """Return daily tables with bars of the day alone, and the event that they become."""
    archives = write_daily(tmp_path_factory.mktemp("archives"))
    write_window(archives)
    out = tmp_path_factory.mktemp("event") / "slide"
    written = new_event(wanted(venues=("binance", "okx", "bybit")), archives, out)
    return archives, written


def test_the_market_is_that_of_the_archives(published):
    scenario = scenario_of(published[1].folder)
    layers = {each.name: each for each in scenario.population}
    # the coin without archives is gone, with all that traded it
    assert list(scenario.assets) == ["BTC"]
    assert {each.name for each in scenario.population} == {"btc-low", "btc-high", "btc-large"}
    assert scenario.assets["BTC"].impact.cross == {}
    total = layers["btc-low"].open_interest + layers["btc-high"].open_interest
    assert total == pytest.approx(OPEN_INTEREST_USD, rel=1e-4)
    assert layers["btc-low"].open_interest / total == pytest.approx(20.1 / 24.5, rel=1e-4)
    maker = next(each for each in scenario.makers if each.name == "btc-perpetual")
    assert maker.depth.scale == pytest.approx(DEPTH_USD / 240e6, rel=1e-3)
    assert maker.withdrawal.calm_volatility < 0.2
    (venue,) = scenario.venues["offshore"].reporting
    assert (venue.name, venue.share, venue.feed) == ("binance", 1.0, "latest_per_second")


def test_funding_is_paid_at_the_end_of_its_interval(published):
    schedule = scenario_of(published[1].folder).markets["offshore:BTCUSDT"].funding.schedule
    # published at 8, 16 and 24 h: each is of the eight hours before
    assert [(time, pytest.approx(rate)) for time, rate in schedule] == [
        (0, 0.000011), (8 * 3600, 0.000012), (16 * 3600, 0.000013)
    ]  # fmt: skip


def test_the_path_is_that_of_the_bars_and_daily_ones_before(published):
    folder = published[1].folder
    bars = read_bars(folder / "btc-bars.csv")
    assert bars.time_s[0] <= DAY.timestamp() - 13 * 86_400
    assert set(bars.length_s) == {300.0, 86_400.0}
    assert bars.time_s[-1] == DAY.timestamp() + 86_400 - 300
    levels = scenario_of(folder).activity.levels
    assert len(levels) == 24


def test_what_was_observed_is_asked_for(published):
    event = load_event(published[1].folder)
    found = load_observed(event)
    assert set(found) == set(event.asked)
    assert published[1].n_asked == len(found)
    assert found["btc_long"].value == 72 * 1e6
    assert found["btc_short"].value == 24 * 1e5
    assert found["btc_largest"].value == 1e6
    assert not any(figure.what in {"low_usd", "return_pct"} for figure in event.asked.values()), (
        "paths are given"
    )
    assert found["btc_open_interest_change"].value == pytest.approx(-10, abs=0.01)
    assert event.asked["btc_long"].venues == ("binance",)
    assert {each.what for each in event.known} == {
        "open_interest_usd",
        "depth_within_1pct_usd",
        "funding_rate_8h",
    }


def test_every_figure_of_archives_names_its_file_and_checksum(published):
    archives, written = published
    scenario = scenario_of(written.folder)
    measured = {pattern: each for pattern, each in scenario.sources.items() if "sha256" in each.source}
    assert {
        "assets.BTC.news.file", "assets.BTC.history.file", "population.btc-low.open_interest", "activity.levels*",
        "markets.offshore:BTCUSDT.funding.*", "makers.btc-perpetual.depth.scale",
    } <= set(measured)  # fmt: skip
    event = load_event(written.folder)
    named = {each.file for each in [*event.known, *load_observed(event).values()]}
    assert all((archives / name).is_file() for name in named)


@pytest.mark.slow
def test_daily_tables_do_where_bars_are_of_the_day_alone(daily):
    folder = daily[1].folder
    scenario = scenario_of(folder)
    layers = {each.name: each.open_interest for each in scenario.population}
    # known at midnight is the close of the day before: coins at the price of then, and what is coin-margined
    opening = read_bars(folder / "btc-bars.csv").close[-289]
    assert layers["btc-low"] + layers["btc-high"] == pytest.approx(161_000 * opening + 5e9, rel=1e-3)
    feeds = {each.name: each.feed for each in scenario.venues["offshore"].reporting}
    assert feeds == {"binance": "latest_per_second", "okx": "latest_per_second", "bybit": "complete"}
    found = load_observed(load_event(folder))
    assert found["btc_long"].value == 42e6 + 40
    bars = read_bars(folder / "btc-bars.csv")
    assert set(bars.length_s) == {300.0, 86_400.0}
    assert scenario.markets["offshore:BTCUSDT"].funding.schedule == ((0.0, pytest.approx(4.4e-5)),)


def test_days_before_and_the_path_of_the_day_are_a_table(daily):
    event = load_event(daily[1].folder)
    assert event.history is not None
    past = read_history(event.history, event.asked.values())
    (day,) = np.flatnonzero(past.days == np.datetime64(DAY.date()))
    assert day == len(past.days) - 1 > 5
    bars = read_bars(daily[1].folder / "btc-bars.csv")
    own = bars.time_s >= DAY.timestamp()
    assert past.columns["range_pct.BTC"][day] == pytest.approx(
        100 * (bars.high[own].max() / bars.low[own].min() - 1)
    )
    longs = past.columns["liquidated_usd.BTC.long"]
    assert np.isnan(longs[day]), "what was liquidated in the event stands apart"
    assert longs[day - 1] > 0


@pytest.mark.slow
def test_a_market_that_hides_a_part_keeps_it_and_its_draws_go_along(daily, tmp_path):
    venues = ("binance", "okx", "bybit")
    out = tmp_path / "slide"
    new_event(wanted(base="ordinary-days", coins=("BTC",), venues=venues), daily[0], out)
    scenario = scenario_of(out)
    reporting = {each.name: (each.share, each.feed) for each in scenario.venues["offshore"].reporting}
    assert reporting["withheld"] == (0.39, "none")
    assert reporting["bybit"] == (pytest.approx(0.309), "complete")
    assert load_event(out).scope.venues == dict.fromkeys(venues, "complete")
    assert scenario.parameters is not None
    draws = read_draws(scenario.parameters)
    of_bitcoin = ("btc-high.scale", "btc-high.long_share", "btc-low.openings")
    assert sorted(draws.paths) == sorted(f"population.{each}" for each in of_bitcoin), (
        "of coins that are there"
    )
    first = with_draw(scenario, 0)
    assert first.population[0].scale == draws.values[0, 0] != 1.0
    assert scenario.makers[0].depth.scale == 1.0, (
        "its makers are of other coins, too, and quote to a basis point"
    )


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("coin", "at"),
    [("BTC", 107e3), ("ETH", 2.5e3), ("SOL", 150), ("XRP", 2.2), ("DOGE", 0.17), ("BNB", 650), ("ADA", 0.6)],
)
def test_a_day_of_each_coin_of_ordinary_days_is_that_coin_alone(coin, at, tmp_path):
    archives = write_day(tmp_path / "archives", f"{coin}USDT", at)
    new_event(wanted(base="ordinary-days", coins=(coin,), ask=("prices",)), archives, tmp_path / "slide")
    scenario = scenario_of(tmp_path / "slide")
    assert list(scenario.assets) == [coin]
    assert list(scenario.markets) == [f"spot:{coin}USD", f"offshore:{coin}USDT"]
    layers = {each.name: each for each in scenario.population}
    assert [*layers] == [f"{coin.lower()}-high", f"{coin.lower()}-low"]
    total = sum(each.open_interest for each in layers.values())
    assert total == pytest.approx(OPEN_INTEREST_USD, rel=1e-4)
    drawn = read_draws(scenario.parameters).of_replicate(0)
    assert with_draw(scenario, 0).population[0].scale == drawn[f"population.{coin.lower()}-high.scale"] != 1.0


@pytest.mark.parametrize(
    ("start", "venues", "bybit", "withheld"),
    [
        (datetime(2025, 2, 25, tzinfo=UTC), ("binance", "okx", "bybit"), 0.309, 0.39),
        (
            datetime(2025, 2, 24, tzinfo=UTC),
            ("binance", "okx", "bybit"),
            0.309 * 0.44,
            1 - 0.301 - 0.309 * 0.44,
        ),
        (datetime(2025, 2, 24, tzinfo=UTC), ("bybit",), 0.993 * 0.44, 1 - 0.993 * 0.44),
    ],
)
def test_what_was_public_follows_the_date(start, venues, bybit, withheld):
    """Totals of the feeds rose to 1.4 times when one of the three became complete."""
    base = load(shipped_scenarios()["ordinary-days"])
    accounts = {name: share for name, share in accounts_of(base).items() if name in venues}
    of_these = {name: share / sum(accounts.values()) for name, share in accounts.items()}
    feeds = dict.fromkeys(venues, "complete")
    frame = Frame("slide", base, start, start + timedelta(days=1), of_these, feeds, {})
    told = market.scenario_of(frame, [])["venues"]["offshore"]["reporting"]
    shares = {name: float(each["share"].removesuffix(" %")) / 100 for name, each in told.items() if each}
    assert {*shares} == {*venues, "withheld"}
    assert shares["bybit"] == pytest.approx(bybit, abs=2e-3)
    assert shares["withheld"] == pytest.approx(withheld, abs=2e-3)
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.slow
def test_force_replaces_an_event_and_nothing_else(daily, tmp_path):
    archives, again = daily[0], wanted(venues=("binance", "okx", "bybit"))
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("mine", encoding="utf-8")
    for out in (archives, archives.parent, other):
        with pytest.raises(UsageError, match=r"something else than an event|folder of its archives"):
            new_event(again, archives, out, force=True)
    assert (other / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert any(archives.rglob("*.csv*"))
    new_event(again, archives, tmp_path / "slide")
    (tmp_path / "slide" / "event.yaml").write_text("event: 1\n", encoding="utf-8")
    new_event(again, archives, tmp_path / "slide", force=True)
    assert load_event(tmp_path / "slide").asked


def test_bybit_was_not_complete_before_it_said_so():
    before = wanted(start=datetime(2025, 2, 24, tzinfo=UTC), venues=("bybit",))
    assert before.feeds == {"bybit": "latest_per_second"}
    assert wanted(venues=("bybit",)).feeds == {"bybit": "complete"}


def test_everything_that_lacks_is_asked_for_at_once(tmp_path):
    archives = tmp_path / "archives"
    write_window(archives)
    (archives / "notes.csv").write_text("a,b\n1,2\n")
    found = lacking(archives, tmp_path)
    assert {each.code for each in found} == {"CAS315"}
    assert [number for number, each in enumerate(found) if "no adapter reads: notes.csv" in each.hint] == [0]
    told = "\n".join(each.message for each in found)
    for what in ("before the start", "open interest of BTC", "funding of BTC", "depth of BTC's book"):
        assert what in told
    assert all("fetch" in each.hint for each in found)


def test_an_empty_folder_lacks_everything_of_every_coin_and_is_told_what_may_lack(tmp_path):
    archives = tmp_path / "archives"
    archives.mkdir()
    found = lacking(archives, tmp_path, ask=("liquidations",))
    told = "\n".join(each.message for each in found)
    for coin in ("BTC", "ETH"):
        for what in (
            f"prices of {coin} from",
            f"prices of {coin} before",
            f"open interest of {coin}",
            f"funding of {coin}",
        ):
            assert what in told
    assert "liquidations within the event" in told
    assert "--assume" in found[0].hint
    assert "400 days before" in found[0].hint


def test_a_venue_that_the_market_does_not_stand_for_is_told_before_any_file_is_read(tmp_path):
    with pytest.raises(UsageError, match="no venue 'binanse' — did you mean 'binance'") as caught:
        new_event(wanted(venues=("okx", "binanse")), tmp_path / "nowhere", tmp_path / "slide")
    assert "binance, okx, bybit" in caught.value.remedy


@pytest.mark.slow
def test_bars_of_a_day_are_a_path_where_the_user_assumes_so(tmp_path):
    archives = write_daily(tmp_path / "archives")
    usual = {"venues": ("binance", "okx", "bybit"), "ask": ("liquidations",), "warm_up_days": 5.0}
    day = DAY - timedelta(days=3)
    window = {"start": day, "end": day + timedelta(days=1)}
    (problem,) = lacking(archives, tmp_path, coins=("BTC",), **usual, **window)
    assert "there are bars of a day: --assume" in problem.hint
    written = new_event(wanted(assume=True, **usual, **window), archives, tmp_path / "slide")
    assert any("extremes and close of bars of a day" in each for each in written.notes)
    source = scenario_of(tmp_path / "slide").sources["assets.BTC.news.file"]
    assert (source.kind, "is assumed" in source.note) == ("assumed", True)
    assert set(read_bars(tmp_path / "slide/btc-bars.csv").length_s) == {86_400.0}


def test_what_is_asked_has_to_be_there(tmp_path):
    archives = tmp_path / "archives"
    write_window(archives)
    (problem,) = lacking(archives, tmp_path, assume=True, warm_up_days=0.4)
    assert "the archives lack liquidations and open interest within the event" in problem.message
    assert "--ask prices" in problem.hint


def test_what_lacks_is_assumed_where_the_user_says_so(tmp_path):
    archives = tmp_path / "archives"
    write_window(archives)
    written = new_event(wanted(assume=True, warm_up_days=0.4, ask=("prices",)), archives, tmp_path / "slide")
    assert len(written.notes) == 4  # ether is left out, and three figures are assumed
    sources = scenario_of(tmp_path / "slide").sources
    assert sources["population.btc-low.open_interest"].kind == "assumed"
    assert sources["markets.offshore:BTCUSDT.funding.*"].kind == "assumed"


def test_a_day_that_is_not_there_is_named(tmp_path):
    archives = write_day(tmp_path / "archives")
    next((archives / "klines").rglob("*5m-2025-07-01.zip")).unlink()
    found = lacking(archives, tmp_path, coins=("BTC",))
    message = next(each.message for each in found if "prices" in each.message)
    assert "2025-07-01T00:00:00Z to 2025-07-02T00:00:00Z" in message
    assert "BTCUSDT-5m-DATE.zip of 2025-07-01" in found[0].hint


def test_bars_that_were_cut_off_between_two_lines_are_named(tmp_path):
    archives = write_daily(tmp_path / "archives")
    path = write_window(archives, n=100)  # until before the event begins
    (problem,) = lacking(archives, tmp_path, venues=("binance", "okx", "bybit"))
    assert f"windows/{path.name} ends at 2025-06-30T20:20:00Z" in problem.message


def test_a_hole_in_the_day_is_named(tmp_path):
    archives = write_day(tmp_path / "archives")
    next((archives / "klines").rglob("*5m-2025-07-01.zip")).unlink()
    write_klines(archives, "BTCUSDT", "5m", 5, DAY, 120)
    (problem,) = lacking(archives, tmp_path)
    assert "from 2025-07-01T10:00:00Z" in problem.message


def test_a_file_that_was_cut_off_is_named(tmp_path):
    archives = write_day(tmp_path / "archives")
    path = next((archives / "metrics").glob("*06-30.zip"))
    path.write_bytes(path.read_bytes()[:-200])
    (problem,) = lacking(archives, tmp_path)
    assert path.name in problem.file
    assert "fetch it again" in problem.hint


def test_a_table_that_was_cut_off_is_named(tmp_path):
    archives = write_daily(tmp_path / "archives")
    write_window(archives)
    path = archives / "daily/liquidations.csv.gz"
    path.write_bytes(path.read_bytes()[:-30])
    problems = lacking(archives, tmp_path, venues=("binance", "okx", "bybit"))
    assert any("liquidations.csv.gz" in each.file for each in problems)


def test_a_file_that_was_altered_is_named(tmp_path):
    archives = write_day(tmp_path / "archives")
    path = next((archives / "klines").rglob("*5m-2025-07-01.zip"))
    write_checksum(path)
    write_klines(archives, "BTCUSDT", "5m", 5, DAY, 288, at=106_000.0)
    problems = lacking(archives, tmp_path)
    assert [each.code for each in problems] == ["CAS311"]
    assert path.name in problems[0].file


def test_a_cell_that_was_altered_is_located(tmp_path):
    archives = write_daily(tmp_path / "archives")
    path = write_window(archives)
    path.write_text(path.read_text().replace("2025-07-01T10:00:00Z,", "2025-07-01T10:00:00Z,x", 1))
    (problem,) = lacking(archives, tmp_path, venues=("binance", "okx", "bybit"))
    assert problem.line == 2 + 22 * 12
    assert path.name in problem.where


def test_a_file_that_was_renamed_is_named(tmp_path):
    archives = write_day(tmp_path / "archives")
    path = next((archives / "klines").rglob("*5m-2025-07-01.zip"))
    path.rename(archives / "july.zip")
    (archives / "notes.csv").write_text("a,b\n1,2\n")
    found = lacking(archives, tmp_path, coins=("BTC",))
    assert "prices of BTC" in found[0].message
    assert "files whose names tell no coin of the market: july.zip" in found[0].hint
    assert "files that no adapter reads: notes.csv" in found[0].hint


@pytest.mark.parametrize(
    ("hours", "at", "told"), [(8, 107_000.0, "0.68 % apart"), (0, 2_500.0, "a factor of 42.8 apart")]
)
def test_bars_of_another_coin_or_time_than_their_name_says_are_named(hours, at, told, tmp_path):
    """Another file of the same prices tells: here the bars of a day, which have two in common with the path."""
    archives = write_day(tmp_path / "archives")
    write_klines(archives, "BTCUSDT", "1d", 1440, DAY, 1)
    path = next((archives / "klines").rglob("*5m-2025-07-01.zip"))
    stamps = [DAY + timedelta(minutes=5 * k) for k in range(288)]
    moved = [kline(each + timedelta(hours=hours), 5, at).partition(",")[2] for each in stamps]
    write_text(path, KLINES, [f"{ms(each)},{row}" for each, row in zip(stamps, moved, strict=True)])
    (problem,) = lacking(archives, tmp_path, coins=("BTC",))
    assert (problem.code, told in problem.message) == ("CAS309", True), problem.message
    assert "5m-2025-07-01.zip" in problem.file
    assert "1d-2025-07-01.zip" in problem.message


@pytest.mark.slow
def test_the_folder_of_a_file_may_say_what_is_traded(tmp_path):
    archives = write_day(tmp_path / "archives")
    path = next((archives / "klines").rglob("*5m-2025-07-01.zip"))
    path.rename(path.with_name("july.zip"))
    new_event(wanted(), archives, tmp_path / "slide")
    assert (
        "klines/BTCUSDT/5m/july.zip" in scenario_of(tmp_path / "slide").sources["assets.BTC.news.file"].source
    )


@pytest.mark.slow
def test_trades_do_where_there_are_no_bars(tmp_path):
    archives = write_day(tmp_path / "archives")
    next((archives / "klines").rglob("*5m-2025-07-01.zip")).unlink()
    rows = [
        f"{k},{107_000 - k % 50}.5,0.5,{k},{k},{ms(DAY) + 30_000 * k},{'true' if k % 2 else 'false'}"
        for k in range(2880)
    ]
    header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    write_text(archives / "aggTrades/BTCUSDT-aggTrades-2025-07-01.zip", header, rows)
    new_event(wanted(), archives, tmp_path / "slide")
    bars = read_bars(tmp_path / "slide/btc-bars.csv")
    inside = bars.time_s >= DAY.timestamp()
    assert set(bars.length_s[inside]) == {60.0}
    assert bars.open[inside][0] == 107_000.5
    assert bars.close[inside][0] == 106_999.5


def test_bars_beside_the_event_must_stay_as_they_are(published):
    folder = published[1].folder
    path = folder / "btc-bars.csv"
    text = path.read_text()
    path.write_text(text + "\n")
    with pytest.raises(ScenarioError) as caught:
        load_event(folder)
    path.write_text(text)
    (problem,) = caught.value.problems
    assert problem.code == "CAS311"
    assert "btc-bars.csv" in problem.message


def test_a_folder_is_overwritten_only_when_told(published):
    archives, written = published
    with pytest.raises(UsageError, match="exists"):
        new_event(wanted(), archives, written.folder)
    before = (written.folder / "scenario.yaml").read_text()
    new_event(wanted(), archives, written.folder, force=True)
    assert (written.folder / "scenario.yaml").read_text() == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"coins": ("XRP",)}, "no market of XRP"),
        ({"venues": ("kraken",)}, "no venue 'kraken'"),
        ({"venues": ()}, "no venue at all"),
        ({"base": "nowhere"}, "no scenario 'nowhere'"),
        ({"end": DAY}, "ends before it begins"),
    ],
)
def test_what_cannot_be_asked_for(published, tmp_path, changes, told):
    with pytest.raises(UsageError, match=told):
        new_event(wanted(**changes), published[0], tmp_path / "slide")


def options(**changes):
    usual = {
        "coins": "",
        "venues": "binance",
        "base": "calm",
        "warm_up": "14d",
        "ask": "liquidations",
        "assume": False,
    }
    return wanted_of(
        changes.pop("name", "slide"), changes.pop("start", "2025-07-01"), changes.pop("end", "2025-07-02T02:00Z"),
        **usual | changes,
    )  # fmt: skip


def test_options_are_read():
    found = options(coins="btc, eth")
    assert (found.start, found.end) == (DAY, DAY + timedelta(hours=26))
    assert found.coins == ("BTC", "ETH")
    assert found.warm_up_days == 14


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "a b"}, "NAME"),
        ({"start": "yesterday"}, "--start"),
        ({"end": "2025-13-01"}, "--end"),
        ({"warm_up": "two weeks"}, "--warm-up"),
        ({"ask": "price"}, "--ask"),
    ],
)
def test_options_that_cannot_be_read(changes, where):
    with pytest.raises(UsageError) as caught:
        options(**changes)
    assert caught.value.where == where


def test_a_folder_that_is_not_there(tmp_path):
    (problem,) = lacking(tmp_path / "nowhere", tmp_path)
    assert problem.code == "CAS003"


DAYS = [
    ("2025-07-01", "2025-07-02T02:00"), ("2025-07-25", "2025-07-26"), ("2025-06-13", "2025-06-14"),
    ("2025-06-22", "2025-06-23"), ("2025-02-03", "2025-02-04"), ("2024-12-05", "2024-12-06"),
    ("2024-12-09", "2024-12-10"),
]  # fmt: skip


@pytest.mark.skipif(not SHARED, reason="CASCADE_ARCHIVES names no folder of real archives")
@pytest.mark.parametrize(("start", "end"), DAYS)
def test_real_days(tmp_path, start, end):
    begin, last = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end))
    venues = ("binance", "okx", "bybit")
    new_event(wanted(start=begin, end=last, venues=venues), Path(str(SHARED)), tmp_path / "slide")
    scenario = scenario_of(tmp_path / "slide")
    assert "BTC" in scenario.assets
    found = load_observed(load_event(tmp_path / "slide"))
    assert {"btc_long", "btc_short", "btc_open_interest_change"} <= set(found)
    with gzip.open(Path(str(SHARED)) / "daily/liquidations.csv.gz", "rt") as file:
        (row,) = [line for line in file if line.startswith(f"BTC,{start}")]
    assert found["btc_long"].value == pytest.approx(float(row.split(",")[2]), rel=1e-6)
