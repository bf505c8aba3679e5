"""Types as revisions write them: ``"int"``, ``"str | None = null"``, ``"list[str]"``; or a dict."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from .._types import Json, JsonObject, is_map
from ..errors import MigrationError
from ..model.stored.shape import MARKS, canonical, union

_SCALARS: dict[str, JsonObject] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "any": {},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "uuid": {"type": "string", "format": "uuid"},
}
_ALSO = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "text": "str",
}
_TEXTS = {canonical(shape): text for text, shape in _SCALARS.items()}
_LINK = r"^[^/]+/[^/]+$"
_PLAIN = re.compile(r"[A-Za-z_]\w*")


def type_text(shape: JsonObject) -> str | JsonObject:
    """Write a shape as text where it has one, else as a dict whose parts are texts."""
    marks = {name: value for name, value in shape.items() if name in MARKS}
    bare = {name: value for name, value in shape.items() if name not in MARKS}
    text = _bare_text(bare)
    if text is not None and set(marks) <= {"default"}:
        return f"{text} = {canonical(marks['default'])}" if marks else text
    if text is not None and marks == {"factory": True}:
        return f"{text} = ..."
    is_model = "fields" in shape  # which says that it is an object
    return {
        name: _part(name, value)
        for name, value in shape.items()
        if not (is_model and name == "type" and value == "object")
    }


def _bare_text(shape: JsonObject) -> str | None:
    known = _TEXTS.get(canonical(shape))
    if known is not None:
        return known
    if set(shape) == {"anyOf"}:
        members = [_bare_text(member) for member in shape["anyOf"]]
        texts = [member for member in members if member is not None]
        if len(texts) == len(members):
            return " | ".join(sorted(texts, key=lambda text: text == "None"))
    if set(shape) <= {"type", "items"} and shape.get("type") == "array":
        inner = _bare_text(shape.get("items", {}))
        return None if inner is None else f"list[{inner}]"
    if set(shape) == {"type", "values"}:
        inner = _bare_text(shape["values"])
        return None if inner is None else f"dict[{inner}]"
    if set(shape) == {"type", "pattern", "target"} and shape["pattern"] == _LINK:
        return f"link[{shape['target']}]" if _PLAIN.fullmatch(str(shape["target"])) else None
    return None


def _part(name: str, value: Any) -> Any:
    if name in ("items", "values"):
        return type_text(value)
    if name in ("fields", "defs"):
        return {field: type_text(item) for field, item in value.items()}
    if name in ("anyOf", "prefixItems"):
        return [type_text(item) for item in value]
    return value


def read_type(value: Any) -> JsonObject:
    """Read a type: a text, a shape, a JSON Schema or a Python type; MigrationError if it is none."""
    if value is None or value is Any:
        return {} if value is Any else dict(_SCALARS["None"])
    if isinstance(value, type) and value.__name__ in ("str", "int", "float", "bool", "list", "dict"):
        return _Reader(value.__name__).whole()
    if isinstance(value, str):
        return _Reader(value).whole()
    if isinstance(value, dict):
        return _read_shape(cast(JsonObject, value))
    raise MigrationError(f"{value!r} is not a type", hint='e.g. "int", "str | None", or a JSON Schema')


def _read_parts(parts: JsonObject) -> JsonObject:
    return {field: read_type(text) for field, text in sorted(parts.items())}


def _read_shape(value: JsonObject) -> JsonObject:
    made: JsonObject = {}
    required = value.get("required")
    for name, part in value.items():
        if name in ("items", "values"):
            made[name] = read_type(part)
        elif name in ("fields", "defs"):
            made[name] = (
                _read_parts(part) if is_map(part) else part
            )  # no "defs" take those away that are there
        elif name == "properties":
            made["fields"] = _read_parts(part)
            for field in made["fields"]:
                if field not in (required or ()) and not any(mark in made["fields"][field] for mark in MARKS):
                    made["fields"][field] = {**made["fields"][field], "optional": True}
        elif name == "additionalProperties":
            if isinstance(part, bool):
                made["extra"] = "allow" if part else "forbid"
            else:
                made["values"] = read_type(part)
        elif name == "const":
            made["enum"] = [part]
        elif name == "enum":
            made[name] = sorted(part, key=canonical)
        elif name == "prefixItems":
            made[name] = [read_type(item) for item in part]
        elif name not in ("required", "title", "description", "anyOf", "oneOf"):
            made[name] = part
    members = value.get("anyOf") or value.get("oneOf")
    made = _typed(made)
    return {**union([read_type(item) for item in members]), **made} if members else made


def _typed(shape: JsonObject) -> JsonObject:
    """Return a shape with the type that its fields say, and without one where it lists its values."""
    if "enum" in shape:
        return {name: value for name, value in shape.items() if name != "type"}
    return {"type": "object", **shape} if "fields" in shape else shape


class _Reader:
    """Reads the text of a type."""

    def __init__(self, text: str) -> None:
        self._text = text
        body, equals, default = text.partition(" = ")
        self._tokens = re.findall(r"[A-Za-z_][\w-]*|[\[\]|]|\S", body)
        self._marks: JsonObject = {}
        if equals:
            self._marks = {"factory": True} if default.strip() == "..." else {"default": self._json(default)}

    def whole(self) -> JsonObject:
        """Return the shape."""
        shape = self._union()
        if self._tokens:
            raise self._wrong()
        return {**shape, **self._marks}

    def _union(self) -> JsonObject:
        members = [self._one()]
        while self._tokens and self._tokens[0] == "|":
            self._tokens.pop(0)
            members.append(self._one())
        return union(members)

    def _one(self) -> JsonObject:
        if not self._tokens:
            raise self._wrong()
        word = self._tokens.pop(0)
        word = _ALSO.get(word, word)
        if word in _SCALARS:
            return dict(_SCALARS[word])
        if word == "link":
            target = "".join(self._bracketed_words())
            return {"pattern": _LINK, "type": "string", "target": target}
        if word == "list":
            inner = self._bracketed()
            return {"items": inner, "type": "array"} if inner else {"type": "array"}
        if word == "dict":
            return {"values": self._bracketed(), "type": "object"}
        raise self._wrong()

    def _bracketed(self) -> JsonObject:
        if not self._tokens or self._tokens[0] != "[":
            return {}
        self._tokens.pop(0)
        inner = self._union()
        if not self._tokens or self._tokens.pop(0) != "]":
            raise self._wrong()
        return inner

    def _bracketed_words(self) -> list[str]:
        words: list[str] = []
        if not self._tokens or self._tokens.pop(0) != "[":
            raise self._wrong()
        while self._tokens and self._tokens[0] != "]":
            words.append(self._tokens.pop(0))
        if not self._tokens:
            raise self._wrong()
        self._tokens.pop(0)
        return words

    def _json(self, text: str) -> Json:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise self._wrong() from None

    def _wrong(self) -> MigrationError:
        known = ", ".join(_SCALARS)
        return MigrationError(
            f"{self._text!r} is not a type",
            hint=f"{known}, list[..], dict[..], link[collection], A | B, or a dict",
        )
