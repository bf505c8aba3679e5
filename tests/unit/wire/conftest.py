from collections.abc import Iterator

import pytest

from solidb_odm.engines.solidb import ServerDriver

from .fake_server import FakeServer


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A server of dicts."""
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def driver(fake: FakeServer) -> Iterator[ServerDriver]:
    """A driver for the fake server."""
    opened = ServerDriver(fake.url(), timeout=5)
    yield opened
    opened.close()
