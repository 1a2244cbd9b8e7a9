"""`cascade compare`: runs and sweeps in, differences with intervals and verdicts out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli.terminal import (
    AsJson,
    Markdown,
    say,
    show,
    show_json,
    show_rich,
    width,
)


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or of sweeps (all variants).")
    ],
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="NAME", help="The run that others are held against.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Show this metric first; may be repeated."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every metric.")] = False,
    confidence: Annotated[float, typer.Option("--confidence", help="Of intervals and verdicts.")] = 0.95,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="TEST", help="Exit 1 if 'bad_debt_usd>1e6' or 'worse:adl_usd'."),
    ] = None,
    markdown: Markdown = False,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Also write a report of it, as one page."),
    ] = None,
    static: Annotated[bool, typer.Option("--static", help="The page without JavaScript.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the page.")] = False,
    json: AsJson = False,
) -> None:
    """Compare runs: what is worse, what is better, and what cannot be told apart at this n.

    Exit code 1 if a `--fail-if` is met, 6 if the runs cannot be compared.
    """
    from cascade.escape import markdown as markdown_text
    from cascade.experiment.comparison import compare as compare_runs
    from cascade.experiment.comparison import parse_threshold, refuse_breaches, text
    from cascade.output.sweep import named_results
    from cascade.report.compare_answer import answer_rich, sentence
    from cascade.report.metric_words import brief_markets

    thresholds = [parse_threshold(each) for each in fail_if or ()]
    named = {each.name: each.result for each in named_results(runs)}
    found = compare_runs(named, baseline, metrics, confidence=confidence)
    markets = brief_markets(
        {each.name: each for result in named.values() for each in result.units.markets}.values()
    )
    if json:
        show_json(found.to_dict())
    elif markdown:
        tables = text.markdown(found, everything=everything, answered=True)
        show(f"{markdown_text(sentence(found, markets))}\n\n{tables}")
    else:
        show_rich(*answer_rich(found, markets, width(), asked=metrics is not None, everything=everything))
        if everything:
            show_rich("", text.tables(found))
    if out is not None:
        from cascade.report.write import write_report

        page = write_report(
            runs,
            out,
            baseline=found.variants[0].name,
            metrics=metrics,
            confidence=confidence,
            static=static,
            force=force,
        )
        say(f"report: {page}")
    refuse_breaches(found, thresholds)
