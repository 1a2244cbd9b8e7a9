"""The hooks that run before a commit are the linter that CI runs, at the same version."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
HOOKS = YAML(typ="safe", pure=True).load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))[
    "repos"
]


@pytest.mark.parametrize(
    "hook", [hook for source in HOOKS for hook in source["hooks"]], ids=lambda hook: hook["id"]
)
def test_a_hook_is_a_check_of_ci_at_the_version_that_is_pinned(hook: dict[str, object]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(hook["additional_dependencies"], list)
    assert set(hook["additional_dependencies"]) <= set(project["optional-dependencies"]["lint"])
    command = str(hook["entry"]).removesuffix(" --force-exclude")
    assert f'"$bin/{command.split()[0]}" {command.split()[1]}' in (ROOT / ".ci/run").read_text(
        encoding="utf-8"
    )
