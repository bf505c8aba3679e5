"""The file engine: one SQLite file answers like the server."""

from .async_driver import AsyncFileChannel, AsyncFileDriver
from .channel import FileChannel
from .driver import FileDriver
from .options import StoreOptions, parse_url

__all__ = [
    "AsyncFileChannel",
    "AsyncFileDriver",
    "FileChannel",
    "FileDriver",
    "StoreOptions",
    "parse_url",
]
