"""Kernels of a market that tests ask one by one, each as Python calls it."""

from __future__ import annotations

from cascade import rng
from cascade.compiler.jit import entry
from cascade.core import bitmap, collateral, exact, margin

uniform = entry(rng.uniform)

set_bit = entry(bitmap.set_bit)
clear_bit = entry(bitmap.clear_bit)
has_bit = entry(bitmap.has_bit)
first_from = entry(bitmap.first_from)
last_until = entry(bitmap.last_until)

times_rate = entry(exact.times_rate)
charge = entry(exact.charge)
proportion = entry(exact.proportion)

maintenance = entry(margin.maintenance)
tier_of = entry(margin.tier_of)
excess_at = entry(margin.excess_at)
excess_of = entry(margin.excess_of)
liquidation_tick = entry(margin.liquidation_tick)
bankruptcy_tick = entry(margin.bankruptcy_tick)
counted_value = entry(collateral.counted_value)
