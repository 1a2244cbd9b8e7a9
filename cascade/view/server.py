"""The server of the page: this machine only, under a random token, and nothing but what the page needs."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from cascade.errors import CascadeError, UsageError
from cascade.view.html import FILES, screen
from cascade.view.session import Session

LOOPBACK: Final = "127.0.0.1"

LOOK_S: Final = 0.25
"""Seconds between two looks at what runs."""

ALIVE_S: Final = 10.0
"""Seconds after which a page hears from us though nothing is new."""

MOST_BYTES: Final = 65_536
"""Of a question that the page sends."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Query = Mapping[str, str]

ANSWERS: Final[Mapping[str, Callable[[Session, Query], Any]]] = {
    "about": lambda session, _: session.about(),
    "fields": lambda session, q: session.fields(q["course"]),
    "course": lambda session, q: session.course(q["course"], int(q["replicate"]), q["market"]),
    "tape": lambda session, q: session.tape(
        q["course"], int(q["replicate"]), q["market"], float(q["until"]), int(q["skip"])
    ),
    "changed": lambda session, q: session.changed(q["market"]),
    "difference": lambda session, q: session.difference(q["market"], float(q["until"])),
}
"""What the page may ask, by name."""


class Server(ThreadingHTTPServer):
    """Serves a session to whoever has the token.

    Attributes
    ----------
    address
        Where the page is.
    """

    daemon_threads = True

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session, self.token, self.is_closed = session, secrets.token_urlsafe(24), False
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as error:
            raise UsageError(
                f"port {port} can't be used: {error.strerror}",
                where="--port",
                remedy="name another, or leave it out: a free one is found",
            ) from None
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}
        self.address = f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    def close(self) -> None:
        """End the server and whatever runs in the session."""
        self.is_closed = True
        self.session.close()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one page."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    server_version: ClassVar[str] = "Cascade"  # pyright: ignore
    sys_version: ClassVar[str] = ""  # pyright: ignore
    timeout = 60.0

    def do_GET(self) -> None:
        """Answer with the page, one of its files, numbers, or news as they come."""
        name = self._asked()
        if name is None:
            return
        path, query = urlsplit(name).path, urlsplit(name).query
        if path == "":
            self._send(screen(self.server.session.title), "text/html; charset=utf-8")
        elif path in FILES:
            self._send(*FILES[path]())
        elif path == "events":
            self._stream()
        elif path in ANSWERS:
            asked = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
            self._answer(lambda: ANSWERS[path](self.server.session, asked))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take a what-if."""
        name = self._asked()
        if name is None:
            return
        length = self.headers.get("Content-Length", "")
        if name != "what-if":
            self._refuse(HTTPStatus.NOT_FOUND)
        elif self.headers.get_content_type() != "application/json" or not re.fullmatch("[0-9]{1,9}", length):
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            self._answer(lambda: self._what_if(json.loads(body)))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what is asked holds the token."""

    def _asked(self) -> str | None:
        """Return what is asked below the token; refuse who does not have it, or comes by another name.

        A page of somebody else's can have its own name lead here (DNS rebinding), but not hide it.
        """
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        _, _, rest = self.path.partition("/")
        token, slash, name = rest.partition("/")
        is_ours = origin is None or origin.removeprefix("http://") in self.server.hosts
        knows = hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())
        if host in self.server.hosts and is_ours and knows and slash:
            return name
        self._refuse(HTTPStatus.FORBIDDEN)
        return None

    def _what_if(self, asked: dict[str, Any]) -> dict[str, Any]:
        session = self.server.session
        session.ask(str(asked["course"]), int(asked["replicate"]), str(asked["path"]), str(asked["value"]))
        return session.status()

    def _answer(self, ask: Callable[[], Any]) -> None:
        """Send what is found as JSON; a problem of the user's is an answer, too."""
        try:
            found = ask()
        except CascadeError as error:
            found = {"problem": error.render()}
        except (KeyError, ValueError, TypeError):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._send(json.dumps(found, separators=(",", ":"), allow_nan=False).encode(), "application/json")

    def _stream(self) -> None:
        """Send how far what runs is, each time that it is further, until the page is closed."""
        self._head(HTTPStatus.OK, "text/event-stream")
        said, spoken = "", time.monotonic()
        try:
            while not self.server.is_closed:
                now = json.dumps(self.server.session.status(), separators=(",", ":"))
                if now != said or time.monotonic() - spoken > ALIVE_S:
                    self.wfile.write(f"data: {now}\n\n".encode())
                    said, spoken = now, time.monotonic()
                time.sleep(LOOK_S)
        except OSError:
            return  # the page was closed

    def _send(self, body: bytes, kind: str) -> None:
        self._head(HTTPStatus.OK, kind, len(body))
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus) -> None:
        body = f"{status.phrase}\n".encode()
        self._head(status, "text/plain", len(body))
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
