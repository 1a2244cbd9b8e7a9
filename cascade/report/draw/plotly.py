"""Figures as data for plotly.js: traces and a layout of ours, without its templates."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from cascade.report.draw.palette import HEAT, look
from cascade.report.draw.points import names_beside, numbers_or_names, rows_marked, rows_of, thinned
from cascade.report.figures.spec import Axis, Band, Bar, FigureSpec, Heat, Line, Links, Panel, Points, Series

PLOTLY_JS: Final = "4.1.1"
"""Version of the plotly.js that is shipped and that these figures are written for."""

_GAP = 0.06
_ROW_PX, _LEAST_PX, _AXES_PX = 34, 220, 90


def figure_json(spec: FigureSpec) -> dict[str, Any]:
    """Return traces and layout of a figure."""
    traces: list[dict[str, Any]] = []
    for number, panel in enumerate(spec.panels):
        for series in panel.series:
            axes = {"yaxis": _ref("y", number), "xaxis": "x"}
            traces += [trace | axes for trace in _traces(spec, panel, series)]
    return {"data": traces, "layout": _layout(spec)}


def _plain(text: str) -> str:
    """Return text that plotly.js shows as it is: it takes some HTML for markup."""
    return html.escape(text, quote=False)


def _ref(letter: str, number: int) -> str:
    return letter if number == 0 else f"{letter}{number + 1}"


def typed(values: Any) -> Any:
    """Return numbers as plotly.js decodes them without parsing: 32-bit floats in base64; names as it shows them."""
    if isinstance(values, list):
        return [_plain(value) if isinstance(value, str) else value for value in values]
    array = np.ascontiguousarray(values, dtype="<f4")
    found = {"dtype": "f4", "bdata": base64.b64encode(array.tobytes()).decode()}
    return found | ({"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {})


def _traces(spec: FigureSpec, panel: Panel, series: Series) -> Iterator[dict[str, Any]]:
    """Yield the traces of a series: two for a band, one for anything else."""
    if isinstance(series, Line):
        yield _line(spec, panel, series)
    elif isinstance(series, Band):
        yield from _band(spec, series)
    elif isinstance(series, Bar):
        yield _bar(spec, panel, series)
    elif isinstance(series, Points):
        yield _points(spec, panel, series)
    elif isinstance(series, Links):
        yield _links(spec, series)
    else:
        yield _heat(spec, series)


def _xs(spec: FigureSpec, series: Line | Band | Bar | Points | Links, rows: Any) -> Any:
    is_category = spec.x.kind == "category" and not spec.is_horizontal
    return numbers_or_names(spec.table, series.x or spec.x_column, rows, is_category=is_category)


def _hover(axis: Axis, name: str) -> str:
    unit = f" {axis.unit}" if axis.unit else ""
    return f"%{{y:,.4~g}}{unit}<extra>{_plain(name)}</extra>"


def _line(spec: FigureSpec, panel: Panel, series: Line) -> dict[str, Any]:
    rows = rows_of(spec.table, series.where)
    rows = rows[thinned(spec.table.numbers(series.y)[rows])]
    seen = look(series.color)
    line = {"color": seen.color, "width": 2, "dash": series.dash or seen.dash}
    return {
        "type": "scatter", "mode": "lines", "name": series.name,
        "x": typed(_xs(spec, series, rows)), "y": typed(spec.table.numbers(series.y)[rows]),
        "line": line | ({"shape": "hv"} if series.step else {}), "cliponaxis": False,
        "hovertemplate": _hover(panel.y, series.name),
    }  # fmt: skip


def _band(spec: FigureSpec, series: Band) -> Iterator[dict[str, Any]]:
    rows = rows_of(spec.table, series.where)
    red, green, blue = (int(look(series.color).color[k : k + 2], 16) for k in (1, 3, 5))
    edge = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "name": series.name,
            "x": typed(_xs(spec, series, rows))}  # fmt: skip
    yield edge | {"y": typed(spec.table.numbers(series.low)[rows])}
    yield edge | {
        "y": typed(spec.table.numbers(series.high)[rows]),
        "fill": "tonexty",
        "fillcolor": f"rgba({red},{green},{blue},0.22)",
    }


def _bar(spec: FigureSpec, panel: Panel, series: Bar) -> dict[str, Any]:
    rows = rows_of(spec.table, series.where)
    seen = look(series.color)
    lengths = typed(spec.table.numbers(series.y)[rows])
    places = numbers_or_names(
        spec.table,
        series.x or spec.x_column,
        rows,
        is_category=spec.x.kind == "category" or spec.is_horizontal,
    )
    x, y = (lengths, places) if spec.is_horizontal else (typed(places), lengths)
    marker: dict[str, Any] = {"color": seen.color, "line": {"width": 0}}
    if seen.hatch:
        marker["pattern"] = {
            "shape": seen.hatch,
            "fillmode": "overlay",
            "fgcolor": "#ffffff",
            "fgopacity": 0.6,
            "size": 6,
        }
    trace: dict[str, Any] = {
        "type": "bar", "name": series.name, "x": x, "y": y, "marker": marker,
        "hovertemplate": _hover(panel.y, series.name),
    }  # fmt: skip
    if series.base:
        trace["base"] = typed(spec.table.numbers(series.base)[rows])
    if series.low:
        key = "error_x" if spec.is_horizontal else "error_y"
        trace[key] = _whiskers(spec, series, rows, spec.table.numbers(series.y)[rows])
    return trace | ({"orientation": "h"} if spec.is_horizontal else {})


def _whiskers(spec: FigureSpec, series: Bar | Points, rows: Any, middle: Any) -> dict[str, Any]:
    low, high = (spec.table.numbers(name)[rows] for name in (series.low, series.high))
    return {
        "type": "data", "symmetric": False, "array": typed(high - middle), "arrayminus": typed(middle - low),
        "color": "#808080", "thickness": 1.5, "width": 4,
    }  # fmt: skip


def _points(spec: FigureSpec, panel: Panel, series: Points) -> dict[str, Any]:
    rows = rows_marked(spec, series)
    seen = look(series.color)
    xs = _xs(spec, series, rows)
    ys = numbers_or_names(spec.table, series.y, rows, is_category=panel.y.kind == "category")
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "markers", "name": series.name, "x": typed(xs), "y": typed(ys),
        "marker": {"color": seen.color, "symbol": seen.marker, "size": 9},
        "hovertemplate": f"%{{x:,.4~g}} {spec.x.unit}<extra>{_plain(series.name)}</extra>",
    }  # fmt: skip
    return trace | ({"error_x": _whiskers(spec, series, rows, xs)} if series.low else {})


def _links(spec: FigureSpec, series: Links) -> dict[str, Any]:
    rows = rows_of(spec.table, series.where)
    gap = np.full(len(rows), np.nan)
    xs = np.stack([spec.table.numbers(series.x_from)[rows], _xs(spec, series, rows), gap], axis=1)
    ys = np.stack([*(spec.table.numbers(name)[rows] for name in (series.y_from, series.y)), gap], axis=1)
    return {
        "type": "scatter", "mode": "lines", "name": series.name, "x": typed(xs.ravel()), "y": typed(ys.ravel()),
        "line": {"color": look(series.color).color, "width": 0.8}, "opacity": 0.6, "hoverinfo": "skip",
    }  # fmt: skip


def _heat(spec: FigureSpec, series: Heat) -> dict[str, Any]:
    ends = {"zmin": series.limits[0], "zmax": series.limits[1]} if series.limits else {}
    z = np.array([spec.table.numbers(row) for row in series.rows])
    steps = len(HEAT) - 1
    return {
        "type": "heatmap", "name": series.name, **ends, "x": typed(_cells_x(spec)),
        "y": typed(list(series.labels)), "z": typed(z),
        "colorscale": [[k / steps, color] for k, color in enumerate(HEAT)],
        "colorbar": {"title": {"text": series.unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
        "hovertemplate": f"%{{y}}: %{{z:,.4~g}} {series.unit}<extra></extra>",
    } | ({"texttemplate": "%{z:,.3~g}"} if series.has_values else {})  # fmt: skip


def _cells_x(spec: FigureSpec) -> Any:
    rows = rows_of(spec.table, None)
    return numbers_or_names(spec.table, spec.x_column, rows, is_category=spec.x.kind == "category")


# --- layout ------------------------------------------------------------------------------------------


def height_px(spec: FigureSpec) -> int:
    """Return how high a figure is drawn: a line of text for each lying bar or point, else by its panels."""
    if spec.is_horizontal or spec.panels[0].has_rows:
        panel = spec.panels[0]
        side_by_side = len(panel.series) if spec.is_horizontal and panel.bars == "group" else 1
        rows = max(len(names_beside(spec, panel)), 3)
        return _AXES_PX + rows * max(_ROW_PX, 14 * side_by_side + 10)
    return max(_LEAST_PX + 60, int(_AXES_PX + 210 * sum(panel.height for panel in spec.panels)))


def _layout(spec: FigureSpec) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "height": height_px(spec), "showlegend": False, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 16, "t": 12, "b": 48}, "font": {"family": "inherit", "size": 13},
        "hovermode": "x unified" if spec.x.kind == "linear" and not spec.is_horizontal else "closest",
        "dragmode": False, "bargap": 0.15, "barmode": _barmode(spec),
        "xaxis": _axis(spec.panels[0].y if spec.is_horizontal else spec.x, "x")
        | {"anchor": _ref("y", len(spec.panels) - 1)},
        "shapes": [], "annotations": [],
    }  # fmt: skip
    for number, (panel, domain) in enumerate(zip(spec.panels, _domains(spec), strict=True)):
        name = "yaxis" if number == 0 else f"yaxis{number + 1}"
        axis = Axis("", "", "category") if spec.is_horizontal else panel.y
        layout[name] = _axis(axis, "y") | {"domain": domain, "anchor": "x"} | _still(spec, panel)
        if spec.is_horizontal or panel.has_rows:
            order = {
                "categoryorder": "array",
                "categoryarray": names_beside(spec, panel),
            }  # else of the traces
            layout[name] |= {"autorange": "reversed"} | order
        layout["shapes"] += list(_shapes(spec, panel, number))
        layout["annotations"] += list(_annotations(panel, number))
    layout["annotations"] += list(_span_names(spec))
    return layout


def _barmode(spec: FigureSpec) -> str:
    modes = {"stack": "relative", "group": "group", "overlay": "overlay"}
    with_bars = [panel for panel in spec.panels if any(isinstance(series, Bar) for series in panel.series)]
    return modes[with_bars[0].bars] if with_bars else "group"


def _domains(spec: FigureSpec) -> list[list[float]]:
    """Return the share of the height each panel has, from above."""
    heights = [panel.height for panel in spec.panels]
    scale = (1.0 - _GAP * (len(heights) - 1)) / sum(heights)
    domains: list[list[float]] = []
    top = 1.0
    for height in heights:
        domains.append([round(max(top - height * scale, 0.0), 4), round(top, 4)])
        top -= height * scale + _GAP
    return domains


def _still(spec: FigureSpec, panel: Panel) -> dict[str, Any]:
    """Return the range of an axis on which nothing moves: from zero on, for plotly.js has one to either side of it."""
    columns = [each.y for each in panel.series if isinstance(each, Line)]
    if len(columns) < len(panel.series) or panel.y.kind != "linear" or spec.is_horizontal:
        return {}
    values = np.concatenate([spec.table.numbers(each) for each in columns])
    values = values[np.isfinite(values)]
    if not len(values) or values.min() != values.max() or values[0] == 0.0:
        return {}
    return {"range": sorted((0.0, 2.0 * float(values[0])))}


def _axis(axis: Axis, letter: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": {"text": axis.text, "standoff": 8}, "automargin": True, "zeroline": False,
        "gridcolor": "rgba(128,128,128,0.25)", "linecolor": "rgba(128,128,128,0.6)", "fixedrange": letter == "y",
    }  # fmt: skip
    if axis.kind != "linear":
        found["type"] = axis.kind
    if axis.is_from_zero:
        found["rangemode"] = "tozero"
    if axis.ticks:
        found["tickvals"] = list(axis.ticks)
    elif axis.kind == "log":
        found["nticks"] = 6
        if axis.unit == "USD":  # else 20k and 50k are written as 2 and 5
            found["tickformat"] = "~s"
    if axis.kind == "category":
        found |= {"showgrid": False}
    elif axis.unit == "USD":
        found |= {"exponentformat": "B", "separatethousands": True}
    else:
        found |= {"exponentformat": "none", "separatethousands": True}
    return found


def _shapes(spec: FigureSpec, panel: Panel, number: int) -> Iterator[dict[str, Any]]:
    """Yield shaded spans and rules of a panel."""
    y = f"{_ref('y', number)} domain"
    for span in spec.spans:
        yield {
            "type": "rect", "xref": "x", "yref": y, "x0": span.start, "x1": span.end, "y0": 0, "y1": 1,
            "fillcolor": "#808080", "opacity": 0.18, "line": {"width": 0}, "layer": "below",
        }  # fmt: skip
    for rule in panel.rules:
        line = {"color": "#808080", "width": 1.5, "dash": "dot"}
        if rule.axis == "x":
            yield {
                "type": "line",
                "xref": "x",
                "yref": y,
                "x0": rule.at,
                "x1": rule.at,
                "y0": 0,
                "y1": 1,
                "line": line,
            }
        else:
            at = {"yref": _ref("y", number), "y0": rule.at, "y1": rule.at}
            yield {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "line": line} | at


def _span_names(spec: FigureSpec) -> Iterator[dict[str, Any]]:
    """Yield what spans are, at their left ends inside the first panel, one below another."""
    for row, span in enumerate(spec.spans if spec.names_spans else ()):
        yield {
            "text": _plain(span.text), "x": span.start, "y": 1, "xref": "x", "yref": "y domain", "yshift": -14 * row,
            "showarrow": False, "xanchor": "left", "yanchor": "top", "font": {"size": 12},
        }  # fmt: skip


def _annotations(panel: Panel, number: int) -> Iterator[dict[str, Any]]:
    """Yield notes at points, and the names of rules."""
    for note in panel.notes:
        yield {
            "text": _plain(note.text.text), "x": note.x, "y": note.y, "xref": "x", "yref": _ref("y", number),
            "showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": "#808080", "ax": 0, "ay": -24,
            "font": {"size": 12},
        }  # fmt: skip
    for rule in panel.rules:
        if rule.text and rule.axis == "x":
            yield {
                "text": _plain(rule.text), "x": rule.at, "y": 1, "xref": "x", "yref": f"{_ref('y', number)} domain",
                "showarrow": False, "xanchor": "left", "yanchor": "top", "font": {"size": 12},
            }  # fmt: skip
