"""The folder of an event as it is written: bars, scenario, event file and observed file."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from cascade.calibration.event_file import EVENT_FILE, load_event, load_observed
from cascade.calibration.market import Coin, Frame, amount, bars_file, scenario_of
from cascade.calibration.price_bars import write_bars
from cascade.calibration.seen import Seen
from cascade.data.opening import sha256_of
from cascade.errors import ScenarioError
from cascade.scenario.load import inspect, tidy
from cascade.units import format_instant

NO_MATCH: Final = "CAS119"
_SCENARIO, _OBSERVED = "scenario.yaml", "observed.yaml"


def write_folder(out: Path, frame: Frame, coins: Sequence[Coin], seen: Sequence[Seen]) -> None:
    """Write the folder: beside its place first, so that what stands there is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        draft = Path(folder)
        for coin in coins:
            write_bars(draft / bars_file(coin.name), coin.bars)
        _write_scenario(draft / _SCENARIO, scenario_of(frame, coins))
        (draft / EVENT_FILE).write_text(_event_text(draft, frame, coins, seen), encoding="utf-8")
        (draft / _OBSERVED).write_text(_observed_text(frame, seen), encoding="utf-8")
        load_observed(load_event(draft))
        if out.exists():
            shutil.rmtree(out)
        shutil.copytree(draft, out)


def _write_scenario(path: Path, sections: Mapping[str, Any]) -> None:
    """Write a scenario, without the sources of the market it extends that are about nothing of this one.

    Raises
    ------
    ScenarioError
        If it is not valid.
    """
    sections = {**sections, "sources": dict(sections["sources"])}
    head = "# Written by `cascade event new`. What is not written here is as in the scenario that it extends.\n\n"
    while True:
        path.write_text(head + _yaml(sections), encoding="utf-8")
        scenario, problems = inspect(path)
        idle = [each.path.removeprefix("sources.") for each in problems if each.code == NO_MATCH]
        if not idle or all(each in sections["sources"] for each in idle):
            break
        sections["sources"] |= dict.fromkeys(idle)
    if scenario is None or any(each.severity == "error" for each in problems):
        raise ScenarioError(problems)


def _event_text(folder: Path, frame: Frame, coins: Sequence[Coin], seen: Sequence[Seen]) -> str:
    found = {
        "event": 1,
        "name": frame.name,
        "title": f"{', '.join(each.name for each in coins)} from {frame.start:%F %H:%M} to {frame.end:%F %H:%M} UTC",
        "scenario": _SCENARIO,
        "observed": _OBSERVED,
        "start": format_instant(frame.start),
        "end": format_instant(frame.end),
        "scope": {"coins": [each.name for each in coins], "venues": dict(frame.feeds)},
        "known": [*_known(frame, coins)],
        "asked": {each.name: each.asked for each in seen},
        "files": {
            **{bars_file(each.name): sha256_of(folder / bars_file(each.name)) for each in coins},
            **dict(sorted(frame.checksums.items())),
        },
    }
    head = (
        "# Written by `cascade event new`: what was known before the start, and what is asked.\n"
        "# Prices are an input of the scenario: figures of prices test that the market keeps to them.\n\n"
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
