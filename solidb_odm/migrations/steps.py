"""Steps: what ``op`` records. Plan, dry run and resumption are one list of them.

Which steps old code can live with: additions expand, removals and narrowings contract.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from .._types import is_map, is_row
from ..commands import IndexKind, IndexSpec, index_name
from ..errors import MigrationError
from .paths import split_target
from .type_text import read_type


class _Unset:
    def __repr__(self) -> str:
        return "..."

    def __bool__(self) -> bool:
        return False


UNSET: Any = _Unset()
"""An argument that was not given, where None is a value."""


@dataclass(frozen=True)
class Step:
    """An operation with all of its arguments, by name; ``collection`` may also name a class."""

    operation: str
    collection: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, other: Any = None) -> Any:
        """Return an argument."""
        return self.arguments.get(name, other)

    @property
    def path(self) -> str:
        """The path of the field, empty if the operation is about a collection."""
        return str(self.arguments.get("path", ""))

    @property
    def function(self) -> Callable[..., Any] | None:
        """The function that is called with each document."""
        return self.arguments.get("function")

    def __str__(self) -> str:
        return step_text(self)


@dataclass(frozen=True)
class Signature:
    """How a call of an operation is written: names given by place, and by keyword with their defaults."""

    positional: tuple[str, ...]
    keywords: Mapping[str, Any]
    star: str = ""


SIGNATURES: dict[str, Signature] = {
    "create_collection": Signature(
        ("schema",), {"kind": "document", "validation": "off", "indexes": (), "version": 1}
    ),
    "drop_collection": Signature((), {"keep": True}),
    "rename_collection": Signature(("new",), {}),
    "rename_type": Signature(("old", "new"), {}),
    "set_schema": Signature(("schema",), {"validation": UNSET}),
    "add_field": Signature(("path", "type"), {"fill": UNSET}),
    "rename_field": Signature(("path", "new"), {}),
    "drop_field": Signature(("path",), {"keep": True}),
    "alter_field": Signature(
        ("path", "type"), {"fill": UNSET, "values": None, "convert": None, "reverse": None}
    ),
    "create_index": Signature((), {"name": None, "kind": "persistent"}, star="fields"),
    "drop_index": Signature(("name",), {}),
    "execute": Signature((), {}),
    "for_each": Signature(("function",), {"where": None, "reverse": None, "batch": 500}),
    "recompute": Signature((), {}, star="names"),
    "upgrade_documents": Signature((), {"version": 0}),
    "irreversible": Signature(("reason",), {}),
}
"""Every operation but for its first argument, which is the collection."""

ALWAYS_WRITTEN = {("set_schema", "validation")}


def step_text(step: Step, width: int = 110) -> str:
    """Write the call that records a step; an argument a line where it does not fit, as formatters do."""
    signature = SIGNATURES[step.operation]
    if step.operation == "execute":
        values: list[tuple[str, Any]] = [
            ("", step["sdbql"]),
            *((f"{name}=", value) for name, value in step["binds"].items()),
        ]
    else:
        values = [] if step.operation == "irreversible" else [("", step.collection)]
        values += [("", step.get(name)) for name in signature.positional]
        values += [("", value) for value in step.get(signature.star, ()) if signature.star]
        values += _keywords(step, signature)
        if step.operation == "create_index":
            values += [(f"{name}=", value) for name, value in step["options"].items()]
    if step.operation == "create_collection" and step.get("schema") is None:
        values.pop(1)
    line = f"op.{step.operation}({', '.join(name + source_text(value) for name, value in values)})"
    if len(line) <= width:
        return line
    inner = "".join(f"    {name}{_laid_out(value, 4, len(name), width)},\n" for name, value in values)
    return f"op.{step.operation}(\n{inner})"


def _keywords(step: Step, signature: Signature) -> list[tuple[str, Any]]:
    keywords: list[tuple[str, Any]] = []
    for name, default in signature.keywords.items():
        value = step.get(name, default)
        if value is UNSET or (value == default and (step.operation, name) not in ALWAYS_WRITTEN):
            continue
        keywords.append((f"{name}=", value))
    return keywords


def _laid_out(value: Any, indent: int, lead: int, width: int) -> str:
    """Write a value that begins behind ``lead`` letters, an element a line where it does not fit in one."""
    line = source_text(value)
    if isinstance(value, IndexSpec):
        value = index_row(value)
    if indent + lead + len(line) < width or not value or not (is_map(value) or is_row(value)):
        return line
    inside = " " * (indent + 4)
    if is_map(value):
        pairs = [(f"{source_text(key)}: ", inner) for key, inner in value.items()]
    else:
        pairs = [("", inner) for inner in value]
    lines = "".join(
        f"{inside}{name}{_laid_out(inner, indent + 4, len(name), width)},\n" for name, inner in pairs
    )
    first, last = "{}" if is_map(value) else "[]"
    return f"{first}\n{lines}{' ' * indent}{last}"


def source_text(value: Any) -> str:
    """Write a value as Python on one line, with the quotes a formatter would choose."""
    if callable(value):
        return getattr(value, "__name__", repr(value))
    if isinstance(value, str):
        text = repr(value)
        return text if '"' in value or "\\" in text or "'" in value else f'"{value}"'
    if isinstance(value, IndexSpec):
        return source_text(index_row(value))
    if is_map(value):
        return f"{{{', '.join(f'{source_text(k)}: {source_text(v)}' for k, v in value.items())}}}"
    if is_row(value):
        return f"[{', '.join(source_text(item) for item in value)}]"
    return repr(value)


_INDEX_DEFAULTS = IndexSpec("", "persistent", ())


def index_options(index: IndexSpec) -> dict[str, Any]:
    """Return the options of an index that are not the usual ones."""
    names = ("unique", "dimension", "metric", "seconds", "minimum_length", "decimals")
    chosen = {name: getattr(index, name) for name in names}
    options = {name: value for name, value in chosen.items() if value != getattr(_INDEX_DEFAULTS, name)}
    return {**options, "where": dict(index.where)} if index.where else options


def index_row(index: IndexSpec) -> dict[str, Any]:
    """Return an index as ``create_collection(indexes=...)`` takes it."""
    row: dict[str, Any] = {"fields": list(index.fields), "name": index.name}
    if index.kind != "persistent":
        row["kind"] = index.kind
    return {**row, **index_options(index)}


def read_index(row: Any) -> IndexSpec:
    """Read an index of ``create_collection(indexes=...)``."""
    if isinstance(row, IndexSpec):
        return row
    if isinstance(row, str):
        return make_index((row,), None, "persistent", {})
    if is_row(row):
        return make_index(tuple(row), None, "persistent", {})
    values = dict(row)
    fields = values.pop("fields", ())
    fields = (fields,) if isinstance(fields, str) else tuple(fields)
    return make_index(fields, values.pop("name", None), values.pop("kind", "persistent"), values)


_KINDS = get_args(IndexKind)


def make_index(fields: tuple[str, ...], name: str | None, kind: str, options: Mapping[str, Any]) -> IndexSpec:
    """Make an index; MigrationError if an option is not known."""
    if kind not in _KINDS:
        raise MigrationError(f"there is no kind of index {kind!r}", hint=f"one of {', '.join(_KINDS)}")
    if not fields:
        raise MigrationError("an index needs a field", hint='e.g. op.create_index("wines", "year")')
    known = set(inspect.signature(IndexSpec).parameters) - {"name", "kind", "fields"}
    unknown = sorted(set(options) - known)
    if unknown:
        hint = f"one of {', '.join(sorted(known))}"
        raise MigrationError(f"an index has no option {unknown[0]!r}", hint=hint)
    made: dict[str, Any] = {**options, "decimals": tuple(options.get("decimals", ()))}
    spec = IndexSpec(name or index_name(fields, kind), cast(IndexKind, kind), fields, **made)
    if spec.problem:
        raise MigrationError(f"the index {spec.name!r}: {spec.problem}")
    return spec


CONTRACTS = (
    "drop_collection",
    "drop_field",
    "drop_index",
    "rename_collection",
    "rename_field",
    "rename_type",
    "irreversible",
)


def phase_of(step: Step) -> str:
    """Return ``expand`` for what the code of before can live with, ``contract`` for the rest."""
    if step.operation in CONTRACTS:
        return "contract"
    if step.operation == "alter_field" and (
        step["values"]
        or step["convert"]
        or step["fill"] is not UNSET
        or read_type(step["type"]).get("computed")
    ):
        return "contract"
    if step.operation == "set_schema" and step["validation"] == "strict":
        return "contract"
    if step.operation == "create_index" and step["options"].get("unique"):
        return "contract"
    return "expand"


_WITHOUT_DOCUMENTS = ("create_collection", "create_index", "drop_index", "set_schema", "irreversible")


def writes_documents(step: Step) -> bool:
    """Return whether a step may change documents, and not only what is declared about them."""
    if step.operation == "add_field":
        return step["fill"] is not UNSET
    return step.operation not in _WITHOUT_DOCUMENTS


def split_phases(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Return additions and removals, each in their order.

    What would be an addition stays behind the removals of which it builds on one: a field whose name another
    field had until it was renamed, an index that takes the place of one with its name.
    """
    first: list[Step] = []
    second: list[Step] = []
    for step in steps:
        is_later = phase_of(step) == "contract" or any(_builds_on(step, other) for other in second)
        (second if is_later else first).append(step)
    return first, second


