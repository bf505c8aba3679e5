"""``any_``, ``all_`` and ``unnest``: the elements of a list in a query.

``any_(Order.lines)`` stands for an element in the conditions it is used in. The conditions of one ``and_()``
or one statement that use the same ``line = any_(Order.lines)`` speak of the same element; so do those of a
function: ``any_(Order.lines, lambda line: and_(line.price > 10, line.qty > 1))``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from .._dataclasses import dataclass
from ..errors import UsageError, check_callable
from ..language import decimals
from ..language import nodes as q
from ..model import type_inspection
from ..model.expressions.calls import (
    METHODS,
    RecordField,
    default_awareness,
    field_within,
    fields_of,
    has_kind,
    records,
)
from ..model.expressions.expression import (
    Combined,
    Comparison,
    Expression,
    Negation,
    Predicate,
    Value,
)
from ..model.expressions.fields import FieldRef, Place, check_step, encode_element, step_within
from ..model.expressions.kinds import NAMES, OPERATORS, awareness, is_set, kind_of, kinds_within
from ..model.links.link_paths import LoadPath, Related, beyond
from ..model.stored.field_values import encode_as
from ..model.stored.pydantic_attributes import FIELDS
from .conditions import bounded, condition, expression

if TYPE_CHECKING:
    from ..model.document import Document

T = TypeVar("T")
D = TypeVar("D", bound="Document")

_QUANTIFIABLE = ("==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN")


class Elements(Expression):
    """An element of a list, or a field of it, under a quantifier.

    ``__solidb_root__`` is the whole element, which one or several conditions speak of.
    """

    __slots__ = (
        "__solidb_bound__",
        "__solidb_element_type__",
        "__solidb_list__",
        "__solidb_path__",
        "__solidb_quantifier__",
        "__solidb_root__",
    )
    __solidb_bound__: bool
    __solidb_quantifier__: q.ArrayQuantifier
    __solidb_root__: Elements

    def __init__(
        self,
        items: Expression,
        quantifier: q.ArrayQuantifier,
        path: tuple[str | int, ...] = (),
        kind: tuple[Any, Any, str, bool] | None = None,
        root: Elements | None = None,
    ) -> None:
        self.__solidb_list__ = items
        self.__solidb_quantifier__ = quantifier
        self.__solidb_path__ = path
        self.__solidb_root__ = self if root is None else root
        self.__solidb_bound__ = False
        if kind is None:
            inner = type_inspection.element(items.__solidb_type__)
            kind = (inner, None, "", type_inspection.is_nullable(inner))
        self.__solidb_element_type__ = kind

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.__solidb_list__,)

    @property
    def __solidb_type__(self) -> Any:
        return self.__solidb_element_type__[0]

    @property
    def __solidb_source__(self) -> Any:
        return None

    @property
    def __solidb_leads_to__(self) -> Any:
        return type_inspection.link_target(self.__solidb_element_type__[0])

    @property
    def __solidb_nullable__(self) -> bool:
        return self.__solidb_element_type__[3]

    @property
    def __solidb_aware__(self) -> bool | None:
        annotation, owner, name, _ = self.__solidb_element_type__
        if kind_of(annotation) != "datetime" or awareness(annotation) is not None:
            return super().__solidb_aware__
        return default_awareness(owner, name) is not False

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        root = self.__solidb_root__
        if root not in scope.variables:
            raise UsageError(
                f"{root!r} stands for an element in a condition, not for a value",
                hint=_as_rows(root),
            )
        return q.path(q.Name(scope.variables[root]), self.__solidb_path__)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        digits = self.__solidb_digits__(scope)
        return decimals.key(digits) if self.__solidb_kind__ == "decimal" else digits

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol of Python's, such as copying
            raise AttributeError(name)
        target = type_inspection.link_target(self.__solidb_element_type__[0])
        if target is not None:
            return beyond(self, target, name)
        field = field_within(self.__solidb_element_type__[0], name)
        if field is not None:
            return self.__child(field, name)
        method = METHODS.get(name)
        if method is not None and has_kind(self.__solidb_element_type__[0], method.kinds):
            return method.make(self)
        if name in OPERATORS:
            return OPERATORS[name](self)
        raise AttributeError(f"the elements of {self.__solidb_list__!r} have no field {name!r}")

    def __getitem__(self, step: Any) -> Elements:
        step = step_within(self, step)
        field = field_within(self.__solidb_element_type__[0], step)
        if field is not None:
            return self.__child(field, str(step))
        check_step(self, step)
        inner = type_inspection.item(self.__solidb_element_type__[0], step)
        path = (*self.__solidb_path__, step)
        return Elements(
            self.__solidb_list__,
            self.__solidb_quantifier__,
            path,
            (inner, None, "", True),
            self.__solidb_root__,
        )

    def __child(self, field: RecordField, name: str) -> Elements:
        nullable = self.__solidb_nullable__ or type_inspection.is_nullable(field.annotation)
        kind = (field.annotation, field.owner, name, nullable)
        return Elements(
            self.__solidb_list__,
            self.__solidb_quantifier__,
            self.__solidb_path__ if field.stored == "" else (*self.__solidb_path__, field.stored),
            kind,
            self.__solidb_root__,
        )

    def __solidb_encode__(self, value: Any) -> Any:
        annotation, owner, name, _ = self.__solidb_element_type__
        if owner is None and not self.__solidb_path__:
            return encode_element(self.__solidb_list__, value)
        return encode_as(owner, name, annotation, value)

    def __dir__(self) -> list[str]:
        target = type_inspection.link_target(self.__solidb_element_type__[0])
        fields = [name for record in records(self.__solidb_element_type__[0]) for name in fields_of(record)]
        return sorted({*(fields if target is None else getattr(target, FIELDS, ())), "in_", "not_in"})

    def __repr__(self) -> str:
        path = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in self.__solidb_path__)
        return f"{self.__solidb_quantifier__.lower()}_({self.__solidb_list__!r}){path}"


@dataclass(frozen=True, slots=True, eq=False)
class ElementCondition(Predicate):
    """A condition that any, or all, of the elements of a list meet."""

    root: Elements
    inner: Expression

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.root.__solidb_list__, self.inner)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        short = self._short(scope)
        if short is not None:
            return short
        items = self.root.__solidb_list__.__solidb_build__(scope)
        is_all = self.root.__solidb_quantifier__ == "ALL"
        name = (
            "CURRENT"
            if not (_has_elements(self.inner) or _names_others(self.inner, self.root))
            else scope.fresh("_x")
        )
        scope.variables[self.root] = name
        try:
            wanted = self.inner.__solidb_build__(scope)
        finally:
            del scope.variables[self.root]
        return _tested(
            items, name, wanted, is_all=is_all, nullable=self.root.__solidb_list__.__solidb_nullable__
        )

    def _short(self, scope: Any) -> q.Expression | None:
        """Build a plain comparison of the elements with a value in the language's own short form."""
        inner = self.inner
        if (
            not isinstance(inner, Comparison)
            or not isinstance(inner.left, Elements)
            or inner.left.__solidb_root__ is not self.root
        ):
            return None
        left = inner.left
        is_order = inner.operator in ("<", "<=", ">", ">=")
        path = left.__solidb_path__
        fits = (
            inner.operator in _QUANTIFIABLE
            and not (is_order and left.__solidb_nullable__)
            and left.__solidb_kind__ != "decimal"
        )
        if not fits or not isinstance(inner.right, Value) or any(isinstance(step, int) for step in path):
            return None
        if is_set(inner.left.__solidb_type__):  # whose order says nothing
            return None
        base = self.root.__solidb_list__.__solidb_build__(scope)
        node = q.Expansion(base, path=cast("tuple[str, ...]", path)) if path else base
        return q.ArrayCompare(
            node, self.root.__solidb_quantifier__, inner.operator, inner.right.__solidb_build__(scope)
        )

    def __repr__(self) -> str:
        return f"{self.root!r} meets {self.inner!r}"


