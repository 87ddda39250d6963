"""The page in a browser."""

import json
import time

import pytest
from browser import Browser
from served_process import houses

# What a careless page would run, in every place that takes text of the user's.
HOSTILE = "<img src=x onerror=\"document.title='broken'\">'&\u202e"


def until(browser: Browser, expression: str, seconds: float = 30):
    """The value of an expression once it is true."""
    end = time.monotonic() + seconds
    while not (value := browser.evaluate(f"Boolean({expression})")):
        assert time.monotonic() < end, (expression, browser.complaints)
        time.sleep(0.03)
    return value


def open_page(browser: Browser, served, name: str, **look) -> None:
    browser.look(**look)
    browser.open(f"{served.address}/?model={name}")
    until(browser, "document.querySelector('#chart').children.length")


def text(browser: Browser, selector: str) -> str:
    return browser.evaluate(f"document.querySelector({selector!r}).textContent")


def set_value(browser: Browser, selector: str, value: str) -> None:
    browser.evaluate(
        f"{{ const field = document.querySelector({selector!r}); field.value = {value!r}; "
        "field.dispatchEvent(new Event('input', {bubbles: true})); "
        "field.dispatchEvent(new Event('change', {bubbles: true})) }"
    )


LOOKS = [
    *((name, scheme, width) for name in ("price", "kind", "digits")
      for scheme, width in (("light", 390), ("dark", 390), ("dark", 1200))),
    ("labels", "light", 1200), ("quantiles", "light", 1200), ("both", "light", 390),
]  # fmt: skip


@pytest.mark.parametrize(("name", "scheme", "width"), LOOKS)
def test_it_shows_an_answer_and_loads_nothing_from_elsewhere(
    served, browser, tmp_path, name, scheme, width
):
    open_page(browser, served, name, width=width, scheme=scheme)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    own = (f"{served.address}/", "data:")  # the browser's own icons are data
    assert [address for address in browser.requests if not address.startswith(own)] == []
    if name != "digits":
        until(browser, "!document.querySelector('#explanation').hidden")
    assert browser.complaints == []
    browser.screenshot(tmp_path / f"{name}-{scheme}-{width}.png")


def test_the_answer_changes_with_the_form(served, browser):
    open_page(browser, served, "price", width=1200)
    before = text(browser, "#prediction")
    _, schema, _ = served.ask("/schema/price")
    _, expected, _ = served.ask("/predict/price", schema["example"])
    assert f"{expected['prediction']:.5g}"[:3] in before
    set_value(browser, "#field-0", "180")
    until(browser, f"document.querySelector('#prediction').textContent !== {before!r}")
    set_value(browser, "#field-0", "")  # a missing value
    set_value(browser, "#coverage", "0.99")
    until(browser, "document.querySelector('#problem').hidden === false "
          "|| document.querySelector('.reach')")  # fmt: skip
    set_value(browser, "#coverage", "")
    until(browser, "!document.querySelector('.reach')")
    set_value(browser, "#field-3", "Rome")
    until(browser, "document.querySelector('#changes').textContent.includes('training median')")
    assert browser.complaints == []


def test_everything_has_a_name_and_can_be_reached_with_the_keyboard(served, browser):
    open_page(browser, served, "kind", width=390)
    for role in ("spinbutton", "slider", "combobox", "textbox", "button", "link"):
        assert all(browser.accessible_names(role)), role
    assert {"size", "age"} <= {*browser.accessible_names("spinbutton")}
    focusable = browser.evaluate(
        "[...document.querySelectorAll('a,button,input,select,summary')]"
        ".filter(one => one.tabIndex < 0).length"
    )
    assert focusable == 0
    open_page(browser, served, "digits", width=390)
    before = text(browser, "#prediction")
    canvas = "document.querySelector('#picture canvas')"
    browser.evaluate(f"{canvas}.focus()")
    press = f"key => {canvas}.dispatchEvent(new KeyboardEvent('keydown', {{key, bubbles: true}}))"
    browser.evaluate(f"[' ', ...Array(3).fill('ArrowLeft'), 'ArrowUp'].forEach({press})")
    until(browser, f"document.querySelector('#prediction').textContent !== {before!r}")
    assert "Pen down" in browser.evaluate("document.querySelector('#picture p').textContent")


def test_a_dropped_table_comes_back_with_answers(served, browser):
    open_page(browser, served, "kind", width=1200)
    csv = houses(5).with_columns(other=1).write_csv()
    drop = (
        f"{{ const files = new DataTransfer(); "
        f"files.items.add(new File([{json.dumps(csv)}], 'new.csv', {{type: 'text/csv'}})); "
        "document.querySelector('#file-drop').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true})) }"
    )
    browser.evaluate(drop)
    until(browser, "document.querySelector('#file-outcome a')")
    assert text(browser, "#file-outcome a") == "new-answers.csv"
    assert "not needed: other" in text(browser, "#file-notes")


def test_the_specification_can_be_tried(served, browser):
    browser.look(width=390)
    browser.open(f"{served.address}/docs")
    until(browser, "document.querySelectorAll('.operation').length > 10")
    browser.evaluate("document.querySelector('.operation button').click()")
    until(browser, "!document.querySelector('.reply').hidden")
    assert '"prediction"' in text(browser, ".operation .reply")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.complaints == []


def test_hostile_names_are_text(start_server, tmp_path, browser):
    import numpy as np
    import polars as pl

    from multilayer import MLPClassifier

    generator = np.random.default_rng(0)
    values = [HOSTILE + str(n) for n in generator.integers(0, 4, 200)]
    frame = pl.DataFrame({HOSTILE: values, f"{HOSTILE} 2": generator.normal(size=200)})
    kinds = pl.Series(HOSTILE, np.where(generator.random(200) > 0.5, HOSTILE, "plain"))
    model = MLPClassifier("fast", max_iter=1, random_state=0)
    model.fit(frame, kinds).save(tmp_path / "m.safetensors")
    server = start_server(tmp_path / "m.safetensors", "--log-format", "text")
    open_page(browser, server, "m", width=390)
    until(browser, "!document.querySelector('#explanation').hidden")
    assert browser.evaluate("document.title") == "m – multilayer"
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    browser.open(f"{server.address}/docs")
    until(browser, "document.querySelectorAll('.operation').length > 5")
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert "broken" not in browser.evaluate("document.title")
