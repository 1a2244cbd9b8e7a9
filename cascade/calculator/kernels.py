"""The kernels of a market that the calculator calls, each as Python calls it."""

from __future__ import annotations

from cascade.compiler.jit import entry
from cascade.core import margin, rules

excess_at = entry(margin.excess_at)
failing_tick = entry(margin.failing_tick)
failing_step_tick = entry(margin.failing_step_tick)
bankruptcy_tick = entry(margin.bankruptcy_tick)
maintenance = entry(margin.maintenance)
initial_margin = entry(margin.initial_margin)
tier_of = entry(margin.tier_of)

carried_index = entry(rules.carried_index)
premium_index = entry(rules.premium_index)
funding_rate = entry(rules.funding_rate)
funding_payment = entry(rules.funding_payment)
beyond_cap = entry(rules.beyond_cap)
bankruptcy_quote = entry(rules.bankruptcy_quote)
fillable_value = entry(rules.fillable_value)
fund_change = entry(rules.fund_change)
fund_floor = entry(rules.fund_floor)
is_fund_drawn = entry(rules.is_fund_drawn)
pnl_margin_score = entry(rules.pnl_margin_score)
deleveraged = entry(rules.deleveraged)
overlaps = entry(rules.overlaps)
quotient = entry(rules.quotient)
repayable_debt = entry(rules.repayable_debt)
seized_collateral = entry(rules.seized_collateral)
covered_debt = entry(rules.covered_debt)
