"""KaggleHouse: the book's preprocessing, on tables given by path."""

import numpy as np
import pandas as pd
import pytest
import torch
from sample_houses import houses

import multilayer as d2l
from multilayer.errors import DataError, DatasetNotFoundError

# What the section's reader writes: k folds of one set of houses, and an answer of all models.
BY_FOLDS = """
import pandas as pd, torch
import multilayer as d2l

class Houses(d2l.KaggleHouse):
    pass

def folds(data, k):
    size = len(data.train) // k
    for number in range(k):
        rows = range(number * size, (number + 1) * size)
        yield Houses(data.batch_size, data.train.drop(index=rows), data.train.loc[rows])

data = Houses(16, "train.csv", "test.csv")
print(data.raw_train.shape, data.raw_val.shape)
data.preprocess()
torch.manual_seed(0)
trainer, models, losses = d2l.Trainer(max_epochs=10), [], []
for number, fold in enumerate(folds(data, 5)):
    model = d2l.LinearRegression(lr=0.01)
    model.board.yscale = "log"
    if number:
        model.board.display = False
    trainer.fit(model, fold)
    losses.append(float(model.board.data["val_loss"][-1].y))
    models.append(model)
print(f"average: {sum(losses) / len(losses):.4f}")
X = torch.tensor(data.val.values.astype(float), dtype=torch.float32)
prices = torch.exp(torch.cat([model(X) for model in models], 1)).mean(1)
answers = pd.DataFrame({"Id": data.raw_val.Id, "SalePrice": prices.detach().numpy()})
answers.to_csv("submission.csv", index=False)
"""


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(3)
    for name, num_rows in (("train", 40), ("test", 15)):
        frame = pd.DataFrame(
            {
                "Id": range(num_rows),
                "LotArea": rng.integers(1000, 9000, num_rows),
                "LotFrontage": rng.normal(60, 10, num_rows).round(1),
                "Street": rng.choice(["Pave", "Grvl"], num_rows),
            }
        )
        frame.loc[3, "LotFrontage"] = np.nan
        frame.loc[4, "Street"] = np.nan
        if name == "train":
            frame["SalePrice"] = 100 * frame["LotArea"]
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path / "train.csv", tmp_path / "test.csv"


def test_files_by_path_are_preprocessed_as_in_the_book(files):
    data = d2l.KaggleHouse(8, *files)
    assert data.raw_train.shape == (40, 5)
    data.preprocess()
    assert (data.train.shape, data.val.shape) == ((40, 6), (15, 5))
    together = pd.concat([data.train, data.val])["LotArea"]
    assert together.mean() == pytest.approx(0, abs=1e-12)
    assert together.std() == pytest.approx(1)
    assert data.train["LotFrontage"].iloc[3] == 0
    assert data.train["Street_nan"].iloc[4] == 1
    X, y = next(iter(data.train_dataloader()))
    assert (X.shape, y.shape, X.dtype) == ((8, 5), (8, 1), torch.float32)
    assert data.val_dataloader() is None
    torch.testing.assert_close(
        sum(y.sum() for _, y in data.train_dataloader()),
        torch.tensor(np.log(data.raw_train["SalePrice"]).sum(), dtype=torch.float32),
    )


def test_a_network_learns_prices_by_folds_of_preprocessed_frames(files):
    whole = d2l.KaggleHouse(8, *files)
    whole.preprocess()
    fold = d2l.KaggleHouse(8, whole.train[:30], whole.train[30:])
    torch.manual_seed(0)
    model = d2l.LinearRegression(lr=0.1)
    model.board.display = False
    d2l.Trainer(max_epochs=20).fit(model, fold)
    losses = [point.y for point in model.board.data["val_loss"]]
    assert losses[-1] < losses[0] / 10


def test_files_are_taken_from_the_folder(files, tmp_path, monkeypatch):
    for name, path in zip(("train", "test"), files, strict=True):
        url, _ = d2l.DATA_HUB[f"kaggle_house_{name}"]
        path.rename(tmp_path / url.rpartition("/")[2])
        monkeypatch.setitem(d2l.DATA_HUB, f"kaggle_house_{name}", (url, None))
    assert len(d2l.KaggleHouse(8, root=tmp_path).raw_val) == 15


@pytest.fixture
def competition(tmp_path):
    """Paths of tables as Kaggle hands them out."""
    houses(400).to_csv(tmp_path / "train.csv", index=False)
    houses(100, 401).drop(columns="SalePrice").to_csv(tmp_path / "test.csv", index=False)
    return tmp_path / "train.csv", tmp_path / "test.csv"


