"""The sub-clients about data: where it is found, and how it is kept."""

from __future__ import annotations

from .blobs import AsyncBlobs, Blobs
from .calls import AsyncCaller, Caller
from .changes import AsyncChanges, Changes
from .columnar import AsyncColumnar, Columnar
from .geo import AsyncGeo, Geo
from .graph import AsyncGraph, Graph
from .search import AsyncSearch, Search
from .ttl import TTL, AsyncTTL


class DataSubClients(Caller):
    """The sub-clients about data, blocking."""

    @property
    def blobs(self) -> Blobs:
        """Files."""
        return Blobs.over(self._runner)

    @property
    def changes(self) -> Changes:
        """What is written, as it happens."""
        return Changes.over(self._runner)

    @property
    def columnar(self) -> Columnar:
        """Tables for analysis."""
        return Columnar.over(self._runner)

    @property
    def geo(self) -> Geo:
        """Geo indexes and searches."""
        return Geo.over(self._runner)

    @property
    def graph(self) -> Graph:
        """Walks along edges."""
        return Graph.over(self._runner)

    @property
    def search(self) -> Search:
        """Searches by words, and by words and a vector at once."""
        return Search.over(self._runner)

    @property
    def ttl(self) -> TTL:
        """Documents that expire."""
        return TTL.over(self._runner)


class AsyncDataSubClients(AsyncCaller):
    """The sub-clients about data, awaited."""

    @property
    def blobs(self) -> AsyncBlobs:
        """Files."""
        return AsyncBlobs.over(self._runner)

    @property
    def changes(self) -> AsyncChanges:
        """What is written, as it happens."""
        return AsyncChanges.over(self._runner)

    @property
    def columnar(self) -> AsyncColumnar:
        """Tables for analysis."""
        return AsyncColumnar.over(self._runner)

    @property
    def geo(self) -> AsyncGeo:
        """Geo indexes and searches."""
        return AsyncGeo.over(self._runner)

    @property
    def graph(self) -> AsyncGraph:
        """Walks along edges."""
        return AsyncGraph.over(self._runner)

    @property
    def search(self) -> AsyncSearch:
        """Searches by words, and by words and a vector at once."""
        return AsyncSearch.over(self._runner)

    @property
    def ttl(self) -> AsyncTTL:
        """Documents that expire."""
        return AsyncTTL.over(self._runner)
