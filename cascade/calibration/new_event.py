"""`cascade event new`: an event out of a folder of archives, or everything that these lack for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cascade.calibration.archives import Folder, seconds
from cascade.calibration.day_history import HISTORY_DAYS, days_of
from cascade.calibration.event_folder import refuse_others, write_folder
from cascade.calibration.feed_dates import accounts_of, feeds_at, hides, reporting_of
from cascade.calibration.market import Coin, Frame, perpetual_of
from cascade.calibration.measured import FUNDING_S, OpenInterest, depth_of, funding_of
from cascade.calibration.price_bars import DAY_S, LONGEST_BAR_S, Bars, bars_of, instant
from cascade.calibration.seen import KINDS, seen_of
from cascade.errors import Problem, ScenarioError, UsageError
from cascade.output.refusals import writing
from cascade.output.run_units import Feed
from cascade.scenario.base import NAME_PATTERN
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario
from cascade.scenario.source import shown_name
from cascade.scenario.words import did_you_mean, listing, words_in
from cascade.units import parse_duration

LACKING: Final = "CAS315"

BASE: Final = "btc-2025-07-01"
"""The shipped market that an event changes if no other is named."""

WARM_UP_DAYS: Final = 14.0
"""Days of prices before the start: those who are there at the start have lived through them."""

ASKED: Final = ("liquidations",)
"""What is asked unless the user says: markets here keep their open interest, but for whom they liquidate."""

_WANTED: Final = (
    "an event wants what is listed here; open interest, funding and depth it may assume (--assume). It also takes "
    "trades in place of bars, and for baselines bars of a day and liquidations of the 400 days before"
)

_HOST: Final = "data.binance.vision/data/futures/um/daily"


@dataclass(frozen=True)
class Wanted:
    """What the user asks for.

    Attributes
    ----------
    coins : tuple of str
        None given: those of the market that have bars within a day.
    ask : tuple of str
        Kinds of figures that are asked for.
    assume : bool
        Write what is missing as assumed, in place of refusing.
    """

    name: str
    start: datetime
    end: datetime
    coins: tuple[str, ...] = ()
    venues: tuple[str, ...] = ("binance", "okx", "bybit")
    base: str = BASE
    warm_up_days: float = WARM_UP_DAYS
    ask: tuple[str, ...] = ASKED
    assume: bool = False

    @property
    def feeds(self) -> dict[str, Feed]:
        """Return what each venue publishes of its liquidations at that time."""
        return feeds_at(self.venues, self.start)


def wanted_of(
    name: str,
    start: str,
    end: str,
    *,
    coins: str,
    venues: str,
    base: str,
    warm_up: str,
    ask: str,
    assume: bool,
) -> Wanted:
    """Return what options ask for.

    Raises
    ------
    UsageError
        If one of them cannot be read.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(
            f"'{name}' cannot be a name",
            where="NAME",
            remedy="use letters, digits, - and _ only, such as july-slide",
        )
    seconds_before = parse_duration(warm_up)
    if seconds_before is None or seconds_before < 0:
        raise UsageError(
            f"'{warm_up}' is not a duration", where="--warm-up", remedy="write days, such as 14d"
        )
    asked = tuple(words_in(ask.lower()))
    unknown = [each for each in asked if each not in KINDS]
    if unknown or not asked:
        guess = did_you_mean(unknown[0], KINDS) if unknown else ""
        raise UsageError(
            f"'{ask}' cannot be asked{guess}", where="--ask", remedy=f"write some of {listing(KINDS)}"
        )
    return Wanted(
        name, _instant("--start", start), _instant("--end", end), tuple(words_in(coins.upper())),
        tuple(words_in(venues.lower())), base, seconds_before / DAY_S, asked, assume,
    )  # fmt: skip


def _instant(option: str, text: str) -> datetime:
    """Return a time that an option gives, which is UTC where it has no zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"'{text}' is not a date and time", where=option, remedy="write it as 2025-07-01T00:00Z"
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


@dataclass
class Written:
    """An event that was written, and what its author should know of it."""

    folder: Path
    notes: list[str] = field(default_factory=list[str])
    n_asked: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the record that `--json` prints."""
        return {"folder": str(self.folder), "asked": self.n_asked, "notes": self.notes}


