"""``op``, which ``upgrade(op)`` and ``downgrade(op)`` are called with: it records, and runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from ..errors import MigrationError
from ..language.parser import parse
from .paths import parse_path
from .state import read_schema
from .steps import UNSET, Step, make_index, read_index
from .type_text import read_type


class Operations:
    """The operations of a revision; they are recorded in ``steps`` in the order of the calls."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def _add(self, operation: str, collection: str, **arguments: Any) -> None:
        if not isinstance(cast(object, collection), str) or not collection:
            raise MigrationError(f"op.{operation}({collection!r}): the name of a collection is a str")
        self.steps.append(Step(operation, collection, arguments))

    def create_collection(
        self,
        name: str,
        schema: Any = None,
        *,
        kind: str = "document",
        validation: str = "off",
        indexes: Iterable[Any] = (),
        version: int = 1,
    ) -> None:
        """Create a collection with its indexes and schema."""
        read_schema(schema)
        specs = tuple(read_index(row) for row in indexes)
        self._add(
            "create_collection",
            name,
            schema=schema,
            kind=kind,
            validation=_validation(validation),
            indexes=specs,
            version=version,
        )

    def drop_collection(self, name: str, *, keep: bool = True) -> None:
        """Delete a collection; its documents are moved to the attic, unless ``keep`` is False."""
        self._add("drop_collection", name, keep=keep)

    def rename_collection(self, old: str, new: str) -> None:
        """Rename a collection, and change the edges and links that name it."""
        self._add("rename_collection", old, new=new)

    def rename_type(self, collection: str, old: str, new: str) -> None:
        """Rename a class that shares its collection with other classes."""
        self._add("rename_type", collection, old=old, new=new)

    def set_schema(self, collection: str, schema: Any, *, validation: str = UNSET) -> None:
        """Set the schema of a collection, or of a class in it."""
        if schema is not None:
            read_type(schema)
        self._add(
            "set_schema",
            collection,
            schema=schema,
            validation=validation if validation is UNSET else _validation(validation),
        )

    def add_field(self, collection: str, path: str, type: Any, *, fill: Any = UNSET) -> None:  # noqa: A002  the field's
        """Add a field; ``fill`` is its value in documents that lack it."""
        _ends_with(path, "name", "member", said="a field is added by its name, as in lines[].sku")
        read_type(type)
        self._add("add_field", collection, path=path, type=type, fill=fill)

    def rename_field(self, collection: str, path: str, new: str) -> None:
        """Rename a field; ``new`` is its new name, without a path."""
        _ends_with(
            path,
            "name",
            said="a field keeps its place: give its new name only; tags change by alter_field(values=)",
        )
        if [part.kind for part in parse_path(new)] != ["name"]:
            raise MigrationError(
                f"{new!r} is a path, not a name",
                hint="a renamed field keeps its place: give the new name only",
            )
        self._add("rename_field", collection, path=path, new=new)

    def drop_field(self, collection: str, path: str, *, keep: bool = True) -> None:
        """Remove a field; its values are moved to the attic, unless ``keep`` is False."""
        _ends_with(
            path, "name", "member", said="a field is dropped by its name; items and values go by for_each"
        )
        self._add("drop_field", collection, path=path, keep=keep)

    def alter_field(
        self,
        collection: str,
        path: str,
        type: Any,  # noqa: A002  the field's
        *,
        fill: Any = UNSET,
        values: dict[Any, Any] | None = None,
        convert: str | Callable[[Any], Any] | None = None,
        reverse: str | Callable[[Any], Any] | None = None,
    ) -> None:
        """Change the type of a field.

        ``values`` maps old values to new ones; ``convert`` converts them (``"int"``, ``"float"``, ``"str"``,
        ``"list"``, ``"bool"`` or a function); ``fill`` is the value where there is none, or where it does not
        match the type.
        """
        parse_path(path)
        read_type(type)
        self._add(
            "alter_field",
            collection,
            path=path,
            type=type,
            fill=fill,
            values=values,
            convert=_converter(convert),
            reverse=_converter(reverse),
        )

    def create_index(
        self, collection: str, *fields: str, name: str | None = None, kind: str = "persistent", **options: Any
    ) -> None:
        """Create an index."""
        spec = make_index(fields, name, kind, options)
        self._add("create_index", collection, fields=fields, name=spec.name, kind=kind, options=options)

    def drop_index(self, collection: str, name: str) -> None:
        """Delete an index."""
        self._add("drop_index", collection, name=name)

    def execute(self, sdbql: str, **binds: Any) -> None:
        """Run a query that writes."""
        parse(sdbql)
        self.steps.append(Step("execute", "", {"sdbql": sdbql, "binds": binds}))

    def for_each(
        self,
        collection: str,
        function: Callable[[dict[str, Any]], dict[str, Any] | None],
        *,
        where: str | None = None,
        reverse: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None,
        batch: int = 500,
    ) -> None:
        """Call a function with each stored document; it returns the new one, or None to leave it unchanged.

        A batch and its checkpoint are committed together, so that no document is processed twice.
        """
        if not callable(function):
            raise MigrationError(f"op.for_each({collection!r}): {function!r} is not a function")
        if batch < 1:
            raise MigrationError(f"batch={batch}", hint="give a number of documents, at least 1")
        self._add("for_each", collection, function=function, where=where, reverse=reverse, batch=batch)

    def recompute(self, collection: str, *names: str) -> None:
        """Compute and write computed fields again, by the current models."""
        self._add("recompute", collection, names=names)

    def upgrade_documents(self, collection: str, *, version: int = 0) -> None:
        """Upgrade documents of older versions by ``upgrade_from`` of their model."""
        self._add("upgrade_documents", collection, version=version)

    def irreversible(self, reason: str) -> None:
        """Declare that the revision can't be undone, and why."""
        self.steps.append(Step("irreversible", "", {"reason": reason}))


def _ends_with(path: str, *kinds: str, said: str) -> None:
    if parse_path(path)[-1].kind not in kinds:
        raise MigrationError(f"{path!r} does not end with the name of a field", hint=said)


def _validation(mode: str) -> str:
    if mode not in ("off", "lenient", "strict"):
        raise MigrationError(f"validation={mode!r}", hint='choose "off", "lenient" or "strict"')
    return mode


def _converter(convert: Any) -> Any:
    if convert is None or callable(convert) or convert in ("int", "float", "str", "list", "bool"):
        return convert
    raise MigrationError(f"convert={convert!r}", hint='"int", "float", "str", "list", "bool" or a function')
