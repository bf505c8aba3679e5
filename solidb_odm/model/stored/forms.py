"""How the values of a model are stored: Pydantic's own core schema, with what JSON would lose mended.

Pydantic writes JSON for people and web pages. A database needs more: texts of times that sort as the
times do, bytes that come back, NaN that is seen instead of becoming null, keys of dictionaries that
are told apart. All that is changed here, in a copy of the schema and at every depth, so that a
model's own ``model_dump_json`` stays what its author made it, and embedded models need no settings.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_core import (
    CoreConfig,
    CoreSchema,
    SchemaError,
    SchemaSerializer,
    SchemaValidator,
    core_schema,
    to_json,
)

from ..._dataclasses import dataclass
from ..._types import is_map, is_row
from ...errors import DeclarationError
from ...language.stored_documents import DEEPEST
from ..type_inspection import cached_by_annotation
from .core_schemas import OPAQUE, core_schema_of, definitions_of, nodes_in
from .scalars import Choices, duration_key, json_text, json_value, pattern_text, stored_duration, stored_time

LOSSY = "solidb_lossy"
"""The mark in a schema's metadata that says to store it as Pydantic would."""

RENAMED = "solidb_renamed_from"
"""The entry in a schema's metadata that holds the names a field had before."""

_TEXT_KEYS = frozenset(
    {"str", "int", "float", "bool", "decimal", "uuid", "date", "datetime", "time", "bytes", "url",
     "multi-host-url", "function-plain", "function-after", "function-before", "function-wrap",
     "lax-or-strict", "json-or-python", "timedelta", "custom-error"}
)  # fmt: skip
_WRITTEN_BY_CONFIG = ("bytes", "float", "any", "timedelta", "date", "time", "datetime")

ADAPTED: CoreConfig = {
    "ser_json_bytes": "base64",
    "val_json_bytes": "base64",
    "ser_json_inf_nan": "constants",
}


@dataclass(slots=True)
class StoredForm:
    """What writes the values of one model for a database, and reads them.

    ``origin`` is the schema Pydantic made, ``schema`` the one for the database; the same if there was
    nothing to mend. ``reads_text`` says that JSON text is read other than the same values in Python.
    """

    origin: Any
    schema: Any
    validator: SchemaValidator
    reads_text: bool
    _config: CoreConfig
    _serializer: SchemaSerializer | None = None

    @property
    def serializer(self) -> SchemaSerializer:
        """What writes values; made when it is first asked for, which a program that only reads never does."""
        made = self._serializer
        if made is None:
            # What an embedded class has already made for itself must not be used: it knows nothing of this.
            made = SchemaSerializer(self.schema, self._config, _use_prebuilt=False)
            self._serializer = made
        return made

    def read(self, stored: Any) -> Any:
        """Return the value of a decoded stored form; Pydantic's ValidationError if it does not fit."""
        if self.reads_text:
            return self.validator.validate_json(to_json(stored), by_alias=True, by_name=True)
        return self.validator.validate_python(stored, by_alias=True, by_name=True)


def stored_form(model: Any) -> StoredForm:
    """Return the stored form of a complete model or Pydantic dataclass."""
    origin = core_schema_of(model)
    form = cast("StoredForm | None", model.__dict__.get("__solidb_stored_form__"))
    if form is None or form.origin is not origin:
        schema = stored_schema(origin)
        if schema is origin:
            validator, serializer = model.__pydantic_validator__, model.__pydantic_serializer__
            form = StoredForm(origin, origin, validator, reads_json(origin), ADAPTED, serializer)
        else:
            form = _made_for(model, origin, schema)
        type.__setattr__(model, "__solidb_stored_form__", form)
    return form


def _made_for(model: Any, origin: Any, schema: Any) -> StoredForm:
    try:
        return _made(origin, schema, _settings(schema))
    except SchemaError as error:
        raise DeclarationError(
            f"can't be mapped ({type(error).__name__}: {error})",
            model=model.__name__,
            hint="simplify the types of its fields; Annotated[.., Lossy()] skips this check for one",
        ) from error


