"""A shipped market on the prices and figures of another time: what a scenario changes of the one that it extends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from cascade.calibration.archives import seconds
from cascade.calibration.feed_dates import (
    HIDDEN,
    LATEST_SHOWS,
    SHOWN_SOURCE,
    accounts_of,
    hides,
    shown_at,
)
from cascade.calibration.measured import DEPTH_BPS, Found, Funding
from cascade.calibration.price_bars import LONGEST_BAR_S, Bars
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_makers import LadderMaker
from cascade.scenario.schema_population import LeveragedLayer
from cascade.scenario.schema_venues import LinearPerpetual, Reporting, SpotMarket
from cascade.units import format_duration, format_instant

HOUR_S: Final = 3600.0
_LEVELS: Final = (0.05, 100.0)
"""What activity is kept within."""

Sections = dict[str, Any]


@dataclass(frozen=True)
class Coin:
    """What archives tell of a coin; what they do not is None, and stays as in the market that is extended."""

    name: str
    bars: Bars
    open_interest: Found | None
    funding: Funding | None
    depth: Found | None


@dataclass(frozen=True)
class Frame:
    """An event before it is written: the market that it extends, and when it is."""

    name: str
    base: Scenario
    start: datetime
    end: datetime
    shares: Mapping[str, float]
    """Venues whose figures are read, each with its share of the accounts."""
    feeds: Mapping[str, str]
    checksums: Mapping[str, str]

    @property
    def begin_s(self) -> float:
        """Return the start in seconds since 1970 UTC."""
        return seconds(self.start)

    @property
    def end_s(self) -> float:
        """Return the end in seconds since 1970 UTC."""
        return seconds(self.end)

    def before(self, bars: Bars) -> Bars:
        """Return the bars before the start."""
        return bars.of(bars.end_s <= self.begin_s)

    def during(self, bars: Bars) -> Bars:
        """Return the bars of the event."""
        return bars.within(self.begin_s, self.end_s)

    def cited(self, files: Sequence[str]) -> str:
        """Return files with their checksums, as a source."""
        return "; ".join(f"{name} (sha256 {self.checksums[name]})" for name in files)


def scenario_of(frame: Frame, coins: Sequence[Coin]) -> Sections:
    """Return the scenario of an event as the sections of a file, where each figure of archives has its source."""
    found: Sections = {
        "cascade": 1,
        "name": frame.name,
        "extends": frame.base.name,
        "description": f"The market of {frame.base.name} on prices and figures of {_day(frame.start)}, from archives.",
        "references": [],
        "published": [],
        "start": format_instant(frame.start),
        "duration": format_duration((frame.end - frame.start).total_seconds()),
        "seed": int(f"{frame.start:%Y%m%d}"),
    }
    sources: dict[str, Any] = {}
    for part in (_reporting(frame), *(_coin(frame, coin) for coin in coins), _activity(frame, coins)):
        _merge(found, part[0])
        sources |= part[1]
    _merge(found, _without(frame.base, {coin.name for coin in coins}))
    return {**found, "sources": sources}


def perpetual_of(base: Scenario, coin: str) -> str | None:
    """Return the first perpetual of a coin."""
    return next(
        (n for n, m in base.markets.items() if isinstance(m, LinearPerpetual) and m.asset == coin), None
    )


def _day(moment: datetime) -> str:
    return f"{moment:%d %B %Y}".removeprefix("0")


def _reporting(frame: Frame) -> tuple[Sections, Sections]:
    """Return the venues that report: those whose figures are read, with their shares of all of these."""
    found = {name: {"reporting": _told(frame, venue.reporting)} for name, venue in frame.base.venues.items()
             if venue.reporting}  # fmt: skip
    source = {"kind": "assumed", "note": "shares of the market that is extended, of the venues whose figures are read; "
              "feeds as venues document them"}  # fmt: skip
    if hides(frame.base):
        shown = f"{100 * LATEST_SHOWS:.2g} % where only the latest order of a second was public, else all"
        source = {"kind": "fitted", "source": SHOWN_SOURCE,
                  "note": f"what feeds showed of each venue on {_day(frame.start)}: {shown}"}  # fmt: skip
    return {"venues": found}, {f"venues.{name}.reporting.*": source for name in found}


def _told(frame: Frame, reporting: Sequence[Reporting]) -> Sections:
    """Return who reports: where a market hides what feeds do not show, as much of each as was shown at the time."""
    hidden = {each.name: each.share for each in reporting if each.feed == HIDDEN}
    told = {each.name: None for each in reporting if each.name not in {*frame.shares, *hidden}}
    shares = dict(frame.shares)
    if hidden:
        every = sum(accounts_of(frame.base).values())
        shares = {name: share * every * shown_at(name, frame.start) for name, share in shares.items()}
    left, withheld = 1.0 - sum(shares.values()), sum(hidden.values())
    return {
        **told,
        **{name: {"share": _percent(share), "feed": frame.feeds[name]} for name, share in shares.items()},
        **{name: {"share": _percent(left * share / withheld)} for name, share in hidden.items()},
    }


def _percent(share: float) -> str:
    return f"{100 * share:.10g} %"


def _coin(frame: Frame, coin: Coin) -> tuple[Sections, Sections]:
    """Return what changes of a coin, and where it is from."""
    found: Sections = {}
    sources: Sections = {}
    perpetual = perpetual_of(frame.base, coin.name)
    assert perpetual is not None
    for part in (_prices(frame, coin), _funding(frame, coin, perpetual), _books(frame, coin, perpetual),
                 _population(frame, coin, perpetual)):  # fmt: skip
        _merge(found, part[0])
        sources |= part[1]
    return found, sources


def bars_file(coin: str) -> str:
    """Return the name of the file of bars of a coin."""
    return f"{coin.lower()}-bars.csv"


def _prices(frame: Frame, coin: Coin) -> tuple[Sections, Sections]:
    """Return the path of a coin: it goes through the extremes of its bars, so that nothing is added within them."""
    before = frame.before(coin.bars)
    past = f"{100 * before.volatility():.3g} %"
    file = bars_file(coin.name)
    asset = {
        "news": {"type": "bars", "file": file, "held_bps": [["0s", 0]]},
        "history": {"type": "bars", "file": file, "volatility": past},
    }
    kinds = "spot" if coin.bars.is_spot else "perpetual"
    during = frame.during(coin.bars)
    is_fine = not (during.interval_s > LONGEST_BAR_S).any()
    way = "" if is_fine else "; the way through open, extremes and close of bars of a day is assumed"
    sources = {
        f"assets.{coin.name}.news.held_bps*": {
            "kind": "assumed", "note": "that forced orders moved nothing: `cascade held` measures what they did"
        },
        f"assets.{coin.name}.news.file": {
            "kind": "measured" if is_fine else "assumed", "source": frame.cited(during.files),
            "note": f"traded prices, {kinds} of {coin.bars.venue or 'a venue'}; an input, not a result{way}",
        },
        f"assets.{coin.name}.history.file": {"kind": "measured", "source": frame.cited(before.files)},
        f"assets.{coin.name}.history.volatility": {
            "kind": "measured", "source": frame.cited(before.files), "note": "highs and lows of these bars",
        },
    }  # fmt: skip
    return {"assets": {coin.name: asset}}, sources


def _funding(frame: Frame, coin: Coin, perpetual: str) -> tuple[Sections, Sections]:
    pattern = f"markets.{perpetual}.funding.*"
    if coin.funding is None:
        first = f"{100 * _rate(frame.base, perpetual):.6g} %"
        return {"markets": {perpetual: {"funding": {"rate": first, "schedule": "fixed"}}}}, {
            pattern: {"kind": "assumed", "note": f"not among the archives: as in {frame.base.name}"}
        }
    offsets = [format_duration(time - frame.begin_s) for time in coin.funding.times]
    rates = [f"{100 * rate:.6g} %" for rate in coin.funding.rates]
    schedule = [[offset, rate] for offset, rate in zip(offsets, rates, strict=True)]
    source = {"kind": "measured", "source": frame.cited(coin.funding.files), "note": "rates of eight hours"}
    return {"markets": {perpetual: {"funding": {"rate": rates[0], "schedule": schedule}}}}, {pattern: source}


def _rate(base: Scenario, perpetual: str) -> float:
    return getattr(getattr(base.markets[perpetual], "funding", None), "rate", 1e-4)


def _books(frame: Frame, coin: Coin, perpetual: str) -> tuple[Sections, Sections]:
    """Return the sizes that makers quote, and what volatility is calm to them."""
    found: Sections = {}
    sources: Sections = {}
    base = frame.base
    own = {
        name
        for name, m in base.markets.items()
        if isinstance(m, SpotMarket | LinearPerpetual) and m.asset == coin.name
    }
    ladders = [
        each
        for each in base.makers
        if isinstance(each, LadderMaker) and own & {*base.select_markets(each.markets)}
    ]
    quoted = sum(_quoted(each) for each in ladders if perpetual in base.select_markets(each.markets))
    if any(not own >= {*base.select_markets(each.markets)} or not _reaches(each) for each in ladders):
        quoted = 0.0  # makers of other coins, too, or who quote nothing as far as depth was measured
    before = frame.before(coin.bars)
    calm = f"{100 * before.volatility():.3g} %"
    for maker in ladders:
        changed: Sections = {}
        if coin.depth is not None and quoted > 0.0:
            changed["depth"] = {"scale": f"{maker.depth.scale * coin.depth.value / quoted:.4g}x"}
            sources[f"makers.{maker.name}.depth.scale"] = {
                "kind": "measured", "source": frame.cited(coin.depth.files),
                "note": f"{coin.depth.said}: {amount(coin.depth.value)}; spot as deep beside it as in {base.name}",
            }  # fmt: skip
        if maker.withdrawal is not None:
            changed["withdrawal"] = {"calm_volatility": calm}
            sources[f"makers.{maker.name}.withdrawal.calm_volatility"] = {
                "kind": "measured", "source": frame.cited(before.files), "note": "bars before the start",
            }  # fmt: skip
        if changed:
            found[maker.name] = changed
    return {"makers": found} if found else {}, sources


def _reaches(maker: LadderMaker) -> bool:
    """Tell whether a ladder's profile goes as far as the distance at which depth is measured."""
    return bool(maker.profile().distance_bps[-1] >= DEPTH_BPS)


