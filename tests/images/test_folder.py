import re
from pathlib import Path

import numpy as np
import pytest

from multilayer.errors import DataError, DatasetNotFoundError, IdxFileError
from multilayer.images.folder import FILE_NAMES, find_idx_files, load_image_folder
from multilayer.images.idx import write_idx

TRAIN_IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
TRAIN_LABELS = np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)
TEST_IMAGES = TRAIN_IMAGES[:3] + 1
TEST_LABELS = np.array([2, 1, 0], dtype=np.uint8)
STANDARD = dict(
    zip(FILE_NAMES, (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS), strict=True)
)


def make(folder: Path, **changes: np.ndarray) -> Path:
    """Write a small data set; `changes` replaces arrays, with underscores for the dashes."""
    folder.mkdir(exist_ok=True)
    changed = {name.replace("_", "-"): array for name, array in changes.items()}
    for name, array in (STANDARD | changed).items():
        write_idx(folder / name, array)
    return folder


def error_of(folder: Path, kind: type[DataError] = DatasetNotFoundError) -> str:
    with pytest.raises(kind) as caught:
        load_image_folder(folder)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    dataset = load_image_folder(make(tmp_path / "shapes"))
    np.testing.assert_array_equal(dataset.train.images, TRAIN_IMAGES)
    np.testing.assert_array_equal(dataset.train.labels, TRAIN_LABELS)
    np.testing.assert_array_equal(dataset.test.images, TEST_IMAGES)
    np.testing.assert_array_equal(dataset.test.labels, TEST_LABELS)
    assert dataset.train.labels.dtype == np.int64
    assert (len(dataset.train), len(dataset.test)) == (6, 3)
    assert dataset.name == "shapes"
    assert dataset.image_shape == (4, 5)
    assert dataset.class_names == ("0", "1", "2")
    assert str(tmp_path / "shapes") in dataset.source


def test_the_current_folder_has_its_real_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(make(tmp_path / "shapes"))
    assert load_image_folder(".").name == "shapes"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-idx", ".idx"),
        ("t10k", "test"),
        ("t", "emnist-letters-t"),
        ("ubyte", "ubyte.gz"),
    ],
)
def test_other_spellings_are_found(tmp_path: Path, old: str, new: str) -> None:
    make(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / path.name.replace(old, new, 1))
    assert len(load_image_folder(tmp_path).train) == 6


def test_the_plain_file_is_preferred_to_the_gzip_one(tmp_path: Path) -> None:
    make(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", TRAIN_IMAGES * 0)
    assert load_image_folder(tmp_path).train.images.any()
    assert find_idx_files(tmp_path)[FILE_NAMES[0]].suffix == ""


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    make(tmp_path)
    for name in ("README", "train-images-idx3-ubyte.md5", "mytrain-images-idx3-ubyte"):
        (tmp_path / name).write_text("x")
    assert len(load_image_folder(tmp_path).train) == 6


def test_labels_may_begin_at_one(tmp_path: Path) -> None:
    make(tmp_path, train_labels_idx1_ubyte=TRAIN_LABELS + 1, t10k_labels_idx1_ubyte=TEST_LABELS + 1)
    dataset = load_image_folder(tmp_path)
    assert dataset.class_names == ("0", "1", "2", "3")
    assert dataset.train.labels.tolist() == [1, 2, 3, 1, 2, 3]


def test_missing_files_are_named_with_what_is_there(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    message = error_of(tmp_path)
    assert f"{tmp_path} lacks train-labels-idx1-ubyte (plain or .gz)" in message
    assert "it holds t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, train-images" in message


def test_a_long_list_of_files_is_cut(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").touch()
    assert error_of(tmp_path).endswith("06, 07 and 22 more")


def test_hidden_files_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    assert error_of(tmp_path).endswith("it holds nothing")


def test_an_empty_or_absent_folder_or_a_file_is_refused(tmp_path: Path) -> None:
    assert error_of(tmp_path).endswith("it holds nothing")
    assert "no such file" in error_of(tmp_path / "absent")
    (tmp_path / "file").touch()
    assert "not a directory" in error_of(tmp_path / "file")


@pytest.mark.parametrize(
    "second",
    ["train-images.idx3-ubyte", "letters-train-images-idx3-ubyte", "test-images-idx3-ubyte"],
)
def test_two_choices_are_refused(tmp_path: Path, second: str) -> None:
    make(tmp_path)
    write_idx(tmp_path / second, TRAIN_IMAGES)
    message = error_of(tmp_path)
    assert "more than one choice for" in message
    assert second in message


def test_differing_counts_name_both_files(tmp_path: Path) -> None:
    make(tmp_path, t10k_labels_idx1_ubyte=TEST_LABELS[:2])
    assert error_of(tmp_path, DataError) == (
        f"{tmp_path}/t10k-images-idx3-ubyte has 3 images and "
        f"{tmp_path}/t10k-labels-idx1-ubyte has 2 labels; there must be as many of each"
    )


def test_a_test_label_beyond_the_classes_is_refused(tmp_path: Path) -> None:
    make(tmp_path, t10k_labels_idx1_ubyte=TEST_LABELS + 1)
    message = error_of(tmp_path, DataError)
    assert "t10k-labels-idx1-ubyte has the label 3" in message
    assert "train-labels-idx1-ubyte is 2" in message


def test_parts_of_different_size_are_refused(tmp_path: Path) -> None:
    make(tmp_path, t10k_images_idx3_ubyte=TEST_IMAGES[:, 1:])
    assert re.search(r"not 4 x 5 in .*train.* and 3 x 5 in .*t10k", error_of(tmp_path, DataError))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train_images_idx3_ubyte": TRAIN_IMAGES.astype(np.int32)}, "it holds int32 of 3"),
        ({"train_images_idx3_ubyte": TRAIN_IMAGES[0]}, "it holds uint8 of 2"),
        ({"train_labels_idx1_ubyte": TRAIN_LABELS.astype(np.int8)}, "it holds int8 of 1"),
        ({"t10k_labels_idx1_ubyte": TEST_LABELS[None]}, "it holds uint8 of 2"),
        ({"t10k_images_idx3_ubyte": TEST_IMAGES[:0]}, "it holds 0 x 4 x 5 values"),
        ({"t10k_images_idx3_ubyte": TEST_IMAGES[:, :0]}, "it holds 3 x 0 x 5 values"),
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path, changes, says) -> None:
    message = error_of(make(tmp_path, **changes), IdxFileError)
    assert next(iter(changes)).replace("_", "-") in message
    assert says in message


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    assert error_of(tmp_path, IdxFileError).startswith(f"{path} is truncated")