def _tested(
    items: q.Expression, name: str, wanted: q.Expression, *, is_all: bool, nullable: bool
) -> q.Expression:
    sought = q.Unary("NOT", wanted) if is_all else wanted
    test: q.Expression
    if name == "CURRENT":
        kept = q.Call("LENGTH", (q.Expansion(items, condition=sought),))
        test = q.Compare(kept, "==" if is_all else ">", q.Literal(0))
    else:
        test = q.Quantified("NONE" if is_all else "ANY", name, items, sought)
        if nullable:
            test = q.Quantified("NONE" if is_all else "ANY", name, q.Binary(items, "??", q.Array(())), sought)
    if not (is_all and nullable):
        return test
    return q.Logical("AND", (q.Compare(items, "!=", q.Literal(None)), test))


def _has_elements(wanted: Expression) -> bool:
    return isinstance(wanted, ElementCondition) or any(map(_has_elements, wanted.__solidb_operands__()))


def _names_others(wanted: Expression, root: Elements) -> bool:
    return any(element is not root for element in free_elements(wanted))


def free_elements(wanted: Expression) -> list[Elements]:
    """Return the elements that an expression speaks of and nothing quantifies yet, outer ones first."""
    elements: dict[Elements, None] = {}
    if isinstance(wanted, Elements):
        elements |= dict.fromkeys(free_elements(wanted.__solidb_list__))
        elements[wanted.__solidb_root__] = None
        return list(elements)
    for part in wanted.__solidb_operands__():
        elements |= dict.fromkeys(free_elements(part))
    if isinstance(wanted, ElementCondition):
        elements.pop(wanted.root, None)
    return list(elements)


