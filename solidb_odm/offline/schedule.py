"""When the next sync is due, as a state machine without clocks or sleep.

The server's change feed as a doorbell: that something was written, never what.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import Final

from .._backoff import pause
from .._types import JsonObject
from ..client.feeds import feed_token
from ..commands import ListCollections
from ..engines.solidb.async_driver import AsyncServerDriver
from ..engines.solidb.definitions import list_collections
from ..engines.solidb.driver import ServerDriver
from ..wire.exchange import Exchange
from ..wire.feed_connections import SocketFeed, StreamFeed

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 60.0
COALESCE: Final = 0.05
"""Seconds between an edit and its push, in which others may join it."""


class Schedule:
    """Times are seconds of a monotonic clock, given by whoever asks."""

    def __init__(self, interval: float, jitter: Callable[[], float] = random.random) -> None:
        self._interval, self._jitter = interval, jitter
        self.failures = 0
        self.due = 0.0
        self._is_under_way = False

    def began(self) -> None:
        """Note that a sync begins: what is edited from now on may be too late for it, and needs the next."""
        self._is_under_way, self.due = True, math.inf

    def edited(self, now: float) -> None:
        """Note an edit: it is pushed soon, unless the server is away."""
        if self._is_under_way or not self.failures:
            self.due = min(self.due, now + COALESCE)

    def rang(self, now: float) -> None:
        """Note that the server has something new, or is back."""
        self.failures = 0
        self.due = min(self.due, now)

    def succeeded(self, now: float) -> None:
        """Note a sync that went well."""
        self.failures, self._is_under_way = 0, False
        self.due = min(self.due, now + self._interval)

    def failed(self, now: float) -> None:
        """Note a sync that failed: wait twice as long as before, up to a minute, with jitter."""
        self.due = now + pause(self.failures, FIRST_WAIT, LONGEST_WAIT, self._jitter)
        self.failures, self._is_under_way = self.failures + 1, False


MOST_SUBSCRIPTIONS: Final = 64
LOOK_FOR_COLLECTIONS: Final = 2.0
"""Seconds between two looks for new collections, which ring no bell, where all are synced."""


def subscriptions(database: str, collections: Iterable[str]) -> list[JsonObject]:
    """Return the messages that ask for the events of collections; the server takes so many."""
    names = sorted(collections)[:MOST_SUBSCRIPTIONS]
    return [{"type": "subscribe", "database": database, "collection": name} for name in names]


def collection_names(database: str) -> Exchange[list[str]]:
    """Name the collections there are on the server."""
    return list_collections(ListCollections(), database)


def rings(messages: Iterable[JsonObject]) -> bool:
    """Return whether anything was written, or may have been."""
    return any("operation" in message or message.get("type") == "lagged" for message in messages)


def open_bell(driver: ServerDriver, collections: Iterable[str]) -> SocketFeed:
    """Open the feed and subscribe, blocking."""
    token = driver.run(feed_token())
    feed = SocketFeed.open(driver.pool.host, driver.address, token)
    for message in subscriptions(driver.address.database, collections):
        feed.say(message)
    return feed


async def open_bell_async(driver: AsyncServerDriver, collections: Iterable[str]) -> StreamFeed:
    """Open the feed and subscribe, async."""
    token = await driver.run(feed_token())
    feed = await StreamFeed.open(driver.pool.host, driver.address, token)
    for message in subscriptions(driver.address.database, collections):
        await feed.say(message)
    return feed
