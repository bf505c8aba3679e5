"""Values of many documents, field by field: whether they are surely stored exactly and read as they are.

What was set past validation may be stored as something else, or read as another value, which is found out by
reading a document again. For most values their classes tell without that: a ``str`` of a field for texts, an
``int`` of 64 bits within its bounds, a model whose own fields hold such. They are looked at a column at a
time, all values of a field of all documents, in a few calls that run in C. Only "surely" is said: what has no
rule here has to be read again.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from math import isfinite
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, core_schema

from ...language.stored_documents import KEY_PATTERN
from .core_schemas import nodes_in
from .field_values import fields_node
from .forms import LOSSY
from .scalars import MAXIMUM, MINIMUM, json_value, stored_duration, stored_time

Column: TypeAlias = list[Any]
"""Values of one place of many documents."""

Test: TypeAlias = Callable[[Column], bool]
"""Says whether all values of a column are sure."""


class ValueColumns:
    """The tests of a model's fields; of those without one nothing is sure."""

    __slots__ = ("_as_stored", "_tests")

    def __init__(self, model: Any, schema: Any) -> None:
        node, config = fields_node(schema)
        makers = _Tests(schema)
        fields: dict[str, Any] = _NOTHING if sets_itself(model) else node["fields"]
        made = {name: makers.of_field(field, config) for name, field in fields.items()}
        self._tests = {name: test for name, test in made.items() if test is not None}
        self._as_stored = {name for name in self._tests if all(map(_is_json_schema, nodes_in(fields[name])))}

    def unsure(self, documents: Iterable[Any], names: Iterable[str]) -> list[str]:
        """Return the fields in which any document may hold something else than would be read of it."""
        rows = list(map(_values_of, documents))
        return [name for name in names if not self._is_sure(name, rows)]

    def keeps(self, name: str, stored: Any) -> bool:
        """Return whether a stored value of a field is surely read as the same value in Python."""
        return name in self._as_stored and self._tests[name]([stored])

    def _is_sure(self, name: str, rows: list[dict[str, Any]]) -> bool:
        test = self._tests.get(name)
        if test is None:
            return False
        try:
            return test(list(map(itemgetter(name), rows)))
        except (LookupError, AttributeError, TypeError, RecursionError):  # an attribute that is not there
            return False


_values_of: Callable[[Any], dict[str, Any]] = attrgetter("__dict__")
_values: Callable[[Any], Iterable[Any]] = dict[Any, Any].values
_NOTHING: Final[dict[str, Any]] = {}
_TEXT, _LIST, _DICT, _TUPLE = frozenset((str,)), frozenset((list,)), frozenset((dict,)), frozenset((tuple,))
_INT, _FLOAT = frozenset((int,)), frozenset((float,))
_PLAIN = frozenset((str, bool, type(None)))
_key = re.compile(KEY_PATTERN)


