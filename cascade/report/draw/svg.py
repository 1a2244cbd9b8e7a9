"""Figures as SVG by matplotlib, for pages without a script, for mail and for print."""

from __future__ import annotations

import importlib.util
import io
import re
from typing import Any, Final

import numpy as np

from cascade.analysis.formats import format_axis
from cascade.errors import UsageError
from cascade.installation import install_command
from cascade.report.builders.table import Floats
from cascade.report.draw.palette import HEAT, look
from cascade.report.draw.plotly import height_px
from cascade.report.draw.points import numbers_or_names, rows_marked, rows_of, thinned
from cascade.report.figures.spec import Axis, Band, Bar, FigureSpec, Heat, Line, Links, Panel, Points, Series

_INK, _GRID = "#010203", "#040506"
"""Stand for the colours of the page, which its style decides."""

_WIDTH_IN, _DPI = 8.2, 72.0

_MARKERS: Final = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "x": "x", "cross": "P"}
_DASHES: Final = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}

_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "text.color": _INK, "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.grid": True, "grid.color": _GRID,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "hatch.linewidth": 0.8,
    "hatch.color": "#ffffff", "text.parse_math": False, "axes.unicode_minus": False, "path.simplify": True,
}  # fmt: skip


def require_matplotlib() -> None:
    """Refuse to draw without matplotlib.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "a static page is drawn by matplotlib, which is not installed",
            remedy=f"{install_command('paper')}, or leave out --static",
            code="CAS804",
        )


def figure_svg(spec: FigureSpec) -> str:
    """Return a figure as an SVG element whose texts and lines take the colours of the page.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": spec.name}):
        canvas = Figure(figsize=(_WIDTH_IN, height_px(spec) / _DPI * 0.8), layout="constrained")
        FigureCanvasSVG(canvas)
        ratios = {"height_ratios": [panel.height for panel in spec.panels]}
        drawn = canvas.subplots(len(spec.panels), 1, sharex=True, squeeze=False, gridspec_kw=ratios)[:, 0]
        for axes, panel in zip(drawn, spec.panels, strict=True):
            _draw_panel(canvas, axes, spec, panel)
        for row, span in enumerate(spec.spans if spec.names_spans else ()):
            drawn[0].annotate(span.text, (span.start, 1.0), xycoords=("data", "axes fraction"), va="top", fontsize=9,
                              xytext=(2, -2 - 11 * row), textcoords="offset points")  # fmt: skip
        _set_axis(drawn[-1].xaxis, spec.panels[0].y if spec.is_horizontal else spec.x)
        text = io.StringIO()
        canvas.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _embedded(text.getvalue(), spec.name)


