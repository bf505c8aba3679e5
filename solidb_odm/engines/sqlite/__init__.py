"""The embedded engine: one SQLite file answers like the server."""

from .async_driver import AsyncEmbeddedChannel, AsyncEmbeddedDriver
from .channel import EmbeddedChannel
from .driver import EmbeddedDriver
from .options import StoreOptions, parse_url

__all__ = [
    "AsyncEmbeddedChannel",
    "AsyncEmbeddedDriver",
    "EmbeddedChannel",
    "EmbeddedDriver",
    "StoreOptions",
    "parse_url",
]