class _Tests:
    """Makes the tests of the parts of one schema.

    A part that it does not know in all its options gets none.
    """

    def __init__(self, schema: Any) -> None:
        definitions: list[Any] = schema.get("definitions", [])
        self._definitions = {definition["ref"]: definition for definition in definitions}
        self._made: dict[str, Test | None] = {}

    def of_field(self, field: Any, config: Any) -> Test | None:
        """Return the test of a field of a model."""
        return self._of(field["schema"], config) if _FIELD_OPTIONS.issuperset(field) else None

    def _of(self, node: Any, config: Any) -> Test | None:
        kind = node["type"]
        options = _OPTIONS.get(kind)
        if options is None or LOSSY in (node.get("metadata") or ()) or not options.issuperset(node):
            return None
        if kind in _CLASSES:
            return _of_kind(_CLASSES[kind])
        if kind in _SCALARS:
            return _SCALARS[kind](node, config)
        make: Callable[[Any, Any], Test | None] = getattr(self, f"_{kind.replace('-', '_')}")
        return make(node, config)

    def _default(self, node: Any, config: Any) -> Test | None:
        return self._of(node["schema"], config)

    def _nullable(self, node: Any, config: Any) -> Test | None:
        inner = self._of(node["schema"], config)
        return inner and (lambda values: inner([value for value in values if value is not None]))

    def _definition_ref(self, node: Any, config: Any) -> Test | None:
        name, made = node["schema_ref"], self._made
        if self._definitions[name]["type"] not in _WITH_SETTINGS:  # others have those of who refers to them
            return None
        if name not in made:
            made[name] = None
            made[name] = self._of(self._definitions[name], config)
            return made[name]
        return lambda values: not values or ((test := made[name]) is not None and test(values))

    def _list(self, node: Any, config: Any, kinds: frozenset[Any] = _LIST) -> Test | None:
        inner = self._of(node["items_schema"], config) if "items_schema" in node else None
        return inner and _sized(
            node,
            lambda values: kinds.issuperset(map(type, values)) and inner(list(chain.from_iterable(values))),
        )

    def _set(self, node: Any, config: Any) -> Test | None:
        return self._list(node, config, frozenset((set,)))

    def _frozenset(self, node: Any, config: Any) -> Test | None:
        return self._list(node, config, frozenset((frozenset,)))

    def _tuple(self, node: Any, config: Any) -> Test | None:
        items: list[Any] = node["items_schema"]
        inner = [self._of(item, config) for item in items]
        tests = [test for test in inner if test is not None]
        if len(tests) < len(items):
            return None
        if "variadic_item_index" in node:
            return self._list({**node, "items_schema": items[0]}, config, _TUPLE) if len(items) == 1 else None

        def test(values: Column) -> bool:
            is_fixed = _TUPLE.issuperset(map(type, values)) and {len(items)}.issuperset(map(len, values))
            return is_fixed and all(
                test(list(column)) for test, column in zip(tests, zip(*values, strict=True), strict=False)
            )

        return test

    def _dict(self, node: Any, config: Any) -> Test | None:
        keys: dict[str, Any] = node.get("keys_schema", _NOTHING)
        inner: Test | None = None
        if keys.get("type") == "str" and _KEY_OPTIONS.issuperset(keys) and _takes_texts_as_they_are(config):
            inner = self._of(node["values_schema"], config) if "values_schema" in node else None
        return inner and _sized(
            node,
            lambda values: (
                _DICT.issuperset(map(type, values))
                and _TEXT.issuperset(map(type, chain.from_iterable(values)))
                and inner(list(chain.from_iterable(map(_values, values))))
            ),
        )

    def _union(self, node: Any, config: Any) -> Test | None:
        """Tell the members of a union by their classes, where each is a class that JSON has."""
        choices: list[Any] = node["choices"]
        if not all(map(_is_mere_type, choices)):
            return None
        kinds = {_JSON_CLASSES.get(choice["type"]) for choice in choices}
        if None in kinds:
            return None
        if str in kinds and not _takes_texts_as_they_are(config):
            return None
        return lambda values: kinds.issuperset(map(type, values)) and _is_json(values)

    def _tagged_union(self, node: Any, config: Any) -> Test | None:
        """Tell the members of a union by their classes, where the tags of a class lead to it and no other."""
        tag, choices = node["discriminator"], dict[Any, Test]()
        for name, choice in node["choices"].items():
            model = self._definitions.get(choice.get("schema_ref"), choice)
            fields: dict[str, Any] = (
                model["schema"].get("fields", _NOTHING) if model["type"] == "model" else {}
            )
            own: dict[str, Any] = fields.get(tag, _NOTHING)
            if not own or not _names_itself(own["schema"], name) or not _OWN_NAME.issuperset(own):
                return None
            if (made := self._of(choice, config)) is None or model["cls"] in choices:
                return None
            choices[model["cls"]] = made
        return lambda values: (
            choices.keys() >= set(map(type, values))
            and all(
                test([value for value in values if type(value) is kind]) for kind, test in choices.items()
            )
        )

    def _model(self, node: Any, _: Any) -> Test | None:
        fields, kinds = node["schema"], frozenset((node["cls"],))
        config: dict[str, Any] = node.get("config", {})
        is_known = fields["type"] == "model-fields" and _OPTIONS["model-fields"].issuperset(fields)
        if (
            not is_known
            or sets_itself(node["cls"])
            or fields.get("computed_fields")
            or node.get("custom_init")
            or node.get("root_model")
        ):
            return None
        if "allow" in (config.get("extra_fields_behavior"), fields.get("extra_behavior")):
            return None
        return self._object(kinds, fields["fields"].items(), config)

    def _dataclass(self, node: Any, _: Any) -> Test | None:
        fields, config = node["schema"], node.get("config", _NOTHING)
        is_known = fields["type"] == "dataclass-args" and _OPTIONS["dataclass-args"].issuperset(fields)
        if not is_known or node.get("post_init") or node.get("slots") or fields.get("computed_fields"):
            return None
        if fields.get("collect_init_only") or config.get("extra_fields_behavior") == "allow":
            return None
        if not all(field.get("init", True) and not field.get("init_only") for field in fields["fields"]):
            return None
        named = [(field["name"], field) for field in fields["fields"]]
        return self._object(frozenset((node["cls"],)), named, config)

    def _object(self, kinds: frozenset[Any], fields: Iterable[tuple[str, Any]], config: Any) -> Test | None:
        """Return the test of objects of one class that hold these fields and nothing else."""
        tests: list[tuple[Callable[[Any], Any], Test]] = []
        for name, field in fields:
            if (made := self.of_field(field, config)) is None:
                return None
            tests.append((itemgetter(name), made))
        count = frozenset((len(tests),))

        def test(values: Column) -> bool:
            if not kinds.issuperset(map(type, values)):
                return False
            rows = list(map(_values_of, values))
            return count.issuperset(map(len, rows)) and all(test(list(map(get, rows))) for get, test in tests)

        return test


