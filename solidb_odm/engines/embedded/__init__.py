"""The embedded engine: one SQLite file answers like the server."""

from .channel import EmbeddedChannel
from .driver import EmbeddedDriver
from .options import StoreOptions, parse_url

__all__ = ["EmbeddedChannel", "EmbeddedDriver", "StoreOptions", "parse_url"]
