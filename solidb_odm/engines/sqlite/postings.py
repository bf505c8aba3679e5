"""What a fulltext index knows of its words: where they stand, how often, and which are alike.

All of it is read from FTS5's own tables, so that texts are ranked without being read. The table of the places
of words (``fts5vocab`` of the kind ``instance``) is a temporary one of the connection: a file needs no change
for it, and may be read only.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

from ...language.functions.fulltext import Corpus, split_words
from ...language.values import levenshtein
from .catalogue import StoredIndex
from .layout import side_table, vocabulary_table

K = TypeVar("K")
V = TypeVar("V")
_ENCODED: Final = "u8"
_KEPT: Final = 64
_WHOLE: Final = 4_000
"""From this many texts on, the lengths of all are read at once."""


def indexed_words(text: str) -> str:
    """Return the words of a text for FTS5; the SQL function ``solidb_words``."""
    return " ".join(token_of(word.term) for word in split_words(text))


def token_of(term: str) -> str:
    """Return a word in letters that FTS5 neither splits nor folds."""
    return term if term.isascii() else f"{_ENCODED}{term.encode().hex()}"


def term_of(token: str) -> str:
    """Return the word that ``token_of`` made a token of; an ASCII word that looks like one stays."""
    if not token.startswith(_ENCODED):
        return token
    try:
        term = bytes.fromhex(token.removeprefix(_ENCODED)).decode()
    except ValueError:
        return token
    return term if token_of(term) == token else token


class Postings:
    """The words of the fulltext indexes of one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._alike: _Remembered[tuple[int, str, int], dict[str, int]] = _Remembered()
        self._corpora: _Remembered[int, Corpus] = _Remembered()

    def corpus(self, index: StoredIndex) -> Corpus:
        """Return the number of texts, their mean length, and in how many texts a word stands."""
        return self._corpora.of(index.number, self._state(), lambda: self._counted(index))

    def _counted(self, index: StoredIndex) -> Corpus:
        (texts,) = self._connection.execute(f"SELECT count(*) FROM {side_table(index)}").fetchone()
        words = f"SELECT ifnull(sum(cnt), 0) FROM {vocabulary_table(index)}"
        (total,) = self._connection.execute(words).fetchone()
        return Corpus(texts, total / max(1, texts), _Having(self._connection, index))

    def _state(self) -> tuple[int, int]:
        """Return what changes when anything is written, here or by another connection."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return version, self._connection.total_changes

    def frequencies(self, index: StoredIndex, term: str) -> dict[int, int]:
        """Return how often a word stands in each text that has it, by rowid."""
        sql = f"SELECT doc, count(*) FROM {self._instances(index)} WHERE term = ? GROUP BY doc"
        return dict(self._connection.execute(sql, (token_of(term),)).fetchall())

    def places(self, index: StoredIndex, term: str) -> dict[int, list[int]]:
        """Return the places of a word in each text that has it, counted in words, by rowid."""
        sql = f"SELECT doc, offset FROM {self._instances(index)} WHERE term = ? ORDER BY doc, offset"
        places: dict[int, list[int]] = {}
        for rowid, place in self._connection.execute(sql, (token_of(term),)):
            places.setdefault(rowid, []).append(place)
        return places

    def lengths(self, index: StoredIndex, rowids: Iterable[int]) -> Mapping[int, int]:
        """Return the number of words of texts, by rowid."""
        chosen = set(rowids)
        sql = f"SELECT id, sz FROM {side_table(index)}_docsize"
        if len(chosen) < _WHOLE:
            sql += f" WHERE id IN ({', '.join(map(str, chosen))})"
        return {rowid: _varint(size) for rowid, size in self._connection.execute(sql)}

    def alike(self, index: StoredIndex, term: str, most: int) -> dict[str, int]:
        """Return the other words at most ``most`` edits from one, and how many edits they are from it."""
        key = (index.number, term, most)
        return self._alike.of(key, self._state(), lambda: self._similar(index, term, most))

    def _similar(self, index: StoredIndex, term: str, most: int) -> dict[str, int]:
        letters = frozenset(term)
        similar: dict[str, int] = {}
        for (token,) in self._connection.execute(f"SELECT term FROM {vocabulary_table(index)}"):
            other = term_of(token) if token.startswith(_ENCODED) else token
            if abs(len(other) - len(term)) > most or len(letters.difference(other)) > most:
                continue
            if other != term and (edits := levenshtein(term, other, limit=most)) <= most:
                similar[other] = edits
        return similar

    def _instances(self, index: StoredIndex) -> str:
        table = f"temp.{side_table(index)}_places"
        source = f"fts5vocab(main, {side_table(index)}, 'instance')"
        self._connection.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING {source}")
        return table


class _Remembered(Generic[K, V]):
    """What was read of the index last, for as long as nothing is written."""

    def __init__(self) -> None:
        self._values: OrderedDict[K, tuple[tuple[int, int], V]] = OrderedDict()

    def of(self, key: K, state: tuple[int, int], read: Callable[[], V]) -> V:
        """Return a value as it was read in this state, or read it."""
        known = self._values.pop(key, None)
        if known is None or known[0] != state:
            known = (state, read())
        self._values[key] = known
        if len(self._values) > _KEPT:
            self._values.popitem(last=False)
        return known[1]


class _Having(Counter[str]):
    """In how many texts a word stands, looked up when it is asked for."""

    def __init__(self, connection: sqlite3.Connection, index: StoredIndex) -> None:
        super().__init__()
        self._connection = connection
        self._sql = f"SELECT doc FROM {vocabulary_table(index)} WHERE term = ?"

    def __missing__(self, term: str) -> int:
        row = self._connection.execute(self._sql, (token_of(term),)).fetchone()
        count = self[term] = 0 if row is None else row[0]
        return count


def _varint(size: bytes) -> int:
    """Return the first of SQLite's variable-length integers: the number of words in the only column."""
    value = 0
    for byte in size:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value
