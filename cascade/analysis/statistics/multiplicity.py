"""Many metrics at once: of 20 that do not differ, one would seem to at 95 % each."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of even one false alarm is kept (Holm 1979).

    It holds whatever the dependence between the metrics, which is strong: most of them count the same
    liquidations. Corrections for the share of false alarms (Benjamini and Hochberg) do not, and a report
    in which one sentence is wrong is a wrong report.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