def new_event(wanted: Wanted, archives: Path, out: Path, *, force: bool = False) -> Written:
    """Write the folder of an event and return what is to be said of it.

    Raises
    ------
    ScenarioError
        With everything that the archives lack, and every file of them that cannot be used.
    UsageError
        If the folder exists and `force` is not set, or something is asked for that there is not.
    """
    if out.exists() and not force:
        raise UsageError(
            "the folder exists", where=str(out), remedy="add --force to write it anew", code="CAS802"
        )
    if out.exists():
        refuse_others(out, archives)
    base = _base(wanted)
    begin, end = seconds(wanted.start), seconds(wanted.end)
    folder = Folder(archives, begin - wanted.warm_up_days * DAY_S, end + FUNDING_S)
    gathered = _Gathered(wanted, base, folder)
    coins = gathered.coins()
    if gathered.problems:
        raise ScenarioError(gathered.problems)
    frame = Frame(
        wanted.name, base, wanted.start, wanted.end, _shares(wanted, base), _feeds(wanted, base), folder.used
    )
    seen = [each for coin in coins for each in seen_of(folder, coin, frame, wanted.ask)]
    if not seen:
        gathered.lacks_answers()
        raise ScenarioError(gathered.problems)
    past = folder.between(begin - HISTORY_DAYS * DAY_S, end)
    with writing(out):
        write_folder(out, frame, coins, seen, days_of(past, coins, frame))
    return Written(out, gathered.notes, len(seen))


def _base(wanted: Wanted) -> Scenario:
    """Return the market that the event changes."""
    shipped = shipped_scenarios()
    if not wanted.start < wanted.end:
        raise UsageError("the event ends before it begins", where="--end", remedy="write a later time")
    if wanted.base not in shipped:
        guess = did_you_mean(wanted.base, shipped)
        remedy = f"shipped scenarios: {listing(shipped)}"
        raise UsageError(f"no scenario '{wanted.base}'{guess}", where="--on", remedy=remedy, code="CAS801")
    base = load(shipped[wanted.base])
    unknown = [each for each in wanted.coins if perpetual_of(base, each) is None]
    if unknown:
        known = listing([each for each in base.assets if perpetual_of(base, each)])
        raise UsageError(
            f"{wanted.base} has no market of {unknown[0]}", where="--coins", remedy=f"it has: {known}"
        )
    _shares(wanted, base)
    return base


def _feeds(wanted: Wanted, base: Scenario) -> Mapping[str, Feed]:
    """Return what each venue published at that time; in a market that hides a share by itself, what it says there."""
    if hides(base):
        return {each.name: each.feed for each in reporting_of(base) if each.name in wanted.venues}
    return wanted.feeds


def _shares(wanted: Wanted, base: Scenario) -> dict[str, float]:
    """Return the venues whose figures are read, with the shares that they have of all of these."""
    reporting = accounts_of(base)
    found = {each: reporting.get(each, 1.0 if not reporting else 0.0) for each in wanted.venues}
    total = sum(found.values())
    if total <= 0.0 or (reporting and any(each not in reporting for each in wanted.venues)):
        unknown = next((each for each in wanted.venues if each not in reporting), "")
        told = f"no venue '{unknown}'{did_you_mean(unknown, reporting)}" if unknown else "no venue at all"
        remedy = f"{wanted.base} stands for: {listing(reporting)}"
        raise UsageError(f"{told}: its share of the accounts is not known", where="--venues", remedy=remedy)
    return {each: share / total for each, share in found.items()}


