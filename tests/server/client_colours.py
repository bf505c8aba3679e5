"""One body of a test over both colours: an awaited client that is driven from a plain function."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from solidb_odm.client import AsyncClient, Client
from solidb_odm.client.calls import AsyncCaller

COLOURS = ["blocking", "asyncio", "trio"]


@contextmanager
def client_of(colour: str, url: str, **options: Any) -> Iterator[Client]:
    """Return a client of this colour, with the face of the blocking one."""
    if colour == "blocking":
        with Client(url, **options) as client:
            yield client
        return
    with start_blocking_portal(colour) as portal:
        opened = AsyncClient(url, **options)
        try:
            yield cast(Client, Driven(opened, portal))
        finally:
            portal.call(opened.close)


class Driven:
    """Something awaited, shown as blocking."""

    def __init__(self, inner: object, portal: BlockingPortal) -> None:
        self._inner, self._portal = inner, portal

    def __getattr__(self, name: str) -> Any:
        return self._shown(getattr(self._inner, name))

    def __getitem__(self, name: str) -> Any:
        return self._inner[name]  # type: ignore[index]

    def __call__(self, *args: Any, **names: Any) -> Any:
        return self._called(self._inner(*args, **names))  # type: ignore[operator]

    def __enter__(self) -> Any:
        self._portal.call(self._inner.__aenter__)  # type: ignore[attr-defined]
        return self

    def __exit__(self, *error: object) -> None:
        self._portal.call(self._inner.__aexit__, *error)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[Any]:
        return self._items(self._inner)

    def __next__(self) -> Any:
        return self._portal.call(self._inner.__anext__)  # type: ignore[attr-defined]

    def _shown(self, value: Any) -> Any:
        if isinstance(value, AsyncCaller):
            return Driven(value, self._portal)
        if callable(value) and not isinstance(value, int | str):
            return lambda *args, **names: self._called(value(*args, **names))
        return value

    def _called(self, value: Any) -> Any:
        if inspect.iscoroutine(value):
            return self._shown(self._portal.call(_awaited, value))
        if isinstance(value, AsyncCaller):
            return Driven(value, self._portal)
        if hasattr(value, "__anext__") and hasattr(value, "__aenter__"):
            return Driven(value, self._portal)
        if hasattr(value, "__anext__"):
            return self._items(value)
        if hasattr(value, "__aenter__"):
            return self._block(value)
        return self._shown(value)

    def _items(self, items: Any) -> Iterator[Any]:
        while True:
            try:
                yield self._portal.call(items.__anext__)
            except StopAsyncIteration:
                return

    @contextmanager
    def _block(self, block: Any) -> Iterator[Any]:
        entered: AbstractContextManager[Any] = self._portal.wrap_async_context_manager(block)
        with entered as inner:
            yield self._shown(inner)


async def _awaited(value: Any) -> Any:
    return await value
