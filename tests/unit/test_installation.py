"""Cascade is installed again from where it came from, and no message or page names another project."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import stat
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cascade import installation
from cascade.installation import DISTRIBUTION, cache_folder, install_command, keep

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIP = f"{shlex.quote(sys.executable)} -m pip install "


def name_of(requirement: str) -> str:
    """Return what a requirement asks for, in the spelling of an index."""
    return re.split(r"[\[<>=!~; @]", requirement)[0].lower().replace("_", "-")


# --- what it keeps ----------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave nothing but temporary files to keep things in; return the folder that is made there."""
    monkeypatch.setenv("CASCADE_CACHE_DIR", "/dev/null/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/b")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"cascade-{os.getuid()}"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="has no users of this kind")
def test_what_is_kept_among_everybodys_files_is_the_users_alone(temporary: Path) -> None:
    assert cache_folder("x") == temporary / "x"
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o700


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="has no users of this kind")
@pytest.mark.parametrize("case", ["writable", "link", "file", "another's"])
def test_a_folder_that_others_may_have_filled_is_not_used(
    case: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels and rulebooks that are kept are loaded as they are, and so would be whatever code they hold."""
    if case == "link":
        (temporary.parent / "elsewhere").mkdir()
        temporary.symlink_to(temporary.parent / "elsewhere")
    elif case == "file":
        temporary.write_text("")
    else:
        temporary.mkdir()
        temporary.chmod(0o777 if case == "writable" else 0o700)
    if case == "another's":
        mine, lstat = os.getuid(), Path.lstat
        monkeypatch.setattr(
            Path, "lstat", lambda path: os.stat_result([*lstat(path)[:4], mine + 1, *lstat(path)[5:]])
        )
    assert cache_folder("x") is None


# --- where it came from -----------------------------------------------------------------------------


def test_a_folder_that_is_named_is_used_where_there_are_no_temporary_files_and_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: Any) -> Any:
        raise FileNotFoundError

    def homeless(*_: Any) -> Any:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("CASCADE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert cache_folder("x") == tmp_path / "x"
    monkeypatch.delenv("CASCADE_CACHE_DIR")
    assert cache_folder("x") is None


def test_what_has_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        keep(tmp_path / "x", b"y")
    assert not list(tmp_path.iterdir())


def test_it_is_called_what_the_project_is_called() -> None:
    assert PROJECT["name"] == DISTRIBUTION


def test_a_checkout_is_installed_from_its_folder() -> None:
    assert install_command("paper") == PIP + "-e " + shlex.quote(f"{ROOT}[paper]")
    assert install_command() == PIP + "-e " + shlex.quote(str(ROOT))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the package lie among the installed packages of a folder, which knows nothing of it yet."""
    monkeypatch.setattr(installation, "_PACKAGE", tmp_path / "cascade")
    library = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *library, f"{library[1]}/lib-dynload"])
    return tmp_path


def install(folder: Path, origin: dict[str, Any] | None) -> None:
    """Leave in a folder what an installer leaves."""
    facts = folder / "cascade_liquidations-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {DISTRIBUTION}\nVersion: 0.1.0\n")
    if origin is not None:
        (facts / "direct_url.json").write_text(json.dumps(origin))


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (None, f"'{DISTRIBUTION}[paper]'"),
        ({"url": "file:///home/a%20b/cascade", "dir_info": {}}, "'/home/a b/cascade[paper]'"),
        (
            {"url": "file:///tmp/c-0.1.0-py3-none-any.whl", "archive_info": {}},
            f"'{DISTRIBUTION}[paper] @ file:///tmp/c-0.1.0-py3-none-any.whl'",
        ),
        (
            {"url": "https://git.example/c", "vcs_info": {"vcs": "git", "commit_id": "4f2a"}, "subdirectory": "py"},
            f"'{DISTRIBUTION}[paper] @ git+https://git.example/c@4f2a#subdirectory=py'",
        ),
    ],
)  # fmt: skip
def test_an_installed_copy_is_installed_from_where_it_came(
    elsewhere: Path, origin: dict[str, Any] | None, requirement: str
) -> None:
    install(elsewhere, origin)
    assert install_command("paper") == PIP + requirement


def test_a_copy_that_nobody_installed_is_not_looked_for_on_an_index(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "install Cascade[paper] again from where this copy was taken"
    assert install_command("paper") == expected
    install(elsewhere, None)
    monkeypatch.setattr(installation, "_PACKAGE", elsewhere / "vendored" / "cascade")
    assert install_command("paper") == expected, "another copy is installed than the one that runs"


def test_the_doctor_gives_the_same_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from cascade import diagnosis

    monkeypatch.setattr(diagnosis, "PACKAGES", ("numpy", "no-such-package"))
    (missing,) = [symptom for symptom in diagnosis.examine() if symptom.what == "no-such-package"]
    assert (missing.is_well, missing.remedy) == (False, install_command())


def test_who_lacks_the_packages_of_a_cluster_installs_them_with_this_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cascade.errors import UsageError
    from cascade.experiment.workers import Cluster

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as caught:
        Cluster("tcp://127.0.0.1:1")
    assert caught.value.remedy.startswith(install_command("cluster"))


# --- what messages and pages say --------------------------------------------------------------------

TEXTS = sorted(
    path
    for pattern in ("cascade/**/*", "scenarios/**/*", "tests/**/*.py", "README.md", ".ci/run")
    for path in ROOT.glob(pattern)
    if path.suffix in {".py", ".md", ".yaml", ".yml", ".html", ".json", ""} and path.is_file()
)
OWN = {name_of(each) for extra in PROJECT["optional-dependencies"].values() for each in extra}
COMMAND = re.compile(r"\b(?:pipx?|uv)\"? (?:install|add|tool install|run|download|wheel) ([^\n`]*)")


def asked_for(text: str) -> Iterator[str]:
    """Yield what the install commands of a text ask an installer for, options left out."""
    for command in COMMAND.findall(text):
        words = re.split(r"&&|[;,|)]|\s(?:or|and|everywhere)\s", command)[0].split()
        yield from (word.strip("'\"") for word in words if not word.startswith("-"))


def is_safe(requirement: str) -> bool:
    """Tell whether it can only be this project, or one of the libraries that it declares."""
    return requirement.startswith(".") or name_of(requirement) in OWN


def test_the_search_finds_what_it_must_not() -> None:
    for wrong in ("cascade", "'cascade[paper]'", "cascade==0.1", DISTRIBUTION):
        (found,) = asked_for(f"remedy: pip install -q {wrong}, or leave it")
        assert not is_safe(found), wrong


def test_every_install_command_is_of_this_project_or_of_a_library_it_declares() -> None:
    here = Path(__file__)
    found = {
        (str(path.relative_to(ROOT)), word)
        for path in TEXTS
        if path != here
        for word in asked_for(path.read_text(encoding="utf-8"))
    }
    assert {("README.md", "."), ("README.md", ".[test]"), ("cascade/docs/sweep.md", ".[cluster]")} <= found
    assert {place for place in found if not is_safe(place[1])} == set()
