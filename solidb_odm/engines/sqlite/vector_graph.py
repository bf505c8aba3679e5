"""An approximate index of many vectors: a graph of neighbours in memory, kept in a file beside the store.

It is built in a thread of its own while queries are answered exactly, and says which vectors may be near.
How broadly it has to be searched depends on the vectors, and is tried out on questions near them and far from
them; where that would take longer than to compare all, they are compared.
Those that were written since are always among them, and all of them are measured exactly, so that it never
shows an older state. The name of its file has the mark of the state that it was built from and a digest of
what it holds, for usearch trusts what it reads; a file that is damaged, or was built from a state that the
store was never in, is built again.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ..._dataclasses import dataclass
from .catalogue import StoredIndex
from .vector_matrix import Asked, Mark, Vectors, numpy_module

MANY: Final = 100_000
"""From how many vectors on a graph is worth while."""
_SUFFIX: Final = ".usearch"
_METRICS: Final = {"cosine": "cos", "euclidean": "l2sq", "dot": "ip"}
_LINKS: Final = 16
_BREADTH: Final = 128
_ENOUGH: Final = 0.99
"""What part of the nearest is to be found of the questions that are tried."""
_TRIED: Final = 32
_WANTED: Final = 10
_WORTH: Final = 128
"""To how many vectors one step of breadth may come at most, of those that are compared otherwise."""
_CHUNK: Final = 2_000
_STALE: Final = 8
"""What part of the vectors may have changed before a graph is of no use."""
_AGED: Final = 32
"""What part of the vectors may have changed before it is brought up to date."""


@lru_cache(maxsize=1)
def usearch_module() -> Any:
    """Return usearch's module of indexes; None where it is not installed."""
    return None if find_spec("usearch") is None else import_module("usearch.index")


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph of the vectors of one state, by the rowids of their documents."""

    mark: Mark
    neighbours: Any
    breadth: int
    """How broadly it is searched; 0 where no breadth is worth while."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def near(self, asked: Asked, count: int) -> list[int]:
        """Return the rowids of about the nearest vectors."""
        with self.lock:
            return _neighbours_of(self.neighbours, asked, count)


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """What changed between a graph and a state, as far as it has been read."""

    graph: Graph
    mark: Mark
    rowids: Sequence[int]


