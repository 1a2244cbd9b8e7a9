"""The matrix of contagion as a reader sees it: the answer in a sentence, then the matrix, then channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cascade.analysis.formats import format_bare, format_estimate, format_replicates
from cascade.analysis.statistics import CONFIDENCE, Estimate, Mean
from cascade.report.attribution import metric_lines
from cascade.report.plain_table import rich_table
from cascade.units import format_duration, format_usd

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cascade.analysis.contagion import Matrix
    from cascade.experiment.contagion_check import Checked
    from cascade.experiment.contagion_found import Closed, Contagion


def answer(found: Contagion) -> str:
    """Return what was found, in a sentence."""
    if is_quiet(found):
        return (
            f"What was {_done(found)} by force liquidated nobody, in any place: write a larger --{found.question.side}, "
            "or branch the market where accounts are closer to their margin."
        )
    source, target = strongest(found)
    brings = dollars(found.total.entry(source, target))
    where = "there" if source == target else f"in {target}"
    return f"A dollar {_done(found)} by force in {source} brings {brings} of liquidations {where}; {verdict(found)}."


def strongest(found: Contagion) -> tuple[str, str]:
    """Return the pair of places of which one brings most in the other; of one place that."""
    names = found.total.names
    pairs = found.pairs or [(names[0], names[0])]
    return max(pairs, key=lambda pair: float(found.total.of(*pair).mean()))


def verdict(found: Contagion) -> str:
    """Return whether liquidations die out."""
    radius = found.direct.radius
    text = f"spectral radius {ratio(radius)}"
    if radius.low is None or radius.high is None:
        side = "below" if radius.value < 1.0 else "above"
        return f"nothing says how sure it is that the market is {side} the critical point: {text}"
    if radius.high < 1.0:
        return f"the market is subcritical: {text}"
    if radius.low > 1.0:
        return f"the market is supercritical: {text}"
    return f"whether the market is critical these replicates cannot tell: {text}"


def ratio(estimate: Estimate) -> str:
    """Return a number without a unit, with its interval."""
    return format_estimate(estimate, "1")


def dollars(estimate: Estimate) -> str:
    """Return USD for a dollar, with their interval."""
    text = f"{format_bare(estimate.value, '1')} USD"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{format_bare(estimate.low, '1')}, {format_bare(estimate.high, '1')}]"


def _done(found: Contagion) -> str:
    return "bought" if found.question.side == "buy" else "sold"


def sold_text(found: Contagion) -> str:
    """Return what was sold in each place at a time."""
    usd = zip(found.direct.names, found.sold, strict=True)
    return ", ".join(f"{format_usd(float(f'{each:.3g}'))} USD in {name}" for name, each in usd)


def how(found: Contagion) -> str:
    """Return what the figures are."""
    asked = found.question
    times = ", ".join(format_duration(round(each)) for each in asked.at_s)
    speed = "" if asked.shock is None else f", as {asked.shock} is in its own place, and as fast in others"
    return (
        f"{format_replicates(found.n)}, branched at {times} for {format_duration(round(asked.horizon_s))} under the "
        "same luck with and "
        f"without what is {_done(found)}{speed}: {sold_text(found)}. The first generation is what that trips by itself, "
        f"forced orders being kept out of the book. Intervals are of {CONFIDENCE:.0%}: cascade docs contagion."
    )


def remarks(found: Contagion) -> Iterator[str]:
    """Yield what to know of the matrix."""
    if is_quiet(found):
        return
    if found.n < Mean().least():
        yield f"An interval needs {Mean().least()} replicates: -n {Mean().least()}."
    elif found.direct.radius.reason:
        yield f"The spectral radius has no interval: {found.direct.radius.reason}."
    gap = departure(found)
    if gap is not None and gap.excludes(0.0):
        more = "more" if gap.value > 0.0 else "less"
        source, target = strongest(found)
        yield (
            f"From {source} to {target} later generations do {more} than the first says, by {ratio(gap)}: impact does "
            "not grow in proportion to size, or books and margins change as a cascade goes on."
        )
    if series_of(found) is None:
        yield "The generations have no sum: each is larger than the one before."


def is_quiet(found: Contagion) -> bool:
    """Tell whether no sale liquidated anything, in any replicate."""
    return not found.direct.values.any() and not found.total.values.any()


def series_of(found: Contagion) -> Matrix | None:
    """Return what the first generation says of all."""
    return found.direct.generations()


def departure(found: Contagion) -> Estimate | None:
    """Return what all generations bring, of the strongest pair, beyond what the first says."""
    series, pair = series_of(found), strongest(found)
    return None if series is None else Mean().estimate(found.total.of(*pair) - series.of(*pair))


def verdict_of_check(found: Contagion) -> str:
    """Return whether whole runs bring what the matrix says, in a sentence."""
    runs = found.checked[0].found.n
    against = f"In {runs:,} whole runs of other luck"
    told = [each for each in found.checked if each.agrees is not None]
    if not told:
        return (
            f"{against} nothing can be told of what the matrix predicts: a difference needs more that differ."
        )
    missed = [each for each in told if not each.agrees]
    if missed:
        which = ", ".join(f"{what_of(each)} in {each.target}" for each in missed)
        return f"{against} {len(missed)} of {len(told)} figures are not what the matrix predicts: {which}."
    acting = sum(each.acts for each in told)
    return f"{against} all {len(told)} figures are what the matrix predicts; {acting} of them are other than nothing."


def what_of(row: Checked) -> str:
    """Return what a figure of a check is of."""
    return "what the shock brings" if row.channel is None else f"{row.channel} off"


def agreement(row: Checked) -> str:
    """Return whether a prediction is found, in a word."""
    return "--" if row.agrees is None else "yes" if row.agrees else "no"


def contagion_rich(found: Contagion) -> list[RenderableType]:
    """Return the matrix for a terminal."""
    parts: list[RenderableType] = [answer(found), "", _matrix(found), "", _vectors(found), ""]
    for metric in found.channels:
        parts += [metric.definition, *metric_lines(metric), ""]
    if found.closed:
        parts += ["One channel switched off lowers it by", _closed(found.closed), ""]
    if found.checked:
        parts += [verdict_of_check(found), "", _checked(found.checked), ""]
    return [*parts, *remarks(found), how(found)]


def contagion_dict(found: Contagion) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    series, leading = series_of(found), found.direct.leading
    return {
        "name": found.name, "question": asdict(found.question), "replicates": found.n, "confidence": CONFIDENCE,
        "answer": answer(found), "places": list(found.direct.names), "sold_usd": found.sold.tolist(),
        "spectral_radius": asdict(found.direct.radius),
        "spreads": leading.spreads.tolist(), "receives": leading.receives.tolist(),
        "entries": [
            {
                "source": a, "target": b, "first_generation": asdict(found.direct.entry(a, b)),
                "all_generations": asdict(found.total.entry(a, b)),
                "by_the_first": None if series is None else asdict(series.entry(a, b)),
            }
            for a in found.direct.names for b in found.direct.names
        ],
        "channels": [asdict(metric) for metric in found.channels], "closed": [asdict(each) for each in found.closed],
        "check": [asdict(each) | {"acts": each.acts, "agrees": each.agrees} for each in found.checked],
        "notes": [*remarks(found), how(found)],
    }  # fmt: skip


def _matrix(found: Contagion) -> RenderableType:
    series, rows = series_of(found), []
    for a in found.direct.names:
        for b in found.direct.names:
            by_first = "--" if series is None else ratio(series.entry(a, b))
            rows.append((a, b, ratio(found.direct.entry(a, b)), ratio(found.total.entry(a, b)), by_first))
    titles = ("a dollar in", "brings in", "first generation", "all generations", "all, by the first")
    return rich_table(titles, rows)


def _vectors(found: Contagion) -> RenderableType:
    leading = found.direct.leading
    columns = zip(found.direct.names, leading.spreads, leading.receives, found.sold, strict=True)
    rows = [
        (name, f"{100 * spreads:.0f} %", f"{100 * receives:.0f} %", format_usd(float(f"{sold:.3g}")))
        for name, spreads, receives, sold in columns
    ]
    return rich_table(("", "spreads", "receives", f"{_done(found)} at a time, USD"), rows)


def _closed(rows: Sequence[Closed]) -> RenderableType:
    said = [
        (
            each.channel, each.source, each.target, ratio(each.measured),
            "--" if each.predicted is None else ratio(each.predicted), "--" if each.gap is None else ratio(each.gap),
        )
        for each in rows
    ]  # fmt: skip
    return rich_table(("channel", "from", "to", "measured", "by the first generation", "difference"), said)


def _checked(rows: Sequence[Checked]) -> RenderableType:
    said = [
        (
            what_of(each), each.target, *(format_estimate(of, "USD") for of in (each.predicted, each.found, each.gap)),
            agreement(each),
        )
        for each in rows
    ]  # fmt: skip
    return rich_table(("whole runs", "in", "predicted", "found", "difference", "agrees"), said)
