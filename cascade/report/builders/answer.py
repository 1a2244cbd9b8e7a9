"""The verdict on a run in words: did it cascade, how sure that is, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from cascade.analysis.formats import capital
from cascade.analysis.statistics.estimate import Estimate
from cascade.analysis.verdict import FEWEST, MATTERS_S, Answer, CascadeVerdict, Measure, Sureness, matters
from cascade.report.builders.table import (
    Column,
    Ref,
    Said,
    Table,
    estimate_columns,
    filled,
    join,
    said,
    scaled,
    text_column,
    value_heading,
    with_interval,
)

_LABELS: Final = {
    "added": "of the move of the mark, added by liquidations",
    "set_off": "others that each liquidation set off",
    "because": "of what was liquidated, only because of other liquidations",
    "forward": "of what was liquidated, brought forward",
    "earlier": "by how much earlier",
}

_ANSWERS: Final = {
    Answer.YES: "Yes, it cascaded",
    Answer.NO: "No, it did not cascade",
    Answer.PART: "It cascaded in part",
    Answer.UNKNOWN: "Whether it cascaded cannot be told",
    Answer.NOTHING: "No, it did not cascade: nothing was liquidated",
}

_SURE: Final = {
    Sureness.SURE: "{k} measures say so beyond their 95 % intervals",
    Sureness.LIKELY: "likely, for most measures say so and none contradicts them beyond its interval",
    Sureness.DISPUTED: "the measures contradict each other",
    Sureness.ONE: "as far as one replicate shows, which does not say how much of it is luck",
    Sureness.NONE: "{why}",
}


def verdict_table(found: CascadeVerdict) -> Table:
    """Return the measures that a verdict rests on."""
    rows = [(each.name, each.share, _unit(each), _says(each), each.reason) for each in found.measures]
    if found.brought_forward is not None:
        rows.append(("forward", found.brought_forward, "%", "", ""))
    if found.earlier_s is not None:
        counts = "counts" if matters(found.earlier_s) else f"does not count: under {MATTERS_S:g} s"
        rows.append(("earlier", found.earlier_s, "s", counts, ""))
    shown = [_in_percent(share) if unit == "%" else share for _, share, unit, _, _ in rows]
    columns = (
        Column("name", "", [row[0] for row in rows], kind="text", hidden=True),
        text_column("label", "measure", [_LABELS[row[0]] for row in rows]),
        Column("unit", "unit", [row[2] for row in rows], kind="text", hidden=True),
        *estimate_columns("value", value_heading(found.n), shown, None),
        text_column("says", "a cascade", [row[3] for row in rows]),
        text_column("reason", "remark", [row[4] or (row[1].reason if row[1] else "") for row in rows]),
    )
    where = f" of {found.market}" if found.market else ""
    return Table("verdict", f"What the verdict rests on: the {found.direction}{where}", columns)


def verdict_said(found: CascadeVerdict, table: Table) -> Said:
    """Return the verdict as a paragraph."""
    if found.answer is Answer.NOTHING or not found.market:
        return said(f"{_ANSWERS[found.answer]}.")
    known = [each for each in found.measures if each.share is not None]
    why = next(
        (each.reason for each in found.measures if each.share is None and each.reason), "nothing says so"
    )
    number = "both" if len(known) == FEWEST else "all three"
    sure = _SURE[found.sureness].replace("{k}", number).replace("{why}", why)
    sentences = [said(f"{_ANSWERS[found.answer]}: {sure}.")]
    parts = list(_parts(found, table))
    if parts:
        sentences.append(join([_capital(join(parts, ", ")), said(".")], ""))
    return join(sentences)


def _parts(found: CascadeVerdict, table: Table) -> Iterator[Said]:
    """Yield what each measure says, in words."""
    words = {
        "added": f"liquidations added {{x}} of the {found.direction} of {found.market}",
        "set_off": "each liquidation set off {x} others",
        "because": "{x} of what was liquidated was so only because of other liquidations",
    }
    for each in found.measures:
        if each.share is not None:
            yield filled(words[each.name], _cell(table, each.name))
    if found.brought_forward is not None and found.earlier_s is not None:
        counted = "included in that" if matters(found.earlier_s) else "too little to count"
        share, time = _cell(table, "forward"), _cell(table, "earlier")
        if matters(found.earlier_s) and found.because == found.brought_forward:
            yield join([said("all of that brought forward, by"), time])
            return
        yield join([share, said("was only brought forward, by"), join([time, said(f" ({counted})")], "")])


def _cell(table: Table, name: str) -> Said:
    return with_interval(Ref(table, table.row(name), "value"))


def _capital(sentence: Said) -> Said:
    begins_with_cell = sentence.template[:1] == "{"
    return sentence if begins_with_cell else replace(sentence, template=capital(sentence.template))


def _in_percent(share: Estimate | None) -> Estimate | None:
    return None if share is None else scaled(share, 0.01)


def _unit(each: Measure) -> str:
    return "1" if each.name == "set_off" else "%"


def _says(each: Measure) -> str:
    """Return what a measure says of a cascade."""
    if each.leans is None:
        return "not known"
    lean = "yes" if each.leans else "no"
    return lean if each.says is not None else f"{lean}, within its uncertainty"
