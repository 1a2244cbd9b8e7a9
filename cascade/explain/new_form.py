"""Scenarios of today's format in the form of the new price formation: what `cascade migrate` writes.

Sections that do not concern how a price forms stay as they are, to the letter; comments of the others stay.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from difflib import unified_diff
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from cascade.assembly import assemble
from cascade.errors import ScenarioError, UsageError
from cascade.explain.moves import daily_volatility
from cascade.scenario.files import Allowed
from cascade.scenario.liquidity import APART, FAR_BPS, TURNOVER, daily_flow, depth_within
from cascade.scenario.load import inspect
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import BackgroundFlow, SplittersFlow
from cascade.scenario.schema_formation import Activity
from cascade.scenario.schema_makers import LadderMaker
from cascade.units import format_usd

USUAL_VOLATILITY = 0.016
"""Daily volatility that the defaults of lean go with."""

REFILL = [[0.3, "1 /s"], [1, "0.4 /s"], [12, "0.08 /s"], [200, "0.07 /s"]]
"""How fast sizes come back in `normal-days`."""

AT_TOUCH = 3
TOUCH = {"count": AT_TOUCH, "requote_rate": "50 /s", "refill": "2 /s", "slack_bps": 0.05, "skew_bps": 3}
"""Makers at the touch of `normal-days`: together they quote about what its ladders do within a bp."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A scenario's text before and after."""

    name: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """Return the unified difference; empty where there is none."""
        lines = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        return "".join(unified_diff(*lines, self.name, f"{self.name} (migrated)"))


@dataclass(frozen=True, slots=True)
class _Figures:
    """Volume and volatility of an asset, taken from the scenario, and how."""

    volume: float
    volume_from: str
    volatility: float
    volatility_from: str


def migrate(path: str | Path, *, allow: Allowed = ()) -> Migration:
    """Return a scenario file in the form of the new price formation.

    Raises
    ------
    ScenarioError
        If the file is not a valid scenario.
    UsageError
        If it extends another, whose makers and flow it changes or takes over.
    """
    scenario, problems = inspect(path, allow=allow)
    if scenario is None or any(problem.severity == "error" for problem in problems):
        raise ScenarioError(problems)
    before = Path(path).read_text(encoding="utf-8")
    yaml = _yaml(before)
    tree = yaml.load(before)
    if "extends" in tree:
        base = str(tree["extends"])
        raise UsageError(
            f"the file extends {base}, which holds how its prices form",
            where=str(path),
            remedy=f"migrate {base} with -o NEW.yaml, write extends: NEW.yaml here, and leave learning: out",
        )
    old = [name for name, asset in scenario.assets.items() if asset.impact is None]
    if not old:
        return Migration(str(path), before, before)
    figures = {name: _figures(scenario, name) for name in old}
    text = _with_impact(before, tree, yaml, figures, has_activity=scenario.activity is not None)
    changed: dict[str, Any] = {"sources": _sources(tree.get("sources"), figures)}
    if "makers" in tree:
        changed["makers"] = _makers(tree["makers"], scenario, old)
    if "flow" in tree:
        changed["flow"] = _flow(tree["flow"], scenario, figures)
    for name, section in changed.items():
        text = _with_section(text, name, _dumped(yaml, CommentedMap({name: section})))
    return Migration(str(path), before, text)


