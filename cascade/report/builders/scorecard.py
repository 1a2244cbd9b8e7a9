"""Tables of a scorecard: what was foretold and observed, over days, against baselines, and what was registered when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cascade.analysis.formats import format_value
from cascade.calibration.baselines import BASELINES
from cascade.calibration.scorecard import MODEL, Row, Scorecard, Series
from cascade.calibration.scores import PINBALL, Scale
from cascade.exposure.liquidation_map import WIDTH
from cascade.report.builders.study import Missing, Study
from cascade.report.builders.table import (
    Column,
    Table,
    Value,
    estimate_columns,
    scaled,
    text_column,
)
from cascade.report.score import inside_text, interval_text, stamps, value_text, when

if TYPE_CHECKING:
    from cascade.calibration.map_score import MapScore

FEWEST_DRAWN: Final = 3
"""Figures of a series from which they are drawn."""

_NAMES: Final = {
    "crps": "CRPS", "log_correlation": "correlation of logs", "elasticity": "elasticity to range",
    "observed_elasticity": "that observed", "median_ratio": "median ratio", "log_rmse": "rmse of logs",
}  # fmt: skip


class Drawn(NamedTuple):
    """A series, or a map, with the table that is drawn of it."""

    of: Series
    table: Table


def figures(study: Study) -> list[Table]:
    """Return every figure with what was foretold of it."""
    card = study.scorecard
    if card is None or not card.rows:
        return []
    rows = card.rows
    scores = [row.scored(MODEL) for row in rows]
    pinball = [
        Column(f"pinball_{100 * share:g}", f"pinball, {100 * share:g} %",
               [None if each is None else each.pinball[place] for each in scores], "1", hidden=True)
        for place, share in enumerate(PINBALL)
    ]  # fmt: skip
    baselines = [
        Column(f"crps_{name}", f"CRPS of {each.title}", [_crps(row, name) for row in rows], "1", hidden=True)
        for name, each in BASELINES.items()
    ]
    ends = [row.model.interval(0.9) for row in rows]
    table = Table("scores", "Figures, in the order of time", (
        text_column("figure", "figure", [f"{row.event}: {row.name}" for row in rows]),
        text_column("observed_text", "observed", [value_text(row.observed, row) for row in rows]),
        text_column("median_text", "median", [value_text(row.model.median, row) for row in rows]),
        text_column("interval_90", "90 % interval", [interval_text(row, 0.9) for row in rows]),
        text_column("inside_90", "in it?", [inside_text(row.is_inside(0.9)) for row in rows]),
        Column("pit", "PIT", [sum(row.pit) / 2.0 for row in rows], "1"),
        Column("crps", "CRPS", [None if each is None else each.crps for each in scores], "1"),
        _hidden("inside_50", "in that of 50 %?", [inside_text(row.is_inside(0.5)) for row in rows]),
        _hidden("unit_of_figure", "unit", [row.prediction.figure.unit for row in rows]),
        Column("observed", "observed", [row.observed for row in rows], "1", hidden=True),
        Column("median", "median", [row.model.median for row in rows], "1", hidden=True),
        Column("low_90", "90 % interval, low", [None if each is None else each[0] for each in ends], "1", hidden=True),
        Column("high_90", "90 % interval, high", [None if each is None else each[1] for each in ends], "1", hidden=True),
        Column("replicates", "replicates", [len(row.model.draws) for row in rows], hidden=True),
        *pinball, *baselines,
    ))  # fmt: skip
    return [table]


def _hidden(name: str, label: str, values: Sequence[str]) -> Column:
    """Return a column of names that the file has, and the page not."""
    return Column(name, label, values, "", "text", hidden=True)


def _crps(row: Row, name: str) -> float | None:
    found = row.scored(name)
    return None if found is None else found.crps


def histogram(study: Study) -> list[Table] | Missing | None:
    """Return how many figures lie in each part of what was foretold."""
    card = study.scorecard
    if card is None:
        return None
    counts = card.histogram
    if counts is None:
        return Missing(f"a PIT histogram needs more than the {len(card.rows)} figures")
    n = len(counts)
    edges = np.linspace(0.0, 1.0, n + 1)
    names = [f"{low:.1f} to {high:.1f}" for low, high in pairwise(edges)]
    return [Table("pit", "Figures by their place in what was foretold", (
        text_column("place", "PIT", names),
        Column("figures", "figures", counts, "1"),
        Column("expected", "of a true forecast", np.full(n, counts.sum() / n), "1"),
    ))]  # fmt: skip


def series(study: Study) -> list[Table]:
    """Return figures that are alike over days, a row each."""
    card = study.scorecard
    found = [] if card is None else [each for each in card.series if len(each.rows) > 1]
    if not found:
        return []
    columns = [
        column
        for name, label in _NAMES.items()
        for column in estimate_columns(name, label, [getattr(each, name) for each in found], "1")
    ]
    return [Table("series", "Figures that are alike but for their windows", (
        text_column("series", "figures", [each.name for each in found]),
        Column("n", "days", [len(each.rows) for each in found]),
        *columns,
    ))]  # fmt: skip


def drawn(study: Study) -> list[Drawn] | None:
    """Return the series that are drawn: three figures and more, positive."""
    if study.scorecard is None:
        return None
    found = [each for each in study.scorecard.series if len(each.rows) >= FEWEST_DRAWN]
    return [
        Drawn(each, _drawn(each, place))
        for place, each in enumerate(found)
        if each.rows[0].prediction.measured.scale is not Scale.PLAIN
    ]


def _drawn(found: Series, place: int) -> Table:
    rows = [row for row in found.rows if row.observed > 0.0 and row.model.median > 0.0]
    unit = rows[0].prediction.figure.unit if rows else "1"
    ends = [row.model.interval(0.9) for row in rows]
    return Table(f"days_{place}", f"{found.name}, foretold and observed", (
        text_column("figure", "figure", [f"{row.event}: {row.name}" for row in rows]),
        Column("observed", "observed", [row.observed for row in rows], unit),
        Column("median", "foretold, median", [row.model.median for row in rows], unit),
        Column("low", "90 % interval, low", [_positive(each, 0) for each in ends], unit, hidden=True),
        Column("high", "90 % interval, high", [_positive(each, 1) for each in ends], unit, hidden=True),
    ))  # fmt: skip


def _positive(ends: tuple[float, float] | None, place: int) -> float | None:
    return ends[place] if ends is not None and ends[0] > 0.0 else None


def against(study: Study) -> list[Table]:
    """Return the simulation's CRPS less that of each baseline, and what baselines are."""
    card = study.scorecard
    if card is None:
        return []
    is_drawn = not isinstance(forest(study), Missing)  # the figure has the table below it
    table = [] if is_drawn or not card.differences else [differences(card)]
    return [*table, _baselines(card)]