@cached_by_annotation
def type_form(annotation: Any) -> StoredForm:
    """Return the stored form of a type that no model describes."""
    origin = cast(Any, TypeAdapter(annotation).core_schema)
    return _made(origin, stored_schema(origin), ADAPTED)


def _made(origin: Any, schema: Any, config: CoreConfig) -> StoredForm:
    validator = SchemaValidator(schema, config, _use_prebuilt=False)
    return StoredForm(origin, schema, validator, reads_json(schema), config)


def _settings(schema: Any) -> CoreConfig:
    """Return the settings of the model a schema is of, which hold for values that nothing describes too."""
    definitions = {definition["ref"]: definition for definition in schema.get("definitions", ())}
    while "config" not in schema and ("schema" in schema or schema["type"] == "definition-ref"):
        schema = schema["schema"] if "schema" in schema else definitions[schema["schema_ref"]]
    return cast("CoreConfig", {**ADAPTED, **schema.get("config", {}), "ser_json_inf_nan": "constants"})


def batch_serializer(model: Any, *, as_text: bool) -> SchemaSerializer | None:
    """Return what writes a list of documents of a model in one call, each as text or as values.

    None where it would not write what the model's own does: texts come of ``round_trip``, which leaves
    computed fields out, and which functions that ask for it can see.
    """
    schema = stored_form(model).schema
    if as_text and not all(map(_ignores_round_trip, nodes_in(schema))):
        return None
    item = core_schema.json_schema(schema) if as_text else schema
    return SchemaSerializer(core_schema.list_schema(item), _settings(schema), _use_prebuilt=False)


def is_shallow(schema: Any) -> bool:
    """Return whether values of a schema have few levels, whatever they are: nothing in it can be anything."""
    nodes = list(nodes_in(schema))
    if len(nodes) >= DEEPEST or not all(map(_ends, nodes)):
        return False
    definitions: list[Any] = schema.get("definitions", [])
    return not any(
        inner is definition for definition in definitions for inner in definitions_of(definition, definitions)
    )


def _ends(node: Any) -> bool:
    """Return whether what a node of a schema writes has no more levels than the schemas in it."""
    kind = node.get("type")
    if not isinstance(kind, str):
        return True  # schemas by names of fields
    written: Any = node.get("serialization", {})
    if kind not in _ENDING or ("type" in written and written.get("function") not in _WRITES_ONE_VALUE):
        return False
    if kind == "enum":
        return all(type(member.value) in (str, int) for member in node["members"])
    if kind in ("model-fields", "model"):
        return "extras_schema" not in node and "allow" not in (
            node.get("extra_behavior"),
            node.get("config", {}).get("extra_fields_behavior"),
        )
    needed = {"dict": "values_schema", "list": "items_schema", "set": "items_schema"}.get(kind)
    return needed is None or needed in node


_ENDING = frozenset(
    {"model", "model-fields", "model-field", "default", "nullable", "str", "int", "float", "bool", "none",
     "uuid", "date", "datetime", "time", "timedelta", "decimal", "bytes", "dict", "enum", "list", "set",
     "tuple", "definitions", "definition-ref"}
)  # fmt: skip
_WRITES_ONE_VALUE = (stored_time, stored_duration, duration_key)


def _ignores_round_trip(node: Any) -> bool:
    if node.get("type") in ("json", "computed-field"):
        return False
    written: Any = node.get("serialization")
    if not is_map(written):
        return True
    inner = (written.get(name) for name in ("schema", "return_schema"))
    function = written.get("function")
    if written.get("info_arg") and not getattr(function, "__module__", "").startswith("pydantic."):
        return False
    return all(_ignores_round_trip(part) for node in inner if node is not None for part in nodes_in(node))


def stored_schema(schema: CoreSchema) -> Any:
    """Return the schema for the database; the same object if nothing has to differ."""
    is_lenient = any(map(_is_strict, nodes_in(schema))) and any(map(_is_behind_function, nodes_in(schema)))
    return _Rewriting(is_lenient=is_lenient).part(schema, {})


def _is_strict(node: Any) -> bool:
    config = node.get("config")
    return node.get("strict") is True or (is_map(config) and config.get("strict") is True)


def _is_behind_function(node: Any) -> bool:
    return node.get("type") in ("function-before", "function-wrap", "function-plain")


