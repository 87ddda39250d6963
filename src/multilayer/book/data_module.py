"""Where a trainer gets its batches from."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from multilayer.book.batches import TensorLoader
from multilayer.book.hyperparameters import HyperParameters


class DataModule(HyperParameters):
    """A data set and how it is split into batches; subclasses define `get_dataloader`.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> class Points(d2l.DataModule):
        ...     def __init__(self, batch_size=4):
        ...         super().__init__()
        ...         self.save_hyperparameters()
        ...         self.X, self.y = torch.randn(10, 2), torch.zeros(10, 1)
        ...     def get_dataloader(self, train):
        ...         return self.get_tensorloader((self.X, self.y), train)
        ...
        >>> [len(X) for X, y in Points().train_dataloader()]
        [4, 4, 2]
    """

    batch_size: int
    num_workers: int

    def __init__(self, root: str | None = "../data", num_workers: int = 0) -> None:
        """Keep two settings for subclasses that read files.

        Args:
            root: the folder that a data set's files are in.
            num_workers: the number of processes for a `torch.utils.data.DataLoader`.
        """
        self.save_hyperparameters()

    def get_dataloader(self, train: bool) -> Iterable[Any]:
        """Return the training examples' batches or, if not `train`, the validation examples'."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_dataloader")

    def train_dataloader(self) -> Any:
        """Return the batches to learn from."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Any:
        """Return the batches to validate on; None for no validation."""
        return self.get_dataloader(train=False)

    def get_tensorloader(
        self, tensors: Sequence[Tensor], train: bool, indices: slice | Tensor = slice(0, None)
    ) -> TensorLoader:
        """Batches of `self.batch_size` rows of some tensors.

        Args:
            tensors: all of the same length in dimension 0.
            train: whether each pass has a new random order.
            indices: the rows to use; all, if not given.
        """
        return TensorLoader([tensor[indices] for tensor in tensors], self.batch_size, shuffle=train)


class SyntheticRegressionData(DataModule):
    """Points scattered about a linear function: y = Xw + b + noise.

    Attributes:
        X: standard normal, (num_train + num_val, features).
        y: (num_train + num_val, 1).

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> w = torch.tensor([2.0, -3.4])
        >>> data = d2l.SyntheticRegressionData(w, b=4.2, num_train=64, num_val=16)
        >>> X, y = next(iter(data.train_dataloader()))
        >>> X.shape, y.shape
        (torch.Size([32, 2]), torch.Size([32, 1]))
    """

    noise: float
    num_train: int
    num_val: int

    def __init__(
        self,
        w: Tensor,
        b: float,
        noise: float = 0.01,
        num_train: int = 1000,
        num_val: int = 1000,
        batch_size: int = 32,
    ) -> None:
        """Draw the points from PyTorch's global generator.

        Args:
            w: the function's weights, (features,) or (features, 1).
            b: its value at 0.
            noise: the standard deviation of the noise.
            num_train: the number of training rows; they come first.
            num_val: the number of validation rows.
            batch_size: rows in a batch.
        """
        super().__init__()
        self.save_hyperparameters()
        num_rows = num_train + num_val
        self.X = torch.randn(num_rows, len(w))
        self.y = self.X @ w.reshape(-1, 1) + b + torch.randn(num_rows, 1) * noise

    def get_dataloader(self, train: bool) -> TensorLoader:
        """Shuffled batches of the training rows, or the validation rows in order."""
        rows = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, rows)
