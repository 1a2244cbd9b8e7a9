"""What the public feeds of venues showed of their liquidations, by date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from cascade.output.run_units import Feed
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import Reporting

HIDDEN: Final[Feed] = "none"
"""The feed of accounts of which nothing is published."""

_COMPLETE_SINCE: Final = {
    "bybit": datetime(2025, 2, 25, tzinfo=UTC),
    "hyperliquid": datetime(2023, 1, 1, tzinfo=UTC),
}
"""Since when a venue publishes every liquidation; others publish the latest of a second."""

LATEST_SHOWS: Final = 0.44
"""Part of a venue's liquidated USD that a feed of the latest order of each second shows.

Daily totals of Binance, OKX and Bybit at given range and open interest rose to 1.29 to 1.47 times on 25 February 2025
(BTC, ETH and SOL, 30 and 60 days on each side): with the shares of the three this is 0.40 to 0.52.
"""

SHOWN_SOURCE: Final = "totals of three venues before and after Bybit's feed became complete, 25 February 2025"


def feeds_at(venues: Sequence[str], moment: datetime) -> dict[str, Feed]:
    """Return what venues published of their liquidations at a time."""
    late = datetime.max.replace(tzinfo=UTC)
    return {
        each: "complete" if moment >= _COMPLETE_SINCE.get(each, late) else "latest_per_second"
        for each in venues
    }


def shown_at(venue: str, moment: datetime) -> float:
    """Return the part of a venue's liquidated USD that its feed showed at a time."""
    return 1.0 if feeds_at([venue], moment)[venue] == "complete" else LATEST_SHOWS


def hides(base: Scenario) -> bool:
    """Tell whether a market hides a part of its accounts by itself, in place of thinning feeds."""
    return any(each.feed == HIDDEN for each in reporting_of(base))


def reporting_of(base: Scenario) -> list[Reporting]:
    """Return the reporting venues that a market stands for."""
    return [each for venue in base.venues.values() for each in venue.reporting]


def accounts_of(base: Scenario) -> Mapping[str, float]:
    """Return the share of the accounts that each reporting venue has.

    Where a market hides what feeds do not show, a venue's share in it is that of the accounts that were shown.
    """
    told = {each.name: each.share for each in reporting_of(base) if each.feed != HIDDEN}
    if not hides(base) or base.start is None:
        return told
    return {name: share / shown_at(name, base.start) for name, share in told.items()}
