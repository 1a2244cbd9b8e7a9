"""A family of rules as one kernel, which calls the rule of a number."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from cascade.compiler.jit import kernel

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def choice(
    names: Sequence[str], room: Mapping[str, Any], pattern: str = "{}", decorator: Decorator = kernel
) -> Callable[..., Any]:
    """Return a kernel that takes the number of a rule, then what the kernels of all these rules take.

    Compiled code calls no function that it is handed, so the calls are written out, one for each name.

    Parameters
    ----------
    names
        Names of the rules, in the order of their numbers.
    room
        Where the kernels are: the `globals()` of a module, or kernels by name.
    pattern
        What a kernel is called there, the name standing for the braces.
    decorator
        `kernel` or `outlined`.

    Raises
    ------
    LookupError
        If a name has no kernel.
    """
    called = [pattern.format(name) for name in names]
    missing = [name for name in called if name not in room]
    if missing:
        message = f"no kernel is called {' or '.join(missing)}"
        raise LookupError(message)
    takes = ", ".join(inspect.signature(room[called[0]]).parameters)
    first = [f"    if number == {k}:\n        return {name}({takes})" for k, name in enumerate(called[:-1])]
    text = "\n".join([f"def choose(number, {takes}):", *first, f"    return {called[-1]}({takes})"])
    space = {name: room[name] for name in called} | {"__name__": room.get("__name__", __name__)}
    exec(text, space)
    return decorator(space["choose"])
