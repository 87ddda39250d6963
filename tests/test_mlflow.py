"""Models logged in a real tracking store of MLflow, and loaded by MLflow and by ours."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multilayer
from multilayer import (
    DataWarning,
    MLPClassifier,
    MLPRegressor,
    Run,
    RunConfiguration,
    load_model,
)
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.errors import (
    MissingExtraError,
    ModelFileError,
    OutputError,
    SettingsError,
    TableError,
)
from multilayer.model.model_file import KIND

# MLflow warns of what its own parts do with SQLAlchemy, pandas and pydantic.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error::multilayer.DataWarning"),
]

WITHOUT_PYTORCH = """
import json, sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "scipy", "matplotlib", "sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone())
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
assert "torch" not in sys.modules
print(model.predict(pd.DataFrame(json.loads(sys.argv[2]))).to_json())
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A tracking store in a folder."""
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        mlflow.create_experiment("tests", artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment("tests")
        yield folder
        mlflow.end_run()


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    """Numbers with gaps, whole numbers, categories, text, money, yes or no, and dates."""
    source = np.random.default_rng(0)
    size = source.normal(100, 30, 200)
    return pd.DataFrame(
        {
            "size": np.where(np.arange(200) % 17 == 0, np.nan, size),
            "age": source.integers(0, 90, 200),
            "town": pd.Categorical(source.choice(["Bern", "Oslo", "Rome"], 200)),
            "street": source.choice(["a", "b", None], 200),
            "rent": [f"${value:,.2f}" for value in size * 21.5],
            "garden": source.choice([True, False], 200),
            "sold": pd.date_range("2024-01-01", periods=200),
        },
        index=range(1000, 1200),
    )


@pytest.fixture(scope="module")
def classifier(houses) -> MLPClassifier:
    kind = np.where(houses["size"].fillna(0) > 100, "large", "small")
    return quiet(MLPClassifier("fast", max_iter=2, random_state=0), houses, kind)


def quiet(estimator, X, y):
    """Fit without the notes on columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return estimator.fit(X, y)


def test_logged_tables_answer_as_ours(store, houses, classifier):
    import mlflow

    logged = multilayer.mlflow.log_model(classifier, name="houses", metadata={"team": "a"})
    inputs = {one.name: (str(one.type), one.required) for one in logged.signature.inputs}
    assert inputs == dict.fromkeys(houses.columns, ("Any", True))
    assert logged.metadata["task"] == "binary"
    assert logged.metadata["team"] == "a"
    assert logged.metadata["columns"]["age"] == "number: whole numbers from 0 to 89"

    model = mlflow.pyfunc.load_model(logged.model_uri)
    answers = model.predict(houses)
    assert answers.columns.tolist() == ["predicted_target"]
    assert answers.index.equals(houses.index)
    assert (answers["predicted_target"] == classifier.predict(houses)).all()
    asked = model.predict(houses, params={"coverage": 0.8, "probabilities": True})
    assert [*asked.columns] == [one.name for one in logged.signature.outputs]
    found = asked[["probability_large", "probability_small"]].to_numpy()
    np.testing.assert_allclose(found, classifier.predict_proba(houses), atol=1e-9)
    sets = classifier.predict_set(houses, coverage=0.8)
    expected = [" | ".join(np.array(["large", "small"])[row]) for row in sets]
    assert asked["predicted_target_set"].tolist() == expected

    ours = multilayer.mlflow.load_model(logged.model_uri)
    np.testing.assert_allclose(
        ours.probabilities(houses), classifier.predict_proba(houses), atol=1e-9
    )
    again = multilayer.mlflow.log_model(classifier, name="houses")  # a model of its own
    assert again.model_uri != logged.model_uri
    assert (mlflow.pyfunc.load_model(again.model_uri).predict(houses) == answers).all(axis=None)


def test_mlflow_finds_the_example_and_the_answers_fit_to_be_served(store, houses, classifier):
    import mlflow

    logged = multilayer.mlflow.log_model(classifier, name="served")
    folder = Path(mlflow.artifacts.download_artifacts(logged.model_uri))
    example = mlflow.models.Model.load(str(folder)).load_input_example(str(folder))
    assert [*example.columns] == [*houses.columns]
    served = json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]
    model = mlflow.pyfunc.load_model(logged.model_uri)
    for rows in (example, pd.DataFrame(**served)):
        assert model.predict(rows)["predicted_target"][0] in ("large", "small")
    requirements = (folder / "requirements.txt").read_text().split()
    assert f"multilayer=={multilayer.__version__}" in requirements
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle")]