class Graphs:
    """The graphs of one file's indexes; safe for threads. ``path`` is that of the file, empty for none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[int, Graph] = {}
        self._tried: dict[int, set[str]] = {}
        self._changes: dict[int, _Change] = {}
        self._builders: dict[int, threading.Thread] = {}

    def after_fork(self) -> None:
        """Forget the threads, which are not in this process."""
        self._lock = threading.Lock()
        self._builders = {}

    def settle(self, seconds: float) -> None:
        """Wait for the graphs that are being built."""
        for builder in list(self._builders.values()):
            builder.join(seconds)

    def near(
        self,
        index: StoredIndex,
        state: Vectors,
        asked: Asked,
        most: int,
        changed_since: Callable[[Mark, int], list[int] | None],
    ) -> list[int] | None:
        """Return documents among which are about the ``most`` nearest; None where there is no graph yet.

        ``changed_since`` returns what changed after a mark; None for too much, or for a mark of another past.
        """
        if len(state) < MANY or usearch_module() is None:
            return None
        graph = self._known.get(index.number) or self._loaded(index)
        changed = None if graph is None else self._changed(index, graph, state, changed_since)
        if changed is None or len(changed) * _AGED > len(state):
            other = self._loaded(index)  # which another process may have written since
            newer = None if other is None else self._changed(index, other, state, changed_since)
            graph, changed = (graph, changed) if newer is None else (other, newer)
        if graph is None or changed is None:
            self._build(index, state, None, ())
            return None
        if len(changed) * _AGED > len(state):
            self._build(index, state, graph, changed)
        if not graph.breadth:
            return None
        apart = set(changed)
        rowids = [rowid for rowid in graph.near(asked, 2 * most + _LINKS) if rowid not in apart]
        return [*rowids, *changed] if len(rowids) >= most else None

    def _changed(
        self,
        index: StoredIndex,
        graph: Graph,
        state: Vectors,
        changed_since: Callable[[Mark, int], list[int] | None],
    ) -> Sequence[int] | None:
        """Return the documents of which the graph does not know how they are now."""
        if graph.mark == state.mark:
            return ()
        known = self._changes.get(index.number)
        if known is not None and known.graph is graph and known.mark == state.mark:
            return known.rowids
        rowids = changed_since(graph.mark, len(state) // _STALE)
        if rowids is not None:
            self._changes[index.number] = _Change(graph, state.mark, rowids)
        return rowids

    def _build(self, index: StoredIndex, state: Vectors, graph: Graph | None, changed: Sequence[int]) -> None:
        """Build a graph of a state, or bring one up to date, unless that is being done."""
        with self._lock:
            busy = self._builders.get(index.number)
            if busy is not None and busy.is_alive():
                return
            work = threading.Thread(
                target=self._built, args=(index, state, graph, changed), name="vector graph", daemon=True
            )
            self._builders[index.number] = work
            work.start()

    def _built(self, index: StoredIndex, state: Vectors, graph: Graph | None, changed: Sequence[int]) -> None:
        if graph is None:
            neighbours, rowids = _empty(index), state.rowids()
        else:
            neighbours = graph.neighbours.copy()
            for rowid in changed:
                neighbours.remove(rowid)
            present = set(changed)
            rowids = [rowid for rowid in state.rowids() if rowid in present]
        numpy = numpy_module()
        for at in range(0, len(rowids), _CHUNK):
            chunk = rowids[at : at + _CHUNK]
            neighbours.add(numpy.array(chunk, dtype=numpy.uint64), state.rows(chunk), threads=1)
        made = Graph(state.mark, neighbours, _set_breadth(neighbours, state, index.spec.metric))
        self._known[index.number] = made
        if self._path:
            with suppress(OSError, RuntimeError):  # without a file it is built again by the next process
                self._save(index, made)

    # --- files -----------------------------------------------------------------------------------

    def _files(self, index: StoredIndex, rest: str = "") -> list[Path]:
        path = Path(self._path)
        return sorted(path.parent.glob(f"{_escaped(path.name)}-vectors-{index.number}-*{_SUFFIX}{rest}"))

    def _save(self, index: StoredIndex, graph: Graph) -> None:
        """Write a file whole before it has its name; then delete those of older states."""
        number, mark = graph.mark
        state = f"{self._path}-vectors-{index.number}-{number}-{mark & (1 << 64) - 1:016x}"
        unfinished = f"{state}{_SUFFIX}.{os.getpid()}"
        graph.neighbours.save(unfinished)
        name = f"{state}-{graph.breadth}-{_digest(Path(unfinished))}{_SUFFIX}"
        self._tried.setdefault(index.number, set()).add(Path(name).name)  # what it says is known
        with Path(unfinished).open("rb+") as file:
            os.fsync(file.fileno())
        Path(unfinished).replace(name)
        for other in (*self._files(index), *self._files(index, ".*")):  # of older states, and unfinished
            if other != Path(name):
                other.unlink(missing_ok=True)

    def _loaded(self, index: StoredIndex) -> Graph | None:
        """Return the graph of an index, from its newest file if that was not read yet; None without one."""
        with self._lock:
            tried = self._tried.setdefault(index.number, set())
            for path in reversed(self._files(index) if self._path else ()):
                if path.name in tried:
                    continue
                tried.add(path.name)
                with suppress(OSError, RuntimeError, ValueError):
                    number, mark, breadth, digest = path.name.removesuffix(_SUFFIX).split("-")[-4:]
                    if _digest(path) != digest:
                        continue
                    neighbours = usearch_module().Index.restore(str(path))
                    signed = int(mark, 16) - (1 << 64) if int(mark, 16) >> 63 else int(mark, 16)
                    if neighbours is not None and neighbours.ndim == index.spec.dimension:
                        neighbours.expansion_search = int(breadth) or _BREADTH
                        self._known[index.number] = Graph((int(number), signed), neighbours, int(breadth))
                        break
            return self._known.get(index.number)


def _empty(index: StoredIndex) -> Any:
    return usearch_module().Index(
        ndim=index.spec.dimension,
        metric=_METRICS[index.spec.metric],
        dtype="f32",
        connectivity=_LINKS,
        expansion_add=_BREADTH,
        expansion_search=_BREADTH,
    )


def _set_breadth(neighbours: Any, state: Vectors, metric: str) -> int:
    """Search as broadly as it takes to find enough; return 0 if that is not worth while."""
    tried = [
        [(asked, set(_nearest(state, asked))) for asked in _questions(state, metric, spread)]
        for spread in (0.1, 1.0)
    ]
    breadth = _BREADTH
    while True:
        neighbours.expansion_search = breadth
        if all(_share(neighbours, questions) >= _ENOUGH for questions in tried):
            return breadth
        breadth *= 2
        if breadth * _WORTH > len(state):
            return 0


def _questions(state: Vectors, metric: str, spread: float) -> list[Asked]:
    """Return vectors beside some of the stored ones, as far as their neighbours are, times ``spread``."""
    numpy, rowids = numpy_module(), state.rowids()
    chance = numpy.random.default_rng(0)
    questions: list[Asked] = []
    for row in state.rows(rowids[:: max(1, len(rowids) // _TRIED)]).astype(numpy.float64):
        asked = Asked.of(row.tolist(), metric, math.hypot(*row.tolist()))
        near = [] if asked is None else _nearest(state, asked)
        if near:
            direction = chance.normal(size=row.shape)
            far = numpy.linalg.norm(row - state.rows(near[-1:])[0])
            step = spread * far / numpy.linalg.norm(direction)
            beside = (row + step * direction).tolist()
            asked = Asked.of(beside, metric, math.hypot(*beside))
        questions += [] if asked is None else [asked]
    return questions


def _nearest(state: Vectors, asked: Asked) -> list[int]:
    """Return the nearest vectors, without those whose direction can't be told, which no graph knows."""
    apart = set(state.without_direction())
    near = state.nearest(asked, _WANTED + len(apart)) or []
    ordered = [rowid for run in state.runs(near, asked) for rowid in run if rowid not in apart]
    return ordered[:_WANTED]


def _share(neighbours: Any, questions: Sequence[tuple[Asked, set[int]]]) -> float:
    """Return what part of the nearest a search finds."""
    wanted = sum(len(exact) for _, exact in questions)
    hits = sum(len(exact & _candidates(neighbours, asked, _WANTED)) for asked, exact in questions)
    return hits / wanted if wanted else 1.0


def _candidates(neighbours: Any, asked: Asked, most: int) -> set[int]:
    return set(_neighbours_of(neighbours, asked, 2 * most + _LINKS))


def _neighbours_of(neighbours: Any, asked: Asked, count: int) -> list[int]:
    keys: list[int] = neighbours.search(asked.narrow, count, threads=1).keys.tolist()
    return keys


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _escaped(name: str) -> str:
    """Return a name in which a pattern has no meaning."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
