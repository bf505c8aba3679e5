"""``client.graph``: walks along edges, and communities for retrieval, blocking and awaited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..calls import AsyncCaller, Caller
from . import edge_walks
from .edge_walks import Community, Direction, GraphPath, GraphStep, Neighbour, Vertex


class Graph(Caller):
    """Walks along edges, blocking. A document is named by ``"collection/key"``, or given as stored."""

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
        """Find what is within some hops of the seeds, the strongest bound first.

        A score is 1 at a seed and ``decay`` (0.6) times as much a hop further; what several seeds lead to has
        the best of its scores, or with ``combine="sum"`` their sum. Needs the right to write.
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
        """Walk from a document along edges, the nearer documents first.

        ``depth=3`` is one to three edges; (0, 3) gives the start too. Every document comes once, or with
        ``unique="path"`` once for each path to it.
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
        """Find the path with the fewest edges, or none.

        ``weight`` names an attribute of the edges whose sum is to be least; an edge without it counts 1.
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
        """Find the documents nearest to a vector, and what is within some hops of them, best first.

        ``seeds``: how many are taken by the vector alone; each hop from one has ``decay`` times its score.
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
        """Have the server find the communities of a graph; return them, the largest first.

        A higher ``resolution`` makes smaller ones. ``summarize`` has the server's language model write a
        summary of each, if the server was set up with one.
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
        """List the communities that were found last, of one graph or of all."""
        return self._run(edge_walks.communities(self._database, edge_collection))

    def search_communities(
        self, text: str, limit: int = 10, *, edge_collection: str | None = None
    ) -> list[Community]:
        """Find communities by the words of their summaries; without summaries there is none."""
        return self._run(
            edge_walks.search_communities(self._database, text, edge_collection=edge_collection, limit=limit)
        )


class AsyncGraph(AsyncCaller):
    """Walks along edges, awaited. A document is named by ``"collection/key"``, or given as stored."""

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
        """Find what is within some hops of the seeds, the strongest bound first.

        A score is 1 at a seed and ``decay`` (0.6) times as much a hop further; what several seeds lead to has
        the best of its scores, or with ``combine="sum"`` their sum. Needs the right to write.
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
        """Walk from a document along edges, the nearer documents first.

        ``depth=3`` is one to three edges; (0, 3) gives the start too. Every document comes once, or with
        ``unique="path"`` once for each path to it.
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
        """Find the path with the fewest edges, or none.

        ``weight`` names an attribute of the edges whose sum is to be least; an edge without it counts 1.
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
        """Find the documents nearest to a vector, and what is within some hops of them, best first.

        ``seeds``: how many are taken by the vector alone; each hop from one has ``decay`` times its score.
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
        """Have the server find the communities of a graph; return them, the largest first.

        A higher ``resolution`` makes smaller ones. ``summarize`` has the server's language model write a
        summary of each, if the server was set up with one.
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
        """List the communities that were found last, of one graph or of all."""
        return await self._run(edge_walks.communities(self._database, edge_collection))

    async def search_communities(
        self, text: str, limit: int = 10, *, edge_collection: str | None = None
    ) -> list[Community]:
        """Find communities by the words of their summaries; without summaries there is none."""
        return await self._run(
            edge_walks.search_communities(self._database, text, edge_collection=edge_collection, limit=limit)
        )
