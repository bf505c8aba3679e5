"""The client for SoliDB servers: one call for each of the server's features, blocking and async.

::

    with Client.connect("localhost:6745") as client:
        client.auth("mydb", "admin", "password")
        ada = client.insert("mydb", "users", {"name": "Ada"})
        hits = client.vector.search("products", [0.1, 0.2], 10)

``Client`` and ``AsyncClient`` have the same calls, and so have their sub-clients (``client.vector``).
They share their connections, protocol and errors with the server engine of the ODM.

To add a sub-client ``area``:

1. ``area.py``, or a package where that grows long. First what its calls return: subclasses of
   ``results.Result``. Then ``class Area(Caller)`` and ``class AsyncArea(AsyncCaller)``, one line a method:
   ``return self._run(call(self._database, ...))``, and ``await`` in the second. Names and order are those of
   other SoliDB clients; options come last, as keywords. What is read in pages is shown through
   ``self._pages(...)``. Then one generator for each call, taking the database first and returning an
   ``Exchange[T]``: it sends requests with ``wire.requests`` or, over HTTP, with ``requests.rest``. Reads are
   ``repeatable``. What the server can't do is ``unsupported(...)``.
2. A property of both classes in ``subclients.py``, rows in ``docs/server-features.md``, and tests in
   ``tests/server`` with the ``client`` fixture, which runs one body with the blocking and the async client.
"""

from .client import AsyncClient, Client
from .results import ClientResult, CollectionStats, DocumentResult, QueryPlan

Plan = QueryPlan
"""The former name of QueryPlan."""

Result = ClientResult
"""The former name of ClientResult."""

__all__ = [
    "AsyncClient",
    "Client",
    "ClientResult",
    "CollectionStats",
    "DocumentResult",
    "Plan",
    "QueryPlan",
    "Result",
]
