"""Where a result comes from: versions, platform, command, and the digest that names its folder."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("numpy", "numba", "llvmlite", "scipy", "mesa", "networkx", "pyarrow", "pydantic")
"""Packages named in a manifest."""

_NUMERIC: Final = ("numpy", "numba", "llvmlite", "scipy")
"""Packages whose version may change the last bit of a result."""


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def request_digest(resolved: str, **request: Any) -> str:
    """Return the 8 digits that name a request, so that the same request finds its result.

    Parameters
    ----------
    resolved
        The resolved scenario, in a canonical form.
    request
        What else decides the tables: seed, replicates, outputs, the version of the results.
    """
    return sha256(json.dumps([resolved, request], sort_keys=True, default=str))[:8]


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Cascade's packages that are installed."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def platform_facts() -> dict[str, str]:
    """Return what decides whether two machines give identical numbers, and its fingerprint.

    Tables are identical bit for bit where fingerprints are equal.
    """
    facts = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": platform.system(),
        "machine": platform.machine(),
    }
    numeric = {name: version for name, version in versions().items() if name in _NUMERIC}
    decisive = [facts["system"], facts["machine"], facts["implementation"], sorted(numeric.items())]
    return facts | {"fingerprint": sha256(json.dumps(decisive))[:12]}


def git_facts() -> dict[str, Any] | None:
    """Return commit and dirtiness of the checkout Cascade runs from; None for an installed copy."""
    directory = Path(__file__).resolve().parent
    commit = _git(directory, "rev-parse", "HEAD")
    if (
        commit is None
        or _git(directory, "ls-files", "--error-unmatch", str(Path(__file__).resolve())) is None
    ):
        return None
    return {"commit": commit, "dirty": bool(_git(directory, "status", "--porcelain", "--", "."))}


def _git(directory: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where it is missing or unwilling."""
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def command_line() -> list[str]:
    """Return the command that is running, without the directory of its executable."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else []


def peak_memory_bytes() -> int | None:
    """Return the most memory the process has held, or None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def software(version: str) -> Mapping[str, Any]:
    """Return Cascade's version, its checkout, its packages and the platform, for a manifest."""
    return {
        "cascade": {"version": version, "git": git_facts()},
        "packages": versions(),
        "platform": platform_facts(),
    }