class _Gathered:
    """What is read of the archives, what is missing, and what its author should know."""

    def __init__(self, wanted: Wanted, base: Scenario, folder: Folder) -> None:
        self.wanted, self.base, self.folder = wanted, base, folder
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._begin, self._end = seconds(wanted.start), seconds(wanted.end)

    def coins(self) -> list[Coin]:
        """Return the coins with what there is of each."""
        names = self.wanted.coins or tuple(each for each in self.base.assets if perpetual_of(self.base, each))
        found: list[Coin] = []
        for name in names:
            coin = self._coin(name)
            if coin is not None:
                found.append(coin)
        if not found and not self.problems:
            self._lacks_all(names)
        return found

    def _lacks_all(self, names: Sequence[str]) -> None:
        """Note everything that is wanted and not there, of archives with no path of any coin."""
        if not self.folder.archives:
            self._lacks("everything: no file of the folder is of a kind that is read", _WANTED)
        for name in names:
            bars = bars_of(self.folder, name, self._begin, self._end, self.wanted.venues)
            self._check_bars(name, bars)
            self._figures(name, bars)
        if "liquidations" in self.wanted.ask and not any(
            self.folder.of("liquidations", each) for each in names
        ):
            self.lacks_answers()

    def _coin(self, name: str) -> Coin | None:
        """Return a coin; None where the archives have no prices of the event, and nobody asked for it."""
        try:
            bars = bars_of(self.folder, name, self._begin, self._end, self.wanted.venues)
            if self.wanted.assume and bars.gaps(self._begin, self._end):
                bars = self._with_days(name, bars)
            is_there = (bars.interval_s <= LONGEST_BAR_S).any() or not bars.gaps(self._begin, self._end)
            if not self.wanted.coins and not is_there:
                told = f"{name} is left out: no bars of it within a day. To have it, {self._fetch_bars(name)}"
                self.notes.append(told)
                return None
            self._check_bars(name, bars)
            return self._figures(name, bars)
        except ScenarioError as error:
            self.problems += error.problems
            return None

    def _with_days(self, name: str, bars: Bars) -> Bars:
        """Return bars with those of a day within the event, too, where they leave no gap."""
        found = bars_of(self.folder, name, self._begin, self._end, self.wanted.venues, DAY_S)
        if found.gaps(self._begin, self._end):
            return bars
        told = f"assumed that prices of {name} go straight through open, extremes and close of bars of a day"
        self.notes.append(f"{told}. To have them, {self._fetch_bars(name)}")
        return found

    def _check_bars(self, name: str, bars: Bars) -> None:
        for begin, end in bars.gaps(self._begin, self._end):
            told = f"prices of {name} from {instant(begin)} to {instant(end)}"
            before = bars.of((bars.end_s <= begin) & (bars.interval_s <= LONGEST_BAR_S))
            if len(before):
                told += f": {before.file[-1]} ends at {instant(float(before.end_s[-1]))}"
            hint = self._fetch_bars(name, begin, end)
            days = bars_of(self.folder, name, begin, end, self.wanted.venues, DAY_S)
            if not days.gaps(begin, end):
                hint += "; there are bars of a day: --assume goes straight through their extremes"
            self._lacks(told, hint)
        first = float(bars.time_s[0]) if len(bars) else self._begin
        days = (self._begin - first) / DAY_S
        if days < self.wanted.warm_up_days - 1.0:
            told = f"prices of {name} before the start: they reach back {days:.3g} of {self.wanted.warm_up_days:g} days"
            hint = (
                f"fetch {_HOST}/klines/{name}USDT/1d/ of these days, or write --warm-up {max(days, 0):.0f}d"
            )
            self._lacks(told, hint)

    def _figures(self, name: str, bars: Bars) -> Coin:
        shares = _shares(self.wanted, self.base)
        price = bars.price_at(self._begin) if len(bars) else 0.0
        interest = OpenInterest(self.folder, name, self.wanted.venues).at(self._begin, price)
        funding = funding_of(self.folder, name, self._begin, self._end)
        depth = depth_of(self.folder, name, self._begin)
        missing = {
            f"open interest of {name} at the start": (interest, f"{_HOST}/metrics/{name}USDT/"),
            f"funding of {name}": (funding, f"{_HOST.replace('daily', 'monthly')}/fundingRate/{name}USDT/"),
            f"the depth of {name}'s book in the week before": (depth, f"{_HOST}/bookDepth/{name}USDT/"),
        }
        for what, (found, where) in missing.items():
            if found is None and self.wanted.assume:
                self.notes.append(f"assumed as in {self.wanted.base}: {what}. To have it, fetch {where}")
            elif found is None:
                self._lacks(
                    what, f"fetch {where}, or a daily table of it; or add --assume to write it as assumed"
                )
        return Coin(name, bars, interest and interest.of_all(shares), funding, depth and depth.of_all(shares))

    def _fetch_bars(self, name: str, begin: float | None = None, end: float | None = None) -> str:
        first, last = (instant(each)[:10] for each in (begin or self._begin, (end or self._end) - 1.0))
        days = first if first == last else f"{first} to {last}"
        return f"fetch {_HOST}/klines/{name}USDT/5m/{name}USDT-5m-DATE.zip of {days}"

    def lacks_answers(self) -> None:
        """Note that nothing was observed of what is asked."""
        asked = " and ".join(each.replace("_", " ") for each in self.wanted.ask)
        hint = "fetch daily tables or recorded orders of them, or ask something else: --ask prices"
        self._lacks(f"{asked} within the event", hint)

    def _lacks(self, what: str, hint: str) -> None:
        told = f"the archives lack {what}"
        hint = hint if self.problems else "\n".join([hint, *self._left_over()])
        self.problems.append(Problem(LACKING, told, hint, shown_name(self.folder.path)))

    def _left_over(self) -> Iterator[str]:
        """Yield which files of the folder nothing can be made of: among them may be what lacks."""
        nameless = [
            each.name
            for each in self.folder.archives
            if each.is_nameless and not any(each.is_of(coin) for coin in self.base.assets)
        ]
        if nameless:
            yield f"files whose names tell no coin of the market: {listing(nameless, 6)}"
        if self.folder.unknown:
            yield f"files that no adapter reads: {listing(self.folder.unknown, 6)}"
