"""The first screen of a page: the answer, and five cards of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.analysis.formats import format_replicates
from cascade.analysis.metrics import column_name
from cascade.analysis.statistics import Estimate, Probability, Quantile
from cascade.report.builders.answer import verdict_said, verdict_table
from cascade.report.builders.headline import cell
from cascade.report.builders.outcomes import way
from cascade.report.builders.study import Study
from cascade.report.builders.table import (
    Column,
    Ref,
    Said,
    Table,
    estimate_columns,
    join,
    said,
    scaled,
    text_column,
    value_heading,
    with_interval,
)

WORST: Final = Quantile(0.9)
"""What one replicate in ten exceeds."""


@dataclass(frozen=True, slots=True)
class Card:
    """A figure that is read first, with what belongs to it."""

    title: str
    value: Said
    lines: tuple[Said, ...] = ()


def grounds(study: Study) -> Table:
    """Return what the verdict on the first run rests on."""
    return study.once(_grounds)


def _grounds(study: Study) -> Table:
    return verdict_table(study.first.summary.cascade)


def answer(study: Study) -> Said:
    """Return whether the first run cascaded, and how sure that is."""
    return verdict_said(study.first.summary.cascade, grounds(study))


def cards(study: Study) -> list[Card]:
    """Return the move, what was liquidated, who bore it, the worst tenth and how sure it all is."""
    if study.is_comparison or not study.markets:
        return []
    return [_move(study), _liquidated(study), _fund(study), _worst(study), _confidence(study)]


def market_of(study: Study) -> str:
    """Return the market that the first screen is about: where most was liquidated, or the first."""
    found = study.first.summary.cascade.market
    names = [market.name for market in study.markets]
    return found if found in names else names[0]


def _move(study: Study) -> Card:
    market = market_of(study)
    direction = way(study, market)
    parts = (("outside", "from outside"), ("stops", "added by stops"), ("added", "added by liquidations"))
    lines = [
        (cell(study, column_name(f"{{market}}_{kind}_{direction}_bps", market)), name) for kind, name in parts
    ]
    split = tuple(join([with_interval(ref), said(name)]) for ref, name in lines if ref is not None)
    whole = cell(study, column_name(f"{{market}}_{direction}_bps", market))
    unknown = said("what liquidations added needs --counterfactual")
    return Card(f"{direction.capitalize()} of {market}", _or_none(whole), split or (unknown,))


def _liquidated(study: Study) -> Card:
    accounts, book = cell(study, "liquidated_accounts"), cell(study, "book_usd")
    lines = [(accounts, "accounts"), (book, "of it closed in the book")]
    shown = tuple(join([with_interval(ref), said(name)]) for ref, name in lines if ref is not None)
    return Card("Liquidated", _or_none(cell(study, "complete_usd")), shown)


def _fund(study: Study) -> Card:
    adl, accounts, bad = (cell(study, name) for name in ("adl_usd", "adl_accounts", "bad_debt_usd"))
    lines: list[Said] = []
    if adl is not None and accounts is not None:
        gave = [with_interval(adl), said("auto-deleveraged, of"), with_interval(accounts), said("accounts")]
        is_any = np.nan_to_num(study.first.metric("adl_usd")).any()
        lines.append(join(gave) if is_any else said("nobody was auto-deleveraged"))
    if bad is not None:
        is_any = np.nan_to_num(study.first.metric("bad_debt_usd")).any()
        lines.append(join([with_interval(bad), said("of bad debt")]) if is_any else said("no bad debt"))
    return Card("Losses that funds took over", _or_none(cell(study, "fund_draw_usd")), tuple(lines))


def _worst(study: Study) -> Card:
    table, direction = beyond(study), way(study, market_of(study))
    if study.n < 2:
        return Card("The worst tenth", said("not known"), (said("one replicate has no tail"),))
    move, usd = (with_interval(Ref(table, row, "value")) for row in (0, 1))
    few = () if table.value(0, "value_low") is not None else (said(str(table.value(0, "reason"))),)
    value = join([said(f"{direction} of"), move, said("or more")])
    return Card("The worst tenth", value, (join([usd, said("or more liquidated")]), *few))


def _confidence(study: Study) -> Card:
    found = study.first.summary.cascade
    count = said(format_replicates(study.n))
    lines: list[Said] = [said(f"did it cascade: {found.answer}, {found.sureness}")]
    if study.n > 1:
        chance = with_interval(Ref(beyond(study), 2, "value"))
        lines.append(join([said("chance of auto-deleveraging"), chance]))
    return Card("Confidence", count, tuple(lines))


def _or_none(ref: Ref | None) -> Said:
    return said("none") if ref is None else with_interval(ref)


def beyond(study: Study) -> Table:
    """Return what one replicate in ten exceeds, and how often somebody is auto-deleveraged."""
    return study.once(_beyond)


def _beyond(study: Study) -> Table:
    market = market_of(study)
    direction = way(study, market)
    rows = list(_tail(study, column_name(f"{{market}}_{direction}_bps", market), direction))
    columns = (
        text_column("label", "metric", [row[0] for row in rows]),
        Column("unit", "unit", [row[1] for row in rows], kind="text", hidden=True),
        *estimate_columns("value", value_heading(study.n), [row[2] for row in rows], None),
        Column("n", "n", [row[2].n if row[2] else 0 for row in rows], ""),
        text_column("reason", "remark", [row[2].reason if row[2] else "no replicate has it" for row in rows]),
    )
    return Table("beyond", "What one replicate in ten exceeds, and the chance of auto-deleveraging", columns)


def _tail(study: Study, metric: str, direction: str) -> Iterator[tuple[str, str, Estimate | None]]:
    values = {name: _known(study, name) for name in (metric, "complete_usd", "adl_usd")}
    for name, label, unit in (
        (metric, f"{direction} of the mark", "bps"),
        ("complete_usd", "liquidated", "USD"),
    ):
        found = values[name]
        yield label, unit, WORST.estimate(found) if len(found) else None
    adl = values["adl_usd"]
    yield "chance of auto-deleveraging", "%", scaled(Probability().estimate(adl), 0.01) if len(adl) else None


def _known(study: Study, metric: str) -> np.ndarray:
    values = study.first.metric(metric)
    return values[~np.isnan(values)]
