"""How one model class maps to its collection: names, indexes, what to look at for changes.

A ``Mapping`` is made when the class is complete: at once, or after forward references resolve.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any, cast

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator

from ..._dataclasses import dataclass
from ...commands import CollectionKind, CollectionSpec, IndexSpec, ValidationMode, index_name
from ...commands.schema import ELEMENTS
from ...errors import DeclarationError
from ...language.stored_documents import ENGINE_ATTRIBUTES
from .. import type_inspection
from ..expressions.kinds import kind_of
from ..stored.core_schemas import nodes_in
from ..stored.embedded import embedded_classes, instances, is_part, part_fields
from ..stored.field_values import is_customised, stored_name
from ..stored.forms import batch_serializer, is_shallow, stored_form, type_form
from ..stored.number_fields import is_deep, number_fields, numeric_fields, vector_fields
from ..stored.plain_types import is_plain_type
from ..stored.pydantic_attributes import (
    COMPUTED_FIELDS,
    CONFIG,
    class_computed_fields,
    class_decorators,
    class_fields,
    raise_interrupt,
)
from ..stored.shape import document_schema
from ..stored.trial import has_unsound_default, is_written_by_author, revalidated_fields
from ..stored.value_columns import ValueColumns
from .computed import cached_fields, stored_names
from .indexes import Index

TYPE_ATTRIBUTE = "_type"
VERSION_ATTRIBUTE = "_version"
"""The attribute that names the class of a document whose class shares its parent's collection."""

"""What the engine adds to a document and a model never stores itself."""


@dataclass(frozen=True, slots=True)
class MappedField:
    """One field: its Python and stored names, and how its changes are found."""

    name: str
    stored: str
    unordered: bool


