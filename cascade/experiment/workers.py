"""Who runs replicates: threads, processes, or a Dask cluster, all as an executor of the standard library."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeAlias

from cascade.errors import ResultsError, SimulationError, UsageError
from cascade.experiment.replicate import Done, Progress, Task, run_replicate
from cascade.installation import cores, install_command
from cascade.output import log

Job: TypeAlias = Future[Done]

AHEAD: Final = 4
"""Tasks handed out per worker, so that none is idle while a shard is written."""

FEW_THREADS: Final = 2
"""Threads that hardly wait for each other: a replicate holds the interpreter's lock for part of its time."""

WORTH_PROCESSES: Final = 50
"""Replicates from which the start of processes does not matter."""


class Workers(Protocol):
    """A pool that runs tasks."""

    is_remote: bool
    """Whether pieces come back as bytes, because the workers may not see our folder."""
    reports_steps: bool
    """Whether progress is told as steps are done, rather than by whoever waits for the task."""

    @property
    def n_ahead(self) -> int:
        """Return how many tasks to hand out at a time."""
        ...

    def submit(self, task: Task) -> Job:
        """Hand out a task."""
        ...

    def close(self, *, stop: bool) -> None:
        """Let go of the pool; `stop` what is under way rather than wait for it."""
        ...


class Threads:
    """Threads of this process: the kernels let go of the interpreter's lock."""

    is_remote, reports_steps = False, True

    def __init__(self, n: int, progress: Progress | None = None) -> None:
        self.n_ahead = AHEAD * n
        self._progress = progress
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(n, thread_name_prefix="replicate")

    def submit(self, task: Task) -> Job:
        """Hand out a task."""
        return self._pool.submit(run_replicate, task, self._progress, self._stop.is_set)

    def close(self, *, stop: bool) -> None:
        """End the threads."""
        if stop:
            self._stop.set()
        self._pool.shutdown(cancel_futures=stop)


class Processes:
    """Processes of this machine, which end when this one does, however it ends."""

    is_remote, reports_steps = False, False

    def __init__(self, n: int) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of our threads
        self.n_ahead = AHEAD * n
        self._stop = context.Event()
        self._pool = ProcessPoolExecutor(n, context, _begin_process, (self._stop,))

    def submit(self, task: Task) -> Job:
        """Hand out a task."""
        return self._pool.submit(_in_process, task)

    def close(self, *, stop: bool) -> None:
        """End the processes."""
        if stop:
            self._stop.set()
        self._pool.shutdown(cancel_futures=stop)


_process_stopped: Callable[[], bool] | None = None


def _begin_process(stop: Any) -> None:
    """Prepare a worker process: leave Ctrl-C to the parent, and end with it even if it is killed."""
    import multiprocessing
    import signal

    global _process_stopped  # noqa: PLW0603
    _process_stopped = stop.is_set
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _in_process(task: Task) -> Done:
    return run_replicate(task, stopped=_process_stopped)


class Cluster:
    """The workers of a running Dask cluster; those that die have their tasks done by others.

    Parameters
    ----------
    address
        Of its scheduler, such as ``tcp://10.0.0.1:8786``.
    """

    is_remote, reports_steps = True, False

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(
                "a cluster needs the package distributed",
                remedy=f"{install_command('cluster')}, and the same on the workers",
                where="--cluster",
            ) from None
        try:
            self._client: Any = Client(address, timeout="10s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise SimulationError(
                f"no Dask scheduler answers: {error}",
                where=address,
                remedy="start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
                code="CAS502",
            ) from None
        self._pool: Executor = self._client.get_executor(pure=False, retries=2)

    @property
    def n_ahead(self) -> int:
        """Return how many tasks to hand out at a time; workers may come and go."""
        return AHEAD * max(sum(self._client.nthreads().values()), 1)

    def submit(self, task: Task) -> Job:
        """Hand out a task."""
        return self._pool.submit(_on_cluster, task, log.software())

    def close(self, *, stop: bool) -> None:
        """Leave the cluster; it goes on for others."""
        self._pool.shutdown(wait=not stop)
        self._client.close()


def _on_cluster(task: Task, expected: dict[str, str]) -> Done:
    """Run a task on a worker whose rows are those of the machine that asks."""
    ours = log.software()
    differing = [
        f"{name} {ours[name]} rather than {value}" for name, value in expected.items() if ours[name] != value
    ]
    if differing:
        raise ResultsError(
            f"a worker of the cluster has {', '.join(differing)}: its rows would not be ours",
            remedy="install the same versions everywhere; `cascade doctor` prints them",
            code="CAS610",
        )
    return run_replicate(task)


def wants_processes(n_tasks: int, jobs: int | None) -> bool:
    """Tell whether processes are worth their start: they have no lock in common, but each loads the market."""
    return min(jobs or cores(), n_tasks) > FEW_THREADS and n_tasks >= WORTH_PROCESSES


def workers_for(
    n_tasks: int, *, jobs: int | None, processes: bool, cluster: str | None, progress: Progress | None
) -> Workers:
    """Return the pool for a number of tasks."""
    if cluster and n_tasks:
        return Cluster(cluster)
    n = max(min(jobs or cores(), n_tasks), 1)
    return Processes(n) if processes and n > 1 else Threads(n, progress)
