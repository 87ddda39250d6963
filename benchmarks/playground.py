"""Times the playground in a real browser: its first picture, a step, frames a second, memory.

    python benchmarks/playground.py [--pieces start,steps,frames] [--write]
    python benchmarks/playground.py --pieces memory --minutes 60 [--write]

The server is a process of its own, started as people start it; the page is in Chromium without a
window, which is running already, as most people's browser is. Times run from the start of the
command until the browser has drawn, and from a click until the next drawing that shows the step.
Memory is that of a page that plays without a pause and takes another preset every minute.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from reporting import machine, markdown_table, write_result
from serving import resident_megabytes
from workers import note

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import Browser
from playground_process import PlaygroundProcess

from multilayer.playground.presets import PRESETS
from multilayer.playground.setup import MADE_PROBLEMS, Setup

NUM_STARTS, NUM_STEPS, SECONDS_OF_FRAMES = 9, 100, 5
SMALL = {name: Setup(name) for name in MADE_PROBLEMS} | {
    "spirals, six layers of 8": Setup(hidden_widths=(8,) * 6),
    "spirals, ten networks": Setup(num_seeds=10),
}
PLAYED = ("hidden-layer", "activation-by-layer", "regression", "many-neurons", "overfitting")

# Resolves with the time, in seconds since 1970, at which a condition held and had been drawn.
_DRAWN_WHEN = """new Promise((done) => {{
  const look = () => {{
    if ({condition}) requestAnimationFrame(() => setTimeout(() =>
      done((performance.timeOrigin + performance.now()) / 1000)));
    else setTimeout(look, 2);
  }};
  look();
}})"""
_PICTURE = "document.querySelector('#answer-view canvas')?.getAttribute('aria-label')"

# From a click on "One step" to the drawing that shows it, in milliseconds, `number` times.
_STEPS = """(async () => {{
  const times = [];
  for (let at = 0; at < {number}; at++) {{
    const before = document.body.dataset.steps;
    const began = performance.now();
    document.querySelector('#step').click();
    await new Promise((done) => {{
      const look = () => document.body.dataset.steps !== before ? done() : setTimeout(look, 0);
      look();
    }});
    times.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 60));
  }}
  return times;
}})()"""

# Drawings that show more steps than the one before, while it plays.
_FRAMES = """new Promise((done) => {{
  let [number, last] = [0, document.body.dataset.steps];
  const until = performance.now() + 1000 * {seconds};
  const look = () => {{
    if (document.body.dataset.steps !== last) number++;
    last = document.body.dataset.steps;
    if (performance.now() < until) requestAnimationFrame(look);
    else done(number / {seconds});
  }};
  look();
}})"""


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Chromium without a window."""
    program = shutil.which("chromium") or sys.exit("error: chromium is not installed")
    browser = Browser(program, folder / "browser")
    browser.look(width=1280, height=900)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def playing(browser: Browser, folder: Path, setup: Setup) -> Iterator[PlaygroundProcess]:
    """A playground whose page is open and has a network."""
    server = PlaygroundProcess("--language", "en", folder=folder)
    try:
        browser.open(f"{server.address}#{setup.query()}")
        browser.evaluate(drawn_when("document.body.dataset.steps === '0'"))
        yield server
        browser.open("about:blank")
    finally:
        server.close()


def drawn_when(condition: str) -> str:
    """An expression that waits for a condition of the page."""
    return _DRAWN_WHEN.format(condition=condition)


def choose(browser: Browser, field: str, value: str) -> None:
    """Choose from a list of the page."""
    browser.evaluate(
        f"{{ const field = document.querySelector({field!r}); field.value = {value!r};"
        "field.dispatchEvent(new Event('change', {bubbles: true})) }"
    )


def starts(browser: Browser, folder: Path) -> str:
    """Seconds from the start of the command to what is seen."""
    times: dict[str, list[float]] = {"address printed": [], "points drawn": [], "network drawn": []}
    for _ in range(NUM_STARTS):
        began = time.time()
        server = PlaygroundProcess("--language", "en", folder=folder)
        times["address printed"].append(time.time() - began)
        browser.open(server.address)
        times["points drawn"].append(browser.evaluate(drawn_when(_PICTURE)) - began)
        ready = drawn_when("document.body.dataset.steps === '0'")
        times["network drawn"].append(browser.evaluate(ready) - began)
        browser.open("about:blank")
        server.close()
    rows = [[name, *_spread(found, 2)] for name, found in times.items()]
    return markdown_table([f"s, of {NUM_STARTS} starts", "median", "smallest", "largest"], rows)


