"""Comparisons of what a class keeps, its fields, with values: by these statements of one form are known."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

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
"""The form of a field that is compared: the field, how, and the type of the value."""
EXTENT: Final = Extent(2, 3)
"""That of a field and a value that are compared."""
EXACT = 1 << 53
"""Numbers below are the same as integers and as floats, and all that looks for them tells them apart."""


class KnownComparison(Comparison):
    """A field that a class keeps, compared with a value that is stored as it is: what most queries ask.

    ``known`` is what it is in the form of a statement, and its value. Its sides and its operator are made of
    these when they are asked for: statements of one form are built once.
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
            (mark, self.operator, _), value = self.known
            self.left = mark.field
            self.right = Value(value, mark.field.__solidb_place__.annotation)
            return object.__getattribute__(self, name)


_made: Any = object.__new__


def known_as(form: KnownForm, value: Any) -> KnownComparison:
    """Return the comparison of a form with a value."""
    made: KnownComparison = _made(KnownComparison)
    made.known, made.__solidb_extent__ = (form, value), EXTENT
    return made


def form_of_comparison(field: Any, compared: Any) -> KnownForm | None:
    """Return the form of a comparison with a value, where its field and the value's type say all of it."""
    mark = field.__solidb_mark__
    if mark is None or type(compared) is not Comparison or compared.left is not field:
        return None
    right = compared.right
    if type(right) is not Value or right.annotation is Decimal:
        return None
    value: Any = right.value
    kind = value.__class__
    if kind is str:
        return (mark, compared.operator, str) if "\0" not in value else None
    is_exact = kind is bool or (kind in (int, float) and -EXACT < value < EXACT)
    return (mark, compared.operator, kind) if is_exact else None
