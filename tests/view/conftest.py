"""A small stress to look at, stored and under way, and a server of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade
from cascade.output.reader import Result
from cascade.view.server import Server
from cascade.view.session import Session
from tests.support.scenarios import small_scenario

MARKET = "venue:BTCUSDT"


def falling(**changes: Any) -> Any:
    """Return two minutes in which the price falls, a bar every five seconds."""
    usual = {
        "name": "falling",
        "outputs": {"bars": "5s", "check_every": "30s"},
        "shocks": [{"type": "news", "at": "30s", "asset": "BTC", "move": "-5 %"}],
    }
    return small_scenario(**(usual | changes))


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return two replicates of the fall."""
    return cascade.run(falling(), replicates=2, out=tmp_path_factory.mktemp("view"))


@pytest.fixture
def serving() -> Iterator[Callable[[Session], Server]]:
    """Return what serves a session until the test is over."""
    opened: list[tuple[Server, threading.Thread]] = []

    def serve(session: Session) -> Server:
        server = Server(session)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        opened.append((server, thread))
        return server

    yield serve
    for server, thread in opened:
        server.shutdown()
        thread.join()
        server.close()
