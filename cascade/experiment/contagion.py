"""How a forced sale in one place becomes liquidations in others, by branching a running market.

A replicate is run up to a moment and cloned there: once as it is, and once for each place with a forced sale in it.
All clones have the same luck, so that what they differ by is the sale's doing. It is done twice: with forced orders
kept out of the book, where what is liquidated is what the sale itself trips (the first generation), and with them in
it, where those set off others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from cascade.analysis.contagion import Matrix
from cascade.analysis.games import Coalition, coalitions
from cascade.analysis.statistics import Estimate, Mean
from cascade.analysis.statistics.estimate import Floats
from cascade.assembly import Assembled, assemble
from cascade.engine import Engine
from cascade.errors import UsageError
from cascade.experiment.asked_order import Side
from cascade.experiment.attribution import MetricAttribution, attributed
from cascade.experiment.branch import only
from cascade.experiment.branches import Response, respond, run_on
from cascade.experiment.coalitions import chosen_of
from cascade.experiment.observe import Observer, Progress, Stopped
from cascade.experiment.recorder import units_of
from cascade.experiment.threads import threads
from cascade.output.parquet import write_parquet
from cascade.output.refusals import writing
from cascade.output.run_units import MarketUnits, RunUnits
from cascade.output.schemas import Column, schema
from cascade.scenario.schema import Scenario
from cascade.units import format_duration

if TYPE_CHECKING:
    import pyarrow as pa

By = Literal["asset", "market", "venue"]

TIMES: Final = 4
"""Moments at which a run is branched, unless asked for: evenly over what the horizon leaves of it."""

HORIZON_S: Final = 600.0
"""How long branches go on, unless asked for, or a quarter of the run where that is less."""

SHARE: Final = 0.01
"""What is sold of the open interest of a place, unless asked for."""

REPLICATES: Final = 16

N_TICKS: Final = 1 << 16
"""Ticks of a market's window: what lies outside waits in lists, and a market with fewer is cloned sooner."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes
    ----------
    notional
        USD that are sold, or bought, in each place; None for a hundredth of its open interest.
    at_s
        When the market is branched.
    horizon_s
        How long branches go on.
    """

    by: By
    side: Side
    notional: float | None
    at_s: tuple[float, ...]
    horizon_s: float


@dataclass(frozen=True)
class Closed:
    """What a channel does that is switched off alone, for one pair of places; USD per USD sold.

    Attributes
    ----------
    measured
        By how much it lowers what a dollar in `source` brings in `target`, over all generations.
    predicted
        The same by the two direct matrices.
    gap
        Measured less predicted.
    """

    channel: str
    source: str
    target: str
    measured: Estimate
    predicted: Estimate | None
    gap: Estimate | None


@dataclass(frozen=True)
class Contagion:
    """The matrices of contagion, and what each channel does to them.

    Attributes
    ----------
    direct
        The first generation: what a forced sale trips by itself.
    total
        All generations, within the horizon.
    sold
        USD that were sold in each place at a time, the mean.
    channels
        Of each pair of places, what each channel does to `total`; by Shapley values, which sum to it.
    closed
        Of each pair, what switching one channel off does.
    rows
        Rows of the table `attribution`, of `channels`.
    """

    name: str
    question: Question
    n: int
    direct: Matrix
    total: Matrix
    sold: Floats
    channels: tuple[MetricAttribution, ...] = ()
    closed: tuple[Closed, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return every pair of two places."""
        return pairs_of(self.direct.names)


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return every pair of two places."""
    return [(a, b) for a in names for b in names if a != b]


@dataclass(frozen=True)
class Prepared:
    """What is to be done, checked before anything runs: a scenario for each coalition of channels that are on."""

    scenarios: Mapping[Coalition, Scenario]
    channels: tuple[str, ...]
    question: Question
    names: tuple[str, ...]
    n: int

    @property
    def scenario(self) -> Scenario:
        """Return the scenario with all its channels on."""
        return self.scenarios[frozenset(self.channels)]

    @property
    def n_steps(self) -> int:
        """Return the steps that will be simulated."""
        asked = self.question
        branches = 2 * (1 + len(self.names)) * len(asked.at_s) * asked.horizon_s
        return len(self.scenarios) * self.n * round((max(asked.at_s) + branches) / self.scenario.dt)

    def run(self, *, jobs: int | None = None, progress: Progress | None = None) -> Contagion:
        """Do it on threads; kernels let go of the interpreter's lock."""
        with threads("the measurement was", jobs) as (pool, stopped):
            parts = {
                members: [pool.submit(_replicate, self, each, k, progress, stopped) for k in range(self.n)]
                for members, each in self.scenarios.items()
            }
            found = {members: [part.result() for part in each] for members, each in parts.items()}
        return self._contagion({members: _Matrices.of(self.names, each) for members, each in found.items()})

    def _contagion(self, found: Mapping[Coalition, _Matrices]) -> Contagion:
        everyone = frozenset(self.channels)
        whole = found[everyone]
        shared, closed, rows = [], [], []
        for source, target in pairs_of(self.names) if self.channels else []:
            metric, more = _shares(source, target, self.channels, found)
            shared.append(metric)
            rows += more
            closed += [
                _closed(name, source, target, whole, found[everyone - {name}]) for name in self.channels
            ]
        return Contagion(
            self.scenario.name, self.question, self.n, whole.direct, whole.total, whole.sold,
            tuple(shared), tuple(closed), tuple(rows),
        )  # fmt: skip


