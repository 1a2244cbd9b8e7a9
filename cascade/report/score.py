"""A scorecard as a reader sees it: the answer in a sentence, then figures, baselines and registrations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cascade.analysis.formats import MISSING, format_bare, format_value, with_ends
from cascade.analysis.statistics import CONFIDENCE, Estimate
from cascade.calibration.baselines import BASELINES
from cascade.calibration.scorecard import (
    AMOUNTS,
    MODEL,
    PER_SERIES,
    SHARES,
    Card,
    Difference,
    Row,
    Scorecard,
    key_of,
)
from cascade.calibration.scores import FEWEST_RANKED, PINBALL
from cascade.report.plain_table import rich_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cascade.calibration.map_score import MapScore
    from cascade.calibration.sealed import Opened, Sealed

MOST_ROWS: Final = 24
"""Figures that a terminal shows; the page and --json have all of them."""


class Stamp(NamedTuple):
    """What was registered of an event or its map, and what was opened for that."""

    name: str
    made: Sealed[Any, Any]
    opened: Opened[Any]


def number(value: float | None) -> str:
    """Return a score or ratio with three digits."""
    return MISSING if value is None else f"{value:.3g}"


def estimate_text(estimate: Estimate | None) -> str:
    """Return a figure with its interval."""
    return MISSING if estimate is None else with_ends(estimate, number)


def coverage_text(card: Scorecard, share: float) -> str:
    """Return how many figures lie in their intervals, with the exact interval of that share."""
    found = card.coverage(share)
    if found is None:
        return f"no figure has an interval of {100 * share:.0f} %"
    inside = round(found.value * found.n)
    held = (
        f"lies in its {100 * share:.0f} % interval"
        if inside == 1
        else f"lie in their {100 * share:.0f} % intervals"
    )
    return f"{inside} of {found.n} figures {held} ({_share_text(found)})"


def answer(card: Scorecard) -> str:
    """Return what was found, in two or three sentences."""
    if not card.rows:
        return "No figure was both foretold and observed."
    found = [each for each in card.differences if each.series == AMOUNTS]
    told = {sign: [each.baseline for each in found if _points(each) == sign] for sign in (-1, 0, 1)}
    parts = [
        f"{said} {', '.join(names)}"
        for said, names in (
            ("better than", told[-1]),
            ("worse than", told[1]),
            ("not to be told from", told[0]),
        )
        if names
    ]
    against = f" By CRPS of what was liquidated it is {'; '.join(parts)}." if parts else ""
    if found and all(each.difference.low is None for each in found):
        against = " Whether it does better than simple formulas takes six events or days to say."
    of_amounts = card.coverage(0.9, card.amounts)
    apart = ""
    if of_amounts is not None and len(card.amounts) < len(card.rows):
        inside = round(of_amounts.value * of_amounts.n)
        apart = f" Of what was liquidated it is {inside} of {of_amounts.n} ({_share_text(of_amounts)})."
    return f"{coverage_text(card, 0.9)}.{apart}{against}"


def _share_text(found: Estimate) -> str:
    """Return a share with its exact interval, in per cent."""
    assert found.low is not None
    assert found.high is not None
    return f"{100 * found.value:.0f} %; {100 * found.low:.0f}-{100 * found.high:.0f} %"


def _points(found: Difference) -> int:
    """Return -1 where the simulation is better for certain, 1 where it is worse, else 0."""
    low, high = found.difference.low, found.difference.high
    return 0 if low is None or high is None else (low > 0.0) - (high < 0.0)


def remarks(card: Scorecard) -> Iterator[str]:
    """Yield what to know of a scorecard."""
    for each in stamps(card):
        yield from _of_registration(each)
    for each in card.cards:
        for name, reason in each.unscored.items():
            yield f"{each.event.name}: {name} is not scored: {reason}."
    draws = [len(row.model.draws) for row in card.rows]
    if draws and min(draws) < FEWEST_RANKED:
        yield (
            f"Intervals of fewer than {FEWEST_RANKED} replicates are Student's, on the scale of the score; ask for more "
            "with --replicates."
        )
    absent = sum(row.prediction.absent > 0 for row in card.rows)
    if absent:
        yield f"{absent} figures have no value in some replicates, which are left out."


def stamps(card: Scorecard) -> list[Stamp]:
    """Return what was registered and opened of each event, and of its map."""
    events = [Stamp(each.event.name, each.registration, each.opened) for each in card.cards]
    maps = [
        Stamp(f"{each.registration.event}, its map", each.registration, each.opened) for each in card.maps
    ]
    return [*events, *maps]


def _of_registration(stamp: Stamp) -> Iterator[str]:
    name, opened = stamp.name, stamp.opened
    if opened.seen is not None:
        yield (
            f"{name}: its observed values had been opened for another registration, {opened.seen:%Y-%m-%d %H:%M} UTC, "
            "before this one was made: it is not a forecast."
        )
    if opened.others:
        yield f"{name}: the folder holds {opened.others} further registrations of it."
    if opened.is_changed:
        yield f"{name}: the file of observed values is not the one that lay there first, unopened or opened."


def how() -> str:
    """Return what the figures are."""
    return (
        f"Coverage with its exact interval of {CONFIDENCE:.0%}; CRPS in the logarithm of 1,000 USD or one account more "
        "for what was liquidated, of prices and volatility in the logarithm, else in the figure's unit; intervals of "
        "scores by a block bootstrap over events or days: cascade docs score."
    )


def value_text(value: float | None, row: Row) -> str:
    """Return a value of a figure in its unit."""
    return MISSING if value is None else format_value(value, row.prediction.figure.unit)


def interval_text(row: Row, share: float) -> str:
    """Return a central interval of what was foretold."""
    found = row.model.interval(share)
    unit = row.prediction.figure.unit
    return MISSING if found is None else f"{format_bare(found[0], unit)} to {format_bare(found[1], unit)}"


def inside_text(inside: bool | None) -> str:
    """Return whether a value lies in an interval."""
    return MISSING if inside is None else "inside" if inside else "outside"


def score_rich(card: Scorecard) -> list[RenderableType]:
    """Return a scorecard for a terminal."""
    titles = ("event", "figure", "observed", "median", "90 % interval", "", "50 %", "PIT", "CRPS")
    shown = card.rows[:MOST_ROWS]
    rows = [
        (
            row.event, row.name, value_text(row.observed, row), value_text(row.model.median, row),
            interval_text(row, 0.9), inside_text(row.is_inside(0.9)), inside_text(row.is_inside(0.5)),
            f"{sum(row.pit) / 2:.2f}", number(_crps(row, MODEL)),
        )
        for row in shown
    ]  # fmt: skip
    left = len(card.rows) - len(shown)
    more = [f"and {left} more figures, on the page and in --json"] if left else []
    parts: list[RenderableType] = [answer(card), "", _table(titles, rows), *more, ""]
    over = [each for each in card.series if len(each.rows) > 1]
    if over:
        names = [(each.name, str(len(each.rows)), *(estimate_text(getattr(each, name)) for name in PER_SERIES))
                 for each in over]  # fmt: skip
        parts += [_table(("over days", "n", *(name.replace("_", " ") for name in PER_SERIES)), names), ""]
    if card.differences:
        parts += [_table(("against", "of", "n", "CRPS", "its CRPS", "difference"), _against(card)), ""]
    lacking = [f"{name} was not made: {_reason(card, name)}." for name in BASELINES if _is_absent(card, name)]
    for each in card.maps:
        parts += [map_answer(each.score), *map_remarks(each.score), ""]
    lines = [
        (each.name, when(each.made.registered), each.made.sha256[:16], when(each.opened.opened), each.opened.sha256[:16])
        for each in stamps(card)
    ]  # fmt: skip
    registered = _table(
        ("event", "registered (UTC)", "sha256", "opened (UTC)", "sha256 of the values"), lines
    )
    return [*parts, registered, "", *lacking, *remarks(card), how()]


def when(moment: datetime) -> str:
    """Return a time of a registration."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _against(card: Scorecard) -> list[tuple[str, ...]]:
    return [
        (each.baseline, each.series, str(each.figures), number(each.model), number(each.other),
         estimate_text(each.difference))
        for each in card.differences
    ]  # fmt: skip