@dataclass(slots=True)
class Mapping:
    """What the mapper knows of one model class.

    ``type_name`` is set for classes that live in their parent's collection. ``drops`` are the
    attributes of a stored document that Pydantic would not take, ``older`` the names a field is read by that
    it would not take beside the stored one; ``unstored`` the fields it does not
    hold; ``embedded`` the classes its fields can hold instances of; ``is_open`` says that it takes
    extra attributes. ``json_only`` says that the model reads JSON text other than the same values in
    Python, or would share those values, so that a change in place would reach the stored form too.
    ``numbers`` are the fields that hold numbers, ``vectors`` those that hold lists of floats;
    ``deep_numbers`` says that others may stand deeper.
    ``computed`` are the stored names of computed fields, ``cached`` the names of those that keep their value,
    ``computes_below`` says that embedded models have such, ``keeps_below`` that these can keep their value;
    ``rewrites`` that serializers of the model's author may write one field by another.
    ``is_simple`` says that stored text can be given to Pydantic as it is. ``start`` is how texts begin that
    can be, though they tell their class or version; empty if none can.
    ``is_unsound``: a default is no value of its field, so new documents are validated before they are stored.
    ``is_shallow``: no document of the class can be nested too deep.
    ``parts`` are the fields that can hold models and dataclass objects.
    ``columns`` tells of which values it is sure that they are stored exactly and read as they are.
    ``numeric`` are the fields that can hold numbers at any depth, None where such may be stored of no field.
    ``names`` are the arguments that make Pydantic take stored names and its own, empty where the
    model's configuration does.
    """

    model: type[BaseModel]
    collection: str
    kind: CollectionKind
    validation: ValidationMode
    type_name: str | None
    fields: dict[str, MappedField] = field(init=False)
    by_stored: dict[str, MappedField] = field(init=False)
    indexes: tuple[IndexSpec, ...] = ()
    unstored: tuple[str, ...] = ()
    version: int = 1
    serializer: SchemaSerializer = field(init=False)
    validator: SchemaValidator = field(init=False)
    _batch: dict[bool, SchemaSerializer | None] = field(default_factory=dict[bool, "SchemaSerializer | None"])
    drops: tuple[str, ...] = field(init=False)
    older: dict[str, str] = field(init=False)
    embedded: tuple[type[Any], ...] = field(init=False)
    is_open: bool = field(init=False)
    json_only: bool = field(init=False)
    numbers: tuple[str, ...] = field(init=False)
    vectors: tuple[str, ...] = field(init=False)
    deep_numbers: bool = field(init=False)
    names: dict[str, Any] = field(init=False)
    computed: frozenset[str] = field(init=False)
    cached: tuple[str, ...] = field(init=False)
    keeps_below: bool = field(init=False)
    computes_below: bool = field(init=False)
    rewrites: bool = field(init=False)
    revalidated: tuple[str, ...] = field(init=False)
    is_unsound: bool = field(init=False)
    is_shallow: bool = field(init=False)
    columns: ValueColumns = field(init=False)
    numeric: tuple[str, ...] | None = field(init=False)
    is_simple: bool = field(init=False)
    start: str = field(init=False)
    parts: tuple[str, ...] = field(init=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Find out what only reading and writing documents needs, when it is asked for first."""
            if name in ("fields", "by_stored"):
                map_fields(self)
            elif name == "serializer":
                self.serializer = stored_form(self.model).serializer
            elif name in ("is_shallow", "columns", "numeric"):
                complete_for_writing(self)
            elif name in _LATER:
                complete_mapping(self)
            else:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(self, name)

    def batch_serializer(self, *, as_text: bool) -> SchemaSerializer | None:
        """Return what writes many documents in one call, made when it is first asked for; see there."""
        if as_text not in self._batch:
            self._batch[as_text] = batch_serializer(self.model, as_text=as_text)
        return self._batch[as_text]

    def python_name(self, stored: str) -> str:
        """Return the name of the attribute that is stored under a name."""
        known = self.by_stored.get(stored)
        return stored if known is None else known.name

    def forget_computed(self, document: Any) -> None:
        """Let computed fields that keep their value be computed again, from what may have changed."""
        for name in self.cached:
            document.__dict__.pop(name, None)
        if self.keeps_below:
            for part in instances(document.__dict__):
                for name in cached_fields(type(part)):
                    part.__dict__.pop(name, None)


_LATER = frozenset(
    ("validator", "drops", "older", "embedded", "is_open", "json_only", "numbers", "vectors",
     "deep_numbers", "names", "computed", "cached", "keeps_below", "computes_below", "rewrites", "is_simple",
     "revalidated", "is_unsound", "start", "parts")
)  # fmt: skip
"""What ``complete_mapping`` adds."""


def make_mapping(
    model: type[Any],
    collection: str,
    kind: CollectionKind,
    type_name: str | None,
) -> Mapping:
    """Read a complete model class; DeclarationError where it says something impossible."""
    settings = next(
        (base.__dict__["Settings"] for base in model.__mro__ if "Settings" in base.__dict__), None
    )
    validation = _validation(model, settings)
    mapping = Mapping(model, collection, kind, validation, type_name)
    taken: dict[str, str] = {}
    for name, info in class_fields(model).items():
        if info.exclude is True:
            mapping.unstored += (name,)
            continue
        stored = info.serialization_alias or info.alias or name
        if stored in taken or stored in ENGINE_ATTRIBUTES or stored == TYPE_ATTRIBUTE:
            other = f"{taken[stored]!r} is" if stored in taken else "the server's own attribute is"
            raise DeclarationError(f"is stored as {stored!r}, as {other}", model=model.__name__, field=name)
        taken[stored] = name
    mapping.indexes = tuple(_indexes(model, settings))
    mapping.version = _version(model, settings)
    return mapping


def map_fields(mapping: Mapping) -> None:
    """Add the fields a document stores, by their names and by the stored ones."""
    model: Any = mapping.model
    fields = {
        name: MappedField(name, stored_name(model, name), type_inspection.has_unordered(info.annotation))
        for name, info in class_fields(model).items()
        if info.exclude is not True
    }
    mapping.by_stored = {mapped.stored: mapped for mapped in fields.values()}
    mapping.fields = fields


def complete_mapping(mapping: Mapping) -> None:
    """Add what reading and writing needs; DeclarationError of what only a trial of the class shows.

    Nothing is taken back by doing it twice, as two threads may.
    """
    model: Any = mapping.model
    is_choosy = model.model_config.get("extra") in ("allow", "forbid")
    mapping.drops = tuple(stored_names(model).values()) if is_choosy else ()
    mapping.older = _older_names(model, mapping) if is_choosy else {}
    form = stored_form(model)
    mapping.validator = form.validator
    nodes = list(nodes_in(form.schema))  # once, for all that is asked of them
    holds_parts = any(is_part(node) and node.get("cls") is not model for node in nodes)
    mapping.embedded = embedded_classes(model, form.schema) if holds_parts else ()
    mapping.is_simple = not (mapping.drops or mapping.older or mapping.type_name or mapping.version > 1)
    mapping.start = "" if mapping.is_simple or is_choosy else _start(mapping)
    mapping.is_open = model.model_config.get("extra") == "allow"
    mapping.json_only = form.reads_text or any(map(_is_shared, nodes))
    config = model.model_config
    reads_both = config.get("validate_by_name") and config.get("validate_by_alias", True)
    renamed = any(field.stored != field.name for field in mapping.fields.values() if field.name != "key")
    is_told = not config.get("validate_by_alias", True) or (renamed and not reads_both)
    mapping.names = {"by_alias": True, "by_name": True} if is_told else {}
    mapping.computed = frozenset(stored_names(model).values())
    mapping.cached = cached_fields(model)
    mapping.keeps_below = any(cached_fields(model) for model in mapping.embedded)
    mapping.computes_below = any(getattr(part, COMPUTED_FIELDS, None) for part in mapping.embedded)
    mapping.revalidated = revalidated_fields(model)
    mapping.parts = part_fields(model, form.schema) if holds_parts else ()
    mapping.is_unsound = any(map(has_unsound_default, (model, *mapping.embedded)))
    decorators = class_decorators(model)
    mapping.rewrites = bool(decorators.model_serializers or decorators.field_serializers)
    mapping.numbers, mapping.vectors = number_fields(model), vector_fields(model)
    mapping.deep_numbers = (
        is_deep(model) or _computes_numbers(model) or (mapping.rewrites and bool(mapping.vectors))
    )


def complete_for_writing(mapping: Mapping) -> None:
    """Add what only writing needs to know."""
    model: Any = mapping.model
    schema = stored_form(model).schema
    mapping.columns = ValueColumns(model, schema)
    writes_more = mapping.is_open or mapping.rewrites or class_computed_fields(model)
    mapping.numeric = None if writes_more else numeric_fields(model)
    mapping.is_shallow = is_shallow(schema)


def _older_names(model: type[Any], mapping: Mapping) -> dict[str, str]:
    """Return the top-level names that fields are read by besides their stored ones, with these."""
    names: dict[str, str] = {}
    for name, known in mapping.fields.items():
        alias: Any = class_fields(model)[name].validation_alias
        choices: Any = alias.choices if isinstance(alias, AliasChoices) else (alias,)
        for choice in choices:
            if isinstance(choice, str) and choice not in mapping.by_stored:
                names[choice] = known.stored
    return names


def _start(mapping: Mapping) -> str:
    """Return how the text of a document begins that tells its class or version, which Pydantic ignores."""
    aliases: list[Any] = [info.validation_alias for info in class_fields(mapping.model).values()]
    names = [name for alias in aliases for name in getattr(alias, "choices", (alias,))]
    if any(getattr(name, "path", [name])[0] in (TYPE_ATTRIBUTE, VERSION_ATTRIBUTE) for name in names):
        return ""
    version = f'"{VERSION_ATTRIBUTE}":{mapping.version},' if mapping.version > 1 else ""
    kind = '"_key":' if mapping.type_name is None else f'"{TYPE_ATTRIBUTE}":{json.dumps(mapping.type_name)},'
    return f"{{{version}{kind}"


_OPEN = {"list": "items_schema", "set": "items_schema", "tuple": "items_schema", "dict": "values_schema"}


def _is_shared(node: Any) -> bool:
    """Return whether a model may hold on to a list or dict it is given here, not to a copy."""
    kind, config = node.get("type"), node.get("config")
    if not isinstance(kind, str):  # fields by their names, one of which may be called type
        return False
    if kind in ("any", "is-instance", "function-plain") or is_written_by_author(node):
        return True
    is_bare = kind in _OPEN and _OPEN[kind] not in node
    settings = cast("dict[str, Any]", config) if isinstance(config, dict) else {}
    takes_more = settings.get("extra_fields_behavior") == "allow"
    return is_bare or takes_more or node.get("extra_behavior") == "allow"


def _computes_numbers(model: Any) -> bool:
    """Return whether computed fields can hold numbers."""
    returned = [info.return_type for info in class_computed_fields(model).values()]
    return any(
        kind not in (str, bool) for member in returned for kind in type_inspection.alternatives(member)
    )


def make_spec(mapping: Mapping) -> CollectionSpec:
    """Return what the class declares of its collection."""
    schema = document_schema(mapping.model) if mapping.validation != "off" else None
    return CollectionSpec(mapping.collection, mapping.kind, mapping.indexes, schema, mapping.validation)


def _version(model: type[Any], settings: Any) -> int:
    version: Any = 1 if settings is None else getattr(settings, "version", 1)
    if version == 1 or callable(getattr(model, "upgrade_from", None)):
        return int(version)
    raise DeclarationError(
        f"version={version}, and there is no way from the one before",
        model=model.__name__,
        field="Settings",
        hint="a classmethod upgrade_from(cls, stored, version) -> dict brings older documents to it",
    )


def _validation(model: type[Any], settings: Any) -> ValidationMode:
    if settings is None:
        return "off"
    # A class below that says other things in Settings of its own does not lift the schema of its collection.
    stated = (vars(owner).get("Settings") for owner in model.__mro__)
    chosen = next((owner for owner in (settings, *stated) if hasattr(owner, "schema_validation")), None)
    mode: ValidationMode = getattr(chosen, "schema_validation", "off")
    return mode


# --- indexes -------------------------------------------------------------------------------------


def _indexes(model: type[Any], settings: Any) -> Iterator[IndexSpec]:
    seen: dict[str, IndexSpec] = {}
    declared = [*_annotated(model, "", ()), *(("", index) for index in getattr(settings, "indexes", ()))]
    for path, index in declared:
        spec = _spec(model, path, index)
        other = seen.setdefault(spec.name, spec)
        if other is not spec and other != spec:
            raise DeclarationError(
                f"two indexes are called {spec.name!r}",
                model=model.__name__,
                field=path or None,
                hint="give one of them another name=",
            )
        if other is spec:
            yield spec


def _annotated(model: type[Any], prefix: str, above: tuple[type[Any], ...]) -> Iterator[tuple[str, Index]]:
    for name, info in class_fields(model).items():
        is_plain = is_plain_type(info.annotation)  # which says nothing and holds no models with indexes
        if is_plain and not info.metadata:
            continue
        path = f"{prefix}{name}"
        for note in (
            info.metadata if is_plain else (*info.metadata, *type_inspection.metadata(info.annotation))
        ):
            if isinstance(note, Index):
                if note.fields == (f"{name}{ELEMENTS}",):  # of this field's elements
                    yield f"{path}{ELEMENTS}", note
                    continue
                if note.fields:
                    raise DeclarationError(
                        f"{note!r} names fields, but belongs to this one",
                        model=model.__name__,
                        field=name,
                        hint="leave them out, or move it to Settings.indexes",
                    )
                yield path, note
        if is_plain:
            continue
        _check_elements(model, path, info.annotation)
        for inner in type_inspection.embedded(info.annotation):
            if hasattr(inner, "__solidb_reference__"):  # the end of an edge, whose indexes are its own
                continue
            _check_part(model, path, inner)
            if inner not in above and inner is not model and _has_indexes(inner):
                yield from _annotated(inner, f"{path}.", (*above, model))


def _check_part(model: type[Any], path: str, part: Any) -> None:
    """Refuse indexes in the settings of an embedded model, which has no collection to have them in."""
    listed = getattr(getattr(part, "Settings", None), "indexes", ())
    if any(isinstance(note, Index) for note in listed):
        raise DeclarationError(
            f"the indexes in the Settings of {part.__name__} say nothing of what is embedded",
            model=model.__name__,
            field=path,
            hint=f"declare them beside its fields, as in Annotated[str, Index()], or as "
            f'Index("{path}.name") in the Settings of {model.__name__}',
        )


def _check_elements(model: type[Any], path: str, annotation: Any) -> None:
    """Refuse indexes that are declared for what stands in lists and dicts, where they would say nothing."""
    for part in type_inspection.parts_of(annotation):
        notes = [note for note in type_inspection.metadata(part) if isinstance(note, Index)]
        for inner in type_inspection.embedded(part):
            _check_part(model, path, inner)
        holder = next((inner for inner in type_inspection.embedded(part) if _has_indexes(inner)), None)
        if notes or holder is not None:
            what = (
                repr(notes[0])
                if notes
                else f"the indexes that {getattr(holder, '__name__', holder)} declares"
            )
            raise DeclarationError(
                f"holds several values, and {what} would be of one",
                model=model.__name__,
                field=path,
                hint=f'Index("{path}[]") in Settings.indexes is over the elements of a list of plain values; '
                "for models that are embedded singly as well, declare the index where they are: "
                'Index("address.city") in Settings.indexes',
            )


def _has_indexes(model: type[Any]) -> bool:
    """Return whether a model, or one below it, declares indexes; most don't, and ways to them can be many."""
    return any(
        isinstance(note, Index)
        for inner in type_inspection.models_below(model)
        for info in class_fields(inner).values()
        for note in (*info.metadata, *type_inspection.metadata(info.annotation))
    )


def _spec(model: type[Any], path: str, index: Index) -> IndexSpec:
    paths = [path] if path else list(index.fields)
    label = path or "Settings"
    resolved = [_resolve(model, label_path, label) for label_path in paths]
    try:
        options = index.options()
    except DeclarationError as error:
        raise DeclarationError(error.message, model=model.__name__, field=label, hint=error.hint) from None
    if index.kind != "persistent":
        _check_single(model, index, resolved, label)
    stored = tuple(path for path, _ in resolved)
    for given, at in zip(paths, stored, strict=True):
        if at.count(".") != given.count("."):
            raise DeclarationError(
                f"an index on {given!r} can't be made: it is stored as {at!r}, with further dots",
                model=model.__name__,
                field=label,
                hint="choose another alias, without dots",
            )
    name = index.name or index_name(stored, index.kind)
    decimals = tuple(path for path, kind in resolved if kind_of(kind) == "decimal" and ELEMENTS not in path)
    where = _counted(model, index, label)
    spec = IndexSpec(name, index.kind, stored, **options, where=where, decimals=decimals)
    problem = spec.problem
    if spec.is_of_elements and not problem and ELEMENTS not in paths[0]:
        problem = f"{paths[0]!r} is stored as {stored[0]!r}, which would mean its elements"
    if problem:
        raise DeclarationError(f"{index!r}: {problem}", model=model.__name__, field=label)
    return spec


def _counted(model: type[Any], index: Index, label: str) -> tuple[tuple[str, Any], ...]:
    """Return which documents a unique index is for, by stored paths and values."""
    if not getattr(index, "unique", False) or index.where == {}:
        return ()
    hidden: str | None = model.__solidb_hidden_by__
    wanted: dict[str, Any] = {**({hidden: None} if hidden is not None else {}), **(index.where or {})}
    values: dict[str, Any] = {}
    for path, value in wanted.items():
        stored, annotation = _resolve(model, path, label)
        values[stored] = _scalar(model, path, annotation, value, label)
    return tuple(values.items())


def _scalar(model: type[Any], path: str, annotation: Any, value: Any, label: str) -> Any:
    """Return a value that ``where`` names in its stored form; DeclarationError if it can't be compared."""
    if value is None:
        return None
    form = type_form(annotation)
    try:
        encoded = form.serializer.to_python(form.validator.validate_python(value), mode="json")
    except (ValidationError, PydanticSerializationError) as error:
        raise_interrupt(error)
        problem = f"where={{{path!r}: {value!r}}}, which is no value of the field"
        raise DeclarationError(problem, model=model.__name__, field=label) from error
    if isinstance(encoded, (str, int, float, bool)):
        return encoded
    problem = f"where={{{path!r}: {value!r}}}, which is stored as {encoded!r}"
    hint = "a text, a number, a truth value or None"
    raise DeclarationError(problem, model=model.__name__, field=label, hint=hint)


def _resolve(model: type[Any], path: str, label: str) -> tuple[str, Any]:
    """Return the stored path and the type of a field path of the model's own names."""
    info = class_fields(model).get(path)
    kind: Any = None if info is None else info.annotation
    if kind in (str, int, float, bool):  # as most are
        return stored_name(model, path), kind
    listed, dot, inner = path.rpartition(f"{ELEMENTS}.")
    if dot:
        whole, annotation = _resolve(model, f"{listed}{ELEMENTS}", label)
        rest, kind = _resolve_path(model, inner, label, type_inspection.embedded(annotation), annotation)
        return f"{whole}.{rest}", kind
    if path.endswith(ELEMENTS):
        stored, annotation = _resolve(model, path.removesuffix(ELEMENTS), label)
        members = [member for member in type_inspection.alternatives(annotation) if member is not type(None)]
        if not any(
            member is Any or member is list or type_inspection.is_collection(member) for member in members
        ):
            raise DeclarationError(
                f"an index names {path!r}, and the field holds no list", model=model.__name__, field=label
            )
        return f"{stored}{ELEMENTS}", type_inspection.element(annotation)
    return _resolve_path(model, path, label)


def _resolve_path(
    model: type[Any],
    path: str,
    label: str,
    current: tuple[type[Any], ...] | None = None,
    annotation: Any = None,
) -> tuple[str, Any]:
    is_inside = current is not None
    current = (model,) if current is None else current
    stored: list[str] = []
    steps = path.split(".")
    for step in steps:
        owner = next((model for model in current if step in class_fields(model)), None)
        if owner is None and current == (model,) and not is_inside and step in class_computed_fields(model):
            annotation, current = class_computed_fields(model)[step].return_type, ()
            stored.append(stored_names(model)[step])
            continue
        if owner is None:
            if ((stored or is_inside) and _is_open(annotation)) or any(map(_takes_more, current)):
                stored.append(step)
                annotation, current = Any, ()
                continue
            where = current[0].__name__ if current else ".".join(steps[: len(stored)])
            raise DeclarationError(
                f"an index names {path!r}, but {where} has no field {step!r}",
                model=model.__name__,
                field=label,
            )
        annotation = class_fields(owner)[step].annotation
        if kind_of(annotation) == "decimal" and is_customised(owner, step):
            annotation = Any  # it is stored as something else
        stored.append(stored_name(owner, step))
        current = type_inspection.embedded(annotation)
    return ".".join(stored), annotation


def _takes_more(model: Any) -> bool:
    """Return whether a model takes extra attributes."""
    config: Any = getattr(model, "model_config", None) or getattr(model, CONFIG, None) or {}
    return bool(config.get("extra") == "allow")


def _is_open(annotation: Any) -> bool:
    return any(
        member is Any or member is dict or getattr(member, "__origin__", None) is dict
        for member in type_inspection.alternatives(annotation)
    )


def _check_single(model: type[Any], index: Index, resolved: list[tuple[str, Any]], label: str) -> None:
    if len(resolved) != 1:
        raise DeclarationError(
            f"a {type(index).__name__} takes one field, not {len(resolved)}",
            model=model.__name__,
            field=label,
        )
    members = [
        m for m in type_inspection.alternatives(resolved[0][1]) if m is not type(None) and m is not Any
    ]
    if index.kind == "fulltext" and members and not any(m is str or m is Any for m in members):
        problem = "text"
    elif index.kind == "vector" and members and not type_inspection.is_collection(resolved[0][1]):
        problem = "a list of numbers (Vector)"
    elif index.kind == "geo" and any(
        m in (str, int, float, bool, bytes) or type_inspection.is_collection(m) for m in members
    ):
        problem = "a GeoPoint"
    elif index.kind == "ttl" and any(
        m in (str, float, bool) or type_inspection.is_collection(m) for m in members
    ):
        problem = "a datetime, or whole Unix seconds (int)"
    else:
        return
    raise DeclarationError(
        f"a {type(index).__name__} needs a field that holds {problem}", model=model.__name__, field=label
    )
