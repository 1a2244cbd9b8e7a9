"""The page of a matrix of contagion; in a browser it is drawn by `test_browser`."""

from __future__ import annotations

import pytest

from cascade.report.page import Options, contagion_page
from tests.report.conftest import MADE
from tests.support.contagion import PLACES, known_contagion


def test_the_page_says_the_answer_and_holds_every_entry() -> None:
    text = contagion_page(known_contagion(), Options(made=MADE))
    assert "A dollar sold by force in BTC brings 0." in text
    assert "the market is subcritical" in text
    assert all(f"{a}, {b}" in text for a in PLACES for b in PLACES)


def test_without_a_script_the_cells_are_drawn_too() -> None:
    pytest.importorskip("matplotlib")
    text = contagion_page(known_contagion(), Options(static=True, made=MADE))
    assert "<script" not in text
    assert text.count("<svg") >= 2
