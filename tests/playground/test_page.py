"""The page in a browser."""

import json
import sys
import time
from pathlib import Path

import pytest
from browser import Browser
from playground_process import PlaygroundProcess

from multilayer.playground.code import as_book, as_command, as_python, as_scratch
from multilayer.playground.presets import PRESETS
from multilayer.playground.refused import PageError
from multilayer.playground.setup import Setup

AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SMALL = (
    "problem=moons&num_rows=100&hidden_widths=6&activations=tanh&batch_size=20&learning_rate=0.5"
)


@pytest.fixture(autouse=True)
def _leave(request):
    """Close the page after the test, so that no session of it is left."""
    yield
    request.getfixturevalue("browser").open("about:blank")


def until(browser: Browser, expression: str, seconds: float = 60):
    """The value of an expression once it is true."""
    end = time.monotonic() + seconds
    while not (value := browser.evaluate(f"Boolean({expression})")):
        assert time.monotonic() < end, (expression, browser.complaints, text(browser, "#refusal"))
        time.sleep(0.03)
    return value


def text(browser: Browser, selector: str) -> str:
    return browser.evaluate(f"document.querySelector({selector!r}).textContent")


def set_value(browser: Browser, selector: str, value: str) -> None:
    browser.evaluate(
        f"{{ const field = document.querySelector({selector!r}); field.value = {value!r}; "
        "field.dispatchEvent(new Event('change', {bubbles: true})) }"
    )


def click(browser: Browser, selector: str) -> None:
    browser.evaluate(f"document.querySelector({selector!r}).click()")


def open_page(browser: Browser, played: PlaygroundProcess, query: str = SMALL, **look) -> None:
    browser.look(**{"width": 1280, **look})
    browser.open("about:blank")  # else only the hash would change
    browser.open(f"{played.address}#{query}")
    until(browser, "document.body.dataset.steps === '0'")


def take(browser: Browser, button: str, steps: int) -> None:
    click(browser, button)
    until(browser, f"document.body.dataset.steps === '{steps}'")


def test_it_is_played_paused_and_stepped(played, browser, tmp_path):
    open_page(browser, played)
    take(browser, "#step", 1)
    assert text(browser, "#counter") == "epoch 0, step 1 of 4"
    take(browser, "#epoch", 4)
    assert "Paused at epoch 1: training loss 0." in text(browser, "#status")
    set_value(browser, "#speed", "500")
    click(browser, "#play")
    until(browser, "Number(document.body.dataset.steps) > 40")
    assert text(browser, "#play") == "Pause"
    click(browser, "#play")
    until(browser, "document.querySelector('#play').textContent === 'Play'")
    region = browser.evaluate("document.querySelector('#region').getAttribute('aria-label')")
    assert region.startswith("Decision region over x1 and x2: A ")
    assert "Losses after " in browser.evaluate("document.querySelector('#curves').ariaLabel")
    take(browser, "#reset", 0)
    for width in (390, 768, 1280):
        for scheme in ("light", "dark"):
            browser.look(width=width, scheme=scheme)
            assert browser.evaluate("document.documentElement.scrollWidth") <= width, width
    assert browser.complaints == []
    own = (played.address, played.address.replace("http:", "ws:"), "data:", "about:")
    assert [address for address in browser.requests if not address.startswith(own)] == []


def test_a_link_opened_again_gives_the_same_first_numbers(played, browser):
    open_page(browser, played)
    take(browser, "#epoch", 5 - 1)
    first = text(browser, "#curves-legend")
    set_value(browser, "[name=learning_rate]", "0.05")
    until(browser, "location.hash.includes('learning_rate=0.05')")
    assert "goes on with this" in text(browser, "#status")
    set_value(browser, "[name=learning_rate]", "0.5")
    until(browser, "location.hash.includes('learning_rate=0.5')")
    link = browser.evaluate("location.hash.slice(1)")
    assert "hidden_widths=6&activations=tanh" in link
    open_page(browser, played, link)
    take(browser, "#epoch", 4)
    assert text(browser, "#curves-legend") == first
    with played.page(link) as page:  # and it is what the engine says
        page.ask("epoch")
        loss = page.next_frame_at(4)["held_out_loss"]
    assert f"held out {loss:.3g}" in first


