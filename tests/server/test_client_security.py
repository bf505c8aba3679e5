"""TLS before a real server, and its limit of failed logins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import AuthError, ConnectionFailed
from tests.certificates import certificate_in
from tools.server import LocalServer, running_server

from .client_colours import COLOURS, client_of
from .tls_proxy import TlsProxy

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_in(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(server: LocalServer, certificate: Path) -> Iterator[TlsProxy]:
    proxy = TlsProxy(server.host, server.port, certificate)
    yield proxy
    proxy.close()


def url(server: LocalServer, proxy: TlsProxy, database: str, options: str = "") -> str:
    return f"solidbs://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}?connect_timeout=5{options}"


@pytest.mark.parametrize("colour", COLOURS)
def test_the_driver_http_and_feeds_all_go_over_tls(
    colour: str, server: LocalServer, database: str, secure: TlsProxy, certificate: Path
) -> None:
    ca = certificate.with_suffix(".crt")
    with client_of(colour, url(server, secure, database), ca=ca) as client:
        client.create_collection(database, "users")
        with client.changes("users") as feed:
            client.insert(database, "users", {"text": "x" * 1_000_000}, "ada")
            change = next(iter(feed))
        client.env.set("A", "1")

        assert change.key == "ada"
        assert len(client.get(database, "users", "ada")["text"]) == 1_000_000
        assert client.env.list() == {"A": "1"}


@pytest.mark.parametrize("call", ["driver", "http", "feed"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_certificate_that_nobody_vouches_for_is_refused(
    colour: str, call: str, server: LocalServer, database: str, secure: TlsProxy
) -> None:
    with client_of(colour, url(server, secure, database)) as client:
        calls = {
            "driver": client.ping,
            "http": client.env.list,
            "feed": lambda: client.changes("users").__enter__(),
        }
        with pytest.raises(ConnectionFailed, match=r"certificate|CERTIFICATE"):
            calls[call]()


def test_a_certificate_is_trusted_blindly_only_if_told_so(
    server: LocalServer, database: str, secure: TlsProxy
) -> None:
    with Client(url(server, secure, database, "&verify=false")) as client:
        assert client.ping()


def test_who_fails_to_log_in_too_often_is_told_to_wait(server_binary: Path, tmp_path: Path) -> None:
    with running_server(server_binary, tmp_path, environment={"SOLIDB_MAX_LOGIN_ATTEMPTS": "3"}) as limited:
        wrong = limited.url().replace(limited.password, "wrong")
        for _ in range(3):
            with Client(wrong) as client, pytest.raises(AuthError, match="refused the user or the password"):
                client.ping()

        for call in (lambda client: client.ping(), lambda client: client.env.list()):
            with Client(wrong) as client, pytest.raises(AuthError, match=r"(?i)too many failed") as raised:
                call(client)
            assert "wait" in str(raised.value).lower()
