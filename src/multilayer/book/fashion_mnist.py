"""Fashion-MNIST: 70,000 pictures of clothes in ten kinds."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from multilayer.book.batches import TensorLoader
from multilayer.book.data_module import DataModule
from multilayer.book.plotting import show_images
from multilayer.errors import SettingsError
from multilayer.images.fashion_mnist import load_fashion_mnist


class LabelledImages:
    """Images with labels, one by one as a PyTorch data set or as whole tensors.

    `images[i]` is a pair: a tensor of floats (1, height, width) between 0 and 1, and an int.

    Attributes:
        data: the images as they were read, uint8, (num_images, height, width).
        targets: int64, (num_images,).
        resize: the (height, width) that images are given when they are taken out.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> images = d2l.LabelledImages(
        ...     torch.zeros(3, 28, 28, dtype=torch.uint8), torch.tensor([1, 0, 1]), resize=(28, 28)
        ... )
        >>> image, label = images[0]
        >>> image.shape, int(label)
        (torch.Size([1, 28, 28]), 1)
    """

    def __init__(self, data: Tensor, targets: Tensor, resize: tuple[int, int]) -> None:
        self.data = data
        self.targets = targets
        self.resize = resize

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.as_floats(self.data[index].unsqueeze(0))[0], int(self.targets[index])

    def as_floats(self, images: Tensor) -> Tensor:
        """Turn bytes, (n, height, width), into numbers from 0 to 1, `(n, 1, *resize)`.

        They are of PyTorch's default type, as the weights of its layers are.
        """
        X = images.unsqueeze(1).to(torch.get_default_dtype()).div_(255)
        if X.shape[2:] != self.resize:
            X = functional.interpolate(X, self.resize, mode="bilinear", antialias=True)
        return X

    def batches(self, batch_size: int, shuffle: bool) -> TensorLoader:
        """Batches of images, floats `(n, 1, *resize)`, and labels, int64 (n,)."""
        return TensorLoader(
            (self.data, self.targets), batch_size, shuffle, lambda X, y: (self.as_floats(X), y)
        )


class FashionMNIST(DataModule):
    """The data set of the book's chapters 4 and 5; it validates on the test split, as they do.

    Attributes:
        train: 60,000 `LabelledImages`.
        val: 10,000 `LabelledImages`.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> data = d2l.FashionMNIST(batch_size=256)  # fetched once
        >>> data.text_labels(torch.tensor([9, 2]))
        ['ankle boot', 'pullover']
    """

    resize: int | tuple[int, int]

    def __init__(
        self,
        batch_size: int = 64,
        resize: int | tuple[int, int] = (28, 28),
        root: str | None = None,
    ) -> None:
        """Read the data set into memory, 55 MB as bytes.

        Args:
            batch_size: images in a batch.
            resize: the images' (height, width) in pixels, or one number for both.
            root: the folder that has the files; None searches, and fetches them if need be.

        Raises:
            SettingsError: `resize` is not one or two positive whole numbers.
            DatasetNotFoundError: the files are not there, or not to be found anywhere.
        """
        super().__init__()
        self.save_hyperparameters()
        image_shape = _as_pair(resize)
        dataset = load_fashion_mnist(root)
        self.class_names = dataset.class_names
        self.train, self.val = (
            LabelledImages(torch.tensor(split.images), torch.tensor(split.labels), image_shape)
            for split in (dataset.train, dataset.test)
        )

    def text_labels(self, indices: Iterable[Any]) -> list[str]:
        """Return the names of the classes with these numbers, a list or a tensor of them."""
        return [self.class_names[int(i)] for i in indices]

    def get_dataloader(self, train: bool) -> TensorLoader:
        """Shuffled batches of the training images, or the validation images in order."""
        images = self.train if train else self.val
        return images.batches(self.batch_size, shuffle=train)

    def visualize(
        self,
        batch: Sequence[Tensor],
        nrows: int = 1,
        ncols: int = 8,
        labels: Sequence[str] = (),
    ) -> None:
        """Show the first nrows × ncols images of a batch.

        Args:
            batch: images (n, 1, height, width) and labels (n,).
            nrows: rows of pictures.
            ncols: pictures in a row.
            labels: what stands over each picture; the classes' names, if not given.
        """
        X, y = batch
        show_images(list(X.squeeze(1)), nrows, ncols, titles=labels or self.text_labels(y))


def _as_pair(resize: int | Sequence[int]) -> tuple[int, int]:
    pair = (resize, resize) if isinstance(resize, int) else tuple(resize)
    if len(pair) != 2 or not all(isinstance(side, int) and side > 0 for side in pair):
        raise SettingsError(f"resize is {resize!r}; it must be one or two whole numbers from 1")
    return pair
