"""The folder of a calibration: its draws, its reference table, its answer, and a manifest with their checksums."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade import provenance
from cascade.calibration.fit import Posterior
from cascade.calibration.knowledge import Answer
from cascade.calibration.priors import Values
from cascade.calibration.problem import Calibration
from cascade.errors import ResultsError
from cascade.output import manifest as manifests
from cascade.output.checksums import crc_of
from cascade.output.files import Files
from cascade.output.parquet import write_parquet
from cascade.output.refusals import writing
from cascade.output.schemas import RESULTS_VERSION
from cascade.output.writer import run_folder
from cascade.scenario.draws import Draws, checksum, read_draws

if TYPE_CHECKING:
    import pyarrow as pa

KIND: Final = "calibration"
DRAWS, SIMULATIONS, PROBLEM, ANSWER = "draws.parquet", "simulations.parquet", "problem.yaml", "answer.json"


@dataclass(frozen=True)
class Fitted:
    """A calibration that has been made."""

    path: Path
    manifest: Mapping[str, Any]
    files: Files

    @property
    def draws(self) -> Draws:
        """Draws from the posterior."""
        return read_draws(self.files.path(DRAWS))

    @property
    def simulations(self) -> pa.Table:
        """The reference table: parameters and figures of each draw from the priors and each replicate."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.files.path(SIMULATIONS)).read()

    @property
    def answer(self) -> dict[str, Any]:
        """What the draws say, as `cascade calibrate --json` prints it."""
        return json.loads(self.files.path(ANSWER).read_text(encoding="utf-8"))


def folder_of(calibration: Calibration, out: Path) -> Path:
    """Return the folder of a calibration."""
    return run_folder(out, calibration.asked.name, calibration.sha256[:8])


def read_calibration(folder: str | Path) -> Fitted:
    """Return the calibration in a folder; each of its files is looked at when it is read.

    Raises
    ------
    ResultsError
        The folder is not there, not of a calibration, or a file of it is not the one that was written.
    """
    folder = Path(folder)
    manifest = manifests.load(folder)
    if manifest.get("kind") != KIND:
        kind = manifest.get("kind", "something else")
        raise ResultsError(f"this folder holds a {kind}, not a calibration", where=str(folder), code="CAS601")
    return Fitted(folder, manifest, Files(folder, manifest[manifests.FILES]))


def write_calibration(
    calibration: Calibration, answer: Answer, posterior: Posterior, scores: Values, figures: Values, out: Path
) -> Fitted:
    """Write the folder of a calibration, its manifest last, and return it."""
    folder = folder_of(calibration, out)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / manifests.MANIFEST).unlink(missing_ok=True)
        write_parquet(folder / DRAWS, draws_of(calibration, posterior.values).table())
        write_parquet(folder / SIMULATIONS, simulations_of(calibration, scores, figures))
        manifests.write_atomically(folder / PROBLEM, calibration.text)
        manifests.write_atomically(folder / ANSWER, json.dumps(answer.as_dict(), indent=2) + "\n")
        names = (DRAWS, SIMULATIONS, PROBLEM, ANSWER)
        manifests.write(
            folder, _manifest(calibration, {name: crc_of(folder / name) for name in names}, folder)
        )
    return read_calibration(folder)


def draws_of(calibration: Calibration, values: Values) -> Draws:
    """Return values of the parameters as what scenarios take: a column for each path."""
    rows = [
        [
            number
            for parameter, value in zip(calibration.parameters, row, strict=True)
            for number in parameter.set_by(float(value)).values()
        ]
        for row in values
    ]
    units = calibration.units
    return Draws(tuple(units), tuple(units.values()), np.array(rows), calibration.sha256)


def simulations_of(calibration: Calibration, scores: Values, figures: Values) -> pa.Table:
    """Return the reference table: a row for each draw from the priors and replicate."""
    import pyarrow as pa

    n, replicates, _ = figures.shape
    columns: dict[str, Any] = {
        "draw": np.repeat(np.arange(n), replicates), "replicate": np.tile(np.arange(replicates), n)
    }  # fmt: skip
    fields = [pa.field(name, pa.int64(), nullable=False) for name in columns]
    for place, each in enumerate(calibration.parameters):
        columns[each.name] = np.repeat(each.prior.values(scores[:, place]), replicates)
        fields.append(pa.field(each.name, pa.float64(), nullable=False, metadata={"unit": each.unit}))
    for place, each in enumerate(calibration.moments):
        columns[each.name] = figures[:, :, place].ravel()
        fields.append(pa.field(each.name, pa.float64(), metadata={"unit": each.unit}))
    arrays = [pa.array(column, from_pandas=True) for column in columns.values()]
    return pa.table(arrays, schema=pa.schema(fields))


def _manifest(calibration: Calibration, files: Mapping[str, int], folder: Path) -> dict[str, Any]:
    asked = calibration.asked
    return {
        "results_version": ".".join(map(str, RESULTS_VERSION)),
        "kind": KIND,
        "name": asked.name,
        "description": asked.description,
        **provenance.software(manifests.software_version()),
        "command": provenance.command_line(),
        "problem": {"file": str(calibration.path), "sha256": calibration.sha256},
        "request": asked.model_dump(mode="json", include={"simulations", "replicates", "seed", "method", "draws"}),
        "days": [
            {"name": each.name, "scenario": str(each.path), "seed": each.seed,
             "event": None if each.event is None else str(each.event.path)}
            for each in calibration.days
        ],
        "written": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "sha256": {name: checksum(folder / name) for name in (DRAWS, SIMULATIONS)},
        "outcome": {"status": "completed"},
        manifests.FILES: dict(files),
    }  # fmt: skip
