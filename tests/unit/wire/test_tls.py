"""TLS, both colours: trusted, untrusted, missing on one side; large batches both ways."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidb_odm.commands import CommitBatches, GetMany, Inserts
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.errors import ConnectionFailed
from tests.certificates import certificate_in

from .fake_server import FakeServer

ROWS = [(f"k{i}", {"_key": f"k{i}", "text": "x" * 900}) for i in range(6000)]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its self-signed certificate for localhost."""
    return certificate_in(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(certificate: Path) -> Iterator[FakeServer]:
    """A server of dicts behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = FakeServer(context)
    yield server
    server.close()


def url(server: FakeServer, options: str) -> str:
    return f"solidbs://admin:right@127.0.0.1:{server.port}/d?{options}"


def test_megabytes_travel_over_tls(secure: FakeServer, certificate: Path) -> None:
    driver = ServerDriver(url(secure, f"ca={certificate.with_suffix('.crt')}"))

    driver.channel().perform(CommitBatches([Inserts("c", ROWS)]))

    assert len(driver.channel().perform(GetMany("c", [key for key, _ in ROWS]))) == 6000
    assert secure.connections == 1
    driver.close()


@pytest.mark.anyio
async def test_awaited_megabytes_travel_over_tls(secure: FakeServer, certificate: Path) -> None:
    driver = AsyncServerDriver(url(secure, f"ca={certificate.with_suffix('.crt')}"))
    channel = await driver.channel()

    await channel.perform(CommitBatches([Inserts("c", ROWS)]))

    assert len(await channel.perform(GetMany("c", [key for key, _ in ROWS]))) == 6000
    assert secure.connections == 1
    await driver.aclose()


def test_an_unknown_certificate_is_refused(secure: FakeServer) -> None:
    with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        ServerDriver(url(secure, "")[:-1]).channel().perform(GetMany("c", ["a"]))


@pytest.mark.anyio
async def test_awaited_an_unknown_certificate_is_refused(secure: FakeServer) -> None:
    driver = AsyncServerDriver(url(secure, "")[:-1])

    with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        await (await driver.channel()).perform(GetMany("c", ["a"]))


def test_an_unknown_certificate_is_taken_if_told_so(secure: FakeServer) -> None:
    driver = ServerDriver(url(secure, "verify=false"))

    assert driver.channel().perform(GetMany("c", ["a"])) == []
    driver.close()


def test_tls_with_a_plain_server_is_a_failed_connection(fake: FakeServer) -> None:
    driver = ServerDriver(f"solidbs://a:right@127.0.0.1:{fake.port}/d", connect_timeout=1)

    with pytest.raises(ConnectionFailed) as raised:
        driver.channel().perform(GetMany("c", ["a"]))

    assert "TLS" in (raised.value.hint or "")