def _quoted(maker: LadderMaker) -> float:
    """Return what a ladder quotes within 1 % of the mid, on one side."""
    profile = maker.profile()
    return float(np.interp(DEPTH_BPS, profile.distance_bps, profile.usd))


def _population(frame: Frame, coin: Coin, perpetual: str) -> tuple[Sections, Sections]:
    """Return the open interest of the layers, in the proportions of the market that is extended."""
    base = frame.base
    layers = [
        each
        for each in base.population
        if isinstance(each, LeveragedLayer)
        and each.open_interest
        and perpetual in base.select_markets(each.markets)
    ]
    total = sum(each.open_interest or 0.0 for each in layers)
    if not layers or coin.open_interest is None:
        note = f"not among the archives: as in {base.name}"
        return {}, {
            f"population.{each.name}.open_interest": {"kind": "assumed", "note": note} for each in layers
        }
    found = {
        each.name: {"open_interest": amount((each.open_interest or 0.0) / total * coin.open_interest.value)}
        for each in layers
    }
    sources = {
        f"population.{each.name}.open_interest": {
            "kind": "measured", "source": frame.cited(coin.open_interest.files),
            "note": f"{amount(coin.open_interest.value)}, {coin.open_interest.said}; its part as in {base.name}",
        }
        for each in layers
    }  # fmt: skip
    return {"population": found}, sources


