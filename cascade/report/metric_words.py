"""What a reader sees instead of the names of metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from cascade.analysis.formats import capital, format_value
from cascade.analysis.metrics import column_name
from cascade.experiment.bounds import Event
from cascade.output.run_units import MarketUnits
from cascade.report.summary import ENSEMBLE_LABELS
from cascade.report.summary_plan import MARKET_LABELS, RUN_LABELS
from cascade.units import format_usd

_NOUNS: Final = {"adl_usd": "auto-deleveraging", "adl_accounts": "number of accounts auto-deleveraged"}
"""Metrics whose row in the summary is no noun."""

_PARTS: Final = {
    f"{part}_{way}_bps": f"{way} of the mark {words}"
    for way in ("fall", "rise")
    for part, words in (
        ("outside", "from outside"),
        ("stops", "that stops added"),
        ("added", "that liquidations added"),
    )
}
"""Parts of the move of a market: their rows in the summary are read below its own."""

_RELATIONS: Final = {">": "above", ">=": "of at least", "<": "below", "<=": "of at most"}


def metric_words(metric: str, markets: Iterable[str] = ()) -> str:
    """Return what a reader calls a metric, and of which of some markets; of one that no summary shows, its name."""
    named = _NOUNS.get(metric) or ENSEMBLE_LABELS.get(metric) or RUN_LABELS.get(metric)
    if named:
        return named
    return next(
        (
            f"{label} ({market})" for market in markets for name, label in (MARKET_LABELS | _PARTS).items()
            if column_name(f"{{market}}_{name}", market) == metric
        ),
        metric,
    )  # fmt: skip


def brief_markets(markets: Iterable[MarketUnits]) -> dict[str, str]:
    """Return what markets with leverage are called: by their coin where it has one only, else by their names."""
    assets = {each.name: each.asset for each in markets if each.leveraged}
    count = Counter(assets.values())
    return {name: asset if count[asset] == 1 else name for name, asset in assets.items()}


def brief_words(metric: str, markets: Mapping[str, str]) -> str:
    """Return the same as the head of a column: of which market first, and only where there are several.

    Parameters
    ----------
    markets
        What each is called, by its name.
    """
    words = metric_words(metric, markets)
    market = next((each for each in markets if words.endswith(f" ({each})")), "")
    name = words.removesuffix(f" ({market})")
    return f"{markets[market]}: {name}" if market and len(markets) > 1 else name


def event_words(event: Event) -> str:
    """Return an event as the beginning of a sentence: `Total liquidated above 3M USD`."""
    words = metric_words(event.metric, event.markets)
    bound = f"{format_usd(event.bound)} USD" if event.unit == "USD" else format_value(event.bound, event.unit)
    return f"{capital(words)} {_RELATIONS[event.operator]} {bound}"
