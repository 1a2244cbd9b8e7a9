"""The keys of a legend, drawn the same for every renderer."""

from __future__ import annotations

from typing import Any

from cascade.report.draw.palette import Look, look
from cascade.report.figures.spec import Band, Heat, Line, Links, Points, Series

_DASH = {"solid": "", "dash": "6 3", "dot": "2 3", "dashdot": "7 3 2 3"}
_LINES = {
    "/": "M-2,6 L6,-2 M2,14 L14,2 M10,14 L22,2 M18,14 L30,2",
    "\\": "M-2,6 L8,16 M2,-2 L16,12 M12,-2 L26,12",
}


def swatch(series: Series) -> Any:
    """Return a small picture of how a series is drawn."""
    from markupsafe import Markup

    return Markup(
        f'<svg class="key" viewBox="0 0 28 12" width="28" height="12" aria-hidden="true">{_shape(series)}</svg>'
    )


def _shape(series: Series) -> str:
    if isinstance(series, Heat):
        return ""
    seen = look(series.color)
    if isinstance(series, Line):
        dash = _DASH[series.dash or seen.dash]
        return f'<line x1="0" y1="6" x2="28" y2="6" stroke="{seen.color}" stroke-width="2.5" stroke-dasharray="{dash}"/>'
    if isinstance(series, Links):
        return f'<line x1="0" y1="6" x2="28" y2="6" stroke="{seen.color}" stroke-width="1" stroke-opacity="0.6"/>'
    if isinstance(series, Band):
        opacity = 0.5 if series.inner else 0.3
        return f'<rect width="28" height="12" fill="{seen.color}" fill-opacity="{opacity}"/>'
    if isinstance(series, Points):
        return f'<line x1="0" y1="6" x2="28" y2="6" stroke="#808080" stroke-width="1.5"/>{_marker(seen)}'
    return f'<rect width="28" height="12" fill="{seen.color}"/>{_hatch(seen)}'


def _hatch(seen: Look) -> str:
    if not seen.hatch:
        return ""
    paths = {
        **_LINES,
        "x": " ".join(_LINES.values()),
        "-": "M0,4 H28 M0,8 H28",
        "|": "M6,0 V12 M14,0 V12 M22,0 V12",
        ".": "M5,6 h1 M11,6 h1 M17,6 h1 M23,6 h1",
    }
    return f'<path d="{paths[seen.hatch]}" stroke="#ffffff" stroke-opacity="0.6" stroke-width="1.2"/>'


def _marker(seen: Look) -> str:
    shapes = {
        "circle": '<circle cx="14" cy="6" r="4"', "square": '<rect x="10" y="2" width="8" height="8"',
        "diamond": '<path d="M14,1 L19,6 L14,11 L9,6 Z"', "triangle-up": '<path d="M14,1 L19,11 L9,11 Z"',
        "x": '<path d="M10,2 L18,10 M18,2 L10,10" stroke-width="3"',
        "cross": '<path d="M14,1 V11 M9,6 H19" stroke-width="3"',
    }  # fmt: skip
    return f'{shapes[seen.marker]} fill="{seen.color}" stroke="{seen.color}"/>'
