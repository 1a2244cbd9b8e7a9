"""Small runs to report about, made once: a stress with losses, and a quiet one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import cascade
from cascade.exposure import known
from cascade.output.reader import Result
from cascade.output.sweep import Sweep
from cascade.report.page import Options, contagion_page, page, score_page, study_of
from tests.report.reading import Page
from tests.support.contagion import known_contagion
from tests.support.foretold import foretold_days
from tests.support.scenarios import small_scenario

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

OUTPUTS = {"bars": "10s", "check_every": "30s", "accounts": True, "snapshots": "30s"}


@pytest.fixture(scope="session")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return six replicates of a fall that leaves a small fund and auto-deleveraging with losses."""
    scenario = small_scenario(
        name="stress", description="A fall of 5 % <at once>.", outputs=OUTPUTS,
        venues={"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "fund": "10k"}},
        shocks=[{"type": "news", "at": "30s", "asset": "BTC", "move": "-5 %"}],
        references=["A document of <1 July>"],
        published=[{"what": "public_usd", "value": 1.25e6, "source": "a newspaper"}],
    )  # fmt: skip
    return cascade.run(scenario, replicates=6, counterfactual=True, out=tmp_path_factory.mktemp("stress"))


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return one replicate without leverage, counterfactual or liquidations."""
    crowd = small_scenario().population[0].model_dump(mode="json", exclude_none=True)
    crowd |= {"leverage": {"dist": "constant", "value": 2}}
    scenario = small_scenario(name="quiet", population=[crowd])
    return cascade.run(scenario, out=tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="session")
def four(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Return four runs of a stress under the same luck: two funds, two falls, one of which leaves nothing to tell."""
    out = tmp_path_factory.mktemp("four")
    spot = {"rulebook": "spot"}
    return [
        cascade.run(
            small_scenario(
                name="stress", outputs=OUTPUTS,
                venues={"spot": spot, "venue": {"rulebook": "binance-2025-07", "fund": fund}},
                shocks=[
                    {"type": "news", "at": "30s", "asset": "BTC", "move": move},
                    {"type": "depth", "at": "0s", "markets": "*", "factor": "0.5x"},
                ],
            ),
            replicates=4, counterfactual=True, out=out,
        )
        for fund, move in (("10k", "-5 %"), ("50M", "-5 %"), ("10k", "-8 %"), ("10k", "-0.1 %"))
    ]  # fmt: skip


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Return a sweep of three funds, of four replicates."""
    scenario = small_scenario(
        name="funds", outputs=OUTPUTS, shocks=[{"type": "news", "at": "30s", "asset": "BTC", "move": "-5 %"}]
    )
    return cascade.sweep(
        scenario, ["venues.venue.fund=10k,1M,50M"], replicates=4, out=tmp_path_factory.mktemp("swept")
    )


@pytest.fixture(scope="session")
def pages(
    stress: Result,
    four: list[Result],
    swept: Sweep,
    tmp_path_factory: pytest.TempPathFactory,
    is_thorough: bool,
) -> dict[str, str]:
    """Return the pages of the stress, of four runs, of a sweep and of events that are scored.

    The first and the last without a script too, with `--slow`.
    """
    scored = foretold_days(tmp_path_factory.mktemp("scored"), 40)
    made = {
        "script": page(study_of([stress]), Options(made=MADE)),
        "compared": page(study_of(four), Options(made=MADE)),
        "swept": page(study_of([swept]), Options(made=MADE)),
        "score": score_page(scored, Options(made=MADE)),
    }
    if is_thorough:
        pytest.importorskip("matplotlib")
        made["static"] = page(study_of([stress]), Options(static=True, made=MADE))
        made["score-static"] = score_page(scored, Options(static=True, made=MADE))
    return made


@pytest.fixture(scope="session")
def parsed(pages: dict[str, str]) -> Page:
    """Return the page of the stress as a parser reads it."""
    return Page.of(pages["script"])


@pytest.fixture(scope="session")
def page_file(pages: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the pages as files."""
    folder = tmp_path_factory.mktemp("pages")
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    contagion = contagion_page(known_contagion(), Options(made=MADE))
    (folder / "contagion.html").write_text(contagion, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in (*pages, "contagion")}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no page be made of what an earlier one found out."""
    monkeypatch.setattr(known, "cache_folder", lambda _: None)