def differences(card: Scorecard) -> Table:
    """Return the simulation's CRPS less that of each baseline."""
    found = card.differences
    shares = [scaled(each.difference, each.other / 100.0) for each in found]
    return Table("against", "CRPS of the simulation less that of a baseline: below zero the simulation is better", (
        text_column("against", "against", [f"{each.baseline}: {each.series}" for each in found]),
        Column("n", "figures", [each.figures for each in found]),
        Column("model", "CRPS", [each.model for each in found], "1"),
        Column("other", "that of the baseline", [each.other for each in found], "1"),
        *estimate_columns("difference", "difference", [each.difference for each in found], "1"),
        *(replace(each, hidden=True) for each in estimate_columns("share", "of the baseline's", shares, "%")),
    ))  # fmt: skip


def forest(study: Study) -> list[Table] | Missing | None:
    """Return the differences that are drawn."""
    if study.scorecard is None:
        return None
    if not any(each.difference.low is not None for each in study.scorecard.differences):
        return Missing("intervals of a difference need six events or days")
    return [differences(study.scorecard)]


def _baselines(card: Scorecard) -> Table:
    made = {name: sum(name in row.prediction.baselines for row in card.rows) for name in BASELINES}
    reasons = [
        "; ".join(f"{reason} ({n})" for reason, n in card.lacking.get(name, {}).items()) for name in BASELINES
    ]
    return Table("baselines", "What the baselines are", (
        text_column("baseline", "baseline", [f"{name}: {each.title}" for name, each in BASELINES.items()]),
        text_column("formula", "formula", [each.formula for each in BASELINES.values()]),
        text_column("source", "source", [each.source for each in BASELINES.values()]),
        Column("made", "figures", [made[name] for name in BASELINES]),
        text_column("lacking", "why not of others, and of how many", reasons),
    ))  # fmt: skip


