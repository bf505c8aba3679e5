"""``client.search``: fulltext indexes, fulltext search, and hybrid search by words and a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Literal, TypeAlias, cast

from .._dataclasses import dataclass
from .._types import JsonObject
from ..errors import IndexExists, IndexNotFound, UsageError
from ..wire.exchange import Exchange, query_request, send
from ..wire.faults import Subject
from . import vector
from .calls import AsyncCaller, Caller
from .requests import about, at, chosen, named, rest, send_whole, unsupported
from .results import ClientResult, DocumentResult

FEWER = "use a smaller limit"

Fusion: TypeAlias = Literal["weighted", "rrf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FulltextIndexInfo(ClientResult):
    """A fulltext index. Words shorter than ``min_length`` characters are not indexed."""

    name: str
    field: str = ""
    fields: tuple[str, ...] = ()
    min_length: int = 3
    fold_accents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FulltextHit(ClientResult):
    """A document found by words: the words it contains, and their places in the text."""

    key: str
    score: float
    doc: DocumentResult = field(default_factory=DocumentResult)
    field: str = ""
    matched: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridHit(ClientResult):
    """A document found by words or a vector; ``sources`` says by which of them."""

    key: str
    score: float
    doc: DocumentResult = field(default_factory=DocumentResult)
    vector_score: float | None = None
    text_score: float | None = None
    sources: tuple[str, ...] = ()


class Searches(Caller):
    """Calls for fulltext and hybrid search, blocking."""

    def create_index(
        self,
        collection: str,
        name: str,
        fields: str | Sequence[str],
        *,
        min_length: int = 3,
        fold_accents: bool = False,
    ) -> FulltextIndexInfo:
        """Create a fulltext index over one or more attributes that hold texts.

        Words shorter than ``min_length`` characters are left out. With ``fold_accents``, e matches é.
        """
        return self._run(
            create_index(
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
        """Return the documents that contain words of a text, the best match first.

        ``field`` names the attribute where several are indexed. ``distance`` is the number of letters that
        may differ (it only raises the scores of documents that contain one of the words). ``phrase`` requires
        the words in this order, with at most this many others between them.
        """
        return self._run(
            fulltext(
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
        """Return the documents that are near a vector or contain words of a text, the best match first.

        ``field`` and ``index`` name the indexes where a collection has several. ``fusion`` combines the
        results by the sum of both scores ("weighted") or by the ranks in both lists ("rrf"); a euclidean
        index always uses ranks.
        """
        return self._run(
            hybrid(
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
        """Return the fulltext indexes of a collection."""
        return self._run(list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; raise IndexNotFound if there is no fulltext index of this name."""
        self._run(delete_index(self._database, collection, name))


