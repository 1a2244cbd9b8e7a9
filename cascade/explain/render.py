"""Explanations as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from cascade.analysis.formats import format_bytes
from cascade.assembly.caps import Capped
from cascade.explain import Explanation
from cascade.explain.cost import Cost
from cascade.explain.parts import heading, note, table
from cascade.explain.render_moves import render_moves
from cascade.explain.rules import Assumption
from cascade.explain.sources import DEFAULT, NONE, Figure, counts
from cascade.explain.timeline import Moment
from cascade.explain.topics import Topic
from cascade.exposure.holdings import QUANTILES, Population, Spread
from cascade.exposure.liquidation_map import WIDTH, LiquidationMap, Side
from cascade.units import format_usd

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOST_ANCHORS = 12
_SHOWN_EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 40, 60, 80)
"""Rows of the map, in buckets from the start price."""

_BAR = 12


def render(explanation: Explanation, *, all_figures: bool = False) -> Iterator[RenderableType]:
    """Yield the sections of a scenario's explanation."""
    from rich.text import Text

    scenario = explanation.scenario
    what = f"\n{scenario.description}" if scenario.description else ""
    yield Text.assemble((scenario.name, "bold"), what)
    yield from _timeline(explanation.timeline)
    yield from render_moves(explanation.moves)
    yield from _figures(explanation, all_figures)
    yield from _assumptions(explanation.assumptions)
    for population in explanation.populations:
        yield from _population(population, explanation.replicate)
    yield from _caps(explanation.caps)
    for each in explanation.maps:
        yield from _map(each)
    yield from _cost(explanation.cost)


def render_topic(topic: Topic) -> Iterator[RenderableType]:
    """Yield a topic."""
    from rich.text import Text

    yield Text(topic.title, style="bold")
    rows = table("", "", "")
    for entry in topic.entries:
        rows.add_row(*entry)
    yield rows
    if topic.note:
        yield Text(topic.note, style="dim")


# --- timeline --------------------------------------------------------------------------------------


def _timeline(moments: Sequence[Moment]) -> Iterator[RenderableType]:
    yield heading("Timeline")
    n_anchors = sum(moment.kind == "anchor" for moment in moments)
    rows = table("", "", "", "")
    for kind, group in groupby(moments, key=lambda moment: moment.kind):
        run = list(group)
        if kind == "anchor" and n_anchors > _MOST_ANCHORS and len(run) > 2:
            run = [run[0], Moment(run[1].t_s, kind, f"... {len(run) - 2} more anchors"), run[-1]]
        for moment in run:
            rows.add_row(_clock(moment.t_s), moment.time, moment.kind, moment.text)
    yield rows


def _clock(t_s: float) -> str:
    """Return a time since the start in the form that scenarios take: 7h32m."""
    minutes, seconds = divmod(round(t_s, 3), 60.0)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{n:g}{unit}" for n, unit in parts if n) or "0s"


# --- figures ---------------------------------------------------------------------------------------


def _figures(explanation: Explanation, all_figures: bool) -> Iterator[RenderableType]:
    figures = explanation.figures
    yield heading("Figures and where they come from")
    parts = ", ".join(f"{n} {kind}" for kind, n in counts(figures).items())
    yield note(f"{len(figures)} figures: {parts}")
    for name, found in explanation.rulebooks.items():
        if found:
            yield note(f"rulebook {name}: " + ", ".join(f"{n} {status}" for status, n in found.items()))
    shown = figures if all_figures else [each for each in figures if each.kind != DEFAULT]
    yield _figure_table(shown)
    unsourced = sum(each.kind == NONE for each in figures)
    if unsourced:
        yield note(f"{unsourced} figures have no source: name one under `sources:`.")
    if not all_figures and len(shown) < len(figures):
        yield note(
            f"{len(figures) - len(shown)} defaults are not shown: --all, or `cascade docs parameters`."
        )


def _assumptions(assumptions: Sequence[Assumption]) -> Iterator[RenderableType]:
    if not assumptions:
        return
    yield heading("Rules of venues that are not confirmed")
    rows = table("venue", "figure", "value", "why")
    for each in assumptions:
        rows.add_row(each.venue, each.figures, each.value, each.source)
    yield rows


def _figure_table(figures: Sequence[Figure]) -> RenderableType:
    rows = table("figure", "value", "unit", "from")
    for each in figures:
        units = "" if each.unit in ("s", "x", "fraction", "time") else each.unit  # the value shows these
        origin = f"{each.kind}: {each.source}" if each.source else each.kind
        rows.add_row(each.path, each.value, units, origin)
    return rows


# --- population ------------------------------------------------------------------------------------


def _population(population: Population, replicate: int) -> Iterator[RenderableType]:
    yield heading(f"Leveraged accounts of {population.market}, as drawn for replicate {replicate}")
    rows = table("", "", right=(1,))
    kinds = f"{population.isolated:,} isolated, {population.cross:,} cross"
    rows.add_row("open accounts", f"{population.accounts:,} ({kinds})")
    rows.add_row("open interest, one-sided", f"{format_usd(population.open_interest_usd)} USD")
    rows.add_row("  leveraged longs", f"{format_usd(population.long_usd)} USD ({population.long_share:.1%})")
    rows.add_row("  leveraged shorts", f"{format_usd(population.short_usd)} USD")
    rows.add_row("leverage, weighted by notional", f"{population.weighted_leverage:.1f}x")
    yield rows
    names = [f"{q:.0%} of accounts up to" for q in QUANTILES]
    rows = table("", *names, "largest", right=range(1, len(names) + 2))
    rows.add_row("leverage at entry", *_spread(population.leverage, "x"))
    rows.add_row("notional, USD", *_spread(population.size_usd))
    yield rows