def _embedded(svg: str, name: str) -> str:
    """Return the element alone, its names unique in the page, its colours those of the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r'^<svg ([^>]*?)\bwidth="[^"]*"', r"<svg \1", body, count=1)
    body = re.sub(
        r'^<svg ([^>]*?)\bheight="[^"]*"', r'<svg \1 aria-hidden="true" focusable="false"', body, count=1
    )
    return body.replace(_INK, "var(--ink)").replace(_GRID, "var(--grid)")


def _draw_panel(canvas: Any, axes: Any, spec: FigureSpec, panel: Panel) -> None:
    for span in spec.spans:
        axes.axvspan(span.start, span.end, color="#808080", alpha=0.18, linewidth=0)
    bars = [series for series in panel.series if isinstance(series, Bar)]
    below: dict[Any, float] = {}
    for series in panel.series:
        _draw(canvas, axes, spec, panel, series, bars, below)
    for rule in panel.rules:
        draw = axes.axvline if rule.axis == "x" else axes.axhline
        draw(rule.at, color="#808080", linestyle=":", linewidth=1.2)
        if rule.text and rule.axis == "x":
            axes.annotate(rule.text, (rule.at, 0.98), xycoords=("data", "axes fraction"), fontsize=9, va="top",
                          xytext=(3, 0), textcoords="offset points")  # fmt: skip
    for note in panel.notes:
        arrow = {"arrowstyle": "-", "color": "#808080"}
        axes.annotate(note.text.text, (note.x, note.y), xytext=(0, 16), textcoords="offset points", ha="center",
                      fontsize=9, arrowprops=arrow, annotation_clip=False)  # fmt: skip
    if spec.is_horizontal or panel.has_rows:
        axes.invert_yaxis()
    _set_axis(axes.yaxis, Axis("", "", "category") if spec.is_horizontal else panel.y)


def _draw(
    canvas: Any,
    axes: Any,
    spec: FigureSpec,
    panel: Panel,
    series: Series,
    bars: list[Bar],
    below: dict[Any, float],
) -> None:
    if isinstance(series, Heat):
        _draw_heat(canvas, axes, spec, series)
        return
    rows = rows_of(spec.table, series.where)
    seen = look(series.color)
    if isinstance(series, Line):
        rows = rows[thinned(spec.table.numbers(series.y)[rows])]
        axes.plot(
            _xs(spec, series, rows), spec.table.numbers(series.y)[rows], color=seen.color, linewidth=1.5,
            linestyle=_DASHES[series.dash or seen.dash], drawstyle="steps-post" if series.step else "default",
        )  # fmt: skip
    elif isinstance(series, Band):
        low, high = (spec.table.numbers(name)[rows] for name in (series.low, series.high))
        axes.fill_between(_xs(spec, series, rows), low, high, color=seen.color, alpha=0.22, linewidth=0)
    elif isinstance(series, Points):
        _draw_points(axes, spec, panel, series)
    elif isinstance(series, Links):
        ends = spec.table.numbers(series.x_from)[rows], _xs(spec, series, rows)
        heights = (spec.table.numbers(name)[rows] for name in (series.y_from, series.y))
        axes.plot(np.stack(ends), np.stack(list(heights)), color=seen.color, linewidth=0.6, alpha=0.6)
    else:
        _draw_bars(axes, spec, panel, series, bars, below)


def _xs(spec: FigureSpec, series: Line | Band | Bar | Points | Links, rows: Any) -> Any:
    is_category = spec.x.kind == "category" or (spec.is_horizontal and isinstance(series, Bar))
    return numbers_or_names(spec.table, series.x or spec.x_column, rows, is_category=is_category)


def _draw_points(axes: Any, spec: FigureSpec, panel: Panel, series: Points) -> None:
    rows = rows_marked(spec, series)
    seen = look(series.color)
    xs = spec.table.numbers(series.x or spec.x_column)[rows]
    ys = numbers_or_names(spec.table, series.y, rows, is_category=panel.y.kind == "category")
    whiskers = None
    if series.low:
        low, high = (spec.table.numbers(name)[rows] for name in (series.low, series.high))
        whiskers = [xs - low, high - xs]
    axes.errorbar(
        xs, ys, xerr=whiskers, fmt=_MARKERS[seen.marker], color=seen.color, ecolor="#808080", capsize=3
    )


def _draw_bars(
    axes: Any, spec: FigureSpec, panel: Panel, series: Bar, bars: list[Bar], below: dict[Any, float]
) -> None:
    rows = rows_of(spec.table, series.where)
    seen = look(series.color)
    y = spec.table.numbers(series.y)[rows]
    xs = _xs(spec, series, rows)
    names = list(dict.fromkeys(spec.table.names(series.x or spec.x_column)))
    is_named = isinstance(xs, list)
    places = np.array([names.index(x) for x in xs], dtype=np.float64) if is_named else np.asarray(xs)
    width = 0.8 if is_named else 0.9 * _spacing(places)
    if panel.bars == "group" and len(bars) > 1:
        width /= len(bars)
        places = places + width * (bars.index(series) - (len(bars) - 1) / 2)
    start = spec.table.numbers(series.base)[rows] if series.base else np.zeros(len(rows))
    if panel.bars == "stack":
        start = start + np.array([below.get((float(p), v < 0), 0.0) for p, v in zip(places, y, strict=True)])
        for p, v in zip(places, y, strict=True):
            below[float(p), v < 0] = below.get((float(p), v < 0), 0.0) + v
    draw, size, offset = (
        (axes.barh, "height", "left") if spec.is_horizontal else (axes.bar, "width", "bottom")
    )
    hatch = {"": None}.get(seen.hatch, seen.hatch * 2)
    draw(
        places,
        y,
        **{size: width, offset: start},
        color=seen.color,
        hatch=hatch,
        edgecolor="#ffffff",
        linewidth=0,
    )
    if series.low:
        low, high = (spec.table.numbers(name)[rows] for name in (series.low, series.high))
        error = {"xerr" if spec.is_horizontal else "yerr": [y - low, high - y]}
        at = (y, places) if spec.is_horizontal else (places, y)
        axes.errorbar(*at, **error, fmt="none", ecolor="#808080", capsize=3, linewidth=1.2)
    if is_named:
        (axes.set_yticks if spec.is_horizontal else axes.set_xticks)(range(len(names)), names)
        axes.grid(visible=False, axis="y" if spec.is_horizontal else "x")


def _spacing(places: Floats) -> float:
    """Return the smallest distance between bars."""
    gaps = np.diff(np.unique(places))
    return float(gaps.min()) if len(gaps) else 1.0


def _draw_heat(canvas: Any, axes: Any, spec: FigureSpec, series: Heat) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    z = np.array([spec.table.numbers(row) for row in series.rows])
    names = spec.table.names(spec.x_column) if spec.x.kind == "category" else []
    x = np.arange(len(names)) + 0.5 if names else spec.table.numbers(spec.x_column)
    edges = np.concatenate([[2 * x[0] - x[1] if len(x) > 1 else x[0] - 1.0], x])
    ends = {"vmin": series.limits[0], "vmax": series.limits[1]} if series.limits else {}
    colors = LinearSegmentedColormap.from_list("heat", HEAT)
    drawn = axes.pcolormesh(
        edges, np.arange(len(series.rows) + 1) - 0.5, z, cmap=colors, rasterized=True, **ends
    )
    if series.has_values:
        for row, column in np.argwhere(~np.isnan(z)):
            middle = z[row, column] > (drawn.norm.vmin + drawn.norm.vmax) / 2
            axes.text(x[column] - 0.5, row, f"{z[row, column]:,.3g}", ha="center", va="center", fontsize=9,
                      color="#000000" if middle else "#ffffff")  # fmt: skip
    axes.set_yticks(range(len(series.labels)), series.labels)
    if names:
        axes.set_xticks(range(len(names)), names)
    axes.grid(visible=False)
    canvas.colorbar(drawn, ax=axes, label=series.unit, pad=0.01)


def _set_axis(axis: Any, of: Axis) -> None:
    """Label an axis, and write its ticks as the tables write numbers."""
    from matplotlib.ticker import FuncFormatter

    axis.set_label_text(of.text)
    if of.kind == "log":
        (axis.axes.set_yscale if axis.axis_name == "y" else axis.axes.set_xscale)("log")
    if of.is_from_zero:
        (axis.axes.set_ylim if axis.axis_name == "y" else axis.axes.set_xlim)(0.0)
    if of.ticks:
        axis.set_ticks(of.ticks)
    if of.kind == "linear":
        axis.set_major_formatter(FuncFormatter(lambda value, _: format_axis(value, of.unit)))
