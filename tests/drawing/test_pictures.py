import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from multilayer.drawing import pictures
from multilayer.errors import DataError, OutputError

EPOCHS = [
    {
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "validation_loss": 2.2 / epoch,
        "validation_accuracy": 1 - 0.5 / epoch,
    }
    for epoch in range(1, 11)
]
FEW_EXAMPLES = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "picture.png"


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return numpy.asarray(image.convert("RGB")).astype(int)


def box_of(mask):
    """Return top, bottom, left, right of the pixels where `mask` is true."""
    rows, columns = numpy.flatnonzero(mask.any(1)), numpy.flatnonzero(mask.any(0))
    return rows[0], rows[-1], columns[0], columns[-1]


def rows_of_color(image, color, tolerance=30):
    """Return the mean row of the pixels of this colour in each column that has some."""
    mask = numpy.abs(image - numpy.array(color)).max(axis=-1) <= tolerance
    columns = numpy.flatnonzero(mask.any(0))
    return numpy.array([numpy.flatnonzero(mask[:, column]).mean() for column in columns])


BLUE = (31, 119, 180)
ORANGE = (255, 127, 14)


def test_learning_curves_follow_the_figures(path):
    pictures.save_learning_curves(EPOCHS, path)
    image = pixels(path)
    assert image.shape == (432, 1200, 3)
    train = rows_of_color(image[:, :600], BLUE)
    assert train[0] < train[-1] - 100  # rows count downwards: the loss falls
    accuracy = rows_of_color(image[:, 600:], ORANGE)
    assert accuracy[0] > accuracy[-1] + 100


def test_without_accuracy_there_is_one_panel(path):
    rows = [{key: row[key] for key in ("epoch", "train_loss")} for row in EPOCHS]
    pictures.save_learning_curves(rows, path)
    image = pixels(path)
    assert image.shape == (432, 600, 3)
    assert len(rows_of_color(image, BLUE))
    assert not len(rows_of_color(image, ORANGE))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"epoch": 1, "train_loss": 2.0}],
        [{"epoch": 1, "train_loss": None, "validation_accuracy": None}],
        [{"epoch": 1, "train_loss": 1.0}, {"epoch": 2, "train_loss": float("nan")}],
        [{"epoch": 1, "train_loss": float("inf")}, {"epoch": 2, "train_loss": 1e308}],
        [{"epoch": 0, "validation_loss": 0.0}, {"epoch": 1, "validation_loss": 0.0}],
    ],
)
def test_incomplete_and_diverged_histories_are_drawn(path, rows):
    pictures.save_learning_curves(rows, path)
    assert pixels(path).min() == 0  # at least the axes are there


def test_first_layer_shows_the_units_with_the_largest_norm_first(path):
    weights = numpy.zeros((16, 4))
    weights[:, 2] = 1.0  # the largest: red, in the first place
    weights[:, 0] = -0.6  # the second: blue
    pictures.save_first_layer(weights, (4, 4), path)
    image = pixels(path)[:, :800]
    red = (image[..., 0] > image[..., 2] + 60) & (image[..., 0] > image[..., 1] + 40)
    blue = (image[..., 2] > image[..., 0] + 60) & (image[..., 2] > image[..., 1] + 40)
    red_top, red_bottom, red_left, red_right = box_of(red)
    blue_top, _, blue_left, _ = box_of(blue)
    assert abs(red_top - blue_top) <= 1  # in the same row of the grid
    assert red_right < blue_left
    assert red_right - red_left > 250
    assert abs((red_bottom - red_top) - (red_right - red_left)) <= 2  # pixels are square


def test_first_layer_picture_changes_with_the_weights(path, tmp_path):
    weights = numpy.random.default_rng(0).normal(size=(784, 20))
    pictures.save_first_layer(weights, (28, 28), path)
    weights[:392] *= -1
    pictures.save_first_layer(weights, (28, 28), tmp_path / "other.png")
    difference = numpy.abs(pixels(path) - pixels(tmp_path / "other.png")).max(axis=-1)
    assert (difference > 50).mean() > 0.1


def test_first_layer_shows_at_most_the_units_asked_for(path, tmp_path):
    weights = numpy.random.default_rng(0).normal(size=(16, 9)) * numpy.arange(9, 0, -1)
    pictures.save_first_layer(weights, (4, 4), path, max_units=4)
    pictures.save_first_layer(weights[:, :4], (4, 4), tmp_path / "four.png")
    below_title = slice(60, None)
    assert (pixels(path)[below_title] == pixels(tmp_path / "four.png")[below_title]).all()