def _leniently(node: Any) -> Any:
    """Return a schema that reads a strict one's values also from what is no longer JSON."""
    if node.get("strict") is True:
        node = {name: value for name, value in node.items() if name != "strict"}
    config = node.get("config")
    if is_map(config) and config.get("strict") is True:
        node = {**node, "config": {name: value for name, value in config.items() if name != "strict"}}
    return node


class _Rewriting:
    """Turns Pydantic's schema into one for the database; what its parts share stays shared.

    Strict models take JSON's texts for times and the like from JSON alone. Behind a function that looks at
    what is read, that is no longer JSON; then nothing is read strictly.
    """

    def __init__(self, *, is_lenient: bool) -> None:
        self._is_lenient = is_lenient
        self._done: dict[tuple[int, int], Any] = {}

    def part(self, part: Any, config: Any) -> Any:
        """Return a part of the schema; the same object if nothing has to differ."""
        if is_row(part):
            changed: Any = [self.part(node, config) for node in part]
            return part if all(map(_is, changed, part)) else type(part)(changed)
        if not is_map(part) or LOSSY in (part.get("metadata") or ()):
            return part
        key = id(part), id(config)
        if key not in self._done:
            self._done[key] = self._map(part, config)
        return self._done[key]

    def _map(self, part: Any, config: Any) -> Any:
        if part.get("serialization") == _AS_ANY:  # read as what was declared, and so written as that
            return self._map({name: value for name, value in part.items() if name != "serialization"}, config)
        kind = part.get("type")
        source = part
        if self._is_lenient and isinstance(kind, str):
            part = _leniently(part)
        config = part.get("config", config) if kind in _CONFIGURED else config
        new: Any = {name: self._member(kind, name, value, config) for name, value in part.items()}
        rule = _RULES.get(kind)
        if rule is not None and ("serialization" not in part or rule is _pattern or kind in _CONFIGURED):
            new = rule(new, config)
        is_same = len(new) == len(source) and all(value is source.get(name) for name, value in new.items())
        return source if is_same else new

    def _member(self, kind: Any, name: str, value: Any, config: Any) -> Any:
        if name in OPAQUE:
            return value
        if is_map(value) and ("type" not in value or kind == "tagged-union" or name == "fields"):
            # by names of fields, or tags
            changed = {key: self.part(inner, config) for key, inner in value.items()}
            return value if all(map(_is, changed.values(), value.values())) else changed
        return self.part(value, config)


def _is(one: Any, other: Any) -> bool:
    return one is other


def reads_json(schema: Any) -> bool:
    """Return whether a schema reads JSON text other than the same values in Python."""
    return any(map(_is_read_as_text, nodes_in(schema)))


def _is_read_as_text(node: Any) -> bool:
    return _is_strict(node) or (isinstance(node.get("type"), str) and node["type"] in _READ_AS_TEXT)


_READ_AS_TEXT = ("bytes", "union", "json")


# --- rules, by the kind of node --------------------------------------------------------------------


def _written(function: Any) -> Any:
    return core_schema.plain_serializer_function_ser_schema(function, when_used="json")


_TIME, _DURATION, _DURATION_KEY, _JSON = map(
    _written, (stored_time, stored_duration, duration_key, json_value)
)


def _datetime(node: dict[str, Any], _: Any) -> dict[str, Any]:
    return {**_timeless(node), "serialization": _TIME}


def _date(node: dict[str, Any], _: Any) -> dict[str, Any]:
    return _timeless(node)


def _timeless(node: dict[str, Any]) -> dict[str, Any]:
    """Read a time whenever that is: what was in the future when it was stored need not be any more."""
    return {name: value for name, value in node.items() if name != "now_op"} if "now_op" in node else node


def _model(node: dict[str, Any], config: Any) -> dict[str, Any]:
    """Read the fields of a model past an ``__init__`` of its own, which knows nothing of stored forms."""
    if node.get("custom_init"):
        node = {name: value for name, value in node.items() if name != "custom_init"}
    return _configured(_without_computed(node, config), config)


