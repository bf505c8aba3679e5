"""The server's change feed as a doorbell: that something was written, never what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .._types import JsonObject
from ..client.feeds import feed_token
from ..commands import ListCollections
from ..engines.solidb.async_driver import AsyncServerDriver
from ..engines.solidb.definitions import list_collections
from ..engines.solidb.driver import ServerDriver
from ..wire.feed_connections import SocketFeed, StreamFeed
from ..wire.requests import Exchange

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
    """Open the feed and subscribe, awaited."""
    token = await driver.run(feed_token())
    feed = await StreamFeed.open(driver.pool.host, driver.address, token)
    for message in subscriptions(driver.address.database, collections):
        await feed.say(message)
    return feed
