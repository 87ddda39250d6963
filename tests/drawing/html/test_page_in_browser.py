"""The page as Chromium shows it: quiet, readable in both schemes, narrow and printed."""

from pathlib import Path

import pytest
from browser import Browser

from multilayer.drawing.html.page import render_page

# Contrast of every piece of text to what is behind it, by the formula of WCAG 2.2.
CONTRASTS = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = rgba(getComputedStyle(element).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script, style, title, desc")) continue;
    const style = getComputedStyle(element);
    const color = element.closest("svg") ? style.fill : style.color;
    found.push([ratio(rgba(color), behind(element)), "text", walker.currentNode.data]);
  }
  for (const mark of document.querySelectorAll(".mark, .line, .whisker, .axis, .bars rect")) {
    const style = getComputedStyle(mark);
    const color = mark.matches(".line, .whisker, .axis, .dashed .mark") ? style.stroke : style.fill;
    found.push([ratio(rgba(color), behind(mark)), "mark", mark.outerHTML.slice(0, 80)]);
  }
  return found;
})()
"""


@pytest.fixture
def page(hostile_runs, tmp_path: Path) -> str:
    path = tmp_path / "report.html"
    path.write_text(render_page(hostile_runs[0].name, "now", hostile_runs), encoding="utf-8")
    return path.as_uri()


def test_nothing_is_run_that_a_name_contains(browser: Browser, page: str, hostile_runs):
    browser.look()
    browser.open(page)
    assert browser.complaints == []
    assert [address for address in browser.requests if not address.startswith("data:")] == [page]
    assert browser.evaluate("document.title") == hostile_runs[0].name
    assert browser.evaluate("document.querySelectorAll('[onerror]').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out_from_the_paper(browser: Browser, page: str, scheme: str):
    browser.look(scheme=scheme)
    browser.open(page)
    found = browser.evaluate(CONTRASTS)
    assert len(found) > 60
    least = {"text": 4.5, "mark": 3.0}
    assert [entry for entry in found if entry[0] < least[entry[1]]] == []
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 28)"}[scheme]


@pytest.mark.parametrize("width", [320, 360, 700, 1200, 1920])
def test_the_page_is_as_wide_as_the_window(browser: Browser, page: str, width: int):
    browser.look(width=width)
    browser.open(page)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_pointing_at_an_epoch_shows_its_values(browser: Browser, page: str):
    browser.look()
    browser.open(page)
    values = (
        "[...document.querySelector('.chart').querySelectorAll('.legend b')]"
        ".map(value => value.textContent)"
    )
    at_rest = browser.evaluate(values)
    x, y = browser.evaluate(
        "(() => {const line = document.querySelector('.chart svg .line'); line.scrollIntoView();"
        "const place = line.getBoundingClientRect(); return [place.left + 1, place.top + 1]})()"
    )
    browser.point_at(x, y)
    assert browser.evaluate("document.querySelector('.pointed').textContent") == "epoch 1"
    assert at_rest[0] == "0.5"
    assert browser.evaluate(values)[0] == "1"
    browser.point_at(1, 1)
    assert browser.evaluate("document.querySelector('.pointed').textContent") == ""
    assert browser.evaluate(values) == at_rest
    assert browser.complaints == []


def test_a_chart_is_read_with_the_keyboard(browser: Browser, page: str):
    browser.look()
    browser.open(page)
    said = "document.querySelector('.chart .reader').getAttribute('aria-valuetext')"
    pointed = "document.querySelector('.chart .pointed').textContent"
    assert browser.evaluate(said).startswith("epoch 2: ")
    browser.evaluate("document.querySelector('.chart .reader').focus()")
    assert browser.evaluate(pointed) == "epoch 2"
    browser.press("ArrowLeft")
    assert browser.evaluate(pointed) == "epoch 1"
    assert browser.evaluate(said).startswith("epoch 1: ")
    legend = "document.querySelector('.chart .legend b').textContent"
    assert f" {browser.evaluate(legend)}" in browser.evaluate(said)
    assert browser.evaluate(legend) == "1"
    browser.press("ArrowLeft")
    assert browser.evaluate(pointed) == "epoch 1"  # there is nothing before it
    browser.press("ArrowRight")
    assert browser.evaluate(pointed) == "epoch 2"
    browser.evaluate("document.activeElement.blur()")
    assert browser.evaluate(pointed) == ""
    assert browser.complaints == []
    assert any("to read in" in name for name in browser.accessible_names("slider"))


def test_a_screen_reader_has_a_name_for_everything(browser: Browser, page: str, hostile_text: str):
    browser.look()
    browser.open(page)
    assert all(browser.accessible_names("region"))
    labels = "[...document.querySelectorAll('.scroll, pre')].map(e => e.getAttribute('aria-label'))"
    assert all(browser.evaluate(labels))
    pictures = browser.accessible_names("image")
    assert len(pictures) >= 4  # two charts or more, weights, their scale
    assert all(pictures)
    headings = browser.accessible_names("heading")
    assert {"Learning curves", "Worst mistakes", "How to repeat it"} <= set(headings)
    assert "main" in browser.evaluate("document.querySelector('.skip').getAttribute('href')")


def test_it_prints_dark_on_white(browser: Browser, page: str, tmp_path: Path):
    browser.look(scheme="dark")
    browser.open(page)
    browser.print_to_pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    browser.look_at_print()
    assert (
        browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
