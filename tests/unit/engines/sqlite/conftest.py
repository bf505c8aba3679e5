"""Channels to a fresh file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from solidb_odm.commands import CreateCollection
from solidb_odm.engines.sqlite import FileChannel, FileDriver

Opener = Callable[..., FileChannel]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def open_channel(path: Path) -> Iterator[Opener]:
    """Open channels to the file, each of a driver of its own; closed after the test."""
    drivers: list[FileDriver] = []
    channels: list[FileChannel] = []

    def open_one(query: str = "") -> FileChannel:
        drivers.append(FileDriver(f"sqlite:///{path}{query}"))
        channels.append(drivers[-1].channel())
        return channels[-1]

    yield open_one
    for channel in channels:
        channel.close()
    for driver in drivers:
        driver.close()


@pytest.fixture
def channel(open_channel: Opener) -> FileChannel:
    """A channel to a file with one empty collection, ``users``."""
    opened = open_channel()
    opened.perform(CreateCollection("users"))
    return opened
