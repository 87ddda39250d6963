"""How Sphinx makes the site of these pages: `make docs`."""

import re
from pathlib import Path
from typing import Any

import jupytext
from sphinx.application import Sphinx

import multilayer

project = "multilayer"
author = "The multilayer developers"
project_copyright = "The multilayer developers, MIT licence"
version = release = multilayer.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

smartquotes = False
default_role = "code"  # `name` in docstrings
autodoc_typehints = "none"  # the signature has them
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = "multilayer"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}


_MEASUREMENT = re.compile(r"\[([^\]]+)\]\(\.\./benchmarks/results/([^)]+)\.md\)")

_ACCESSIBLE = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<th class="head"><p></p></th>': "<td></td>",
    "<p><img ": '<p class="wide-picture" tabindex="0"><img ',
}

_RUSSIAN = {
    '<html lang="en"': '<html lang="ru"',
    "<span>Previous</span>": "<span>Назад</span>",
    "<span>Next</span>": "<span>Дальше</span>",
    "On this page": "На этой странице",
}


_DOWNLOAD = """

<p><a href="{name}.ipynb" download>Download this page as a Jupyter notebook</a></p>
"""


def setup(app: Sphinx) -> None:
    """What the pages need beside the settings above."""
    app.connect("source-read", _with_links_of_the_site)
    app.connect("source-read", _with_the_notebook)
    app.connect("include-read", _with_links_in_an_include)
    app.connect("autodoc-skip-member", _is_of_scikit_learn)
    app.connect("build-finished", _make_accessible)
    app.connect("build-finished", _write_notebooks)


def _with_links_of_the_site(app: Sphinx, page: str, text: list[str]) -> None:
    """Links that are right in the repository lead to the same pages of the site."""
    text[0] = _MEASUREMENT.sub(r"{doc}`\1 </results/\2>`", text[0])
    text[0] = text[0].replace("(../benchmarks/results)", "(measurements.md)").replace("(docs/", "(")


def _with_links_in_an_include(app: Sphinx, path: Path, parent: str, text: list[str]) -> None:
    _with_links_of_the_site(app, parent, text)


def _with_the_notebook(app: Sphinx, page: str, text: list[str]) -> None:
    """A page that is a notebook too says where that is."""
    folder, _, name = page.rpartition("/")
    if folder == "notebooks":
        title = re.search("^# .*$", text[0], re.MULTILINE)
        assert title is not None, page
        text[0] = text[0][: title.end()] + _DOWNLOAD.format(name=name) + text[0][title.end() :]


def _write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """The notebooks beside their pages, without outputs."""
    for path in Path(app.srcdir, "notebooks").glob("*.md"):
        target = Path(app.outdir, "notebooks", f"{path.stem}.ipynb")
        target.parent.mkdir(exist_ok=True)
        jupytext.write(jupytext.read(path), target)


def _is_of_scikit_learn(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Members that every estimator of scikit-learn has are in its own reference."""
    is_request = name.startswith("set_") and name.endswith("_request")
    module = getattr(member, "__module__", None) or ""
    return True if is_request or module.startswith("sklearn.") else None


def _make_accessible(app: Sphinx, exception: Exception | None) -> None:
    """What the theme leaves out: levels of headings, names of asides, scrolling by keyboard."""
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for given, better in _ACCESSIBLE.items():
            text = text.replace(given, better)
        if page.parent.name == "ru":
            for given, better in _RUSSIAN.items():
                text = text.replace(given, better)
        page.write_text(text, encoding="utf-8")
