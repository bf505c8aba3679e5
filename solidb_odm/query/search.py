"""``matches``, ``nearest`` and ``hybrid``: search through fulltext and vector indexes.

An index answers with hits of its own, so a search becomes a LET before the first FOR, and a
document is found if its key is among the hits' keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from ..commands import IndexKind, IndexSpec
from ..errors import UsageError
from ..language import nodes as q
from ..model import type_inspection
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import Expression, Predicate, Value
from ..model.expressions.fields import FieldRef
from ..model.field_types import GeoPoint
from .conditions import expression
from .geo import Coordinate, Distance
from .select_forms import Values, form_of, no_form, note, tell_form
from .sources import model_of

ALL_HITS = 1_000_000_000
"""FULLTEXT gives 100 hits unless told; both engines take a limit of any size."""

LARGEST_K = 10_000
"""What the server's VECTOR_SEARCH gives at most."""

_FAR = 1e308
_FLOATS: set[type[Any]] = {float}


class Search(Predicate):
    """Documents that a search of an index finds. ``score`` says how well; it is null for the others."""

    __slots__ = ("arguments", "field", "function")

    def __init__(self, field: FieldRef, function: str, arguments: tuple[Any, ...]) -> None:
        self.field = field
        self.function = function
        self.arguments = arguments

    @property
    def score(self) -> float:
        """How well a document fits, for select() and order_by()."""
        return cast(float, Score(self))

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.field,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return q.Compare(self.key(scope), "IN", self.keys(scope))

    def key(self, scope: Any) -> q.Expression:
        """Return the key of the document at hand."""
        return q.Attribute(q.Name(scope.variable(self.field.__solidb_place__.source)), "_key")

    def keys(self, scope: Any) -> q.Expression:
        """Return the keys of the hits, found once."""
        return cast(q.Expression, scope.let(q.Expansion(self.hits(scope), path=("doc", "_key"))))

    def hits(self, scope: Any) -> q.Expression:
        """Return the hits, found once for the predicate and its score."""
        return cast(q.Expression, scope.let_once(self, lambda: self._call(scope)))

    def _call(self, scope: Any) -> q.Expression:
        built = (
            argument if isinstance(argument, q.Expression) else scope.bind(argument)
            for argument in self.arguments
        )
        return q.Call(self.function, tuple(built))


class Score(Expression):
    """How well a search's documents fit."""

    __slots__ = ("search",)

    def __init__(self, search: Search) -> None:
        self.search = search

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.search,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        scores = q.Expansion(self.search.hits(scope), path=("score",))
        table = scope.let(q.Call("ZIP_OBJECT", (self.search.keys(scope), scores)))
        return q.Subscript(table, self.search.key(scope))

    @property
    def __solidb_nullable__(self) -> bool:
        return True


def matches(field: str | None, text: str, *, phrase: int | None = None) -> Search:
    """Return the condition that a field contains a word of ``text``, by its fulltext index; see ``.score``.

    With ``phrase`` it contains all words in this order, with at most this many others between them. Words
    shorter than the index's ``minimum_length`` are ignored. ``.score`` is the sort key: BM25 of these words,
    without similar words, which ``FULLTEXT`` of SDBQL counts too by default.
    """
    place, index = _indexed(field, "fulltext", "matches()", "FulltextIndex()")
    # Without distance 0 the server also takes similar words for a phrase's.
    options: list[tuple[str, q.Expression]] = [("limit", q.Literal(ALL_HITS)), ("distance", q.Literal(0))]
    if phrase is not None:
        options.append(("phrase", q.Literal(phrase)))
    arguments = (_collection(place), index.fields[0], text, q.Object(tuple(options)))
    return Search(place, "FULLTEXT", arguments)


