"""Channels to a fresh file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from solidb_odm.commands import CreateCollection
from solidb_odm.engines.sqlite import EmbeddedChannel, EmbeddedDriver

Opener = Callable[..., EmbeddedChannel]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def open_channel(path: Path) -> Iterator[Opener]:
    """Open channels to the file, each of a driver of its own; closed after the test."""
    drivers: list[EmbeddedDriver] = []
    channels: list[EmbeddedChannel] = []

    def open_one(query: str = "") -> EmbeddedChannel:
        drivers.append(EmbeddedDriver(f"sqlite:///{path}{query}"))
        channels.append(drivers[-1].channel())
        return channels[-1]

    yield open_one
    for channel in channels:
        channel.close()
    for driver in drivers:
        driver.close()


@pytest.fixture
def channel(open_channel: Opener) -> EmbeddedChannel:
    """A channel to a file with one empty collection, ``users``."""
    opened = open_channel()
    opened.perform(CreateCollection("users"))
    return opened
