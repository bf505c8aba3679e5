"""``client.graph``: traversals along edges, and communities for retrieval, blocking and async."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..calls import AsyncCaller, Caller
from . import edge_walks
from .edge_walks import Community, Direction, GraphPath, GraphStep, Neighbour, Vertex


class Graph(Caller):
    """Calls for graphs, blocking. A document is named by its id ``"collection/key"``, or given as stored."""

    def neighbours(
        self,
        edge_collection: str,
        seeds: Vertex | Sequence[Vertex],
        *,
        hops: int = 1,
        direction: Direction = "outbound",
        limit: int = 20,
        include_seeds: bool = False,
        decay: float | None = None,
        combine: Literal["max", "sum"] | None = None,
    ) -> list[Neighbour]:
        """Return the documents within some edges of the seeds, the highest score first.

        A seed has score 1; each edge multiplies the score by ``decay`` (0.6). A document that several seeds
        lead to has its best score, or with ``combine="sum"`` the sum. Requires the permission to write.
        """
        return self._run(
            edge_walks.neighbours(
                self._database,
                edge_collection,
                seeds,
                hops=hops,
                direction=direction,
                limit=limit,
                include_seeds=include_seeds,
                decay=decay,
                combine=combine,
            )
        )

    def traverse(
        self,
        edge_collection: str,
        start: Vertex,
        *,
        depth: int | tuple[int, int] = 1,
        direction: Direction = "outbound",
        limit: int | None = None,
        unique: Literal["global", "path"] = "global",
    ) -> list[GraphStep]:
        """Return the documents reached from one along edges, the nearer ones first.

        ``depth=3`` means one to three edges; ``(0, 3)`` includes the start. Each document is returned once,
        or with ``unique="path"`` once for each path to it.
        """
        return self._run(
            edge_walks.traverse(
                self._database,
                edge_collection,
                start,
                depth=depth,
                direction=direction,
                limit=limit,
                unique=unique,
            )
        )

    def shortest_path(
        self,
        edge_collection: str,
        start: Vertex,
        end: Vertex,
        *,
        direction: Direction = "outbound",
        weight: str | None = None,
    ) -> GraphPath | None:
        """Return the path with the fewest edges; None if there is no path.

        With ``weight``, an attribute of the edges, return the path with the least sum of it; an edge without
        the attribute counts as 1.
        """
        return self._run(
            edge_walks.shortest_path(
                self._database, edge_collection, start, end, direction=direction, weight=weight
            )
        )

    def rag(
        self,
        seed_collection: str,
        edge_collection: str,
        vector: Sequence[float],
        limit: int = 20,
        *,
        hops: int = 2,
        direction: Direction = "outbound",
        seeds: int = 10,
        decay: float = 0.6,
        index: str | None = None,
    ) -> list[Neighbour]:
        """Return the documents nearest to a vector, and those within some edges of them, best first.

        ``seeds`` is the number of documents found by the vector alone; each edge from one of them multiplies
        its score by ``decay``.
        """
        return self._run(
            edge_walks.rag(
                self._database,
                seed_collection,
                edge_collection,
                vector,
                limit=limit,
                hops=hops,
                direction=direction,
                seeds=seeds,
                decay=decay,
                index=index,
            )
        )

    def build_communities(
        self,
        edge_collection: str,
        *,
        resolution: float = 1.0,
        min_size: int = 2,
        summarize: bool = False,
    ) -> list[Community]:
        """Have the server build the communities of a graph; return them, the largest first.

        A higher ``resolution`` gives smaller communities. With ``summarize`` the server's language model, if
        it has one, writes a summary of each.
        """
        return self._run(
            edge_walks.build_communities(
                self._database,
                edge_collection,
                resolution=resolution,
                min_size=min_size,
                summarize=summarize,
            )
        )

    def communities(self, edge_collection: str | None = None) -> list[Community]:
        """Return the communities that were built last, of one graph or of all."""
        return self._run(edge_walks.communities(self._database, edge_collection))

    def search_communities(
        self, text: str, limit: int = 10, *, edge_collection: str | None = None
    ) -> list[Community]:
        """Return communities by the words of their summaries; none if there are no summaries."""
        return self._run(
            edge_walks.search_communities(self._database, text, edge_collection=edge_collection, limit=limit)
        )


class AsyncGraph(AsyncCaller):
    """Calls for graphs, async. A document is named by its id ``"collection/key"``, or given as stored."""

    async def neighbours(
        self,
        edge_collection: str,
        seeds: Vertex | Sequence[Vertex],
        *,
        hops: int = 1,
        direction: Direction = "outbound",
        limit: int = 20,
        include_seeds: bool = False,
        decay: float | None = None,
        combine: Literal["max", "sum"] | None = None,
    ) -> list[Neighbour]:
        """Return the documents within some edges of the seeds, the highest score first.

        A seed has score 1; each edge multiplies the score by ``decay`` (0.6). A document that several seeds
        lead to has its best score, or with ``combine="sum"`` the sum. Requires the permission to write.
        """
        return await self._run(
            edge_walks.neighbours(
                self._database,
                edge_collection,
                seeds,
                hops=hops,
                direction=direction,
                limit=limit,
                include_seeds=include_seeds,
                decay=decay,
                combine=combine,
            )
        )

    async def traverse(
        self,
        edge_collection: str,
        start: Vertex,
        *,
        depth: int | tuple[int, int] = 1,
        direction: Direction = "outbound",
        limit: int | None = None,
        unique: Literal["global", "path"] = "global",
    ) -> list[GraphStep]:
        """Return the documents reached from one along edges, the nearer ones first.

        ``depth=3`` means one to three edges; ``(0, 3)`` includes the start. Each document is returned once,
        or with ``unique="path"`` once for each path to it.
        """
        return await self._run(
            edge_walks.traverse(
                self._database,
                edge_collection,
                start,
                depth=depth,
                direction=direction,
                limit=limit,
                unique=unique,
            )
        )

    async def shortest_path(
        self,
        edge_collection: str,
        start: Vertex,
        end: Vertex,
        *,
        direction: Direction = "outbound",
        weight: str | None = None,
    ) -> GraphPath | None:
        """Return the path with the fewest edges; None if there is no path.

        With ``weight``, an attribute of the edges, return the path with the least sum of it; an edge without
        the attribute counts as 1.
        """
        return await self._run(
            edge_walks.shortest_path(
                self._database, edge_collection, start, end, direction=direction, weight=weight
            )
        )

    async def rag(
        self,
        seed_collection: str,
        edge_collection: str,
        vector: Sequence[float],
        limit: int = 20,
        *,
        hops: int = 2,
        direction: Direction = "outbound",
        seeds: int = 10,
        decay: float = 0.6,
        index: str | None = None,
    ) -> list[Neighbour]:
        """Return the documents nearest to a vector, and those within some edges of them, best first.

        ``seeds`` is the number of documents found by the vector alone; each edge from one of them multiplies
        its score by ``decay``.
        """
        return await self._run(
            edge_walks.rag(
                self._database,
                seed_collection,
                edge_collection,
                vector,
                limit=limit,
                hops=hops,
                direction=direction,
                seeds=seeds,
                decay=decay,
                index=index,
            )
        )

    async def build_communities(
        self,
        edge_collection: str,
        *,
        resolution: float = 1.0,
        min_size: int = 2,
        summarize: bool = False,
    ) -> list[Community]:
        """Have the server build the communities of a graph; return them, the largest first.

        A higher ``resolution`` gives smaller communities. With ``summarize`` the server's language model, if
        it has one, writes a summary of each.
        """
        return await self._run(
            edge_walks.build_communities(
                self._database,
                edge_collection,
                resolution=resolution,
                min_size=min_size,
                summarize=summarize,
            )
        )

    async def communities(self, edge_collection: str | None = None) -> list[Community]:
        """Return the communities that were built last, of one graph or of all."""
        return await self._run(edge_walks.communities(self._database, edge_collection))

    async def search_communities(
        self, text: str, limit: int = 10, *, edge_collection: str | None = None
    ) -> list[Community]:
        """Return communities by the words of their summaries; none if there are no summaries."""
        return await self._run(
            edge_walks.search_communities(self._database, text, edge_collection=edge_collection, limit=limit)
        )
