"""Stories: each shows its own mechanism, against its control and under the same luck, in every replicate."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pandas as pd
import pytest

from cascade.experiment.run import run
from cascade.output.reader import Result
from cascade.scenario.gallery import catalogue
from cascade.scenario.load import digest, load

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PERPETUAL, SLUG = "offshore:BTCUSDT", "offshore_btcusdt_"
MOST_LINES = 39

WITHDRAWAL = ("channels.maker_withdrawal=false",)
FULL_BOOK = ("shocks.weekend.factor=1x", "shocks.hour.factor=1x")
FEE = "venues.offshore.rules.contracts.BTCUSDT.liquidation_fee=1.25 %"
WHOLE = "venues.offshore.rules.liquidation.procedure=full"
USUAL_RATE = "markets.offshore:BTCUSDT.funding.rate=0.01 %"


class Story(NamedTuple):
    """A story, shortened, the control that its headline names, and what differs by how much at least."""

    name: str
    duration: str
    control: tuple[str, ...]
    metric: str
    least: float
    counterfactual: bool = False


STORIES = (
    Story("clearance-fee", "21m", (FEE,), "adl_usd", 5e6),
    Story("fast-sale", "2h6m", ("shocks.sale.over=2h",), f"{SLUG}fall_bps", 100),
    Story("flat-tiers", "26m", ("venues.offshore.rules=null",), "fund_end_usd", -1e6),
    Story("fund-depletion", "16m", ("venues.offshore.fund=20M",), "adl_usd", 20e6),
    Story("funding-shock", "15m", (USUAL_RATE,), f"{SLUG}fall_bps", 40),
    Story("leverage-cap", "15m", ("population.crowd.leverage.max=20",), f"{SLUG}fall_bps", 30),
    Story("maker-withdrawal", "15m", WITHDRAWAL, f"{SLUG}fall_bps", 100),
    Story("partial-liquidation", "12m", (WHOLE,), "complete_usd", -40e6),
    Story("short-squeeze", "15m", ("population.shorts=null",), f"{SLUG}rise_bps", 50),
    Story(
        "stop-loss-run", "15m", ("channels.stop_losses=false",), f"{SLUG}fall_bps", 10, counterfactual=True
    ),
    Story("thin-book", "15m", ("shocks.book.factor=1x",), f"{SLUG}fall_bps", 100),
    Story("weekend-liquidity", "25m", FULL_BOOK, f"{SLUG}added_fall_bps", 50, counterfactual=True),
    Story("whale-liquidation", "15m", ("population.whale=null",), f"{SLUG}fall_bps", 20),
)
BY_NAME = {story.name: story for story in STORIES}

Play: TypeAlias = Callable[[str, bool], Result]


@pytest.fixture(scope="module")
def replicates(is_thorough: bool) -> int:
    """Return of how many replicates each story is told."""
    return 2 if is_thorough else 1


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory, replicates: int) -> Play:
    """Return what runs a story or its control, each once."""
    folder = tmp_path_factory.mktemp("stories")

    def play(name: str, control: bool) -> Result:
        story = BY_NAME[name]
        overrides = [f"duration={story.duration}", *(story.control if control else ())]
        return run(
            SCENARIOS / f"{name}.yaml", overrides, replicates=replicates, out=folder,
            counterfactual=story.counterfactual,
        )  # fmt: skip

    return play


def bars(result: Result) -> pd.DataFrame:
    table = result.tables["bars"].to_pandas()
    return table[table.market == PERPETUAL]


def values(result: Result, metric: str) -> list[float]:
    return [result.metrics(replicate)[metric] for replicate in result.replicates]


# --- how they are written ---------------------------------------------------------------------------


@functools.cache
def descriptions() -> dict[str, str]:
    return catalogue()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_is_short_and_begins_with_a_headline(story: Story) -> None:
    lines = (SCENARIOS / f"{story.name}.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert re.match(r"# [A-Z].*[:.]", lines[0])
    assert any(line.startswith("extends: ") for line in lines)
    assert not descriptions()[story.name].endswith("..."), "it fits into one line of `cascade init --list`"


def knobs(name: str) -> list[list[str]]:
    """Return the overrides of each line below `Turn:` in the headline of a story."""
    text = (SCENARIOS / f"{name}.yaml").read_text(encoding="utf-8")
    found = []
    for line in re.findall(r"^# (?:Turn:|      ) +(-s .*)$", text, re.MULTILINE):
        words = shlex.split(line)
        found.append([words[i + 1] for i, word in enumerate(words) if word == "-s"])
    return found


@pytest.mark.sampled(3)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_knobs_of_the_headline_turn(story: Story) -> None:
    path = SCENARIOS / f"{story.name}.yaml"
    turns = knobs(story.name)
    assert list(story.control) in turns
    digests = {digest(load(path, overrides)) for overrides in [[], *turns]}
    assert len(digests) == len(turns) + 1


# --- what they tell ---------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_story_differs_from_its_control_in_every_replicate(story: Story, play: Play) -> None:
    pairs = zip(
        values(play(story.name, False), story.metric),
        values(play(story.name, True), story.metric),
        strict=True,
    )
    sign = 1.0 if story.least > 0 else -1.0
    differences = [sign * (told - control) for told, control in pairs]
    assert min(differences) > abs(story.least)


@pytest.mark.parametrize(
    "name",
    ["fast-sale", "funding-shock", "leverage-cap", "maker-withdrawal", "thin-book", "whale-liquidation"],
)
def test_nobody_is_liquidated_in_the_control(name: str, play: Play) -> None:
    assert set(values(play(name, True), "complete_usd")) == {0.0}
    assert min(values(play(name, False), "complete_usd")) > 10e6


def test_a_thin_book_is_thin_and_nobody_withdraws(play: Play) -> None:
    assert set(bars(play("thin-book", False)).depth_factor) == {0.25}


def test_makers_withdraw_in_the_story_only(play: Play) -> None:
    assert bars(play("maker-withdrawal", False)).groupby("replicate").depth_factor.min().max() < 0.3
    assert bars(play("maker-withdrawal", True)).depth_factor.min() == 1.0


def test_the_whale_comes_first_and_the_crowd_after_it(play: Play) -> None:
    rows = play("whale-liquidation", False).tables["liquidations"].to_pandas()
    for _, one in rows.groupby("replicate"):
        assert one.iloc[0].position_usd > 70e6
        assert one.position_usd.iloc[1:].max() < 5e6
        assert one.step.iloc[1:].min() >= one.step.iloc[0]


def test_a_squeeze_goes_upwards_and_liquidates_shorts_only(play: Play) -> None:
    result = play("short-squeeze", False)
    assert set(values(result, "complete_long_usd")) == {0.0}
    assert min(values(result, "complete_short_usd")) > 100e6
    for rise, fall in zip(values(result, f"{SLUG}rise_bps"), values(result, f"{SLUG}fall_bps"), strict=True):
        assert rise > 5 * fall


def test_winners_are_closed_after_the_second_blow_only(play: Play) -> None:
    result = play("fund-depletion", False)
    assert result.tables["adl"].to_pandas().t_s.min() >= 900
    fund = bars(result).groupby("replicate").fund_equity_usd
    assert (fund.first() > 1.9e6).all()
    assert (fund.last() < 0.1e6).all()
    assert set(values(play("fund-depletion", True), "adl_usd")) == {0.0}


def test_a_run_on_stops_liquidates_nobody(play: Play) -> None:
    told, control = (play("stop-loss-run", which) for which in (False, True))
    assert {*values(told, "complete_usd"), *values(told, f"{SLUG}added_fall_bps")} == {0.0}
    assert values(told, f"{SLUG}outside_fall_bps") == values(control, f"{SLUG}fall_bps")
    assert min(values(told, f"{SLUG}stops_fall_bps")) > 10


def test_a_payment_starts_the_fall_and_the_price_had_not_moved(play: Play) -> None:
    result = play("funding-shock", False)
    rows = result.tables["liquidations"].to_pandas()
    for _, one in rows.groupby("replicate"):
        assert one.t_s.min() == 600, "08:00, ten minutes after the start"
        assert one.trigger_mark_price.iloc[0] > 106_800
    assert bars(result).query("t_s <= 600").mark_low_price.min() > 106_800


def test_the_weekend_changes_what_liquidations_add_and_not_what_came_from_outside(play: Play) -> None:
    told, control = (
        values(play("weekend-liquidity", which), f"{SLUG}outside_fall_bps") for which in (False, True)
    )
    assert told == pytest.approx(control, rel=0.1)


def test_under_flat_tiers_the_fund_takes_over_what_tiers_sell_in_the_book(play: Play) -> None:
    def taken(result: Result) -> pd.Series:
        return result.tables["liquidations"].to_pandas().groupby("replicate").taken_over_usd.sum()

    assert (taken(play("flat-tiers", False)) > 2 * taken(play("flat-tiers", True))).all()


@pytest.mark.parametrize("turned", [1, 2])
def test_reducing_helps_only_where_the_rate_exceeds_fee_and_slippage(
    turned: int, replicates: int, tmp_path: Path
) -> None:
    """A dearer fee, or the tier below: what is closed by parts is what is closed whole, in more pieces."""
    turn = ["duration=12m", *knobs("partial-liquidation")[turned]]
    path = SCENARIOS / "partial-liquidation.yaml"
    parts, whole = (run(path, [*turn, *more], replicates=replicates, out=tmp_path) for more in ([], [WHOLE]))
    sold = zip(values(parts, "complete_usd"), values(whole, "complete_usd"), strict=True)
    assert all(a == pytest.approx(b, rel=2e-3) for a, b in sold)
    rows = zip(values(parts, "liquidations"), values(whole, "liquidations"), strict=True)
    assert all(a >= 2 * b for a, b in rows)


def test_stories_are_all_told() -> None:
    told = {path.stem for path in SCENARIOS.glob("*.yaml") if "\n# Turn:" in path.read_text(encoding="utf-8")}
    assert told == set(BY_NAME)
