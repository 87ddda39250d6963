"""Pictures shifted and mirrored at random, anew in each epoch."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from multilayer.engine.randomness import generator
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.engine.settings import AugmentationName

FARTHEST_SHIFT = 1  # pixels


class Augmentation:
    """Changes each picture of a batch by a draw of its own.

    A picture is moved by up to `FARTHEST_SHIFT` pixels in each direction, every distance being as
    likely as another, and what comes in at the edge is 0, the background; and it is mirrored, left
    for right, half of the time.

    Args:
        names: "shift", "flip" or both.
        image_shape: height and width in pixels.
        sources: a generator of draws for each set of rows.
        device: where the pictures are.
    """

    def __init__(
        self,
        names: Sequence["AugmentationName"],
        image_shape: tuple[int, int],
        sources: Sequence[Generator],
        device: torch.device | None = None,
    ) -> None:
        self.sources = sources
        height, width = image_shape
        border = FARTHEST_SHIFT if "shift" in names else 0
        self._border, self._shape = border, (height + 2 * border, width + 2 * border)
        shifts = range(-border, border + 1)
        flips = (0, 1) if "flip" in names else (0,)
        # With a border around it, a picture is shifted by reading all its pixels from elsewhere.
        places = torch.arange(self._shape[0] * self._shape[1], device=device).view(self._shape)
        inner = places[border : border + height, border : border + width]
        self._places = torch.stack([inner.flatten(), inner.flip(1).flatten()])
        kinds = list(product(shifts, shifts, flips))
        self.num_kinds = len(kinds)
        self._offsets = torch.tensor(
            [[-down * self._shape[1] - right] for down, right, _ in kinds], device=device
        )
        self._flips = torch.tensor([flip for *_, flip in kinds], device=device)

    def draw(self, num_rows: int) -> Tensor:
        """What is done to the pictures of an epoch, numbers of kinds: (num_row_sets, num_rows)."""
        return torch.stack(
            [
                torch.randint(self.num_kinds, (num_rows,), generator=source)
                for source in self.sources
            ]
        )

    def apply(self, inputs: Tensor, kinds: Tensor) -> None:
        """Change pictures in place.

        Args:
            inputs: (num_pictures, height · width), of any type.
            kinds: what to do to each, (num_pictures,).
        """
        height, width = self._shape
        bordered = inputs.new_zeros(len(inputs), height, width)
        end = -self._border or None
        inner = bordered[:, self._border : end, self._border : end]
        inner.copy_(inputs.view(inner.shape))
        places = self._places[self._flips[kinds]].add_(self._offsets[kinds])
        torch.gather(bordered.flatten(1), 1, places, out=inputs)


def augmentation_of(
    names: Sequence["AugmentationName"],
    image_shape: tuple[int, int] | None,
    seeds: Sequence[int],
    device: torch.device | None = None,
) -> Augmentation | None:
    """The augmentation that settings ask for, with a generator for each seed; None: none.

    Raises:
        SettingsError: it is not known that rows are pictures, and of what shape.
    """
    if not names:
        return None
    if image_shape is None:
        raise SettingsError(
            f"augment {', '.join(names)} is for pictures; these rows have no image_shape"
        )
    return Augmentation(names, image_shape, [generator(seed, "augment") for seed in seeds], device)