def registrations(study: Study) -> list[Table]:
    """Return what was registered and opened when."""
    if study.scorecard is None:
        return []
    found = stamps(study.scorecard)
    requests = [each.made.request for each in found]
    remarks = [
        "opened before for another registration" if each.opened.seen else
        "values changed since they were registered or first opened" if each.opened.is_changed else ""
        for each in found
    ]  # fmt: skip
    return [Table("registrations", "Predictions are written before observed values are opened", (
        text_column("event", "event", [each.name for each in found]),
        text_column("registered", "registered (UTC)", [when(each.made.registered) for each in found]),
        text_column("opened", "opened (UTC)", [when(each.opened.opened) for each in found]),
        text_column("sha256", "sha256 of the registration", [each.made.sha256 for each in found], kind="code"),
        text_column("observed", "sha256 of the observed values", [each.opened.sha256 for each in found], kind="code"),
        text_column("scenario", "sha256 of the scenario", [each.scenario_sha256 for each in requests], kind="code"),
        Column("seed", "seed", [getattr(each, "seed", None) for each in requests], hidden=True),
        Column("replicates", "replicates", [getattr(each, "replicates", None) for each in requests]),
        text_column("remark", "remark", remarks),
    ))]  # fmt: skip


def maps(study: Study) -> list[Table]:
    """Return what the scores of a map are."""
    return [] if study.scorecard is None else [_map(each.score) for each in study.scorecard.maps]


def _map(found: MapScore) -> Table:
    rows: list[tuple[str, Value | None, object]] = [
        ("share of what was liquidated that lies where the map has it", None, found.overlap),
        ("the same of distance along the path alone", found.null_overlap, None),
        ("difference", None, found.gain),
        ("rank correlation of the bands", None, found.rank_correlation),
        ("share of turned maps that reach it (p)", found.rank_p, None),
        ("share of the crossed distance that the densest half of the map spans", found.half_distance, None),
        ("share of what was liquidated that these bands hold", None, found.coverage),
        ("USD of the map to USD liquidated", found.level, None),
    ]
    texts = [value for _, value, _ in rows]
    estimates = [estimate for _, _, estimate in rows]
    columns = estimate_columns("value", "value", estimates, "1")
    values = [
        text if text is not None else value for text, value in zip(texts, columns[0].values, strict=True)
    ]
    return Table("map", f"{found.market}: the map against what was liquidated, over {found.n} bands", (
        text_column("measure", "measure", [name for name, _, _ in rows]),
        Column("value", "value", values, "1", interval=columns[0].interval), *columns[1:],
    ))  # fmt: skip


def bands(study: Study) -> list[tuple[MapScore, Table]] | None:
    """Return the bands of each map, from the lowest price to the highest."""
    if study.scorecard is None:
        return None
    return [(each.score, _bands(each.score)) for each in study.scorecard.maps]


def _bands(found: MapScore) -> Table:
    prices: list[float] = []
    expected: list[float] = []
    realised: list[float] = []
    for side in found.sides:
        away = WIDTH * (np.arange(len(side.crossed)) + 0.5)
        is_long = side.side == "long"
        order = slice(None, None, -1) if is_long else slice(None)
        prices += (found.price * (1.0 - away if is_long else 1.0 + away))[order].tolist()
        expected += side.expected_usd[order].tolist()
        realised += side.realised_usd[order].tolist()
    names: Sequence[str] = [format_value(price, "USD per unit of the asset") for price in prices]
    return Table("bands", f"{found.market}: by bands of the price", (
        text_column("band", "middle of the band", names),
        Column("price", "price", prices, "USD per unit of the asset", hidden=True),
        Column("expected", "the map", expected, "USD"),
        Column("realised", "liquidated", realised, "USD"),
    ))  # fmt: skip
