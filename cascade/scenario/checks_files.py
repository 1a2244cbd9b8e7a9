"""Checks of the data files that a scenario names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cascade.errors import Problem, ScenarioError
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_makers import LadderMaker
from cascade.scenario.schema_population import TableLayer
from cascade.scenario.schema_prices import BarsNews
from cascade.scenario.source import MISSING_FILE, Steps
from cascade.scenario.words import did_you_mean


@register("CAS120", "data files exist and every row of them is valid", "assets makers population")
def files_are_valid(context: Context) -> Found:
    """Read every file, and pass on what is wrong with its columns and rows."""
    for steps, path, read in _files(context):
        try:
            read(path)
        except ScenarioError as error:
            yield from _located(steps, Path(path), error)


def _files(context: Context) -> Iterator[tuple[Steps, str, Callable[[str], Any]]]:
    from cascade.scenario.positions import read_positions
    from cascade.scenario.tables import read_bars, read_depth

    for name, asset in context.scenario.assets.items():
        for part in ("news", "history"):
            source = getattr(asset, part)
            if isinstance(source, BarsNews):
                column = source.time_column
                yield ("assets", name, part, "file"), source.file, lambda path, c=column: read_bars(path, c)
    for number, maker in enumerate(context.scenario.makers):
        if isinstance(maker, LadderMaker) and maker.depth.file is not None:
            yield ("makers", number, "depth", "file"), maker.depth.file, read_depth
    for number, layer in enumerate(context.scenario.population):
        if isinstance(layer, TableLayer):
            yield (
                ("population", number, "file"),
                layer.file,
                lambda path, ignore=layer.ignore: read_positions(path, ignore),
            )


def _located(steps: Steps, path: Path, error: ScenarioError) -> Iterator[Finding | Problem]:
    for problem in error.problems:
        if problem.code != MISSING_FILE:
            yield problem
            continue
        near = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
        message = f"no file '{path.name}'{did_you_mean(path.name, near)}"
        yield Finding(steps, message, f"paths are relative to the file that names them; looked for {path}")
