"""The picture of the playground in docs/playground.md; needs Chromium.

python -m playground_picture FILE.png
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from browser import Browser
from PIL import Image
from playground_process import PlaygroundProcess

QUERY = (
    "problem=spirals&noise=0.05&num_rows=500&hidden_widths=8,6&activations=tanh,tanh"
    "&optimizer=adam&learning_rate=0.01&num_seeds=5"
)
STEPS = 1500
SIZE = 1280, 1130
NUM_COLOURS = 64


def take_picture(path: Path) -> None:
    """Play until the spirals are told apart, and keep what is on the page."""
    with tempfile.TemporaryDirectory() as folder:
        server = PlaygroundProcess("--language", "en", folder=Path(folder))
        browser = Browser(shutil.which("chromium") or "chromium", Path(folder))
        browser.look(width=SIZE[0], height=SIZE[1])
        browser.open(f"{server.address}#{QUERY}")
        _wait(browser, 0)
        browser.evaluate("document.querySelector('#speed').value = '0'")
        browser.evaluate("document.querySelector('#speed').dispatchEvent(new Event('change'))")
        browser.evaluate("document.querySelector('#play').click()")
        _wait(browser, STEPS)
        browser.evaluate("document.querySelector('#play').click()")
        time.sleep(1)
        browser.screenshot(path)
        browser.close()
        server.close()
    image = Image.open(path).convert("RGB").quantize(NUM_COLOURS)
    image.save(path, optimize=True)


def _wait(browser: Browser, steps: int) -> None:
    end = time.monotonic() + 120
    while not browser.evaluate(f"Number(document.body.dataset.steps ?? -1) >= {steps}"):
        assert time.monotonic() < end, browser.complaints
        time.sleep(0.1)


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]))
