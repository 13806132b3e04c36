"""The data folder: finding files in it, and fetching those that are missing."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from homeostat.data.catalog import CATALOG, DataSet, RemoteFile
from homeostat.errors import DataError, UnknownNameError, did_you_mean

if TYPE_CHECKING:
    from http.client import HTTPMessage

FOLDER_VARIABLE = "HOMEOSTAT_DATA"
TIMEOUT_S = 30.0

Read = Callable[[RemoteFile], bytes]


def folder() -> Path:
    """Where data sets are kept: the folder named by HOMEOSTAT_DATA, else the user's cache."""
    override = os.environ.get(FOLDER_VARIABLE)
    if override:
        return Path(override).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "homeostat"


def find(name: str) -> DataSet:
    """The catalogue's entry called `name`.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in CATALOG:
        raise UnknownNameError(
            f"No data set {name!r}. {did_you_mean(name, CATALOG)}", hint="See:  homeostat data list"
        )
    return CATALOG[name]


def have(name: str) -> bool:
    """Whether every file of the data set is in the data folder (its contents unchecked)."""
    return all((folder() / file.path).is_file() for file in find(name).files)


def locate(name: str) -> Path:
    """Path of a data set that is already here, checksums verified; nothing is downloaded.

    Raises:
        DataError: If a file is missing or is not what the catalogue says it is.
    """
    data_set = find(name)
    for file in data_set.files:
        path = folder() / file.path
        if not path.is_file():
            raise DataError(
                f"The data set {name!r} is not in {folder()} ({file.path} is missing).",
                hint=f"Fetch it:  homeostat data get {name}",
            )
        _check(file, path.read_bytes(), where=str(path), then=f"homeostat data get {name}")
    return folder() / data_set.path


def get(name: str, *, read: Read | None = None) -> Path:
    """Download what is missing or damaged of a data set, and return where it is.

    A file appears under its own name only once it is whole and its checksum is right.

    Args:
        name: A name of the catalogue.
        read: What fetches one file's bytes; over https unless given.

    Raises:
        DataError: If a download fails, or brings something else than the catalogue describes.
    """
    data_set = find(name)
    for file in data_set.files:
        path = folder() / file.path
        if path.is_file() and _sha256(path.read_bytes()) == file.sha256:
            continue
        content = (read or _download)(file)
        _check(file, content, where=file.url, then=f"homeostat data get {name}")
        _write_whole(path, content)
    return folder() / data_set.path


def _check(file: RemoteFile, content: bytes, *, where: str, then: str) -> None:
    found = _sha256(content)
    if found != file.sha256:
        raise DataError(
            f"{where} is not the expected file: SHA-256 {found[:12]}..., "
            f"{file.sha256[:12]}... was expected ({len(content):,} of {file.num_bytes:,} bytes).",
            hint=f"Fetch it again:  {then}",
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(
            f"Cannot write to {path.parent}: {error.strerror}.",
            hint=f"Name another folder:  export {FOLDER_VARIABLE}=...",
        ) from error
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(part).replace(path)
    except BaseException as error:
        Path(part).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(f"Cannot write {path}: {error.strerror}.") from error
        raise


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never away from https."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise urllib.error.URLError(f"redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(file: RemoteFile) -> bytes:
    if not file.url.startswith("https://"):
        raise DataError(f"{file.url} is not an https address; data is fetched over https only.")
    opener = urllib.request.build_opener(_HttpsOnly())
    try:
        with opener.open(file.url, timeout=TIMEOUT_S) as response:
            # One byte past the expected size is enough to see that it is another file.
            content: bytes = response.read(file.num_bytes + 1)
            return content
    except OSError as error:  # URLError, timeouts and broken connections are all OSErrors
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"Could not download {file.url}: {reason}.",
            hint=f"Offline? Put the file at {folder() / file.path} by hand, or set "
            f"{FOLDER_VARIABLE} to a folder that has it.",
        ) from error
