"""Fashion-MNIST: 70,000 pictures of clothes in ten classes (Xiao, Rasul and Vollgraf, 2017)."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import platformdirs

from multilayer.errors import (
    ChecksumError,
    DataError,
    DatasetNotFoundError,
    IdxFileError,
    OutputError,
    escaped,
)
from multilayer.images.datasets import ImageDataset, ImageSplit
from multilayer.images.download import (
    DEBIAN_PACKAGE,
    downloaded_package,
    installed_package,
    published_download,
)
from multilayer.images.folder import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    find_idx_files,
)
from multilayer.images.idx import idx_header, read_idx, write_idx

CLASS_NAMES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
# md5 of the decompressed files.
CHECKSUMS = {
    TRAIN_IMAGES: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    TRAIN_LABELS: "9018921c3c673c538a1fc5bad174d6f9",
    TEST_IMAGES: "8181f5470baa50b63fa0f6fddb340f0a",
    TEST_LABELS: "15d484375f8d13e6eb1aabb0c3f46965",
}
LOCK_NAME = ".lock"

Arrays = dict[str, np.ndarray[Any, Any]]


def cache_folder() -> Path:
    """Give the folder in the user's cache that holds the four files, decompressed."""
    return platformdirs.user_cache_path("multilayer") / "fashion-mnist"


# Tried in this order; each takes a working folder and gives the folder that has the files.
PLACES = (
    ("the cache", lambda _work: cache_folder()),
    (f"the installed Debian package {DEBIAN_PACKAGE}", installed_package),
    (f"the Debian package {DEBIAN_PACKAGE}, downloaded", downloaded_package),
    ("the published download", published_download),
)


def load_fashion_mnist(folder: str | Path | None = None) -> ImageDataset:
    """Load Fashion-MNIST: 60,000 images to train with and 10,000 to test with, of 28 x 28 pixels.

    With a folder, the files come from there and nowhere else. Without, they come from the first of
    `PLACES` that has them, and are kept in the user's cache. Wherever they come from, the md5 of
    each decompressed file must be the published one.

    Args:
        folder: Holds the four files, plain or gzip; or is torchvision's `root`, with the files in
            FashionMNIST/raw. Default: search.

    Returns:
        The data set.

    Raises:
        DatasetNotFoundError: the folder lacks a file; or no place has the data set.
        ChecksumError: a file in the folder is not the published one.
        IdxFileError: a file in the folder is damaged.
    """
    if folder is not None:
        folder = _folder_with_files(Path(folder).expanduser())
        return _dataset(_read_checked(folder), f"the folder {folder}")
    try:
        return _dataset(_read_checked(cache_folder()), "the cache")
    except DatasetNotFoundError:
        pass
    except (ChecksumError, IdxFileError) as error:
        _note(f"{error}; fetching it again")
    return _search()


def _search() -> ImageDataset:
    failures = []
    with _working_folder(cache_folder()) as (work, can_keep):
        for place, find in PLACES:
            try:
                arrays = _read_checked(find(work))
            except (DataError, OSError) as error:  # the latter when the disk is full
                failures.append(f"{place} ({error})")
                continue
            if can_keep and place != "the cache":
                _keep(arrays)
            return _dataset(arrays, place)
    raise DatasetNotFoundError(
        f"Fashion-MNIST was not found; tried: {'; '.join(failures)}. Name a folder that has the "
        "four files (--data-dir DIR, or FashionMNIST(root=DIR)), "
        f"or run: apt-get install {DEBIAN_PACKAGE}"
    )


def _folder_with_files(folder: Path) -> Path:
    torchvision_folder = folder / "FashionMNIST" / "raw"
    try:
        find_idx_files(folder)
    except DatasetNotFoundError:
        if torchvision_folder.is_dir():
            return torchvision_folder
        raise
    return folder


def _read_checked(folder: Path) -> Arrays:
    """Read the four files of a folder and compare their checksums with the published ones."""
    arrays = {}
    for name, path in find_idx_files(folder).items():
        arrays[name] = read_idx(path)
        # An array and its idx file determine each other, so the file need not be kept for this.
        digest = hashlib.md5(idx_header(arrays[name]), usedforsecurity=False)
        digest.update(arrays[name].data)
        if digest.hexdigest() != CHECKSUMS[name]:
            raise ChecksumError(
                f"{path} is not Fashion-MNIST's {name}: its md5 when decompressed is "
                f"{digest.hexdigest()}, it must be {CHECKSUMS[name]}"
            )
    return arrays


def _dataset(arrays: Arrays, source: str) -> ImageDataset:
    return ImageDataset(
        name="fashion-mnist",
        train=ImageSplit(arrays[TRAIN_IMAGES], arrays[TRAIN_LABELS].astype(np.int64)),
        test=ImageSplit(arrays[TEST_IMAGES], arrays[TEST_LABELS].astype(np.int64)),
        class_names=CLASS_NAMES,
        source=source,
    )


def _keep(arrays: Arrays) -> None:
    try:
        for name, array in arrays.items():
            write_idx(cache_folder() / name, array)
    except OutputError as error:
        _note(f"Fashion-MNIST is not kept for the next time: {error}")


@contextmanager
def _working_folder(cache: Path) -> Iterator[tuple[Path, bool]]:
    """Hold the cache's lock and give an empty folder in it, which goes away afterwards.

    Also clears away what killed processes have left. Where the cache cannot be written the folder
    is among the system's temporary ones, and the second value is False.
    """
    with ExitStack() as held:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            held.enter_context(_locked(cache))
            _clear_leftovers(cache)
            work = held.enter_context(_temporary_folder(cache))
            can_keep = True
        except (OSError, NotImplementedError) as error:  # the latter where files cannot be locked
            _note(f"the cache {cache} cannot be used: {error}")
            try:
                work = held.enter_context(_temporary_folder(None))
            except OSError as no_room:
                raise OutputError(f"there is no folder to work in: {no_room}") from no_room
            can_keep = False
        yield Path(work), can_keep


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    lock = filelock.FileLock(cache / LOCK_NAME)
    try:
        lock.acquire(timeout=1)
    except filelock.Timeout:
        _note("waiting for another process that is fetching Fashion-MNIST")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _temporary_folder(parent: Path | None) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=parent, prefix=".fetch-", ignore_cleanup_errors=True)


def _clear_leftovers(cache: Path) -> None:
    for path in cache.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK_NAME:
            path.unlink()


def _note(text: str) -> None:
    print(f"note: {escaped(text)}", file=sys.stderr, flush=True)
