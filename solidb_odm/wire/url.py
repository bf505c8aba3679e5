"""The URL of a server: ``solidb://user:password@host:6745/database?timeout=5``.

``solidbs://`` is the same with TLS. Several hosts, separated by commas, are the nodes of one cluster, tried
in this order. Parts are percent-decoded. Options in the query are the same as those of the drivers.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import field, fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from .._dataclasses import dataclass
from ..errors import ConfigurationError

DEFAULT_PORT = 6745


@dataclass(frozen=True, slots=True)
class Host:
    """One node."""

    name: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set on a connection; all times in seconds.

    ``timeout``: for one request, from waiting for a connection to its whole answer, after which it is
    given up; of requests sent together each has as much from the answer before. Likewise for a sign that
    what is sent gets through.
    ``connect_timeout``: for one host, with TLS and login. ``pool_size``: idle connections kept;
    ``pool_overflow``: how many more may be open at once; ``pool_timeout``: how long to wait for a
    free one; ``idle_seconds``: after which an idle one is closed. ``retries``: how often a read is sent
    again after a connection of the pool broke under it, 0 for never; before each after the first there
    is a wait, of about ``retry_wait`` and then twice as long each time. ``ca``: a file of certificates to
    trust instead of the system's; ``verify``: False trusts any certificate.
    """

    timeout: float = 60.0
    connect_timeout: float = 5.0
    pool_size: int = 8
    pool_overflow: int = 24
    pool_timeout: float = 30.0
    idle_seconds: float = 300.0
    retries: int = 5
    retry_wait: float = 0.05
    ca: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is, and the login for it."""

    hosts: tuple[Host, ...]
    database: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    tls: bool = False
    options: Options = Options()

    @property
    def url(self) -> str:
        """The URL without password, API key and options."""
        scheme = "solidbs" if self.tls else "solidb"
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        hosts = ",".join(map(str, self.hosts))
        return f"{scheme}://{user}{hosts}/{quote(self.database, safe='')}"

    def __str__(self) -> str:
        return self.url

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context that ``tls``, ``ca`` and ``verify`` ask for; None without TLS."""
        if not self.tls:
            return None
        return _tls_context(self.options.ca, self.options.verify)


@lru_cache(maxsize=16)
def _tls_context(ca: str, verify: bool) -> ssl.SSLContext:  # reading the certificates takes a while
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as problem:
        raise ConfigurationError(f"the certificates in ca={ca!r} can't be read: {problem}") from problem
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def parse_url(url: str, /, **options: Any) -> ServerAddress:
    """Read a URL; ``options`` override those in its query. ConfigurationError says what is wrong."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("solidb", "solidbs"):
        raise ConfigurationError(
            f"{scheme + '://…' if separator else 'this'} is not the URL of a server",
            hint="solidb://user:password@host:6745/database, or solidbs:// with TLS",
        )
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    login, _, places = authority.rpartition("@")
    username, _, password = login.partition(":")
    settings = {**_query(query), **options}
    api_key, token = str(settings.pop("api_key", "")), str(settings.pop("token", ""))
    return ServerAddress(
        hosts=tuple(_host(place, is_secret="@" in rest) for place in places.split(",")),
        database=_database(unquote(path)),
        username=unquote(username),
        password=unquote(password),
        api_key=api_key,
        token=token,
        tls=scheme == "solidbs",
        options=_options(settings),
    )


def _query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as problem:
        raise ConfigurationError(
            "the options of the URL can't be read", hint="?timeout=5&pool_size=8"
        ) from problem
    return dict(pairs)


def _host(text: str, *, is_secret: bool) -> Host:
    if text.startswith("["):
        name, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = text.partition(":")
    if not name:
        raise ConfigurationError("the URL names no host", hint="solidb://user:password@host:6745/database")
    if not port:
        return Host(unquote(name))
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(
            "the port is not a port" if is_secret else f"{port!r} is not a port",
            hint="a number from 1 to 65535; write @ and : of a password as %40 and %3A",
        )
    return Host(unquote(name), int(port))


def _database(path: str) -> str:
    name = path.strip("/")
    if "/" in name or ":" in name:
        raise ConfigurationError(f"{name!r} can't be the name of a database", hint="leave out / and :")
    return name


def _options(settings: Mapping[str, Any]) -> Options:
    known = {item.name: item for item in fields(Options)}
    if unknown := sorted(settings.keys() - known.keys()):
        raise ConfigurationError(
            f"unknown option {', '.join(unknown)}",
            hint=f"known are: api_key, token, {', '.join(sorted(known))}",
        )
    default = Options()
    return replace(
        default, **{name: _value(name, value, getattr(default, name)) for name, value in settings.items()}
    )


def _value(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, str):
        return str(value)
    if isinstance(default, bool):
        if str(value).lower() in ("1", "true", "yes", "0", "false", "no"):
            return str(value).lower() in ("1", "true", "yes")
        raise ConfigurationError(f"{name}={value!r} must be true or false")
    try:
        number = type(default)(value)
    except (TypeError, ValueError) as problem:
        raise ConfigurationError(f"{name}={value!r} must be a number") from problem
    least = 0 if name in ("pool_overflow", "retries") else 1 if isinstance(default, int) else 0.001
    if not least <= number < 1e9:
        raise ConfigurationError(f"{name}={value!r} must be at least {least}")
    return number
