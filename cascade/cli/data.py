"""`cascade data`: files of public archives: what is read, whether a file is sound, and conversion to parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import guarded, has_color, leave, say, show_json, show_rows
from cascade.errors import ExitCode, render_problems

if TYPE_CHECKING:
    from cascade.data.recognise import Given
    from cascade.data.soundness import Checked

Files: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Files as they are published.")
]
Kind: TypeAlias = Annotated[
    str | None,
    typer.Option("--as", metavar="KIND", help="What the files are, where neither content nor name tells."),
]
Symbol: TypeAlias = Annotated[
    str | None, typer.Option("--symbol", help="What is traded, where names do not tell.")
]
ContractSize: TypeAlias = Annotated[
    float | None,
    typer.Option("--contract", help="Size of a contract, in units of the asset or USD as the venue counts."),
]

data = typer.Typer(
    help="Read files of public archives: list the kinds, check files, convert them to parquet.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.command("list")
@guarded
def list_(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help="Show all that is known of one kind.")
    ] = None,
    json: opt.AsJson = False,
) -> None:
    """List the kinds of files that are read: name, table, and a name as it is published."""
    from cascade.data.adapter import lines_of_facts
    from cascade.data.recognise import adapters_named

    found = adapters_named(kind)
    if json:
        show_json(
            [{"kind": each.name, "version": each.version, "facts": [*lines_of_facts(each)]} for each in found]
        )
    elif kind is None:
        show_rows([(each.name, each.table, each.file) for each in found])
    else:
        show_rows([*(fact for each in found for fact in lines_of_facts(each))])


@data.command("check")
@guarded
def check(
    files: Files,
    kind: Kind = None,
    symbol: Symbol = None,
    contract: ContractSize = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="Bars, trades or a ticker of another source."),
    ] = None,
    json: opt.AsJson = False,
) -> None:
    """Check files: header, times, order, duplicates, gaps, frozen series, labels, sides, contracts, prices.

    A verdict for each file: ok; noted, where conversion mends what there is; failed. Exit code 1 if one has failed.
    """
    from cascade.data.against import read_reference
    from cascade.data.soundness import check as checked_files

    reference = None if against is None else read_reference(against)
    checked = checked_files(files, _given(kind, symbol, contract), reference)
    if json:
        show_json(checked)
    else:
        show_rows([row for each in checked for row in _rows(each)])
        for each in checked:
            say(render_problems(each.problems, color=has_color()))
    if not all(each.is_sound for each in checked):
        leave(ExitCode.THRESHOLD)


@data.command("convert")
@guarded
def convert(
    files: Files,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of the parquet files.")],
    kind: Kind = None,
    symbol: Symbol = None,
    contract: ContractSize = None,
    force: opt.Force = False,
    json: opt.AsJson = False,
) -> None:
    """Convert files to parquet: one table for each subject, the same columns and units whatever the venue.

    Every check runs first. A file with cells that cannot be read is left out; other faults stand in the metadata.
    Exit code 1 if a file was left out.
    """
    from cascade.data.converting import convert as converted_files

    converted = converted_files(files, out, _given(kind, symbol, contract), force=force)
    if json:
        show_json(converted)
    else:
        for each in converted:
            say(render_problems(each.refused or each.checked.problems, color=has_color()))
            show_rows([(str(path), f"{n:,} rows") for path, n in zip(each.files, each.rows, strict=True)])
    if any(each.refused for each in converted):
        leave(ExitCode.THRESHOLD)


def _given(kind: str | None, symbol: str | None, contract: float | None) -> Given:
    from cascade.data.recognise import Given

    return Given(kind, symbol, contract)


def _rows(checked: Checked) -> list[tuple[str, ...]]:
    """Return what is said of a file in a row for each of its tables."""
    from cascade.data.quality import stamp
    from cascade.scenario.source import shown_name

    name = shown_name(checked.path)
    if not checked.readings:
        return [(checked.word, name, "", "", "")]
    rows: list[tuple[str, ...]] = []
    for each in checked.readings:
        span = "" if each.first_us is None else f"{stamp(each.first_us)} to {stamp(each.last_us)}"
        rows.append((checked.word, name, each.adapter.name, f"{each.rows:,} rows", span))
    return rows
