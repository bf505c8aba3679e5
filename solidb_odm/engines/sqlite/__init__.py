"""The file engine: one SQLite file answers like the server."""

from typing import TYPE_CHECKING

from ..._lazy import lazily

if TYPE_CHECKING:
    from .async_driver import AsyncFileChannel, AsyncFileDriver
    from .channel import FileChannel
    from .driver import FileDriver
    from .file_url import StoreOptions, parse_url
else:
    __getattr__ = lazily(
        __name__,
        {
            ".async_driver": ("AsyncFileChannel", "AsyncFileDriver"),
            ".channel": ("FileChannel",),
            ".driver": ("FileDriver",),
            ".file_url": ("StoreOptions", "parse_url"),
        },
    )

__all__ = [
    "AsyncFileChannel",
    "AsyncFileDriver",
    "FileChannel",
    "FileDriver",
    "StoreOptions",
    "parse_url",
]