def _builds_on(step: Step, earlier: Step) -> bool:
    """Return whether a step can't be moved before an earlier one."""
    if earlier.operation == "rename_collection":
        named = _names(step) | set(_targets(list(step.arguments.values())))
        return not named.isdisjoint((earlier.collection, earlier["new"]))
    if _names(step).isdisjoint(_names(earlier)):
        return False
    ours, theirs = _paths(step), _paths(earlier)
    if ours is None or theirs is None:
        return True
    return any(_overlap(one, other) for one in ours for other in theirs)


def _names(step: Step) -> set[str]:
    return {split_target(step.collection)[0]}


def _targets(value: Any) -> Iterator[str]:
    """Yield the collections that links lead to, in types as revisions write them."""
    if isinstance(value, str):
        yield from _LINK.findall(value)
    elif is_map(value):
        if isinstance(target := value.get("target"), str):
            yield target
        yield from _targets(list(value.values()))
    elif is_row(value):
        for part in value:
            yield from _targets(part)


_LINK = re.compile(r"link\[([^\]]+)\]")


def _paths(step: Step) -> list[str] | None:
    """Return the fields that a step is about, and the name of an index; None for the whole collection."""
    if step.operation == "create_index":
        return [*step["fields"], f" {step['name']}"]
    if step.operation == "drop_index":
        return [f" {step['name']}"]
    if step.operation == "rename_field":
        above = step.path.rpartition(".")[0]
        return [step.path, f"{above}.{step['new']}" if above else step["new"]]
    return [step.path] if step.path else None


def _overlap(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long == short or (long.startswith(short) and long[len(short)] in ".[{")
