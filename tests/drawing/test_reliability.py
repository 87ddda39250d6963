import pytest
from PIL import Image

from multilayer.drawing.pictures import save_reliability_diagram
from multilayer.errors import OutputError


def test_a_diagram_is_drawn_and_the_same_again(tmp_path):
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in paths:
        save_reliability_diagram([0.55, 0.9], [0.5, 0.95], [10, 40], 0.05, path)
    with Image.open(paths[0]) as image:
        assert image.size == (600, 672)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    save_reliability_diagram([0.55, 0.9], [0.5, 0.8], [10, 40], 0.05, paths[1])
    assert paths[0].read_bytes() != paths[1].read_bytes()


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        save_reliability_diagram([1.0], [1.0], [1], 0.0, tmp_path / "none" / "one.png")