def amount(usd: float) -> str:
    """Return an amount of USD as it is written in scenarios."""
    size, letter = next(((s, x) for s, x in ((1e9, "B"), (1e6, "M"), (1e3, "k")) if usd >= s), (1.0, ""))
    return f"{usd / size:.5g}{letter}"


def _activity(frame: Frame, coins: Sequence[Coin]) -> tuple[Sections, Sections]:
    """Return how busy each hour is: its volatility against the usual one, the mean of the coins."""
    hours = np.arange(frame.begin_s, frame.end_s, HOUR_S)
    logs = [[_level(frame, coin, begin) for coin in coins] for begin in hours]
    middles = [min(begin + HOUR_S / 2, frame.end_s) - frame.begin_s for begin in hours]
    low, high = _LEVELS
    levels = [
        [format_duration(at), round(min(max(math.exp(float(np.nanmean(log))), low), high), 2)]
        for at, log in zip(middles, logs, strict=True)
        if not np.isnan(log).all()
    ]
    if not levels:
        return {}, {}
    activity = {"scales": [["2m", 0.36], ["15m", 0.28]], "spread": 0.44, "waves": [], "levels": levels}
    files = dict.fromkeys(name for coin in coins for name in frame.during(coin.bars).files)
    source = {
        "activity.levels*": {
            "kind": "measured", "source": frame.cited([*files]),
            "note": f"volatility of each hour over the usual of {frame.base.name}, highs and lows of its bars",
        },
    }  # fmt: skip
    return {"activity": activity}, source


def _level(frame: Frame, coin: Coin, begin: float) -> float:
    """Return the log of an hour's volatility over the usual one; NaN without bars or a usual one."""
    impact = frame.base.assets[coin.name].impact
    inside = coin.bars.within(begin, begin + HOUR_S)
    found = inside.volatility() if len(inside) else 0.0
    if impact is None or found <= 0.0:
        return math.nan
    return math.log(found / (impact.daily_volatility * math.sqrt(365.0)))


def _without(base: Scenario, kept: set[str]) -> Sections:
    """Return what takes the coins out of a market that are not kept, and all that belongs to them alone."""
    gone = [name for name in base.assets if name not in kept]
    if not gone:
        return {}
    markets = [name for name, market in base.markets.items() if getattr(market, "asset", "") in gone]
    found: Sections = {
        "assets": {
            **dict.fromkeys(gone),
            **{
                name: {"impact": {"cross": dict.fromkeys(cross)}}
                for name in kept
                if (cross := _cross(base, name, gone))
            },
        },
        "markets": dict.fromkeys(markets),
    }
    for section in ("makers", "news_takers", "flow", "arbitrage", "agents", "population", "shocks"):
        names = [each.name for each in getattr(base, section) if _is_of(base, each, markets)]
        if names:
            found[section] = dict.fromkeys(names)
    return found


def _cross(base: Scenario, name: str, gone: Sequence[str]) -> list[str]:
    impact = base.assets[name].impact
    return [each for each in (impact.cross if impact else ()) if each in gone]


def _is_of(base: Scenario, item: Any, markets: Sequence[str]) -> bool:
    """Tell whether somebody trades in some markets only."""
    named = [getattr(item, key, None) for key in ("market", "spot", "against", "perpetual")]
    own = {each for each in named if each} | {*base.select_markets(getattr(item, "markets", None) or ())}
    return bool(own) and own <= {*markets}


def _merge(found: Sections, more: Mapping[str, Any]) -> None:
    """Add to nested sections what they have not."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            _merge(found[key], value)
        else:
            found[key] = value
