"""Damaged folders of results: every command gives the figures that were written, or says what is wrong and where.

A failure names its number: `damage(folder, number)` in a copy of the folder shows what it saw.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli.app import build
from cascade.errors import CascadeError
from cascade.experiment.attribution import attribute
from cascade.experiment.execute import begin
from cascade.experiment.replicate import run_replicate
from cascade.experiment.request import Origin, Request
from cascade.experiment.run import run
from cascade.output.reader import Result
from cascade.output.sweep import Sweep
from cascade.output.writer import faults
from cascade.scenario.schema import Scenario
from tests.support.mutations import Generator, generator, with_other_bytes, with_other_lines
from tests.support.scenarios import small_scenario

CRASH = [{"type": "news", "at": "3s", "asset": "BTC", "move": "-4 %"}]


def tiny() -> Scenario:
    """Return ten seconds in which many are liquidated, with most tables recorded."""
    outputs = {"bars": "5s", "snapshots": "5s", "accounts": True}
    return small_scenario(duration="10s", shocks=CRASH, outputs=outputs).replace(
        **{"population.0.accounts": 150}
    )


@dataclass(frozen=True)
class Pristine:
    """A folder as it was written, where it is damaged, and what it says."""

    kept: Path
    place: Path
    said: dict[str, str]

    def damaged(self, number: int) -> str:
        """Put the folder back into its place and damage it; return what was done."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.kept, self.place)
        return damage(self.place, number)


def pristine(folder: Path, kept: Path, actions: dict[str, Callable[[Path], str]]) -> Pristine:
    shutil.copytree(folder, kept)
    return Pristine(kept, folder, {name: action(folder) for name, action in actions.items()})


# --- mutations ----------------------------------------------------------------------------------------


def damage(folder: Path, number: int) -> str:
    """Change something in a folder, and return what."""
    rng = generator(number)
    done = [_mutation(folder, rng) for _ in range(1 if rng.random() < 0.8 else 2)]
    return f"mutation {number}: {', then '.join(done)}"


def _mutation(folder: Path, rng: Generator) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if rng.random() < 0.12:
        return _of_folders(folder, rng)
    path = files[int(rng.integers(len(files)))]
    structured = {".json": _json, ".yaml": _text, ".jsonl": _text, ".parquet": _parquet}.get(path.suffix)
    what = structured(path, rng) if structured and rng.random() < 0.6 else _bytes(path, files, rng)
    return f"{path.relative_to(folder)} {what}"


def _bytes(path: Path, files: list[Path], rng: Generator) -> str:
    content, other = path.read_bytes(), files[int(rng.integers(len(files)))]
    how = int(rng.integers(8))
    if how == 0:
        path.unlink()
        return "removed"
    if how == 1:
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
        return f"swapped with {other.name}"
    if how == 2:
        path.write_bytes(other.read_bytes())
        return f"replaced by {other.name}"
    changed, how = with_other_bytes(content, rng)
    path.write_bytes(changed)
    return how


def _text(path: Path, rng: Generator) -> str:
    text, how = with_other_lines(path.read_text(encoding="utf-8", errors="replace"), rng)
    path.write_text(text, encoding="utf-8")
    return how


