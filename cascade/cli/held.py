"""`cascade held`: what forced orders move a traded path by, to be taken off its news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, running, say, show, show_json

if TYPE_CHECKING:
    from cascade.experiment.held import Held


def held(
    scenario: opt.Scenario,
    overrides: opt.Overrides = None,
    allow_code: opt.AllowCode = False,
    replicates: Annotated[
        int, typer.Option("-n", "--replicates", min=1, help="Replicates that the mean is taken over.")
    ] = 8,
    jobs: opt.Jobs = None,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:
    """Measure what liquidations and stops move a traded price path by, on the mean.

    Where the news of an asset is a price that was traded, it holds the impact of that day's forced orders already.
    Write what is printed into the scenario, under the asset's news, and measure once more: the second time it
    should hardly differ. Nothing is written.

    Exit code 3 if the scenario is invalid.
    """
    from cascade.acting import admit_code
    from cascade.experiment.held import held as measure
    from cascade.scenario.load import load

    loaded = load(scenario, overrides or ())
    admit_code([loaded], scenario, overrides or (), allowed=allow_code)
    expect_compiling()
    with running(replicates * loaded.n_steps, quiet=quiet) as progress:
        found = measure(loaded, replicates, allow_code=allow_code, jobs=jobs, progress=progress)
    if json:
        show_json(_as_dict(found))
        return
    for asset in found.bps:
        show(f"assets.{asset}.news.held_bps: {found.yaml(asset)}")
        deepest = int(abs(found.bps[asset]).argmax())
        time, bps, error = found.times_s[deepest], found.bps[asset][deepest], found.error_bps[asset][deepest]
        say(
            f"{asset}: largest {bps:.1f} bps after {time / 3600:.1f} h, standard error {error:.1f} bps, n = {found.n}"
        )


def _as_dict(found: Held) -> dict[str, object]:
    return {
        "scenario": found.name,
        "replicates": found.n,
        "times_s": found.times_s.tolist(),
        "held_bps": {name: values.tolist() for name, values in found.bps.items()},
        "error_bps": {name: values.tolist() for name, values in found.error_bps.items()},
    }