def _is_json_schema(node: Any) -> bool:
    """Return whether what a part of a schema describes are the values that JSON has."""
    kind = node.get("type")
    return not isinstance(kind, str) or kind in _JSON_SCHEMAS


def sets_itself(model: Any) -> bool:
    """Return whether a model has a ``model_post_init`` of its own, beside that of private attributes."""
    function: Any = model.model_post_init
    return function is not BaseModel.model_post_init and function.__name__ != "init_private_attributes"


def _names_itself(schema: Any, tag: Any) -> bool:
    """Return whether a field holds one text only, a tag."""
    while schema["type"] == "default":
        schema = schema["schema"]
    return schema["type"] == "literal" and schema["expected"] == [tag] and type(tag) is str


def _is_mere_type(schema: Any) -> bool:
    """Return whether a member of a union has neither bounds nor a label."""
    return not isinstance(schema, tuple) and not {*schema} - {"type", "metadata"}


def _takes_texts_as_they_are(config: Any) -> bool:
    return not any(name.startswith("str_") for name in config)


def _sized(node: Any, test: Test) -> Test:
    """Return a test that holds the lengths of values to their bounds, too."""
    low, high = node.get("min_length"), node.get("max_length")
    if low is None and high is None:
        return test
    return lambda values: test(values) and _is_between(list(map(len, values)), low, high)


def _is_between(values: Column, low: Any, high: Any) -> bool:
    if not values:
        return True
    return (low is None or min(values) >= low) and (high is None or max(values) <= high)


def _bounded(node: Any, test: Test) -> Test:
    """Return a test that holds numbers to the bounds of their field, too."""
    bounds = {name: node[name] for name in ("ge", "le", "gt", "lt") if name in node}
    if not bounds:
        return test
    low, high = bounds.get("ge"), bounds.get("le")
    above, below = bounds.get("gt"), bounds.get("lt")

    def is_within(values: Column) -> bool:
        if not (test(values) and _is_between(values, low, high)):
            return False
        is_above = above is None or not values or min(values) > above
        return is_above and (below is None or not values or max(values) < below)

    return is_within


def _are_ints(values: Column) -> bool:
    return _INT.issuperset(map(type, values)) and _is_between(values, MINIMUM, MAXIMUM)


def _are_floats(values: Column) -> bool:
    # A sum is finite only if all of its parts are; one that is not may be of large numbers.
    return _FLOAT.issuperset(map(type, values)) and (isfinite(sum(values)) or all(map(isfinite, values)))


