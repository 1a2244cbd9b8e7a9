"""The registry of figures: adding one is one function, with what the documentation says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from cascade.report.builders.study import Missing, Study
from cascade.report.figures.spec import FigureSpec

Built: TypeAlias = Iterable[Any] | Missing | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of figure: where it stands, which data it is made of, and what it is for."""

    name: str
    section: str
    build: Callable[[Study], Built]
    draw: Callable[[Study, Any], FigureSpec]
    shows: str
    reading: str
    needs: str

    def make(self, study: Study) -> list[FigureSpec] | Missing:
        """Return the figures of a study: one for each item that was built; none where nothing is to be shown."""
        built = study.once(self.build)
        if isinstance(built, Missing):
            return built
        return [_with_reading(self.draw(study, item), self.reading) for item in built or ()]


def _with_reading(drawn: FigureSpec, reading: str) -> FigureSpec:
    """Return a figure that says how to read it: as its kind does, where it has no words of its own."""
    return drawn if drawn.read else replace(drawn, read=reading)


FIGURES: Final[dict[str, Entry]] = {}
"""Every kind of figure by its name, in the order of the page."""

Draw: TypeAlias = Callable[[Study, Any], FigureSpec]


def figure(
    name: str, *, section: str, build: Callable[[Study], Built], shows: str, reading: str, needs: str
) -> Callable[[Draw], Draw]:
    """Register a function that draws what `build` returns.

    Parameters
    ----------
    build
        From the study to the data of each figure of this kind (one for each market, say), without drawing.
    shows, reading, needs
        What the page `figures` of the documentation says: what it shows, how to read it, which tables and
        options it needs.
    """

    def register(draw: Draw) -> Draw:
        if name in FIGURES:
            raise ValueError(f"figure {name!r} is declared twice")
        FIGURES[name] = Entry(name, section, build, draw, shows, reading, needs)
        return draw

    return register
