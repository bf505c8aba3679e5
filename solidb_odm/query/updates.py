"""``update`` and ``delete``: writing where the documents are, without loading them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Never, Self, cast, overload

from .._dataclasses import dataclass
from .._types import shown
from ..errors import UsageError
from ..language import nodes as q
from ..model.document import Document
from ..model.expressions import instants
from ..model.expressions.expression import Expression, Predicate
from ..model.mixins import SoftDelete, Timestamped, now
from ..model.stored.field_values import stored_name
from . import conditions
from .bind_values import by_names, patch_of
from .compiler import BuildScope, not_read, sources_of
from .conditions import Reference, V
from .elements import closed_all
from .select_block import conjunction, narrowing, root_of
from .sources import are_one, family
from .statement import refuse_options
from .written import Write


@dataclass(frozen=True, slots=True)
class Chosen(Write):
    """A statement that writes the documents its conditions are true of."""

    model: type[Document]
    conditions: tuple[Expression, ...] = ()
    is_with_deleted: bool = False

    def with_deleted(self) -> Self:
        """Write documents of a SoftDelete class that are marked as deleted too."""
        return replace(self, is_with_deleted=True)

    def where(self, *wanted: Predicate | bool, **others: Never) -> Self:
        """Write only what all the conditions are true of; without any, all documents of the model."""
        if others:
            refuse_options("where()", others, f"filter_by({next(iter(others))}=..)")
        return self._with_conditions([conditions.condition(each) for each in wanted])

    def filter_by(self, **values: Any) -> Self:
        """Write only documents whose fields have these values: ``delete(User).filter_by(name="Ada")``."""
        return self._with_conditions(conditions.equalities(self.model, values))

    def _with_conditions(self, added: Sequence[Expression]) -> Self:
        _check_own(self.model, added)
        return replace(self, conditions=(*self.conditions, *added))

    def _loop(self, scope: BuildScope) -> tuple[str, list[q.Clause]]:
        variable = scope.declare(self.model)
        body: list[q.Clause] = [q.For(variable, q.Name(self.model.__solidb_mapping__.collection))]
        scope.shows_deleted = self.is_with_deleted
        narrowed = narrowing(self.model, variable, scope)
        wanted = [*([narrowed] if narrowed is not None else [])]
        wanted += [each.__solidb_build__(scope) for each in closed_all(self.conditions)]
        if wanted:
            body.append(q.Filter(conjunction(wanted)))
        return variable, body


def _check_own(model: type[Document], parts: Iterable[Expression]) -> None:
    """Refuse what speaks of documents of another class, which the statement does not read; UsageError."""
    for source in sources_of(parts):
        if not are_one(source, model):
            raise not_read(source, can_join=False)


@dataclass(frozen=True, slots=True)
class Update(Chosen):
    """A statement that gives fields of documents new values."""

    patch: tuple[tuple[str, Expression], ...] = ()

    def values(self, fields: Mapping[Any, Any] | None = None, /, **more: Any) -> Self:
        """Set fields to new values, or expressions over the old ones: ``values(age=User.age + 1)``.

        ``fields`` are by name, or as ``{User.age: 3}``. Values are checked and encoded as the model's own. A
        field that holds a model or a list is replaced whole.
        """
        if fields is not None and not isinstance(fields, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(
                f"values() takes fields by name, not {fields!r}", hint="values(age=User.age + 1)"
            )
        patch = dict(self.patch)
        patch.update(patch_of(self.model, {**by_names(self.model, fields or {}), **more}))
        _check_own(self.model, patch.values())
        return replace(self, patch=tuple(patch.items()))

    @overload
    def set(self, field: Reference | None, value: Reference | None) -> Self: ...
    @overload
    def set(self, field: Decimal | None, value: Decimal | int | None) -> Self: ...
    @overload
    def set(self, field: V | None, value: V | None) -> Self: ...
    def set(self, field: Any = None, value: Any = None, **others: Never) -> Self:
        """Set one field, as ``values`` does, where a type checker sees the field: ``set(User.age, 3)``."""
        if others or isinstance(field, Mapping):
            raise UsageError("set() takes one field and its value", hint="set(User.age, 3), or values(age=3)")
        if not isinstance(field, Hashable):
            raise UsageError(f"set() takes a field, not {field!r}", hint="set(User.age, 3)")
        return self.values({field: value})

    def __solidb_write__(self, scope: BuildScope) -> list[q.Clause]:
        if not self.patch:
            raise UsageError(
                "the update changes nothing", hint=f"update({self.model.__name__}).values(field=value)"
            )
        variable, body = self._loop(scope)
        values = dict(self.patch)
        if issubclass(self.model, Timestamped):
            values = {**dict(patch_of(self.model, {"updated_at": now()})), **values}
        patch = q.Object(tuple((name, value.__solidb_build__(scope)) for name, value in values.items()))
        collection = self.model.__solidb_mapping__.collection
        return [*body, q.Update(q.Name(variable), patch, collection)]


@dataclass(frozen=True, slots=True)
class Delete(Chosen):
    """A statement that deletes documents."""

    is_permanent: bool = False

    def permanently(self) -> Self:
        """Delete documents of a SoftDelete class, instead of marking them as deleted."""
        return replace(self, is_permanent=True)

    @property
    def _marks(self) -> bool:
        return issubclass(self.model, SoftDelete) and not self.is_permanent

    def __solidb_row__(self) -> str:
        return "NEW" if self._marks else "OLD"

    def __solidb_write__(self, scope: BuildScope) -> list[q.Clause]:
        if self._marks:
            patch = patch_of(self.model, {"deleted_at": now()})
            declared = (each.__solidb_mapping__.indexes for each in family(root_of(self.model)))
            if any(index.unique for indexes in declared for index in indexes):
                return self._mark_apart(scope, dict(patch))
            return Update(self.model, self.conditions, self.is_with_deleted, patch).__solidb_write__(scope)
        variable, body = self._loop(scope)
        return [*body, q.Remove(q.Name(variable), self.model.__solidb_mapping__.collection)]

    def _mark_apart(self, scope: BuildScope, patch: dict[str, Expression]) -> list[q.Clause]:
        """Mark each document with a moment of its own, a microsecond after that of the one before it.

        A server's unique index holds the moment too, and to it a null beside one is a value as any other.
        """
        variable, body = self._loop(scope)
        found, place = q.Name(scope.fresh("_d")), q.Name(scope.fresh("_i"))
        count = q.Call("LENGTH", (found,))
        changes = {name: value.__solidb_build__(scope) for name, value in patch.items()}
        moment = stored_name(self.model, "deleted_at")
        changes[moment] = instants.shifted(changes[moment], instants.duration_of(place))
        if issubclass(self.model, Timestamped):
            touched = patch_of(self.model, {"updated_at": now()})
            changes.update({name: value.__solidb_build__(scope) for name, value in touched})
        is_there: list[q.Expression] = [  # 0..-1 is no empty range
            q.Compare(place, ">=", q.Literal(0)),
            q.Compare(place, "<", count),
        ]
        return [
            q.Let(found.name, q.Subquery(q.Block(body=tuple(body), returns=q.Return(q.Name(variable))))),
            q.For(place.name, q.Range(q.Literal(0), q.Binary(count, "-", q.Literal(1)))),
            q.Filter(conjunction(is_there)),
            q.Update(
                q.Subscript(found, place),
                q.Object(tuple(changes.items())),
                self.model.__solidb_mapping__.collection,
            ),
        ]


def update(model: type[Document]) -> Update:
    """Change documents where they are: ``update(User).where(User.age < 18).values(active=False)``.

    Gives how many, or with ``returning(User)`` the changed documents.
    """
    return Update(document_class(model, "update"))


def delete(model: type[Document]) -> Delete:
    """Delete documents where they are: ``delete(User).where(User.age < 18)``.

    Gives how many, or with ``returning(User)`` what they were. Edges to them stay. Documents of a
    SoftDelete class are marked as deleted, and ``returning`` gives them as they are then.
    """
    return Delete(document_class(model, "delete"))


def document_class(model: Any, what: str) -> type[Document]:
    """Take a Document class; UsageError for anything else."""
    if isinstance(model, type) and issubclass(model, Document):
        return model
    hint = None
    if isinstance(model, Document):
        kept = "change its attributes, then session.commit()"
        hint = {"insert": "session.add(document)", "delete": "session.delete(document)"}.get(what, kept)
    raise UsageError(f"{what}() takes a Document class, not {shown(cast(object, model))}", hint=hint)