@pytest.mark.parametrize("value", [0.0, numpy.nan, numpy.inf, 1e-320])
def test_first_layer_of_degenerate_weights_is_drawn(path, value):
    pictures.save_first_layer(numpy.full((6, 3), value, numpy.float32), (2, 3), path)
    assert pixels(path).size


@FEW_EXAMPLES
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30))
def test_first_layer_takes_every_shape(path, height, width, num_units, max_units):
    weights = numpy.random.default_rng(0).normal(size=(height * width, num_units))
    pictures.save_first_layer(weights.astype(numpy.float32), (height, width), path, max_units)
    assert pixels(path).min() < 100


def test_first_layer_refuses_weights_that_do_not_fit(path):
    with pytest.raises(DataError) as caught:
        pictures.save_first_layer(numpy.zeros((10, 3)), (4, 4), path)
    assert str(caught.value) == (
        "the weights have the shape (10, 3); for images of 4 by 4 pixels it must be "
        "(16, number of hidden units)"
    )
    assert not path.exists()


def cells_of(path, num_classes):
    """Return the inside of each cell of the matrix, as a picture of its own."""
    image = pixels(path)
    cells = (image[:, :, 2] > image[:, :, 0]) & (image[:, :, 2] > 90)  # all shades of blue
    top, bottom = numpy.flatnonzero(cells.sum(1) > 0.4 * image.shape[1])[[0, -1]]
    size = (bottom - top + 1) / num_classes
    left = numpy.flatnonzero(cells[top + int(0.1 * size)])[0]

    def inside(row, column):
        y, x = top + row * size, left + column * size
        return image[
            int(y + 0.15 * size) : int(y + 0.85 * size), int(x + 0.15 * size) : int(x + 0.85 * size)
        ]

    return [[inside(row, column) for column in range(num_classes)] for row in range(num_classes)]


def darkness_of(path, num_classes):
    """Return how dark each cell is near its corner, where no count stands."""
    rows = cells_of(path, num_classes)
    return numpy.array([[255 - cell[0, 0].mean() for cell in row] for row in rows])


def test_confusion_matrix_shades_cells_by_their_share_of_the_row(path):
    matrix = numpy.array([[90, 10, 0], [0, 5, 5], [200, 0, 800]])
    pictures.save_confusion_matrix(matrix, ["a", "b", "c"], path)
    darkness = darkness_of(path, 3)
    shares = matrix / matrix.sum(1, keepdims=True)
    order = numpy.argsort(shares, axis=None, kind="stable")
    assert (numpy.diff(darkness.ravel()[order]) >= -1).all()
    assert darkness[0, 0] > darkness[1, 1] > darkness[2, 0] > darkness[0, 1] > darkness[0, 2]


def test_confusion_matrix_rows_are_the_true_classes(path):
    pictures.save_confusion_matrix(numpy.array([[0, 10], [5, 5]]), ["a", "b"], path)
    darkness = darkness_of(path, 2)
    assert darkness[0, 1] > darkness[1, 0] > darkness[0, 0]


@pytest.mark.parametrize(("num_classes", "has_counts"), [(2, True), (20, True), (21, False)])
def test_confusion_matrix_shows_counts_for_few_classes_only(path, num_classes, has_counts):
    pictures.save_confusion_matrix(numpy.diag([100] * num_classes), ["x"] * num_classes, path)
    for row in cells_of(path, num_classes):
        for cell in row:
            assert (numpy.ptp(cell, axis=(0, 1)).max() > 30) == has_counts


@FEW_EXAMPLES
@given(
    st.integers(1, 40).flatmap(lambda n: st.lists(st.text(max_size=60), min_size=n, max_size=n)),
    st.integers(0, 10**6),
)
def test_confusion_matrix_takes_any_names_and_counts(path, names, largest):
    counts = numpy.random.default_rng(0).integers(0, largest + 1, (len(names), len(names)))
    pictures.save_confusion_matrix(counts, names, path)
    assert pixels(path).min() < 100