class AsyncSearches(AsyncCaller):
    """Calls for fulltext and hybrid search, async."""

    async def create_index(
        self,
        collection: str,
        name: str,
        fields: str | Sequence[str],
        *,
        min_length: int = 3,
        fold_accents: bool = False,
    ) -> FulltextIndexInfo:
        """Create a fulltext index over one or more attributes that hold texts.

        Words shorter than ``min_length`` characters are left out. With ``fold_accents``, e matches é.
        """
        return await self._run(
            create_index(
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
        """Return the documents that contain words of a text, the best match first.

        ``field`` names the attribute where several are indexed. ``distance`` is the number of letters that
        may differ (it only raises the scores of documents that contain one of the words). ``phrase`` requires
        the words in this order, with at most this many others between them.
        """
        return await self._run(
            fulltext(
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
        """Return the documents that are near a vector or contain words of a text, the best match first.

        ``field`` and ``index`` name the indexes where a collection has several. ``fusion`` combines the
        results by the sum of both scores ("weighted") or by the ranks in both lists ("rrf"); a euclidean
        index always uses ranks.
        """
        return await self._run(
            hybrid(
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
        """Return the fulltext indexes of a collection."""
        return await self._run(list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; raise IndexNotFound if there is no fulltext index of this name."""
        await self._run(delete_index(self._database, collection, name))


def create_index(
    database: str,
    collection: str,
    name: str,
    attributes: str | Sequence[str],
    *,
    min_length: int = 3,
    fold_accents: bool = False,
) -> Exchange[FulltextIndexInfo]:
    """Create a fulltext index, over HTTP: the driver has no command for it."""
    if any(index.name == name for index in (yield from list_indexes(database, collection))):
        raise IndexExists(f"{collection} has a fulltext index {name!r} already", name=name)
    body: JsonObject = {
        "name": name,
        "type": "fulltext",
        "fields": [attributes] if isinstance(attributes, str) else list(attributes),
        "min_length": min_length,
        "fold_accents": fold_accents,
    }
    yield from rest("POST", at("database", database, "index", collection), body)
    return named((yield from list_indexes(database, collection)), name, collection, "fulltext")


def list_indexes(database: str, collection: str) -> Exchange[list[FulltextIndexInfo]]:
    """Return the fulltext indexes of a collection."""
    request = about("list_indexes", database, collection)
    answer = yield from send(request, Subject(database, collection), repeatable=True)
    rows = cast(list[JsonObject], answer.data)
    return [
        FulltextIndexInfo.of(row, fields=tuple(row["fields"]))
        for row in rows
        if row["index_type"] == "Fulltext"
    ]


def delete_index(database: str, collection: str, name: str) -> Exchange[None]:
    """Drop an index; it is looked up first, because the command also drops indexes of other kinds."""
    named((yield from list_indexes(database, collection)), name, collection, "fulltext")
    yield from send(about("delete_index", database, collection, name=name), Subject(database, collection))


def fulltext(
    database: str,
    collection: str,
    text: str,
    limit: int = 10,
    *,
    attribute: str | None = None,
    distance: int | None = None,
    phrase: int | None = None,
) -> Exchange[list[FulltextHit]]:
    """Return the documents that contain words of a text, the best match first."""
    if limit < 1:
        return []
    text_field = yield from _attribute(database, collection, attribute)
    options = {"limit": limit, "distance": distance, "phrase": phrase}
    binds = {
        "collection": collection,
        "field": text_field,
        "text": text,
        "options": {name: value for name, value in options.items() if value is not None},
    }
    request = query_request("RETURN FULLTEXT(@collection, @field, @text, @options)", binds, database)
    context = Subject(database, collection, query=request["sdbql"])
    answer = yield from send_whole(request, context, hint=FEWER)
    return [
        FulltextHit.of(
            row,
            key=row["doc"]["_key"],
            doc=DocumentResult(row["doc"]),
            matched=tuple(row.get("matched") or ()),
            spans=tuple((start, end) for start, end in row.get("spans") or ()),
        )
        for row in answer.data[0]
    ]


def hybrid(
    database: str,
    collection: str,
    numbers: Sequence[float],
    text: str,
    limit: int = 10,
    *,
    attribute: str | None = None,
    index: str | None = None,
    vector_weight: float = 0.5,
    text_weight: float = 0.5,
    fusion: Fusion | None = None,
) -> Exchange[list[HybridHit]]:
    """Return the documents that are near a vector or contain words of a text, the best match first."""
    if fusion not in (None, "weighted", "rrf"):
        raise UsageError(f"fusion={fusion!r} must be 'weighted' or 'rrf'")
    target = chosen((yield from vector.list_indexes(database, collection)), index, collection, "vector")
    if target.metric == "euclidean" and fusion == "weighted":
        raise unsupported(
            f"weighted fusion over {target.name}, which is euclidean",
            "it takes the larger distance for the better score",
            "fusion='rrf', or an index by cosine",
        )
    request = about(
        "hybrid_search",
        database,
        collection,
        vector=[float(number) for number in numbers],
        text_query=text,
        vector_index=target.name,
        fulltext_field=(yield from _attribute(database, collection, attribute)),
        vector_weight=float(vector_weight),
        text_weight=float(text_weight),
        limit=limit,
        fusion=fusion or ("rrf" if target.metric == "euclidean" else "weighted"),
    )
    rows = (yield from send_whole(request, Subject(database, collection), hint=FEWER)).data
    return [
        HybridHit.of(
            row,
            key=row["doc_key"],
            doc=DocumentResult(row.get("document") or {}),
            sources=tuple(row.get("sources") or ()),
        )
        for row in rows
    ]


def _attribute(database: str, collection: str, attribute: str | None) -> Exchange[str]:
    """Return the attribute to search; raise an error if it has no index: the server would return nothing."""
    indexes = yield from list_indexes(database, collection)
    if attribute is None:
        return chosen(indexes, None, collection, "fulltext").field
    if any(attribute in index.fields for index in indexes):
        return attribute
    raise IndexNotFound(
        f"{collection} has no fulltext index on {attribute}",
        name=attribute,
        hint="make one with search.create_index(..)",
    )
