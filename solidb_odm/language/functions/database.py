"""Documents by id, and what the surroundings know: collections, the database, the user."""

from __future__ import annotations

from ..._types import Json, JsonObject
from ...errors import QueryError
from .arguments import integer, is_array, is_object, text
from .built_in import REFUSE, CallContext, Family

function = Family("Document")


def split_id(given: str, name: str) -> tuple[str, str]:
    """Return the collection, with its database if given, and the key of ``coll/key``."""
    collection, slash, key = given.partition("/")
    if not slash:
        raise QueryError(f"{name}: '{given}' is not a document id", hint="write it as collection/key")
    return collection, key


def fetch(context: CallContext, identifier: str) -> JsonObject | None:
    """Return the document of an id; the id may start with the database's name."""
    collection, key = split_id(identifier, "DOCUMENT")
    database, colon, rest = collection.partition(":")
    if not colon:
        return context.document(collection, key)
    return context.document(rest, key) if database == context.database else None


@function(
    "DOCUMENT",
    parameters="id(s)|collection [, key(s)]",
    returns="object, or array of objects",
    context=True,
    deterministic=False,
    summary="A document, or several; one that is missing is null, in arrays left out.",
)
def document(context: CallContext, first: Json, keys: Json = None) -> Json:
    if keys is None:
        return _by_ids(context, first)
    collection = text(first, "DOCUMENT", 1)
    if not is_array(keys):
        return context.document(collection, text(keys, "DOCUMENT", 2))
    wanted: list[Json] = keys
    context.spend(len(wanted))
    documents = [context.document(collection, k) for k in wanted if isinstance(k, str)]
    return [d for d in documents if d is not None]


def _by_ids(context: CallContext, ids: Json) -> Json:
    if not is_array(ids):
        return fetch(context, text(ids, "DOCUMENT"))
    wanted: list[Json] = ids
    context.spend(len(wanted))
    known = [i for i in wanted if isinstance(i, str) and context.collection_exists(_collection(i))]
    documents = [fetch(context, i) for i in known]
    return [d for d in documents if d is not None]


def _collection(identifier: str) -> str:
    return identifier.partition("/")[0].rpartition(":")[2]


def _identifier(value: Json) -> str | None:
    """Return a text, or the id of a document; None if it is neither."""
    identifier = value.get("_id") if is_object(value) else value
    return identifier if isinstance(identifier, str) else None


def _parts(value: Json) -> tuple[str | None, str] | None:
    """Return the collection and the key of an id or a document; a text without a slash is a key."""
    given = _identifier(value)
    if given is None:
        return None
    collection, slash, key = given.partition("/")
    return (collection, key) if slash else (None, given)


@function(
    "PARSE_IDENTIFIER",
    parameters="id|doc",
    returns="{collection, key} or null",
    summary="The parts of an id; a database's name stays with the collection.",
)
def parse_identifier(value: Json) -> Json:
    parts = _parts(value)
    return parts and {"collection": parts[0], "key": parts[1]}


@function("PARSE_COLLECTION", parameters="id|doc", returns="string", summary="The collection of an id.")
def parse_collection(value: Json) -> Json:
    parts = _parts(value)
    return parts and parts[0]


@function("PARSE_KEY", parameters="id|doc", returns="string", summary="The key of an id.")
def parse_key(value: Json) -> Json:
    parts = _parts(value)
    return parts and parts[1]


@function(
    "IS_SAME_COLLECTION",
    parameters="idOrCollection, id|doc",
    returns="bool",
    nulls="false",
    summary="Whether both are of one collection, written alike: db:users is not users.",
)
def is_same_collection(left: Json, right: Json) -> Json:
    one, other = (None if (name := _identifier(v)) is None else name.partition("/")[0] for v in (left, right))
    return one is not None and one == other


@function(
    "COLLECTION_COUNT",
    parameters="collection",
    returns="int",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The number of documents stored.",
)
def collection_count(context: CallContext, name: Json) -> Json:
    return sum(1 for _ in context.scan(text(name, "COLLECTION_COUNT")))


@function(
    "SAMPLE",
    parameters="collection, n",
    returns="array of objects",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="n random documents.",
)
def sample(context: CallContext, name: Json, wanted: Json) -> Json:
    documents = list(context.scan(text(name, "SAMPLE", 1)))
    context.spend(len(documents))
    most = max(0, integer(wanted, "SAMPLE", 2))
    return context.random().sample(documents, min(most, len(documents)))


@function("CURRENT_DATABASE", returns="string", context=True, summary="The name of the database.")
def current_database(context: CallContext) -> Json:
    return context.database


_SERVER_ONLY = (
    ("CURRENT_USER", "", "Who runs the query.", "a file has no users"),
    ("CURRENT_ROLES", "", "The roles of who runs the query.", "a file has no users"),
    ("CAN", "action [, doc]", "Whether the user may do this.", "a file has no users"),
    ("ROW_POLICY", "collection [, predicate]", "Set or read a row policy.", "filter in the query"),
    ("CREATE_GRAPH", "name, definition", "Declare a graph.", "name the edge collection in the traversal"),
    ("DROP_GRAPH", "name", "Forget a graph.", "name the edge collection in the traversal"),
    ("GRAPH_INFO", "name", "What a graph is made of.", "name the edge collection in the traversal"),
    ("CREATE_VIEW", "name, definition", "Declare a search view.", "declare a fulltext index"),
    ("DROP_VIEW", "name", "Forget a search view.", "declare a fulltext index"),
    ("SEMANTIC", "doc, query [, options]", "How well a document fits a text.", "use VECTOR_SIMILARITY"),
    ("EMBED", "text", "The vector of a text, by a language model.", "compute vectors yourself"),
    ("EXTRACT", "text, schema", "Data in a text, by a language model.", "call the model yourself"),
    ("CITE", "answer, docs", "The sources of an answer.", "call the model yourself"),
    ("GROUNDED", "answer, docs", "Whether documents bear an answer.", "call the model yourself"),
    ("RERANK", "query, docs [, options]", "Documents, the best first.", "sort by BM25 or VECTOR_SIMILARITY"),
    ("GRAPH_RAG", "collection, index, edges, vector [, options]", "Documents near a vector, with neighbours.",
     "use VECTOR_SEARCH and NEIGHBORS"),
    ("COMMUNITY_SEARCH", "text [, options]", "Search in summaries of communities.", "use FULLTEXT"),
    ("RAG_PIPELINE", "name, vector [, options]", "Run a stored pipeline.", "use VECTOR_SEARCH"),
    ("VECTOR_INDEX_STATS", "collection, index", "What a vector index holds.", "a file has no such index"),
    ("DOC_AS_OF", "collection, key, time", "A document as it was.", "a file keeps no history"),
    ("DOC_HISTORY", "collection, key", "The versions of a document.", "a file keeps no history"),
    ("SNAPSHOT_DIFF", "collection, from, to", "What changed between two times.", "a file keeps no history"),
)  # fmt: skip

for _name, _parameters, _summary, _instead in _SERVER_ONLY:
    function.server_only(_name, parameters=_parameters, summary=_summary, instead=_instead)
