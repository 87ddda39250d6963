import numpy as np
import pytest

from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.errors import ImageFileError

ENCODER = ImageEncoder((4, 5))
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)


def test_images_become_rows_of_bytes_without_a_copy():
    rows = ENCODER.encode(IMAGES)
    assert rows.shape == (6, ENCODER.row_width) == (6, ENCODER.num_inputs) == (6, 20)
    assert rows.dtype == np.uint8
    assert np.shares_memory(rows, IMAGES)
    np.testing.assert_array_equal(rows[2], IMAGES[2].ravel())
    np.testing.assert_array_equal(ENCODER.encode(IMAGES[2].tolist()), rows[2:3])


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (IMAGES.reshape(6, 20), r"shape \(6, 20\) were given; the network takes \(num_images, 4,"),
        (IMAGES / 255, "must hold integers from 0 to 255, of type uint8; these are of type f"),
        (IMAGES.astype(int) - 300, r"of type int64, from -\d+ to -\d+"),
    ],
)
def test_other_images_are_refused(images, said):
    with pytest.raises(ImageFileError, match=said):
        ENCODER.encode(images)


def test_it_is_the_same_after_json():
    assert ImageEncoder.from_json(ENCODER.to_json()) == ENCODER


@pytest.mark.parametrize("shape", [None, 4, [4], [4, 0], [4, 5.0], [True, 5], "45", [4, 5, 3]])
def test_json_of_anything_else_is_refused(shape):
    with pytest.raises(ImageFileError, match="must be a height and a width"):
        ImageEncoder.from_json({"image_shape": shape})
