"""A reader's first minutes: the source archive, the lines of the README in it, a run from the wheel.

The lines run as printed but for three things: `python3` is the Python that runs the tests, the index is
replaced by the libraries that are installed here, and what takes minutes is cut short.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.environment import link_libraries

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN_LINE, TEST_LINE = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
SHORT = ["-s", "duration=6m", "--replicates", "1"]  # the sale of `thin-book` begins after 5m

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the lines of the README are for a POSIX shell"),
]


def call(*words: str, cwd: Path) -> str:
    """Run a command as a newcomer would, with nothing of ours in the environment; return what it prints."""
    environment = {"PATH": os.defpath, "HOME": str(cwd), "LANG": "C.UTF-8"}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def build(target: str, source: Path, out: Path) -> Path:
    """Build a source archive or a wheel, and return it."""
    call(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out), cwd=source)
    (built,) = out.iterdir()
    return built


def prepare(line: str, folder: Path, extra: str = "") -> tuple[list[str], list[str]]:
    """Do the first step of a line, which makes the environment; return the words of the others."""
    steps = [shlex.split(step) for step in line.split(" && ")]
    (python, *words), install, use = steps
    assert python == "python3"
    call(sys.executable, *words, cwd=folder)
    (site,) = folder.glob(".venv/lib/python*/site-packages")
    link_libraries([*PROJECT["dependencies"], *PROJECT["optional-dependencies"].get(extra, ())], site)
    return install, use


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked source archive."""
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(build("sdist", ROOT, folder / "sdist")) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob(f"{PROJECT['name'].replace('-', '_')}-*"))


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of the source archive."""
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_code_pages_rulebooks_and_scenarios_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for pattern in ("**/*.py", "docs/**/*.md", "venues/*.yaml", "report/assets/**/*.js", "py.typed"):
        expected = {
            f"cascade/{path.relative_to(ROOT / 'cascade')}" for path in (ROOT / "cascade").glob(pattern)
        }
        assert expected
        assert expected <= names
    scenarios = ROOT / "scenarios"
    assert {f"cascade/gallery/{path.relative_to(scenarios)}" for path in scenarios.rglob("*.yaml")} <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_first_line_of_the_readme_and_a_run_from_the_wheel(
    source: Path, wheel: Path, tmp_path: Path
) -> None:
    install, run = prepare(RUN_LINE, source)
    call(*(str(wheel) if word == "." else word for word in install), "--no-index", cwd=source)
    assert "The run reached its end." in call(*run, *SHORT, cwd=source)

    cascade = str(source / ".venv" / "bin" / "cascade")
    where = call(
        cascade.removesuffix("cascade") + "python",
        "-c",
        "import cascade; print(cascade.__file__)",
        cwd=tmp_path,
    )
    assert "site-packages" in where, "it is not the wheel that runs"
    listed = call(cascade, "init", "--list", cwd=tmp_path)
    assert all(path.stem in listed for path in (ROOT / "scenarios").glob("*.yaml"))
    call(cascade, "init", "--from", "thin-book", cwd=tmp_path)
    call(cascade, "run", "thin-book.yaml", *SHORT, cwd=tmp_path)
    (result,) = tmp_path.glob("results/thin-book-*")
    assert (result / "manifest.json").is_file()


def test_the_second_line_of_the_readme_finds_the_tests(source: Path) -> None:
    install, test = prepare(TEST_LINE, source, "test")
    call(*install, "--no-index", "--no-build-isolation", cwd=source)
    assert test == [".venv/bin/pytest"]  # whose script is not among the libraries that are linked
    shown = call(".venv/bin/python", "-m", "pytest", "--collect-only", "-q", cwd=source)
    assert re.search(r"\d+/?\d* tests collected", shown)
