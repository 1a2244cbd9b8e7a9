"""The folder of an event as it is written: bars, scenario, event file and observed file."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

from cascade.calibration.day_history import Rows, write_history
from cascade.calibration.event_file import EVENT_FILE, load_event, load_observed
from cascade.calibration.market import Coin, Frame, amount, bars_file, scenario_of
from cascade.calibration.price_bars import write_bars
from cascade.calibration.seen import Seen
from cascade.data.opening import sha256_of
from cascade.errors import ScenarioError, UsageError
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.draws import draws_beside, numbers_of, read_draws
from cascade.scenario.load import inspect, tidy
from cascade.scenario.schema import Scenario
from cascade.units import format_instant

NO_MATCH: Final = "CAS119"
_SCENARIO, _OBSERVED, _HISTORY, _DRAWS = "scenario.yaml", "observed.yaml", "history.csv", "draws.parquet"


def write_folder(out: Path, frame: Frame, coins: Sequence[Coin], seen: Sequence[Seen], history: Rows) -> None:
    """Write the folder: beside its place first, so that what stands there is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        draft = Path(folder)
        for coin in coins:
            write_bars(draft / bars_file(coin.name), coin.bars)
        if history:
            write_history(draft / _HISTORY, history)
        _write_scenario(draft, scenario_of(frame, coins), draws_beside(shipped_scenarios()[frame.base.name]))
        (draft / EVENT_FILE).write_text(_event_text(draft, frame, coins, seen), encoding="utf-8")
        (draft / _OBSERVED).write_text(_observed_text(frame, seen), encoding="utf-8")
        load_observed(load_event(draft))
        ready = draft.with_name(f"{draft.name}.ready")
        shutil.copytree(draft, ready)
        ready.chmod(0o755)  # that of a draft is for its maker alone
        if out.exists():
            shutil.rmtree(out)
        ready.rename(out)


def refuse_others(out: Path, archives: Path) -> None:
    """Refuse to replace a folder that holds anything but an event, or the archives.

    Raises
    ------
    UsageError
        If it does.
    """
    here, there = out.resolve(), archives.resolve()
    if here == there or here in there.parents or there in here.parents:
        told = "an event cannot replace the folder of its archives, nor lie in it"
    elif any(out.iterdir()) and not (out / EVENT_FILE).is_file():
        told = "this folder holds something else than an event"
    else:
        return
    raise UsageError(told, where=str(out), remedy="give another folder: -o FOLDER")


def _write_scenario(folder: Path, sections: Mapping[str, Any], draws: Path) -> None:
    """Write a scenario, without the sources of the market it extends that are about nothing of this one.

    Draws of that market go along: those of the numbers that a first reading finds in what is written.

    Raises
    ------
    ScenarioError
        If it is not valid.
    """
    path = folder / _SCENARIO
    sections = {**sections, "sources": dict(sections["sources"])}
    head = "# Written by `cascade event new`. What is not written here is as in the scenario that it extends.\n\n"
    while True:
        path.write_text(head + _yaml(sections), encoding="utf-8")
        scenario, problems = inspect(path)
        idle = [each.path.removeprefix("sources.") for each in problems if each.code == NO_MATCH]
        is_new = any(each not in sections["sources"] for each in idle)
        sections["sources"] |= dict.fromkeys(idle)
        if scenario is not None and "parameters" not in sections and draws.exists():
            _write_draws(folder / _DRAWS, draws, scenario)
            sections["parameters"], is_new = _DRAWS, True
        if not is_new:
            break
    if scenario is None or any(each.severity == "error" for each in problems):
        raise ScenarioError(problems)


def _write_draws(path: Path, shipped: Path, scenario: Scenario) -> None:
    """Write the draws of parameters of a shipped market, those that the event keeps."""
    import pyarrow.parquet as pq

    draws, known = read_draws(shipped), numbers_of(scenario)
    kept = [number for number, path in enumerate(draws.paths) if path in known]
    some = replace(
        draws, paths=tuple(draws.paths[each] for each in kept), units=tuple(draws.units[each] for each in kept),
        values=draws.values[:, kept],
    )  # fmt: skip
    pq.write_table(some.table(), path)


def _event_text(folder: Path, frame: Frame, coins: Sequence[Coin], seen: Sequence[Seen]) -> str:
    found = {
        "event": 1,
        "name": frame.name,
        "title": f"{', '.join(each.name for each in coins)} from {frame.start:%F %H:%M} to {frame.end:%F %H:%M} UTC",
        "scenario": _SCENARIO,
        "observed": _OBSERVED,
        **({"history": _HISTORY} if (folder / _HISTORY).exists() else {}),
        "start": format_instant(frame.start),
        "end": format_instant(frame.end),
        "scope": {"coins": [each.name for each in coins], "venues": dict(frame.feeds)},
        "known": [*_known(frame, coins)],
        "asked": {each.name: each.asked for each in seen},
        "files": {
            **{
                each.name: sha256_of(each)
                for each in sorted(folder.iterdir())
                if each.suffix in (".csv", ".parquet")
            },
            **dict(sorted(frame.checksums.items())),
        },
    }
    head = (
        "# Written by `cascade event new`: what was known before the start, and what is asked.\n"
        "# Prices are an input of the scenario: of them nothing is asked.\n\n"
    )
    return head + _yaml(found)


def _known(frame: Frame, coins: Sequence[Coin]) -> Iterator[Mapping[str, Any]]:
    at = format_instant(frame.start)
    for coin in coins:
        for what, found in (("open_interest_usd", coin.open_interest), ("depth_within_1pct_usd", coin.depth)):
            if found is not None:
                yield {
                    "what": what, "asset": coin.name, "at": at, "value": amount(found.value), "source": found.said,
                    **_file(frame, found.files),
                }  # fmt: skip
        if coin.funding is not None and not math.isnan(coin.funding.known):
            yield {
                "what": "funding_rate_8h", "asset": coin.name, "at": at, "value": _number(coin.funding.known),
                "source": "funding of eight hours, as a fraction", **_file(frame, coin.funding.files),
            }  # fmt: skip


def _file(frame: Frame, files: Sequence[str]) -> Mapping[str, str]:
    return {"file": files[0], "sha256": frame.checksums[files[0]]} if files else {}


def _observed_text(frame: Frame, seen: Sequence[Seen]) -> str:
    figures = {
        each.name: {"value": _number(each.value), "source": each.source, **_file(frame, each.files)}
        for each in seen
    }
    head = "# Written by `cascade event new`: what was observed. Predictions are made without this file.\n\n"
    return head + _yaml({"observed": 1, "event": frame.name, "figures": figures})


def _number(value: float) -> float:
    """Return a value with the digits that archives have."""
    return float(f"{value:.8g}")


def _yaml(value: Mapping[str, Any]) -> str:
    """Return YAML with what is innermost in a line."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(tidy(dict(value)), stream)
    return stream.getvalue()
