"""Encode images as network inputs: flattened, still bytes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.one_hot_block import OneHotBlock
from multilayer.errors import ImageFileError

if TYPE_CHECKING:
    from multilayer.encoding.unseen_values import UnseenValues

_BYTES = np.dtype(np.uint8)


@dataclass(frozen=True)
class ImageEncoder:
    """Flattens images row by row; has the interface of `Encoder`.

    Args:
        image_shape: height and width of the images.
    """

    image_shape: tuple[int, int]

    kind: ClassVar[str] = "images"
    num_numeric: ClassVar[int] = 0  # no pixel is embedded
    category_sizes: ClassVar[tuple[int, ...]] = ()
    one_hot_blocks: ClassVar[tuple[OneHotBlock, ...]] = ()
    column_names: ClassVar[tuple[str, ...]] = ()
    input_scale: ClassVar[float] = 1 / 255
    answer_dtype: ClassVar[type[np.floating[Any]]] = np.float32

    @property
    def num_inputs(self) -> int:
        """Number of pixels of an image."""
        return self.image_shape[0] * self.image_shape[1]

    @property
    def row_width(self) -> int:
        """Width of an encoded row."""
        return self.num_inputs

    def as_rows(self, X: Any) -> NDArray[np.uint8]:
        """Validated images, uint8, (num_images, height, width).

        Args:
            X: integers from 0 to 255, (num_images, height, width), or one image, (height, width).

        Raises:
            ImageFileError: the shape differs, or the values are not integers from 0 to 255.
        """
        images = np.asarray(X)
        if images.dtype is _BYTES and images.shape[1:] == self.image_shape:
            return images
        if images.shape == self.image_shape:
            images = images[None]
        if images.ndim != 3 or images.shape[1:] != self.image_shape:
            height, width = self.image_shape
            raise ImageFileError(
                f"images of shape {images.shape} were given; the network takes (num_images, "
                f"{height}, {width}), or one image ({height}, {width})"
            )
        if images.dtype != np.uint8:
            _check_bytes(images)
            images = images.astype(np.uint8)
        return images

    def encode(
        self,
        images: Any,
        source: str = "the images",  # noqa: ARG002 (as `Encoder.encode` has it)
        first_row: int = 1,  # noqa: ARG002
        unseen: "UnseenValues | None" = None,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        """Encode images, uint8, (num_images, num_pixels).

        Args:
            images: see `as_rows`.
            source: unused.
            first_row: unused.
            unseen: unused.

        Raises:
            ImageFileError: see `as_rows`.
        """
        images = self.as_rows(images)
        rows: NDArray[np.uint8] = images.reshape(len(images), self.num_inputs)
        return rows

    def to_json(self) -> dict[str, Any]:
        """The encoder as a JSON document."""
        return {"image_shape": list(self.image_shape)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "ImageEncoder":
        """Read what `to_json` made.

        Raises:
            ImageFileError: the document is invalid.
        """
        shape = document.get("image_shape")
        if (
            not isinstance(shape, list | tuple)
            or len(shape) != 2
            or not all(type(size) is int and size >= 1 for size in shape)
        ):
            raise ImageFileError(
                f"the image_shape must be a height and a width of at least 1; it is {shape!r:.80}"
            )
        return cls((shape[0], shape[1]))


def _check_bytes(images: NDArray[Any]) -> None:
    is_number = images.dtype.kind in "iuf" and images.size > 0
    if images.dtype.kind in "iu" and (not is_number or 0 <= images.min() <= images.max() <= 255):
        return
    span = f", from {images.min():g} to {images.max():g}" if is_number else ""
    raise ImageFileError(
        "images must hold integers from 0 to 255, of type uint8; these are of type "
        f"{images.dtype}{span}"
    )