@bounded
def closed(wanted: Expression) -> Expression:
    """Return a condition with its elements quantified: each where the conditions that speak of it meet."""
    if isinstance(wanted, Negation):
        return Negation(closed(wanted.condition))
    free = [element for element in free_elements(wanted) if not element.__solidb_bound__]
    if not free:
        return wanted
    if isinstance(wanted, Combined):
        return _joined(wanted)
    return _quantified(wanted, free)


def _quantified(wanted: Expression, free: list[Elements]) -> Expression:
    if len({element.__solidb_quantifier__ for element in free}) > 1:
        raise UsageError(
            f"{wanted!r} uses both any_() and all_(), and does not say which comes first",
            hint="any_(a, lambda x: all_(b, lambda y: x.n == y.n)) says it",
        )
    for root in reversed(free):
        wanted = ElementCondition(root, wanted)
    return wanted


def _joined(wanted: Combined) -> Expression:
    """Quantify conditions that AND or OR joins: those of one element together."""
    parts = _flat(wanted)
    joins = "ANY" if wanted.operator == "AND" else "ALL"
    together: dict[Elements, list[Expression]] = {}
    made: list[Expression] = []
    for part in parts:
        is_whole = not isinstance(part, (Negation, Combined))
        free = [element for element in free_elements(part) if is_whole and not element.__solidb_bound__]
        if len(free) == 1 and free[0].__solidb_quantifier__ == joins:
            if free[0] not in together:
                made.append(free[0])
            together.setdefault(free[0], []).append(part)
        else:
            made.append(closed(part))
    for place, part in enumerate(made):
        if isinstance(part, Elements):
            mine = together[part]
            inner = mine[0] if len(mine) == 1 else Combined(wanted.operator, tuple(mine))
            made[place] = ElementCondition(part, inner)
    return made[0] if len(made) == 1 else Combined(wanted.operator, tuple(made))


def _flat(wanted: Combined) -> list[Expression]:
    parts: list[Expression] = []
    for part in wanted.conditions:
        is_same = isinstance(part, Combined) and part.operator == wanted.operator
        parts += _flat(cast(Combined, part)) if is_same else [part]
    return parts


