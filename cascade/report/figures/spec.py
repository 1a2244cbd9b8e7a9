"""A figure as data: which columns of which table are drawn how, and what the reader is told about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cascade.report.builders.table import Said, Table

Where: TypeAlias = tuple[str, str] | None
"""A column and the name its rows must hold; None for all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What rows are drawn as: its name in the legend, its colour, where it lies, and which rows it is of."""

    name: str
    color: str
    x: str = ""
    """The column of its own; empty for that of the figure."""
    where: Where = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(_Drawn):
    """A line through the rows; `step` holds each value until the next."""

    y: str
    dash: Literal["solid", "dash", "dot", "dashdot"] | None = None
    """None for the dash of the colour."""
    step: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Band(_Drawn):
    """What lies between two columns; an `inner` one lies over a wider one, and looks the darker for it."""

    low: str
    high: str
    inner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar(_Drawn):
    """A bar for each row, from `base` (or zero) on; `low` and `high` are the ends of whiskers."""

    y: str
    base: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points(_Drawn):
    """A marker for each row; `low` and `high` are the ends of a horizontal whisker.

    On a category axis rows run down, each at a height of its own.
    """

    y: str
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links(_Drawn):
    """A thin line for each row, from one point to another; none where either is missing."""

    y: str
    y_from: str
    x_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """A row of cells for each column in `rows`, from below; `labels` name them."""

    rows: tuple[str, ...]
    labels: tuple[str, ...]
    name: str
    unit: str
    limits: tuple[float, float] | None = None
    """Ends of the scale; None for those of the cells."""
    has_values: bool = False
    """Whether each cell says its number, where there are few."""


Series: TypeAlias = Line | Band | Bar | Points | Links | Heat


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: what it measures, in what unit, and how it is scaled; a category axis has names."""

    label: str
    unit: str = ""
    kind: Literal["linear", "log", "category"] = "linear"
    ticks: tuple[float, ...] = ()
    """Where it is marked; left to the renderer if empty."""
    is_from_zero: bool = False
    """Whether it begins at zero: it counts something."""

    @property
    def text(self) -> str:
        """Return what stands at the axis."""
        return f"{self.label} ({self.unit})" if self.unit not in {"", "1"} else self.label


@dataclass(frozen=True, slots=True)
class Note:
    """Text at a point of a panel."""

    x: float | str
    y: float
    text: Said


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the panel at a value of its x or y axis."""

    at: float
    text: str
    axis: Literal["x", "y"] = "x"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the x axis that is shaded."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One drawing area; panels of a figure stand above each other over the same x axis."""

    y: Axis
    series: tuple[Series, ...]
    notes: tuple[Note, ...] = ()
    rules: tuple[Rule, ...] = ()
    bars: Literal["stack", "group", "overlay"] = "group"
    height: float = 1.0

    @property
    def has_rows(self) -> bool:
        """Tell whether named rows run down the y axis."""
        return self.y.kind == "category" and isinstance(self.series[0], Points)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSpec:
    """A figure: its title says what was found, and every number it draws is a cell of its table."""

    name: str
    title: Said
    table: Table
    x: Axis
    x_column: str
    panels: tuple[Panel, ...]
    n: str
    """How many replicates, or what else is counted."""
    interval: str
    """What bands and whiskers mean; empty where there are none."""
    alt: str
    """What it shows, for those who can't see it."""
    read: str = ""
    """How to read it, in a line; empty: as its kind says."""
    spans: tuple[Span, ...] = ()
    names_spans: bool = False
    """What the spans are is written at their tops."""
    is_horizontal: bool = False
    """Bars lie, and rows run down the y axis."""

    @property
    def legend(self) -> tuple[Series, ...]:
        """Return the series a legend names, each name once."""
        found: dict[str, Series] = {}
        for panel in self.panels:
            for series in panel.series:
                if series.name:
                    found.setdefault(series.name, series)
        return tuple(found.values())