def preset_number(browser: Browser, title: str) -> str:
    return browser.evaluate(
        "[...document.querySelector('#preset').options].find(one => "
        f"one.textContent.includes({title!r})).value"
    )


def test_a_preset_is_copied_as_code_in_all_four_forms(played, browser):
    open_page(browser, played)
    set_value(browser, "#preset", preset_number(browser, "step by step"))
    until(browser, "location.hash.includes('batch_size=4&')")
    setup = Setup.from_query(browser.evaluate("location.hash.slice(1)"))
    assert setup in [preset.setup for preset in PRESETS]
    assert "Three hidden neurons" in text(browser, "#lead")
    browser.evaluate("document.querySelector('#code').open = true")
    until(browser, "document.querySelector('#code-text').textContent.length > 100")
    browser.allow_clipboard()
    forms = {"scratch": as_scratch, "book": as_book, "command": as_command, "python": as_python}
    for name, form in forms.items():  # test_code.py runs them
        click(browser, f"#code-{name}")
        assert text(browser, "#code-text") == form(setup), name
        click(browser, "#copy-code")
        until(browser, "document.querySelector('#code-view [role=status]').textContent")
        assert text(browser, "#code-view [role=status]") == "Copied"
        assert browser.clipboard() == form(setup)
    set_value(browser, "[name=learning_rate]", "0.3")
    until(browser, "document.querySelector('#code-text').textContent.includes('0.3')")
    assert browser.complaints == []


def test_backpropagation_is_stepped_through_value_by_value(played, browser):
    open_page(browser, played, SMALL.replace("hidden_widths=6", "hidden_widths=3"))
    browser.evaluate("document.querySelector('#trace').open = true")
    until(browser, "document.querySelector('#trace-value').options.length > 10")
    number = browser.evaluate("document.querySelector('#trace-value').options.length")
    seen = [text(browser, "#trace-shown")]
    while not browser.evaluate("document.querySelector('#trace-next').disabled"):
        click(browser, "#trace-next")
        seen.append(text(browser, "#trace-shown"))
    assert len(seen) == len({*seen}) == number
    assert text(browser, "#trace-place") == f"value {number} of {number}"
    setup = Setup.from_query(browser.evaluate("location.hash.slice(1)"))
    for shown, phase in ((seen[0], "forward"), (seen[-1], "step")):
        assert shown.startswith(f"{phase}, layer "), shown
    assert any("shape 20 × 3" in shown for shown in seen)
    lines = as_scratch(setup).splitlines()
    assert all(any(shown.endswith(line.strip()) for line in lines if line) for shown in seen)
    last = seen[-1]
    take(browser, "#step", 1)  # of the step after this one the numbers are others
    until(browser, f"document.querySelector('#trace-shown').textContent !== {last!r}")
    click(browser, "#trace-previous")
    assert text(browser, "#trace-place") == f"value {number - 1} of {number}"
    browser.look(width=390)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.complaints == []


def test_two_settings_are_compared_with_a_verdict(played, browser):
    open_page(browser, played, SMALL + "&num_epochs=3")
    browser.evaluate("document.querySelector('#versus').open = true")
    assert browser.evaluate("document.querySelector('#versus-compare').disabled")
    click(browser, "#versus-keep")
    assert browser.evaluate("document.querySelector('#versus-compare').disabled")  # the same
    set_value(browser, "[name=learning_rate]", "0.0001")
    until(browser, "!document.querySelector('#versus-compare').disabled")
    assert "learning_rate 0.5 → 0.0001" in text(browser, "#versus-differing")
    click(browser, "#versus-compare")
    until(browser, "document.querySelector('#versus-stop').disabled")
    assert "first" in text(browser, "#versus-outcome")
    assert text(browser, "#refusal") == ""
    set_value(browser, "[name=noise]", "0.2")
    until(browser, "location.hash.includes('noise=0.2')")
    click(browser, "#versus-compare")
    until(browser, "document.querySelector('#refusal').textContent.includes('the same data')")
    assert browser.complaints == []