def test_numbers_labels_and_files_are_logged(tmp_path, houses):
    import mlflow

    X = houses[["age", "garden"]]
    y = np.stack([X["age"] * 2.0, X["age"] + 1.0], axis=1)
    regressor = quiet(MLPRegressor("fast", max_iter=2, random_state=0), X, y)
    regressor.save(tmp_path / "model.safetensors")
    multilayer.mlflow.save_model(tmp_path / "model.safetensors", tmp_path / "numbers")
    model = mlflow.pyfunc.load_model(str(tmp_path / "numbers"))
    answers = model.predict(X, params={"coverage": 0.5})
    ends = regressor.predict_interval(X, coverage=0.5)
    assert [*answers.columns[2:]] == [
        f"{name}_{end}" for name in answers.columns[:2] for end in ("low", "high")
    ]
    np.testing.assert_allclose(answers.iloc[:, :2], regressor.predict(X))
    np.testing.assert_allclose(answers.iloc[:, 2:], ends.reshape(len(X), -1))
    kept = tmp_path / "numbers" / "data" / "model.safetensors"
    assert kept.read_bytes() == (tmp_path / "model.safetensors").read_bytes()

    labels = quiet(MLPClassifier("fast", max_iter=2, random_state=0), X, (y > 50).astype(int))
    multilayer.mlflow.save_model(labels, tmp_path / "labels")
    model = mlflow.pyfunc.load_model(str(tmp_path / "labels"))
    assert [one.name for one in model.metadata.signature.params] == ["probabilities"]
    np.testing.assert_array_equal(model.predict(X), labels.predict(X))


def test_a_finished_run_on_images_is_logged(tmp_path, small_folder, fashion_mnist):
    import mlflow

    changes = {"max_epochs": 1, "hidden_widths": (8,)}
    run = Run(RunConfiguration(small_folder, None, None, changes, tmp_path / "run"))
    with run.folder:
        for _ in run.epochs():
            pass
        run.finish()
    multilayer.mlflow.save_model(run, tmp_path / "images")
    model = mlflow.pyfunc.load_model(str(tmp_path / "images"))
    images, trained = fashion_mnist.test.images[:50], load_model(tmp_path / "run")
    answers = model.predict(images, params={"probabilities": True})
    assert [*answers.columns[:2]] == ["predicted_label", "probability_0"]
    assert (answers["predicted_label"] == trained.predict(images)).all()
    np.testing.assert_allclose(answers.iloc[:, 1:], trained.probabilities(images), atol=1e-5)
    with pytest.raises(Exception, match="shape"):
        model.predict(images[:, :20])


@pytest.mark.long  # MLflow is loaded once more
def test_a_model_answers_without_pytorch(tmp_path, houses, classifier):
    multilayer.mlflow.save_model(classifier, tmp_path / "model")
    rows = houses[:5].astype({"sold": str})
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTORCH, tmp_path / "model", rows.to_json()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])["predicted_target"]
    assert [*answers.values()] == classifier.predict(rows).tolist()


def test_rows_that_do_not_fit_are_refused(tmp_path, houses, classifier):
    import mlflow

    multilayer.mlflow.save_model(classifier, tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    with pytest.raises(TableError, match="row 2 of column 'size' of the table must be a number"):
        model.predict(houses[:2].assign(size=["1.5", "big"]))
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        model.predict(houses.drop(columns="size"))
    with pytest.raises(SettingsError, match="coverage must be a number between 0 and 1; it is 2.0"):
        model.predict(houses, params={"coverage": 2.0})


def test_what_cannot_be_logged_is_said(tmp_path, classifier):
    with pytest.raises(SettingsError, match="this MLPClassifier is not fitted; call its fit first"):
        multilayer.mlflow.save_model(MLPClassifier(), tmp_path / "model")
    with pytest.raises(SettingsError, match="model must be a run folder, .* it is int"):
        multilayer.mlflow.save_model(3, tmp_path / "model")
    with pytest.raises(ModelFileError, match="holds no model.safetensors"):
        multilayer.mlflow.save_model(tmp_path, tmp_path / "model")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "precious").touch()
    with pytest.raises(OutputError, match="is not an empty folder; name another one"):
        multilayer.mlflow.save_model(classifier, tmp_path / "model")


def test_models_of_others_and_of_newer_versions_are_refused(tmp_path, classifier):
    import mlflow

    multilayer.mlflow.save_model(classifier, tmp_path / "model")
    file = tmp_path / "model" / "data" / "model.safetensors"
    content = read_container(file, KIND)
    write_container(file, KIND, {**content.document, "of a later version": 1}, content.arrays)
    for load in (multilayer.mlflow.load_model, mlflow.pyfunc.load_model):
        with pytest.raises(ModelFileError):
            load(str(tmp_path / "model"))
    description = tmp_path / "model" / "MLmodel"
    text = description.read_text().replace("loader_module: multilayer.mlflow", "loader_module: x")
    description.write_text(text)
    with pytest.raises(ModelFileError, match="was not logged by multilayer.mlflow; load it with"):
        multilayer.mlflow.load_model(str(tmp_path / "model"))


@pytest.mark.parametrize("package", ["mlflow", "pandas"])
def test_the_extra_is_named_where_it_is_missing(monkeypatch, package, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    for ask in (
        lambda: multilayer.mlflow.log_model(None),
        lambda: multilayer.mlflow.save_model(None, tmp_path),
        lambda: multilayer.mlflow.load_model("models:/a/1"),
    ):
        with pytest.raises(MissingExtraError, match=r'needs .*pip install "multilayer\[mlflow\]"'):
            ask()