def hybrid(
    vector_field: Sequence[float] | None,
    vector: Sequence[float],
    text_field: str | None,
    text: str,
    *,
    limit: int = 10,
    vector_weight: float = 0.5,
    text_weight: float = 0.5,
    fusion: Literal["weighted", "rrf"] | None = None,
) -> Search:
    """Return the condition that a document is among the ``limit`` best by a vector and words; see ``.score``.

    ``.score`` is the sort key. ``fusion`` is "weighted" (the weighted sum of both scores; not for euclidean
    indexes, for which the server ranks the larger distance higher) or "rrf" (reciprocal rank fusion; the
    default where "weighted" is not possible).
    """
    place, near = _indexed(vector_field, "vector", "hybrid()", "VectorIndex(dimension=..)")
    other, words = _indexed(text_field, "fulltext", "hybrid()", "FulltextIndex()")
    if other.__solidb_place__.source is not place.__solidb_place__.source:
        raise UsageError("hybrid() searches two fields of one model")
    if near.metric == "euclidean" and fusion == "weighted":
        raise UsageError(
            'hybrid(fusion="weighted") ranks the rows of a euclidean index in the wrong order on the server',
            hint='fusion="rrf", or an index with metric="cosine"',
        )
    chosen = fusion or ("rrf" if near.metric == "euclidean" else "weighted")
    options = q.Object((
        ("limit", q.Literal(_count(limit, "limit"))),
        ("vector_weight", q.Literal(float(vector_weight))),
        ("text_weight", q.Literal(float(text_weight))),
        ("fusion", q.Literal(chosen)),
    ))  # fmt: skip
    asked = _vector(vector, near)
    return Search(
        place, "HYBRID_SEARCH", (_collection(place), near.name, words.fields[0], asked, text, options)
    )


class Nearest(Search):
    """The nearest documents: a sort key for ``order_by``, and with ``k`` a condition for ``where``."""

    __slots__ = ("rank",)

    def __init__(self, field: FieldRef, rank: Expression, arguments: tuple[Any, ...]) -> None:
        super().__init__(field, "VECTOR_SEARCH", arguments)
        self.rank = rank

    def __solidb_ordering__(self) -> Ordering:
        """Sort the nearest first; what has no place or vector comes last."""
        return Ordering(self.rank)

    def hits(self, scope: Any) -> q.Expression:
        if not self.arguments:
            raise UsageError(
                "nearest() without k is a sort key, not a condition",
                hint="order_by(nearest(..)).limit(n), where(nearest(User.face, vector, k=20)), "
                "or within(User.home, point, metres)",
            )
        return super().hits(scope)


def nearest(
    field: GeoPoint | Sequence[float] | None,
    to: GeoPoint | Sequence[float],
    *,
    k: int | None = None,
    exact: bool = False,
) -> Nearest:
    """Return a sort key for ``order_by``: the distance in metres, or by the metric of the vector index.

    Documents without the field come last. With ``k`` it is a condition for ``where``: the document is among
    the ``k`` nearest by the vector index, before other conditions; ``.score`` is the index's score.

    On a file with 100,000 vectors or more and usearch installed, a search without other conditions uses an
    approximate index; ``exact=True`` compares every vector. On a server ``order_by`` is exact.
    """
    place = _field(field, "nearest()")
    if isinstance(to, GeoPoint):
        if k is not None:
            raise UsageError("nearest(k=..) reads a vector index", hint="within(field, point, metres)")
        return Nearest(place, Padded(Distance(place, to), place, 0), ())
    _, index = _indexed(place, "vector", "nearest()", "VectorIndex(dimension=..)")
    asked = _vector(to, index)
    arguments: tuple[Any, ...] = ()
    if k is not None:
        if _count(k, "k") > LARGEST_K:
            raise UsageError(f"nearest(k={k}): an index gives at most {LARGEST_K} documents")
        arguments = (_collection(place), index.name, asked, k)
        if exact:
            arguments += (q.Object((("ef", q.Literal(LARGEST_K)),)),)
    rank = Padded(Measure(place, index.metric, asked), place, index.dimension, approximate=not exact)
    return Nearest(place, rank, arguments)


class Measure(Expression):
    """How far a vector is from another; the less the nearer, whatever the metric."""

    __slots__ = ("field", "metric", "vector")

    def __init__(self, field: FieldRef, metric: str, vector: list[float]) -> None:
        self.field = field
        self.metric = metric
        self.vector = vector

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.field,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        arguments = (self.field.__solidb_build__(scope), scope.bind(self.vector), q.Literal(self.metric))
        measured = q.Call("VECTOR_DISTANCE", arguments)
        return q.Unary("-", measured) if self.metric == "dot" else measured


