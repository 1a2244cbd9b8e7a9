"""`cascade compare`: runs and sweeps in, differences with intervals and verdicts out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import say, show, show_json, show_rich, width

if TYPE_CHECKING:
    from cascade.experiment.comparison import Comparison
    from cascade.output.reader import Result

Runs: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or of sweeps (all variants).")
]
Baseline: TypeAlias = Annotated[
    str | None, typer.Option("--baseline", metavar="NAME", help="The run that others are held against.")
]
Metrics: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="NAME", help="Show this metric first; may be repeated."),
]
Everything: TypeAlias = Annotated[bool, typer.Option("--all", help="Show every metric.")]
Confidence: TypeAlias = Annotated[float, typer.Option("--confidence", help="Of intervals and verdicts.")]
FailIf: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--fail-if", metavar="TEST", help="Exit 1 if 'bad_debt_usd>1e6' or 'worse:adl_usd'."),
]
Page: TypeAlias = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="FILE", help="Also write a report of it, as one page.")
]


def compare(
    runs: Runs, baseline: Baseline = None, metrics: Metrics = None, everything: Everything = False,
    confidence: Confidence = 0.95, fail_if: FailIf = None, markdown: opt.Markdown = False, out: Page = None,
    static: opt.Static = False, force: opt.Overwrite = False, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Compare runs: what is worse, what is better, and what cannot be told apart at this n.

    Exit code 1 if a `--fail-if` is met, 6 if the runs cannot be compared.
    """
    from cascade.experiment.comparison import compare as compare_runs
    from cascade.experiment.comparison import parse_threshold, refuse_breaches
    from cascade.output.sweep import named_results

    thresholds = [parse_threshold(each) for each in fail_if or ()]
    named = {each.name: each.result for each in named_results(runs)}
    found = compare_runs(named, baseline, metrics, confidence=confidence)
    if json:
        show_json(found.to_dict())
    else:
        _show(found, named, everything=everything, asked=metrics is not None, markdown=markdown)
    if out is not None:
        from cascade.report.write import write_report

        page = write_report(
            runs, out, baseline=found.variants[0].name, metrics=metrics, confidence=confidence, static=static,
            force=force,
        )  # fmt: skip
        say(f"report: {page}")
    refuse_breaches(found, thresholds)


def _show(
    found: Comparison, named: Mapping[str, Result], *, everything: bool, asked: bool, markdown: bool
) -> None:
    """Print a comparison for people."""
    from cascade.escape import markdown as markdown_text
    from cascade.experiment.comparison import text
    from cascade.report.compare_answer import answer_rich, sentence
    from cascade.report.metric_words import brief_markets

    units = {each.name: each for result in named.values() for each in result.units.markets}
    markets = brief_markets(units.values())
    if markdown:
        tables = text.markdown(found, everything=everything, answered=True)
        show(f"{markdown_text(sentence(found, markets))}\n\n{tables}")
        return
    show_rich(*answer_rich(found, markets, width(), asked=asked, everything=everything))
    if everything:
        show_rich("", text.tables(found))
