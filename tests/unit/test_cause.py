"""Each liquidation's cause follows from what the counterfactual does with the same life of the account."""

import pytest

from cascade.analysis.cause import CauseLabeller


@pytest.mark.parametrize(
    ("twin_step", "cause"),
    [(99, "exogenous"), (100, "exogenous"), (101, "brought_forward"), (None, "endogenous")],
)
def test_cause(liquidation_log, twin_step, cause):
    twin = liquidation_log(*([] if twin_step is None else [{"account": 5, "life": 2, "step": twin_step}]))
    label = CauseLabeller(twin).label(liquidation_log({"account": 5, "life": 2, "step": 100}))
    assert label.to_pylist() == [cause]


def test_another_life_is_another_liquidation(liquidation_log):
    labeller = CauseLabeller(liquidation_log({"account": 5, "life": 1, "step": 1}))
    assert labeller.label(liquidation_log({"account": 5, "life": 2, "step": 100})).to_pylist() == [
        "endogenous"
    ]


def test_all_orders_of_a_liquidation_share_its_cause_across_parts_of_the_log(liquidation_log):
    labeller = CauseLabeller(liquidation_log({"account": 5, "step": 110}))
    assert labeller.label(liquidation_log({"account": 5, "step": 100})).to_pylist() == ["brought_forward"]
    assert labeller.label(liquidation_log({"account": 5, "step": 120, "part": 1})).to_pylist() == [
        "brought_forward"
    ]


def test_first_order_of_the_twin_counts(liquidation_log):
    twin = liquidation_log({"account": 5, "step": 90}, {"account": 5, "step": 200, "part": 1})
    assert CauseLabeller(twin).label(liquidation_log({"account": 5, "step": 100})).to_pylist() == [
        "exogenous"
    ]