def closed_all(wanted: Iterable[Expression]) -> tuple[Expression, ...]:
    """Return the conditions of a statement, all of which hold, with their elements quantified."""
    parts = tuple(wanted)
    if not any(map(free_elements, parts)):
        return parts
    joined = closed(Combined("AND", parts))
    return joined.conditions if isinstance(joined, Combined) and joined.operator == "AND" else (joined,)


@bounded
def check_no_elements(wanted: Expression, what: str) -> Expression:
    """Return a value; UsageError if it speaks of an element of a list, which stands in conditions only."""
    if isinstance(wanted, Predicate):
        return closed(wanted)
    free = free_elements(wanted)
    if free:
        raise UsageError(
            f"{what} can't take {wanted!r}: {free[0]!r} stands for an element in a condition",
            hint=_as_rows(free[0]),
        )
    return wanted


def _as_rows(elements: Elements) -> str:
    return (
        f"item = unnest({elements.__solidb_list__!r}) makes a row of each element, whose fields are values: "
        "select(func.sum(item.price))"
    )


def _elements(items: Any, quantifier: q.ArrayQuantifier, test: Any) -> Any:
    name = f"{quantifier.lower()}_()"
    listed = expression(items, name)
    if listed.__solidb_kind__ not in ("list", "any", "mixed", "other"):
        raise UsageError(f"{name} takes a list, and {listed!r} is {NAMES[listed.__solidb_kind__]}")
    if not kinds_within(listed.__solidb_type__) & {"list", "any", "other"}:
        raise UsageError(f"{name} takes a list, and {listed!r} holds none")
    element = Elements(listed, quantifier)
    if test is None:
        return element
    check_callable(test, name, f"{quantifier.lower()}_(Order.lines, lambda line: line.qty > 3)")
    element.__solidb_bound__ = True  # the function says where the conditions on it end
    return ElementCondition(element, closed(condition(test(element))))


@overload
def any_(items: Related[D]) -> D: ...
@overload
def any_(items: Iterable[T] | None) -> T: ...
@overload
def any_(items: Iterable[T] | None, test: Callable[[T], Predicate | bool]) -> Predicate: ...
def any_(items: Any, test: Any = None) -> Any:
    """Return any element of a list, for a condition: ``any_(Order.lines).price > 10``.

    With a function, all of its conditions apply to the same element: ``any_(Order.lines, lambda line:
    and_(line.price > 10, line.qty > 1))``.

    In ``load()`` it continues a path after a list of documents: ``any_(User.posts).author``.
    """
    if test is None and isinstance(items, (Related, LoadPath)):
        return cast(Any, items)
    return _elements(items, "ANY", test)


@overload
def all_(items: Iterable[T] | None) -> T: ...
@overload
def all_(items: Iterable[T] | None, test: Callable[[T], Predicate | bool]) -> Predicate: ...
def all_(items: Any, test: Any = None) -> Any:
    """Return all elements of a list, for a condition on each; it is true for an empty list, not for null."""
    return _elements(items, "ALL", test)


class Unnest:
    """The elements of a list of each document, as rows of their own."""

    __slots__ = ("__solidb_items__", "__weakref__")
    __solidb_model__ = None

    def __init__(self, items: Expression) -> None:
        self.__solidb_items__ = items

    def __repr__(self) -> str:
        return f"unnest({self.__solidb_items__!r})"


def unnest(items: Iterable[T] | None) -> T:
    """Return the elements of a list as rows; a document without elements has none.

    ``line = unnest(Order.lines)``, then ``select(line.sku, func.sum(line.qty)).group_by(line.sku)``.
    """
    listed = check_no_elements(expression(items, "unnest()"), "unnest()")
    if listed.__solidb_kind__ not in ("list", "any", "mixed", "other"):
        raise UsageError(f"unnest() takes a list, and {listed!r} is {NAMES[listed.__solidb_kind__]}")
    inner = type_inspection.element(listed.__solidb_type__)
    place = Place(Unnest(listed), (), inner, None, "", type_inspection.is_nullable(inner))
    return cast(T, FieldRef(place))
