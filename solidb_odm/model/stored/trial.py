"""Classes are tried when they are made: what a field stores must be read as the same value.

JSON has one kind of text, of array and of object. A union of types that look alike in it, a type
nothing can be read as, a serializer that drops a part: all would lose values in silence, some day.
So sample values of each such type are written and read, once, before there is any data.

Whether reading the same stored form twice gives the same values.

A default that is called (``uuid4``, ``datetime.now``), a computed field or a validator of an embedded model's
author may give another value each time. Of classes that hold such, what was read is kept to compare with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import cached_property
from operator import attrgetter
from time import time
from typing import Any
from uuid import uuid1, uuid4

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import (
    PydanticSerializationError,
    PydanticUndefined,
    SchemaSerializer,
    SchemaValidator,
    ValidationError,
    core_schema,
    from_json,
    to_json,
)

from ..._types import is_map, is_row
from ...errors import DeclarationError
from ...language.stored_documents import new_key
from .. import type_inspection
from .core_schemas import core_schema_of, nodes_in
from .embedded import embedded_classes
from .field_values import encode_field, field_reader, field_schema, fields_node
from .forms import ADAPTED, LOSSY, RENAMED, stored_form, stored_schema
from .plain_types import PURE
from .pydantic_attributes import raise_interrupt
from .samples import Samples, hard, members, shell_of

_HINT = "or Annotated[.., Lossy()] stores it all the same"
_UNREADABLE = {
    "callable": ("a function can't be stored", "store its name"),
    "is-subclass": ("a class can't be stored", "store its name"),
    "generator": ("what is iterated only once can't be stored and compared", "declare a list"),
    "is-instance": (
        "nothing says how a {name} is stored and read",
        "give the class __get_pydantic_core_schema__, or the field a PlainSerializer and a BeforeValidator",
    ),
}


def try_fields(cls: Any, names: Collection[str]) -> None:
    """Hold fields of a document class to be stored exactly; DeclarationError otherwise.

    If they are all it has, the functions of its author around them are tried too.
    """
    origin = core_schema_of(cls)
    definitions = {definition["ref"]: definition for definition in origin.get("definitions", ())}
    trial = _Trial(cls, definitions)
    if len(names) == len(cls.__pydantic_fields__):
        trial.check(origin, "", {})
        return
    node, config = fields_node(origin)
    trial.check({"type": node["type"], "fields": _named(node["fields"], names)}, "", config)


class _Trial:
    """Walks the schema of one document class, and those of the classes embedded in it."""

    def __init__(self, cls: Any, definitions: dict[str, Any]) -> None:
        self._cls = cls
        self._definitions = definitions
        self._samples = Samples(definitions)
        self._seen: set[str] = set()
        self._tried: set[int] = set()

    def check(self, node: Any, place: str, config: Any) -> None:
        """Check a schema and all below it."""
        if LOSSY in (node.get("metadata") or ()):
            return
        kind, self._samples.config = node["type"], config
        if kind == "definition-ref":
            if node["schema_ref"] not in self._seen:
                self._seen.add(node["schema_ref"])
                self.check(self._definitions[node["schema_ref"]], place, config)
            return
        if (written := _serialization(node)) is not None:  # what it writes and reads is its author's
            if _is_reference(written):
                return
            self._refuse_asterisks(written, place)
            self._try_serializer(node, written, place, config)
            return
        if kind in _UNREADABLE:
            problem, way = _UNREADABLE[kind]
            name = getattr(node.get("cls"), "__name__", "value")
            raise self._refused(place, problem.format(name=name), way)
        if kind in ("model", "dataclass"):
            if id(node) in self._tried:
                return
            self._tried.add(id(node))
            config, owner = node.get("config", {}), node["cls"]
            place = "" if owner is self._cls else owner.__name__
            self._try_field_serializers(owner, place)
        if kind in ("model-fields", "dataclass-args"):
            self._check_left_out(node, place)
        if kind == "union":
            self._try_union(node, place, config)
        for name, inner in _below(node):
            if is_map(inner):  # a tag may stand for another tag
                self.check(inner, _step(place, name), config)

    def _check_left_out(self, node: Any, place: str) -> None:
        for name, field in _named(node["fields"]).items():
            if field.get("serialization_exclude") and field["schema"]["type"] != "default":
                raise DeclarationError(
                    "is not stored and has no default, so that no stored document could be read",
                    model=self._cls.__name__,
                    field=_step(place, name),
                    hint="give it a default, or store it",
                )

    # --- trying ----------------------------------------------------------------------------------

    def _try_union(self, union: Any, place: str, config: Any) -> None:
        choices = members(union)
        known = _kinds_alone(union, choices, config)
        if known is not None and known in _TOLD_APART:
            return
        if sum(choice["type"] != "none" for choice in choices) < 2 or any(
            choice["type"] == "any" for choice in choices
        ):
            return
        whole, each_of = self._pair(union, config), [self._pair(choice, config) for choice in choices]
        samples = [
            (pair, value)
            for pair, choice in zip(each_of, choices, strict=True)
            for value in self._samples.of(choice)
        ]
        forms = [pair.stored(value) for pair, value in samples]
        samples += [
            (pair, form) for pair in each_of for form in forms if form is not None and pair.takes(form)
        ]
        for pair, value in samples:
            if pair.takes(value) and (outcome := whole.read_again(value)):
                problem = f"JSON does not tell its types apart: {outcome}"
                way = "keep one of the types, or tell models apart by Field(discriminator=..)"
                raise self._refused(place, problem, way)
        if known is not None:
            _TOLD_APART.add(known)

    def _refuse_asterisks(self, written: Any, place: str) -> None:
        function = written.get("function")
        name = f"{getattr(function, '__module__', '')}.{getattr(function, '__name__', '')}"
        if name.startswith("pydantic.types._serialize_secret"):
            raise self._refused(
                place,
                "would be stored as asterisks, because that is how Pydantic writes a secret",
                "Annotated[SecretStr, PlainSerializer(lambda s: s.get_secret_value(), "
                'when_used="json")] stores the secret itself, Field(exclude=True) nothing',
            )

    def _try_serializer(self, node: Any, written: Any, place: str, config: Any) -> None:
        """Refuse a serializer that gives back none of the values it can be tried with."""
        if written.get("is_field_serializer"):  # which needs the whole object
            return
        samples = hard(self._samples.of(node))
        if samples:
            pair = self._pair(node, config)
            self._hold(place, [pair.read_again(value) for value in samples if pair.takes(value)])

    def _try_field_serializers(self, owner: Any, place: str) -> None:
        if getattr(owner, "__pydantic_root_model__", False):  # whose only field is all it is
            return
        decorators = getattr(owner, "__pydantic_decorators__", None)
        for decorator in decorators.field_serializers.values() if decorators else ():
            for name in decorator.info.fields:
                if name in owner.__pydantic_fields__ and owner.__pydantic_fields__[name].exclude is not True:
                    node, _ = field_schema(stored_form(owner).origin, name)
                    outcomes = [_read_field(owner, name, value) for value in hard(self._samples.of(node))]
                    self._hold(_step(place, name), outcomes)

    def _hold(self, place: str, outcomes: list[str | None]) -> None:
        """Refuse a field of which no value that could be tried came back."""
        tried = [outcome for outcome in outcomes if outcome != ""]
        if tried and all(tried):
            raise self._refused(place, str(tried[0]), "add a validator that reads what the serializer writes")

    def _pair(self, node: Any, config: Any) -> _Pair:
        definitions = list(self._definitions.values())
        origin = core_schema.definitions_schema(node, definitions) if definitions else node
        return _Pair(origin, {**ADAPTED, **config})

    def _refused(self, place: str, problem: str, way: str) -> DeclarationError:
        return DeclarationError(problem, model=self._cls.__name__, field=place, hint=f"{way}; {_HINT}")


def _read_field(owner: Any, name: str, value: Any) -> str | None:
    """Say what becomes of the value of a field with a serializer of its own; see ``read_again``."""
    reader, shell = field_reader(owner, name), shell_of(owner, {name: value})
    try:
        if not same(reader.check(value), value):
            return ""
        written = stored_form(owner).serializer.to_python(shell, mode="json", include={name}, warnings=False)
    except Exception as error:  # noqa: BLE001  a function of the class's author
        raise_interrupt(error)
        return ""
    stored = to_json(next(iter(written.values()))).decode()
    try:
        again = reader.read(from_json(stored))
    except ValidationError:
        return f"{value!r} is stored as {stored}, which is not read again"
    except Exception:  # noqa: BLE001
        return ""
    return None if same(again, value) else f"{value!r} is stored as {stored} and would be read as {again!r}"


def stored_otherwise(parent: Any, child: Any, name: str) -> str:
    """Say which value of an inherited field a document class stores in another form than its parent.

    Empty text if none is known. What the parent's field does not describe (more fields of a model) is no
    other form: of what it describes, a query finds the value where it is.
    """
    schema = stored_form(child).origin
    samples = Samples({part["ref"]: part for part in schema.get("definitions", ())})
    node, samples.config = field_schema(schema, name)
    for value in samples.of(node):
        try:
            theirs, own = (encode_field(owner, name, value) for owner in (parent, child))
        except Exception as error:  # noqa: BLE001  a function of an author, which may want anything
            raise_interrupt(error)
            continue
        if not _is_part_of(theirs, own):
            return f"{value!r} as {to_json(own).decode()} instead of {to_json(theirs).decode()}"
    return ""


def _is_part_of(form: Any, other: Any) -> bool:
    """Return whether a stored form has all that another one has."""
    if is_map(form) and is_map(other):
        return all(name in other and _is_part_of(form[name], other[name]) for name in form)
    if is_row(form) and is_row(other):
        return len(form) == len(other) and all(map(_is_part_of, form, other))
    return bool(form == other) and isinstance(form, bool) == isinstance(other, bool)


class _Pair:
    """What writes and reads the values of one type."""

    def __init__(self, origin: Any, config: Any) -> None:
        self._origin, self._config = origin, config

    @cached_property
    def _stored(self) -> Any:
        return stored_schema(self._origin)

    @cached_property
    def _taking(self) -> SchemaValidator:
        return SchemaValidator(self._origin, self._config)

    @cached_property
    def _writing(self) -> SchemaSerializer:
        return SchemaSerializer(self._stored, self._config, _use_prebuilt=False)

    @cached_property
    def _reading(self) -> SchemaValidator:
        return SchemaValidator(self._stored, self._config, _use_prebuilt=False)

    def takes(self, value: Any) -> bool:
        """Say whether a sample is a value of the type."""
        taking = self._taking
        try:
            return same(taking.validate_python(value), value)
        except Exception:  # noqa: BLE001  a validator of the class's author, which may want anything
            return False

    def stored(self, value: Any) -> Any:
        """Return the stored form; None if there is none."""
        writing = self._writing
        try:
            return writing.to_python(value, mode="json", warnings=False)
        except (PydanticSerializationError, ValueError) as error:
            raise_interrupt(error)
            return None

    def read_again(self, value: Any) -> str | None:
        """Say what becomes of a value; None if it comes back, empty text if that can't be tried."""
        writing, reading, text = self._writing, self._reading, b""
        try:
            text = writing.to_json(value, warnings=False)
            again = reading.validate_json(text, by_alias=True, by_name=True)
        except ValidationError:
            return f"{value!r} is stored as {text.decode()}, which is not read again"
        except Exception as error:  # noqa: BLE001  a function of the class's author
            raise_interrupt(error)
            return ""
        if same(again, value):
            return None
        return f"{value!r} is stored as {text.decode()} and would be read as {again!r}"


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of the same types, at every depth."""
    if type(one) is not type(other):
        return False
    if isinstance(one, BaseModel):
        return same(_fields_of(one), _fields_of(other)) and same(_extra_of(one), _extra_of(other))
    if hasattr(one, "__dataclass_fields__"):
        return same(vars(one), vars(other)) if hasattr(one, "__dict__") else bool(one == other)
    if is_map(one):
        return len(one) == len(other) and all(name in other and same(one[name], other[name]) for name in one)
    if is_row(one):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _fields_of(model: BaseModel) -> dict[str, Any]:
    """Return what a model holds, without what it has kept of its computed fields."""
    return {name: model.__dict__.get(name) for name in type(model).__pydantic_fields__}


def _extra_of(model: BaseModel) -> dict[str, Any]:
    return model.__pydantic_extra__ or {}


def _serialization(node: Any) -> Any:
    """Return how the author of a type has it written, also below validators, which may read it."""
    while "serialization" not in node and node["type"] in _VALIDATORS and "schema" in node:
        node = node["schema"]
    return node.get("serialization")


def _is_reference(written: Any) -> bool:
    """Return whether a link, or the end of an edge, is written, which come back as what they were."""
    return str(getattr(written.get("function"), "__module__", "")).startswith("solidb_odm.model.")


_TOLD_APART: set[tuple[str, ...]] = set()
"""The types, as unions name them in their order, that have been tried and are told apart."""


def _kinds_alone(union: Any, choices: list[Any], config: Any) -> tuple[str, ...] | None:
    """Return the types of a union that nothing else is said of; None if something is."""
    is_bare = (
        config.keys() <= _BARE_CONFIG
        and union.keys() == _BARE_UNION
        and all(choice.keys() == _BARE for choice in choices)
    )
    return tuple(choice["type"] for choice in choices) if is_bare else None


_BARE, _BARE_UNION, _BARE_CONFIG = {"type"}, {"type", "choices"}, {"title"}
_VALIDATORS = ("function-before", "function-after", "function-wrap")


def _step(place: str, name: str) -> str:
    return f"{place}.{name}" if place and name else place or name


def _below(node: Any) -> Iterator[tuple[str, Any]]:
    """Return the schemas directly below one, with the names of fields; those JSON is read by."""
    for name, inner in node.items():
        if name in _INNER:
            yield from (("", part) for part in (inner if is_row(inner) else [inner]))
        elif name == "choices":
            yield from (("", part) for part in (inner.values() if is_map(inner) else members(node)))
        elif name == "fields":
            named = inner if is_map(inner) else {field["name"]: field for field in inner if is_map(field)}
            yield from (
                (name, field["schema"])
                for name, field in named.items()
                if not field.get("serialization_exclude")
            )
        elif name == "arguments_schema":
            yield from (("", field["schema"]) for field in inner) if is_row(inner) else [("", inner)]


def _named(fields: Any, names: Collection[str] | None = None) -> dict[str, Any]:
    """Return fields by name, also those of a dataclass; its names alone say nothing."""
    named: dict[str, Any] = (
        fields if is_map(fields) else {field["name"]: field for field in fields if is_map(field)}
    )
    return named if names is None else {name: named[name] for name in names}


_INNER = ("schema", "items_schema", "values_schema", "keys_schema", "json_schema", "lax_schema", "steps")

_OWN = ("pydantic", "pydantic_core", "solidb_odm")
_FACTORIES: tuple[Any, ...] = (uuid1, uuid4, date.today, time)
"""What gives values of its own kind whenever it is called, beside classes."""


def is_unsteady(model: Any, names: Collection[str]) -> bool:
    """Return whether fields of a complete model can be read as another value each time."""
    if not names:
        return False
    origin = core_schema_of(model)
    return any(_any_node(field_schema(origin, name)[0], _varies) for name in names)


def revalidated_fields(model: Any) -> tuple[str, ...]:
    """Return the fields of a model that may be read as other values.

    By validators or serializers of its author, or because JSON does not say how many a deque may hold.
    """
    origin = core_schema_of(model)
    fields = [name for name, info in model.__pydantic_fields__.items() if info.exclude is not True]
    if not _has_author(origin):
        return ()
    schemas = {name: field_schema(origin, name)[0] for name in fields}
    whole = _has_author(_without_fields(origin))
    return tuple(
        name for name, schema in schemas.items() if (whole or _has_author(schema)) and not _is_lossy(schema)
    )


def _has_author(part: Any) -> bool:
    return _any_node(part, _may_be_read_otherwise)


def _may_be_read_otherwise(node: Any) -> bool:
    if is_written_by_author(node) or node.get("type") == "deque":
        return True
    written: Any = node.get("serialization")
    function = written.get("function") if is_map(written) else None
    return not (function is None or isinstance(function, attrgetter) or _is_of_makers(function))


def _is_lossy(part: Any) -> bool:
    return _any_node(part, lambda node: LOSSY in (node.get("metadata") or ()))


def _any_node(part: Any, holds: Callable[[Any], bool]) -> bool:
    return any(map(holds, nodes_in(part)))


def _without_fields(part: Any) -> Any:
    """Return what stands around the fields of a model: its own validators."""
    if is_row(part):
        return []
    if not is_map(part):
        return part
    return {
        name: _without_fields(inner)
        for name, inner in part.items()
        if name not in ("fields", "definitions", "config", "metadata")
    }


def _varies(node: Any) -> bool:
    factory = node.get("default_factory")
    is_called = factory is not None and factory not in PURE and not isinstance(factory, type)
    return is_called or bool(node.get("computed_fields")) or is_written_by_author(node)


def is_written_by_author(node: Any) -> bool:
    """Return whether a schema is a validator that the author of a model wrote."""
    kind = node.get("type")
    if not isinstance(kind, str) or not kind.startswith("function-") or not is_map(node.get("function")):
        return False
    return not _is_of_makers(node["function"].get("function"))


def _is_of_makers(function: Any) -> bool:
    """Return whether a function of a schema is of this package or Pydantic, and of no author of models."""
    module = getattr(getattr(function, "__func__", function), "__module__", None) or type(function).__module__
    return module.partition(".")[0] in _OWN


def check_defaults(model: Any, names: Collection[str]) -> None:
    """Refuse defaults of fields, and of what they embed, that are no values; DeclarationError."""
    has_unsound_default(model, names)
    schemas = _schemas(model, names)
    if any(node.get("type") in ("model", "dataclass") for node in nodes_in(schemas)):
        for part in embedded_classes(model, schemas):
            has_unsound_default(part)


def may_be_refused(model: Any, names: Collection[str]) -> bool:
    """Return whether making a stored form may show a fault: in old names, or in parts that models share.

    ``names`` are those of the fields in which there may be old names.
    """
    origin = core_schema_of(model)
    if origin["type"] == "definitions" and not _is_of_own_models(model, origin):
        return True
    return any(RENAMED in (node.get("metadata") or ()) for node in nodes_in(_schemas(model, names)))


def _is_of_own_models(model: Any, schema: Any) -> bool:
    """Return whether the definitions of a schema are models, as Pydantic wrote them: used twice, or within.

    The form for the database keeps the name of each such, so that what refers to one finds it.
    """
    is_own = schema is model.__pydantic_core_schema__
    return is_own and all(definition["type"] == "model" for definition in schema["definitions"])


def _schemas(model: Any, names: Collection[str]) -> list[Any]:
    origin = core_schema_of(model)
    return [field_schema(origin, name)[0] for name in names]


def has_unsound_default(model: Any, names: Collection[str] | None = None) -> bool:
    """Return whether a default, which Pydantic takes as it is, may be no value of its field.

    Of another that stands for a model: DeclarationError.
    """
    fields: dict[str, FieldInfo] = getattr(model, "__pydantic_fields__", None) or {}
    suspects = [name for name in (fields if names is None else names) if not fields[name].validate_default]
    unsound = [name for name in suspects if _is_unsound(model, name)]
    for name in unsound:
        value, is_called = fields[name].default, fields[name].default_factory is not None
        if value is not None and not is_called and _stands_for_model(fields[name]):
            raise DeclarationError(
                f"has the default {value!r}, which is not valid for it", model=model.__name__, field=name
            )
    return bool(unsound)


def _is_unsound(model: Any, name: str) -> bool:
    info: FieldInfo = model.__pydantic_fields__[name]
    value: Any = info.default
    if (factory := info.default_factory) is not None:
        is_known = isinstance(factory, type) or any(known == factory for known in _FACTORIES)
        return factory is not new_key and (_is_constrained(info) or not is_known)
    if value is PydanticUndefined:
        return False
    if value is None or _stands_for_model(info):
        return _is_of_no_class(info.annotation, value)
    if isinstance(value, (list, dict, set, frozenset, tuple, deque)) and (value or info.metadata):
        return not _takes(model, name, value)
    return _is_constrained(info) and not _takes(model, name, value)  # of others Pydantic warns as it writes


def _is_constrained(info: FieldInfo) -> bool:
    notes = (*info.metadata, *type_inspection.metadata(info.annotation))
    return any(isinstance(note, (BaseMetadata, GroupedMetadata)) for note in notes)


def _stands_for_model(info: FieldInfo) -> bool:
    return any(
        isinstance(kind, type) and issubclass(kind, BaseModel)
        for kind in type_inspection.alternatives(info.annotation)
    )


def _is_of_no_class(annotation: Any, value: Any) -> bool:
    classes = [kind for kind in type_inspection.alternatives(annotation) if _has_instances(kind)]
    if Any in classes or isinstance(value, tuple(classes)):
        return False
    try:
        TypeAdapter[Any](annotation).validator.validate_python(value, strict=True)
    except (ValidationError, PydanticUserError):
        return True
    return False


def _takes(model: Any, name: str, value: Any) -> bool:
    try:
        field_reader(model, name).check(value)
    except Exception:  # noqa: BLE001  a validator of the class's author, which may want anything
        return False
    return True


def _has_instances(kind: Any) -> bool:
    """Return whether a type can be asked for its instances; a ``TypedDict`` can't, nor some protocols."""
    try:
        return isinstance(kind, type) and isinstance(None, (kind, object))
    except TypeError:
        return False
