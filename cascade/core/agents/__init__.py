"""Who trades besides the leveraged accounts; all of them write intents, none calls the book.

A module for each name of a kind of agents has `act`, which lets one of them send orders: False where
the inbox is full. Makers, the fund and scheduled shocks have rooms of their own beside them.
"""

from __future__ import annotations

from importlib import import_module

from cascade.compiler.choice import choice
from cascade.names import Agent, names_of

act = choice(names_of(Agent), {name: import_module(f"{__name__}.{name}").act for name in names_of(Agent)})
"""Let an agent of the kind of a number send orders; False where the inbox is full."""