def _is_json(values: Iterable[Any]) -> bool:
    """Return whether values are what JSON has, and exact, at any depth."""
    values = list(values)
    kinds: set[Any] = set(map(type, values))
    for kind in kinds - _PLAIN:
        part: list[Any] = [value for value in values if type(value) is kind]
        if kind is int or kind is float:
            is_sure = _are_ints(part) if kind is int else _are_floats(part)
        elif kind is list:
            is_sure = _is_json(chain.from_iterable(part))
        else:
            is_sure = (
                kind is dict
                and _TEXT.issuperset(map(type, chain.from_iterable(part)))
                and _is_json(chain.from_iterable(map(_values, part)))
            )
        if not is_sure:
            return False
    return True


def _of_kind(kind: type[Any], is_sure: Callable[[Any], bool] | None = None) -> Test:
    kinds = frozenset((kind,))
    if is_sure is None:
        return lambda values: kinds.issuperset(map(type, values))
    return lambda values: kinds.issuperset(map(type, values)) and all(map(is_sure, values))


def _read_alike(node: Any, config: Any, test: Test) -> Test:
    """Return a test that has Pydantic read the values, too: one call for all that pass the other test.

    It is for single values whose options we don't know the rules of, as those of patterns. They have to be
    of classes that Pydantic reads in Python and in JSON alike.
    """
    made: list[SchemaValidator] = []  # at first use: most classes are never asked for it

    def is_kept(values: Column) -> bool:
        if not test(values):
            return False
        if not made:
            schema = {name: value for name, value in node.items() if name not in ("metadata", "ref")}
            settings: Any = {name: value for name, value in config.items() if name in _READ_BY}
            made.append(SchemaValidator(core_schema.list_schema(cast("Any", schema)), settings))
        try:
            return bool(made[0].validate_python(values) == values)
        except ValidationError:
            return False

    return is_kept


def _text(node: Any, config: Any) -> Test | None:
    if node.get("pattern") == KEY_PATTERN and _takes_texts_as_they_are(config):
        return _sized(node, _of_kind(str, lambda key: bool(_key.fullmatch(key))))
    if _takes_texts_as_they_are(config) and not _CHANGES_TEXTS & node.keys():
        return _sized(node, _of_kind(str))
    return _read_alike(node, config, _of_kind(str))


def _bytes(node: Any, config: Any) -> Test | None:
    """Take bytes that are stored in base64, which all are unless the author's settings say other things."""
    is_known = {config.get("ser_json_bytes"), config.get("val_json_bytes")} == {"base64"}
    return _sized(node, _of_kind(bytes)) if is_known else None


def _enumeration(node: Any, _: Any) -> Test | None:
    kinds: set[Any] = {type(member.value) for member in node["members"]}
    is_plain = kinds in ({str}, {int}) and not issubclass(node["cls"], enum.Flag)
    return _of_kind(node["cls"]) if is_plain else None


def _number(node: Any, config: Any) -> Test:
    test = _bounded(node, _are_ints if node["type"] == "int" else _are_floats)
    return _read_alike(node, config, test) if "multiple_of" in node else test


def _anything(node: Any, _: Any) -> Test | None:
    return _is_json if _is_by(node, json_value) else None


def _moment(node: Any, _: Any) -> Test | None:
    return _of_kind(datetime) if _is_by(node, stored_time) else None


def _hour(*_: Any) -> Test:
    return _of_kind(time, lambda value: value.tzinfo is None)


def _decimal(node: Any, config: Any) -> Test:
    test = _bounded(node, _of_kind(Decimal, Decimal.is_finite))
    return _read_alike(node, config, test) if _DIGITS & node.keys() else test


def _literal(node: Any, _: Any) -> Test | None:
    expected = frozenset(node["expected"])
    if not _TEXT.issuperset(map(type, expected)):
        return None
    return lambda values: _TEXT.issuperset(map(type, values)) and expected.issuperset(values)


def _duration(node: Any, _: Any) -> Test | None:
    """Take whole seconds, of which there is a float for each."""
    is_ours = _is_by(node, stored_duration)
    return _of_kind(timedelta, lambda value: not value.microseconds) if is_ours else None


