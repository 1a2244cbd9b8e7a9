"""Which metrics a comparison shows first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from cascade.analysis.metrics import column_name, short_name
from cascade.errors import UsageError
from cascade.experiment.comparison.types import Change, Measure
from cascade.output.run_units import RunUnits
from cascade.scenario.words import did_you_mean

_OF_RUNS: Final = ("complete_usd", "complete_var95_usd", "liquidated_accounts")

_OF_MARKETS: Final = ("{market}_fall_bps", "{market}_rise_bps", "{market}_amplification")

_OF_STOPS: Final = ("{market}_stops_fall_bps", "{market}_added_fall_bps")
"""What stops and liquidations added to a fall, where there are stops."""

_OF_LOSSES: Final = (
    "fund_draw_usd", "fund_low_usd", "fund_depletion_probability", "adl_usd", "adl_accounts", "bad_debt_usd",
    "bad_debt_es95_usd", "bad_debt_probability",
)  # fmt: skip

_BORNE: Final = ("fund_draw_usd", "adl_usd", "bad_debt_usd")
"""Who bore it: asked after what was liquidated and how far markets moved."""

_OF_FUNDS: Final = ("fund_start_usd", "fund_low_usd", "fund_end_usd")
"""What a fund holds: where its size is changed, an input and no outcome."""

_OF_PRICES: Final = ("{market}_start_price",)

_MARKETS: Final = 4
"""Markets whose metrics come first; with more, a table is no longer read."""


def default_headline(
    units: RunUnits, measures: Mapping[str, Measure], *, stops: bool = False
) -> tuple[str, ...]:
    """Return what a committee asks first; it depends on the scenarios alone, never on the results."""
    return tuple(name for name in _wanted(units, stops) if name in measures)


def _wanted(units: RunUnits, stops: bool) -> Iterator[str]:
    yield from _OF_RUNS
    for market in [market for market in units.markets if market.leveraged][:_MARKETS]:
        of_market = (*_OF_MARKETS, *(_OF_STOPS if stops else ()))
        yield from (column_name(template, market.name) for template in of_market)
    yield from _OF_LOSSES


def as_asked(metrics: Iterable[str], markets: Iterable[str], median: Callable[[str], float]) -> list[str]:
    """Return metrics in the order in which a committee asks for them; those that it does not, keep theirs.

    Parameters
    ----------
    markets
        Names of the markets with leverage, of which the move comes first that is the larger one.
    median
        What a metric is in the middle replicate of the first run; NaN for one that it has not.
    """
    moves = [column_name(f"{{market}}_{way_of(each, median)}_bps", each) for each in markets]
    places = {name: place for place, name in enumerate(("complete_usd", *moves, *_BORNE))}
    return sorted(metrics, key=lambda metric: places.get(metric, len(places)))


def way_of(market: str, median: Callable[[str], float]) -> str:
    """Return which way a market was stressed: its mark rises farther than it falls, or not."""
    falls, rises = (median(column_name(f"{{market}}_{way}_bps", market)) for way in ("fall", "rise"))
    return "rise" if rises > falls else "fall"


def inputs(changed: Iterable[Change]) -> frozenset[str]:
    """Return the metrics that changes of a scenario set themselves: a fund is larger because it was made larger."""
    paths = [each.path.split(".") for each in changed]
    is_fund = any(path[0] == "venues" and "fund" in path[2:] for path in paths)
    is_price = any(path[0] == "assets" and path[-1] == "price" for path in paths)
    return frozenset((*(_OF_FUNDS if is_fund else ()), *(_OF_PRICES if is_price else ())))


def select(names: Sequence[str], measures: Mapping[str, Measure]) -> tuple[str, ...]:
    """Return the metrics that names mean: `amplification` is that of every market.

    Raises
    ------
    UsageError
        A name that is none.
    """
    return tuple(dict.fromkeys(found for name in names for found in _meant(name, measures)))


def _meant(name: str, measures: Mapping[str, Measure]) -> list[str]:
    if name in measures:
        return [name]
    found = [each.name for each in measures.values() if name in {each.entry, short_name(each.entry)}]
    if not found:
        known = dict.fromkeys((*map(short_name, (each.entry for each in measures.values())), *measures))
        raise UsageError(
            f"no run has a metric '{name}'{did_you_mean(name, known)}",
            where="--metric",
            remedy="all that can be compared: cascade compare ... --all; what each means: cascade docs metrics",
        )
    return found
