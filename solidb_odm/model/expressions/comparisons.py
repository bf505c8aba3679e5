"""Comparisons of what a class keeps, its fields, with values: by these statements of one form are known."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...language import decimals
from ...language import nodes as q
from ...language.sizes import Extent
from .expression import Comparison, Value


class Mark:
    """What stands for a field of a class in the forms of statements; equal only to itself.

    ``column`` is the field as a column of a select, once it was one.
    """

    __slots__ = ("column", "field", "model")
    field: Any

    def __init__(self, model: Any) -> None:
        self.model = model
        self.column: Any = None


KnownForm: TypeAlias = tuple[Mark, q.ComparisonOperator, type[Any]]
"""The form of a field that is compared: the field, how, and the type of the value; Decimal of a decimal's
key, and list of those it is looked for among."""
EXTENT: Final = Extent(2, 3)
"""That of a field and a value that are compared."""
EXACT = 1 << 53
"""Numbers below are the same as integers and as floats, and all that looks for them tells them apart."""
_AMONG: Final = ("IN", "NOT IN")
_TEXTS: Final[set[type[Any]]] = {str}
_NUMBERS: Final[set[type[Any]]] = {bool, int, float}


class KnownComparison(Comparison):
    """A field that a class keeps, compared with a value that is stored as it is: what most queries ask.

    ``known`` is what it is in the form of a statement, and its value. Its sides and its operator are made of
    these when they are asked for: statements of one form are built once. Those of a value that is not bound
    as it is written, such as a decimal, are there from the start.
    """

    __slots__ = ("known",)
    known: tuple[KnownForm, Any]

    def __reduce__(self) -> tuple[Any, ...]:
        """Be one like others when it is copied: there it belongs to no class."""
        return Comparison, (self.left, self.operator, self.right)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in ("left", "operator", "right"):
                return super().__getattr__(name)
            (mark, self.operator, kind), value = self.known
            self.left = mark.field
            self.right = Value(value, Any if kind is list else mark.field.__solidb_type__)
            return object.__getattribute__(self, name)


_made: Any = object.__new__


def known_as(form: KnownForm, value: Any) -> KnownComparison:
    """Return the comparison of a form with a value."""
    made: KnownComparison = _made(KnownComparison)
    made.known, made.__solidb_extent__ = (form, value), EXTENT
    return made


def as_known(mark: object, compared: Any) -> Any:
    """Return a comparison of what a class keeps as a known one, if its value's type says all the rest."""
    if type(mark) is not Mark or type(compared) is not Comparison or compared.left is not mark.field:
        return compared
    right: Any = compared.right
    if type(right) is not Value or (bound := _bound(compared.operator, right)) is None:
        return compared
    kind, value = bound
    made = known_as((mark, compared.operator, kind), value)
    made.left, made.operator, made.right = compared.left, compared.operator, right
    return made


def _bound(operator: q.ComparisonOperator, right: Value) -> tuple[type[Any], Any] | None:
    """Return the type of a value in forms, and what is bound; None where engines ask for more than that."""
    value: Any = right.value
    kind = value.__class__
    if right.annotation is Decimal:
        return None if value is None else (Decimal, decimals.key_of(Decimal(value)))
    if kind is str:
        return None if "\0" in value else (str, value)
    if kind is list:
        return (list, value) if operator in _AMONG and are_plain(value) else None
    is_exact = kind is bool or (kind in (int, float) and -EXACT < value < EXACT)
    return (kind, value) if is_exact else None


def are_plain(values: list[Any]) -> bool:
    """Return whether values are texts, or numbers, of which engines ask no more than that they are a list."""
    kinds = set(map(type, values))
    if kinds == _TEXTS:
        return "\0" not in "".join(values)
    return kinds <= _NUMBERS and all(-EXACT < value < EXACT for value in values)


def is_stored(compared: Any) -> bool:
    """Return whether a comparison is known, with its value in the form that documents have it in."""
    return type(compared) is KnownComparison and compared.known[0][2] is not Decimal