def _is_by(node: Any, function: Any) -> bool:
    """Return whether a part is written by a function of ours."""
    return bool(node.get("serialization", _NOTHING).get("function") is function)


_SCALARS: Final[dict[str, Callable[[Any, Any], Test | None]]] = {
    "str": _text,
    "int": _number,
    "float": _number,
    "bytes": _bytes,
    "any": _anything,
    "datetime": _moment,
    "time": _hour,
    "timedelta": _duration,
    "decimal": _decimal,
    "enum": _enumeration,
    "literal": _literal,
}
_CLASSES: Final[dict[str, Any]] = {"bool": bool, "none": type(None), "date": date, "uuid": UUID}
_JSON_SCHEMAS: Final = frozenset(
    (
        "model-field",
        "str",
        "int",
        "float",
        "bool",
        "none",
        "any",
        "list",
        "dict",
        "nullable",
        "default",
        "union",
    )
)
_JSON_CLASSES: Final[dict[str, Any]] = {
    "str": str, "int": int, "float": float, "bool": bool, "none": type(None),
}  # fmt: skip


def _options(*names: str) -> frozenset[str]:
    return frozenset(("type", "metadata", "ref", "strict", *names))


_DEFAULT = (
    "schema", "default", "default_factory", "default_factory_takes_data", "validate_default", "copy_default",
)  # fmt: skip
_CHANGES_TEXTS = frozenset(("pattern", "strip_whitespace", "to_lower", "to_upper"))
"""The options of texts by which one can be refused or read as another."""
_DIGITS = frozenset(("max_digits", "decimal_places", "multiple_of"))
_READ_BY = frozenset(
    ("str_strip_whitespace", "str_to_lower", "str_to_upper", "str_min_length", "str_max_length",
     "coerce_numbers_to_str", "regex_engine")
)  # fmt: skip
"""The settings of a model by which single values are read."""
_SIZE, _BOUNDS = ("min_length", "max_length"), ("ge", "le", "gt", "lt")
_OPTIONS: Final[dict[str, frozenset[str]]] = {
    "str": _options("regex_engine", *_CHANGES_TEXTS, *_SIZE),
    "bytes": _options(*_SIZE),
    "int": _options("multiple_of", *_BOUNDS),
    "float": _options("allow_inf_nan", "multiple_of", *_BOUNDS),
    "bool": _options(),
    "none": _options(),
    "any": _options("serialization"),
    "datetime": _options("serialization", "microseconds_precision"),
    "date": _options(),
    "time": _options("microseconds_precision"),
    "timedelta": _options("serialization", "microseconds_precision"),
    "decimal": _options("allow_inf_nan", *_DIGITS, *_BOUNDS),
    "uuid": _options(),
    "enum": _options("cls", "members", "sub_type", "missing"),
    "literal": _options("expected"),
    "default": _options(*_DEFAULT),
    "nullable": _options("schema"),
    "definition-ref": _options("schema_ref"),
    "list": _options("items_schema", *_SIZE),
    "set": _options("items_schema", *_SIZE),
    "frozenset": _options("items_schema", *_SIZE),
    "tuple": _options("items_schema", "variadic_item_index", *_SIZE),
    "dict": _options("keys_schema", "values_schema", *_SIZE),
    "union": _options("choices"),
    "tagged-union": _options("choices", "discriminator", "from_attributes"),
    "model": _options(
        "cls", "schema", "config", "custom_init", "post_init", "root_model", "frozen", "generic_origin"
    ),
    "model-fields": _options("fields", "model_name", "computed_fields", "extra_behavior"),
    "dataclass": _options(
        "cls", "schema", "config", "post_init", "fields", "frozen", "slots", "generic_origin"
    ),
    "dataclass-args": _options("fields", "dataclass_name", "computed_fields", "collect_init_only"),
}
"""The options of each kind of schema that its test knows, or that don't matter to what is stored."""

_WITH_SETTINGS = ("model", "dataclass")
_FIELD_OPTIONS: Final = _options(
    "schema", "serialization_alias", "validation_alias", "frozen", "name", "kw_only", "init", "init_only"
)
_OWN_NAME: Final = _options("schema", "frozen")
_KEY_OPTIONS: Final = _options()