def _is_absent(card: Scorecard, name: str) -> bool:
    return all(name not in row.prediction.baselines for row in card.rows) and name in card.lacking


def _reason(card: Scorecard, name: str) -> str:
    """Return why a baseline was not made: the reason of most figures that it says something of."""
    reasons = card.lacking[name]
    telling = {
        reason: n for reason, n in reasons.items() if not reason.startswith("it says nothing")
    } or reasons
    return max(telling, key=lambda reason: telling[reason])


def _crps(row: Row, name: str) -> float | None:
    found = row.scored(name)
    return None if found is None else found.crps


def map_answer(found: MapScore) -> str:
    """Return how a liquidation map did, in a sentence."""
    told = "beats" if found.gain.value > 0.0 else "is worse than"
    verdict = told if found.gain.excludes(0.0) else "cannot be told from"
    return (
        f"{found.market}: {100 * found.overlap.value:.0f} % of what was liquidated lies where the map has it, "
        f"{100 * found.null_overlap:.0f} % where distance along the path alone has it; the map {verdict} that null."
    )


def map_remarks(found: MapScore) -> Iterator[str]:
    """Yield what else a map's score says."""
    total = sum(float(each.realised_usd.sum()) for each in found.sides)
    yield f"Difference {estimate_text(found.gain)} over {found.n} bands of 0.25 %."
    yield f"Rank correlation of the bands {estimate_text(found.rank_correlation)}, p {found.rank_p:.2g} of turned maps."
    yield (
        f"The densest half of the map spans {100 * found.half_distance:.0f} % of the crossed distance and holds "
        f"{estimate_text(found.coverage)} of what was liquidated."
    )
    yield f"The map has {number(found.level)} times the {format_value(total, 'USD')} liquidated there."
    if found.beyond_usd > 0.0:
        yield f"{format_value(found.beyond_usd, 'USD')} were liquidated outside of the path from the start price on."


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    return rich_table(titles, rows, left=range(2), wraps=range(1))


