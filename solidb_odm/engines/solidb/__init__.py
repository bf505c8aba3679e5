"""The engine that talks to a SoliDB server: its MessagePack driver protocol, and HTTP for the rest.

The protocol is in ``wire``. What each command sends is written once, as operations that yield batches of
requests (``reads``, ``definitions``, ``commit``); ``dispatch`` chooses one, and ``driver`` and
``async_driver`` run them.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazily

if TYPE_CHECKING:
    from ...wire.url import ServerAddress, parse_url
    from .async_driver import AsyncServerDriver
    from .driver import ServerDriver
else:
    __getattr__ = lazily(
        __name__,
        {
            "...wire.url": ("ServerAddress", "parse_url"),
            ".async_driver": ("AsyncServerDriver",),
            ".driver": ("ServerDriver",),
        },
    )

__all__ = [
    "AsyncServerDriver",
    "ServerAddress",
    "ServerDriver",
    "parse_url",
]