@pytest.mark.parametrize(
    "name",
    [
        "短袖 T恤",
        "футболка",
        "كنزة",
        "สวัสดี",
        "हिन्दी",
        "👟",
        "$x^2",
        "$\\frac$",
        "a" * 500,
        "\x00\n\x1b",
        "\udc80",
        "",
    ],
)
def test_names_in_any_script_are_drawn_without_a_warning(path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures.save_confusion_matrix(numpy.eye(2, dtype=int), [name, "b"], path)
        pictures.save_mistakes(
            numpy.zeros((1, 4, 4), numpy.uint8),
            numpy.array([0]),
            numpy.array([1]),
            numpy.array([0.9]),
            [name, name],
            path,
        )
    assert pixels(path).shape[1] == 1050


def test_confusion_matrix_refuses_other_shapes(path):
    with pytest.raises(DataError, match=r"shape \(2, 3\); for 2 class names it must be \(2, 2\)"):
        pictures.save_confusion_matrix(numpy.zeros((2, 3)), ["a", "b"], path)


def gray_levels_in_grid(path, num_images):
    """Return the gray level in the middle of each image of the sheet."""
    image = pixels(path)
    num_rows = -(-num_images // 5)
    top = 0.75 * 120
    row_height = (image.shape[0] - top) / num_rows
    return [
        image[int(top + (place // 5 + 0.45) * row_height), int((place % 5 + 0.5) * 1050 / 5), 0]
        for place in range(num_images)
    ]


def mistakes(num_images):
    """Return images whose gray level is their confidence; each second one is wrong."""
    rng = numpy.random.default_rng(0)
    confidences = rng.permutation(num_images) / num_images
    images = numpy.empty((num_images, 6, 6), numpy.uint8)
    images[:] = (255 * confidences).astype(numpy.uint8)[:, None, None]
    true_labels = numpy.arange(num_images) % 2
    return images, true_labels, numpy.zeros(num_images, numpy.int64), confidences


@pytest.mark.parametrize("num_images", [4, 20, 50, 200])
def test_mistakes_are_shown_the_most_confident_first(path, num_images):
    images, true_labels, predicted_labels, confidences = mistakes(num_images)
    pictures.save_mistakes(
        images, true_labels, predicted_labels, confidences, ["even", "odd"], path
    )
    wrong = sorted(images[1::2, 0, 0].astype(int), reverse=True)[:25]
    assert numpy.abs(numpy.array(gray_levels_in_grid(path, len(wrong))) - wrong).max() <= 1


def test_a_sheet_without_mistakes_says_so(path):
    images, true_labels, _, confidences = mistakes(10)
    pictures.save_mistakes(images, true_labels, true_labels, confidences, ["a", "b"], path)
    image = pixels(path)
    top, bottom, left, right = box_of(image.min(axis=-1) < 100)
    assert 0.4 < (top + bottom) / 2 / image.shape[0] < 0.6
    assert right - left > 80
    pictures.save_mistakes(
        images[:0], true_labels[:0], true_labels[:0], confidences[:0], ["a", "b"], path
    )
    assert (pixels(path) == image).all()


def all_pictures(folder):
    images, true_labels, predicted_labels, confidences = mistakes(12)
    names = ["a", "b"]
    pictures.save_learning_curves(EPOCHS, folder / "curves.png")
    pictures.save_first_layer(images.reshape(12, 36).T, (6, 6), folder / "first_layer.png")
    pictures.save_confusion_matrix(numpy.eye(2), names, folder / "confusion.png")
    pictures.save_mistakes(
        images, true_labels, predicted_labels, confidences, names, folder / "mistakes.png"
    )
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_input_gives_the_same_bytes_whatever_the_configuration(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = all_pictures(tmp_path / "one")
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 20, "axes.facecolor": "black"}):
        assert all_pictures(tmp_path / "two") == first
        assert mpl.rcParams["font.size"] == 30
    assert len(first) == 4
    assert all(b"Software" not in content for content in first.values())


def test_pyplot_is_never_loaded(tmp_path):
    program = (
        "import sys, pathlib; from multilayer.drawing import pictures;"
        "pictures.save_learning_curves([{'epoch': 1, 'train_loss': 2.0}], sys.argv[1]);"
        "print({'matplotlib.pyplot', 'torch', 'tkinter'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "set()\n"


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        pictures.save_learning_curves(EPOCHS, tmp_path / "absent" / "curves.png")


def test_a_failed_drawing_leaves_the_old_picture(path):
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        pictures.save_learning_curves([{"epoch": 1, "train_loss": "high"}], path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
