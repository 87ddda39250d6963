"""Pictures that a trained network is asked about: an idx, PNG or JPEG file or a folder."""

import io
import os
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import ImageFileError, reason_of
from multilayer.images.idx import GZIP_MAGIC, read_idx
from multilayer.ordinary_files import natural_order, open_regular

if TYPE_CHECKING:
    from PIL import Image

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_KINDS = {PNG_MAGIC: "PNG", b"\xff\xd8\xff": "JPEG"}
_SUFFIXES = (".png", ".jpg", ".jpeg")
_MOST_NAMES_SHOWN = 5
_LIGHT = 192  # grey of edges that are paper rather than background


@dataclass(frozen=True, eq=False)
class Pictures:
    """Unlabelled pictures of one size.

    Attributes:
        names: One for each picture: the file's name, for idx files with the place in it,
            "t10k-images-idx3-ubyte[0]".
        images: uint8, (num_images, height, width).
        notes: What was changed to make the pictures fit, each in one line.
    """

    names: tuple[str, ...]
    images: NDArray[np.uint8]
    notes: tuple[str, ...]


def read_pictures(path: str | Path, image_shape: tuple[int, int], invert: bool = False) -> Pictures:
    """Read pictures in the shape a network expects.

    PNG and JPEG pictures become grey and stand as their camera held them; transparent parts become
    background, that is 0; other sizes are resized (bilinear). `notes` says how many were changed.
    Pictures in an idx file must fit.

    Args:
        path: An idx file of images (uint8, of rank 3, or of rank 2 for a single one), a PNG or
            JPEG file, or a folder of them, which are taken in the natural order of their names (2
            before 10). Which kind of file it is, the content says.
        image_shape: Height and width in pixels.
        invert: For dark strokes on light ground: each value x becomes 255 - x.

    Returns:
        The pictures, read in full.

    Raises:
        ImageFileError: there is no such file or folder, it holds no picture, or one is corrupt,
            too large or of another kind.
        IdxFileError: an idx file is corrupt.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        files, left_out = _picture_files_in(path)
        pictures = _read_picture_files(files, image_shape, invert)
        return replace(pictures, notes=(*pictures.notes, *left_out))
    magic = _first_bytes(path)
    if _kind(magic):
        return _read_picture_files([path], image_shape, invert)
    if magic[:2] in (GZIP_MAGIC, b"\0\0"):
        return _read_idx_images(path, image_shape, invert)
    if not magic:
        raise ImageFileError(f"{path} is empty; it must be a PNG or JPEG picture or an idx file")
    raise ImageFileError(
        f"{path} is neither a PNG or JPEG picture nor an idx file: it begins with {magic.hex(' ')}"
    )


def is_image_file(path: str | Path, *, may_be_compressed: bool) -> bool:
    """Whether a file begins as a picture or an idx file of images does.

    Args:
        path: any path.
        may_be_compressed: whether a gzip file counts, which may hold anything.
    """
    if not os.path.isfile(path):  # noqa: PTH113 (names may be too long)
        return False
    magic = _first_bytes(Path(path))
    is_compressed = may_be_compressed and magic.startswith(GZIP_MAGIC)
    return bool(_kind(magic)) or magic.startswith(b"\0\0\x08") or is_compressed


def holds_images(folder: str | Path) -> bool:
    """Whether a folder holds pictures or idx files of images."""
    try:
        names = [path.name.lower() for path in Path(folder).iterdir()]
    except (OSError, ValueError):
        return False
    return any("idx3-ubyte" in name or name.endswith(_SUFFIXES) for name in names)


def _first_bytes(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(len(PNG_MAGIC))
    except (OSError, ValueError) as error:
        raise ImageFileError(f"cannot read {path}: {reason_of(error)}") from error


def _kind(magic: bytes) -> str | None:
    """What kind of picture begins so; None: none that is read."""
    return next((kind for begin, kind in _KINDS.items() if magic.startswith(begin)), None)


def _picture_files_in(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The pictures of a folder in their order, and a note of what else is in it."""
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageFileError(f"cannot read the folder {folder}: {reason_of(error)}") from error
    pictures = [path for path in files if path.suffix.lower() in _SUFFIXES]
    if not pictures:
        raise ImageFileError(
            f"the folder {folder} has no PNG or JPEG file among its {len(files)} entries"
        )
    others = sorted({path.name for path in files} - {path.name for path in pictures})
    if not others:
        return sorted(pictures, key=natural_order), ()
    shown = ", ".join(others[:_MOST_NAMES_SHOWN]) + (
        ", …" if len(others) > _MOST_NAMES_SHOWN else ""
    )
    left_out = (
        f"{len(others):,} of the {len(files):,} entries of {folder} are no PNG or JPEG files, and "
        f"are left out: {shown}"
    )
    return sorted(pictures, key=natural_order), (left_out,)


