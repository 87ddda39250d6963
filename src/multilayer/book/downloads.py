"""Files that the book fetches: by address, checked by their SHA-1, and unpacked."""

import hashlib
import http.client
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from multilayer.errors import ChecksumError, DataError, DatasetNotFoundError, OutputError
from multilayer.files import replace_atomically

DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"
"""Where the book keeps its data sets."""

DATA_HUB: dict[str, tuple[str, str]] = {
    "kaggle_house_train": (
        f"{DATA_URL}kaggle_house_pred_train.csv",
        "585e9cc93e70b39160e7921475f9bcd7d31219ce",
    ),
    "kaggle_house_test": (
        f"{DATA_URL}kaggle_house_pred_test.csv",
        "fa19780a7b011d9b009e8bff8e99922a8ee2eb90",
    ),
}
"""Address and SHA-1 of data sets by name, as `download` takes them; more may be added."""

_STALL_SECONDS = 20
_BLOCK_BYTES = 1 << 16


def download(url: str, folder: str | Path = "../data", sha1_hash: str | None = None) -> str:
    """Fetch a file, unless it lies in the folder already.

    Args:
        url: the address, http:// or https://; or a name in `DATA_HUB`, which also knows the SHA-1.
        folder: where the file goes, made if it is not there.
        sha1_hash: the SHA-1 that the content must have, 40 hexadecimal digits; None: a file that
            lies there is taken as it is.

    Returns:
        The path of the file.

    Raises:
        DatasetNotFoundError: the name is not in `DATA_HUB`, or the address does not answer.
        ChecksumError: what was fetched has another SHA-1; it is not kept.
        OutputError: the folder or the file cannot be written.

    Examples:
        >>> import multilayer as d2l
        >>> from pathlib import Path
        >>> _ = Path("notes.txt").write_text("here already")
        >>> d2l.download("https://example.org/notes.txt", folder=".")
        'notes.txt'
        >>> try:
        ...     d2l.download("kaggle_houses")
        ... except d2l.errors.DatasetNotFoundError as error:
        ...     print(error)
        ...
        'kaggle_houses' is no address that begins with http:// or https://, and no name in
        DATA_HUB: kaggle_house_test, kaggle_house_train
    """
    if "://" not in url:
        if url not in DATA_HUB:
            known = ", ".join(sorted(DATA_HUB))
            raise DatasetNotFoundError(
                f"{url!r} is no address that begins with http:// or https://, and no name in "
                f"DATA_HUB: {known}"
            )
        url, sha1_hash = DATA_HUB[url]
    if not url.lower().startswith(("http://", "https://")):
        raise DatasetNotFoundError(f"{url!r} must begin with http:// or https://")
    name = PurePosixPath(url.partition("?")[0]).name
    path = Path(folder) / name
    if path.is_file() and (sha1_hash is None or _sha1_of(path) == sha1_hash):
        return str(path)
    _make_folder(path.parent)
    found = hashlib.sha1(usedforsecurity=False)
    print(f"fetching {url} to {path} …", flush=True)
    with replace_atomically(path) as file:
        for block in _blocks_of(url, path):
            found.update(block)
            file.write(block)
        if sha1_hash is not None and found.hexdigest() != sha1_hash:
            raise ChecksumError(f"{url} has the SHA-1 {found.hexdigest()}; it must be {sha1_hash}")
    return str(path)


def extract(filename: str | Path, folder: str | Path | None = None) -> None:
    """Unpack an archive: .zip, or .tar, plain or compressed by gzip, bzip2 or xz.

    Args:
        filename: the archive.
        folder: where its files go; None: the archive's own folder.

    Raises:
        DataError: it is no such archive, is damaged, has a member that would lie outside of the
            folder or is no ordinary file, or holds more than the disk has room for. What came
            before such a member has been unpacked.
        OutputError: a file cannot be written.

    Examples:
        >>> import multilayer as d2l
        >>> import zipfile
        >>> from pathlib import Path
        >>> with zipfile.ZipFile("data.zip", "w") as archive:
        ...     archive.writestr("numbers.csv", "1,2")
        ...
        >>> d2l.extract("data.zip", "unpacked")
        >>> Path("unpacked/numbers.csv").read_text()
        '1,2'
    """
    path = Path(filename)
    folder = path.parent if folder is None else Path(folder)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entries = [e for e in archive.infolist() if not e.is_dir()]
                _require_room(path, folder, sum(entry.file_size for entry in entries))
                for entry in entries:
                    with archive.open(entry) as content:
                        _write(path, folder, entry.filename, content)
            return
        with tarfile.open(path) as tar:
            members = [member for member in tar.getmembers() if not member.isdir()]
            _require_room(path, folder, sum(member.size for member in members))
            for member in members:
                found = tar.extractfile(member) if member.isreg() else None
                if found is None:
                    raise DataError(f"{path}: {member.name!r} is no ordinary file")
                with found:
                    _write(path, folder, member.name, found)
    except OSError as error:
        raise DataError(f"{path} cannot be unpacked: {error.strerror or error}") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise DataError(f"{path} is no whole .zip or .tar archive: {error}") from error


def _write(archive: Path, folder: Path, name: str, content: IO[bytes]) -> None:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\\" in name:
        raise DataError(f"{archive}: {name!r} would lie outside of {folder}")
    target = folder.joinpath(*place.parts)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{archive}: {name!r} would lie outside of {folder}, behind a link")
    _make_folder(target.parent)
    with replace_atomically(target) as file:
        shutil.copyfileobj(content, file)


def _require_room(archive: Path, folder: Path, num_bytes: int) -> None:
    _make_folder(folder)
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise DataError(
            f"{archive} holds {num_bytes / 1e9:,.1f} GB, and {folder} has room for "
            f"{free / 1e9:,.1f} GB"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _blocks_of(url: str, path: Path) -> Iterator[bytes]:
    try:
        with urlopen(url, timeout=_STALL_SECONDS) as response:  # noqa: S310 - http or https
            while block := response.read(_BLOCK_BYTES):
                yield block
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it is also the answer, with the connection
        reason = error.reason if type(error) is URLError else error
        advice = (
            f"the file at {path} has another SHA-1 than the one asked for"
            if path.is_file()
            else f"if you have the file, put it at {path}"
        )
        raise DatasetNotFoundError(f"{url} cannot be fetched ({reason}); {advice}") from error


def _sha1_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
