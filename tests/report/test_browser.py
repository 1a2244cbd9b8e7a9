"""The page in a real browser: no error, no request, reachable by keyboard, readable at any width and in the dark."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from cascade.output.reader import Result
from cascade.report import page as pages_of
from cascade.report.site import write_site
from tests.report.reading import Page
from tests.report.test_page import OF_RUNS

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (on Debian: apt install chromium)"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None,
        reason="playwright is not installed: pip install playwright",
    ),
]

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        found = p.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield found
        found.close()


Said: TypeAlias = list[str]
"""What pages said, or asked the network for: nothing, after each test."""


def opening(browser: Any, page_file: dict[str, Path], said: Said) -> Callable[..., Any]:
    """Return what opens a page in a window of its own."""

    def visit(name: str = "script", viewport: dict[str, int] = DESKTOP, **options: Any) -> Any:
        page = browser.new_context(viewport=viewport, offline=True, **options).new_page()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: said.append(f"request: {request.url}") if is_fetched(request.url) else None,
        )
        page.goto(page_file[name].as_uri(), timeout=120_000)  # figures are drawn before it has loaded
        if not name.endswith("static"):
            page.wait_for_selector("html[data-drawn=yes]", timeout=120_000)
        return page

    def is_fetched(url: str) -> bool:
        return not url.startswith(("data:", "blob:", *(path.as_uri() for path in page_file.values())))

    return visit


@pytest.fixture
def visit(browser: Any, page_file: dict[str, Path]) -> Iterator[Callable[..., Any]]:
    """Return what opens a page for this test alone."""
    said: Said = []
    opened: list[Any] = []
    fresh = opening(browser, page_file, said)

    def visit(*words: Any, **options: Any) -> Any:
        opened.append(fresh(*words, **options))
        return opened[-1]

    yield visit
    for page in opened:
        page.context.close()
    assert not said


@pytest.fixture(scope="module")
def shared(browser: Any, page_file: dict[str, Path]) -> tuple[Callable[..., Any], Said]:
    """Return what opens a page once for all tests that leave it as they found it, and what is said of it."""
    said: Said = []
    fresh = opening(browser, page_file, said)

    @cache
    def look(name: str, width: int, scheme: str) -> Any:
        return fresh(name, PHONE if width == PHONE["width"] else DESKTOP, color_scheme=scheme)

    return look, said


@pytest.fixture
def look(shared: tuple[Callable[..., Any], Said]) -> Iterator[Callable[..., Any]]:
    """Return what shows a page that other tests look at, too: whoever changes it changes it back."""
    opened, said = shared

    def look(name: str = "script", viewport: dict[str, int] = DESKTOP, color_scheme: str = "light") -> Any:
        return opened(name, viewport["width"], color_scheme)

    yield look
    assert not said


def picture(page: Any, name: str) -> None:
    """Keep a picture of a page where CASCADE_PICTURES says, to be looked at."""
    if folder := os.environ.get("CASCADE_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_RUNS)
def test_every_figure_is_drawn(look: Any, name: str) -> None:
    page = look(name)
    picture(page, f"{name}-drawn")
    plots, drawn = page.locator(".plot"), page.locator(".plot.js-plotly-plot")
    assert plots.count() == drawn.count() > 10
    for k in range(drawn.count()):
        assert drawn.nth(k).locator(".main-svg").first.bounding_box()["height"] > 100
    marks = ".scatterlayer path, .barlayer path, .heatmaplayer image"
    assert all(drawn.nth(k).locator(marks).count() for k in range(drawn.count()))


@pytest.mark.slow
def test_every_figure_of_a_scorecard_is_drawn(look: Any) -> None:
    page = look("score")
    picture(page, "score")
    plots, drawn = page.locator(".plot"), page.locator(".plot.js-plotly-plot")
    assert plots.count() == drawn.count() == 3
    assert "figures lie in their 90 % intervals" in page.locator(".verdict").inner_text()
    assert page.locator("#t-registrations code").count() == 3


@pytest.mark.slow
def test_the_matrix_of_contagion_is_drawn_with_its_numbers(look: Any) -> None:
    page = look("contagion")
    picture(page, "contagion")
    plots = page.locator(".plot.js-plotly-plot")
    assert plots.count() == 2
    for k in range(2):
        assert plots.nth(k).locator(".heatmaplayer image").count() == 1
        assert plots.nth(k).locator(".heatmap-label").count() == 9


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OF_RUNS, "static", "score", "contagion"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_window(look: Any, name: str, viewport: dict[str, int]) -> None:
    page = look(name, viewport)
    picture(page, f"{name}-{viewport['width']}")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    outside = page.evaluate(
        """() => [...document.querySelectorAll("main *:not(svg *)")].filter(e => !e.closest(".scroll, svg, .hidden")
           && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"""
    )
    assert outside == []


CONTRAST = """() => {
  const canvas = document.createElement("canvas"); canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", {willReadFrequently: true});
  const light = (color) => {
    brush.clearRect(0, 0, 1, 1); brush.fillStyle = color; brush.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map(
      v => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("script, style, .hidden, .skip, noscript, .heatmap-label")) continue;  // these stand on their cells
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    const style = getComputedStyle(e), is_svg = e instanceof SVGElement;
    const pair = [light(is_svg ? style.fill : style.color), light(ground(is_svg ? e.closest("figure, .sparks") : e))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${e.tagName} ${e.textContent.slice(0, 30)}`);
  }
  return found;
}"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*OF_RUNS, "static", "score-static"])
def test_text_stands_out_from_its_ground(look: Any, name: str, scheme: str) -> None:
    page = look(name, color_scheme=scheme)
    picture(page, f"{name}-{scheme}")
    assert page.evaluate(CONTRAST) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["script", "static"])
def test_in_the_dark_a_series_has_the_colour_of_its_key(visit: Any, name: str) -> None:
    page = visit(name, color_scheme="light")
    page.check("#theme-dark")
    drawn = (
        ".overplot .scatterlayer, .overplot .barlayer"
        if name == "script"
        else '.plot [id*="-axes_"] > g[id*="line2d"]'
    )
    lifted = """([drawn]) => [".key", drawn].map((each) => [...document.querySelectorAll(each)]
        .map((found) => getComputedStyle(found).filter))"""
    keys, series = page.evaluate(lifted, [drawn])
    assert len(series) > 5
    assert set(keys) == set(series) == {"brightness(1.5)"}


LABELS = """() => [...document.querySelectorAll(".plot")].flatMap((plot) =>
    [...plot.querySelectorAll(".yaxislayer-above text, .ytick text")]
        .filter((text) => text.getBoundingClientRect().left < plot.getBoundingClientRect().left - 1)
        .map((text) => text.textContent))"""


@pytest.mark.slow
def test_no_name_beside_an_axis_is_cut_on_a_phone(
    look: Any, page_file: dict[str, Path], stress: Result, quiet: Result
) -> None:
    page_file["two"] = page_file["script"].with_name("two.html")
    study = pages_of.study_of([stress, quiet])
    page_file["two"].write_text(pages_of.page(study, pages_of.Options()), encoding="utf-8")
    for name in ("script", "two", "compared", "swept"):
        assert look(name, PHONE).evaluate(LABELS) == []


@pytest.mark.slow
def test_colours_can_be_chosen_without_a_script(visit: Any) -> None:
    page = visit("static", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.check("#theme-dark")
    assert page.evaluate(ground) != light
    assert page.evaluate(CONTRAST) == []
    page.check("#theme-light")
    assert page.evaluate(ground) == light


@pytest.mark.slow
def test_keyboard_reaches_everything(visit: Any) -> None:
    page = visit()
    reached: list[str] = []
    for _ in range(400):
        page.keyboard.press("Tab")
        now = page.evaluate("""() => { const e = document.activeElement;
            return e === document.body ? "" : e.id || e.getAttribute("download") || e.getAttribute("href")
            || e.dataset.series || e.getAttribute("aria-label") || e.textContent.slice(0, 20); }""")
        if not now:
            break
        reached.append(now)
    assert reached[:2] == ["#main", "theme-auto"], "first the way past everything, then the colours"
    links = page.evaluate(
        "[...document.querySelectorAll('nav a, a.csv')].map(e => e.download || e.getAttribute('href'))"
    )
    assert set(links) <= set(reached)
    series = page.evaluate("[...document.querySelectorAll('button[data-series]')].map(e => e.dataset.series)")
    assert set(series) <= set(reached)
    assert (
        page.evaluate(
            'document.querySelectorAll(\'[tabindex]:not([tabindex="0"]):not([tabindex="-1"])\').length'
        )
        == 0
    )


@pytest.mark.slow
def test_skip_link_leads_to_the_report(visit: Any) -> None:
    page = visit("score")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.slow
def test_a_key_of_the_legend_hides_its_series(look: Any) -> None:
    page = look()
    key = page.locator("#price button[data-series=index]").first
    lines = page.locator("#price .plot").first.locator(".scatterlayer .trace")
    before = lines.count()
    key.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"document.querySelector('#price .plot').querySelectorAll('.scatterlayer .trace').length < {before}"
    )
    assert key.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"document.querySelector('#price .plot').querySelectorAll('.scatterlayer .trace').length == {before}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["script", "static"])
def test_print(visit: Any, name: str) -> None:
    page = visit(name)
    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.evaluate(CONTRAST) == []


@pytest.mark.slow
def test_on_paper_a_figure_is_scaled_to_the_sheet(visit: Any) -> None:
    """Printing waits for no drawing: what was drawn for a window is shown whole on a narrower sheet."""
    page = visit()
    page.emulate_media(media="print")
    page.evaluate("document.body.style.width = '600px'")
    drawn = page.evaluate(
        """() => [...document.querySelectorAll(".plot")].map((plot) => {
          const box = plot.getBoundingClientRect(), { width, height } = plot._fullLayout;
          const ink = [...plot.querySelectorAll(".main-svg")].map((each) => each.getBoundingClientRect());
          const over = ink.map((each) => Math.max(each.right - box.right, each.bottom - box.bottom));
          return {width: box.width, over: Math.max(...over), shape: ink[0].width / ink[0].height, meant: width / height};
        })"""
    )
    assert len(drawn) > 10
    for each in drawn:
        assert each["width"] < 600
        assert each["over"] < 1.5
        assert each["shape"] == pytest.approx(each["meant"], rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_RUNS)
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_table_is_cut(look: Any, viewport: dict[str, int], name: str) -> None:
    """Whatever the reader opens, a table folds its rows and is never to be scrolled sideways."""
    page = look(name, viewport)
    cut = page.evaluate(
        """() => {
          const closed = [...document.querySelectorAll("details:not([open])")];
          closed.forEach(each => { each.open = true; });
          const found = [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1)
            .map(e => e.getAttribute("aria-label"));
          closed.forEach(each => { each.open = false; });
          return found;
        }"""
    )
    assert page.locator(".scroll").count() > 20
    assert cut == []


def test_first_screen_holds_the_answer_and_the_cards(look: Any) -> None:
    page = look()
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    for part in (".verdict", ".card:last-child", "header figure figcaption"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= DESKTOP["height"], part


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_RUNS)
def test_no_figure_is_blank_in_a_pdf_however_early(
    pages: dict[str, str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Printed by the command line, which waits for nothing: each figure has ink below its legend."""
    pdfium = pytest.importorskip("pypdfium2")
    from cascade.report.pdf import write_pdf

    monkeypatch.chdir(tmp_path)
    printed = write_pdf(pages[name], "page.pdf")
    assert printed == Path("page.pdf"), "the file as it was named"
    document = pdfium.PdfDocument(printed)
    drawn = sum(_figures_with_ink(document[k]) for k in range(len(document)))
    assert drawn == len(Page.of(pages[name]).figures) > 10


def _figures_with_ink(page: Any) -> int:
    """Count the captions `n: ...` above which something is drawn that is no text: lines, bars or cells."""
    import numpy as np

    text, height = page.get_textpage(), page.get_height()
    said = text.get_text_range()
    captions = [text.get_charbox(found.start()) for found in re.finditer(r"(?m)^n: ", said)]
    pixels = np.asarray(page.render(scale=1.0).to_pil().convert("HSV"), dtype=int)
    found, below = 0, 0.0
    for left, _, _, top in sorted(captions, key=lambda box: -box[3]):
        end = int(height - top)
        band = pixels[int(below) : end, int(left) :]
        is_ink = (band[..., 1] > 60) | ((band[..., 2] > 90) & (band[..., 2] < 150))
        found += int(is_ink.sum() > 200)
        below = end
    return found


@pytest.mark.slow
def test_downloads_hold_the_tables(look: Any, parsed: Any) -> None:
    page = look()
    with page.expect_download() as waiting:
        page.locator("a.csv[download='headline.csv']").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + len(parsed.csv["headline"])


@pytest.mark.slow
def test_pages_of_the_documentation_are_not_cut(browser: Any, tmp_path: Path) -> None:
    folder = write_site(tmp_path / "site").parent
    page = browser.new_context(viewport=PHONE, offline=True).new_page()
    cut = []
    for each in sorted(folder.rglob("*.html")):
        page.goto(each.as_uri(), timeout=120_000)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > PHONE["width"]:
            cut.append((each.name, wide))
    page.context.close()
    assert cut == []