def _read_idx_images(path: Path, image_shape: tuple[int, int], invert: bool) -> Pictures:
    images = read_idx(path)
    if images.dtype != np.uint8 or images.ndim not in (2, 3):
        raise ImageFileError(
            f"{path} must hold images as uint8 of 2 or 3 dimensions, "
            f"it holds {images.dtype} of {images.ndim}"
        )
    if images.size == 0:
        raise ImageFileError(f"{path} holds no images")
    images = images.reshape(-1, *images.shape[-2:])
    if images.shape[1:] != tuple(image_shape):
        raise ImageFileError(
            f"the images in {path} are {_size(images.shape[1:])}, they must be {_size(image_shape)}"
        )
    names = tuple(f"{path.name}[{place}]" for place in range(len(images)))
    return Pictures(names, 255 - images if invert else images, notes=())


def _read_picture_files(paths: list[Path], image_shape: tuple[int, int], invert: bool) -> Pictures:
    changes: Counter[str] = Counter()
    images = [_read_picture(path, image_shape, invert, changes) for path in paths]
    return Pictures(
        tuple(path.name for path in paths), np.stack(images), _notes_on(images, changes, invert)
    )


def read_picture(
    content: bytes, image_shape: tuple[int, int], name: str, *, invert: bool, max_pixels: int
) -> Pictures:
    """Read one picture from the content of a PNG or JPEG file; see `read_pictures`.

    Raises:
        ImageFileError: it is neither, is damaged, or has more pixels than `max_pixels`.
    """
    kind = _kind(content)
    if kind is None:
        raise ImageFileError(f"{name} is not a PNG or JPEG picture")
    changes: Counter[str] = Counter()
    image = _decoded(io.BytesIO(content), kind, name, image_shape, invert, changes, max_pixels)
    return Pictures((name,), image[None], _notes_on([image], changes, invert))


def _notes_on(
    images: list[NDArray[np.uint8]], changes: Counter[str], invert: bool
) -> tuple[str, ...]:
    """What was changed to make pictures fit, and whether they seem to be inverted."""
    num = len(images)
    notes = tuple(
        f"{count} of {num} picture{'s' if num > 1 else ''} "
        f"{'were' if count > 1 else 'was'} {change}"
        for change, count in changes.items()
    )
    num_light = _num_light(np.stack(images))
    if num_light > num / 2 and not invert:
        hint = (
            f"{num_light:,} of {num:,} pictures are light along their edges: if the network "
            "was trained on light strokes on a dark ground, give --invert (invert=True)"
        )
        notes = (*notes, hint)
    return notes


def _num_light(images: NDArray[np.uint8]) -> int:
    """How many of (num_images, height, width) have a light ground, by the median of the edges."""
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return int((np.median(np.concatenate(sides, axis=1), axis=1) >= _LIGHT).sum())


def _read_picture(
    path: Path, image_shape: tuple[int, int], invert: bool, changes: Counter[str]
) -> NDArray[np.uint8]:
    kind = _kind(_first_bytes(path))
    if kind is None:
        raise ImageFileError(f"{path} is not a PNG or JPEG picture")
    return _decoded(path, kind, str(path), image_shape, invert, changes)


def _decoded(
    content: Path | BinaryIO, kind: str, path: str, image_shape: tuple[int, int], invert: bool,
    changes: Counter[str], max_pixels: int | None = None,
) -> NDArray[np.uint8]:  # fmt: skip
    """The grey values of a picture, which messages call `path`; see `read_pictures`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width = image_shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubts about side matters, such as an animation
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(content, formats=[kind]) as picture:
                if max_pixels is not None and picture.width * picture.height > max_pixels:
                    raise Image.DecompressionBombError
                grey = _to_grey(ImageOps.exif_transpose(picture), 255 if invert else 0, changes)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        most = max_pixels or Image.MAX_IMAGE_PIXELS
        raise ImageFileError(f"{path} is too large: a picture has at most {most} pixels") from error
    except UnidentifiedImageError as error:
        raise ImageFileError(f"{path} is a damaged {kind} picture: its header is broken") from error
    except Exception as error:  # a broken file can make the decoder raise almost anything
        raise ImageFileError(f"{path} is a damaged {kind} picture: {reason_of(error)}") from error

    if grey.size != (width, height):
        changes[f"resized to {_size(image_shape)}"] += 1
        grey = grey.resize((width, height), Image.Resampling.BILINEAR)
    values = np.array(grey, dtype=np.uint8)
    return 255 - values if invert else values


def _to_grey(picture: "Image.Image", background: int, changes: Counter[str]) -> "Image.Image":
    from PIL import Image

    if picture.mode.startswith("I"):
        # 16 bits a pixel; Pillow's own conversion would cut the values off at 255.
        wide = np.asarray(picture).astype(np.int64)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        changes["laid on the background where transparent"] += 1
        ground = Image.new("RGBA", picture.size, (background, background, background, 255))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    elif picture.mode not in ("1", "L"):
        changes["turned from colour to grey"] += 1
    return picture.convert("L")


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
