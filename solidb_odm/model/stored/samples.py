"""Sample values of a type, to try whether what is stored of them is read as the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from inspect import isabstract
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import islice
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, ValidationError

from ..._types import is_map, is_row

_DEPTH = 4
_EACH = 3

_SCALARS: dict[str, tuple[Any, ...]] = {
    "none": (None,),
    "str": ("Aa b ", ""),
    "bool": (True, False),
    "int": (20200101, 1, 0, -7),
    "float": (1 / 3, 1.0),
    "complex": (1 + 2j,),
    "bytes": (b"Aa1\xff", b"1", b""),
    "decimal": (Decimal("1.23456789"), Decimal(20200101), Decimal("1.0"), Decimal(1)),
    "date": (date(2020, 2, 3), date(2020, 1, 1)),
    "datetime": tuple(
        datetime.combine(day, moment, zone)
        for day, moment in ((date(2020, 2, 3), time(4, 5, 6, 7)), (date(2020, 1, 1), time(0)))
        for zone in (UTC, None)
    ),
    "time": (time(4, 5, 6, 7), time(0)),
    "timedelta": (timedelta(days=1, microseconds=3), timedelta(seconds=1)),
    "uuid": (UUID(int=0x12345678123456781234567812345678),),
}

_TEXTS: dict[type[Any], str] = {
    PurePath: "a/b",
    IPv4Address: "1.2.3.4",
    IPv4Network: "1.2.3.0/24",
    IPv4Interface: "1.2.3.4/24",
    IPv6Address: "::1",
    IPv6Network: "::/8",
    IPv6Interface: "::1/8",
    Fraction: "1/3",
    ZoneInfo: "UTC",
}

_URLS = (
    "http://example.com/",
    "ftp://example.com/",
    "ws://example.com/",
    "postgres://a:b@example.com/c",
    "mysql://a:b@example.com/c",
    "redis://example.com/0",
    "mongodb://example.com/c",
    "amqp://example.com/",
)


class Samples:
    """Makes sample values of core schemas, which may refer to definitions."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._references = definitions
        self.config: Any = {}
        """The settings of the model whose schema is looked at."""

    def of(self, node: Any, depth: int = 0) -> list[Any]:
        """Return a few values of a type; none where nothing is known of it."""
        kind = node["type"]
        if kind in _SCALARS:
            return self._fitting(node, _SCALARS[kind])
        if depth > _DEPTH:
            return []
        name = f"_{kind.replace('-', '_')}"
        make: Callable[[Any, int], Iterator[Any]] | None = getattr(self, name, None)
        return list(make(node, depth + 1)) if make is not None else []

    def _fitting(self, node: Any, values: tuple[Any, ...]) -> list[Any]:
        """Return the samples of a plain type as its limits, and the settings of its model, make them."""
        known = {key: value for key, value in node.items() if key not in ("ref", "metadata", "serialization")}
        settings = {name: value for name, value in self.config.items() if name.startswith("str_")}
        if len(known) == 1 and not settings:
            return list(values)
        validator = SchemaValidator(cast("CoreSchema", known), cast("CoreConfig", settings))
        made: list[Any] = []
        for value in values:
            with suppress(ValidationError):
                made.append(validator.validate_python(value))
        return made

    def _inner(self, node: Any, depth: int) -> Iterator[Any]:
        yield from self.of(node["schema"], depth)

    _definitions = _default = _function_after = _function_before = _custom_error = _inner

    def _function_wrap(self, node: Any, depth: int) -> Iterator[Any]:
        if node["schema"]["type"] in ("url", "multi-host-url"):
            yield from self._url(node, depth)
        else:
            yield from self._inner(node, depth)

    def _url(self, node: Any, _: int) -> Iterator[Any]:
        schema: Any = {key: value for key, value in node.items() if key != "ref"}
        validator = SchemaValidator(schema)
        for url in _URLS:
            with suppress(ValidationError):
                yield validator.validate_python(url)

    _multi_host_url = _url

    def _nullable(self, node: Any, depth: int) -> Iterator[Any]:
        yield from (*self.of(node["schema"], depth), None)

    def _definition_ref(self, node: Any, depth: int) -> Iterator[Any]:
        yield from self.of(self._references[node["schema_ref"]], depth)

    def _union(self, node: Any, depth: int) -> Iterator[Any]:
        for choice in members(node):
            yield from self.of(choice, depth)

    def _tagged_union(self, node: Any, depth: int) -> Iterator[Any]:
        for choice in node["choices"].values():
            if isinstance(choice, dict):
                yield from self.of(choice, depth)

    def _literal(self, node: Any, _: int) -> Iterator[Any]:
        yield from node["expected"]

    def _enum(self, node: Any, _: int) -> Iterator[Any]:
        yield from node["members"]

    def _json_or_python(self, node: Any, depth: int) -> Iterator[Any]:
        known = _instance(node)
        yield from [known] if known is not None else self.of(node["json_schema"], depth)

    def _lax_or_strict(self, node: Any, depth: int) -> Iterator[Any]:
        known = _instance(node)
        yield from [known] if known is not None else self.of(node["strict_schema"], depth)

    # --- containers ------------------------------------------------------------------------------

    def _items(self, node: Any, depth: int) -> list[Any]:
        return self.of(node.get("items_schema") or {"type": "any"}, depth)[:_EACH]

    def _list(self, node: Any, depth: int) -> Iterator[Any]:
        yield from ([item] for item in self._items(node, depth))
        yield []

    def _deque(self, node: Any, depth: int) -> Iterator[Any]:
        yield from (deque([item]) for item in self._items(node, depth))
        yield deque()

    def _set(self, node: Any, depth: int) -> Iterator[Any]:
        yield from ({item} for item in self._items(node, depth) if _hashable(item))
        yield set()

    def _frozenset(self, node: Any, depth: int) -> Iterator[Any]:
        yield from map(frozenset, self._set(node, depth))

    def _tuple(self, node: Any, depth: int) -> Iterator[Any]:
        choices = [self.of(item, depth) for item in node["items_schema"]]
        if all(choices):
            yield tuple(choice[0] for choice in choices)
        if (variadic := node.get("variadic_item_index")) is not None:
            yield tuple(choice[0] for place, choice in enumerate(choices) if place != variadic and choice)

    def _dict(self, node: Any, depth: int) -> Iterator[Any]:
        keys = self.of(node.get("keys_schema") or {"type": "str"}, depth)
        values = self.of(node.get("values_schema") or {"type": "any"}, depth)
        yield from ({key: values[0]} for key in keys[:_EACH] if values and _hashable(key))
        yield {}

    # --- classes with fields ---------------------------------------------------------------------

    def _model(self, node: Any, depth: int) -> Iterator[Any]:
        if isabstract(node["cls"]):  # of which there are no objects
            return
        outer, self.config = self.config, node.get("config", {})
        yield from list(self._objects(node, depth))
        self.config = outer

    def _objects(self, node: Any, depth: int) -> Iterator[Any]:
        inner = node["schema"]
        while inner["type"] != "model-fields" and "schema" in inner:
            inner = inner["schema"]
        if node.get("root_model"):
            known = inner["schema"] if inner["type"] == "model-fields" else inner
            yield from (node["cls"].model_construct(value) for value in self.of(known, depth)[:_EACH])
        elif inner["type"] == "model-fields":
            yield from (shell_of(node["cls"], held) for held in self._held(inner["fields"], depth))

    def _dataclass(self, node: Any, depth: int) -> Iterator[Any]:
        inner = node["schema"]
        while inner["type"] != "dataclass-args" and "schema" in inner:
            inner = inner["schema"]
        if inner["type"] == "dataclass-args":
            fields = {field["name"]: field for field in inner["fields"]}
            yield from (_dataclass_of(node["cls"], held) for held in self._held(fields, depth))

    def _typed_dict(self, node: Any, depth: int) -> Iterator[Any]:
        yield from self._held(node["fields"], depth)

    def _held(self, fields: Any, depth: int) -> Iterator[dict[str, Any]]:
        """Return what two objects with these fields hold; nothing if a field can't be filled."""
        choices = {name: self.of(field["schema"], depth) for name, field in fields.items()}
        if all(choices.values()):
            yield {name: values[0] for name, values in choices.items()}
            yield {name: values[-1] for name, values in choices.items()}