def _json(path: Path, rng: Generator) -> str:
    """Change one entry, at any depth, and write the record as sound as before."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # it has been damaged before
        return _text(path, rng)
    owner, key = record, None
    while isinstance(owner, dict | list) and owner and (key is None or rng.random() < 0.7):
        keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
        key = keys[int(rng.integers(len(keys)))]
        if not isinstance(owner[key], dict | list) or not owner[key]:
            break
        if rng.random() < 0.7:
            owner, key = owner[key], None
    if key is None:
        return _text(path, rng)
    values: list[Any] = [None, 0, -1, 2**70, 1.5, "", "../../x", [], {}, True]
    if rng.random() < 0.3:
        del owner[key]
        how = "removed"
    else:
        owner[key] = values[int(rng.integers(len(values)))]
        how = f"set to {owner[key]!r}"
    path.write_text(json.dumps(record, indent=2), encoding="utf-8")
    return f"entry {key} {how}"


def _parquet(path: Path, rng: Generator) -> str:
    """Write a sound file with another figure, or with a row less."""
    try:
        table = pq.ParquetFile(path).read()
    except pa.ArrowException:  # it has been damaged before
        path.write_bytes(b"")
        return "emptied"
    numbers = [name for name in table.column_names if pa.types.is_floating(table.schema.field(name).type)]
    if len(table) and numbers and rng.random() < 0.7:
        name, row = numbers[int(rng.integers(len(numbers)))], int(rng.integers(len(table)))
        values = table.column(name).to_pylist()
        values[row] = (values[row] or 0.0) * 1.01 + 1.0
        place, field = table.schema.get_field_index(name), table.schema.field(name)
        table = table.set_column(place, field, pa.array(values, field.type))
        how = f"{name} of row {row} changed"
    else:
        table, how = table.slice(1), "a row less"
    pq.write_table(table, path, compression="zstd")
    return how


def _of_folders(folder: Path, rng: Generator) -> str:
    """Remove, move or exchange a folder, or put a copy of a part beside it."""
    below = sorted(path for path in folder.rglob("*") if path.is_dir())
    one, other = (below[int(rng.integers(len(below)))] for _ in range(2))
    how = int(rng.integers(4))
    if how == 0:
        shutil.rmtree(one)
        return f"{one.name} removed"
    if how == 1:
        one.rename(one.with_name(f"{one.name}-away"))
        return f"{one.name} renamed"
    if how == 2 and one.parent == other.parent and one != other:
        between = one.with_name("between")
        one.rename(between)
        other.rename(one)
        between.rename(other)
        return f"{one.name} and {other.name} exchanged"
    files = sorted(path for path in one.iterdir() if path.is_file())
    for path in files[:1]:
        shutil.copy(path, path.with_name(f"part-00777{path.suffix}"))
    return f"{one.name} has a file more"


# --- what a folder says -------------------------------------------------------------------------------


def rows(table: pa.Table) -> str:
    return repr(table.to_pylist())


def read_whole(folder: Path) -> str:
    """Return all that can be read of a run or sweep."""
    found = cascade.read(folder)
    if isinstance(found, Sweep):
        parts = [rows(found.runs), repr(found.outcome), repr(found.parameters)]
        return "\n".join([*parts, *(f"{name}: {read_run(found.variants[name])}" for name in found.variants)])
    return read_run(found)


def read_run(found: Result) -> str:
    parts = [f"{name}: {rows(found.tables[name])}" for name in found.tables]
    facts = {key: found.manifest[key] for key in ("scenario", "request", "outcome", "units", "rows")}
    return "\n".join(
        [*parts, repr(facts), found.scenario_text(), found.resolved().read_text(encoding="utf-8")]
    )


def command(*words: str) -> Callable[[Path], str]:
    """Return what prints what a command says of a folder; its errors are those of Cascade, with their exit code."""

    def printed(folder: Path) -> str:
        said = [str(folder) if word == "RUN" else word for word in words]
        result = CliRunner().invoke(build(said[:1]), said)
        if result.exit_code:
            assert isinstance(result.exception, SystemExit), result.exception
            assert result.exit_code in (2, 3, 5, 6)
            raise CascadeError(result.stderr)
        return result.stdout

    return printed


def page(folder: Path) -> str:
    """Return the page of a run, but for when it was made."""
    from datetime import UTC, datetime

    from cascade.report.page import Options, study_of
    from cascade.report.page import page as page_of
    from cascade.report.write import read_for_report

    return page_of(study_of([read_for_report(folder)]), Options(made=datetime(2026, 1, 1, tzinfo=UTC)))


RUN = {
    "tables": read_whole,
    "memo": command("report", "RUN", "--markdown"),
    "graph": command("graph", "RUN", "--no-structural", "--json"),
    "again": command("graph", "RUN"),
    "page": page,
}
SWEEP = {
    "tables": read_whole,
    "comparison": command("compare", "RUN", "--json"),
    "memo": command("report", "RUN", "--markdown"),
}


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    out = tmp_path_factory.mktemp("run")
    folder = run(tiny(), replicates=2, counterfactual=True, out=out, jobs=1).path
    assert folder is not None
    return pristine(folder, out / "kept", RUN)


@pytest.fixture(scope="module")
def a_sweep(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    """Return a sweep over the coalitions of a channel, which `attribute` has evaluated."""
    out = tmp_path_factory.mktemp("sweep")
    found = attribute(tiny(), channels=["forced_orders"], replicates=1, out=out, jobs=1)
    return pristine(found.path, out / "kept", SWEEP)


@pytest.fixture(scope="module")
def an_unfinished_run(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    """Return a run of which two of three replicates have finished, and wait for their shard."""
    out = tmp_path_factory.mktemp("unfinished")
    request = Request((0, 1, 2), False)
    folder = out / f"small-{request.digest(tiny())}"
    ongoing = begin(tiny(), request, Origin(str(folder)), folder, start="new")
    with ongoing.writer:
        for task in islice(ongoing.tasks(0, is_remote=False), 2):
            ongoing.settle(task, run_replicate(task))
    return pristine(folder, out / "kept", {})


def tried(folder: Pristine, what: str, action: Callable[[Path], Any]) -> Any:
    """Return what an action says, or None where it refuses the folder: an error of Cascade that says where."""
    try:
        return action(folder.place)
    except CascadeError as error:
        refusal = str(error)
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error
    assert str(folder.place) in refusal, f"{what}: where? {refusal}"
    assert "Traceback" not in refusal, what
    return None


def look(folder: Pristine, name: str, action: Callable[[Path], str], numbers: range) -> None:
    """Damage a folder by each number, and hold what is then said of it against what it said before."""
    refused = 0
    for number in numbers:
        what = folder.damaged(number)
        said = tried(folder, what, action)
        refused += said is None
        assert said in (None, folder.said[name]), f"{what}: other figures, and not a word"
    assert refused or len(numbers) < 10, "damage is found"


# Shares of all mutations, and where the numbers of each begin: no two look at the same damage.
@pytest.mark.parametrize(
    ("name", "share", "first"),
    [
        ("tables", 0.35, 0),
        ("memo", 0.08, 10**6),
        ("graph", 0.08, 2 * 10**6),
        ("page", 0.02, 3 * 10**6),
        ("again", 0.02, 4 * 10**6),
    ],
)  # fmt: skip
def test_a_damaged_run_is_refused_or_read_right(
    a_run: Pristine, n_mutations: int, name: str, share: float, first: int
) -> None:
    look(a_run, name, RUN[name], range(first, first + round(n_mutations * share)))


@pytest.mark.parametrize(
    ("name", "share", "first"),
    [("tables", 0.15, 5 * 10**6), ("comparison", 0.05, 6 * 10**6), ("memo", 0.05, 7 * 10**6)],
)
def test_a_damaged_sweep_is_refused_or_read_right(
    a_sweep: Pristine, n_mutations: int, name: str, share: float, first: int
) -> None:
    look(a_sweep, name, SWEEP[name], range(first, first + round(n_mutations * share)))


def test_what_is_read_of_a_damaged_run_that_has_not_finished_is_right(
    an_unfinished_run: Pristine, n_mutations: int
) -> None:
    """It may be less, where what had finished is gone."""
    whole = cascade.read(an_unfinished_run.place, partial=True)
    expected = {(name, k): rows(whole.replicate(name, k)) for name in whole.tables for k in whole.replicates}

    def read(folder: Path) -> dict[tuple[str, int], str]:
        found = cascade.read(folder, partial=True)
        return {(name, k): rows(found.replicate(name, k)) for name in whole.tables for k in found.replicates}

    first = 8 * 10**6
    for number in range(first, first + round(n_mutations * 0.12)):
        what = an_unfinished_run.damaged(number)
        said = tried(an_unfinished_run, what, read) or {}
        assert said.items() <= expected.items(), f"{what}: other figures, and not a word"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("*/part-00000.parquet")}


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_damaged_run_is_mended_by_asking_again_or_left_alone(
    a_run: Pristine, an_unfinished_run: Pristine, n_mutations: int, is_complete: bool
) -> None:
    """The same tables, byte for byte, whatever of them was left."""
    folder, first = (a_run, 9 * 10**6) if is_complete else (an_unfinished_run, 10**7)
    options: dict[str, Any] = {
        "replicates": 2 if is_complete else 3,
        "counterfactual": is_complete,
        "jobs": 1,
    }
    straight = run(tiny(), out=folder.place.parent / "straight", **options)
    assert straight.path is not None
    mended = 0
    for number in range(first, first + round(n_mutations * 0.04)):
        what = folder.damaged(number)
        if tried(folder, what, lambda place: run(tiny(), out=place.parent, **options)) is None:
            continue
        mended += 1
        assert not list(faults(folder.place)), what
        found = contents(folder.place)
        assert {name: found[name] for name in contents(straight.path)} == contents(straight.path), what
        assert rows(cascade.read(folder.place).runs) == rows(straight.runs), what
    assert mended or n_mutations < 100
