"""A market that was run in memory as a result: the tables and metrics that a folder would hold, and no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cascade.analysis import metrics
from cascade.assembly import Owners
from cascade.assembly.caps import Capped
from cascade.assembly.ties import Tied
from cascade.core import step
from cascade.core.state import Array
from cascade.engine import Engine, Outcome
from cascade.experiment.ending import outcome_of
from cascade.experiment.recorder import FOR_METRICS, Recorder, tables_of, units_of
from cascade.experiment.replicate import row_of
from cascade.output.convert import from_columns
from cascade.output.manifest import made_by
from cascade.output.parquet import concatenate
from cascade.output.reader import Result
from cascade.scenario.schema import Scenario


def result_of(
    scenario: Scenario, replicate: int, engine: Engine, logs: Mapping[str, Iterable[Array]], owners: Owners,
    caps: Sequence[Capped], tied: Sequence[Tied],
) -> Result:  # fmt: skip
    """Return what a market that has ended left in its logs: bars, liquidations, adl, funds and the row of `runs`."""
    units = units_of(scenario)
    record = Recorder(units, replicate, tables_of(scenario), owners=owners)
    for table in FOR_METRICS:
        for records in logs.get(table, ()):
            record.take(table, records)
    record.finish()
    waiting = int(step.count_failing(engine.state, engine.params)) > 0
    outcome = Outcome.WAITING if waiting else Outcome.COMPLETED
    row = row_of(record, (), engine, outcome, scenario, caps, tied)
    columns = metrics.metric_columns(units, counterfactual=False)
    runs = from_columns(
        "runs", {name: [value] for name, value in row.items()}, units, replicate, extra=columns
    )
    tables = {"runs": concatenate([runs]), **{name: record.table(name) for name in FOR_METRICS}}
    return Result.in_memory(tables, _manifest(scenario, tables, replicate), scenario)


def _manifest(scenario: Scenario, tables: Mapping[str, Any], replicate: int) -> dict[str, Any]:
    """Return what a reader asks of a manifest."""
    rows = {name: len(table) for name, table in tables.items()}
    return {
        **made_by("run"),
        "scenario": {"name": scenario.name, "path": ""},
        "request": {"seed": scenario.seed, "replicates": [replicate], "counterfactual": False},
        "outcome": {**outcome_of(tables["runs"], 0), "replicates_finished": 1, "replicates_failed": 0},
        "rows": rows,
        "units": units_of(scenario).to_json(),
    }
