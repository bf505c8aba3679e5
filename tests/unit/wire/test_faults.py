"""Every text of the server that the protocol notes list, and the class it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm import errors
from solidb_odm.wire.faults import Subject, fault
from solidb_odm.wire.frames import Refusal

AUTH, DB, TX = "AuthError", "DatabaseError", "TransactionError"
PROTO, COMMAND = "ProtocolError", "InvalidCommand"
UNIQUE = (
    'Invalid document: Unique constraint violated: fields \'["email"]\' with value [String("x")] '
    "already exists in index 'users_email'"
)

TEXTS = [
    (AUTH, "Authentication required", errors.AuthError),
    (AUTH, "Invalid credentials", errors.AuthError),
    (AUTH, "Invalid API key", errors.AuthError),
    (AUTH, "API key expired", errors.AuthError),
    (AUTH, "API key does not have access to this database", errors.PermissionDenied),
    (AUTH, "Too many failed login attempts. Please wait 41 seconds before trying again.", errors.AuthError),
    (AUTH, "Session no longer valid: user deleted", errors.AuthError),
    (
        AUTH,
        "Forbidden: Access denied: insufficient permissions for Write on shop",
        errors.PermissionDenied,
    ),
    (
        AUTH,
        "Forbidden: Access denied: API key not authorized for database 'shop'",
        errors.PermissionDenied,
    ),
    (
        AUTH,
        "Forbidden: Access denied: database-scoped API key cannot perform global operations",
        errors.PermissionDenied,
    ),
    (DB, "Forbidden: Access denied: '_admins' is protected", errors.PermissionDenied),
    (DB, "Database not found: Collection 'Database 'shop' not found' not found", errors.DatabaseNotFound),
    (DB, "Database not found: shop", errors.DatabaseNotFound),
    (DB, "Collection 'Database 'shop' not found' not found", errors.DatabaseNotFound),
    (DB, "Collection 'Database 'shop' already exists' already exists", errors.DatabaseExists),
    (DB, "Invalid document: Invalid database name", errors.InvalidCommand),
    (DB, "Invalid document: Cannot delete _system database", errors.PermissionDenied),
    (DB, "Collection 'users' not found", errors.CollectionNotFound),
    (DB, "Query execution error: Collection 'users' not found", errors.CollectionNotFound),
    (DB, "Collection 'users' already exists", errors.CollectionExists),
    (DB, "Document with key 'ada' not found", errors.DocumentNotFound),
    (TX, "Document with key 'ada' not found", errors.DocumentNotFound),
    (DB, "Conflict: Document with _key 'ada' already exists", errors.DuplicateKey),
    (DB, "Invalid document: Duplicate _key 'ada' within batch", errors.DuplicateKey),
    (DB, "Invalid document: _key must be a string", errors.InvalidDocument),
    (DB, UNIQUE, errors.UniqueViolation),
    (TX, UNIQUE, errors.UniqueViolation),
    (
        DB,
        "Invalid document: Unique constraint violated: document 'ada' repeats a unique value used earlier",
        errors.UniqueViolation,
    ),
    (
        DB,
        "Invalid document: Schema validation failed: Schema validation failed with violations",
        errors.SchemaViolation,
    ),
    (DB, "Invalid document: Invalid JSON Schema: x is not a type", errors.InvalidCommand),
    (COMMAND, "Invalid schema: missing field `name`", errors.InvalidCommand),
    (DB, "Invalid document: Edge document must have a _from field", errors.InvalidDocument),
    (
        DB,
        "Operation not supported: Update operations are not allowed on timeseries collections",
        errors.NotSupportedByServerError,
    ),
    (DB, "Invalid document: Index 'by_age' already exists", errors.IndexExists),
    (DB, "Invalid document: Geo Index 'by_place' already exists", errors.IndexExists),
    (DB, "Invalid document: TTL Index 'by_age' already exists", errors.IndexExists),
    (DB, "Invalid document: Vector Index 'by_face' already exists", errors.IndexExists),
    (DB, "Index 'by_age' not found", errors.IndexNotFound),
    (DB, "Invalid document: Geo Index 'by_place' not found", errors.IndexNotFound),
    (DB, "Invalid document: TTL Index 'by_age' not found", errors.IndexNotFound),
    (DB, "Geo index not found", errors.IndexNotFound),
    (DB, "Parse error: Query nesting too deep (max 64)", errors.QueryLimitError),
    (DB, 'Parse error: Parse error: Unexpected token: Identifier("RETRN")', errors.QuerySyntaxError),
    (DB, "Query execution error: Bind variable '@x' not found", errors.QueryError),
    (DB, "Query execution timeout: exceeded 30 seconds", errors.QueryTimeout),
    (DB, "Query execution error: 5000001 intermediate rows", errors.QueryLimitError),
    (TX, "Transaction not found", errors.TransactionError),
    (TX, "Transaction 'tx:1' not found", errors.TransactionError),
    (
        TX,
        "Transaction conflict: Write conflict: Key shop/users/ada is locked by transaction tx:1",
        errors.TransactionConflict,
    ),
    (
        TX,
        "Transaction conflict: Document 'ada' in shop:users was modified after the transaction read it",
        errors.TransactionConflict,
    ),
    (
        TX,
        "Transaction conflict: Document 'ada' in shop:users was deleted after the transaction read it",
        errors.TransactionConflict,
    ),
    (TX, "Transaction conflict: Document 'ada' already exists in shop:users", errors.DuplicateKey),
    (
        TX,
        "Transaction conflict: Duplicate insert for key shop:users:ada within transaction",
        errors.DuplicateKey,
    ),
    (
        TX,
        "Transaction conflict: Transaction validation failed: Cannot update deleted document",
        errors.TransactionConflict,
    ),
    (
        TX,
        "only Insert, Update, Delete and read-only Query can run inside a transaction",
        errors.TransactionError,
    ),
    (PROTO, "Deserialization failed: unknown variant `x`, expected one of `auth`", errors.DatabaseError),
    (PROTO, "Deserialization failed: missing field `key`", errors.InvalidCommand),
    (DB, "Role not found: clerk", errors.NotFoundError),
    (DB, "Bad Request: Query vector dimension mismatch: expected 3, got 2", errors.InvalidCommand),
    (DB, "Cluster operations require HTTP API", errors.NotSupportedByServerError),
    (DB, "Collection too large to export in one reply (over 16711680 bytes); page", errors.MessageTooLarge),
    (DB, "Internal error: disk", errors.DatabaseError),
    ("MessageTooLarge", "", errors.MessageTooLarge),
    ("NeverHeardOf", "what", errors.DatabaseError),
]


@pytest.mark.parametrize(("variant", "text", "kind"), TEXTS, ids=[text[:70] for _, text, _ in TEXTS])
def test_a_text_becomes_its_class(variant: str, text: str, kind: type[Exception]) -> None:
    error = fault(Refusal(variant, text))

    assert type(error) is kind or (kind is errors.DatabaseError and isinstance(error, kind))


def test_a_duplicate_key_names_collection_and_key() -> None:
    error = fault(Refusal(TX, "Transaction conflict: Document 'ada' already exists in shop:users"))

    assert isinstance(error, errors.DuplicateKey)
    assert (error.collection, error.key) == ("users", "ada")
    assert "users/ada" in error.message


def test_a_unique_violation_names_index_fields_and_value() -> None:
    error = fault(Refusal(TX, UNIQUE), Subject("shop", "users", "bob"))

    assert isinstance(error, errors.UniqueViolation)
    assert (error.index, error.fields, error.key) == ("users_email", ("email",), "bob")
    assert (
        error.message
        == 'users/bob: Unique constraint violated: the index users_email on email already holds ["x"]'
    )


def test_a_unique_violation_of_several_fields_names_all() -> None:
    text = (
        'Invalid document: Unique constraint violated: fields \'["a", "b.c"]\' with value '
        "[Number(1), Null] already exists in index 'i'"
    )
    error = fault(Refusal(DB, text))

    assert isinstance(error, errors.UniqueViolation)
    assert error.fields == ("a", "b.c")


def test_a_missing_collection_is_named_with_its_database() -> None:
    error = fault(Refusal(DB, "Collection 'users' not found"), Subject("shop"))

    assert error.message == "there is no collection 'users' in the database 'shop'"


def test_a_missing_document_is_named_with_its_collection() -> None:
    error = fault(Refusal(DB, "Document with key 'it's' not found"), Subject("shop", "users"))

    assert isinstance(error, errors.DocumentNotFound)
    assert (error.name, error.collection) == ("it's", "users")


def test_a_missing_database_says_how_to_make_it() -> None:
    error = fault(Refusal(DB, "Database not found: Collection 'Database 'shop' not found' not found"))

    assert isinstance(error, errors.DatabaseNotFound)
    assert error.name == "shop"
    assert "create_database" in str(error)


def test_a_query_error_holds_the_query_and_its_binds() -> None:
    context = Subject("shop", query="RETRN 1", binds={"a": 1})
    error = fault(Refusal(DB, "Parse error: Parse error: Unexpected token"), context)

    assert isinstance(error, errors.QuerySyntaxError)
    assert (error.query, error.binds, error.message) == ("RETRN 1", {"a": 1}, "Unexpected token")


@given(st.sampled_from([AUTH, DB, TX, PROTO, COMMAND, "MessageTooLarge", "Other"]), st.text())
def test_any_text_becomes_some_error(variant: str, text: str) -> None:
    assert isinstance(fault(Refusal(variant, text)), errors.SolidbError)
