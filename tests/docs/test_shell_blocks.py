"""Every shell block of the README and of the pages runs; `conftest.py` says what is cut short.

Of pages whose blocks take long, commands and scenarios are only checked without `--slow`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import COMMANDS, build
from cascade.scenario.load import load
from tests.docs.conftest import BLOCKS, Block, blocks

INSTALLS = "python3 -m venv"
SLOW = {"attribution", "calibrate", "contagion", "policies", "report", "statistics", "stories", "studies"}
"""Pages whose blocks draw several pages, or run several scenarios."""

SHELL = [each for each in blocks("sh") if INSTALLS not in each.values[0].text]
LONG = [each for each in SHELL if each.values[0].page in SLOW]
USUAL = [
    each if each not in LONG else pytest.param(*each.values, id=each.id, marks=pytest.mark.slow)
    for each in SHELL
]

RECORD = """#!/bin/sh
printf '%s\\n' "${0##*/}" "$@" >> "$RECORD"
echo >> "$RECORD"
"""
"""Stands for a program: writes down its name and words, a line each, and an empty line."""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")


def commands(text: str, desk: Path) -> list[list[str]]:
    """Return the commands of a block as bash would call them, one after the other."""
    programs, record = desk.parent / "bin", desk.parent / "record"
    programs.mkdir()
    for name in ("cascade", "python"):
        (programs / name).write_text(RECORD)
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}{os.pathsep}{os.defpath}", "RECORD": str(record)}
    subprocess.run(["bash", "-euc", text], cwd=desk, env=environment, check=True)
    return [command.splitlines() for command in record.read_text().removesuffix("\n\n").split("\n\n")]


def looked_up(words: list[str]) -> list[list[str]]:
    """Return what refuses an option that a command does not have and, of a run, a mistake in its scenario."""
    if words[0] != "run":
        return [[*words, "--help"]]
    overrides = [["-s", word] for before, word in pairwise(words) if before in {"-s", "--set"}]
    return [[*words, "--help"], ["validate", words[1], *(word for pair in overrides for word in pair)]]


def shortened(words: list[str]) -> list[str]:
    """Return a command of Cascade that takes no longer than a test may."""
    if words[:2] == ["init", "my.yaml"]:  # a small one is there, for the commands that follow
        return ["init", "commented.yaml", *words[2:]]
    if words[0] == "contagion":
        return [*words, "--dry-run"]
    if words[0] in {"calibrate", "sweep", "threshold", "frontier"}:
        return [*words, "--dry-run", "--allow", "scenarios"]  # the desk's copies, beside their studies
    if words[0] in {"cost", "facts", "live", "score", "view"}:
        return [
            *words,
            "--help",
        ]  # a minute, a user's own bars, until Ctrl-C; an unknown option is refused
    if words[0] == "run":
        asked = {"-n", "--replicates"}
        once = [
            word if before not in asked else "1" for before, word in zip(["", *words], words, strict=False)
        ]
        return [*once, "-s", f"duration={enough(words):g}s"]
    return words


def enough(words: list[str]) -> float:
    """Return the seconds of a run until the last of its shocks is over, and a minute more."""
    overrides = [word for before, word in pairwise(words) if before in {"-s", "--set"}]
    scenario = load(words[1], overrides, allow=None)
    ends = (shock.at + (getattr(shock, "over", None) or 0.0) for shock in scenario.shocks)
    return min(scenario.duration, max(ends, default=0.0) + 60.0)


def invoked(words: list[str]) -> None:
    """Call a command of Cascade, which prints something and reports no error."""
    result = CliRunner().invoke(build(words[:1]), words)
    assert result.exit_code == 0, (words, result.output)
    assert result.stdout


@pytest.mark.sampled(2)
@pytest.mark.parametrize("block", LONG)
def test_commands_of_a_long_block_are_there(block: Block, desk: Path) -> None:
    called = commands(block.text, desk)
    assert called
    for program, *words in called:
        assert program == "cascade"
        for each in looked_up(words):
            invoked(each)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("block", USUAL)
def test_block(block: Block, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.launch", lambda _: 0)  # shows no page
    called = commands(block.text, desk)
    assert called
    for program, *words in called:
        if program == "python":
            assert words[0] == "-m"
            assert importlib.util.find_spec(words[1]), words
            continue
        invoked(shortened(words))


def test_the_readme_shows_every_kind_of_use_and_nothing_else_installs() -> None:
    shown = {line.split()[1] for block in BLOCKS if block.kind == "sh" for line in block.text.splitlines()
             if line.strip().startswith("cascade ")}  # fmt: skip
    assert shown <= set(COMMANDS)
    assert {"init", "validate", "explain", "run", "report", "sweep", "replay", "compare", "docs"} <= shown
    assert [block.page for block in BLOCKS if INSTALLS in block.text] == ["README"]
