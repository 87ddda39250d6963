"""The page's text, read by a parser; `test_page_in_browser.py` opens it."""

import itertools
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from multilayer.drawing.html.content import RunContent
from multilayer.drawing.html.page import render_page

VOID = {"meta", "img", "br", "input"}


class Document(HTMLParser):
    """Everything on a page: elements, their attributes, and the text of some."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.mistakes: list[str] = []
        self.feed(text)
        self.close()
        self.mistakes += self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.mistakes.append(f"</{tag}>")

    def handle_data(self, text):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(text)


def plain_run(name: str = "run", **parts) -> RunContent:
    history = [{"epoch": 1, "train_loss": 1.0, "validation_loss": 2.0}]
    return RunContent(
        name, "Finished.", {"data": "x"}, {"seed": "0"}, {}, history, "multilayer train x", {},
        **parts,
    )  # fmt: skip


def test_no_text_of_the_users_becomes_markup(hostile_runs, hostile_text):
    document = Document(render_page(hostile_runs[0].name, "now", hostile_runs))
    assert document.mistakes == []
    tags = [tag for tag, _ in document.elements]
    assert tags.count("script") == 1
    words = " ".join(text for texts in document.texts.values() for text in texts)
    assert words.count(hostile_text) > 30  # all of it is there, as text
    for tag, attributes in document.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert attributes.get("src", "data:").startswith("data:")


def test_nothing_is_fetched_from_elsewhere(hostile_runs):
    document = Document(render_page("Report", "now", hostile_runs))
    for tag, attributes in document.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "audio", "video"}
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    [style] = document.texts["style"]
    assert "@import" not in style
    assert "url(" not in style


def test_the_policy_allows_the_pages_own_style_and_script_alone():
    document = Document(render_page("Report", "now", [plain_run()]))
    [policy] = [
        found["content"]
        for tag, found in document.elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    ]
    for kind in ("style", "script"):
        [text] = document.texts[kind]
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_every_reference_leads_to_one_element(hostile_runs):
    document = Document(render_page("Report", "now", hostile_runs))
    names = [found["id"] for _, found in document.elements if "id" in found]
    assert len(names) == len(set(names))
    references = [
        name
        for _, found in document.elements
        for attribute in ("aria-labelledby", "href")
        for name in (found.get(attribute) or "").replace("#", "").split()
    ]
    assert set(references) <= set(names)


def test_a_section_is_there_only_where_a_run_fills_it():
    document = Document(render_page("Report", "now", [plain_run()]))
    sections = [found["id"] for tag, found in document.elements if tag == "section"]
    assert sections == ["training", "curves", "repeat"]
    document = Document(render_page("Report", "now", [plain_run(), plain_run("b", findings=[])]))
    assert "findings" in [found["id"] for tag, found in document.elements if tag == "section"]
    assert "Nothing found." in document.texts["p"]
    assert "Doctor could not look at this run." in document.texts["p"]


def test_a_run_without_epochs_is_shown():
    run = RunContent("a", "Not finished.", {}, {}, {}, [], "multilayer train x", {})
    document = Document(render_page("Report", "now", [run]))
    assert document.mistakes == []


@pytest.mark.parametrize("numbers", [1, 2])
def test_headings_go_down_by_one_level(numbers):
    runs = [plain_run(str(n)) for n in range(numbers)]
    document = Document(render_page("Report", "now", runs))
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_settings_in_which_runs_differ_are_marked():
    def run(name: str, seed: str) -> RunContent:
        return RunContent(name, "Finished.", {}, {"seed": seed, "loss": "x"}, {}, [], "", {})

    text = render_page("Report", "now", [run("a", "0"), run("b", "1")])
    assert '<th scope="row">seed ≠</th>' in text
    assert '<th scope="row">loss</th>' in text
    assert "≠" not in render_page("Report", "now", [run("a", "0")])
