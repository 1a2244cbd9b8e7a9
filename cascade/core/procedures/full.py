"""Close every position at once."""

from __future__ import annotations

from cascade.compiler.jit import kernel
from cascade.core.margin import Standing
from cascade.core.params import Params
from cascade.core.procedures.lower_tier import reduce
from cascade.core.state import State


@kernel
def liquidate(st: State, p: Params, account: int, standing: Standing) -> int:
    """Send each position whole until the account is safe or the book is dry."""
    return reduce(st, p, account, standing, 0)
