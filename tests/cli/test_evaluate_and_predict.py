"""`multilayer evaluate` and `multilayer predict` on a network that was trained for real."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multilayer.cli.application import run
from multilayer.images.datasets import ImageDataset
from multilayer.model.model_file import load_model
from multilayer.recipes.recipes import recipe
from multilayer.runs.earlier_runs import ImageRun


@pytest.fixture(scope="module")
def trained(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    image_run = ImageRun(
        small_folder, recipe("chapter", max_epochs=20), tmp_path_factory.mktemp("run")
    )
    list(image_run.epochs())
    image_run.finish()
    return image_run.folder.path


def test_evaluate_prints_scores_classes_and_confusions(multilayer, trained):
    done = multilayer("evaluate", trained)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^accuracy +0\.\d+ +0\.\d+ to 0\.\d+ +0\.\d+ *$", done.stdout, re.MULTILINE)
    rows = re.findall(r"^(\d)((?: +\d+){10}) *$", done.stdout, re.MULTILINE)
    assert [name for name, _ in rows] == [str(number) for number in range(10)]
    assert sum(int(count) for _, counts in rows for count in counts.split()) == 500
    for name in ("reliability.png", "confusion_matrix.png", "mistakes.png"):
        assert (trained / name).is_file()


def test_evaluate_on_other_data_names_its_classes(multilayer, trained, tmp_path):
    done = multilayer("evaluate", trained, "fashion-mnist", "--output", tmp_path)
    assert done.returncode == 0
    assert "fashion-mnist: 10,000 test images" in done.stdout
    assert (tmp_path / "mistakes.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "/nowhere"], "there is no run folder /nowhere"),
        (
            ["evaluate", "{run}", "digits"],
            "was trained on images of 28 x 28 pixels; those of digits have 8 x 8",
        ),
        (["evaluate", "{run}", "--output", "/nowhere"], "the folder for the pictures, /nowhere"),
        (["predict", "/nowhere", "x.png"], "there is no run folder /nowhere"),
        (["predict", "{run}", "/nowhere.png"], "/nowhere.png"),
        (["predict", "{run}"], "requires an argument"),
        (["evaluate"], "requires an argument"),
        (["evalute", "{run}"], 'Did you mean "evaluate"?'),
    ],
)
def test_bad_input_is_one_line(trained, arguments, message, capfd):
    assert run([argument.format(run=trained) for argument in arguments]) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert message in output.err


def test_a_table_for_images_and_images_for_a_table_are_refused_in_one_line(
    multilayer, trained, small_folder, tmp_path
):
    table = tmp_path / "rows.csv"
    table.write_text("size,town\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(60)))
    flags = ("--target", "town", "--max-epochs", "1", "--output", tmp_path / "run", "--quiet")
    assert multilayer("train", table, *flags).returncode == 0
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "one.png")
    of_images = f"error: {trained} was trained on images of 28 x 28 pixels, and "
    of_table = f"error: {tmp_path / 'run'} was trained on a table with the target 'town', and "
    images = (small_folder, tmp_path / "one.png", "digits")
    expected = [
        (trained, table, of_images),
        *((tmp_path / "run", path, f"{of_table}{path}") for path in images),
    ]
    asked = [("evaluate", case) for case in expected]
    asked += [(command, case) for command in ("predict", "inspect") for case in expected[:2]]
    for command, (run_folder, data, message) in asked:
        done = multilayer(command, run_folder, data)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(message), done.stderr
        assert done.stderr.count("\n") == 1


def test_predict_labels_an_idx_file_as_the_model_does(
    multilayer, trained, small_folder, fashion_mnist: ImageDataset
):
    done = multilayer("predict", trained, small_folder / "t10k-images-idx3-ubyte")
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    probabilities = load_model(trained / "model.safetensors").probabilities(
        fashion_mnist.test.images[:500]
    )
    assert [int(row["label"]) for row in rows] == probabilities.argmax(1).tolist()
    np.testing.assert_allclose(
        [float(row["probability"]) for row in rows], probabilities.max(1), atol=5.1e-5
    )


def test_predict_labels_png_files_alike(multilayer, trained, fashion_mnist, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, image in enumerate(fashion_mnist.test.images[:3]):
        Image.fromarray(image).save(folder / f"{number}.png")
    Image.fromarray(255 - fashion_mnist.test.images[0]).save(tmp_path / "negative.png")
    Image.fromarray(fashion_mnist.test.images[0]).resize((56, 56)).save(tmp_path / "large.png")

    several = multilayer("predict", trained, folder, "--output", tmp_path / "labels.csv")
    assert (several.returncode, several.stdout) == (0, "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "labels.csv").read_text())))
    assert [row["image"] for row in rows] == ["0.png", "1.png", "2.png"]
    probabilities = load_model(trained / "model.safetensors").probabilities(
        fashion_mnist.test.images[:3]
    )
    assert [int(row["label"]) for row in rows] == probabilities.argmax(1).tolist()

    inverted = multilayer("predict", trained, tmp_path / "negative.png", "--invert")
    assert inverted.stdout.splitlines()[1].split(",")[1] == rows[0]["label"]

    large = multilayer("predict", trained, tmp_path / "large.png")
    assert large.returncode == 0
    assert re.fullmatch(r"note: .*28.*\n", large.stderr)


def test_names_of_pictures_are_no_formulas_where_asked(trained, tmp_path, capsys):
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "=1+1.png")
    for flags, name in ((), "=1+1.png"), (("--spreadsheet-safe",), "'=1+1.png"):
        assert run(["predict", str(trained), str(tmp_path), *flags]) == 0
        _, row = csv.reader(io.StringIO(capsys.readouterr().out))
        assert row[0].endswith(name)
        assert row[0].startswith("'") == (name[0] == "'")
