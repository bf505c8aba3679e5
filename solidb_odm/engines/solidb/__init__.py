"""The engine that talks to a SoliDB server: its MessagePack driver protocol, and HTTP for the rest.

The protocol is written once, without I/O: ``frames``, ``connection``, ``answers``, ``faults``. What to
ask is written once too, as operations that yield flights of requests (``reading``, ``declaring``,
``commit``). ``socket_shell`` and ``anyio_shell`` move the bytes, ``driver`` holds the public classes.
"""

from ...wire.url import ServerAddress, parse_url
from .driver import AsyncServerDriver, ServerDriver

__all__ = [
    "AsyncServerDriver",
    "ServerAddress",
    "ServerDriver",
    "parse_url",
]