def test_layers_are_changed_by_hand_and_too_large_ones_refused(played, browser):
    open_page(browser, played)
    click(browser, "#add-layer")
    until(browser, "location.hash.includes('hidden_widths=6,6')")
    set_value(browser, "#activation-2", "relu")
    until(browser, "location.hash.includes('activations=tanh,relu')")
    set_value(browser, "#width-1", "3")
    until(browser, "location.hash.includes('hidden_widths=3,6')")
    set_value(browser, "#width-2", "5000")
    until(browser, "!document.querySelector('#refusal').hidden")
    assert "up to 1,024 are fine" in text(browser, "#refusal")
    until(browser, "document.querySelector('#width-2').value === '6'")
    click(browser, "#remove-1")
    until(browser, "location.hash.includes('hidden_widths=6&')")
    assert browser.evaluate("document.querySelector('#refusal').hidden")
    for link in ("depth=3", "%%%", "seed=many", "problem=table"):
        browser.open("about:blank")
        browser.open(f"{played.address}#{link}")
        until(browser, "document.body.dataset.steps === '0'")  # begun with the defaults, below
        assert text(browser, "#refusal"), link
    assert browser.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_has_a_name_and_can_be_reached_with_the_keyboard(played, browser, width):
    open_page(browser, played, width=width)
    for role in ("spinbutton", "combobox", "button", "image", "status"):
        names = browser.accessible_names(role)
        assert names and (role == "status" or all(names)), (role, names)
    focusable = browser.evaluate(
        "[...document.querySelectorAll('a,button:not([role=tab]),input,select,summary')]"
        ".filter(one => one.tabIndex < 0).length"
    )
    assert focusable == 0
    browser.evaluate("document.querySelector('[name=learning_rate]').focus()")
    browser.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', "
        "bubbles: true, cancelable: true}))"
    )
    until(browser, "location.hash.includes('learning_rate=0.3')")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing(played, browser, width, scheme):
    if not AXE.exists():
        pytest.skip("axe is not installed; make axe")
    open_page(browser, played, width=width, scheme=scheme)
    browser.evaluate("for (const panel of document.querySelectorAll('details')) panel.open = true")
    until(browser, "document.querySelector('#trace-value').options.length > 10")
    browser.evaluate(AXE.read_text() + ";0")
    found = browser.evaluate(
        "axe.run().then(answer => answer.violations.map(one => [one.id, one.nodes[0].html]))"
    )
    assert found == []


def test_it_speaks_russian(played, browser):
    open_page(browser, played)
    english = browser.evaluate(
        "[...document.querySelectorAll('[data-word]')].map(one => one.textContent)"
    )
    click(browser, "#language-ru")
    until(browser, "document.documentElement.lang === 'ru'")
    russian = browser.evaluate(
        "[...document.querySelectorAll('[data-word]')].map(one => one.textContent)"
    )
    same = [one for one, other in zip(english, russian, strict=True) if one == other]
    assert same == []
    take(browser, "#step", 1)
    assert text(browser, "#counter") == "эпоха 0, шаг 1 из 4"
    assert "Области решений" in browser.evaluate("document.querySelector('#region').ariaLabel")
    click(browser, "#language-en")
    until(browser, "document.querySelector('#counter').textContent.startsWith('epoch')")


def drop(browser: Browser, name: str, content: str) -> None:
    drop_bytes(browser, name, json.dumps(content))


def drop_bytes(browser: Browser, name: str, content: str) -> None:
    """Drop a file whose content is an expression in JavaScript."""
    browser.evaluate(
        f"{{ const files = new DataTransfer(); "
        f"files.items.add(new File([{content}], {name!r}, {{type: 'text/csv'}})); "
        "document.querySelector('#drop').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true})) }"
    )


def test_a_table_of_ones_own_is_dropped_and_its_column_chosen(played, browser):
    open_page(browser, played)
    rows = [f"{n % 17},{n % 5},{'yes' if n % 17 > 8 else 'no'},{3 * (n % 17)}" for n in range(80)]
    drop(browser, "own.csv", "\n".join(["size,rooms,dear,price", *rows]))
    until(browser, "location.hash.includes('problem=table') && document.body.dataset.steps === '0'")
    until(browser, "document.querySelector('[name=target]').value === 'price'")
    assert "64 rows to learn from, 16 held out" in text(browser, "#rows")
    assert text(browser, "#notes li") == "Of the table:"
    click(browser, "#language-ru")
    assert "(заметки по-английски):" in text(browser, "#notes li")
    assert "alone determines" in text(browser, "#notes [lang=en]")
    click(browser, "#language-en")
    set_value(browser, "[name=target]", "dear")
    until(browser, "document.querySelector('.confusion caption')")
    assert "target=dear" in browser.evaluate("location.hash")
    take(browser, "#epoch", 4)
    drop(browser, "broken.csv", 'a,b\n1,"2')
    until(browser, "!document.querySelector('#refusal').hidden")
    reason = "broken.csv opens a quote in row 1 that is never closed"
    assert text(browser, "#refusal") == f"Not done: {reason}"
    take(browser, "#epoch", 8)  # what was there is still there
    drop(browser, "large.csv", "a\n" + "1\n" * 1_000_001)
    until(browser, "document.querySelector('#refusal').textContent.includes('large.csv has')")
    assert browser.complaints == []


