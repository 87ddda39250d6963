"""House prices of Kaggle's competition, with which the book's chapter 5 ends."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from multilayer.book.batches import TensorLoader
from multilayer.book.data_module import DataModule
from multilayer.book.downloads import download
from multilayer.errors import DatasetNotFoundError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

_PRICE = "SalePrice"


class KaggleHouse(DataModule):
    """Houses, described by some 80 columns, and their prices; needs pandas.

    `KaggleHouse(64)` fetches both tables, or takes them from the folder `root`;
    `KaggleHouse(64, "train.csv", "test.csv")` reads the files that Kaggle hands out.
    `preprocess` then makes `train` and `val` of them.

    Attributes:
        raw_train: as read, a frame with the columns Id and SalePrice among others.
        raw_val: as read, without SalePrice.
        train: numbers, (num_train, num_features + 1), with SalePrice; from `preprocess` on.
        val: numbers, (num_val, num_features); likewise.

    Examples:
        >>> import multilayer as d2l
        >>> import pandas
        >>> houses = pandas.DataFrame({"area": [0.1, -1.2, 1.1], "SalePrice": [11.9, 11.2, 12.5]})
        >>> data = d2l.KaggleHouse(batch_size=2, train=houses, val=houses)
        >>> [len(batch[0]) for batch in data.train_dataloader()]
        [2, 1]
    """

    train: Any
    val: Any
    root: str

    def __init__(
        self,
        batch_size: int,
        train: Any = None,
        val: Any = None,
        root: str | Path = "../data",
    ) -> None:
        """Read two tables, or take what has been preprocessed.

        Args:
            batch_size: rows in a batch.
            train: the path of a CSV file; or a frame of numbers with SalePrice, which needs no
                `preprocess`; None: the book's file is fetched.
            val: likewise, without prices.
            root: the folder that the book's files are in, or are fetched to.

        Raises:
            DatasetNotFoundError: a file is not there, or cannot be fetched.
            MissingExtraError: pandas is not installed.
        """
        super().__init__()
        self.save_hyperparameters()
        if isinstance(train, (str, Path)) or train is None:
            self.raw_train = _read(train, "kaggle_house_train", root)
            self.train = None
        if isinstance(val, (str, Path)) or (val is None and self.train is None):
            self.raw_val = _read(val, "kaggle_house_test", root)
            self.val = None

    def preprocess(self) -> None:
        """Make numbers of both tables: standardised, 0 where missing, categories one-hot."""
        pd = _pandas()
        features = pd.concat(
            (
                self.raw_train.drop(columns=["Id", _PRICE]),
                self.raw_val.drop(columns=["Id"]),
            )
        )
        numeric = features.select_dtypes("number").columns
        scaled = features[numeric].apply(lambda column: (column - column.mean()) / column.std())
        features = features.astype(dict.fromkeys(numeric, "float64"))
        features[numeric] = scaled.fillna(0)
        features = pd.get_dummies(features, dummy_na=True)
        self.train = features[: len(self.raw_train)].copy()
        self.train[_PRICE] = self.raw_train[_PRICE]
        self.val = features[len(self.raw_train) :].copy()

    def get_dataloader(self, train: bool) -> TensorLoader | None:  # type: ignore[override]
        """Batches of features and of logarithms of prices; None where prices are not known."""
        frame = self.train if train else self.val
        if frame is None:
            raise DatasetNotFoundError("the tables are still as they were read; call preprocess()")
        if _PRICE not in frame:
            return None
        X, prices = (
            torch.tensor(part.to_numpy(float), dtype=torch.get_default_dtype())
            for part in (frame.drop(columns=[_PRICE]), frame[_PRICE])
        )
        return self.get_tensorloader((X, prices.log().reshape(-1, 1)), train)


def _read(path: str | Path | None, name: str, root: str | Path) -> "pd.DataFrame":
    pd = _pandas()
    found = download(name, root) if path is None else Path(path).expanduser()
    try:
        frame = pd.read_csv(found)
    except (OSError, ValueError) as error:
        raise DatasetNotFoundError(f"{found} cannot be read as a CSV file: {error}") from error
    return frame


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("KaggleHouse", "pandas", "kaggle") from error
    return pd
