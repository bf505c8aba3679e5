"""From what an engine answers to documents and values, through the identity map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast
from weakref import ref

from pydantic import ValidationError

from .._collector import AT_LEAST, make_batch
from .._dataclasses import dataclass
from .._types import JsonObject, Stored, is_tuple
from ..errors import LoadError, QueryError
from ..language.stored_documents import without
from ..model.declaration.mapping import TYPE_ATTRIBUTE, Mapping
from ..model.declaration.registry import SUCCESSOR, Registry, registry_of
from ..model.document import Document, put_notes
from ..model.document_state import AllFields, state_of
from ..model.expiry import expiries, has_expired
from ..model.mixins import SoftDelete
from ..model.stored.codec import body_value, decode
from ..model.stored.pydantic_attributes import class_fields, put_fields_set, set_fields_of
from ..query.columns import Column, Entity, Path, PathOf, Scalar
from ..query.select_block import root_of
from ..query.sources import family
from ..work import UnitOfWork
from ..work.identity import References
from ..work.states import hooks_of, run_hook
from ..work.undo import take_values
from .rows import names_of, rows_of

D = TypeVar("D", bound=Document)
_MARK = f'"{TYPE_ATTRIBUTE}"'
Choose: TypeAlias = Callable[[str, Any], Mapping]
"""Finds the class of a stored document, by its key and body."""


def load_documents(work: UnitOfWork, model: type[D], rows: Sequence[Stored | None]) -> list[D | None]:
    """Make the documents of stored rows; one that the session holds already is that object.

    A held object that can't have been changed takes newer values; a changed one keeps its own, and
    its commit will find the conflict. LoadError if a row does not fit the model.
    """
    reading: Reading | None = work.readings.get(model)
    if reading is None or reading.generation != Registry.generation:
        reading = _begun(work, model)
    if len(rows) == 1 and reading.is_plain and (row := rows[0]) is not None:
        document = _load_one(work, reading, row)
        return [document] if document is not None else _load_part(work, reading, rows)
    if len(rows) < AT_LEAST:
        return _load_part(work, reading, rows)
    return make_batch(partial(_load_part, work, reading), rows)


def _begun(work: UnitOfWork, model: Any) -> Reading:
    """Return how documents of a class are read, and keep it with the session: a class is slow to ask."""
    known: tuple[int, Reading] | None = model.__dict__.get(_READING)
    reading = known[1] if known is not None and known[0] == Registry.generation else _reading(model)
    work.registries.add(model.__solidb_registry__)
    work.readings[model] = reading
    return reading


def _load_one(work: UnitOfWork, reading: Reading, row: Stored) -> Any:
    """Return the document of a row, held or made of what is simply its text; None for a closer look."""
    key, revision, created, updated, body = row
    references = work.identity.of(reading.collection)
    reference = references.get(key)
    held = None if reference is None else reference()
    if held is not None:
        if SUCCESSOR in held.__class__.__dict__:
            return None
        _freshen(work, held, row)
        return held
    if type(body) is not str or reading.mark in body:
        return None
    try:
        document = reading.validate(body)
    except ValidationError:
        return None  # who looks closer says what is wrong
    put_notes(document, (work, revision, created, updated, body))
    references[key] = ref(document)
    return document


def _load_part(work: UnitOfWork, reading: Reading, rows: Sequence[Stored | None]) -> list[Any]:
    references = work.identity.of(reading.collection)
    if reading.is_plain and len(rows) > 1:
        fresh = _load_fresh(work, reading, references, rows)
        if fresh is not None:
            return fresh
    validate = reading.validate if reading.is_plain else None
    documents: list[Any] = []
    last = ""  # documents that were written together have their time as one text
    for row in rows:
        if row is None:
            documents.append(None)
            continue
        key, body = row[0], row[4]
        known = references.get(key)
        document = None if known is None else known()
        if document is None or (SUCCESSOR in document.__class__.__dict__ and work.give_way(document)):
            if validate is None or not isinstance(body, str) or reading.mark in body:
                document = _look_closer(reading, row)
            else:
                try:
                    document = validate(body)
                except ValidationError:
                    document = _look_closer(reading, row)  # it says what is wrong
            if row[2] != last:
                last = row[2]
            put_notes(document, (work, row[1], last, last if row[3] == last else row[3], body))
            references[key] = ref(document)
            if reading.hooked:
                run_hook(document, "after_load")
        else:
            _freshen(work, document, row)
        documents.append(document)
    return documents


def _look_closer(reading: Reading, row: Stored) -> Any:
    """Make a document of a class that its row names, or that is not simply its text."""
    key, body = row[0], row[4]
    if isinstance(body, str) and (read := reading.reader_of(body)) is not None:
        with suppress(ValidationError):  # who looks closer says what is wrong
            return read(body)
    choose = reading.choose
    if choose is None and _names_class(row):
        choose = chooser(reading.root, [reading.root])
    return decode(reading.mapping if choose is None else choose(key, body), key, body)


@dataclass(frozen=True, slots=True)
class Reading:
    """How documents of a model are made of rows, as long as no other class is declared.

    ``choose`` finds the class of a row where there are several; None where there is one. ``is_plain``: the
    text of a row is all that ``validate``, or another of ``starts``, needs, and no hook wants to hear of it.
    """

    generation: int
    """The number of the newest class when this was found out."""
    root: type[Document]
    mapping: Mapping
    collection: str
    choose: Choose | None
    hooked: bool
    is_plain: bool
    validate: Callable[[str], Any]
    mark: str
    """What texts have in them that may be of another class, or another version of it."""
    starts: tuple[tuple[str, Callable[[str], Any]], ...]
    """How the texts of classes begin that need a mark, with what reads such texts as they are."""
    strange: tuple[str, ...]
    """What texts have in them that ``validate`` must not be given, though it takes all others as they are."""
    fields: dict[type[Any], AllFields | None]
    """The fields of the classes; None for those that take others too."""
    hides: bool
    """Whether documents may be there that are not shown: expired or marked ones, those of other classes."""

    def may_get(self, key: object) -> bool:
        """Return whether something is a key, by which a document of the class is simply read."""
        if self.generation != Registry.generation or self.hides or not self.is_plain:
            return False
        return type(key) is str and "/" not in key

    def reader_of(self, body: str) -> Callable[[str], Any] | None:
        """Return what makes a document of a text as it is; None if it takes a closer look."""
        if self.mark not in body:
            return self.validate if self.is_plain else None
        for start, read in self.starts:
            if body.startswith(start):
                return read
        strange = self.strange
        return self.validate if strange and True not in [name in body for name in strange] else None

    def reader_of_all(self, bodies: list[str]) -> Callable[[str], Any] | None:
        """Return what ``reader_of`` would return for each of some texts, if that is one for all of them."""
        mark, first = self.mark, bodies[0]
        if True not in [mark in body for body in bodies]:
            return self.validate if self.is_plain else None
        for start, read in self.starts:
            if first.startswith(start) and False not in [body.startswith(start) for body in bodies]:
                return read
        if self.strange and True not in [name in body for name in self.strange for body in bodies]:
            return self.validate
        return None


_READING = "__solidb_reading__"


def _reading(model: Any) -> Reading:
    """Return how documents of a class are read, and keep it until the next class is declared."""
    generation = Registry.generation
    reading = _found_reading(model)
    type.__setattr__(model, _READING, (generation, reading))
    return reading


def _found_reading(model: Any) -> Reading:
    root = root_of(model)
    mapping, classes = root.__solidb_mapping__, family(root)
    mappings = [cls.__solidb_mapping__ for cls in classes]
    hooked = any("after_load" in hooks_of(cls) for cls in classes)
    strange = _strange_names(mapping)
    return Reading(
        Registry.generation,
        root,
        mapping,
        mapping.collection,
        chooser(root, classes) if len(classes) > 1 else None,
        hooked,
        not hooked and bool(mapping.is_simple or mapping.start or strange),
        _reader(mapping),
        _MARK if mapping.is_simple else _ANY_TEXT,
        tuple((mapping.start, _reader(mapping)) for mapping in mappings if mapping.start),
        strange,
        {cls: None if cls.__solidb_mapping__.is_open else AllFields(class_fields(cls)) for cls in classes},
        issubclass(model, SoftDelete) or bool(expiries(model)) or len(classes) > 1 or model is not root,
    )


def _strange_names(mapping: Mapping) -> tuple[str, ...]:
    """Return what is in texts that can't be read as they are, where a class takes or refuses extra fields.

    These are names that a field is read by beside its stored one, and what may be a name in disguise. None
    where other texts can't be either, or all can.
    """
    names = (TYPE_ATTRIBUTE, *mapping.older)
    if mapping.is_simple or mapping.drops or mapping.type_name or mapping.version > 1:
        return ()
    return (*(f'"{name}"' for name in names), "\\u") if all(map(str.isidentifier, names)) else ()


_ANY_TEXT = "{"


def _reader(mapping: Mapping) -> Callable[[str], Any]:
    validate: Callable[..., Any] = mapping.validator.validate_json
    return partial(validate, **mapping.names) if mapping.names else validate


def _load_fresh(
    work: UnitOfWork, reading: Reading, references: References, rows: Sequence[Stored | None]
) -> list[Any] | None:
    """Make the documents of many rows of text that the session holds none of, at the least cost a row.

    None, with nothing entered, where a row needs a closer look: no document, one that does not fit,
    one that is held, or there twice.
    """
    complete = cast("Sequence[tuple[str, str, str, str, str]]", rows)
    try:
        named = [row[0] for row in complete]
        bodies = [row[4] for row in complete]
        if references and [True for known in map(references.get, named) if known and known() is not None]:
            return None
        read_all = reading.reader_of_all(bodies)
        if read_all is None:
            readers = [read for body in bodies if (read := reading.reader_of(body)) is not None]
            if len(readers) < len(bodies):
                return None
            documents = [read(body) for read, body in zip(readers, bodies, strict=True)]
        else:
            documents = list(map(read_all, bodies))
    except (TypeError, ValidationError):
        return None
    keys = [document.__dict__["key"] for document in documents]  # equal ones, which the documents keep anyway
    fresh = dict(zip(keys, map(ref, documents), strict=True))
    if len(fresh) < len(documents) or keys != named:
        return None
    _share_fields_set(documents, reading.fields)
    last = ""  # documents are often written together, at the same time
    for document, (_, revision, created, updated, body) in zip(documents, complete, strict=True):
        if created != last:
            last = created
        put_notes(document, (work, revision, last, last if updated == last else updated, body))
    references |= fresh
    return documents


def _share_fields_set(documents: list[Any], fields: dict[type[Any], AllFields | None]) -> None:
    """Let the documents of a class whose fields were all set have one set of them together."""
    classes = set(map(type, documents))
    for cls in classes & fields.keys():
        members = documents if len(classes) == 1 else [one for one in documents if one.__class__ is cls]
        shared = fields[cls]
        if shared is None:
            _share_open_sets(members)
            continue
        count = len(shared)
        for document in members:
            if len(set_fields_of(document)) == count:
                put_fields_set(document, shared)


def _share_open_sets(documents: list[Any]) -> None:
    """Let documents with extra attributes have one set together where the same ones were set of them."""
    known: dict[frozenset[str], AllFields] = {}
    last: AllFields | None = None
    for document in documents:
        names = set_fields_of(document)
        if last is None or names != last:
            kept = frozenset(names)
            last = known.get(kept)
            if last is None:
                last = known[kept] = AllFields(kept)
        put_fields_set(document, last)


def _freshen(work: UnitOfWork, document: Document, row: Stored) -> None:
    state = state_of(document)
    if (state.revision == row[1] and not work.expired) or not state.is_stored:
        return
    if work.is_expired(document):
        del work.expired[id(document)]
        if not work.is_modified(document):
            take_stored(work, document, row)
    elif state.revision != row[1] and not (state.touched or state.exposed):
        take_stored(work, document, row)


def take_stored(work: UnitOfWork, document: Document, row: Stored) -> None:
    """Set a held object to the values of its stored form."""
    state, mapping = state_of(document), type(document).__solidb_mapping__
    fresh = decode(mapping, row[0], row[4])
    state.store(*row[1:])
    take_values(document, mapping, fresh)
    work.forget_exposure(document, state)
    work.settle(document)
    run_hook(document, "after_load")


def chooser(root: type[Document], classes: list[type[Document]]) -> Choose:
    """Return the function that finds the class of a stored document; LoadError if it knows none."""
    collection = root.__solidb_collection__
    own = root.__solidb_mapping__
    mappings: dict[Any, Mapping] = {cls.__solidb_type_name__: cls.__solidb_mapping__ for cls in classes}
    mappings[None] = own
    for other in root.__solidb_registry__.claimants(
        collection
    ):  # one that reads the documents of another family
        mappings.setdefault(other.__solidb_type_name__, own)

    def choose(key: str, body: Any) -> Mapping:
        try:
            name = body_value(body).get(TYPE_ATTRIBUTE)
        except (
            ValueError,
            AttributeError,
            RecursionError,
        ):  # damaged, or nested too deep: who reads it says so
            return own
        try:
            return mappings[name]
        except (KeyError, TypeError):
            raise LoadError(
                f"{collection}/{key} was stored as a {name!r}, "
                f"and no such subclass of {root.__name__} is known",
                model=root.__name__,
                collection=collection,
                key=key,
                document=body_value(body),
                hint="import the module that declares it",
            ) from None

    return choose


def _names_class(row: Stored) -> bool:
    """Return whether a stored document carries the name of a class; text may do so further down."""
    body: Any = row[4]  # of a damaged document it may be bytes
    return not isinstance(body, bytes) and (_MARK if body.__class__ is str else TYPE_ATTRIBUTE) in body


def split(row: JsonObject) -> Stored:
    """Take a whole document, as a query returns it, apart."""
    try:
        key, revision = row["_key"], row["_rev"]
    except (KeyError, TypeError):
        raise QueryError(
            f"a row is not a whole document: {str(row)[:120]}",
            hint="to read rows into a Document class, RETURN the document itself, "
            "as FOR u IN users RETURN u does",
        ) from None
    body = without(row)
    return key, revision, row.get("_created_at") or "", row.get("_updated_at") or "", body


def load_rows(work: UnitOfWork, columns: tuple[Column, ...], single: bool, rows: list[Any]) -> list[Any]:
    """Make Python values of rows, column by column."""
    if not columns:
        return rows
    if single:
        return load_column(work, columns[0], rows)
    if all(isinstance(column, Scalar) and column.decode is None for column in columns):
        return make_batch(partial(rows_of, names_of(columns)), rows)
    loaded = [load_column(work, column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    return rows_of(names_of(columns), zip(*loaded, strict=True))


def load_column(work: UnitOfWork, column: Column, values: list[Any]) -> list[Any]:
    """Make the Python values of one column."""
    if isinstance(column, Scalar):
        return values if column.decode is None else [column.decode(value) for value in values]
    if isinstance(column, Entity):
        return _load_entities(work, column.model, values)
    return [_path(work, column, value) for value in values]


def _load_entities(
    work: UnitOfWork, model: type[Document], values: Sequence[JsonObject | Stored | None]
) -> list[Any]:
    """Make the documents of a column, each once, however many rows have it."""
    if model is Document:
        return [
            None if value is None else load_whole(work, model, cast(JsonObject, value)) for value in values
        ]
    rows = [
        None if value is None else value if is_tuple(value) else split(cast(JsonObject, value))
        for value in values
    ]
    different = {row[0]: row for row in rows if row is not None}
    documents = dict(zip(different, load_documents(work, model, list(different.values())), strict=True))
    return [None if row is None else documents[row[0]] for row in rows]


def load_whole(work: UnitOfWork, model: type[Document], row: JsonObject) -> Document:
    """Make the document of a row that is a whole document of the model, or of any model."""
    if model is Document:
        model = _model_of(work, row)
    return load_documents(work, model, [split(row)])[0]  # type: ignore[return-value]


def _model_of(work: UnitOfWork, row: JsonObject) -> type[Document]:
    """Find the class of a document by its collection, which ``_id`` names after the database."""
    collection = str(row.get("_id", "")).rpartition(":")[2].partition("/")[0]
    claimants = registry_of(collection, work.registries).claimants(collection)
    if not claimants:
        raise LoadError(
            f"no Document class declares the collection {collection!r}",
            collection=collection,
            document=row,
            hint="import the module that declares it",
        )
    return claimants[-1] if len(claimants) == 1 else claimants[0]


def _path(work: UnitOfWork, column: PathOf, row: Any) -> Path[Any, Any]:
    targets = column.targets
    model = targets[0] if targets[0] is targets[-1] else Document
    passed = (load_whole(work, model, vertex) for vertex in row["vertices"] if vertex is not None)
    vertices = tuple(vertex for vertex in passed if not has_expired(type(vertex), vertex))
    edges = tuple(load_whole(work, column.edges, edge) for edge in row["edges"])
    return Path(vertices, edges, float(row["weight"]))
