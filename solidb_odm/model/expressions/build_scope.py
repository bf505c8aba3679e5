"""What an expression needs to become a node: variables, binds, the statement it stands in, and an end.

Each expression of others knows how deep it is nested, and how large it is written out, from the moment it is
made; so whatever goes through it ends, and no form of nesting is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeAlias, TypeVar, cast

from ...language import nodes as q
from ...language.sizes import Extent, extent, refuse_extent
from ..type_inspection import cached_by_class

if TYPE_CHECKING:
    from .expression import Expression

M = TypeVar("M")
_SHALLOW: Final = 6
_LEAF: Final = Extent(1, 1)
"""That of what consists of nothing else, as a field."""
Source: TypeAlias = Any
"""What a statement ranges over: a model class, or an alias of one.

Not ``Hashable``: checkers hold a class to be as unhashable as its instances.
"""


class Scope(Protocol):
    """Where expressions become nodes."""

    def variable(self, source: Source) -> str:
        """Return the SDBQL variable that ranges over a source."""
        ...

    def bind(self, value: Any) -> q.Bind:
        """Return a bind variable that carries an encoded value."""
        ...

    def types_with(self, source: Source, stored: str) -> q.Expression | None:
        """Return the types that a field of a subclass speaks of, where documents of its parent are read."""
        ...

    def may_lack(self, part: Any) -> bool:
        """Return whether an expression reads what rows may have no document of, as after an outer join."""
        ...

    def statement(self, statement: Any) -> q.Query:
        """Build a statement as a subquery of this scope."""
        ...


def measured(made: M) -> M:
    """Note how deep an expression is nested, and how large it is; QueryLimitError if that is too much."""
    size = checked_extent(made)
    if size.depth > _SHALLOW:
        Measured.__solidb_are_deep__ = True
    object.__setattr__(made, "__solidb_extent__", size)
    return made


def lengthened(made: M, chain: Any, last: Any) -> M:
    """Note the same of a chain that has one part more than another one, without a look at all parts."""
    before, added = (_known(part) or checked_extent(part) for part in (chain, last))
    size = Extent(max(before.depth, added.depth + 1), before.parts + added.parts)
    refuse_extent(size)
    object.__setattr__(made, "__solidb_extent__", size)
    return made


def checked_extent(made: Any) -> Extent:
    """Return how deep an expression or a statement is nested, and how large it is; QueryLimitError."""
    size = _of_known(_held(made)) or extent(made, _held, _known, {})
    refuse_extent(size)
    return size


def _of_known(parts: tuple[Any, ...]) -> Extent | None:
    """Return the extent of what is made of parts that were all measured; None if one was not."""
    depth = total = 0
    for part in parts:
        size = _known(part)
        if size is None:
            if not isinstance(part, Measured) or _held(part):
                return None
            size = _LEAF
        depth, total = max(depth, size.depth), total + size.parts
    return Extent(depth + 1, total + 1)


class Measured:
    """The base of expressions: those that consist of others are measured when they are made.

    ``__solidb_is_small__`` of a class says that who makes its objects measures those that may be large. As
    parts they count too.
    """

    __slots__ = ("__solidb_extent__",)
    __solidb_extent__: Extent
    __solidb_is_small__: ClassVar[bool] = False
    __solidb_are_deep__: ClassVar[bool] = False
    """Whether one was ever made whose nodes may repeat themselves many times; most programs make none."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__solidb_is_small__ or not cls.__solidb_has_parts__():
            return
        cast(Any, cls).__post_init__ = measured  # which a dataclass calls
        if "__init__" in vars(cls) and "__dataclass_fields__" not in vars(cls):
            initialise = cast(Any, cls.__init__)

            @wraps(initialise)
            def measuring(self: Any, *args: Any, **options: Any) -> None:
                initialise(self, *args, **options)
                if type(self).__init__ is measuring:  # and not of a class below, which goes on
                    measured(self)

            cast(Any, cls).__init__ = measuring

    @classmethod
    def __solidb_has_parts__(cls) -> bool:
        """Return whether its objects consist of others."""
        names = ("__solidb_operands__", "__solidb_held__")
        return any(getattr(cls, name) is not getattr(Measured, name) for name in names)

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        """Return the expressions this one is made of."""
        return ()

    def __solidb_held__(self) -> tuple[Any, ...]:
        """Return the expressions and the statements that are written out where this one is."""
        return self.__solidb_operands__()


_SLOT: Any = vars(Measured)["__solidb_extent__"]


def _known(part: Any) -> Extent | None:
    """Return what was measured, without the look for a field of this name."""
    try:
        measured: Extent = _SLOT.__get__(part)
    except (AttributeError, TypeError):  # TypeError: a statement, which is measured where it stands
        return None
    return measured


def _held(part: Any) -> tuple[Any, ...]:
    held: tuple[Any, ...] = part.__solidb_held__()
    return held


def held_in(clauses: Any) -> Iterator[Any]:
    """Yield the expressions and statements in the clauses of a statement, however they are kept there."""
    waiting = [clauses]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (tuple, list)):
            waiting.extend(cast("tuple[Any, ...]", item))
        elif isinstance(item, type):
            continue
        elif item is not clauses and hasattr(cast(Any, type(item)), "__solidb_held__"):
            yield item
        elif is_dataclass(item):
            waiting.extend([getattr(item, name) for name in _clauses(type(cast(Any, item)))])


@cached_by_class
def _clauses(kind: Any) -> tuple[str, ...]:
    return tuple(clause.name for clause in fields(kind) if not clause.name.startswith("_"))
