"""Makers: a module for each name of a kind, with `requote`, which renews the quotes of one of them."""

from __future__ import annotations

from importlib import import_module

from cascade.compiler.choice import choice
from cascade.compiler.jit import outlined
from cascade.core.agents.makers.quoting import is_looking
from cascade.core.inbox import has_room
from cascade.core.params import Params
from cascade.core.state import State
from cascade.names import Maker, names_of

_requote = choice(
    names_of(Maker), {name: import_module(f"{__name__}.{name}").requote for name in names_of(Maker)}
)


@outlined
def requote(st: State, p: Params, k: int) -> bool:
    """Let maker k renew its quotes if it looks at them now; False where the inbox is full."""
    if not is_looking(st, p, k):
        return True
    if not has_room(st, 2 * p.makers[k].n_levels):
        return False
    _requote(p.makers[k].kind, st, p, k)
    return True
