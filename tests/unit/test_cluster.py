"""A real Dask cluster on this machine gives the same tables, also when a worker is killed in the middle."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import cascade
from cascade.errors import CascadeError, ResultsError
from cascade.experiment import workers
from cascade.experiment.replicate import Task
from cascade.experiment.request import Origin
from cascade.experiment.run import run
from cascade.experiment.sweep import sweep
from cascade.output.piece import is_sound, unpack
from tests.unit.test_sweep import FUND, contents, n_computed, tiny

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

N_WORKERS = 3


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """Start a scheduler and three worker processes; yield the address and the workers."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(cascade.__file__).parents[1]), "DASK_DISTRIBUTED__DASHBOARD__LINK": ""
    }  # fmt: skip
    with contextlib.ExitStack() as stack:

        def start(*words: str) -> subprocess.Popen[str]:
            log = stack.enter_context((tmp_path / f"{len(started)}.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
                stdout=log, stderr=subprocess.STDOUT, text=True, env=environment, cwd=tmp_path,
            )  # fmt: skip
            started.append(process)
            return process

        started: list[subprocess.Popen[str]] = []
        try:
            start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
            address = _address(tmp_path / "0.log")
            options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
            hands = [start("dask_worker", address, *options) for _ in range(N_WORKERS)]
            with distributed.Client(address, set_as_default=False) as client:
                client.wait_for_workers(N_WORKERS, timeout=120)
            yield address, hands
        finally:
            for process in started[::-1]:
                process.kill()
                process.wait()


def _address(log: Path) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


def test_a_cluster_gives_the_tables_of_one_machine(cluster, tmp_path: Path) -> None:
    address, hands = cluster
    straight = sweep(tiny(), [FUND], replicates=10, out=tmp_path / "straight").path
    found = sweep(tiny(), [FUND], replicates=10, out=tmp_path / "cluster", cluster=address).path
    assert contents(found) == contents(straight)

    # and with a worker killed while it is at work: what it was doing is done by the others
    killed: list[int] = []

    def kill_one(_steps: int) -> None:
        if not killed and sum(n_computed(tmp_path / "killed" / straight.name).values()) >= 3:
            hands[0].send_signal(signal.SIGKILL)
            killed.append(hands[0].pid)

    again = sweep(
        tiny(), [FUND], replicates=10, out=tmp_path / "killed", cluster=address, progress=kill_one
    ).path  # fmt: skip
    assert killed
    assert hands[0].wait(timeout=10) == -signal.SIGKILL
    assert contents(again) == contents(straight)
    assert set(n_computed(again).values()) == {1}


def test_a_scheduler_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CascadeError, match="no Dask scheduler answers") as caught:
        run(tiny(), replicates=2, out=tmp_path, cluster="tcp://127.0.0.1:9")
    assert caught.value.code == "CAS502"


@pytest.fixture(scope="module")
def sent() -> dict[str, bytes]:
    """Return a replicate as a worker sends it."""
    files = workers._on_cluster(Task(tiny(), 0, False, Origin("x"), None), workers.log.software()).files
    assert files is not None
    return dict(files)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../../owned", "it has a file '../../owned'"),
        ("/tmp/owned", "it has a file '/tmp/owned'"),
        ("bars.arrows/../../owned", "it has a file"),
        ("bars", "it has a file 'bars'"),
        ("nodes.arrows", "it has a file 'nodes.arrows'"),
        ("trades.arrows", "it is damaged"),  # a table that its checksums do not name
        ("bars.arrows", "it is damaged"),
        ("piece.json", "it is damaged"),
    ],
)
def test_what_a_worker_sends_is_taken_only_if_it_is_a_replicate(
    sent: dict[str, bytes], tmp_path: Path, name: str, says: str
) -> None:
    place = tmp_path / "run" / ".pieces"
    place.mkdir(parents=True)
    with pytest.raises(ResultsError, match=re.escape(says)) as refused:
        unpack(place, 0, sent | {name: b"owned"})
    assert refused.value.code == "CAS612"
    assert refused.value.exit_code == 6
    assert not [p for p in tmp_path.rglob("*") if p.is_file()], "nothing of it stays"
    unpack(place, 0, sent)
    assert is_sound(place / "0")
    assert {p.name: p.read_bytes() for p in (place / "0").iterdir()} == sent


def test_a_worker_of_another_version_is_refused() -> None:
    task = Task(tiny(), 0, False, Origin("x"), None)
    with pytest.raises(CascadeError, match=r"cascade .* rather than 9\.9") as caught:
        workers._on_cluster(task, workers.log.software() | {"cascade": "9.9"})
    assert caught.value.code == "CAS610"
    done = workers._on_cluster(task, workers.log.software())
    assert done.files is not None
    assert {"runs.arrows", "bars.arrows", "piece.json"} <= set(done.files)
