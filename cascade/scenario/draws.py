"""Draws of parameters: a table of values, a row a draw, from which each replicate of a scenario takes its own.

The format is parquet: a column for each dotted path of the scenario, in the unit that its metadata names. Replicate k
takes draw k, and the first again after the last: so the same replicate has the same draw in every variant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cascade.errors import Problem, ScenarioError
from cascade.scenario.load import replaced, to_data
from cascade.scenario.schema import Scenario
from cascade.scenario.source import MISSING_FILE, shown_name
from cascade.units import Seconds, parse_duration

if TYPE_CHECKING:
    import pyarrow as pa

NO_DRAWS: Final = "CAS330"
VERSION: Final = "1"
_MARK, _PROBLEM, _UNIT = b"cascade_draws", b"problem_sha256", b"unit"
SECONDS: Final = "s"


@dataclass(frozen=True)
class Draws:
    """Values of parameters.

    Attributes
    ----------
    values : npt.NDArray[np.float64]
        Of each draw and path.
    problem : str
        SHA-256 of the problem that they were fitted in; empty where nothing says.
    """

    paths: tuple[str, ...]
    units: tuple[str, ...]
    values: npt.NDArray[np.float64]
    problem: str = ""

    def of_replicate(self, number: int) -> dict[str, float]:
        """Return the values of a replicate by path."""
        return dict(zip(self.paths, self.values[number % len(self.values)].tolist(), strict=True))

    def changes(self, number: int) -> dict[str, float]:
        """Return the values of a replicate as a scenario takes them: times are said to be seconds."""
        units = dict(zip(self.paths, self.units, strict=True))
        return {path: written(value, units[path]) for path, value in self.of_replicate(number).items()}

    def table(self) -> pa.Table:
        """Return the table that a file of them holds."""
        import pyarrow as pa

        fields = [
            pa.field(path, pa.float64(), nullable=False, metadata={_UNIT: unit})
            for path, unit in zip(self.paths, self.units, strict=True)
        ]
        schema = pa.schema(fields, metadata={_MARK: VERSION, _PROBLEM: self.problem})
        return pa.table([pa.array(column) for column in self.values.T], schema=schema)


def written(value: float, unit: str) -> float:
    """Return a value as it is set in a scenario."""
    return Seconds(value) if unit == SECONDS else value


def read_draws(path: str | Path) -> Draws:
    """Return the draws of a file.

    Raises
    ------
    ScenarioError
        If it is missing or no file of draws.
    """
    path = Path(path)
    if not path.is_file():
        hint = "paths are relative to the file that names them; cascade calibrate writes draws.parquet"
        raise ScenarioError([Problem(MISSING_FILE, "no such file of draws", hint, shown_name(path))])
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, changed_ns: int, size: int) -> Draws:
    """Return the draws of a file as it was at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError):
        raise _refused(path, "this is no parquet file") from None
    marks = table.schema.metadata or {}
    if marks.get(_MARK, b"").decode() != VERSION:
        raise _refused(path, "this file does not hold draws of parameters")
    strange = [field.name for field in table.schema if field.type != pa.float64()]
    if strange:
        raise _refused(path, f"column {strange[0]} does not hold numbers of 64 bits")
    if not table.num_rows or not table.num_columns:
        raise _refused(path, "the file holds no draws")
    values = np.column_stack([column.to_numpy() for column in table.columns])
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise _refused(
            path, f"draw {bad[0][0]} of column {table.column_names[bad[0][1]]} is not a finite number"
        )
    units = tuple((field.metadata or {}).get(_UNIT, b"").decode() for field in table.schema)
    return Draws(tuple(table.column_names), units, values, marks.get(_PROBLEM, b"").decode())


def draws_beside(scenario: Path) -> Path:
    """Return where the draws of a shipped scenario's parameters lie, if it has some."""
    return scenario.with_name(f"{scenario.stem}-draws.parquet")


def _refused(path: Path, why: str) -> ScenarioError:
    hint = "name the draws.parquet of a folder that cascade calibrate made"
    return ScenarioError([Problem(NO_DRAWS, why, hint, shown_name(path))])


def with_draw(scenario: Scenario, replicate: int) -> Scenario:
    """Return what a replicate of a scenario is: the scenario with the values of its draw, if it takes any.

    Raises
    ------
    ScenarioError
        If the draws cannot be read, or make no valid scenario. Those of parts that it lacks are left out.
    """
    if scenario.parameters is None:
        return scenario
    drawn = read_draws(scenario.parameters).changes(replicate)
    changes = {path: value for path, value in drawn.items() if not lacks(scenario, path)}
    return replaced(scenario, **changes, parameters=None)


def lacks(scenario: Scenario, path: str) -> bool:
    """Tell whether a path leads into a part that a scenario has not: a coin, a venue, a layer of traders.

    Draws that were fitted to several days are of all their coins; of what a day has not, they say nothing there.
    """
    section, _, rest = path.partition(".")
    part = rest.partition(".")[0]
    parts: Any = getattr(scenario, section, None)
    if isinstance(parts, tuple | list):
        parts = {getattr(each, "name", None) for each in parts}  # pyright: ignore[reportUnknownVariableType]
    return isinstance(parts, Mapping | set) and part not in parts


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def numbers_of(scenario: Scenario) -> dict[str, float]:
    """Return every number that a scenario holds by its dotted path, items of lists by name; times in seconds."""
    return dict(_numbers(to_data(scenario), ""))


def _numbers(value: Any, path: str) -> Sequence[tuple[str, float]]:
    if isinstance(value, Mapping):
        entries = [(str(key), item) for key, item in value.items()]  # pyright: ignore
    elif isinstance(value, list):
        named = [item.get("name") if isinstance(item, Mapping) else None for item in value]  # pyright: ignore
        entries = [
            (str(name or place), item) for place, (name, item) in enumerate(zip(named, value, strict=True))
        ]
    else:
        number = _number(value)
        return [] if number is None else [(path, number)]
    return [found for key, item in entries for found in _numbers(item, f"{path}.{key}" if path else key)]


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return parse_duration(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