def score_dict(card: Scorecard) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "answer": answer(card),
        "confidence": CONFIDENCE,
        "coverage": {f"{100 * share:.0f}": card.coverage(share) for share in SHARES},
        "measures": card.measures,
        "figures": [_row_dict(row) for row in card.rows],
        "series": [
            {"name": each.name, "key": key_of(each.name), "figures": len(each.rows),
             **{name: getattr(each, name) for name in PER_SERIES}}
            for each in card.series
        ],
        "pit": None if card.histogram is None else card.histogram.tolist(),
        "differences": list(card.differences),
        "baselines": [
            {"name": each.name, "title": each.title, "formula": each.formula, "source": each.source,
             "figures": sum(each.name in row.prediction.baselines for row in card.rows),
             "lacking": card.lacking.get(each.name, {})}
            for each in BASELINES.values()
        ],
        "events": [_card_dict(each) for each in card.cards],
        "maps": [{**map_dict(each.score), **_stamp_dict(each.registration, each.opened)} for each in card.maps],
        "notes": list(remarks(card)),
    }  # fmt: skip


def _row_dict(row: Row) -> dict[str, Any]:
    names = [MODEL, *row.prediction.baselines]
    scores = {name: found for name in names if (found := row.scored(name)) is not None}
    return {
        "event": row.event, "name": row.name, "series": key_of(row.series), "unit": row.prediction.figure.unit,
        "scale": str(row.prediction.measured.scale), "observed": row.observed, "replicates": len(row.model.draws),
        "median": row.model.median, "method": row.model.method,
        **{f"interval_{100 * share:.0f}": row.model.interval(share) for share in SHARES},
        **{f"inside_{100 * share:.0f}": row.is_inside(share) for share in SHARES},
        "pit": row.pit,
        "scores": {
            name: {"crps": each.crps, "pinball": {f"{100 * share:g}": loss for share, loss
                                                  in zip(PINBALL, each.pinball, strict=True)}}
            for name, each in scores.items()
        },
    }  # fmt: skip


def _card_dict(card: Card) -> dict[str, Any]:
    registration, opened = card.registration, card.opened
    return {
        "name": card.event.name, "title": card.event.title, **_stamp_dict(registration, opened),
        "unscored": dict(card.unscored),
    }  # fmt: skip


def registration_dict(made: Sealed[Any, Any]) -> dict[str, Any]:
    """Return what ``--json`` prints of a registration."""
    return {
        "registration": str(made.path), "registered": made.registered.isoformat(), "sha256": made.sha256,
        **made.request._asdict(),
    }  # fmt: skip


def _stamp_dict(made: Sealed[Any, Any], opened: Opened[Any]) -> dict[str, Any]:
    return {
        **registration_dict(made), "opened": opened.opened.isoformat(), "observed_sha256": opened.sha256,
        "observed_is_changed": opened.is_changed,
        "seen_before": None if opened.seen is None else opened.seen.isoformat(),
        "other_registrations": opened.others,
    }  # fmt: skip


def map_dict(found: MapScore) -> dict[str, Any]:
    """Return what ``--json`` prints of a map."""
    return {
        "market": found.market, "price": found.price, "path": found.path, "bands": found.n,
        "beyond_usd": found.beyond_usd, "rank_correlation": found.rank_correlation, "rank_p": found.rank_p,
        "overlap": found.overlap, "null_overlap": found.null_overlap, "gain": found.gain,
        "coverage": found.coverage, "half_distance": found.half_distance, "level": found.level,
        "sides": [
            {"side": each.side, "crossed": each.crossed.tolist(), "expected_usd": each.expected_usd.tolist(),
             "realised_usd": each.realised_usd.tolist()}
            for each in found.sides
        ],
    }  # fmt: skip
