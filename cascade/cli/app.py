"""The command `cascade`: names its commands, and imports the one that is called."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from cascade.cli.terminal import guarded, show

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("cascade.cli.init:init", "Write a commented example scenario."),
    "validate": ("cascade.cli.validate:validate", "Check scenario files and say what to write instead."),
    "explain": ("cascade.cli.explain:explain", "Explain a scenario, a step, a metric or an error code."),
    "migrate": ("cascade.cli.migrate:migrate", "Write a scenario in the form of the new price formation."),
    "run": ("cascade.cli.run:run", "Run a scenario."),
    "sweep": ("cascade.cli.sweep:sweep", "Run variants of a scenario under the same luck."),
    "threshold": ("cascade.cli.threshold:threshold", "Find from which value on something happens."),
    "frontier": ("cascade.cli.threshold:frontier", "Find that value for each value of another field."),
    "calibrate": ("cascade.cli.calibrate:calibrate", "Fit what cannot be seen to what was observed."),
    "report": ("cascade.cli.report:report", "Write a run as one page of figures and tables."),
    "compare": ("cascade.cli.compare:compare", "Compare runs: what is worse, what better, how sure."),
    "view": ("cascade.cli.view:view", "Look at a run moment by moment, on a local page."),
    "live": ("cascade.cli.live:live", "Watch a scenario while it runs, on a local page."),
    "replay": ("cascade.cli.replay:replay", "Run a replicate again, recorded in full where it was worst."),
    "attribute": ("cascade.cli.attribute:attribute", "Say how much came through which channel."),
    "graph": ("cascade.cli.graph:graph", "Show who tripped whom in a run."),
    "facts": ("cascade.cli.facts:facts", "Hold a market's stylised facts against those of real ones."),
    "score": ("cascade.cli.score:score", "Hold what is foretold of events against what was observed."),
    "held": ("cascade.cli.held:held", "Measure what forced orders moved a traded price path by."),
    "cost": ("cascade.cli.cost:cost", "Measure what an order costs, against the same luck without it."),
    "contagion": (
        "cascade.cli.contagion:contagion",
        "Measure what a dollar liquidated here brings elsewhere.",
    ),
    "price": ("cascade.cli.price:price", "Price a position: liquidation, bankruptcy, margins."),
    "rulebook": ("cascade.cli.rulebook:rulebook", "List, show, compare and test the rules of venues."),
    "data": ("cascade.cli.data:data", "Check and convert files of public archives."),
    "event": ("cascade.cli.event:event", "Write an event of a real day from archives."),
    "schema": ("cascade.cli.schema:schema", "Print the scenario format for editors or people."),
    "doctor": ("cascade.cli.doctor:doctor", "Check this installation."),
    "docs": ("cascade.cli.docs:docs", "Read the documentation."),
}
"""Each command with its function and the line that describes it."""

_OBJECTS_OF_A_START: Final = 200_000
"""Objects after which garbage is searched as usual: more than come of imports, few beside the accounts of a market."""


def main() -> None:
    """Run the command line."""
    _start_lightly()
    arguments = sys.argv[1:]
    chosen = next((word for word in arguments if not word.startswith("-")), "")
    build([chosen])()


def _start_lightly() -> None:
    """Spare what costs a short command as much as its work: threads that it has no use for, searches for garbage."""
    # Linear algebra is small here; to start a thread for it on each core takes as long as to import numpy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What is imported stays: it is not searched while it comes, nor later, nor at the end.
    usual = gc.get_threshold()

    def settle(_phase: str, _info: dict[str, int]) -> None:
        gc.callbacks.remove(settle)
        gc.freeze()
        gc.set_threshold(*usual)

    gc.callbacks.append(settle)
    gc.set_threshold(_OBJECTS_OF_A_START, *usual[1:])
    atexit.register(gc.freeze)


def build(loaded: Collection[str]) -> typer.Typer:
    """Return the command line, with only the commands in `loaded` imported."""
    app = typer.Typer(
        name="cascade",
        help="Stress laboratory for leveraged markets: simulate chain liquidations.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    for name, (target, summary) in COMMANDS.items():
        found = _function(target) if name in loaded else _placeholder
        if isinstance(found, typer.Typer):  # a command with commands of its own, which guard themselves
            app.add_typer(found, name=name, help=summary)
            continue
        function = guarded(found) if name in loaded else _placeholder
        text = function.__doc__ if name in loaded else summary
        app.command(name, help=_help(text or summary), short_help=summary)(function)
    return app


def _function(target: str) -> Callable[..., Any] | typer.Typer:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _placeholder() -> None:
    """Stand for a command that was not called."""


def _help(text: str) -> str:
    """Return the part of a docstring that is meant for users."""
    return text.partition("\n    Parameters\n")[0].strip()


def _version(value: bool) -> None:
    if value:
        from cascade import __version__

        show(f"cascade {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that come before a command."""
