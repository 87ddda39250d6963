"""What a page shows before PyTorch is loaded, and while nobody sees it."""

import queue
import subprocess
import sys
import time

import numpy as np
import pytest
from playground_process import PlaygroundProcess, unpacked

from multilayer.playground import session as sessions
from multilayer.playground.live import Live
from multilayer.playground.session import Session
from multilayer.playground.setup import Setup
from multilayer.playground.sketch import sketch

SMALL = "num_rows=60&hidden_widths=4&activations=tanh&batch_size=16"


def by_place(message) -> np.ndarray:
    """Points with their values, in an order of their own."""
    rows = np.column_stack([message["points"], message["values"]])
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("problem", ["spirals", "moons", "circles", "xor", "surface"])
def test_the_sketch_is_what_the_network_is_shown_over(problem):
    setup = Setup(problem, num_rows=80, hidden_widths=(12, 3), seed=3)
    drawn, opening = unpacked(sketch(setup)), unpacked(Live(setup, None).opening())
    for name in ("query", "task", "widths", "shown", "classes", "columns", "target"):
        assert drawn[name] == opening[name], name
    assert drawn["limits"] == pytest.approx(opening["limits"])
    ours, theirs = by_place(drawn), by_place(opening)
    if problem == "surface":  # what the network sees is standardised
        mean, deviation = opening["scale"]
        theirs[:, 2] = theirs[:, 2] * deviation + mean
        theirs = theirs[np.lexsort(theirs.T)]
        ours = ours[np.lexsort(ours.T)]
        ends = [end * deviation + mean for end in opening["reach"]]
        # The standardised ones are of the training rows alone.
        assert drawn["reach"][0] <= ends[0] + 1e-6 and drawn["reach"][1] >= ends[1] - 1e-6
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_of_images_the_network_alone_is_drawn_and_of_a_table_nothing():
    drawn = unpacked(sketch(Setup("digits", hidden_widths=(9,))))
    assert (drawn["widths"], drawn["limits"]) == ([64, 9, 10], None)
    assert "points" not in drawn
    assert sketch(Setup("table")) is None


def test_the_sketch_comes_before_pytorch_is_loaded():
    program = """
import json, queue, struct, sys
from multilayer.playground.session import Session
said = queue.Queue()
def send(message):
    length = struct.unpack("<I", message[:4])[0]
    kind = json.loads(message[4:4 + length])["kind"]
    said.put((kind, "torch" in sys.modules, "polars" in sys.modules))
session = Session(send)
session.ask({"do": "begin", "query": "num_rows=60"})
print([said.get(timeout=60) for _ in range(3)])
session.end()
session.join(10)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "[('sketch', False, False), ('problem', True, True), ('frame', True, True)]\n"
    )


class Seen:
    """A session whose messages are kept, and frames confirmed."""

    def __init__(self) -> None:
        self.messages: queue.Queue[dict] = queue.Queue()
        self.session = Session(lambda message: self.messages.put(unpacked(message)))
        self.session.ask({"do": "begin", "query": SMALL})

    def next(self, kind: str, seconds: float = 30) -> dict:
        end = time.monotonic() + seconds
        while (message := self.messages.get(timeout=max(0.0, end - time.monotonic())))[
            "kind"
        ] != kind:
            if message["kind"] == "frame":
                self.session.ask({"do": "drawn", "number": message["number"]})
        if kind == "frame":
            self.session.ask({"do": "drawn", "number": message["number"]})
        return message

    def _next_within(self, seconds: float) -> dict:
        return self.messages.get(timeout=max(0.0, seconds))

    def steps_until_it_rests(self) -> int:
        """Its steps when no frame has come for a second."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                steps = self.next("frame", seconds=1)["steps"]
            except queue.Empty:
                return steps
        raise AssertionError(f"it is still training after {steps} steps")


@pytest.fixture
def seen():
    started = Seen()
    yield started
    started.session.end()
    assert started.session.join(10)


def test_a_page_that_is_hidden_for_long_rests_and_goes_on_when_it_is_seen(seen, monkeypatch):
    monkeypatch.setattr(sessions, "SECONDS_HIDDEN", 0.2)
    seen.session.ask({"do": "play"})
    seen.next("frame")
    seen.session.ask({"do": "hidden"})
    steps = seen.steps_until_it_rests()
    assert steps > 3
    seen.session.ask({"do": "seen"})
    seen.next("rested")
    frame = seen.next("frame")
    assert frame["is_playing"] and frame["steps"] < steps + 50  # the rest is not made up for


def test_a_page_that_is_hidden_for_a_moment_goes_on(seen, monkeypatch):
    seen.session.ask({"do": "play"})
    seen.session.ask({"do": "hidden"})
    first = seen.next("frame")["steps"]
    while seen.next("frame")["steps"] < first + 20:
        pass
    seen.session.ask({"do": "seen"})
    with pytest.raises(queue.Empty):
        seen.next("rested", seconds=0.5)


def test_an_epoch_that_was_asked_for_is_finished_though_the_page_is_hidden(seen, monkeypatch):
    monkeypatch.setattr(sessions, "SECONDS_HIDDEN", 0.0)
    seen.session.ask({"do": "hidden"})
    seen.session.ask({"do": "epoch"})
    while (frame := seen.next("frame"))["epoch"] < 1:
        pass
    assert not frame["is_playing"]


def test_the_browser_says_when_the_page_is_hidden(browser, forks, tmp_path):
    server = PlaygroundProcess(
        "--language", "en", folder=tmp_path, forks=forks,
        before="import multilayer.playground.session as session\nsession.SECONDS_HIDDEN = 0.0",
    )  # fmt: skip
    steps = "Number(document.body.dataset.steps)"
    try:
        browser.open(f"{server.address}#{SMALL}")
        wait(browser, f"{steps} === 0")
        browser.evaluate("document.querySelector('#play').click()")
        wait(browser, f"{steps} > 3")
        turn(browser, is_hidden=True)
        time.sleep(0.3)  # what was on its way is drawn
        rested = browser.evaluate(steps)
        time.sleep(0.3)
        assert browser.evaluate(steps) == rested
        turn(browser, is_hidden=False)
        wait(browser, f"{steps} > {rested}")
        status = browser.evaluate("document.querySelector('#status').textContent")
        assert "paused while this page was hidden" in status
        assert browser.complaints == []
    finally:
        browser.open("about:blank")
        server.close()


def wait(browser, expression: str) -> None:
    end = time.monotonic() + 60
    while not browser.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.02)


def turn(browser, *, is_hidden: bool) -> None:
    """Do as a browser does when the reader looks at another tab, or back."""
    browser.evaluate(
        f"Object.defineProperty(document, 'hidden', {{value: {str(is_hidden).lower()}, "
        "configurable: true}); document.dispatchEvent(new Event('visibilitychange'))"
    )