def members(union: Any) -> list[Any]:
    """Return the schemas of the members of a union."""
    return [choice[0] if isinstance(choice, tuple) else choice for choice in union["choices"]]


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _instance(node: Any) -> Any:
    """Make a sample of the class a schema asks for, if it is one that is made of text."""
    for cls in islice(_classes(node), 1):
        text = next((text for base, text in _TEXTS.items() if issubclass(cls, base)), None)
        return None if text is None else cls(text)
    return None


def _classes(part: Any) -> Iterator[type[Any]]:
    if is_row(part):
        for member in part:
            yield from _classes(member)
    elif is_map(part):
        if part.get("type") == "is-instance" and isinstance(part.get("cls"), type):
            yield part["cls"]
        for name, inner in part.items():
            if name not in ("metadata", "serialization"):
                yield from _classes(inner)


def hard(samples: list[Any]) -> list[Any]:
    """Choose the samples that say most: of each type the first, of times the aware and the naive one."""
    chosen: dict[Any, Any] = {}
    for value in samples:
        if value:
            chosen.setdefault((type(value), getattr(value, "tzinfo", None)), value)
    return list(chosen.values())


def shell_of(cls: Any, held: dict[str, Any]) -> Any:
    """Make an instance of a model that holds some of its fields, past all validators."""
    made = cls.__new__(cls)
    object.__setattr__(made, "__dict__", held)
    object.__setattr__(made, "__pydantic_fields_set__", set(held))
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _dataclass_of(cls: Any, held: dict[str, Any]) -> Any:
    made = object.__new__(cls)
    for name, value in held.items():
        object.__setattr__(made, name, value)
    return made
