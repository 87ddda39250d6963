"""House prices of Kaggle's competition, with which the book's chapter 5 ends."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from multilayer.book.batches import TensorLoader
from multilayer.book.data_module import DataModule
from multilayer.book.downloads import download
from multilayer.errors import DataError, DatasetNotFoundError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

_ID, _PRICE = "Id", "SalePrice"
_HOW_TO_GET = (
    "the competition's page, https://www.kaggle.com/c/house-prices-advanced-regression-techniques, "
    "has both files for who signs in; then KaggleHouse(batch_size, 'train.csv', 'test.csv') reads "
    "them"
)


class KaggleHouse(DataModule):
    """Houses, described by some 80 columns, and their prices; needs pandas.

    `KaggleHouse(64)` fetches both tables, or takes them from the folder `root`;
    `KaggleHouse(64, "train.csv", "test.csv")` reads the files that Kaggle hands out.
    `preprocess` then makes `train` and `val` of them.

    Attributes:
        raw_train: as read, a frame with the columns Id and SalePrice among others.
        raw_val: as read, usually without SalePrice.
        train: numbers, (num_train, num_features + 1), with SalePrice; from `preprocess` on.
        val: numbers, (num_val, num_features), and SalePrice if it was read; likewise.

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
            val: likewise; without prices there is no validation loss. Paths are given for both
                tables or for neither.
            root: the folder that the book's files are in, or are fetched to.

        Raises:
            DatasetNotFoundError: a file is not there, or cannot be fetched.
            DataError: what was given is not two tables of one kind, with Id in both and SalePrice
                above 0 in the first.
            MissingExtraError: pandas is not installed.
        """
        super().__init__()
        self.save_hyperparameters()
        paths = [isinstance(one, (str, Path)) for one in (train, val)]
        if any(paths) and not all(paths):
            given, other = ("train", "val") if paths[0] else ("val", "train")
            raise DataError(f"KaggleHouse was given the path of {given}; it needs that of {other}")
        if all(paths) or train is None:
            self.raw_train = _read(train, "kaggle_house_train", root)
            self.raw_val = _read(val, "kaggle_house_test", root)
            _check(self.raw_train, self.raw_val, train or "the first table", val or "the second")
            self.train = self.val = None

    def preprocess(self) -> None:
        """Make numbers of both tables: standardised, 0 where missing, categories one-hot."""
        pd = _pandas()
        kept = [
            frame.drop(columns=[_ID, _PRICE], errors="ignore")
            for frame in (self.raw_train, self.raw_val)
        ]
        features = pd.concat(kept)
        numeric = features.select_dtypes("number").columns
        scaled = features[numeric].apply(lambda column: (column - column.mean()) / column.std())
        features = features.astype(dict.fromkeys(numeric, "float64"))
        features[numeric] = scaled.fillna(0)
        features = pd.get_dummies(features, dummy_na=True)
        self.train = features[: len(self.raw_train)].copy()
        self.train[_PRICE] = self.raw_train[_PRICE]
        self.val = features[len(self.raw_train) :].copy()
        if _PRICE in self.raw_val:
            self.val[_PRICE] = self.raw_val[_PRICE]

    def get_dataloader(self, train: bool) -> TensorLoader | None:  # type: ignore[override]
        """Batches of features and of logarithms of prices; None where prices are not known."""
        if self.train is None:
            raise DatasetNotFoundError("the tables are still as they were read; call preprocess()")
        frame = self.train if train else self.val
        if frame is None or _PRICE not in frame:
            if train:
                raise DataError(f"train has no column {_PRICE} to learn from")
            return None
        X, prices = (
            torch.tensor(part.to_numpy(float), dtype=torch.get_default_dtype())
            for part in (frame.drop(columns=[_PRICE]), frame[_PRICE])
        )
        return self.get_tensorloader((X, prices.log().reshape(-1, 1)), train)


def _read(path: str | Path | None, name: str, root: str | Path) -> "pd.DataFrame":
    pd = _pandas()
    try:
        found = download(name, root) if path is None else Path(path).expanduser()
    except DatasetNotFoundError as error:
        raise DatasetNotFoundError(f"{error}; {_HOW_TO_GET}") from error
    try:
        frame = pd.read_csv(found)
    except (OSError, ValueError) as error:
        is_there = Path(found).exists()
        raise DatasetNotFoundError(
            f"{found} cannot be read as a CSV file: {error}{'' if is_there else f'; {_HOW_TO_GET}'}"
        ) from error
    return frame


def _check(train: "pd.DataFrame", val: "pd.DataFrame", *names: object) -> None:
    """Refuse tables that would silently become other houses or prices."""
    for frame, name, needed in ((train, names[0], {_ID, _PRICE}), (val, names[1], {_ID})):
        for column in sorted(needed - set(frame.columns)):
            swapped = column == _PRICE and _PRICE in val.columns
            raise DataError(
                f"{name} has no column {column!r}"
                + ("; the second table has it: were they swapped?" if swapped else "")
            )
    only_one = set(train.columns).symmetric_difference(val.columns) - {_PRICE}
    if only_one:
        shown = ", ".join(sorted(map(str, only_one))[:5])
        raise DataError(
            f"{names[0]} and {names[1]} must have the same columns but for {_PRICE}; only one of "
            f"them has {shown}"
        )
    for frame, name in zip((train, val), names, strict=True):
        if not len(frame):
            raise DataError(f"{name} has no rows")
        if _PRICE in frame:
            prices = frame[_PRICE]
            wrong = ~(prices > 0) if prices.dtype.kind in "iuf" else prices.map(_is_no_price)
            if wrong.any():
                place = int(wrong.to_numpy().argmax())
                raise DataError(
                    f"{name}, row {place + 1}: {_PRICE} must be a number above 0; it is "
                    f"{prices.iloc[place]!s}"
                )


def _is_no_price(value: object) -> bool:
    """Whether a value of a column that is not of numbers is what makes it so."""
    try:
        return not float(str(value)) > 0
    except ValueError:
        return True


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("KaggleHouse", "pandas", "kaggle") from error
    return pd
