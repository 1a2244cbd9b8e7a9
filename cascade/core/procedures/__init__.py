"""What venues do with an account that fails its margin test: a module for each name of a procedure.

Each has `liquidate`, which takes an account and its standing and says what it leaves.
"""

from __future__ import annotations

from importlib import import_module

from cascade.compiler.choice import choice
from cascade.names import Procedure, names_of

proceed = choice(
    names_of(Procedure),
    {name: import_module(f"{__name__}.{name}").liquidate for name in names_of(Procedure)},
)
"""Take an account through the procedure of a number."""
