"""The matrix of contagion as cells: what a dollar in a row's place brings in a column's."""

from __future__ import annotations

from cascade.report.builders.contagion import Cells, matrices
from cascade.report.builders.study import Study
from cascade.report.builders.table import said
from cascade.report.contagion import answer, dollars, ratio, strongest
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, FigureSpec, Heat, Panel


def _title(item: Cells) -> str:
    if item.generations == "all":
        return answer(item.found)
    source, target = strongest(item.found)
    brings = dollars(item.matrix.entry(source, target))
    radius = ratio(item.matrix.radius)
    return f"By itself a dollar in {source} trips {brings} in {target}; the spectral radius is {radius}."


@figure(
    "contagion", section="contagion", build=matrices, needs="`cascade contagion SCENARIO -o FOLDER`",
    shows="What is liquidated in each place for a dollar that is sold by force in another: by that alone, and over all "
    "generations.",
    reading="A row is where the dollar is sold, a column where it brings liquidations; off the diagonal is contagion.",
)  # fmt: skip
def contagion(study: Study, item: Cells) -> FigureSpec:
    """Draw a matrix."""
    names, found = item.matrix.names, item.found
    downwards = range(len(names) - 1, -1, -1)  # the first row on top
    several = "" if item.generations == "first" else "s"
    cells = Heat(
        rows=tuple(f"from_{k}" for k in downwards), labels=tuple(names[k] for k in downwards),
        name="liquidated", unit="USD for a USD", has_values=True,
    )  # fmt: skip
    return FigureSpec(
        name=item.table.name, title=said("{answer}", answer=_title(item)), table=item.table, x_column="target",
        x=Axis(f"liquidated in, {item.generations} generation{several}", "", "category"),
        panels=(Panel(y=Axis("by force in", "", "category"), series=(cells,), height=0.5 + 0.2 * len(names)),),
        n=f"{found.n:,} replicates, {len(found.question.at_s)} times each", interval="intervals are in the table",
        read="Off the diagonal is contagion.",
        alt=f"Matrix of contagion over {', '.join(names)}, {item.generations} generation{several}.",
    )  # fmt: skip
