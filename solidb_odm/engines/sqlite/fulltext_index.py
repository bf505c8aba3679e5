"""Fulltext indexes: words in FTS5, which finds the texts and knows how rare each word is.

Which texts are found and how they score is as the functions of the language have it, so FTS5 gets the
words as those functions cut them, and its own ranking is not used.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from ..._types import Json, JsonObject
from ...language.functions.arguments import is_number, is_object
from ...language.functions.fulltext import Corpus, Word, split_words, terms_of
from ...language.functions.objects import value_at
from .catalogue import StoredIndex
from .layout import side_table, vocabulary_table

_FUZZY: Final = 2
_HITS: Final = 100
_BEST: Final = 20
_MOST_TERMS: Final = 200
Documents = Callable[[Sequence[int]], list[JsonObject]]
"""Reads the documents with these rowids."""


def indexed_words(text: str) -> str:
    """Return the words of a text for FTS5; the SQL function ``solidb_words``."""
    return " ".join(_token(word.term) for word in split_words(text))


def _token(term: str) -> str:
    """Return a word in letters that FTS5 neither splits nor folds."""
    return term if term.isascii() else f"u8{term.encode().hex()}"


class _Rarity(Counter[str]):
    """In how many texts a word stands, looked up when it is asked for."""

    def __init__(self, connection: sqlite3.Connection, index: StoredIndex) -> None:
        super().__init__()
        self._connection = connection
        self._sql = f"SELECT doc FROM {vocabulary_table(index)} WHERE term = ?"

    def __missing__(self, term: str) -> int:
        row = self._connection.execute(self._sql, (_token(term),)).fetchone()
        count = self[term] = 0 if row is None else row[0]
        return count


class FulltextIndexes:
    """Runs FULLTEXT and SEARCH_INDEX on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def fulltext(self, index: StoredIndex, arguments: list[Json], read: Documents) -> list[Json] | None:
        """Return the hits of FULLTEXT; None for options that are not for an index."""
        _, field, query, *rest = arguments
        settings: JsonObject = {}
        if rest:
            settings = {"distance": rest[0]} if is_number(rest[0]) else rest[0] if is_object(rest[0]) else {}
            if not settings or not settings.keys() <= {"distance", "limit"}:
                return None
        distance, limit = settings.get("distance", _FUZZY), settings.get("limit", _HITS)
        if type(distance) is not int or type(limit) is not int or limit < 0:
            return None
        return [
            {"doc": document, "field": field, "matched": terms, "score": score, "spans": _spans(words)}
            for score, document, words, terms in self._hits(index, field, query, distance, read)[:limit]
        ]

    def search_index(self, index: StoredIndex, arguments: list[Json], read: Documents) -> list[Json] | None:
        """Return the hits of SEARCH_INDEX."""
        _, field, query, *rest = arguments
        most = rest[0] if rest else _BEST
        if type(most) is not int or most < 0:
            return None
        return [
            {"doc": document, "field": field, "score": score, "spans": _spans(words), "terms": terms}
            for score, document, words, terms in self._hits(index, field, query, 0, read)[:most]
        ]

    def _hits(
        self, index: StoredIndex, field: str, query: str, distance: int, read: Documents
    ) -> list[tuple[float, JsonObject, list[Word], list[str]]]:
        """Return score, document, matching words and terms, best first."""
        terms = terms_of(query, index.spec.minimum_length)
        corpus = self._corpus(index)
        hits: list[tuple[float, JsonObject, list[Word], list[str]]] = []
        for document in read(self._candidates(index, terms)):
            words = split_words(value_at(document, field, "FULLTEXT"))
            matching = [word for word in words if word.term in terms]
            known = {word.term for word in matching}
            score = corpus.score(terms, words) + corpus.nearness(terms, words, distance)
            hits.append((score, document, matching, [term for term in terms if term in known]))
        return sorted(hits, key=lambda hit: (-hit[0], str(hit[1]["_key"])))

    def _candidates(self, index: StoredIndex, terms: list[str]) -> list[int]:
        table = side_table(index)
        found: set[int] = set()
        for at in range(0, len(terms), _MOST_TERMS):
            match = " OR ".join(f'"{_token(term)}"' for term in terms[at : at + _MOST_TERMS])
            sql = f"SELECT rowid FROM {table} WHERE {table} MATCH ?"
            found.update(row[0] for row in self._connection.execute(sql, (match,)).fetchall())
        return list(found)

    def _corpus(self, index: StoredIndex) -> Corpus:
        (texts,) = self._connection.execute(f"SELECT count(*) FROM {side_table(index)}").fetchone()
        words = f"SELECT ifnull(sum(cnt), 0) FROM {vocabulary_table(index)}"
        (total,) = self._connection.execute(words).fetchone()
        return Corpus(texts, total / max(1, texts), _Rarity(self._connection, index))


def _spans(words: Sequence[Word]) -> list[list[int]]:
    return [[word.start, word.end] for word in words]