class Padded(Expression):
    """A measure that puts documents without a value last, where null would come first.

    ``approximate``: an approximate index may choose among very many vectors.
    """

    __slots__ = ("approximate", "dimension", "field", "measure")

    def __init__(
        self, measure: Expression, field: FieldRef, dimension: int, *, approximate: bool = False
    ) -> None:
        self.approximate = approximate
        self.measure = measure
        self.field = field
        self.dimension = dimension

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.measure,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        far = Value(_FAR).__solidb_build__(scope)
        measured = self.measure.__solidb_build__(scope)
        if not self.dimension:
            return q.Binary(measured, "??", far)
        length = q.Call("LENGTH", (self.field.__solidb_build__(scope),))
        return q.Ternary(q.Compare(length, "==", q.Literal(self.dimension)), measured, far)


def _form_of_measure(part: Measure, values: Values) -> Any:
    note(part.vector, values)
    return Measure, part.metric, form_of(part.field, values)


def _form_of_search(part: Search, values: Values) -> Any:
    said: list[Any] = []
    for argument in part.arguments:
        if not isinstance(argument, q.Expression):
            note(argument, values)
        said.append(argument if isinstance(argument, q.Expression) else argument.__class__)
    return Search, part.function, form_of(part.field, values), *said


def _form_of_padded(part: Padded, values: Values) -> Any:
    note(_FAR, values)
    field, measure = form_of(part.field, values), form_of(part.measure, values)
    return Padded, part.dimension, part.approximate, field, measure


tell_form(Search, _form_of_search)
tell_form(Score, lambda part, values: (Score, form_of(part.search, values)))
tell_form(Nearest, lambda part, values: _form_of_search(part, values) if part.arguments else no_form())
tell_form(Measure, _form_of_measure)
tell_form(Padded, _form_of_padded)
tell_form(Coordinate, lambda part, values: (Coordinate, part.name, form_of(part.place, values)))
tell_form(Distance, lambda part, values: (Distance, *(form_of(end, values) for end in part.ends)))


# --- what is declared ----------------------------------------------------------------------------


def _field(value: Any, what: str) -> FieldRef:
    field = expression(value, what)
    if not isinstance(field, FieldRef):
        raise UsageError(f"{what} needs a field of a Document class, not {field!r}")
    return field


def _indexed(value: Any, kind: IndexKind, what: str, declaration: str) -> tuple[FieldRef, IndexSpec]:
    """Return the field and its index of a kind; without one the server would find nothing, in silence."""
    place = _field(value, what)
    path = ".".join(map(str, place.__solidb_place__.path))
    model = model_of(place.__solidb_place__.source)
    for index in model.__solidb_mapping__.indexes:
        if index.kind == kind and index.fields == (path,):
            return place, index
    annotation = next(
        (m for m in type_inspection.alternatives(place.__solidb_place__.annotation) if m is not type(None)),
        Any,
    )
    raise UsageError(
        f"{what} needs a {kind} index on {place!r}, and {model.__name__} declares none",
        hint=f"{path}: Annotated[{getattr(annotation, '__name__', annotation)}, {declaration}]",
    )


def _collection(place: FieldRef) -> str:
    return model_of(place.__solidb_place__.source).__solidb_mapping__.collection


def _vector(value: Any, index: IndexSpec) -> list[float]:
    try:
        are_floats = value.__class__ is list and set(map(type, value)) == _FLOATS  # most are: one look
        numbers = [*value] if are_floats else [float(number) for number in value]
    except (TypeError, ValueError) as error:
        raise UsageError(f"a vector is a list of numbers, not {value!r}") from error
    if len(numbers) != index.dimension:
        raise UsageError(
            f"the index {index.name} holds vectors of {index.dimension} numbers, not of {len(numbers)}"
        )
    return numbers


def _count(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{what} is an integer of 1 or more, not {value!r}")
    return value
