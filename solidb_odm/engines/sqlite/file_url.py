"""What a URL of the file engine says: where the file is, and how to treat it."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from ..._dataclasses import dataclass
from ...errors import ConfigurationError

Durability = Literal["normal", "full"]
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """The settings of one file.

    ``timeout``: seconds to wait for another process's write lock. ``durability``: "full" survives a
    power cut after each commit; "normal" may lose the last ones then, never damages the file.
    ``strict``: raise the errors that the server's FILTER and SORT swallow. ``create``: make the
    file if it is missing. ``query_timeout``: seconds a query may run. ``database``: the name in ``_id``.
    ``sweep``: seconds between two removals of expired documents. ``connections``: how many the sessions of
    event loops share, at most; ``pool_timeout``: seconds to wait for one.
    """

    path: str = ""
    timeout: float = 5.0
    durability: Durability = "normal"
    strict: bool = False
    create: bool = True
    query_timeout: float = 30.0
    database: str = ""
    sweep: float = 60.0
    connections: int = 10
    pool_timeout: float = 30.0

    @property
    def in_memory(self) -> bool:
        return not self.path

    @property
    def database_name(self) -> str:
        """The name of the database, as it stands before ``_id``s: the file's, unless given."""
        return self.database or (Path(self.path).stem if self.path else "memory")


def parse_url(url: str, **overrides: object) -> StoreOptions:
    """Read ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``sqlite://`` and its options.

    The path is what stands between the three slashes and the first ``?``, whatever else is in it; ``%xx``
    stands for a character, such as ``%3F`` for ``?`` and ``%25`` for ``%``.
    """
    scheme, colon, rest = url.partition(":")
    if scheme.lower() != "sqlite" or not colon:
        raise ConfigurationError(
            f"{url!r} is not a URL of the file engine",
            hint="sqlite:///relative.db, sqlite:////absolute.db, or sqlite:// for memory",
        )
    place, _, query = rest.partition("?")
    if not place.startswith("//"):
        raise ConfigurationError(
            f"{url!r} has not the slashes of a URL",
            hint=f"write sqlite:///{place.lstrip('/')} for a relative path, "
            "sqlite:////path for an absolute one",
        )
    host, slash, path = place[2:].partition("/")
    if host:
        raise ConfigurationError(
            f"{url!r} names a host; a file has none", hint=f"write sqlite:///{host}{slash}{path}"
        )
    given: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    settings: dict[str, Any] = {name: _setting(name, value) for name, value in {**given, **overrides}.items()}
    return StoreOptions(path=_path(url, path), **settings)


def _path(url: str, text: str) -> str:
    path = unquote(text, errors="surrogateescape")
    if path == ":memory:":
        return ""
    if any(character < " " for character in path):
        raise ConfigurationError(f"{url!r} names a file with a control character in its name")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as exc:
        raise ConfigurationError(f"{url!r} names a file that this system can't have") from exc
    return path


def _setting(name: str, value: object) -> object:
    known = [field.name for field in fields(StoreOptions) if field.name != "path"]
    if name not in known:
        raise ConfigurationError(
            f"unknown option {name!r} of the file engine",
            hint=f"known: {', '.join(known)}; a ? in the name of the file is written %3F",
        )
    if name in ("timeout", "query_timeout", "sweep", "pool_timeout"):
        return _seconds(name, value)
    if name in ("strict", "create"):
        return _switch(name, value)
    if name == "connections":
        return _count(name, value)
    if name == "durability" and value not in ("normal", "full"):
        raise ConfigurationError(f"durability is 'normal' or 'full', not {value!r}")
    return str(value)


def _seconds(name: str, value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError as exc:
        raise ConfigurationError(f"{name} is a number of seconds, not {value!r}") from exc
    if not 0 <= seconds < 1e9:
        raise ConfigurationError(f"{name} is a number of seconds from 0 up, not {value!r}")
    return seconds


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not str(value).isascii() or not str(value).isdigit() or int(str(value)) < 1:
        raise ConfigurationError(f"{name} is a whole number from 1 up, not {value!r}")
    return int(str(value))


def _switch(name: str, value: object) -> bool:
    known = _WORDS.get(str(value).lower())
    if known is None:
        raise ConfigurationError(f"{name} is true or false, not {value!r}")
    return known
