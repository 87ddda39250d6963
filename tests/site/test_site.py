"""The pages of docs/ as a site: whole, in step with the package, and open to every reader."""

import functools
import http.server
import inspect
import json
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import multilayer
from multilayer.cli.application import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
TRANSLATED = ["start.md", "chapter.md", "exercises.md"]
FENCED = re.compile(r"^```(?P<kind>\w+)\n.*?^```$", re.MULTILINE | re.DOTALL)


def test_the_command_line_page_is_what_the_commands_say(start_multilayer):
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from write_command_line import PAGE, page
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    helps = {}
    for name in ("", *sorted(COMMANDS)):
        process = start_multilayer(*name.split(), "--help", COLUMNS="80", NO_COLOR="1")
        helps[name], complaints = process.communicate()
        assert process.returncode == 0, complaints
    assert PAGE.read_text() == page(helps), "run scripts/write_command_line.py"


def test_the_python_page_has_every_public_name():
    text = (DOCS / "reference" / "python.md").read_text()
    listed = re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE)
    public = {*multilayer.__all__, *multilayer.book.__all__}
    documented = {
        name
        for name in public
        if inspect.isclass(member := getattr(multilayer, name))
        or (inspect.isfunction(member) and member.__module__.startswith("multilayer."))
    }
    of_pytorch = {
        name for name in documented if getattr(multilayer, name).__module__[:5] == "torch"
    }
    assert sorted(listed) == sorted(documented - of_pytorch)


@pytest.mark.parametrize("name", TRANSLATED)
def test_russian_pages_keep_step(name):
    english, russian = (path.read_text() for path in (DOCS / name, DOCS / "ru" / name))
    assert FENCED.findall(english) == FENCED.findall(russian)
    blocks = [[match[0] for match in FENCED.finditer(text)] for text in (english, russian)]
    assert blocks[0] == blocks[1]
    outlines = [
        re.findall(r"^(#+) ", FENCED.sub("", text), re.MULTILINE) for text in (english, russian)
    ]
    assert outlines[0] == outlines[1]
    links = [sorted(re.findall(r"\]\((?:\.\./)?([^)]+)\)", text)) for text in (english, russian)]
    assert links[0] == links[1]
    assert re.search("[\u0430-\u044f]{4}", FENCED.sub("", russian))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The address of the site, made and served."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", folder / "parsed", DOCS, folder / "html"], capture_output=True, text=True,
        check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    handler = functools.partial(Quiet, directory=folder / "html")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def pages() -> list[str]:
    """All pages but the tables of measurements, which are alike."""
    found = sorted(path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md"))
    return [str(path) for path in found if path.parts[0] != "results"]


@pytest.mark.long
def test_a_word_is_found(site, browser):
    browser.look(width=390)
    browser.open(f"{site}/search.html?q=SIGHUP")
    found = "document.querySelectorAll('#search-results li a').length"
    browser.evaluate(f"""new Promise(done => {{
        let times = 0;
        const look = () => {found} || ++times > 400 ? done() : setTimeout(look, 50);
        look();
    }})""")
    assert "serving" in browser.evaluate("document.querySelector('#search-results').innerHTML")
    assert not browser.complaints
    assert all(address.startswith((site, "data:")) for address in browser.requests)


@pytest.mark.long
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_every_reader_can_read_every_page(site, browser, width, scheme):
    if not AXE.exists():
        pytest.skip("axe is not installed; make axe")
    axe = AXE.read_text()
    for page in pages():
        browser.look(width=width, scheme=scheme)
        browser.open(f"{site}/{page}.html")
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, page
        browser.evaluate(axe + ";0")
        found = browser.evaluate(
            "axe.run().then(answer => answer.violations.map("
            "one => [one.impact, one.id, one.nodes[0].html]))"
        )
        assert not [one for one in found if one[0] in ("serious", "critical")], page
        assert not browser.complaints, page
        assert all(address.startswith((site, "data:")) for address in browser.requests), page
    assert browser.evaluate("document.documentElement.lang") in ("en", "ru")


@pytest.mark.long
def test_a_notebook_can_be_downloaded_from_its_page(site):
    for page in (page for page in pages() if page.startswith("notebooks/")):
        with urllib.request.urlopen(f"{site}/{page}.html") as answer:
            text = answer.read().decode()
        [name] = re.findall(r'<a href="([\w-]+\.ipynb)" download', text)
        with urllib.request.urlopen(f"{site}/notebooks/{name}") as answer:
            notebook = json.load(answer)
        assert page == f"notebooks/{name.removesuffix('.ipynb')}"
        assert sum(cell["cell_type"] == "code" for cell in notebook["cells"]) > 3
