from collections.abc import Iterator

import pytest

from solidb_odm.client import Client
from solidb_odm.engines.solidb import ServerDriver
from tools.server import LocalServer

from .client_colours import COLOURS, client_of
from .proxy import Proxy


@pytest.fixture
def server_driver(server: LocalServer, database: str) -> Iterator[ServerDriver]:
    """A driver for a fresh database of the real server."""
    driver = ServerDriver(server.url(database))
    yield driver
    driver.close()


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[Proxy]:
    """A proxy before the real server."""
    opened = Proxy(server.host, server.port)
    yield opened
    opened.close()


@pytest.fixture(params=COLOURS)
def client(request: pytest.FixtureRequest, server: LocalServer, database: str) -> Iterator[Client]:
    """A client for a fresh database, once in each colour; the awaited ones have the same face."""
    with client_of(request.param, server.url(database)) as opened:
        yield opened
