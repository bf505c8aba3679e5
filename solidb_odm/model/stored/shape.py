"""The shape of stored documents, in a normal form of our own.

Pydantic's JSON Schema changes with docstrings, titles, names of classes, the order of union members and
with Pydantic itself. A shape changes only with what is stored, so that two shapes can be compared:

* ``{"type": "string", ...}`` with constraints, or ``{"enum": [...]}``, or ``{}`` for anything;
* ``{"type": "array", "items": shape}``;
* ``{"type": "object", "fields": {name: shape}, "extra": "allow" | "forbid"}``, a model;
* ``{"type": "object", "values": shape}``, a dictionary;
* ``{"anyOf": [shape, ...]}``, sorted; ``{"ref": name}`` where a model holds itself, with ``defs`` at the top.

A field that a document may lack says why: ``default`` (a constant), ``factory`` or ``optional``. ``target``
is the collection that links of a text lead to.
"""

from __future__ import annotations

import json
from typing import Any, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import (
    CoreConfig,
    PydanticSerializationError,
    PydanticUndefined,
    SchemaError,
    SchemaSerializer,
    core_schema,
)

from ..._types import Json, JsonObject, is_list, is_map
from ...language.stored_documents import SYSTEM_ATTRIBUTES
from .forms import ADAPTED, stored_schema
from .pydantic_attributes import raise_interrupt

TARGET = "x-target"
"""The keyword by which links and edge ends say their collection in a JSON Schema."""

MARKS = ("default", "factory", "optional", "computed", "renamed_from")
"""What a shape says of a field rather than of its values."""

_FACTORY, _OPTIONAL, _RENAMED = "x-factory", "x-optional", "x-renamed-from"
_MARK_OF = {
    _FACTORY: "factory",
    _OPTIONAL: "optional",
    _RENAMED: "renamed_from",
    TARGET: "target",
    "readOnly": "computed",
}
_SAID = (
    "title",
    "description",
    "examples",
    "deprecated",
    "writeOnly",
    "$comment",
    "discriminator",
    "contentMediaType",
)
_EMPTY: dict[Any, Json] = {list: [], dict: {}, set: [], frozenset: [], tuple: []}
_OURS = ("_type", "_version")


class ShapeSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema of values as they are stored, with what it leaves out: functions, old names."""

    _definitions: tuple[Any, ...] = ()

    def definitions_schema(self, schema: core_schema.DefinitionsSchema) -> JsonSchemaValue:
        self._definitions = (*self._definitions, *schema["definitions"])
        return super().definitions_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        factory = schema.get("default_factory")
        if factory in _EMPTY:
            return {**inner, "default": _EMPTY[factory]}
        if factory is not None and not _makes_one_value(factory):
            return {**inner, _FACTORY: True}
        default = schema.get("default", PydanticUndefined) if factory is None else cast("Any", factory)()
        if default is PydanticUndefined:
            return inner
        try:
            return {**inner, "default": self._stored(schema["schema"], default)}
        except (PydanticSerializationError, SchemaError, ValueError) as error:
            raise_interrupt(error)
            return {**inner, _FACTORY: True}

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        is_text = self._config.config_dict.get("ser_json_timedelta") == "iso8601"
        return super().timedelta_schema(schema) if is_text else {"type": "number"}

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:  # noqa: ARG002  one signature
        # How long bytes may be says nothing of how long their text is.
        return {"type": "string", "format": "binary"}

    def _stored(self, schema: Any, default: Any) -> Json:
        """Return a default as documents hold it."""
        is_whole = type(default) is int and schema["type"] == "int"
        if default is None or type(default) in (str, bool) or is_whole:
            return default
        whole: Any = schema
        if self._definitions:
            whole = core_schema.definitions_schema(schema, list(self._definitions))
        known: JsonObject = {**self._config.config_dict}
        chosen = {name: known[name] for name in ("ser_json_timedelta", "ser_json_bytes") if name in known}
        config = cast("CoreConfig", {**ADAPTED, **chosen})
        serializer = SchemaSerializer(stored_schema(whole), config, _use_prebuilt=False)
        return serializer.to_python(default, mode="json", by_alias=True, warnings=False)


def _makes_one_value(factory: Any) -> bool:
    """Return whether a factory is a model all of whose fields have constant defaults, at every depth."""
    if not (isinstance(factory, type) and issubclass(factory, BaseModel)):
        return False
    is_plain = factory.__init__ is BaseModel.__init__ and factory.model_post_init is BaseModel.model_post_init
    return is_plain and all(map(_is_constant, factory.model_fields.values()))


def _is_constant(field: FieldInfo) -> bool:
    if field.default_factory is None:
        return field.default is not PydanticUndefined
    return field.default_factory in _EMPTY or _makes_one_value(field.default_factory)


def shape_of(model: type[BaseModel]) -> JsonObject:
    """Return the shape of a model's stored documents, without the key."""
    schema = model.model_json_schema(by_alias=True, mode="serialization", schema_generator=ShapeSchema)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    made = _Normaliser(definitions).whole(schema)
    made.get("fields", {}).pop("_key", None)
    return made


