"""Whole runs of other luck with and without a shock of the scenario, against what the matrix of contagion says of it.

A channel that is off is off from the start, as it is for whoever writes so; then other accounts are near their margin
when the shock comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cascade.analysis.contagion import Matrix
from cascade.analysis.games import Coalition
from cascade.analysis.statistics import Estimate, Mean
from cascade.analysis.statistics.estimate import Floats
from cascade.assembly import assemble
from cascade.experiment.branch import waiting
from cascade.experiment.branches import by_place, liquidated, traded_usd
from cascade.experiment.contagion_question import By, columns_of, orders_of, place_of, places_of, row_of_order
from cascade.experiment.contagion_sales import order_row
from cascade.experiment.observe import Progress, Stopped
from cascade.experiment.recorder import units_of
from cascade.scenario.schema import Scenario


@dataclass(frozen=True)
class Check:
    """Which whole runs are to be done, checked before anything runs.

    Attributes
    ----------
    scenarios
        As they are written, by the channels that are on: all of them, and all but one.
    number
        Which order of the scenario is the shock.
    source
        The place that it trades in.
    until
        The step that runs end before.
    replicates
        Others than those of the matrix.
    """

    scenarios: Mapping[Coalition, Scenario]
    by: By
    number: int
    source: str
    until: int
    replicates: range

    @property
    def everyone(self) -> Coalition:
        """Return all channels."""
        return max(self.scenarios, key=len)

    @property
    def n_steps(self) -> int:
        """Return the steps that will be simulated."""
        return self.n_runs * self.until

    @property
    def n_runs(self) -> int:
        """Return how many runs that will be."""
        return 2 * len(self.scenarios) * len(self.replicates)


class Whole(NamedTuple):
    """What the shock did in one whole run.

    Attributes
    ----------
    sold
        USD that the shock traded.
    usd
        USD liquidated more than without it, by place.
    """

    sold: float
    usd: Floats


@dataclass(frozen=True)
class Checked:
    """What the matrix says of a shock, and what is found of it in whole runs of other luck; USD.

    Attributes
    ----------
    channel
        Which channel is off, and figures are by how much that lowers what the shock brings; None where all are on,
        and figures are what it brings.
    gap
        Found less predicted.
    """

    channel: str | None
    source: str
    target: str
    predicted: Estimate
    found: Estimate
    gap: Estimate

    @property
    def acts(self) -> bool:
        """Tell whether what is found is other than nothing."""
        return self.found.excludes(0.0)

    @property
    def agrees(self) -> bool | None:
        """Tell whether the two may be one figure; None where the difference has no interval."""
        return None if self.gap.low is None else not self.gap.excludes(0.0)


def check_of(
    scenarios: Mapping[Coalition, Scenario], channels: Sequence[str], by: By, shock: str | None,
    horizon_s: float, replicates: range,
) -> Check:  # fmt: skip
    """Return which whole runs are to be done, of scenarios by the channels that are on.

    Raises
    ------
    UsageError
        No such shock.
    """
    everyone = frozenset(channels)
    asked = {members: scenarios[members] for members in (everyone, *(everyone - {name} for name in channels))}
    whole = scenarios[everyone]
    number = row_of_order(whole, by, shock)
    order = orders_of(whole)[number]
    market = next(each for each in units_of(whole).markets if each.name == order.market)
    until = int(whole.seconds(order.at) / whole.dt) + round(horizon_s / whole.dt)
    return Check(asked, by, number, place_of(market, by), min(until, whole.n_steps), replicates)


def whole_run(
    check: Check, scenario: Scenario, replicate: int, progress: Progress | None, stopped: Stopped
) -> Whole:
    """Return what the shock does in one replicate, by running it with the shock and without."""
    units, drawn = units_of(scenario), assemble(scenario, replicate)
    names, row = places_of(units, check.by), order_row(drawn, check.number)
    with_shock, state = liquidated(drawn, units, check.until, stopped)
    without, _ = liquidated(waiting(drawn, [row]), units, check.until, stopped)
    if progress is not None:
        progress(2 * check.until)
    usd = by_place((with_shock - without)[None], columns_of(units, check.by), len(names))[0]
    return Whole(traded_usd(state.works[row], units, int(drawn.params.shocks.target[row])), usd)


class Figures(NamedTuple):
    """USD liquidated more with the shock than without, by replicate and place, under each coalition of channels.

    Attributes
    ----------
    said
        What a matrix says, by its replicates: its entries, times what the shock sells in whole runs.
    seen
        What whole runs bring.
    sold
        What the shock sells in them, by replicate.
    """

    said: Mapping[Coalition, Floats]
    seen: Mapping[Coalition, Floats]
    sold: Mapping[Coalition, Floats]


def figures_of(
    check: Check, totals: Mapping[Coalition, Matrix], runs: Mapping[Coalition, Sequence[Whole]]
) -> Figures:
    """Return what the matrices of all generations say of the shock, and what whole runs bring."""
    sold = {members: np.array([each.sold for each in runs[members]]) for members in check.scenarios}
    said = {
        members: sold[members].mean() * totals[members].values[:, totals[members].names.index(check.source)]
        for members in check.scenarios
    }
    seen = {members: np.stack([each.usd for each in runs[members]]) for members in check.scenarios}
    return Figures(said, seen, sold)


def checked(check: Check, names: Sequence[str], figures: Figures) -> Iterator[Checked]:
    """Yield what the shock brings in each place, then by how much each closed channel lowers it in other places."""
    everyone, (said, seen, _) = check.everyone, figures
    for k, target in enumerate(names):
        yield _row(check, None, target, said[everyone][:, k], seen[everyone][:, k])
    for members in check.scenarios:
        for channel in everyone - members:
            lowers, lowered = said[everyone] - said[members], seen[everyone] - seen[members]
            for k, target in enumerate(names):
                if target != check.source or len(names) == 1:
                    yield _row(check, channel, target, lowers[:, k], lowered[:, k])


def _row(check: Check, channel: str | None, target: str, said: Floats, seen: Floats) -> Checked:
    gap = Mean().contrast(said, seen, paired=False).difference
    return Checked(channel, check.source, target, Mean().estimate(said), Mean().estimate(seen), gap)


def rows_of(check: Check, names: Sequence[str], figures: Figures) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `contagion_check`, without the scenario's name."""
    for members, sold in figures.sold.items():
        said, off = figures.said[members], "".join(check.everyone - members) or "none"
        whole = zip(check.replicates, figures.seen[members].tolist(), sold.tolist(), strict=True)
        branched = ((k, usd, float(sold.mean())) for k, usd in enumerate(said.tolist()))
        for runs, rows in (("branched", branched), ("whole", whole)):
            for replicate, usd, usd_sold in rows:
                for target, value in zip(names, usd, strict=True):
                    yield {
                        "replicate": replicate, "runs": runs, "channel": off, "source": check.source,
                        "target": target, "sold_usd": usd_sold, "liquidated_usd": value,
                    }  # fmt: skip
