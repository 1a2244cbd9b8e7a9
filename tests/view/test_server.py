"""Who has no token, or comes by another name, gets nothing; and nothing but the page's own files can be asked for."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cascade.errors import UsageError
from cascade.output.reader import Result
from cascade.scenario.load import to_yaml
from cascade.view.html import doorway
from cascade.view.server import Server
from cascade.view.session import Session
from tests.view.conftest import MARKET, falling


@pytest.fixture
def server(stored: Result, serving: Callable[[Session], Server]) -> Server:
    assert stored.path is not None
    return serving(Session.of_results(stored.path))


def ask(server: Server, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Any:
    """Return status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_the_page_and_its_files_are_there(server: Server) -> None:
    for name in ("", "report.css", "view.css", "plotly.js", "looks.js", "view.js", "about"):
        status, headers, body = ask(server, f"/{server.token}/{name}")
        assert status == 200, name
        assert body
        assert "Access-Control-Allow-Origin" not in headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/about", "/{wrong}/", "/{wrong}/about", "/{token}", "/{short}/"])
def test_nobody_without_the_token(server: Server, path: str) -> None:
    wrong = "A" * len(server.token)
    path = path.format(token=server.token, wrong=wrong, short=server.token[:-1])
    assert ask(server, path)[0] == 403
    assert ask(server, path, "POST", "{}")[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_nobody_who_comes_by_another_name(server: Server, host: str) -> None:
    asked = host.format(port=server.server_port)
    assert ask(server, f"/{server.token}/about", Host=asked)[0] == 403
    assert ask(server, f"/{server.token}/about", Host=f"localhost:{server.server_port}")[0] == 200


def test_no_page_of_others_asks(server: Server) -> None:
    path = f"/{server.token}/what-if"
    assert ask(server, path, "POST", "{}", Origin="http://evil.example")[0] == 403
    assert ask(server, path, "POST", "{}", Origin="null")[0] == 403
    plain = {"Content-Type": "text/plain"}  # what a page may send to others without asking
    assert ask(server, path, "POST", "{}", **plain)[0] == 400
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        assert ask(server, f"/{server.token}/about", method)[0] == 501


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2fview.py",
        "/etc/passwd",
        "view.html",
        "assets/view.js",
    ],
)
def test_no_other_file(server: Server, name: str) -> None:
    assert ask(server, f"/{server.token}/{name}")[0] == 404


@pytest.mark.parametrize(
    "query",
    ["course", "course?course=falling&replicate=x&market=m", "tape?course=falling", "difference?market=m"],
)
def test_a_question_that_means_nothing(server: Server, query: str) -> None:
    assert ask(server, f"/{server.token}/{query}")[0] == 400


def test_a_problem_is_told(server: Server) -> None:
    status, _, body = ask(server, f"/{server.token}/course?course=falling&replicate=9&market={MARKET}")
    assert status == 200
    assert "no replicate 9" in json.loads(body)["problem"]


@pytest.mark.parametrize("body", ["", "[]", "{}", "not json", "\xff"])
def test_a_what_if_that_means_nothing(server: Server, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    assert ask(server, f"/{server.token}/what-if", "POST", body, **headers)[0] == 400
    assert server.session.what_if is None


def test_only_this_machine_is_listened_to(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address.startswith("http://127.0.0.1:")
    assert len(server.token) >= 32


def test_a_port_that_is_taken(stored: Result, server: Server) -> None:
    with pytest.raises(UsageError, match="can't be used"):
        Server(server.session, server.server_port)


def test_the_way_to_the_page_is_its_owners_alone() -> None:
    with doorway("http://127.0.0.1:1/token/") as door:
        assert "127.0.0.1:1/token/" in door.read_text()
        assert stat.S_IMODE(door.parent.stat().st_mode) == 0o700
    assert not door.exists()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("command", ["view", "live"])
def test_ctrl_c_ends_it(stored: Result, tmp_path: Path, command: str) -> None:
    what = stored.path
    if command == "live":
        what = tmp_path / "falling.yaml"
        what.write_text(to_yaml(falling()))
    words = [sys.executable, "-m", "cascade", command, str(what), "--no-browser"]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a shell has what it starts in the background ignore Ctrl-C, and the tests may be that
    deaf = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(words, **streams)
    finally:
        signal.signal(signal.SIGINT, deaf)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        port = int(address.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=30):  # a page that stays open
            time.sleep(0.1)
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(timeout=60) == 0
        said = process.stderr.read()
    assert "ended" in said
    assert "Traceback" not in said