def steps(browser: Browser, folder: Path) -> str:
    """Milliseconds of a single step."""
    rows = []
    for name, setup in SMALL.items():
        note(f"steps of {name}")
        with playing(browser, folder, setup):
            found = browser.evaluate(_STEPS.format(number=NUM_STEPS))
        rows.append([name, *(f"{np.quantile(found, share):.1f}" for share in (0.5, 0.95, 1.0))])
    headers = [f"ms, of {NUM_STEPS} steps", "median", "95th percentile", "largest"]
    return markdown_table(headers, rows)


def frames(browser: Browser, folder: Path) -> str:
    """Frames a second, at the speed that the page begins with and as fast as it can."""
    rows = []
    for name, setup in SMALL.items():
        note(f"frames of {name}")
        cells = [name]
        for speed in ("100", "0"):
            with playing(browser, folder, setup):
                choose(browser, "#speed", speed)
                browser.evaluate("document.querySelector('#play').click()")
                browser.evaluate(drawn_when("document.body.dataset.steps > 20"))
                found = browser.evaluate(_FRAMES.format(seconds=SECONDS_OF_FRAMES))
                cells.append(f"{found:.1f}")
        rows.append(cells)
    return markdown_table(["frames a second", "at 100 steps a second", "as fast as it can"], rows)


def memory(browser: Browser, folder: Path, minutes: float) -> str:
    """Memory while it plays, with another preset every minute."""
    presets = [preset for name in PLAYED for preset in PRESETS if preset.name == name]
    numbers = [PRESETS.index(preset) for preset in presets]
    rows, began = [], time.monotonic()
    with playing(browser, folder, presets[0].setup) as server:
        turn = 0
        while time.monotonic() - began < 60 * minutes:
            place = turn % len(numbers)
            choose(browser, "#preset", str(numbers[place]))
            query = presets[place].setup.query()
            browser.evaluate(drawn_when(f"location.hash === '#{query}'"))
            browser.evaluate("document.querySelector('#play[aria-pressed=false]')?.click()")
            turn += 1
            time.sleep(max(0.0, began + 60 * turn - time.monotonic()))
            if turn % len(numbers) == 0:
                browser.evaluate(drawn_when("document.body.dataset.steps > 20"))
                rows.append(
                    [
                        f"{(time.monotonic() - began) / 60:.0f}",
                        f"{resident_megabytes(server.process.pid):.0f}",
                        f"{browser.heap_bytes() / 1e6:.1f}",
                        str(browser.evaluate("document.querySelectorAll('*').length")),
                    ]
                )
                note(f"{rows[-1][0]} minutes: {rows[-1][1]} MB")
        assert not browser.complaints, browser.complaints
        assert not server.error_path.read_text()
    headers = ["minutes", "resident MB of the server", "MB of the page's objects", "elements"]
    return markdown_table(headers, rows)


def _spread(found: list[float], digits: int) -> list[str]:
    return [f"{value:.{digits}f}" for value in (np.median(found), min(found), max(found))]


def main() -> None:
    """Measure and print; with --write also keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", default="start,steps,frames", help="and memory")
    parser.add_argument("--minutes", type=float, default=60.0, help="of play, for memory")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    pieces = {
        "start": starts,
        "steps": steps,
        "frames": frames,
        "memory": lambda browser, folder: memory(browser, folder, options.minutes),
    }
    wanted = options.pieces.split(",")
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}"
    text += f"processes that wanted a core as it began (load): {os.getloadavg()[0]:.1f}\n\n"
    with tempfile.TemporaryDirectory() as name, open_browser(Path(name)) as browser:
        for piece in wanted:
            text += pieces[piece](browser, Path(name)) + "\n\n"
    print(text)
    if options.write:
        write_result("playground-memory" if wanted == ["memory"] else "playground", text)


if __name__ == "__main__":
    main()
