"""The page in a real browser: scrub, pick, what-if, live; no request elsewhere, and nothing on the console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cascade.output.reader import Result
from cascade.view.running import Running
from cascade.view.server import Server
from cascade.view.session import Session
from tests.report.test_browser import CONTRAST, DESKTOP, PHONE, browser, picture, pytestmark
from tests.view.conftest import MARKET, falling

__all__ = ["browser", "pytestmark"]


@pytest.fixture
def visit(browser: Any, serving: Callable[[Session], Server]) -> Iterator[Callable[..., Any]]:
    """Return what opens the page of a session; what it says, or asks of anybody else, fails the test."""
    contexts: list[Any] = []
    said: list[str] = []

    def visit(session: Session, viewport: dict[str, int] = DESKTOP, **options: Any) -> Any:
        server = serving(session)
        context = browser.new_context(viewport=viewport, **options)
        context.set_default_timeout(120_000)  # a browser on a busy machine is slow to load
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((server.address, "data:", "blob:"))
                else said.append(f"request: {request.url}")
            ),
        )
        page.goto(server.address)
        page.wait_for_selector("html[data-drawn=yes]")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not said


@pytest.fixture
def session(stored: Result) -> Session:
    assert stored.path is not None
    return Session.of_results(stored.path)


def until(page: Any, expression: str) -> None:
    """Wait until something is true; the page's policy lets nobody evaluate text inside of it."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def card(page: Any, name: str) -> str:
    return page.locator("#cards div", has_text=name).locator("dd").inner_text()


