"""Replicates that run in memory on threads, where kernels let go of the interpreter's lock, until interrupted."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from cascade.errors import InterruptedRunError
from cascade.experiment.observe import Stopped
from cascade.installation import cores


@contextmanager
def threads(what: str, jobs: int | None) -> Generator[tuple[ThreadPoolExecutor, Stopped]]:
    """Open a pool, with what its work asks now and then whether to stop.

    Raises
    ------
    InterruptedRunError
        With `what` in its words, if the user interrupts.
    """
    stop = threading.Event()
    pool = ThreadPoolExecutor(jobs or cores(), thread_name_prefix="replicate")
    try:
        yield pool, stop.is_set
    except KeyboardInterrupt:
        raise InterruptedRunError(f"{what} interrupted; nothing is kept") from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