def _caps(caps: Sequence[Capped]) -> Iterator[RenderableType]:
    if not caps:
        return
    yield heading("Leverage caps")
    titles = (
        "layer",
        "at most",
        "above it",
        "they",
        "longs that go, USD",
        "shorts that go, USD",
        "of the layer",
    )
    rows = table(*titles, right=(1, 2, 4, 5, 6))
    for cap in caps:
        gone = (cap.long_usd + cap.short_usd) / cap.of_usd if cap.of_usd else 0.0
        rows.add_row(
            cap.layer, f"{cap.max:g}x", f"{cap.accounts:,} of {cap.of:,}", "leave" if cap.leaves else "sell down",
            format_usd(cap.long_usd), format_usd(cap.short_usd), f"{gone:.1%}",
        )  # fmt: skip
    yield rows
    for cap in caps:
        if cap.largest:
            who = "; ".join(
                f"{label}: {format_usd(usd)} USD at {each:.3g}x" for label, each, usd in cap.largest
            )
            yield note(f"Largest of {cap.layer} above the cap: {who}")


def _spread(spread: Spread, suffix: str = "") -> list[str]:
    return [f"{format_usd(value)}{suffix}" for value in (*spread.quantiles, spread.largest)]


# --- map -------------------------------------------------------------------------------------------


def _map(each: LiquidationMap) -> Iterator[RenderableType]:
    yield heading(f"Liquidation map of {each.market}, from {each.price:,.10g} USD")
    titles = ("move", "price", "to liquidate", "", "cumulative", "book", "thin book")
    rows = table(*titles, right=(0, 1, 2, 4, 5, 6))
    largest = max(float(each.below.usd.max(initial=0.0)), float(each.above.usd.max(initial=0.0)), 1.0)
    for row in reversed(_rows(each, each.above, 1.0, largest)):
        rows.add_row(*row)
    rows.add_row("0 %", f"{each.price:,.10g}", "", "", "", "", "", style="bold")
    for row in _rows(each, each.below, -1.0, largest):
        rows.add_row(*row)
    yield rows
    for side, what in ((each.below, "falls"), (each.above, "rises")):
        yield note(_verdict(side, what))
    yield note(
        "USD at the start. book: quoted by makers up to that price on that side; thin book: the same with"
        " makers at their withdrawal floor and the deepest depth shock on. Cross-margined accounts: all "
        " prices move together."
    )


def _rows(each: LiquidationMap, side: Side, sign: float, largest: float) -> list[tuple[str, ...]]:
    """Return a side's rows, from near to far; far rows hold several buckets."""
    cumulative = side.cumulative_usd
    rows: list[tuple[str, ...]] = []
    before = 0
    for edge in _SHOWN_EDGES:
        if edge > len(side.usd):
            break
        amount = float(side.usd[before:edge].sum())
        move = sign * WIDTH * edge
        bar = "█" * round(_BAR * amount / largest) if edge - before == 1 else ""
        total, depth, thin = (
            float(cumulative[edge - 1]),
            float(side.depth_usd[edge - 1]),
            float(side.thin_usd[edge - 1]),
        )
        mark = " >" if total > depth else ""
        rows.append((
            f"{100 * move:+.2f} %", f"{each.price * (1 + move):,.10g}", format_usd(amount), bar,
            f"{format_usd(total)}{mark}", format_usd(depth), format_usd(thin),
        ))  # fmt: skip
        before = edge
    return rows


def _verdict(side: Side, what: str) -> str:
    """Return where liquidations outgrow the book."""
    if not float(side.usd.sum()) + side.beyond_usd:
        return f"If the price {what}, no account fails."
    far = f"; {format_usd(side.beyond_usd)} beyond the map" if side.beyond_usd else ""
    found, thin = side.overrun(), side.overrun(thin=True)
    if found is None and thin is None:
        return f"If the price {what}: the book holds more than is liquidated, throughout{far}."
    full = (
        f"more is liquidated than the book holds from {found:.2%} on"
        if found is not None
        else "the book holds"
    )
    less = f", in a thin book from {thin:.2%}" if thin is not None else ""
    return f"If the price {what}: {full}{less}{far}."


# --- cost ------------------------------------------------------------------------------------------


def _cost(cost: Cost) -> Iterator[RenderableType]:
    yield heading("Cost")
    parts = ", ".join(f"{part} {format_bytes(n)}" for part, n in cost.memory_bytes.items())
    rows = table("", "")
    rows.add_row("memory of a replicate", f"{format_bytes(cost.total_bytes)}: {parts}")
    time = f"about {_seconds(cost.seconds)}, {cost.us_per_step:.0f} us a step"
    rows.add_row("time of a replicate", f"{time}, {cost.pace.text}")
    rows.add_row("  with --counterfactual", f"{cost.counterfactual_runs} times that")
    if cost.replicates > 1:
        total = _seconds(cost.replicates * cost.seconds)
        rows.add_row("all replicates", f"{cost.replicates}: about {total} of one core")
    if cost.compile_s:
        rows.add_row("first run", f"compiles for about {_seconds(cost.compile_s)}, once")
    yield rows


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.2g} s"
