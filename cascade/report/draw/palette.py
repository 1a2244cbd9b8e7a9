"""How a series looks: the colours of Okabe and Ito, and for those who see no colour a dash, marker or hatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Dash = Literal["solid", "dash", "dot", "dashdot"]
Marker = Literal["circle", "square", "diamond", "triangle-up", "x", "cross"]
Hatch = Literal["", "/", "\\", "x", "-", "|", "."]

GREY, BLUE, VERMILLION, GREEN = "#757575", "#0072b2", "#d55e00", "#009e73"
PURPLE, ORANGE, SKY = "#cc79a7", "#e69f00", "#56b4e9"


@dataclass(frozen=True, slots=True)
class Look:
    """A colour with what else tells it apart."""

    color: str
    dash: Dash = "solid"
    marker: Marker = "circle"
    hatch: Hatch = ""


RUNS: Final = (
    Look(GREY, "dash", "circle", ""),  # the baseline
    Look(BLUE, "solid", "square", "/"),
    Look(VERMILLION, "dot", "diamond", "\\"),
    Look(GREEN, "dashdot", "triangle-up", "x"),
    Look(PURPLE, "solid", "x", "-"),
    Look(ORANGE, "dash", "cross", "|"),
    Look(SKY, "dot", "square", "."),
)

ROLES: Final = {
    "index": Look(GREY, "dash"),
    "last": Look(ORANGE, "dot"),
    "long": Look(VERMILLION),
    "short": Look(BLUE, "dash", "square"),
    "total": Look(GREY),
    "outside": Look(GREY),
    "stops": Look(ORANGE, hatch="\\"),
    "added": Look(VERMILLION, hatch="/"),
    "depth": Look(BLUE),
    "thin": Look(BLUE, "dash"),
    "fund": Look(BLUE, hatch="/"),
    "spread": Look(PURPLE),
}

LEVERAGES: Final = (Look(SKY), Look(BLUE), Look(GREEN), Look(ORANGE), Look(VERMILLION))
"""Of stacked bars too thin for hatches; their order and the table tell them apart as well."""

HEAT: Final = ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838")
"""Cividis, whose lightness alone tells what it says."""


def look(name: str) -> Look:
    """Return how a colour name of a figure looks: `run0` the baseline, `leverage0` the lowest, or a role."""
    for prefix, looks in (("run", RUNS), ("leverage", LEVERAGES)):
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.isdigit():
            return (
                looks[int(number)]
                if int(number) < len(looks)
                else looks[1 + (int(number) - 1) % (len(looks) - 1)]
            )
    return ROLES[name]
