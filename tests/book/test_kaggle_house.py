import numpy as np
import pandas as pd
import pytest
import torch

import multilayer as d2l
from multilayer.errors import DatasetNotFoundError


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


def test_what_cannot_be_read_and_what_is_not_prepared_is_named(files, tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"none\.csv cannot be read"):
        d2l.KaggleHouse(8, tmp_path / "none.csv", files[1])
    with pytest.raises(DatasetNotFoundError, match="call preprocess"):
        d2l.KaggleHouse(8, *files).train_dataloader()
