"""Where a store is, and how it is opened.

One sync at a time in a folder, whichever manager or process it is.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from .._types import JsonObject
from ..commands.replica import ReadSettings
from ..engines.sqlite.driver import FileDriver
from ..errors import StoreUnavailable
from .config import ADDRESS, CONFIG, SyncConfig

FILE: Final = "store.db"
LOCK: Final = "sync.lock"


def prepare_folder(config: SyncConfig) -> Path:
    """Make the folder of a store, and return it."""
    folder = config.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StoreUnavailable(
            f"the folder {folder} can't be made: {problem}", path=str(folder), hint="check the path"
        ) from problem
    return folder


def remembered(folder: Path, key: str | bytes | None) -> tuple[JsonObject, str]:
    """Return the settings that the store in a folder remembers, and its server's URL, without a login."""
    url = f"sqlite:///{quote(str((folder / FILE).absolute()))}?create=false"
    driver = FileDriver(url, secret=key)
    try:
        channel = driver.channel()
        try:
            settings = channel.perform(ReadSettings())
        finally:
            channel.close()
    finally:
        driver.close()
    return settings[CONFIG], str(settings.get(ADDRESS, ""))


def store_url(config: SyncConfig) -> str:
    """Return the URL of the store's file: every commit survives a power cut."""
    path = quote(str((config.folder / FILE).absolute()))
    return f"sqlite:///{path}?durability=full&database={quote(config.database, safe='')}"


if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FolderLock:
    """A lock on a file; it ends with the process that holds it, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.holder = 0
        """The thread that took it, 0 for none."""

    def take(self) -> bool:
        """Take the lock if it is free; say whether it was."""
        file = self._path.open("ab")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file, self.holder = file, threading.get_ident()
        return True

    def release(self) -> None:
        """Release the lock; closing the file does."""
        file, self._file, self.holder = self._file, None, 0
        if file is not None:
            file.close()


if sys.platform == "win32":

    def _lock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