def _without_computed(node: dict[str, Any], config: Any) -> dict[str, Any]:
    """Leave what is computed of a part out as it is read, where others than its fields are kept or refused.

    Of documents it is left out before they are read.
    """
    if hasattr(node["cls"], "__solidb_reference__"):
        return node
    fields = _fields_without_computed(node["schema"], config.get("extra_fields_behavior"))
    return node if fields is node["schema"] else {**node, "schema": fields}


def _fields_without_computed(fields: Any, extra: Any) -> Any:
    if fields["type"] != "model-fields":
        if "schema" not in fields:
            return fields
        inner = _fields_without_computed(fields["schema"], extra)
        return fields if inner is fields["schema"] else {**fields, "schema": inner}
    names = {field.get("alias") or field["property_name"] for field in fields.get("computed_fields", ())}
    extra = fields.get("extra_behavior") or extra
    if not names or extra not in ("allow", "forbid"):
        return fields
    if extra == "forbid":
        return {**fields, "extra_behavior": "ignore"}
    return core_schema.no_info_after_validator_function(partial(_drop, names), fields)


def _drop(names: set[str], read: Any) -> Any:
    values, extra, given = read
    return values, {name: value for name, value in extra.items() if name not in names}, given - names


def _timedelta(node: dict[str, Any], config: Any) -> dict[str, Any]:
    if config.get("ser_json_timedelta") == "iso8601":
        return node
    return {**node, "strict": False, "serialization": _DURATION}  # strict ones read no numbers


def _any(node: dict[str, Any], _: Any) -> dict[str, Any]:
    return {**node, "serialization": _JSON}


def _parsed(node: dict[str, Any], _: Any) -> dict[str, Any]:
    """Store what a ``Json`` field holds, which is no longer text."""
    return cast("dict[str, Any]", node.get("schema") or _any({"type": "any"}, None))


def _configured(node: dict[str, Any], config: Any) -> dict[str, Any]:
    wanted = {**ADAPTED, **config, "ser_json_inf_nan": "constants"}
    if "val_json_bytes" not in config:
        wanted["val_json_bytes"] = wanted["ser_json_bytes"]
    for name in _UNITS & config.keys():
        del wanted[name]
    is_unnamed = config.get("validate_by_alias") is False  # what is stored is named by aliases
    if is_unnamed:
        wanted["validate_by_alias"] = True
    if wanted == config or not (is_unnamed or _mentions(node, _WRITTEN_BY_CONFIG)):
        return node
    return {**node, "config": wanted}


_UNITS = {"ser_json_temporal", "val_temporal_unit"}
"""Settings by which times would be numbers: times are texts in a database, durations seconds."""


def _mentions(part: Any, kinds: tuple[str, ...]) -> bool:
    return any(node.get("type") in kinds for node in nodes_in(part))


def _fields(node: dict[str, Any], config: Any) -> dict[str, Any]:
    _check_old_names(node)
    fields = {name: _field(name, field) for name, field in node["fields"].items()}
    if not all(map(_is, fields.values(), node["fields"].values())):
        node = {**node, "fields": fields}
    extra = node.get("extra_behavior") or config.get("extra_fields_behavior")
    if extra != "allow" or "extras_schema" in node:
        return node
    return {**node, "extras_schema": _any({"type": "any"}, None)}


def _check_old_names(node: dict[str, Any]) -> None:
    """Refuse an old name that is a field's name now: documents can't say which of the two they mean."""
    stored = {field.get("serialization_alias", name): name for name, field in node["fields"].items()}
    for name, field in node["fields"].items():
        for (old,) in _old_paths(field["schema"]):
            if old in stored:
                raise DeclarationError(
                    f"RenamedFrom({old!r}) names what {stored[old]!r} is stored as now, so documents can't "
                    "say which of the two they mean",
                    model=node.get("model_name", ""),
                    field=name,
                    hint="take RenamedFrom away once every database is upgraded; two fields change names by "
                    "way of a third name",
                )


def _arguments(node: dict[str, Any], _: Any) -> dict[str, Any]:
    fields = [_field(field["name"], field) for field in node["fields"]]
    return node if all(map(_is, fields, node["fields"])) else {**node, "fields": fields}


