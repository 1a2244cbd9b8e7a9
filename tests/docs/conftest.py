"""The blocks of the README and of the pages, and the desk at which they are run.

What is run as it is, and what is cut short:

- A Python block runs as written. A shell block goes through bash as written, which expands its loops,
  quotes and patterns; each `cascade` command that comes of it then runs in this process.
- The scenarios on the desk are the shipped ones with one replicate instead of eight. A market of two
  minutes lies in place of the day of July, `small.yaml` lasts a minute, `run` takes one replicate and ends a
  minute after the last shock.
- A `calibrate`, `sweep`, `threshold`, `frontier` or `contagion` is only planned (`--dry-run`); a tool of the checkout
  (`python -m`) is only looked up.
- Results of those names (`results/a-1a2b3c4d`) lie there, of that small market. What takes longer than
  some seconds all the same is marked slow.
- The lines that install are those of `tests/journeys/test_first_minutes.py`.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cascade
from cascade.manual import page, pages
from cascade.venues.load import rulebook_path
from tests.support.scenarios import small_data

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\w*)( fragment)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code: of which page, in which language, and whether it is only a part of something."""

    page: str
    kind: str
    is_part: bool
    text: str


def _blocks() -> list[Block]:
    texts = {"README": (ROOT / "README.md").read_text(encoding="utf-8")} | {
        name: page(name) for name in pages()
    }
    return [
        Block(name, kind, bool(part), text)
        for name, whole in texts.items()
        for kind, part, text in _BLOCK.findall(whole)
    ]


BLOCKS = _blocks()


def blocks(kind: str) -> list[Any]:
    """Return the blocks of a language as parameters of a test, named by page and number."""
    found = [block for block in BLOCKS if block.kind == kind]
    places = [[each.page for each in found[:k]].count(block.page) for k, block in enumerate(found)]
    return [pytest.param(block, id=f"{block.page}-{k}") for block, k in zip(found, places, strict=True)]


def text_of(name: str, kind: str) -> str:
    """Return the first whole block of a page in a language."""
    return next(each.text for each in BLOCKS if (each.page, each.kind) == (name, kind) and not each.is_part)


DAY, WHOLE_MARKET = "btc-2025-07-01", "market-2025-07-01"


def market(name: str, **changes: Any) -> str:
    """Return a market of two minutes whose price falls and liquidates some, as a scenario of that name."""
    venues = {"spot": {"rulebook": "spot"}, "offshore": {"rulebook": "binance-2025-07", "fund": "100M"}}
    shocks = [
        {"name": "fall", "type": "news", "at": "30s", "asset": "BTC", "move": "-2 %"},
        {"name": "sale", "type": "market_order", "at": "30s", "over": "30s", "market": "venue:BTCUSDT",
         "side": "sell", "notional": "1M"},
    ]  # fmt: skip
    data = small_data(name=name, venues=venues, shocks=shocks, **changes)
    return json.dumps(data).replace("venue:BTCUSDT", "offshore:BTCUSDT")  # JSON is YAML, too


ACCOUNTS = """\
label,market,side,quantity,entry_price,wallet_usd
fund-7,BTCUSDT,long,10,107000,150000
fund-7,ETHUSDT,short,200,2480,
"""
"""A file of positions that pages name."""


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the desk as it is laid out, for tests to copy."""
    desk = tmp_path_factory.mktemp("desk")
    for name in ("small.yaml", "my.yaml"):
        (desk / name).write_text(
            text_of("scenario", "yaml").replace("duration: 1h", "duration: 1m"), encoding="utf-8"
        )
    (desk / "problem.yaml").write_text(text_of("calibrate", "yaml"), encoding="utf-8")
    (desk / "desk.py").write_text(text_of("mesa", "python"), encoding="utf-8")
    (desk / "desk.yaml").write_text(text_of("mesa", "yaml"), encoding="utf-8")
    (desk / "examples.json").write_text(text_of("calculator", "json"), encoding="utf-8")
    shutil.copy(rulebook_path("binance-2025-03"), desk / "mine.yaml")
    (desk / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    _lay_out_scenarios(desk / "scenarios")
    _lay_out_results(desk / "results", tmp_path_factory.mktemp("made"))
    return desk


@pytest.fixture
def desk(laid_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a desk of one's own."""
    desk = shutil.copytree(laid_out, tmp_path / "desk")
    monkeypatch.chdir(desk)
    return desk


def _lay_out_scenarios(folder: Path) -> None:
    shipped = ROOT / "scenarios"
    shutil.copytree(shipped, folder / "shipped", ignore=shutil.ignore_patterns("studies"))
    shutil.copytree(shipped / "studies", folder / "studies")
    for path in shipped.glob("*.yaml"):
        fewer = "" if path.stem == "policy-adl" else "replicates: 1\n"  # its page reads all of them
        text = f"extends: shipped/{path.name}\nname: {path.stem}\n{fewer}"
        (folder / path.name).write_text(text, encoding="utf-8")
    for name in (DAY, WHOLE_MARKET):
        (folder / f"{name}.yaml").write_text(market(name), encoding="utf-8")


def _lay_out_results(folder: Path, made: Path) -> None:
    """Leave results under the names of the pages."""
    scenario, sweep = made / "tiny.yaml", made / "sweep.yaml"
    scenario.write_text(market("tiny"), encoding="utf-8")

    def lay(path: Path, *names: str) -> None:
        for name in names:
            shutil.copytree(path, folder / name)

    def swept(**plan: Any) -> Path:
        sweep.write_text(
            json.dumps({"cascade": 1, "scenario": "tiny.yaml", "replicates": 2} | plan), encoding="utf-8"
        )
        return cascade.sweep(sweep, out=made).path

    lay(cascade.run(scenario, replicates=2, out=made).path, f"{DAY}-1a2b3c4d", "a-1a2b3c4d")
    lay(
        cascade.run(scenario, ["venues.offshore.fund=50M"], replicates=2, out=made).path,
        "b-5e6f7a8b",
        "other-1a2b3c4d",
    )
    lay(cascade.run(scenario, replicate=17, out=made).path, "my-1a2b3c4d", "small-1a2b3c4d")
    speeds = {"shocks.sale.over": {"values": ["5m", "10m"], "label": "over"}}
    lay(swept(sweep="speed", set={"duration": "11m"}, vary=speeds), "selling-speed-1a2b3c4d")
    other = {"makers.makers.depth.scale": 0.5}
    for name in ("halts", "tied-halts"):
        lay(swept(sweep=name, variants={"none": {}, "halt": other}), f"{name}-1a2b3c4d")
    lay(swept(sweep="attack", variants={"attack": {}, "limit": other}), "listing-attack-1a2b3c4d")
    lay(swept(sweep="mine", variants={"base": {}, "thin": {"makers.makers.depth.scale": 0.1}}), "my-sweep")