def prepare_contagion(
    scenario: Scenario, *, by: By = "asset", side: Side = "sell", notional: float | None = None,
    at_s: Sequence[float] = (), horizon_s: float | None = None, channels: Sequence[str] = (),
    replicates: int = REPLICATES,
) -> Prepared:  # fmt: skip
    """Return what is to be done for the matrix of contagion of a scenario.

    Parameters
    ----------
    by
        What a row and a column of the matrix is; markets are perpetuals, of assets and venues those of theirs.
    side, notional
        What is traded by force in each place; by default a hundredth of its open interest is sold.
    at_s
        When the running market is branched; by default four times, evenly over the run.
    horizon_s
        How long branches go on.
    channels
        Channels to be switched off, every coalition of them: k take 2^k times as long. `contagion` alone stands for
        all of contagion that the scenario has.

    Raises
    ------
    UsageError
        Fewer than one market with leverage, a time beyond the run, or a channel that there is not.
    """
    names = tuple(dict.fromkeys(place_of(market, by) for market in sources_of(units_of(scenario))))
    if not names:
        raise UsageError(
            "the scenario has no perpetual market: nothing is liquidated there by force",
            remedy="add a market of type linear_perpetual",
        )
    horizon = min(HORIZON_S, scenario.duration / 4.0) if horizon_s is None else horizon_s
    first = min(HORIZON_S, scenario.duration / 8.0)
    times = tuple(at_s) or tuple(np.linspace(first, scenario.duration - horizon, TIMES).tolist())
    _check_times(scenario, times, horizon)
    question = Question(by, side, notional, tuple(sorted(times)), horizon)
    chosen = chosen_of(scenario, channels) if channels else ()
    asked = _with_sales(scenario, question)
    scenarios = {
        members: asked.replace(**{f"channels.{name}": False for name in chosen if name not in members})
        for members in coalitions(chosen)
    }
    return Prepared(scenarios, chosen, question, names, replicates)


def sources_of(units: RunUnits) -> list[MarketUnits]:
    """Return the markets in which something can be sold by force: perpetuals."""
    return [market for market in units.markets if market.leveraged and not market.lending]


def place_of(market: MarketUnits, by: By) -> str:
    """Return the row of the matrix that a market belongs to."""
    return {"asset": market.asset, "market": market.name, "venue": market.venue}[by]


def _check_times(scenario: Scenario, times: Sequence[float], horizon_s: float) -> None:
    """Refuse branches that would not end within the run."""
    if horizon_s < scenario.dt:
        raise UsageError(
            f"a horizon of {format_duration(horizon_s)} is less than a step", where="--watch",
            remedy=f"write at least --watch {format_duration(scenario.dt)}",
        )  # fmt: skip
    late = max(times) + horizon_s - scenario.duration
    if late > scenario.dt / 2.0:
        raise UsageError(
            f"branches from {format_duration(max(times))} on would end {format_duration(late)} after the run",
            where="--at, --watch",
            remedy=f"write an earlier --at, or a longer run: -s duration={format_duration(scenario.duration + late)}",
        )


def _with_sales(scenario: Scenario, question: Question) -> Scenario:
    """Return the scenario with an order in each perpetual, which waits until its size and time are set."""
    own = scenario.model_dump(mode="json", include={"shocks"}, exclude_none=True)["shocks"]
    orders = [
        {"type": "market_order", "market": market.name, "side": question.side, "notional": "1M", "at": "0s"}
        for market in sources_of(units_of(scenario))
    ]
    changes: dict[str, Any] = {"shocks": [*own, *orders], "published": [], "outputs.trades": False}
    return scenario.replace(**changes)


# --- replicates ---------------------------------------------------------------------------------------


