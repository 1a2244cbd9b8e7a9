"""The pages on venues say what the rulebooks say."""

from __future__ import annotations

from cascade.manual import page
from cascade.venues.load import load_rulebook, shipped_rulebooks
from tests.pages import FOLDER, venues


def test_every_page_has_a_family_of_rulebooks() -> None:
    assert {f"venues/{path.stem}" for path in (FOLDER / "venues").glob("*.md")} == set(venues.pages())


def test_the_manual_shows_every_rulebook_with_all_its_unconfirmed_entries() -> None:
    for name in shipped_rulebooks():
        text = page(f"venues/{name.partition('-')[0]}")
        assert f"`{name}`" in text
        doubtful = text[text.index("## Not confirmed") : text.index("## Sources")]
        for pattern, source in load_rulebook(name).sources.items():
            if source.status == "unconfirmed" and f"`{pattern}`" in text:
                assert f"`{pattern}`" in doubtful


def test_a_figure_shows_how_it_is_known() -> None:
    text = page("venues/binance")
    assert "| `mark.basis_window_s` | 150 [?] | 150 [?] | 150 [?] | 60 [S] | 30 [S] | 30 [S] |" in text
    assert "| 300k [S] | 150x [S] | 0.4 % [S] |" in text
    assert "Tiers of `binance-2025-10`, `binance-2026-03`:" in text
