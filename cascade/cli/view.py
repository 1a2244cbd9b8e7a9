"""`cascade view`: the results of a run on a local page, moment by moment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, say, show

if TYPE_CHECKING:
    from cascade.view.session import Session

Port: TypeAlias = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Port of this machine; 0 finds a free one.")
]
Browser: TypeAlias = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Open the page, or only print its address.")
]


def view(
    folder: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder of a run, or of a sweep.")],
    allow_code: opt.AllowCode = False,
    port: Port = 0,
    browser: Browser = True,
) -> None:
    """Look at a run moment by moment, and at what one changed value would have done.

    The page is served by this machine to itself, under a random address, until Ctrl-C. Nothing is written.
    """
    from cascade.view.session import Session

    session = Session.of_results(folder, allow_code=allow_code, before_run=expect_compiling)
    serve(session, port, browser=browser)


def serve(session: Session, port: int, *, browser: bool) -> None:
    """Serve a session until Ctrl-C, which is how it is meant to end."""
    from cascade.view.html import doorway
    from cascade.view.server import Server

    try:
        server = Server(session, port)
    except BaseException:
        session.close()
        raise
    with doorway(server.address) as door:
        show(server.address)
        say("Ctrl-C ends it")
        try:
            if browser and typer.launch(door.as_uri()):
                say("no browser could be opened: open the address yourself")
            server.serve_forever()
        except KeyboardInterrupt:
            say("ended")
        finally:
            server.close()
