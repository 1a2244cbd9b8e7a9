"""Checks of time: steps, anchors, shocks and recording within the run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from cascade.limits import MOST_STEPS
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.patterns import matches
from cascade.scenario.schema_prices import AnchorsNews, BarsNews
from cascade.scenario.schema_venues import Perpetual
from cascade.scenario.source import Node, Place, SourceText, Steps, dotted, walk
from cascade.scenario.words import closest
from cascade.units import format_duration, format_instant, format_moment

_DT_LOW, _DT_HIGH = 0.01, 60.0


@register("CAS112", "anchors rise in time", "assets start markets activity")
def anchors_rise(context: Context) -> Found:
    """Test the order of anchors, of funding schedules and of what else is given by time."""
    for steps, points in _schedules(context):
        before: float | None = None
        for number, point in enumerate(points):
            now = context.seconds(point[0])
            if now is not None and before is not None and now <= before:
                message = f"{format_moment(point[0])} does not come after {format_duration(before)}"
                yield Finding((*steps, number, 0), message, "sort the points by time, each time once")
            before = now if now is not None else before


def _schedules(context: Context) -> Iterator[tuple[Steps, tuple[Any, ...]]]:
    for name, asset in context.scenario.assets.items():
        if isinstance(asset.news, AnchorsNews):
            yield ("assets", name, "news", "points"), asset.news.points
        if isinstance(asset.history, AnchorsNews):
            yield ("assets", name, "history", "points"), asset.history.points
        if isinstance(asset.news, AnchorsNews | BarsNews):
            yield ("assets", name, "news", "held_bps"), asset.news.held_bps
    if context.scenario.activity is not None:
        yield ("activity", "levels"), context.scenario.activity.levels
    for name, market in context.scenario.markets.items():
        if isinstance(market, Perpetual) and not isinstance(market.funding.schedule, str):
            yield ("markets", name, "funding", "schedule"), market.funding.schedule


@register(
    "CAS113",
    "anchors of the news lie within the run, those of the history before it",
    "assets start duration",
)
def anchors_within_run(context: Context) -> Found:
    """Test the times of anchors against start and end."""
    for name, asset in context.scenario.assets.items():
        if isinstance(asset.news, AnchorsNews):
            yield from _news_points(context, name, asset.news)
        if isinstance(asset.history, AnchorsNews):
            yield from _history_points(context, name, asset.history)


def _news_points(context: Context, name: str, news: AnchorsNews) -> Iterator[Finding]:
    steps: Steps = ("assets", name, "news", "points")
    first = context.seconds(news.points[0][0])
    if first is not None and first > 0:
        message = f"the first anchor is {format_duration(first)} after the start"
        yield Finding((*steps, 0, 0), message, f"begin with [0s, {news.points[0][1]:g}]")
    for number, (moment, _) in enumerate(news.points):
        now = context.seconds(moment)
        if now is not None and now < 0:
            message = f"{format_moment(moment)} lies {format_duration(-now)} before the start"
            yield Finding((*steps, number, 0), message, f"move it to assets.{name}.history, or start earlier")
        elif now is not None and now > context.scenario.duration:
            message = f"{format_moment(moment)} lies after the end of the run"
            hint = f"remove it, or write duration: {format_duration(now)}"
            yield Finding((*steps, number, 0), message, hint, "warning")


def _history_points(context: Context, name: str, history: AnchorsNews) -> Iterator[Finding]:
    steps: Steps = ("assets", name, "history", "points")
    for number, (moment, _) in enumerate(history.points):
        now = context.seconds(moment)
        if now is not None and now > 0:
            message = f"{format_moment(moment)} lies after the start"
            yield Finding((*steps, number, 0), message, 'write times before the start, such as "-8d"')
    price, last = context.start_price(name), history.points[-1][1]
    if price is not None and abs(last / price - 1) > 0.01:
        message = f"the history ends at {last:g}, but the run starts at {price:g}"
        yield Finding((*steps, len(history.points) - 1, 1), message, f"end it with {price:g}", "warning")


@register("CAS114", "shocks lie within the run", "shocks start duration")
def shocks_within_run(context: Context) -> Found:
    """Test the times of shocks against start and end."""
    duration = context.scenario.duration
    for number, shock in enumerate(context.scenario.shocks):
        at = context.seconds(shock.at)
        if at is None:
            continue
        if at < 0 or at >= duration:
            where = "before the start" if at < 0 else f"not before the end at {format_duration(duration)}"
            hint = f"write a time from 0s to {format_duration(duration)}, or a longer duration"
            yield Finding(("shocks", number, "at"), f"{format_moment(shock.at)} is {where}", hint)
        elif at + shock.over > duration:
            message = f"it would end {format_duration(at + shock.over - duration)} after the run"
            hint = f"write over: {format_duration(duration - at)} or less"
            yield Finding(("shocks", number, "over"), message, hint, "warning")


@register("CAS170", "the window that is recorded in full lies within the run", "outputs start duration")
def window_within_run(context: Context) -> Found:
    """Test `outputs.window` against start and end."""
    window = context.scenario.outputs.window
    if window is None:
        return
    start, end = context.seconds(window.start), context.seconds(window.end)
    steps: Steps = ("outputs", "window")
    if start is None or end is None:
        hint = "add start: 2025-07-01T00:00:00Z, or write times from the start, such as 2h30m"
        yield Finding(steps, "a date in a scenario without start", hint)
    elif not 0 <= start < end <= context.scenario.duration:
        hint = f"write times that rise, between 0s and {format_duration(context.scenario.duration)}"
        yield Finding(steps, "the window does not lie within the run", hint)


@register("CAS115", "dates need the scenario's start", "start assets shocks markets")
def dates_need_start(context: Context) -> Found:
    """Test that a date is not used without `start:`, which bars need as well."""
    if context.scenario.start is not None:
        return
    hint = "add start: 2025-07-01T00:00:00Z, or write times from the start, such as 2h30m"
    for steps, points in _schedules(context):
        for number, point in enumerate(points):
            if isinstance(point[0], datetime):
                yield Finding((*steps, number, 0), "a date in a scenario without start", hint)
    for number, shock in enumerate(context.scenario.shocks):
        if isinstance(shock.at, datetime):
            yield Finding(("shocks", number, "at"), "a date in a scenario without start", hint)
    for name, asset in context.scenario.assets.items():
        for part in ("news", "history"):
            if isinstance(getattr(asset, part), BarsNews):
                yield Finding(("assets", name, part, "file"), "bars in a scenario without start", hint)


@register("CAS118", "the time step suits the run and the venues", "dt duration venues outputs")
def step_suits(context: Context) -> Found:
    """Test the step's range, that it divides the run, and warn where it is longer than a venue's clock."""
    scenario, dt = context.scenario, context.scenario.dt
    if not _DT_LOW <= dt <= _DT_HIGH:
        yield Finding(("dt",), f"{format_duration(dt)} is not a time step", "write dt: 1s, from 10ms to 60s")
        return
    n_steps = scenario.duration / dt
    if n_steps > MOST_STEPS:
        longer = next(
            (step for step in (1.0, 10.0, _DT_HIGH) if scenario.duration / step <= MOST_STEPS), _DT_HIGH
        )
        hint = f"write dt: {format_duration(longer)}, or duration: {format_duration(MOST_STEPS * dt)} at most"
        yield Finding(("dt",), f"the run has {n_steps:.3g} steps: more than {MOST_STEPS:,}", hint)
    for steps, length in ((("duration",), scenario.duration), (("outputs", "bars"), scenario.outputs.bars)):
        if abs(length / dt - round(length / dt)) > 1e-6 or length < dt:
            message = f"{format_duration(length)} is not a whole number of steps of {format_duration(dt)}"
            hint = f"write {steps[-1]}: {format_duration(max(1, round(length / dt)) * dt)}"
            yield Finding(steps, message, hint)
    for name, rulebook in context.rulebooks.items():
        clock = rulebook.liquidation.clock_s
        if rulebook.kind == "perpetual" and dt > clock:
            message = f"{format_duration(dt)} is longer than the clock of {name}, {format_duration(clock)}"
            hint = f"write dt: {format_duration(clock)}: fewer margin tests than the venue makes"
            yield Finding(("dt",), message, hint, "warning")


MOST_GUESSES: Final = 20
"""After so many a hint helps nobody, and each is looked for among all figures."""


@register("CAS119", "every pattern of `sources` matches a figure", "sources")
def sources_match(context: Context) -> Found:
    """Warn of patterns of this file that match no figure, defaults included.

    What a file extends may have patterns for what the variant has removed.
    """
    from cascade.scenario.load import to_data
    from cascade.scenario.overrides import from_data

    if not context.scenario.sources:
        return
    nowhere = Place(SourceText("", (), context.root.place.source.directory), 0, 0)
    paths = _paths(from_data(to_data(context.scenario), nowhere))
    written = context.root.child("sources")
    guesses = 0
    for pattern in context.scenario.sources:
        node = written.child(pattern) if written is not None else None
        own = node is None or node.place.source.name == context.root.place.source.name
        if not own or _may_be_missing(context, pattern) or any(matches(path, pattern) for path in paths):
            continue
        guesses += 1
        guess = closest(pattern, paths) if guesses <= MOST_GUESSES else None
        hint = (
            f"did you mean {guess}?" if guess else "write a dotted path, such as population.retail.leverage"
        )
        yield Finding(("sources", pattern), f"no figure matches '{pattern}'", hint, "warning", on_key=True)


def _may_be_missing(context: Context, pattern: str) -> bool:
    return any(matches(section, pattern.partition(".")[0]) for section in context.missing.sections)


def _paths(root: Node) -> list[str]:
    found: dict[str, None] = {}
    for steps, _ in walk(root):
        if steps and steps[0] != "sources":
            found[dotted(root, steps)] = None
            found[".".join(str(step) for step in steps)] = None
    return list(found)


@register("CAS132", "bars cover the run", "assets start duration")
def bars_cover_run(context: Context) -> Found:
    """Test that bars reach from the start to the end, and a history to before the start."""
    start = context.scenario.start
    for name, asset in context.scenario.assets.items():
        for part in ("news", "history"):
            source = getattr(asset, part)
            bars = context.bars(source) if isinstance(source, BarsNews) else None
            if bars is None or start is None:
                continue
            begin = start.timestamp()
            end = begin + (context.scenario.duration if part == "news" else 0)
            first, last = float(bars.time_s[0]), float(bars.time_s[-1] + bars.length_s[-1])
            if (part == "news" and first > begin) or last < end or (part == "history" and first >= begin):
                span = f"{_iso(first)} to {_iso(last)}"
                message = f"the bars reach from {span}, but {part} needs {_iso(begin)} to {_iso(end)}"
                message = (
                    message
                    if part == "news"
                    else f"the bars reach from {span}, not to the start {_iso(begin)}"
                )
                yield Finding(
                    ("assets", name, part, "file"), message, "change start: or duration:, or add bars"
                )


def _iso(seconds: float) -> str:
    from datetime import UTC

    return format_instant(datetime.fromtimestamp(seconds, UTC))