def _field(name: str, field: Any) -> Any:
    """Store a field whatever its value, and read it by the name it is stored under."""
    if "serialization_exclude_if" in field:
        field = {key: value for key, value in field.items() if key != "serialization_exclude_if"}
    stored = field.get("serialization_alias", name)
    paths: Any = field.get("validation_alias", name)
    paths = [[paths]] if isinstance(paths, str) else paths if paths and is_row(paths[0]) else [paths]
    wanted = [[stored], *(path for path in paths if path != [stored]), *_old_paths(field["schema"])]
    return field if paths == wanted else {**field, "validation_alias": wanted}


def _old_paths(schema: Any) -> list[list[str]]:
    """Return the names a field had before, by which documents that are not yet renamed are read."""
    while is_map(schema):
        metadata: dict[str, Any] = schema.get("metadata") or {}
        names: list[str] = metadata.get(RENAMED) or []
        if names:
            return [[name] for name in names]
        schema = schema.get("schema")
    return []


def _typed_dict(node: dict[str, Any], config: Any) -> dict[str, Any]:
    node = _fields(node, config)
    return _configured(node, config) if "config" in node else node


def _choices(node: dict[str, Any], _: Any) -> dict[str, Any]:
    """Tell values apart by their stored form where JSON has no form of its own for them."""
    is_enum = node["type"] == "enum"
    choices = Choices.of(node["members" if is_enum else "expected"], is_enum=is_enum)
    if choices is None:
        return node
    return {
        "type": "function-plain",
        "function": {"type": "no-info", "function": choices.read},
        "serialization": _written(choices.write),
        **{name: node[name] for name in ("ref", "metadata") if name in node},
    }


def _tagged(node: dict[str, Any], _: Any) -> dict[str, Any]:
    """Take the stored form of a tag that is a member of an enum, too."""
    tags = node["choices"]
    stored = {tag.value: choice for tag, choice in tags.items() if isinstance(tag, Enum)}
    if all(tag in tags for tag in stored):
        return node
    return {**node, "choices": {**stored, **tags}}


def _dictionary(node: dict[str, Any], _: Any) -> dict[str, Any]:
    keys: Any = node.get("keys_schema") or {"type": "any"}
    kind = keys["type"]
    if kind == "timedelta":
        keys = {**keys, "serialization": _DURATION_KEY}
    elif kind == "any":
        keys = {"type": "str", "strict": True}
    elif _is_text(keys):
        return node
    else:
        text = core_schema.wrap_serializer_function_ser_schema(json_text, schema=keys, when_used="json")
        keys = {"type": "json", "schema": keys, "serialization": text}
    return {**node, "keys_schema": keys}


def _is_text(keys: Any) -> bool:
    """Return whether JSON takes the keys of a type as texts, and gives them back."""
    kind = keys["type"]
    if kind == "enum":
        texts = all(type(member.value) is str for member in keys["members"])
        return texts or keys.get("sub_type") in ("str", "int")
    if kind == "literal":
        return all(type(value) is str for value in keys["expected"])
    called = keys.get("function")  # what is called with arguments, as a named tuple, stands there itself
    choices = getattr(called.get("function"), "__self__", None) if is_map(called) else None
    if isinstance(choices, Choices):
        return choices.are_texts
    return kind in _TEXT_KEYS


def _pattern(node: dict[str, Any], _: Any) -> dict[str, Any]:
    """See flags of patterns that are not written in them."""
    written: Any = node.get("serialization", {})
    if not isinstance(written.get("function"), attrgetter) or "pattern" not in repr(written["function"]):
        return node
    return {**node, "serialization": {**written, "function": pattern_text}}


_RULES: dict[str, Any] = {
    "date": _date,
    "datetime": _datetime,
    "timedelta": _timedelta,
    "any": _any,
    "json": _parsed,
    "model": _model,
    "dataclass": _configured,
    "typed-dict": _typed_dict,
    "model-fields": _fields,
    "dataclass-args": _arguments,
    "literal": _choices,
    "enum": _choices,
    "tagged-union": _tagged,
    "dict": _dictionary,
    "function-plain": _pattern,
}
_AS_ANY = {"type": "any"}
_CONFIGURED = ("model", "dataclass", "typed-dict")
