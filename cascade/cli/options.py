"""Options and arguments that several commands take, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cascade.limits import MOST_REPLICATES, MOST_SEED

File: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="Scenario file.")]
Scenario: TypeAlias = Annotated[Path, typer.Argument(metavar="SCENARIO", help="Scenario file.")]

Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="PATH=VALUE", help="Change a value, e.g. -s makers.0.depth.scale=0.5x"
    ),
]
Allow: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow", metavar="DIR", help="A folder besides its own whose files the scenario may name."
    ),
]
AllowCode: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-code", help="Run agents in Python that the scenario names: code of its author."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

Replicates: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "-n", "--replicates", min=1, max=MOST_REPLICATES, help="Replicates; of each variant where there are several."
    ),
]  # fmt: skip
Seed: TypeAlias = Annotated[
    int | None, typer.Option("--seed", min=0, max=MOST_SEED, help="Seed, in place of the scenario's.")
]

Jobs: TypeAlias = Annotated[
    int | None, typer.Option("-j", "--jobs", min=1, help="Replicates at a time; by default one a core.")
]
ClusterAddress: TypeAlias = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Dask scheduler whose workers run the replicates."),
]
FailFast: TypeAlias = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first replicate that fails.")
]
RetryFailed: TypeAlias = Annotated[
    bool, typer.Option("--retry-failed", help="Run again what failed, and only that.")
]
Force: TypeAlias = Annotated[
    bool, typer.Option("--force", help="Start over although all or some of it is there.")
]

Counterfactual: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--counterfactual", help="Also run without forced orders, and without stops, under the same luck."
    ),
]
Out: TypeAlias = Annotated[Path, typer.Option("-o", "--out", help="Folder of all results.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Static: TypeAlias = Annotated[bool, typer.Option("--static", help="The page without JavaScript.")]
PageFile: TypeAlias = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="PAGE.html", help="Also write a page with the figures.")
]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite the page.")]
OverwriteFile: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]
Pairs: TypeAlias = Annotated[
    int, typer.Option("-n", "--replicates", min=1, help="Replicates; an interval needs 6.")
]
Markdown: TypeAlias = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
