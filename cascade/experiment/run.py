"""`run`: all replicates of a scenario into a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cascade.acting import admit_code
from cascade.errors import InterruptedRunError, ReplicatesError, ResultsError
from cascade.experiment.execute import Failure, Ongoing, begin, execute
from cascade.experiment.replicate import Progress
from cascade.experiment.request import Origin, Request, first_replicates, folders_of
from cascade.experiment.workers import workers_for
from cascade.output.manifest import load
from cascade.output.reader import Result, read
from cascade.output.software import refuse_other_software
from cascade.output.writer import Start, faults, holds_request, is_complete, run_folder
from cascade.scenario.files import Allowed
from cascade.scenario.load import overridden
from cascade.scenario.schema import Scenario

if TYPE_CHECKING:
    import pyarrow as pa

Say = Callable[[str], None]


def run(
    scenario: str | Path | Scenario,
    overrides: Sequence[str] = (),
    *,
    loaded: Scenario | None = None,
    seed: int | None = None,
    replicates: int | None = None,
    replicate: int | None = None,
    counterfactual: bool = False,
    allow: Allowed = (),
    allow_code: bool = False,
    out: str | Path = "results",
    jobs: int | None = None,
    processes: bool = False,
    cluster: str | None = None,
    force: bool = False,
    retry_failed: bool = False,
    fail_fast: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Result:
    """Run a scenario and return its results; go on where an earlier session of the same request stopped.

    Parameters
    ----------
    scenario
        A file, or a scenario that is loaded already.
    overrides
        Changes of single values, ``"a.b=c"``, also of a scenario that is loaded already.
    loaded
        The file with these changes, if the caller has loaded it.
    replicate
        Run only this one.
    counterfactual
        Also run each replicate, under the same luck, with forced orders that do not reach the book and,
        where there are stops, a third time without stops as well.
    allow
        Folders, besides its own, whose files the scenario may name; None allows every folder.
    allow_code
        Whether agents in Python that the scenario names may run: it is code of its author.
    out
        Folder of all results; the run goes to ``<out>/<name>-<hash8>``.
    jobs
        Replicates at a time; by default one for each core.
    processes
        Use processes rather than threads: worth their start where replicates are many and cores more than a
        few. A script that asks for them needs ``if __name__ == "__main__":``.
    cluster
        Address of a Dask scheduler whose workers run the replicates.
    force
        Start over although the folder holds all or some of it.
    retry_failed
        Run again, of what an earlier session left, only what failed.
    fail_fast
        Stop at the first replicate that fails.
    progress
        Told the steps just done, from any thread.
    say
        Told what a user may want to know: that a run is resumed, that a file was damaged.

    Raises
    ------
    ScenarioError, ReplicatesError, InterruptedRunError, ResultsError
    """
    asked = overridden(scenario, overrides, allow=allow) if loaded is None else loaded
    admit_code([asked], scenario, overrides, allowed=allow_code)
    if seed is not None:
        asked = asked.replace(seed=seed)
    chosen = (replicate,) if replicate is not None else first_replicates(replicates or asked.replicates)
    request = Request(chosen, counterfactual)
    digest = request.digest(asked)
    folder = run_folder(Path(out), asked.name, digest)
    if not force and is_settled(folder, digest, retry_failed=retry_failed):
        (say or unsaid)(done_already(folder))
        return _checked(folder)
    start = start_of(force=force, retry_failed=retry_failed)
    ongoing = _begun(asked, request, folder, scenario, overrides, allow, allow_code=allow_code, start=start)
    with ongoing.writer as writer:
        for sentence in session_notes(len(chosen), writer.found, writer.damaged):
            (say or unsaid)(sentence)
        workers = workers_for(
            len(writer.pending), jobs=jobs, processes=processes, cluster=cluster, progress=progress
        )
        try:
            execute([ongoing], workers, progress=progress, fail_fast=fail_fast)
        except InterruptedRunError as error:
            raise _interrupted(folder, writer.n_finished, len(chosen)) from error
    if not is_complete(folder):
        raise stopped(ongoing.failures, folder, n_left=len(writer.pending))
    return _checked(folder)


def kept(
    asked: Scenario, source: str | Path | Scenario, replicate: int, overrides: Sequence[str] = (), *,
    allow: Allowed = (), allow_code: bool = False, out: str | Path = "results", force: bool = False,
) -> Ongoing:  # fmt: skip
    """Begin the run of one replicate in its folder, for whoever runs it: it is the folder that `run` would make.

    Parameters
    ----------
    asked
        The scenario, loaded, with the overrides in it and its code admitted.
    source
        What it was loaded from.

    Raises
    ------
    ResultsError
        It is there already, or can't be written.
    """
    request = Request((replicate,), counterfactual=False)
    digest = request.digest(asked)
    folder = run_folder(Path(out), asked.name, digest)
    if force or not is_settled(folder, digest, retry_failed=True):
        start = start_of(force=force, retry_failed=True)
        ongoing = _begun(asked, request, folder, source, overrides, allow, allow_code=allow_code, start=start)
        if not ongoing.writer.is_whole:
            return ongoing
        ongoing.close()  # it was killed before its last file
    raise ResultsError(
        "this run is done already",
        where=str(folder),
        remedy=f"cascade view {folder} shows it, and --force runs it again",
        code="CAS605",
    )


def ended(ongoing: Ongoing) -> Result:
    """Return the results of a run that `kept` began.

    Raises
    ------
    InterruptedRunError, ReplicatesError
        It was stopped before its end, or failed.
    """
    folder = ongoing.writer.folder
    if not is_complete(folder):
        raise _interrupted(folder, ongoing.writer.n_finished, len(ongoing.request.replicates))
    return _checked(folder)


def _begun(
    asked: Scenario, request: Request, folder: Path, source: str | Path | Scenario, overrides: Sequence[str],
    allow: Allowed, *, allow_code: bool, start: Start,
) -> Ongoing:  # fmt: skip
    """Return a run in its folder, and say how each of its replicates is asked for again."""
    text, path = text_of(source)
    # a scenario without a file is reproduced from its resolved form, which has the overrides in it
    named = folders_of(asked) if allow is None else tuple(map(str, allow))
    origin = Origin(path, tuple(overrides), named, allow_code) if path else Origin.of_results(asked, folder)
    return begin(asked, request, origin, folder, text=text, path=path, start=start)


def _checked(folder: Path) -> Result:
    """Return the run in a folder, unless replicates of it failed."""
    result = read(folder)
    if "failures" in result.tables:
        raise failed(failures_of(result.tables["failures"]), folder, n_finished=len(result.runs))
    return result


def start_of(*, force: bool, retry_failed: bool) -> Start:
    """Return what to do with what is there."""
    return "force" if force else "retry" if retry_failed else "resume"


def is_settled(folder: Path, digest: str, *, retry_failed: bool) -> bool:
    """Tell whether a folder has all that is asked of a run."""
    if not is_complete(folder):
        return False
    refuse_other_software(folder)
    if not holds_request(folder, digest) or any(faults(folder)):
        return False
    return not (retry_failed and load(folder)["outcome"].get("replicates_failed"))


def done_already(folder: Path) -> str:
    """Return what to say where nothing is left to do."""
    return f"already done: {folder} (--force runs it again)"


def session_notes(n: int, n_found: int, damaged: Sequence[str]) -> list[str]:
    """Return what to say of an earlier session."""
    resumed = [f"resuming: {n_found:,} of {n:,} replicates are there already"] if n_found else []
    return [*damaged, *resumed]


def failures_of(table: pa.Table) -> list[Failure]:
    """Return the replicates that failed, as the table of them says."""
    columns = (table.column(name).to_pylist() for name in Failure._fields)
    return [Failure(*each) for each in zip(*columns, strict=True)]


def failed(failures: Sequence[Failure], folder: Path, *, n_finished: int) -> ReplicatesError:
    """Return the error for replicates that failed."""
    n = len(failures) + n_finished
    return ReplicatesError(
        f"{len(failures)} of {n} replicates failed; the first: {failures[0].message}",
        where=str(folder),
        remedy=f"{failures[0].command}\n    reproduces it; {folder / 'failures.parquet'} has the command of each; "
        "--retry-failed runs them again",
    )


def stopped(failures: Sequence[Failure], folder: Path, *, n_left: int) -> ReplicatesError:
    """Return the error for a run that was left at its first failure: the table of them is not written yet."""
    return ReplicatesError(
        f"a replicate failed, and {n_left} are left: {failures[0].message}",
        where=str(folder),
        remedy=f"{failures[0].command}\n    reproduces it; what finished is kept. --retry-failed runs the one "
        "that failed again and goes on; without --fail-fast the same goes on past it, and writes failures.parquet",
    )


def text_of(scenario: str | Path | Scenario) -> tuple[str, str]:
    """Return the text of a scenario file and its path, empty where there is none."""
    if isinstance(scenario, Scenario):
        return "", ""
    path = Path(scenario)
    return (path.read_text(encoding="utf-8") if path.is_file() else ""), str(scenario)


def unsaid(text: str) -> None:
    """Say nothing."""


def _interrupted(folder: Path, n_finished: int, n: int) -> InterruptedRunError:
    """Return the error for a run that was stopped."""
    return InterruptedRunError(
        f"the run was interrupted: {n_finished:,} of {n:,} replicates are kept",
        where=str(folder),
        remedy="the same command again goes on from there; cascade.read(folder, partial=True) reads them",
    )
