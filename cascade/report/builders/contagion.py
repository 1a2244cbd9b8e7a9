"""Tables of the matrix of contagion: its entries with their intervals, the two matrices as cells, and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cascade.report.builders.table import Column, Table, estimate_columns, text_column
from cascade.report.contagion import agreement, verdict_of_check, what_of

if TYPE_CHECKING:
    from cascade.analysis.contagion import Matrix
    from cascade.experiment.contagion_found import Contagion
    from cascade.report.builders.study import Study


class Cells(NamedTuple):
    """A matrix as a figure draws it: a row of its table for each target, a column for each source."""

    found: Contagion
    matrix: Matrix
    generations: str
    """`first`, or `all`."""
    table: Table


def matrices(study: Study) -> list[Cells] | None:
    """Return the matrix of the first generation and that of all."""
    found = study.contagion
    if found is None:
        return None
    return [Cells(found, each, name, _cells(each, name)) for each, name in
            ((found.direct, "first"), (found.total, "all"))]  # fmt: skip


def _cells(matrix: Matrix, generations: str) -> Table:
    columns = (
        Column(f"from_{k}", f"from {source}", matrix.mean[k], "USD for a USD")
        for k, source in enumerate(matrix.names)
    )
    return Table(
        f"contagion_{generations}", f"USD liquidated for a USD by force, {generations} generation"
        f"{'s' * (generations == 'all')}", (text_column("target", "in", matrix.names), *columns),
    )  # fmt: skip


def entries(study: Study) -> list[Table]:
    """Return every entry with its interval, what spreads, what each channel did, and what whole runs say of it."""
    found = study.contagion
    return [] if found is None else [
        entry_table(found), vector_table(found), *channel_tables(found), *check_tables(found),
    ]  # fmt: skip


def entry_table(found: Contagion) -> Table:
    """Return every entry of both matrices, a row each."""
    names, series = found.direct.names, found.direct.generations()
    pairs = [(a, b) for a in names for b in names]
    figures = (
        ("first", "first generation", found.direct), ("all", "all generations", found.total),
        ("by_first", "all, by the first", series),
    )  # fmt: skip
    columns = [
        column
        for name, label, matrix in figures
        for column in estimate_columns(
            name, label, [None if matrix is None else matrix.entry(*each) for each in pairs], "1"
        )
    ]
    return Table("contagion", "USD liquidated for a USD by force, with intervals of 95 %", (
        text_column("pair", "from, in", [f"{a}, {b}" for a, b in pairs]),
        Column("source", "from", [a for a, _ in pairs], "", "text", hidden=True),
        Column("target", "in", [b for _, b in pairs], "", "text", hidden=True),
        *columns,
    ))  # fmt: skip


def vector_table(found: Contagion) -> Table:
    """Return who spreads most, and where it ends: the eigenvectors of the first generation."""
    leading = found.direct.leading
    return Table("contagion_spread", "Who spreads most, and where it ends", (
        text_column("place", "place", found.direct.names),
        Column("spreads", "spreads", 100.0 * leading.spreads, "%"),
        Column("receives", "receives", 100.0 * leading.receives, "%"),
        Column("sold", "by force at a time", found.sold, "USD"),
    ))  # fmt: skip


def channel_tables(found: Contagion) -> list[Table]:
    """Return what each channel did to each pair, where channels were switched off."""
    tables: list[Table] = []
    if found.channels:
        shares = [(metric, share) for metric in found.channels for share in metric.shares]
        tables.append(Table("contagion_channels", "What each channel brings: Shapley values, which sum to the whole", (
            text_column("pair", "", [metric.metric for metric, _ in shares]),
            text_column("channel", "channel", [share.channel for _, share in shares]),
            *estimate_columns("shapley", "brings", [share.shapley for _, share in shares], "1"),
        )))  # fmt: skip
    if closed := found.closed:
        tables.append(Table("contagion_closed", "By how much one channel switched off lowers it", (
            text_column("pair", "", [f"{each.source} to {each.target}" for each in closed]),
            text_column("channel", "channel", [each.channel for each in closed]),
            *estimate_columns("measured", "measured", [each.measured for each in closed], "1"),
            *estimate_columns("predicted", "by the first generation", [each.predicted for each in closed], "1"),
        )))  # fmt: skip
    return tables


def check_tables(found: Contagion) -> list[Table]:
    """Return what the matrix says of a shock beside what whole runs of other luck bring, where they were run."""
    rows = found.checked
    if not rows:
        return []
    return [Table("contagion_check", verdict_of_check(found), (
        text_column("figure", "what is liquidated, or less of it", [what_of(each) for each in rows]),
        text_column("target", "in", [each.target for each in rows]),
        *estimate_columns("predicted", "predicted", [each.predicted for each in rows], "USD"),
        *estimate_columns("found", "found", [each.found for each in rows], "USD"),
        *estimate_columns("gap", "difference", [each.gap for each in rows], "USD"),
        text_column("agrees", "agrees", [agreement(each) for each in rows]),
    ))]  # fmt: skip
