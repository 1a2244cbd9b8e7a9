"""Compiling ahead: the step, which takes longest of all, by a process of its own while this one compiles the others."""

from __future__ import annotations

import atexit
import subprocess
import sys

from cascade.compiler.cache import cache_directory, is_compiled
from cascade.compiler.jit import JIT_ENABLED
from cascade.installation import cores


def compile_ahead() -> None:
    """Have the step compiled by another process, if it has not been and a core is free for that.

    Who needs the step then waits until it is there, and compiles it himself if that process failed. It does not
    outlive this one.
    """
    if not JIT_ENABLED or cores() < 2 or cache_directory() is None or is_compiled():
        return
    nothing = subprocess.DEVNULL
    helper = subprocess.Popen([sys.executable, "-m", __name__], stdin=nothing, stdout=nothing, stderr=nothing)
    atexit.register(_end, helper)


def _end(helper: subprocess.Popen[bytes]) -> None:
    helper.terminate()
    helper.wait()


def _compile_step() -> None:
    from cascade.core.step import advance

    advance.compile_now()  # type: ignore[attr-defined]


if __name__ == "__main__":
    _compile_step()
