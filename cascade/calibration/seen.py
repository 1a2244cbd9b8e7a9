"""What archives tell of the event itself, as figures that may be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cascade.calibration.archives import Folder
from cascade.calibration.figures import What, sampled_volatility_pct
from cascade.calibration.market import Coin, Frame
from cascade.calibration.measured import Liquidated, OpenInterest, liquidated
from cascade.calibration.price_bars import DAY_S, instant


@dataclass(frozen=True)
class Seen:
    """A value that was observed, and the figure that asks for it."""

    name: str
    asked: Mapping[str, Any]
    value: float
    source: str
    files: tuple[str, ...]


def seen_of(folder: Folder, coin: Coin, frame: Frame, ask: Sequence[str]) -> Iterator[Seen]:
    """Yield what was observed of a coin, of the kinds that are asked for."""
    for kind in ask:
        yield from KINDS[kind](folder, coin, frame)


def _liquidations(folder: Folder, coin: Coin, frame: Frame) -> Iterator[Seen]:
    found = [*liquidated(folder, coin.name, frame.begin_s, frame.end_s)]
    for each in found:
        tail = _tail(each, found)
        window = {
            "asset": coin.name, "from": instant(each.begin), "to": instant(each.end),
            "venues": [venue for venue in each.venues if venue in frame.shares],
        }  # fmt: skip
        if not set(each.venues) <= set(frame.shares):
            continue  # of more venues than the market stands for
        source = f"liquidations that the feeds of {', '.join(each.venues)} showed"
        for side, usd in each.usd.items():
            name = f"{coin.name.lower()}_{side}{tail}"
            yield Seen(name, {"what": "liquidated_usd", "side": side, **window}, usd, source, each.files)
        if each.largest_usd is not None:
            name = f"{coin.name.lower()}_largest{tail}"
            yield Seen(
                name, {"what": "largest_liquidation_usd", **window}, each.largest_usd, source, each.files
            )


def _tail(one: Liquidated, found: Sequence[Liquidated]) -> str:
    """Return what tells the name of a figure from those of other days and other venues."""
    others = [each for each in found if each is not one]
    venue = (
        f"_{one.venues[0]}"
        if any(each.venues != one.venues for each in others) and len(one.venues) == 1
        else ""
    )
    day = f"_{instant(one.begin)[:10]}" if any(each.venues == one.venues for each in others) else ""
    return f"{venue}{day}"


def _prices(_: Folder, coin: Coin, frame: Frame) -> Iterator[Seen]:
    """Yield figures of the path, which say whether a market keeps to it: they foretell nothing."""
    bars = frame.during(coin.bars)
    if len(bars) < 2:
        return
    low, high = float(bars.prices[:, 2].min()), float(bars.prices[:, 1].max())
    values: dict[What, float] = {
        "low_usd": low,
        "high_usd": high,
        "range_pct": 100.0 * (high / low - 1.0),
        "return_pct": 100.0 * float(bars.prices[-1, 3] / bars.prices[0, 0] - 1.0),
        "realised_volatility_pct": sampled_volatility_pct(bars.time_s, bars.prices[:, 3], frame.begin_s),
    }
    source = f"bars, {'spot' if bars.is_spot else 'perpetual'} of {bars.venue or 'a venue'}"
    for what, value in values.items():
        name = f"{coin.name.lower()}_{what.rpartition('_')[0]}"
        yield Seen(name, {"what": what, "asset": coin.name}, value, source, bars.files)


def _open_interest(folder: Folder, coin: Coin, frame: Frame) -> Iterator[Seen]:
    """Yield how open interest changed: over the whole days of the event, at whose ends every source has a value."""
    begin = -(-frame.begin_s // DAY_S) * DAY_S
    end = frame.end_s // DAY_S * DAY_S
    if not begin < end:
        return
    history = OpenInterest(folder, coin.name, [*frame.shares])
    before, after = (history.at(each, coin.bars.price_at(each)) for each in (begin, end))
    if before is None or after is None or before.venues != after.venues:
        return
    asked = {
        "what": "open_interest_change_pct",
        "asset": coin.name,
        "from": instant(begin),
        "to": instant(end),
    }
    value = 100.0 * (after.value / before.value - 1.0)
    source = f"open interest in USD, each at the price of its time, of {', '.join(after.venues)}"
    yield Seen(f"{coin.name.lower()}_open_interest_change", asked, value, source, after.files)


KINDS: Final = {"liquidations": _liquidations, "open_interest": _open_interest, "prices": _prices}
"""What can be asked: liquidations by side, the change of open interest, the path that the scenario is given."""
