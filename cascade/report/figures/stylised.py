"""Figures of the stylised facts: each draws some curves on one grid, and its title is the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from cascade.analysis.facts import Row
from cascade.analysis.formats import capital, format_replicates
from cascade.report.builders.study import Study
from cascade.report.builders.stylised import curves, with_column
from cascade.report.builders.table import Floats, Said, Table, said
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Band, FigureSpec, Line, Panel, Series
from cascade.report.stylised import band_text, number

if TYPE_CHECKING:
    from cascade.experiment.facts import Facts

SECTION: Final = "facts-curves"

_YOURS: Final = "your data"


@dataclass(frozen=True)
class Drawn:
    """A figure: which curves it draws, of which facts it tells, and what it is held against."""

    name: str
    rows: tuple[int, ...]
    curves: dict[str, str]
    x: Axis
    y: Axis
    shows: str
    reading: str
    needs: str
    against: dict[str, Callable[[Floats], Floats]] = field(
        default_factory=dict[str, Callable[[Floats], Floats]]
    )
    """Lines that are no data, by what they are: of a normal distribution, of the root law."""


def _normal(x: Floats) -> Floats:
    """Return the share of a normal variable beyond x deviations either way; NaN where a picture has no room for it."""
    tail = np.array([math.erfc(each / math.sqrt(2.0)) for each in x])
    return np.where(tail > 1e-7, tail, np.nan)


def _root_law(notional: Floats) -> Floats:
    """Return Y sd sqrt(Q / V) in bps, with Y = 1, an sd of 1.6 % a day and a volume of 55B USD."""
    return 160.0 * np.sqrt(notional / 55e9)


_LAG: Final = Axis("lag", "min")
_RECORD: Final = "bars of a second, or those of a minute for its longer part"

FACT_FIGURES: Final = (
    Drawn(
        "facts_tails", (1, 2, 5), {"tail_1s": "1 s", "tail_1m": "1 min", "tail_5m": "5 min"},
        Axis("absolute return, in standard deviations", "", "log"), Axis("share beyond", "", "log"),
        "How often returns of a second, a minute and five minutes are beyond so many standard deviations.",
        "Real tails are straight lines here, and flatter the shorter the interval; a normal one falls off a cliff.",
        _RECORD, {"normal": _normal},
    ),
    Drawn(
        "facts_memory", (6, 11), {"memory": "returns", "memory_absolute": "absolute returns"}, _LAG,
        Axis("autocorrelation", ""),
        "How returns of a minute, and their absolute values, go with those up to two hours later.",
        "Returns should have no memory, their absolute values one that dies slowly.", "bars of a minute or less",
    ),
    Drawn(
        "facts_signature", (8, 9), {"signature": "mid"}, Axis("interval", "s", "log"), Axis("volatility of a year", ""),
        "Volatility by how often the price is looked at.",
        "Flat is diffusion; falling is bounce, rising is trend.", _RECORD,
    ),
    Drawn(
        "facts_signs", (16,), {"signs": "orders"}, Axis("lag", "orders", "log"), Axis("autocorrelation", "", "log"),
        "How the sides of taker orders go with those of later ones.",
        "A straight line is long memory: orders are split. A cliff is none.", "`trades`: `outputs: {trades: true}`",
    ),
    Drawn(
        "facts_impact", (20, 21), {"impact": "fall at the end"}, Axis("sale of one hour", "USD", "log"),
        Axis("fall", "bps", "log"), "How far a sale worked over an hour moves the price, by its size.",
        "Measured everywhere is a slope of a half.", "simulated sales", {"root law": _root_law},
    ),
    Drawn(
        "facts_decay", (22, 23), {"decay": "left"}, Axis("time after the end of a sale of one hour", "min"),
        Axis("impact that is left", "%"), "What is left of the impact of a sale of 500M after it has ended.",
        "It should decay slowly: about half after as long again.", "simulated sales",
    ),
    Drawn(
        "facts_depth", (26, 27), {"depth": "one side, mean"}, Axis("distance from the mid", "bps", "log"),
        Axis("depth", "USD", "log"), "Cumulative depth by distance.",
        "A slope below one is a book whose density falls with distance.", "`bars` (always recorded)",
    ),
    Drawn(
        "facts_refill", (28,), {"refill": "bids within 10 bps"}, Axis("time after a sale of 30M at once", "s"),
        Axis("bids, of those without it", "%"), "How quickly bids that were taken are there again.",
        "Half should be back after several seconds, not at once.", "simulated sales",
    ),
    Drawn(
        "facts_volume", (13, 14), {"range_by_volume": "range"}, Axis("tenth of five-minute intervals, by volume", "%"),
        Axis("range of the price, over its mean", ""), "The range of five minutes by how much was traded in them.",
        "Volume and volatility go together in every market.", "bars of five minutes or less",
    ),
    Drawn(
        "facts_across", (37,), {"across": "correlation"}, Axis("interval", "s", "log"), Axis("correlation", ""),
        "How returns of two assets go together, by their length.",
        "It rises from a second to minutes, and stays.", "two assets; " + _RECORD,
    ),
    Drawn(
        "facts_sizes", (34,), {"sizes": "liquidations"}, Axis("size", "USD", "log"), Axis("share above", "", "log"),
        "Sizes of liquidations: the share above each.",
        "On complete feeds half are below 560 USD, a tenth above 20k, a hundredth above 270k.", "`liquidations`",
    ),
    Drawn(
        "facts_gaps", (35, 36), {"gaps": "forced orders"}, Axis("time to the next", "s", "log"),
        Axis("share above", "", "log"), "Times between forced orders: the share above each.",
        "The further left the line falls, the more they crowd.", "`liquidations`",
    ),
)  # fmt: skip
"""Every figure of the facts, in the order of the page."""

_COLORS: Final = ("run1", "run2", "run3")


def _register(drawn: Drawn) -> None:
    @figure(
        drawn.name, section=SECTION, build=curves(*drawn.curves), shows=drawn.shows, reading=drawn.reading,
        needs=drawn.needs,
    )  # fmt: skip
    def draw(study: Study, item: Table) -> FigureSpec:
        assert study.facts is not None
        return _spec(drawn, study.facts, item)


def _spec(drawn: Drawn, found: Facts, table: Table) -> FigureSpec:
    for label, line in drawn.against.items():
        table = with_column(table, "against", label, line(table.numbers("x")))
    first = next(name for name in drawn.curves if name in table)
    n = found.curves[first].n
    many = f"{first}_low" in table
    return FigureSpec(
        name=table.name,
        title=_title(drawn, found),
        table=table,
        x=drawn.x,
        x_column="x",
        panels=(Panel(y=drawn.y, series=tuple(_series(drawn, table)), height=1.4),),
        n=format_replicates(n),
        interval="lines: means over replicates; bands: 5 to 95 % of them" if many else "",
        read=drawn.reading,
        alt=drawn.shows,
    )


def _series(drawn: Drawn, table: Table) -> list[Series]:
    bands: list[Series] = []
    lines: list[Series] = []
    is_alone = len(drawn.curves) == 1
    for (name, label), color in zip(drawn.curves.items(), _COLORS, strict=False):
        if name not in table:
            continue
        if f"{name}_low" in table:
            bands.append(Band(low=f"{name}_low", high=f"{name}_high", name="", color=color))
        lines.append(Line(y=name, name=label, color=color))
        if f"{name}_real" in table:
            yours = _YOURS if is_alone else f"{label}, {_YOURS}"
            lines.append(
                Line(y=f"{name}_real", name=yours, color=color if not is_alone else "run2", dash="dot")
            )
    lines += [Line(y="against", name=label, color="total", dash="dash") for label in drawn.against]
    return [*bands, *lines]


def _title(drawn: Drawn, found: Facts) -> Said:
    """Return the verdicts of the facts that a figure is about."""
    return said("; ".join(_said(row) for row in found.rows if row.fact.row in drawn.rows))


def _said(row: Row) -> str:
    reading = next((each for each in row.readings if each.estimate is not None), row.readings[0])
    label = f" ({reading.part.label})" if reading.part.label else ""
    name = f"{capital(row.fact.title)}{label}"
    if reading.estimate is None:
        return f"{name}: not judged"
    unit = f" {row.fact.unit}" if row.fact.unit != "1" else ""
    against = band_text(reading.band).replace(" to ", "–")
    return f"{name}: {number(reading.estimate.value)}{unit} against {against}, {reading.verdict}"


for _each in FACT_FIGURES:
    _register(_each)