def _yaml(text: str) -> YAML:
    """Return what reads and writes YAML with its comments, and with lists indented as they are."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    indented = re.search(r"^ +- ", text, re.MULTILINE) or not re.search(r"^- ", text, re.MULTILINE)
    yaml.indent(mapping=2, sequence=4 if indented else 2, offset=2 if indented else 0)
    return yaml


def _dumped(yaml: YAML, value: Any) -> str:
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _figures(scenario: Scenario, asset: str) -> _Figures:
    """Return volume and volatility of an asset: of flow and news, or usual ones where its books or news are not so."""
    own = _markets_of(scenario, asset)
    depth = sum(depth_within(scenario, market, FAR_BPS) for market in own)
    volume, said = sum(daily_flow(scenario, market) for market in own), "the flow of a day"
    if not depth / APART <= volume / TURNOVER <= depth * APART:
        volume, said = TURNOVER * depth, f"{TURNOVER:g} times its depth within 1 %"
    drawn = assemble(scenario.replace(population=[]))
    volatility, whence = (
        daily_volatility(drawn.params, list(scenario.assets).index(asset), scenario.dt),
        "news",
    )
    if not 0.001 <= volatility < 1.0:
        volatility, whence = USUAL_VOLATILITY, "bitcoin in 2025"
    return _Figures(volume or TURNOVER * 1e6, said, volatility, whence)


def _markets_of(scenario: Scenario, asset: str) -> list[str]:
    return [name for name in scenario.select_markets("*") if scenario.markets[name].asset == asset]


# --- assets and activity ---------------------------------------------------------------------------


def _with_impact(
    text: str, tree: CommentedMap, yaml: YAML, figures: dict[str, _Figures], *, has_activity: bool
) -> str:
    """Return a text whose assets have impact and lean, after what is written of them, and an activity below."""
    assets, activity = tree["assets"], [] if has_activity else ["", "activity: {}"]
    lines = text.splitlines()
    first, end = _section(lines, "assets")
    if assets.fa.flow_style() or any(assets[name].fa.flow_style() for name in figures):
        for name, found in figures.items():
            assets[name].update(_inline({key: _inline(value) for key, value in _rules(found).items()}))
        section = _dumped(yaml, CommentedMap({"assets": assets})).splitlines()
        return _joined([*lines[:first], *section[: _section(section, "assets")[1]], *activity, *lines[end:]])
    for name, found in sorted(figures.items(), key=lambda each: -assets.lc.key(each[0])[0]):
        line, column = assets.lc.key(name)
        last, inner = line, ""
        for at in range(line + 1, end):
            content = lines[at].strip()
            if content and not content.startswith("#"):
                if len(lines[at]) - len(lines[at].lstrip()) <= column:
                    break
                inner, last = inner or lines[at][: len(lines[at]) - len(lines[at].lstrip())], at
        rules = CommentedMap({key: _inline(value) for key, value in _rules(found).items()})
        lines[last + 1 : last + 1] = [inner + each for each in _dumped(yaml, rules).splitlines()]
    _, end = _section(lines, "assets")
    return _joined([*lines[:end], *activity, *lines[end:]])


def _rules(found: _Figures) -> dict[str, dict[str, Any]]:
    """Return impact and lean of an asset."""
    impact = {"daily_volume": format_usd(found.volume), "daily_volatility": f"{100 * found.volatility:.2g} %"}
    return {
        "impact": impact,
        "lean": {"drift_bps": float(f"{0.085 * found.volatility / USUAL_VOLATILITY:.2g}")},
    }


def _inline(data: dict[str, Any]) -> CommentedMap:
    """Return a mapping that is written in one line."""
    made = CommentedMap(data)
    made.fa.set_flow_style()
    return made


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """Return the lines of a top-level section, without what is above the next; none at the end where it is not there."""
    first = next((k for k, line in enumerate(lines) if re.match(rf"{name}\s*:", line)), len(lines))
    ends = (k for k in range(first + 1, len(lines)) if re.match(r"[\w\"']", lines[k]))
    end = next(ends, len(lines))
    while end > first + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return first, end


def _with_section(text: str, name: str, section: str) -> str:
    lines, written = text.splitlines(), section.splitlines()
    first, end = _section(lines, name)
    gap = [""] if first == len(lines) and lines and lines[-1] else []
    return _joined([*lines[:first], *gap, *written[: _section(written, name)[1]], *lines[end:]])


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


# --- makers, flow, sources -------------------------------------------------------------------------


def _makers(written: CommentedSeq, scenario: Scenario, old: list[str]) -> CommentedSeq:
    """Return makers whose sizes come back slowly and come and go, and others at the touch."""
    touch: list[CommentedMap] = []
    for item, group in zip(written, scenario.makers, strict=True):
        markets = scenario.select_markets(group.markets)
        if not isinstance(group, LadderMaker) or {
            scenario.markets[name].asset for name in markets
        }.isdisjoint(old):
            continue
        place = list(item).index("learning") if "learning" in item else len(item)
        kept = item.ca.items.pop("learning", None)
        item.pop("learning", None)
        if "refill" not in item:
            refill = CommentedSeq([CommentedSeq(point) for point in REFILL])
            refill.fa.set_flow_style()
            item.insert(place, "refill", refill)
        if "swing" not in item:
            item.insert(place + 1, "swing", _inline({"side": 0.35}))
        _carry(item, place, kept)
        size = format_usd(group.within(1.0) / AT_TOUCH)
        named = {"type": "touch", "name": f"{group.name}-touch", "markets": deepcopy(item["markets"])}
        touch.append(_inline({**named, "size": size, **TOUCH, "cap": format_usd(group.cap)}))
    written.extend(touch)
    return written


def _carry(item: CommentedMap, place: int, comment: Any) -> None:
    """Give the comment of a key that went to the one that stands there now."""
    if comment is not None:
        item.ca.items[list(item)[min(place + 1, len(item) - 1)]] = comment


def _flow(written: CommentedSeq, scenario: Scenario, figures: dict[str, _Figures]) -> CommentedSeq:
    """Return a crowd of splitters for each market of plain flow."""
    made = CommentedSeq()
    made.ca.comment = written.ca.comment
    for place, (item, group) in enumerate(zip(written, scenario.flow, strict=True)):
        markets = [
            name for name in scenario.select_markets(group.markets) if scenario.markets[name].asset in figures
        ]
        plain = isinstance(group, BackgroundFlow) and markets
        crowds = _crowds(group.name, markets, scenario, figures) if plain else [item]
        made.extend(crowds)
        if place in written.ca.items:  # a comment between groups
            made.ca.items[len(made) - 1] = written.ca.items[place]
    return made


def _crowds(
    name: str, markets: list[str], scenario: Scenario, figures: dict[str, _Figures]
) -> list[CommentedMap]:
    """Return a crowd for each of some markets: with its part of the asset's volume, by depth."""
    made: list[CommentedMap] = []
    for number, market in enumerate(markets, start=1):
        asset = scenario.markets[market].asset
        held = {each: depth_within(scenario, each, FAR_BPS) for each in _markets_of(scenario, asset)}
        share = held[market] / sum(held.values()) if any(held.values()) else 1.0 / len(held)
        scale = figures[asset].volume * share / _usual_flow(scenario) or 1.0
        own = name if len(markets) == 1 else f"{name}-{number}"
        tilt = _inline({"follow_size": format_usd(350e3 * scale)})
        crowd = {"type": "splitters", "name": own, "markets": market, "scale": f"{scale:.3g}x", "tilt": tilt}
        made.append(_inline(crowd))
    return made


def _usual_flow(scenario: Scenario) -> float:
    """Return what a crowd of splitters with all defaults trades in a day."""
    market = scenario.select_markets("*")[0]
    crowd = SplittersFlow(type="splitters", name="crowd", markets=(market,))
    return daily_flow(scenario.model_copy(update={"flow": (crowd,), "activity": Activity()}), market)


def _sources(written: CommentedMap | None, figures: dict[str, _Figures]) -> CommentedMap:
    """Return sources with what was assumed."""
    sources = CommentedMap() if written is None else written
    for pattern in [each for each in sources if "learning" in each]:
        del sources[pattern]
    for name, found in figures.items():
        for key, note in (("daily_volume", found.volume_from), ("daily_volatility", found.volatility_from)):
            sources[f"assets.{name}.impact.{key}"] = _inline(
                {"kind": "assumed", "note": f"migrated from {note}"}
            )
    for pattern in (
        "assets.*.lean.*",
        "activity.*",
        "makers.*.refill*",
        "makers.*.swing.*",
        "makers.*-touch.*",
        "flow.*",
    ):
        sources.pop(pattern, None)  # of several patterns the last counts
        sources[pattern] = _inline({"kind": "assumed", "note": "migrated as in normal-days"})
    return sources
