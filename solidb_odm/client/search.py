"""``client.search``: by words, and by words and a vector at once, in both colours."""

from __future__ import annotations

from collections.abc import Sequence

from .calls import AsyncCaller, Caller
from .operations import search as operations
from .operations.search import FulltextHit, FulltextIndexInfo, Fusion, HybridHit


class Search(Caller):
    """Searches by words, blocking."""

    def create_index(
        self,
        collection: str,
        name: str,
        fields: str | Sequence[str],
        *,
        min_length: int = 3,
        fold_accents: bool = False,
    ) -> FulltextIndexInfo:
        """Make an index over one attribute or several that hold texts.

        Shorter words than ``min_length`` are left out; ``fold_accents`` finds é by e.
        """
        return self._run(
            operations.create_index(
                self._database, collection, name, fields, min_length=min_length, fold_accents=fold_accents
            )
        )

    def fulltext(
        self,
        collection: str,
        text: str,
        limit: int = 10,
        *,
        field: str | None = None,
        distance: int | None = None,
        phrase: int | None = None,
    ) -> list[FulltextHit]:
        """Find the documents that hold words of a text, the best first.

        ``field`` chooses among several indexed attributes. ``distance``: how many letters may differ, which
        only adds to the scores of documents that have one of the words; ``phrase``: the words in this
        order, with so many others between them at most.
        """
        return self._run(
            operations.fulltext(
                self._database, collection, text, limit, attribute=field, distance=distance, phrase=phrase
            )
        )

    def hybrid(
        self,
        collection: str,
        vector: Sequence[float],
        text: str,
        limit: int = 10,
        *,
        field: str | None = None,
        index: str | None = None,
        vector_weight: float = 0.5,
        text_weight: float = 0.5,
        fusion: Fusion | None = None,
    ) -> list[HybridHit]:
        """Find the documents that are near a vector or hold words of a text, the best of both first.

        ``field`` and ``index`` choose among several. ``fusion``: by the sum of both scores ("weighted"),
        or by the ranks in both lists ("rrf"), which is what a euclidean index needs and gets.
        """
        return self._run(
            operations.hybrid(
                self._database,
                collection,
                vector,
                text,
                limit,
                attribute=field,
                index=index,
                vector_weight=vector_weight,
                text_weight=text_weight,
                fusion=fusion,
            )
        )

    def list_indexes(self, collection: str) -> list[FulltextIndexInfo]:
        """List the fulltext indexes of a collection."""
        return self._run(operations.list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; IndexNotFound if there is no fulltext index of this name."""
        self._run(operations.delete_index(self._database, collection, name))


class AsyncSearch(AsyncCaller):
    """Searches by words, awaited."""

    async def create_index(
        self,
        collection: str,
        name: str,
        fields: str | Sequence[str],
        *,
        min_length: int = 3,
        fold_accents: bool = False,
    ) -> FulltextIndexInfo:
        """Make an index over one attribute or several that hold texts.

        Shorter words than ``min_length`` are left out; ``fold_accents`` finds é by e.
        """
        return await self._run(
            operations.create_index(
                self._database, collection, name, fields, min_length=min_length, fold_accents=fold_accents
            )
        )

    async def fulltext(
        self,
        collection: str,
        text: str,
        limit: int = 10,
        *,
        field: str | None = None,
        distance: int | None = None,
        phrase: int | None = None,
    ) -> list[FulltextHit]:
        """Find the documents that hold words of a text, the best first.

        ``field`` chooses among several indexed attributes. ``distance``: how many letters may differ, which
        only adds to the scores of documents that have one of the words; ``phrase``: the words in this
        order, with so many others between them at most.
        """
        return await self._run(
            operations.fulltext(
                self._database, collection, text, limit, attribute=field, distance=distance, phrase=phrase
            )
        )

    async def hybrid(
        self,
        collection: str,
        vector: Sequence[float],
        text: str,
        limit: int = 10,
        *,
        field: str | None = None,
        index: str | None = None,
        vector_weight: float = 0.5,
        text_weight: float = 0.5,
        fusion: Fusion | None = None,
    ) -> list[HybridHit]:
        """Find the documents that are near a vector or hold words of a text, the best of both first.

        ``field`` and ``index`` choose among several. ``fusion``: by the sum of both scores ("weighted"),
        or by the ranks in both lists ("rrf"), which is what a euclidean index needs and gets.
        """
        return await self._run(
            operations.hybrid(
                self._database,
                collection,
                vector,
                text,
                limit,
                attribute=field,
                index=index,
                vector_weight=vector_weight,
                text_weight=text_weight,
                fusion=fusion,
            )
        )

    async def list_indexes(self, collection: str) -> list[FulltextIndexInfo]:
        """List the fulltext indexes of a collection."""
        return await self._run(operations.list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; IndexNotFound if there is no fulltext index of this name."""
        await self._run(operations.delete_index(self._database, collection, name))
