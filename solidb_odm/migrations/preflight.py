"""What a revision would trip over, looked for before its first write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from .._types import Json, JsonObject, is_map
from ..commands import DescribeCollection, IndexSpec, Operation, call
from ..errors import DataLossRefused, InvalidDocuments
from ..model.stored.shape import canonical
from .fitting import misfit, undeclared
from .ledger import body_of
from .passes import read_page
from .paths import slots, split_target
from .replay import apply_step, index_of
from .state import Collection, State, copy_of
from .steps import Step
from .transforms import Kept, Transform, Unfitting, path_of_step, transform_of

_KEYS = 100


@dataclass
class _Look:
    """What is looked for in one collection of the database: its documents as they would be."""

    source: str
    transforms: list[Transform] = field(default_factory=list[Transform])
    unique: list[IndexSpec] = field(default_factory=list[IndexSpec])
    expiring: list[IndexSpec] = field(default_factory=list[IndexSpec])
    lost: list[str] = field(default_factory=list[str])
    losing: list[Transform] = field(default_factory=list[Transform])
    dropping: list[Transform] = field(default_factory=list[Transform])
    narrows: bool = False
    closes: bool = False
    is_open: bool = True
    result: Collection | None = None


class _There(NamedTuple):
    """How many of the new indexes of a collection a document meets."""

    unique: int
    expiring: int
    is_dropped: bool = False


@dataclass
class _Found:
    """What was found in one collection."""

    keys: list[str] = field(default_factory=list[str])
    count: int = 0
    problem: str = ""
    expired: int = 0
    lost: int = 0

    def add(self, key: str, problem: str) -> None:
        self.count += 1
        self.problem = self.problem or problem
        if len(self.keys) < _KEYS:
            self.keys.append(key)


def preflight(before: State, steps: list[Step], *, allow_loss: bool, undoes: bool) -> Operation[None]:
    """Raise InvalidDocuments or DataLossRefused if the documents stand against these steps.

    What a way back makes of the documents is known only with the attic, so it is looked at for losses alone.
    """
    for look in _looks(copy_of(before), steps):
        if undoes:
            wanted = [*look.losing, *look.dropping]
            look.transforms = [transform for transform in look.transforms if transform in wanted]
            look.unique, look.narrows, look.closes = [], False, False
        if (yield from call(DescribeCollection(look.source))) is None:
            continue
        misfits = yield from _read(look)
        if misfits.count:
            raise InvalidDocuments(
                f"{_documents(misfits.count)} of {look.source} "
                f"{'do' if misfits.count > 1 else 'does'} not fit: "
                f"{misfits.problem}, in the document {misfits.keys[0]!r}",
                collection=look.source,
                count=misfits.count,
                keys=misfits.keys,
                hint="correct the documents or the revision; nothing was changed",
            )
        if misfits.expired and not allow_loss:
            raise DataLossRefused(
                f"{_documents(misfits.expired)} of {look.source} would expire at once "
                f"({look.expiring[0].name})",
                hint="allow it with --allow-loss, or give the index more seconds",
            )
        if misfits.lost and not allow_loss:
            raise DataLossRefused(
                f"{_documents(misfits.lost)} of {look.source} would lose {', '.join(look.lost)} permanently",
                hint="allow it with --allow-loss, or keep the values in the attic: keep=True",
            )


def _documents(count: int) -> str:
    return f"{count} document{'s' if count > 1 else ''}"


def _looks(state: State, steps: list[Step]) -> Iterator[_Look]:
    looks: dict[str, _Look] = {}
    names: dict[str, str] = {}
    for step in steps:
        collection, _ = split_target(step.collection)
        source = names.get(collection, collection)
        look = looks.setdefault(source, _Look(source))
        if step.operation == "rename_collection":
            names[step["new"]], names[collection] = source, ""  # another one of the old name is a new one
        if look.is_open:
            _note(look, step, state.get(collection))
        apply_step(state, step)
        look.result = state.get(step["new"] if step.operation == "rename_collection" else collection)
    for look in looks.values():
        strict = look.result is not None and look.result.validation == "strict"
        if look.source and (look.unique or look.expiring or look.lost or look.narrows or look.closes):
            look.narrows = look.narrows and strict
            yield look


def _note(look: _Look, step: Step, declared: Collection | None) -> None:
    if step.operation in ("for_each", "execute", "recompute", "upgrade_documents"):
        look.is_open = False  # what they make can't be known before they run
        return
    if step.operation == "create_index":
        index = index_of(step)
        if index.unique:
            look.unique.append(index)
        if index.kind == "ttl":
            look.expiring.append(index)
        return
    if step.operation == "create_collection":
        look.unique += [index for index in step["indexes"] if index.unique]
        look.expiring += [index for index in step["indexes"] if index.kind == "ttl"]
        return
    if step.operation in ("drop_field", "drop_collection") and not step["keep"]:
        look.lost.append(step.path or step.collection)
        look.losing.append(_losing(step, declared))
        look.transforms.append(look.losing[-1])
    if step.operation == "drop_collection":
        look.dropping.append(_dropping(step, look))
        look.transforms.append(look.dropping[-1])
    if step.operation in ("alter_field", "set_schema"):
        look.narrows = True
        look.closes = look.closes or "'extra': 'forbid'" in repr(step.arguments)
    if (transform := transform_of(step, declared)) is not None:
        if step.operation == "alter_field":
            look.unique = look.unique or []
        look.transforms.append(transform)


def _read(look: _Look) -> Operation[_Found]:
    misfits, seen = _Found(), [set[str]() for _ in look.unique]
    after = ""
    while True:
        page = yield from read_page(look.source, after, 1000)
        if not page:
            return misfits
        for stored in page:
            _judge(look, misfits, seen, stored[0], body_of(stored))
        after = page[-1][0]


def _judge(look: _Look, misfits: _Found, seen: list[set[str]], key: str, document: JsonObject) -> None:
    is_lost, there = False, _There(len(look.unique), len(look.expiring))
    for transform in look.transforms:
        kept: Kept = []
        try:
            transform(document, kept)
        except _Dropped as dropped:
            there = dropped.there
            break
        if not is_lost and transform in look.losing and kept:
            is_lost, misfits.lost = True, misfits.lost + 1
        unfit = next((entry for entry in kept if isinstance(entry, Unfitting)), None)
        if unfit is not None:
            misfits.add(key, unfit.problem)
            return
    if not look.is_open:
        return
    if problem := _repeated(look.unique[: there.unique], seen, document) or _misfit(look, document, there):
        misfits.add(key, problem)
        return
    expiring = look.expiring[: there.expiring]
    if any(_is_over(_at(document, index.fields[0]), index.seconds) for index in expiring):
        misfits.expired += 1


def _repeated(unique: list[IndexSpec], seen: list[set[str]], document: JsonObject) -> str | None:
    """Return which values of a document another one has too, and are to be unique; note them."""
    for index, values in zip(unique, seen, strict=False):
        value = [_at(document, path) for path in index.fields]
        counts = all(canonical(_at(document, path)) == canonical(wanted) for path, wanted in index.where)
        if not counts or all(part is None for part in value):
            continue
        text = canonical(value)
        if text in values:
            return f"{', '.join(index.fields)} is {text[1:-1]} a second time, and is to be unique"
        values.add(text)
    return None


def _misfit(look: _Look, document: JsonObject, there: _There) -> str | None:
    """Return what keeps a document from fitting what its collection becomes; nothing if it is dropped."""
    if look.result is None or there.is_dropped:
        return None
    problem = misfit_of(look.result, document) if look.narrows else None
    return problem or (misfit_of(look.result, document, undeclared) if look.closes else None)


def _losing(step: Step, declared: Collection | None) -> Transform:
    """Return what keeps what a step is about to take away for good, and changes nothing."""
    kind = split_target(step.collection)[1]
    path = path_of_step(step, declared) if step.path else None

    def transform(document: JsonObject, kept: Kept) -> None:
        if kind is not None and document.get("_type", "") != kind:
            return
        if path is None or next(slots(document, path), None) is not None:
            kept.append([])

    return transform


class _Dropped(Exception):
    """A step takes the whole document away; the indexes made before have met it."""

    def __init__(self, there: _There) -> None:
        super().__init__()
        self.there = there


def _dropping(step: Step, look: _Look) -> Transform:
    """Return what raises _Dropped for the documents that go with their collection or class."""
    kind = split_target(step.collection)[1]
    there = _There(len(look.unique), len(look.expiring), is_dropped=True)

    def transform(document: JsonObject, kept: Kept) -> None:  # noqa: ARG001  one signature
        if kind is None or (document.get("_type") or "") == kind:
            raise _Dropped(there)

    return transform


def misfit_of(
    collection: Collection,
    document: JsonObject,
    judge: Callable[[JsonObject, Json, JsonObject], str | None] = misfit,
) -> str | None:
    """Return what keeps a document from fitting its collection, None if nothing does."""
    shape = collection.shapes.get(document.get("_type", ""))
    shapes: list[JsonObject] = [shape] if shape is not None else list(collection.shapes.values())
    body = {name: value for name, value in document.items() if name not in ("_key", "_type")}
    problems: list[str | None] = [judge(wanted, body, wanted.get("defs", {})) for wanted in shapes]
    return None if not problems or None in problems else problems[0]


def _at(document: Any, path: str) -> Json:
    for part in path.split("."):
        document = document.get(part) if is_map(document) else None
    return document


def _is_over(value: Json, seconds: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    if isinstance(value, int):
        return value >= 0 and value + seconds <= time.time()
    try:
        return datetime.fromisoformat(value).timestamp() + seconds <= time.time()
    except ValueError:
        return False
