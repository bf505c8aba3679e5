"""``update`` and ``delete``: writing where the documents are, without loading them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Never, Self, cast, overload

from .._dataclasses import dataclass
from .._types import shown
from .._wrong_calls import refuse_more, refuse_options
from ..errors import UsageError
from ..language import nodes as q
from ..model.declaration.mapping import TYPE_ATTRIBUTE
from ..model.declaration.registry import Registry
from ..model.document import Document
from ..model.expressions import instants
from ..model.expressions.expression import Expression, Predicate
from ..model.mixins import SoftDelete, Timestamped, now
from ..model.stored.field_values import stored_name
from . import conditions
from .bind_values import Patch, Written, by_names, patch_of, patches_below
from .compiler import BuildScope, not_read, sources_of
from .conditions import Reference, V
from .elements import closed_all
from .select_block import conjunction, narrowing, root_of
from .select_forms import Form, Values, form_of, tell_form
from .sources import are_one, family
from .written import Write


@dataclass(frozen=True, slots=True, repr=False)
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
        return self._with_conditions([conditions.condition(condition) for condition in wanted])

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
        wanted += [condition.__solidb_build__(scope) for condition in closed_all(self.conditions)]
        if wanted:
            body.append(q.Filter(conjunction(wanted)))
        return variable, body


def _check_own(model: type[Document], parts: Iterable[Expression]) -> None:
    """Refuse what speaks of documents of another class, which the statement does not read; UsageError."""
    for source in sources_of(parts):
        if not are_one(source, model):
            raise not_read(source, can_join=False)


@dataclass(frozen=True, slots=True, repr=False)
class Update(Chosen):
    """A statement that gives fields of documents new values."""

    patch: Patch = ()
    below: tuple[tuple[type[Document], Patch], ...] = ()
    """What is written otherwise in documents of classes below the model, which share its collection."""

    def values(self, fields: Mapping[Any, Any] | None = None, /, **more: Any) -> Self:
        """Set fields to new values, or expressions over the old ones: ``values(age=User.age + 1)``.

        ``fields`` are by name, or as ``{User.age: 3}``. Values are checked and encoded as the model's own. A
        field that holds a model or a list is replaced whole.
        """
        if fields is not None and not isinstance(fields, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(
                f"values() takes fields by name, not {fields!r}", hint="values(age=User.age + 1)"
            )
        values = {**by_names(self.model, fields or {}), **more}
        added = patch_of(self.model, values)
        patch = {**dict(self.patch), **dict(added)}
        _check_own(self.model, patch.values())
        below = {model: dict(known) for model, known in self.below}
        for model, other in patches_below(self.model, values, added):
            below.setdefault(model, {}).update(other)
        kept = tuple((model, tuple(other.items())) for model, other in below.items())
        return replace(self, patch=tuple(patch.items()), below=kept)

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
        patch = self.__solidb_patch__(scope, q.Name(variable))
        return [*body, q.Update(q.Name(variable), patch, self.model.__solidb_mapping__.collection)]

    def __solidb_patch__(
        self, scope: BuildScope, document: q.Expression, given: Mapping[str, q.Expression] | None = None
    ) -> q.Expression:
        """Return what is written into a document, which depends on its class where that says more."""
        written = {**_touched(self.model), **dict(self.patch)}
        changes = {name: value.__solidb_build__(scope) for name, value in written.items()} | dict(given or {})
        patch: q.Expression = q.Object(tuple(changes.items()))
        known = dict(self.below)
        for model in family(self.model)[1:]:
            own = {**_touched(model), **dict(known.get(model, ()))}
            more = {
                name: expression.__solidb_build__(scope)
                for name, expression in own.items()
                if name not in written
            }
            more |= {name: expression.__solidb_build__(scope) for name, expression in known.get(model, ())}
            if more:
                kind = q.Compare(
                    q.Attribute(document, TYPE_ATTRIBUTE), "==", q.Literal(model.__solidb_mapping__.type_name)
                )
                added = q.Ternary(kind, q.Object(tuple(more.items())), q.Object(()))
                patch = q.Call("MERGE", (patch, added))
        return patch


@dataclass(frozen=True, slots=True, repr=False)
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
            moment = now()
            patch = patch_of(self.model, {"deleted_at": moment})
            declared = (member.__solidb_mapping__.indexes for member in family(root_of(self.model)))
            below = tuple(patches_below(self.model, {"deleted_at": moment}, patch))
            marking = Update(self.model, self.conditions, self.is_with_deleted, patch, below)
            if any(index.unique for indexes in declared for index in indexes):
                return self._mark_apart(scope, marking)
            return marking.__solidb_write__(scope)
        self._check_marked()
        variable, body = self._loop(scope)
        return [*body, q.Remove(q.Name(variable), self.model.__solidb_mapping__.collection)]

    def _check_marked(self) -> None:
        """Refuse to delete permanently what a SoftDelete class marks, unless told; raise UsageError."""
        marked = next((member for member in family(self.model) if issubclass(member, SoftDelete)), None)
        if marked is not None and not self.is_permanent:
            raise UsageError(
                f"delete({self.model.__name__}) would delete documents of {marked.__name__} permanently, "
                "which must be marked as deleted instead",
                hint=f"delete({marked.__name__}) marks them; .permanently() deletes all",
            )

    def _mark_apart(self, scope: BuildScope, marking: Update) -> list[q.Clause]:
        """Mark each document with a moment of its own, a microsecond after that of the one before it.

        A server's unique index holds the moment too, and to it a null beside one is a value as any other.
        """
        variable, body = self._loop(scope)
        documents, place = q.Name(scope.fresh("_d")), q.Name(scope.fresh("_i"))
        count = q.Call("LENGTH", (documents,))
        moment = stored_name(self.model, "deleted_at")
        first = dict(marking.patch)[moment].__solidb_build__(scope)
        shifted = {moment: instants.shifted(first, instants.duration_of(place))}
        document = q.Subscript(documents, place)
        is_there: list[q.Expression] = [  # 0..-1 is no empty range
            q.Compare(place, ">=", q.Literal(0)),
            q.Compare(place, "<", count),
        ]
        return [
            q.Let(documents.name, q.Subquery(q.Block(body=tuple(body), returns=q.Return(q.Name(variable))))),
            q.For(place.name, q.Range(q.Literal(0), q.Binary(count, "-", q.Literal(1)))),
            q.Filter(conjunction(is_there)),
            q.Update(
                document,
                marking.__solidb_patch__(scope, document, shifted),
                self.model.__solidb_mapping__.collection,
            ),
        ]


def _touched(model: type[Document]) -> dict[str, Expression]:
    return dict(patch_of(model, {"updated_at": now()})) if issubclass(model, Timestamped) else {}


def update(model: type[Document], *others: Never, **values: Never) -> Update:
    """Return a statement that changes documents without loading them: ``update(User).values(active=False)``.

    ``where`` chooses the documents. The result is their number, or with ``returning(User)`` the changed
    documents.
    """
    refuse_more("update() takes a class", others, "write update(User).where(..).values(..)")
    refuse_options("update()", values, "update(User).where(..).values(..)")
    return Update(document_class(model, "update"))


def delete(model: type[Document], *others: Never) -> Delete:
    """Return a statement that deletes documents without loading them: ``delete(User).where(User.age < 18)``.

    Its result is their number, or with ``returning(User)`` the documents. Edges to them are not deleted.
    Documents of a SoftDelete class are marked as deleted, and ``returning`` has them as they are afterwards.
    """
    refuse_more("delete() takes a class", others, "write delete(User).where(..)")
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


def _form_of_update(part: Update, values: Values) -> Form:
    patches = [part.patch, *(patch for _, patch in part.below)]
    written = tuple([tuple([(name, form_of(value, values)) for name, value in patch]) for patch in patches])
    return *_form_of_chosen(part, values), written, tuple([model for model, _ in part.below])


def _form_of_chosen(part: Chosen, values: Values) -> Form:
    conditions_of = tuple([form_of(condition, values) for condition in part.conditions])
    return Registry.generation, part.__class__, part.model, part.is_with_deleted, conditions_of


tell_form(Update, _form_of_update)
tell_form(Delete, lambda part, values: (*_form_of_chosen(part, values), part.is_permanent))
tell_form(Written, lambda part, values: (Written, form_of(part.value, values)))