class _Normaliser:
    """Turns one JSON Schema into a shape."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._open: list[str] = []
        self._recursive: dict[str, JsonObject] = {}
        self._used: set[str] = set()

    def whole(self, schema: JsonObject) -> JsonObject:
        """Return the shape of the model itself."""
        if set(schema) == {"$ref"}:
            name = schema["$ref"].rpartition("/")[2]
            self._open.append(name)
            made = self._shape(self._definitions[name])
            self._open.pop()
            if name in self._used:
                self._recursive[name] = {**made, "fields": dict(made["fields"])}
        else:
            made = self._shape(schema)
        if self._recursive:
            made = {**made, "defs": {name: self._recursive[name] for name in sorted(self._recursive)}}
        return made

    def _shape(self, schema: Any) -> JsonObject:
        if schema is True or not isinstance(schema, dict):
            return {}
        part = {name: value for name, value in cast(JsonObject, schema).items() if name not in _SAID}
        reference = part.pop("$ref", None)
        if reference is not None:
            return {**self._referred(reference.rpartition("/")[2]), **self._shape(part)}
        if "allOf" in part:
            joined: JsonObject = {}
            for member in part.pop("allOf"):
                joined |= self._shape(member)
            return {**joined, **self._shape(part)}
        for word in ("anyOf", "oneOf"):
            if word in part:
                return {**union([self._shape(member) for member in part.pop(word)]), **self._shape(part)}
        if "const" in part:
            part["enum"] = [part.pop("const")]
        if "enum" in part:
            part.pop("type", None)
            part["enum"] = sorted(part["enum"], key=canonical)
        return self._contents(part)

    def _contents(self, part: JsonObject) -> JsonObject:
        required = part.pop("required", None)
        properties = part.pop("properties", None)
        made: JsonObject = {}
        if part.get("type") == "object":
            made = self._object(part, properties, required)
        for name, value in part.items():
            if name == "prefixItems":
                made[name] = [self._shape(part) for part in value]
            elif name == "patternProperties":
                made[name] = {pattern: self._shape(part) for pattern, part in value.items()}
            elif name in ("items", "propertyNames", "contains"):
                if shape := self._shape(value):
                    made[name] = shape
            else:
                made[_MARK_OF.get(name, name)] = value
        if made.get("uniqueItems") and isinstance(made.get("default"), list):
            made["default"] = sorted(made["default"], key=canonical)
        return made

    def _object(self, part: JsonObject, properties: JsonObject | None, required: Any) -> JsonObject:
        more = part.pop("additionalProperties", None)
        if properties is None and isinstance(more, dict):
            return {"values": self._shape(more)}
        if properties is None and more is not False:
            is_bare = more is None and "patternProperties" not in part
            return {"fields": {}} if is_bare else {"values": {}}
        names = sorted(properties or {})
        fields = {name: self._field((properties or {})[name], name in (required or ())) for name in names}
        if not isinstance(more, bool):
            return {"fields": fields}
        return {"fields": fields, "extra": "allow" if more else "forbid"}

    def _field(self, schema: Any, required: bool) -> JsonObject:
        made = self._shape(schema)
        if not required and not any(mark in made for mark in ("default", "factory", "computed")):
            made["optional"] = True
        return made

    def _referred(self, name: str) -> JsonObject:
        if name in self._open:
            self._used.add(name)
            return {"ref": name}
        if name in self._recursive:
            return {"ref": name}
        self._open.append(name)
        made = self._shape(self._definitions[name])
        self._open.pop()
        if name in self._used:
            self._recursive[name] = made
            return {"ref": name}
        return made


def union(members: list[JsonObject]) -> JsonObject:
    """Return the shape of a union: flat, sorted, each member once."""
    flat: dict[str, JsonObject] = {}
    values: list[Json] = []
    for member in members:
        for choice in member["anyOf"] if set(member) == {"anyOf"} else [member]:
            if set(choice) == {"enum"}:
                values += [value for value in choice["enum"] if value not in values]
            else:
                flat[canonical(choice)] = choice
    if values:
        joined = {"enum": sorted(values, key=canonical)}
        flat[canonical(joined)] = joined
    if "{}" in flat:
        return {}
    ordered = [flat[text] for text in sorted(flat)]
    return ordered[0] if len(ordered) == 1 else {"anyOf": ordered}


def canonical(value: Json) -> str:
    """Return the one text of a JSON value."""
    return _encoder.encode(value)


_encoder = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def reference_schema(pattern: str, target: Any) -> JsonObject:
    """Return the JSON Schema of a text ``collection/key`` that leads to a class, as far as it is known."""
    schema: JsonObject = {"type": "string", "pattern": pattern, "title": "Document reference"}
    collection = getattr(target, "__solidb_collection__", None)
    return schema if collection is None else {**schema, TARGET: collection}


def is_required(field: JsonObject) -> bool:
    """Return whether every document has to hold the field."""
    return not any(mark in field for mark in ("default", "factory", "optional", "computed"))


# --- what an engine holds documents to -----------------------------------------------------------


def enforced(shape: JsonObject) -> JsonObject:
    """Return the JSON Schema an engine holds documents of this shape to.

    The engines' own attributes (``_id``, ``_rev`` ..) are not in it: engines allow them in a closed schema.
    """
    made = _enforced(shape)
    if made.get("additionalProperties") is False:
        made["properties"] = {**{name: {} for name in _OURS}, **made["properties"]}
    if "defs" in shape:
        made["$defs"] = {name: _enforced(part) for name, part in shape["defs"].items()}
    return made


def _enforced(shape: JsonObject) -> JsonObject:
    made: JsonObject = {}
    for name, value in shape.items():
        if name in MARKS or name in ("target", "defs", "extra"):
            continue
        if name == "ref":
            made["$ref"] = f"#/$defs/{value}"
        elif name == "fields":
            made["properties"] = {field: _enforced(part) for field, part in value.items()}
            required = sorted(field for field, part in value.items() if is_required(part))
            if required:
                made["required"] = required
            if shape.get("extra") == "forbid":
                made["additionalProperties"] = False
        elif name == "values":
            made["additionalProperties"] = _enforced(value)
        elif name in ("anyOf", "prefixItems"):
            made[name] = [_enforced(part) for part in value]
        elif name in ("items", "propertyNames", "contains"):
            made[name] = _enforced(value)
        elif name == "patternProperties":
            made[name] = {pattern: _enforced(part) for pattern, part in value.items()}
        else:
            made[name] = value
    return made


def union_schema(schemas: list[JsonObject]) -> JsonObject | None:
    """Return the schema of a collection whose documents fit any of these, whatever their order.

    References lead to definitions at the top of a schema, so those of the members come together there; two
    of one name that differ get names of their own.
    """
    distinct = {canonical(schema): schema for schema in schemas}
    if len(distinct) < 2:
        return next(iter(distinct.values()), None)
    definitions: JsonObject = {}
    members: list[JsonObject] = []
    for text in sorted(distinct):
        member = dict(distinct[text])
        names: dict[str, str] = {}
        for name, definition in member.pop("$defs", {}).items():
            chosen, number = name, 1
            while chosen in definitions and definitions[chosen] != definition:
                number += 1
                chosen = f"{name}{number}"
            names[name] = chosen
            definitions[chosen] = definition
        members.append(_renamed(_with_system(member), names))
        for name, chosen in names.items():
            if chosen != name:
                definitions[chosen] = _renamed(definitions[chosen], names)
    return {"anyOf": members, "$defs": definitions} if definitions else {"anyOf": members}


def _with_system(schema: JsonObject) -> JsonObject:
    """Allow the engine's own attributes in a closed member, where no engine looks for it."""
    if schema.get("additionalProperties") is not False:
        return schema
    system: JsonObject = {name: {} for name in SYSTEM_ATTRIBUTES}
    properties: JsonObject = {**system, **schema.get("properties", {})}
    return {**schema, "properties": properties}


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if is_list(part):
        return [_renamed(member, names) for member in part]
    if not is_map(part):
        return part
    return {
        key: f"#/$defs/{names[value.rpartition('/')[2]]}"
        if key == "$ref" and isinstance(value, str) and value.rpartition("/")[2] in names
        else _renamed(value, names)
        for key, value in part.items()
    }


def document_schema(model: type[BaseModel]) -> JsonObject:
    """Return the JSON Schema of a model's stored form.

    Types as they are written, but required as they are read: a document from before a field with a
    default was added stays valid. Docstrings and titles leave no trace in it.
    """
    return enforced(shape_of(model))
