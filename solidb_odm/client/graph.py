"""``client.graph``: walks along edges, in both colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .calling import AsyncCaller, Caller
from .operations import graph as operations
from .operations.graph import Direction, GraphPath, Neighbour, Step, Vertex


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
            operations.neighbours(
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
    ) -> list[Step]:
        """Walk from a document along edges, the nearer documents first.

        ``depth=3`` is one to three edges; (0, 3) gives the start too. Every document comes once, or with
        ``unique="path"`` once for each path to it.
        """
        return self._run(
            operations.traverse(
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
            operations.shortest_path(
                self._database, edge_collection, start, end, direction=direction, weight=weight
            )
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
            operations.neighbours(
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
    ) -> list[Step]:
        """Walk from a document along edges, the nearer documents first.

        ``depth=3`` is one to three edges; (0, 3) gives the start too. Every document comes once, or with
        ``unique="path"`` once for each path to it.
        """
        return await self._run(
            operations.traverse(
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
            operations.shortest_path(
                self._database, edge_collection, start, end, direction=direction, weight=weight
            )
        )
