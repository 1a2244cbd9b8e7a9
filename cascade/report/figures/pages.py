"""The page of the documentation that lists every figure, written from the registry.

`python -m cascade.report.reference` rewrites it, with the other reference pages.
"""

from __future__ import annotations

from cascade.report.figures.registry import Entry

_HEAD = """# Figures of a report

Every figure that [`cascade report` and `cascade compare`](report.md) draw, in the order of the page, and those of
[`cascade facts`](facts.md), whose names begin with `facts_`. A figure whose
data a run does not have is left out, and the page says why at its end. Each names its n and the meaning of its
intervals, and carries the table it draws as CSV.

To add one, write a function that returns a `FigureSpec` and register it:

```python fragment
@figure(
    "spread",
    section="book",
    build=spreads,
    needs="`bars`",
    shows="The spread of each market over time.",
    reading="A spread that stays wide is a book nobody trusts.",
)
def spread(study: Study, item: MarketTable) -> FigureSpec: ...
```

`build` makes tables out of the runs and draws nothing, so that its numbers can be tested; the `FigureSpec` says which of
their columns are lines, bands, bars, points or cells. Both renderers, plotly.js and matplotlib, draw any `FigureSpec`.
"""


def figures_page(entries: list[Entry]) -> str:
    """Return the page."""
    return "\n".join([_HEAD, *(_section(entry) for entry in entries)])


def _section(entry: Entry) -> str:
    return f"## {entry.name}\n\n{entry.shows} {entry.reading}\n\nNeeds: {entry.needs}.\n"
