import xml.etree.ElementTree as ElementTree

import pytest

from multilayer.drawing.figures import picture
from multilayer.drawing.panels import Panel, Series, save_panels
from multilayer.errors import OutputError


def texts_of(path) -> set[str]:
    """What an SVG file writes in letters."""
    root = ElementTree.parse(path).getroot()
    return {"".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")}


def test_the_same_drawing_gives_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        paths = [tmp_path / f"{name}.{kind}" for kind in ("svg", "png")]
        with picture(*paths, width=2, height=2) as figure:
            figure.add_subplot().plot([1, 2, 3])
    for kind in ("svg", "png"):
        first, second = tmp_path / f"first.{kind}", tmp_path / f"second.{kind}"
        assert first.read_bytes() == second.read_bytes()


def test_a_folder_that_is_not_there(tmp_path):
    with (
        pytest.raises(OutputError, match=r"cannot write .*nowhere/x\.svg"),
        picture(tmp_path / "nowhere" / "x.svg", width=1, height=1),
    ):
        pass


@pytest.mark.parametrize("num_panels", [1, 2, 3])
def test_panels_are_drawn_with_titles_categories_and_legends(tmp_path, num_panels):
    path = tmp_path / "panels.svg"
    panel = Panel(
        "Accuracy", "width", "share",
        [Series("a line", [1, 2], [0.1, 0.2], [0.0, 0.1], [0.2, 0.4], dots=[[0.1], [0.2, 0.3]])],
    )  # fmt: skip
    other = Panel("Kinds", "kind", "share", [Series("", [0, 1], [1, 2])], categories=["x<y", "z"])
    save_panels([panel, other, panel][:num_panels], path, title="All")
    texts = texts_of(path)
    assert {"All", "Accuracy", "a line", "width"} <= texts
    assert ({"Kinds", "x<y"} <= texts) == (num_panels > 1)


def test_axes_may_be_logarithmic_and_values_missing(tmp_path):
    values, low, high = [0.05, float("nan"), 0.5], [0.01, 0.4, 0.4], [0.1, 0.6, 0.6]
    series = Series("", [16, 64, 1024], values, low, high)
    panel = Panel("t", "x", "y", [series], is_log_x=True, is_log_y=True)
    save_panels([panel], tmp_path / "p.png", tmp_path / "p.svg", title="t")
    texts = texts_of(tmp_path / "p.svg")
    assert {"16", "1024", "0.1"} <= texts
    assert not any("math" in text for text in texts)