def test_files_that_are_no_text_are_refused_and_utf_16_is_read(played, browser):
    open_page(browser, played)
    for content, said in (
        ("new Uint8Array([0x61, 0x2c, 0x79, 0x0a, 0xd0, 0x2c, 0x31])", "is not text in UTF-8"),
        ("new Uint8Array(2000001)", "2\u202f000\u202f001 bytes; the page takes up to"),
        ("'x,y\\n1,3\\n2,3\\n'", "'y' is 3 in every row"),
        ("'y\\n1\\n2\\n'", "there is no column beside the target"),
    ):
        drop_bytes(browser, "odd.csv", content)
        until(browser, f"document.querySelector('#refusal').textContent.includes({said!r})")
    rows = "x,c,y\n" + "".join(f"{n * 7 % 11},7,{n % 2}\n" for n in range(40))
    codes = [0xFF, 0xFE, *rows.encode("utf-16le")]
    drop_bytes(browser, "wide.csv", f"new Uint8Array({codes})")
    until(browser, "location.hash.includes('target=y')")
    until(browser, "document.querySelector('#notes').textContent.includes('Always the same')")
    assert "therefore not used: 'c'." in text(browser, "#notes")
    assert browser.complaints == []


def test_the_pages_own_refusals_are_in_the_readers_language(played, browser):
    open_page(browser, played)
    click(browser, "#language-ru")
    set_value(browser, "#width-1", "5000")
    until(browser, "document.querySelector('#refusal').textContent.includes('5,000')")
    own = PageError("width", number="5,000", most="1,024").russian
    assert text(browser, "#refusal").endswith(f": {own}")
    assert not browser.evaluate("document.querySelector('#refusal [lang=en]')")
    set_value(browser, "[name=learning_rate]", "-1")
    until(browser, "document.querySelector('#refusal [lang=en]')")
    assert "learning_rate" in text(browser, "#refusal [lang=en]")
    click(browser, "#language-en")


def test_another_table_may_follow_and_its_notes_are_in_the_readers_language(played, browser):
    open_page(browser, played)
    drop(browser, "own.csv", "size,dear\n" + "".join(f"{n},{n % 3}\n" for n in range(40)))
    until(browser, "location.hash.includes('target=dear')")
    drop(browser, "few.csv", "x,y\n1,a\n2,b\n3,a\n4.5,b\n5,b\n7,b\n")
    until(browser, "document.querySelector('#notes').textContent.includes('None of the 6 rows')")
    click(browser, "#language-ru")
    assert "Предсказывается последний столбец: y.Ничего не отложено" in text(browser, "#notes")
    assert browser.complaints == []


def test_images_are_shown_with_what_they_are_taken_for(played, browser):
    open_page(browser, played, "problem=digits&hidden_widths=16&activations=relu&batch_size=64")
    take(browser, "#epoch", 23)
    until(browser, "document.querySelectorAll('.pictures li').length === 20")
    assert browser.evaluate("document.querySelector('.pictures span').textContent")[0] in "✓✗"
    assert "First weights of 16 neurons" in browser.evaluate(
        "document.querySelector('.filters').ariaLabel"
    )
    assert browser.complaints == []


def test_a_page_whose_server_has_ended_says_so(start_playground, forks, browser):
    server = start_playground("--language", "en", SMALL, forks=forks)
    browser.open(server.address)
    until(browser, "document.body.dataset.steps === '0'")
    assert "num_rows=100" in browser.evaluate("location.hash")
    server.process.send_signal(2)
    until(browser, "document.querySelector('#status').textContent.includes('connection is gone')")
    assert server.process.wait(30) == 0
