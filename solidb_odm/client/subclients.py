"""The sub-clients, as attributes of clients."""

from __future__ import annotations

from .calling import AsyncCaller, Caller
from .vector import AsyncVector, Vector


class SubClients(Caller):
    """The sub-clients, blocking."""

    @property
    def vector(self) -> Vector:
        """Vector indexes and searches."""
        return Vector.over(self._runner)


class AsyncSubClients(AsyncCaller):
    """The sub-clients, awaited."""

    @property
    def vector(self) -> AsyncVector:
        """Vector indexes and searches."""
        return AsyncVector.over(self._runner)