def test_the_section_runs_on_the_readers_files(competition, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(BY_FOLDS, {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert "(400, 22) (100, 21)" in said
    assert float(said.rpartition("average: ")[2]) < 0.5
    answers = pd.read_csv(tmp_path / "submission.csv")
    assert answers["Id"].tolist() == list(range(401, 501))
    true = houses(100, 401)["SalePrice"]
    assert np.corrcoef(np.log(answers["SalePrice"]), np.log(true))[0, 1] > 0.5


def test_every_kind_of_column_becomes_finite_numbers(competition):
    data = d2l.KaggleHouse(8, *map(str, competition))
    data.preprocess()
    assert data.train.columns.drop("SalePrice").equals(data.val.columns)
    assert np.isfinite(data.train.to_numpy(float)).all()
    assert {"Alley_nan", "Zone_C (all)", "Grade0_nan"} <= set(data.val)
    assert "Id" not in data.train


def test_prices_of_the_second_table_are_validated_on_and_never_learned_from(tmp_path):
    houses(40).to_csv(tmp_path / "train.csv", index=False)
    houses(20, 41).to_csv(tmp_path / "more.csv", index=False)
    data = d2l.KaggleHouse(8, tmp_path / "train.csv", tmp_path / "more.csv")
    data.preprocess()
    assert data.val["SalePrice"].tolist() == houses(20, 41)["SalePrice"].tolist()
    (X, y), *_ = data.val_dataloader()
    assert X.shape == (8, data.train.shape[1] - 1)
    torch.testing.assert_close(y[:, 0].exp(), torch.tensor(data.val["SalePrice"][:8].to_numpy(),
                               dtype=torch.float32), rtol=1e-4, atol=0)  # fmt: skip


def test_the_error_says_where_the_files_are_and_how_to_name_them(tmp_path, monkeypatch):
    for name in ("train", "test"):
        unreachable = ("http://127.0.0.1:9/x.csv", None)
        monkeypatch.setitem(d2l.DATA_HUB, f"kaggle_house_{name}", unreachable)
    with pytest.raises(DatasetNotFoundError) as caught:
        d2l.KaggleHouse(64, root=tmp_path)
    assert "kaggle.com" in str(caught.value)
    assert "KaggleHouse(batch_size, 'train.csv', 'test.csv')" in str(caught.value)


def without(column):
    return lambda frame: frame.drop(columns=column)


@pytest.mark.parametrize(
    ("first", "second", "complaint"),
    [
        (without("SalePrice"), None, r"train\.csv has no column 'SalePrice'$"),
        (without("SalePrice"), lambda frame: frame.assign(SalePrice=1), "were they swapped"),
        (without("Id"), None, r"train\.csv has no column 'Id'"),
        (None, without("Quality"), "only one of them has Quality"),
        (None, lambda frame: frame[:0], r"test\.csv has no rows"),
        (lambda frame: frame.assign(SalePrice=[5.0, -1.0, *[5.0] * 38]), None, "row 2: .* -1.0"),
        (lambda frame: frame.assign(SalePrice=["7", "cheap", *["5"] * 38]), None, "row 2: .*cheap"),
        (lambda frame: frame.assign(SalePrice=[None, *[5.0] * 39]), None, "row 1: .* nan"),
    ],
)
def test_tables_that_are_not_what_they_must_be_are_refused(tmp_path, first, second, complaint):
    tables = {"train": houses(40), "test": houses(20, 41).drop(columns="SalePrice")}
    for name, change in zip(tables, (first, second), strict=True):
        table = change(tables[name]) if change else tables[name]
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(DataError, match=complaint):
        d2l.KaggleHouse(8, tmp_path / "train.csv", tmp_path / "test.csv")


def test_one_path_needs_the_other(files):
    with pytest.raises(DataError, match="the path of train; it needs that of val"):
        d2l.KaggleHouse(8, files[0])
    with pytest.raises(DataError, match="the path of val; it needs that of train"):
        d2l.KaggleHouse(8, val=files[1])


def test_what_cannot_be_read_and_what_is_not_prepared_is_named(files, tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"none\.csv cannot be read"):
        d2l.KaggleHouse(8, tmp_path / "none.csv", files[1])
    with pytest.raises(DatasetNotFoundError, match="call preprocess"):
        d2l.KaggleHouse(8, *files).train_dataloader()
