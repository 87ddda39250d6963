from pathlib import Path

import numpy as np
import pytest

from multilayer.errors import DatasetNotFoundError, SettingsError
from multilayer.images.datasets import load_images
from multilayer.images.folder import FILE_NAMES
from multilayer.images.idx import write_idx


@pytest.fixture
def folder_called_digits(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    folder.mkdir()
    for name in FILE_NAMES:
        shape = (2, 3, 3) if "images" in name else (2,)
        write_idx(folder / name, np.ones(shape, dtype=np.uint8))
    return folder


def test_names_and_folders_lead_to_their_data_sets(
    folder_called_digits, plain_folder, monkeypatch
) -> None:
    assert load_images("fashion-mnist", data_dir=plain_folder).name == "fashion-mnist"
    assert load_images(folder_called_digits).image_shape == (3, 3)
    assert load_images(str(folder_called_digits)).image_shape == (3, 3)
    monkeypatch.chdir(folder_called_digits.parent)
    assert load_images("digits").image_shape == (8, 8)
    assert load_images("./digits").image_shape == (3, 3)
    monkeypatch.setenv("HOME", str(folder_called_digits.parent))
    assert load_images("~/digits").image_shape == (3, 3)


def test_fashion_mnist_is_searched_for_without_a_folder(fashion_mnist) -> None:
    dataset = load_images("fashion-mnist")
    np.testing.assert_array_equal(dataset.test.labels, fashion_mnist.test.labels)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mnist", ""),
        ("fashion_mnist", "; did you mean 'fashion-mnist'?"),
        ("no/such/folder", ""),
    ],
)
def test_an_unknown_name_is_answered_with_what_is_known(tmp_path, monkeypatch, name, hint) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetNotFoundError) as caught:
        load_images(name)
    assert str(caught.value) == (
        f"'{name}' is neither a known data set nor a folder; it must be fashion-mnist, digits "
        f"or the path of a folder with MNIST-like idx files{hint}"
    )


def test_a_file_is_not_a_folder(folder_called_digits) -> None:
    with pytest.raises(DatasetNotFoundError, match="idx3-ubyte' is a file; it must be"):
        load_images(folder_called_digits / FILE_NAMES[0])


@pytest.mark.parametrize("name", ["digits", "elsewhere"])
def test_a_data_folder_for_another_data_set_is_refused(tmp_path, name) -> None:
    with pytest.raises(SettingsError, match=f"goes with fashion-mnist, not with {name}"):
        load_images(name, data_dir=tmp_path)
