"""Figures of a report: each one function from tables to a description that any renderer can draw."""

from cascade.report.figures import overview as _overview  # the order of imports is that of the page

from cascade.report.figures import prices as _prices  # isort: skip
from cascade.report.figures import liquidations as _liquidations  # isort: skip
from cascade.report.figures import amplification as _amplification  # isort: skip
from cascade.report.figures import attribution as _attribution  # isort: skip
from cascade.report.figures import graph as _graph  # isort: skip
from cascade.report.figures import book as _book  # isort: skip
from cascade.report.figures import losses as _losses  # isort: skip
from cascade.report.figures import outcomes as _outcomes  # isort: skip
from cascade.report.figures import comparison as _comparison  # isort: skip
from cascade.report.figures import stylised as _stylised  # isort: skip
from cascade.report.figures import searches as _searches  # isort: skip
from cascade.report.figures import scorecard as _scorecard  # isort: skip
from cascade.report.figures import contagion as _contagion  # isort: skip
from cascade.report.figures.registry import FIGURES, Entry, figure
from cascade.report.figures.spec import FigureSpec

__all__ = ["FIGURES", "Entry", "FigureSpec", "figure"]

_MODULES = (
    _overview,
    _prices,
    _liquidations,
    _amplification,
    _attribution,
    _graph,
    _book,
    _losses,
    _outcomes,
    _comparison,
    _stylised,
    _searches,
    _scorecard,
    _contagion,
)
