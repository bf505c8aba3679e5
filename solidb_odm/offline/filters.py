"""Which documents a store holds: whole collections, or what ``FOR d IN c FILTER .. RETURN d`` gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from .._dataclasses import dataclass
from .._types import JsonObject
from ..errors import ConfigurationError, QueryError
from ..language import nodes
from ..language.check import check_names
from ..language.parser import parse
from ..language.printer import print_query
from ..language.walk import bind_names
from .argument_types import check_kind, check_several, check_text

_HINT: Final = "write FOR d IN collection FILTER .. RETURN d"
_KEYS: Final = "solidb_keys"
_SINCE: Final = "solidb_since"
_VARIABLE: Final = "doc"
_SCANNED: Final = ("_key", "_rev", "_updated_at")


@dataclass(frozen=True, slots=True)
class Source:
    """The documents of one collection that a store holds.

    ``is_gone``: none of them, because no filter names the collection any more.
    """

    collection: str
    block: nodes.Block
    binds: Mapping[str, Any]
    is_gone: bool = False

    @property
    def is_filtered(self) -> bool:
        """Whether some documents of the collection may be left out."""
        return len(self.block.body) > 1

    def documents(self) -> tuple[str, JsonObject]:
        """Return the query for the documents, and its binds."""
        return print_query(self.block), dict(self.binds)

    def revisions(self) -> tuple[str, JsonObject]:
        """Return the query for their keys, revisions and times."""
        return print_query(self._returning(self.block, *_SCANNED)), dict(self.binds)

    def changed(self, since: str, *, are_many: bool = False) -> tuple[str, JsonObject]:
        """Return the query for the keys, revisions and times of those written at or after a time."""
        block = self._since(self.block, are_many)
        return print_query(self._returning(block, *_SCANNED)), {**self.binds, _SINCE: since}

    def matching(self, keys: Sequence[str]) -> tuple[str, JsonObject]:
        """Return the query for those of some keys whose documents match."""
        key = nodes.Attribute(nodes.Name(self._name), "_key")
        chosen = nodes.Filter(nodes.Compare(key, "IN", nodes.Bind(_KEYS)))
        body = (self.block.body[0], chosen, *self.block.body[1:])
        block = replace(self.block, body=body, returns=nodes.Return(key))
        return print_query(block), {**self.binds, _KEYS: list(keys)}

    def head(self, since: str, last: Sequence[str] = (), *, are_many: bool = False) -> tuple[str, JsonObject]:
        """Return the query for their number, the server's time, and number and digest of the later ones.

        And for the keys and times of documents under the keys in ``last``.
        """
        in_order = are_many and not self.is_filtered
        inner = print_query(self._revision(self._since(self.block, are_many), in_order))
        if self.is_filtered:
            count = f"LENGTH(({print_query(self._constant(self.block))}))"
            binds: JsonObject = dict(self.binds)
        else:
            count, binds = "COLLECTION_COUNT(@solidb_collection)", {"solidb_collection": self.collection}
        text = (
            f"LET revisions = ({inner}) RETURN [{count}, DATE_ISO8601(DATE_NOW()), LENGTH(revisions),"
            ' MD5(CONCAT_SEPARATOR(",", revisions)),'
            f" ({print_query(self._times())})]"
        )
        return text, {**binds, _SINCE: since, _KEYS: list(last)}

    @property
    def _name(self) -> str:
        loop = self.block.body[0]
        return loop.variable if isinstance(loop, nodes.For) else _VARIABLE

    def _since(self, block: nodes.Block, are_many: bool) -> nodes.Block:
        """Return the block for those written at or after a time, which are few or many of all.

        By an index the server loads each document, which takes it twenty times as long as passing one by in
        a look at all. Where they are many, the condition is one that no index serves.
        """
        updated, since = nodes.Attribute(nodes.Name(self._name), "_updated_at"), nodes.Bind(_SINCE)
        is_later: nodes.Expression = nodes.Compare(updated, ">=", since)
        if are_many:
            is_later = nodes.Unary("NOT", nodes.Compare(updated, "<", since))
        return replace(block, body=(block.body[0], nodes.Filter(is_later), *block.body[1:]))

    def _times(self) -> nodes.Block:
        """Return the query for the keys and times of all documents of the collection under ``_KEYS``."""
        key = nodes.Attribute(nodes.Name(self._name), "_key")
        chosen = nodes.Filter(nodes.Compare(key, "IN", nodes.Bind(_KEYS)))
        block = replace(self.block, body=(self.block.body[0], chosen))
        return self._returning(block, "_key", "_updated_at")

    def _returning(self, block: nodes.Block, *names: str) -> nodes.Block:
        parts = tuple(nodes.Attribute(nodes.Name(self._name), name) for name in names)
        return replace(block, returns=nodes.Return(nodes.Array(parts)))

    def _revision(self, block: nodes.Block, in_order: bool) -> nodes.Block:
        """Return the query for the revisions by the order of the keys, in which a look at all finds them."""
        key, revision = (nodes.Attribute(nodes.Name(self._name), name) for name in ("_key", "_rev"))
        return replace(block, sort=() if in_order else (nodes.SortKey(key),), returns=nodes.Return(revision))

    def _constant(self, block: nodes.Block) -> nodes.Block:
        return replace(block, returns=nodes.Return(nodes.Literal(1)))


def whole(collection: str, *, is_gone: bool = False) -> Source:
    """Return all documents of a collection."""
    loop = nodes.For(_VARIABLE, nodes.Name(collection))
    block = nodes.Block(body=(loop,), returns=nodes.Return(nodes.Name(_VARIABLE)))
    return Source(collection, block, {}, is_gone)


def read_filters(filters: str | Iterable[str] | None, params: Mapping[str, Any] | None) -> dict[str, Source]:
    """Read filters, by collection; ConfigurationError if one has another form."""
    if filters is not None and not isinstance(filters, str):
        check_several(filters, "sync_filter", _HINT)
    texts = [filters] if isinstance(filters, str) else list(filters or ())
    for text in texts:
        check_text(text, "a sync_filter", ConfigurationError)
    if params is not None:
        check_kind(
            params,
            Mapping,
            "sync_filter_params is a map of values by name",
            'sync_filter_params={"least": 3}',
        )
    binds = dict(params or {})
    sources: dict[str, Source] = {}
    used: set[str] = set()
    for text in texts:
        source = _read(text, binds)
        used |= set(source.binds)
        if source.collection in sources:
            raise ConfigurationError(f"two filters name {source.collection!r}", hint="join them with OR")
        sources[source.collection] = source
    if unused := sorted(binds.keys() - used):
        raise ConfigurationError(f"sync_filter_params holds {', '.join(unused)}, which no filter uses")
    return sources


def _read(text: str, params: Mapping[str, Any]) -> Source:
    try:
        query = parse(text)
        names = bind_names(query)
        check_names(names, params)
    except QueryError as problem:
        raise ConfigurationError(f"sync_filter {text!r}: {problem.message}", hint=_HINT) from problem
    match query:
        case nodes.Block(
            body=(nodes.For(variable, nodes.Name(collection), None, (), ()), *filters),
            sort=(),
            offset=None,
            limit=None,
            late_lets=(),
            returns=nodes.Return(nodes.Name(returned), False),
            tables=None,
            head=None,
        ) if variable == returned and all(isinstance(clause, nodes.Filter) for clause in filters):
            if collection.startswith("_"):
                raise ConfigurationError(
                    f"the collection {collection!r} can't be synced",
                    hint="names that begin with _ can't be synced",
                )
            binds = {name: params[name] for name in names}
            return Source(collection, query, binds)
        case _:
            raise ConfigurationError(f"sync_filter {text!r} has another form", hint=_HINT)
