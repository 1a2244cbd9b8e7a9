"""`cascade rulebook`: the rules of venues: list, show, compare, copy, and test against worked examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import guarded, leave, say, show, show_json, show_rows
from cascade.errors import ExitCode

Name = Annotated[str, typer.Argument(metavar="NAME", help="A rulebook, by its name or path.")]

rulebook = typer.Typer(
    help="List, show, compare and copy the rules of venues, and test worked examples.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@rulebook.command("list")
@guarded
def list_(json: opt.AsJson = False) -> None:
    """List the rulebooks that come with Cascade: name, date, venue, contracts."""
    from cascade.venues.figures import overview

    books = overview()
    if json:
        show_json(books)
        return
    show_rows([(book["name"], book["date"], book["venue"], book["contracts"]) for book in books])


@rulebook.command("show")
@guarded
def show_(name: Name, json: opt.AsJson = False) -> None:
    """Show every figure of a rulebook with its source; what the venue has not confirmed is marked."""
    from cascade.venues.figures import figures

    found = figures(name)
    if json:
        show_json(found)
        return
    rows: list[tuple[str, ...]] = []
    for figure in found:
        status = "UNCONFIRMED" if figure.status == "unconfirmed" else figure.status
        told = f"{figure.source}; {figure.note}" if figure.note else figure.source
        rows.append((figure.path, figure.text, status, told))
    show_rows(rows)
    unconfirmed = sum(figure.status == "unconfirmed" for figure in found)
    if unconfirmed:
        say(f"{unconfirmed} of {len(found)} figures are unconfirmed: assumptions, not rules of the venue")


@rulebook.command("diff")
@guarded
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A rulebook, by its name or path.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    json: opt.AsJson = False,
) -> None:
    """Show the figures in which two rulebooks differ."""
    from cascade.venues.figures import differences

    found = differences(first, second)
    if json:
        show_json(found)
        return
    head = [("figure", first, second)] if found else []
    show_rows([*head, *((each.path, each.first or "-", each.second or "-") for each in found)])
    if not found:
        say("no figure differs")


@rulebook.command("copy")
@guarded
def copy(
    name: Name,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The new file.")],
    force: opt.Force = False,
) -> None:
    """Write a rulebook into a file of your own, complete and with its sources.

    Change it, and name it in a scenario: rulebook: ./mine.yaml.
    """
    from cascade.venues.copy import copy_rulebook

    path = copy_rulebook(name, out, force=force)
    show(str(path))
    told = path if path.is_absolute() else f"./{path}"  # without a slash it would be a name
    say(f"next: cascade rulebook diff {name} {told}\n      cascade validate --rulebook {path}")


@rulebook.command("check")
@guarded
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSON file of worked examples.")],
    failed: Annotated[bool, typer.Option("--failed", help="Show only those that do not pass.")] = False,
    json: opt.AsJson = False,
) -> None:
    """Test worked examples of venues against the rules.

    Exit code 1 if a consistent example fails, cannot be computed or is of an unknown kind. The format and
    the kinds: cascade docs calculator.
    """
    from cascade.calculator.examples import check_file, counts

    checked = check_file(file)
    if json:
        show_json(checked)
    else:
        show_rows([_row(example) for example in checked if not (failed and example.verdict == "pass")])
    parts = ", ".join(f"{n} {verdict}" for verdict, n in counts(checked).items())
    say(f"{len(checked)} examples: {parts}")
    if not all(example.holds for example in checked):
        leave(ExitCode.THRESHOLD)


def _row(example: Any) -> tuple[str, ...]:
    told = [example.message] if example.message else []
    if example.unused:
        told.append("not used: " + ", ".join(example.unused))
    return (
        example.verdict,
        example.name or "(no id)",
        example.kind,
        example.basis,
        f"expected {_value(example.expected)}",
        f"computed {_value(example.computed)}",
        f"within {example.tolerance:g}",
        "; ".join(told),
    )


def _value(value: Any) -> str:
    """Return a value on one line; no price as venues show it."""
    if value is None:
        return "--"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.12g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_value(each)}' for key, each in value.items())}}}"
    return str(value)
