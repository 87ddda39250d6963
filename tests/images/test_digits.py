import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from multilayer.images.datasets import ImageDataset, load_digits


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load_digits()


def test_the_digits_are_scikit_learns_as_bytes(digits) -> None:
    images = np.concatenate([digits.train.images, digits.test.images])
    original = datasets.load_digits()
    assert images.dtype == np.uint8
    assert digits.image_shape == (8, 8)
    assert (images.min(), images.max()) == (0, 255)
    whole = {image.tobytes() for image in np.round(original.images * 255 / 16).astype(np.uint8)}
    assert {image.tobytes() for image in images} == whole


def test_each_digit_keeps_its_label(digits) -> None:
    original = datasets.load_digits()
    label_of = {
        image.tobytes(): label
        for image, label in zip(original.images.astype(np.uint8), original.target, strict=True)
    }
    for split in (digits.train, digits.test):
        assert split.labels.dtype == np.int64
        for image, label in zip(split.images, split.labels, strict=True):
            assert label_of[np.round(image * (16 / 255)).astype(np.uint8).tobytes()] == label


def test_the_test_part_is_a_fifth_of_each_class(digits) -> None:
    assert (len(digits.train), len(digits.test)) == (1438, 359)
    assert digits.class_names == tuple("0123456789")
    shares = np.bincount(digits.test.labels) / np.bincount(datasets.load_digits().target)
    assert ((shares > 0.19) & (shares < 0.21)).all()


def test_the_split_is_always_the_same(digits) -> None:
    np.testing.assert_array_equal(load_digits().test.images, digits.test.images)
    assert digits.test.labels[:10].tolist() == [5, 6, 7, 9, 1, 3, 4, 9, 5, 9]


def test_without_scikit_learn_the_error_says_how_to_get_it() -> None:
    code = """
import sys
sys.modules["sklearn"] = None  # from here on scikit-learn cannot be imported
from multilayer.images.datasets import load_images
from multilayer.errors import MissingExtraError
try:
    load_images("digits")
except MissingExtraError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == (
        "the digits data set needs scikit-learn, which is not installed; "
        'install it with: pip install "multilayer[sklearn]"\n'
    )
