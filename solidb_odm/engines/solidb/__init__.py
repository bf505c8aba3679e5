"""The engine that talks to a SoliDB server: its MessagePack driver protocol, and HTTP for the rest.

The protocol is in ``wire``. What each command sends is written once, as operations that yield batches of
requests (``reads``, ``definitions``, ``commit``); ``dispatch`` chooses one, and ``driver`` holds the classes
that run them, blocking and async.
"""

from ...wire.url import ServerAddress, parse_url
from .driver import AsyncServerDriver, ServerDriver

__all__ = [
    "AsyncServerDriver",
    "ServerAddress",
    "ServerDriver",
    "parse_url",
]