def written(value: float) -> str:
    """Return a price as the page writes it."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def test_scrubbing_shows_the_moment(visit: Callable[..., Any], session: Session) -> None:
    page = visit(session)
    sent = session.course("falling", 0, MARKET)["series"]
    last = len(sent["t_s"]) - 1
    assert card(page, "Mark price") == f"{written(sent['mark_price'][last])} USD"
    page.focus("#time")
    page.keyboard.press("Home")
    assert card(page, "Mark price") == f"{written(sent['mark_price'][0])} USD"
    until(page, "document.querySelector('#tape-said').textContent === 'None in this market by this time.'")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert card(page, "Mark price") == f"{written(sent['mark_price'][6])} USD"
    assert page.get_attribute("#time", "aria-valuetext") == "00:00:34 since the start"
    now = sent["t_s"][6]
    n = session.tape("falling", 0, MARKET, now, 0)["n"]
    assert n > 0
    until(page, f"document.querySelector('#tape-said').textContent.startsWith('{n:,} in this')")
    assert page.evaluate("document.querySelector('#plot').layout.shapes[0].x0") == now
    assert page.locator("#plot .scatterlayer .trace").count() >= 7


@pytest.mark.slow
def test_the_tape_is_paged(visit: Callable[..., Any], session: Session) -> None:
    page = visit(session)
    page.wait_for_selector("#tape tbody tr")
    page.click("#earlier")
    until(page, "document.querySelector('#tape-said').textContent.includes('Shown: 51 to')")
    page.click("#later")
    until(page, "document.querySelector('#tape-said').textContent.includes('Shown: 1 to')")
    assert page.is_disabled("#later")


@pytest.mark.slow
def test_a_replicate_is_picked(visit: Callable[..., Any], session: Session) -> None:
    page = visit(session)
    sent = [session.course("falling", k, MARKET)["series"]["mark_price"][-1] for k in (0, 1)]
    assert sent[0] != sent[1]
    page.select_option("#replicate", "1")
    until(page, f"document.querySelector('#cards dd').textContent === '{written(sent[1])} USD'")
    page.select_option("#market", "spot:BTCUSD")
    until(page, "document.querySelectorAll('#cards div').length === 2")
    assert page.locator("#cards dt").all_inner_texts() == ["Mark price", "Bids within 50 bps"], (
        "nothing is 0 USD"
    )
    until(page, "document.querySelector('#plot').layout.annotations.length === 2")
    assert "insurance fund" not in page.inner_text("#legend")
    assert page.is_hidden("#tape")


@pytest.mark.slow
def test_a_what_if_shows_the_difference(visit: Callable[..., Any], session: Session) -> None:
    page = visit(session)
    page.fill("#path", "shocks.0.move")
    page.fill("#value", "-1 %")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#asked').textContent.includes('reached its end')")
    until(page, "document.querySelector('#plot').data.some(t => t.name === 'mark, changed')")
    last = "document.querySelector('#difference tbody tr td:last-child')"
    # There is no row before the first answer, and no price before the changed run has come so far.
    until(page, f"!['0 USD', 'none'].includes({last}?.textContent ?? 'none')")
    (price, *_) = session.difference(MARKET, 120.0)
    cells = page.locator("#difference tbody tr").first.locator("td").all_inner_texts()
    assert cells[:2] == [f"{written(price[name])} USD" for name in ("base", "changed")]
    assert cells[2] == f"+{written(price['difference'])} USD"
    picture(page, "view-what-if")


@pytest.mark.slow
def test_a_what_if_that_is_wrong_is_told(visit: Callable[..., Any], session: Session) -> None:
    page = visit(session)
    page.fill("#path", "shocks.0.mvoe")
    page.fill("#value", "-1 %")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#refused').textContent.includes('mvoe')")
    assert "warning" not in page.inner_text("#refused")
    page.focus("#time")
    page.keyboard.press("Home")
    page.wait_for_timeout(300)
    assert "mvoe" in page.inner_text("#refused"), "it is told until the next is asked"
    assert session.what_if is None
    page.fill("#path", "shocks.0.move")
    page.click("#what-if button")
    until(page, "document.querySelector('#refused').textContent === ''")


@pytest.mark.slow
def test_a_run_is_watched(visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Semaphore(1)  # the run goes on when it is let

    def held(self: Running, steps: int) -> None:
        self.step += steps
        gate.acquire(timeout=60)

    monkeypatch.setattr(Running, "_advanced", held)
    scenario = falling(duration="1h", outputs={"bars": "5s", "check_every": "5m"})
    page = visit(Session.of_scenario(scenario, 0))
    seen = [int(page.get_attribute("html", "data-bars"))]
    for _ in range(2):
        gate.release()
        until(page, f"+document.documentElement.dataset.bars > {seen[-1]}")
        seen.append(int(page.get_attribute("html", "data-bars")))
    assert seen[-1] < 720, "and it is not at its end"
    gate.release(1000)
    assert "The run" in page.inner_text("#stage")
    follows = int(page.input_value("#time"))
    page.focus("#time")
    page.keyboard.press("Home")
    assert int(page.input_value("#time")) == 0 < follows
    page.wait_for_timeout(600)
    assert int(page.input_value("#time")) == 0, "who looks back is left there"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_cut_and_text_stands_out(
    visit: Callable[..., Any], session: Session, viewport: dict[str, int], scheme: str
) -> None:
    page = visit(session, viewport, color_scheme=scheme)
    page.wait_for_selector("#tape tbody tr")
    picture(page, f"view-{viewport['width']}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    outside = page.evaluate(
        """() => [...document.querySelectorAll("main *:not(svg *)")].filter(e => !e.closest(".scroll, svg, .hidden")
           && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"""
    )
    assert outside == []
    cut = (
        """[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1).length"""
    )
    assert page.evaluate(cut) == 0
    lifted = (
        """(drawn) => [...document.querySelectorAll(drawn)].map((each) => getComputedStyle(each).filter)"""
    )
    keys, series = (
        page.evaluate(lifted, drawn) for drawn in ("#legend .key", "#plot .overplot .scatterlayer")
    )
    assert len(keys) > 5
    assert set(keys) == set(series), "a series has the colour of its key, in the dark, too"
    assert page.evaluate(CONTRAST) == []
