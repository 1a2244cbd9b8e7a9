"""`cascade report`: the results of a run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli.terminal import say, show


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of a sweep.")],
    static: Annotated[
        bool, typer.Option("--static", help="Figures as pictures, and no JavaScript: for mail and print.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="A memo in Markdown, to stdout unless -o says where.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF, printed by a Chromium on this machine.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="The file to write; by default report.html, or report.pdf, in the folder."
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a run as one self-contained page: figures, tables, assumptions, and every number's source.

    Replicates of a run that was interrupted are reported as far as they finished, and the page says so.
    """
    from cascade.report.write import read_for_report, refuse_printed_memo, write_report

    refuse_printed_memo(pdf=pdf, markdown=markdown)
    result = read_for_report(folder)
    if markdown and out is None:
        from cascade.report.markdown import memo
        from cascade.report.page import study_of

        show(memo(study_of([result])))
        return
    path = write_report(
        [result], out or folder / f"report.{'pdf' if pdf else 'html'}", static=static, markdown=markdown, pdf=pdf,
        force=force,
    )  # fmt: skip
    show(str(path))
    if open_ and not typer.launch(path.resolve().as_uri()):
        say("no browser could be opened")