def _replicate(
    prepared: Prepared, scenario: Scenario, number: int, progress: Progress | None, stopped: Stopped
) -> Response:
    """Return the sums over moments of what the sales of one replicate did."""
    asked, units = prepared.question, units_of(scenario)
    drawn, names = assemble(scenario, number, n_ticks=N_TICKS), prepared.names
    first = len(drawn.params.shocks) - len(sources_of(units))
    places = [
        names.index(place) if market.leveraged and (place := place_of(market, asked.by)) in names else -1
        for market in units.markets
    ]
    walk = Engine(only(drawn, None, drawn.state, first), Observer(units, {}, ()))
    k, horizon = len(names), round(asked.horizon_s / scenario.dt)
    sums = Response(np.zeros(k), np.zeros((k, k)), np.zeros((k, k)))
    for at_s in asked.at_s:
        run_on(walk, min(int(at_s / scenario.dt), scenario.n_steps - horizon), progress, stopped)
        now = Assembled(walk.params, walk.state, walk.endowment)
        found = respond(
            now, units, _sales(now, units, asked, names, first), places, walk.step + horizon, stopped
        )
        sums = Response(*(total + more for total, more in zip(sums, found, strict=True)))
        if progress is not None:
            progress(2 * (1 + k) * horizon)
    return sums


def _sales(
    now: Assembled, units: RunUnits, asked: Question, names: Sequence[str], first: int
) -> list[dict[int, float]]:
    """Return the order of each place, spread over its markets by their open interest."""
    p, st = now.params, now.state
    sign = 1.0 if asked.side == "buy" else -1.0
    held = {row: float(st.markets.open_interest[p.shocks[row].target]) for row in range(first, len(p.shocks))}
    found: list[dict[int, float]] = []
    for name in names:
        rows = [row for row in held if place_of(units.markets[p.shocks[row].target], asked.by) == name]
        worth = sum(held[row] * _lot_usd(now, units, p.shocks[row].target) for row in rows)
        if worth <= 0.0:
            raise UsageError(
                f"nobody holds a position in {name}: there is nothing to sell by force",
                remedy="give its markets a population, or leave them out",
            )
        share = SHARE if asked.notional is None else asked.notional / worth
        found.append({row: sign * max(share * held[row], 1.0) for row in rows})
    return found


def _lot_usd(now: Assembled, units: RunUnits, m: int) -> float:
    """Return what a lot of a market is worth at mark."""
    market = units.markets[m]
    if market.inverse:
        return market.lot_size
    return float(now.state.markets.mark[m]) * market.tick_size * market.lot_size


class _Matrices(NamedTuple):
    """The matrices under one coalition of channels, and what was sold at a time, by place."""

    direct: Matrix
    total: Matrix
    sold: Floats

    @classmethod
    def of(cls, names: tuple[str, ...], found: Sequence[Response]) -> _Matrices:
        """Return the matrices of some replicates."""
        sold = np.stack([each.sold for each in found])
        unsold = [name for name, column in zip(names, sold.T, strict=True) if (column <= 0).any()]
        if unsold:
            told = f"nothing could be traded by force in {', '.join(unsold)} at these moments"
            raise UsageError(
                told, where="--at", remedy="its book is empty or halted then: write other moments"
            )
        direct, total = (
            Matrix(names, np.stack([getattr(each, name) for each in found]) / sold[:, :, None])
            for name in ("direct", "total")
        )
        return cls(direct, total, sold.mean(axis=0))


# --- channels -----------------------------------------------------------------------------------------


def _shares(
    source: str, target: str, channels: tuple[str, ...], found: Mapping[Coalition, _Matrices]
) -> tuple[MetricAttribution, list[dict[str, Any]]]:
    """Return what each channel did to what a dollar in one place brings in another."""
    values = {
        members: dict(enumerate(each.total.of(source, target).tolist())) for members, each in found.items()
    }
    said = f"USD liquidated in {target} for each USD sold by force in {source}"
    column = Column(f"{source} to {target}", "float", said, unit="1")
    n = len(next(iter(found.values())).total.values)
    metric, rows = attributed(column, channels, values, range(n))
    assert metric is not None, "every replicate has a value under every coalition"
    return metric, rows


def _closed(channel: str, source: str, target: str, whole: _Matrices, without: _Matrices) -> Closed:
    """Return what switching a channel off does, against what the direct matrices say."""
    measured = whole.total.of(source, target) - without.total.of(source, target)
    series = whole.direct.generations(), without.direct.generations()
    if series[0] is None or series[1] is None:
        return Closed(channel, source, target, Mean().estimate(measured), None, None)
    predicted = series[0].of(source, target) - series[1].of(source, target)
    figures = (Mean().estimate(each) for each in (measured, predicted, measured - predicted))
    return Closed(channel, source, target, *figures)


# --- tables -------------------------------------------------------------------------------------------


def written(found: Contagion, folder: Path) -> None:
    """Write the matrices by replicate into a folder, and what each channel did."""
    rows = [
        {
            "scenario": found.name, "replicate": k, "source": a, "target": b,
            "first_generation": found.direct.of(a, b)[k], "all_generations": found.total.of(a, b)[k],
        }
        for k in range(found.n) for a in found.direct.names for b in found.direct.names
    ]  # fmt: skip
    shares = [{"scenario": found.name, **row} for row in found.rows]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, each in (("contagion", rows), ("attribution", shares)):
            if each:
                write_parquet(folder / f"{name}.parquet", _table(name, each))


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema(name, dated=False))
