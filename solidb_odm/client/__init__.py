"""The client: everything that a SoliDB server offers, blocking and awaited.

::

    with Client.connect("localhost:6745") as client:
        client.auth("mydb", "admin", "password")
        ada = client.insert("mydb", "users", {"name": "Ada"})
        hits = client.vector.search("products", [0.1, 0.2], 10)

``Client`` and ``AsyncClient`` have the same calls, and so have their sub-clients (``client.vector``).
They share their connections, protocol and errors with the server engine of the ODM.

To add a sub-client ``area``:

1. ``operations/area.py``: one generator for each call, taking the database first and giving an
   ``Exchange[T]``. It asks the server with ``ask``, ``ask_all`` (pipelined) or ``over_http`` of
   ``wire.requests`` and returns typed results: subclasses of ``results.Result`` declared there.
   Reads are ``repeatable``. What the server can't do is ``unsupported(...)``.
2. ``area.py``: ``class Area(Caller)`` and ``class AsyncArea(AsyncCaller)``, one line a method:
   ``return self._run(operations.call(self._database, ...))``, and ``await`` in the second. Names and order
   are those of other SoliDB clients; options come last, as keywords.
   What is read in pages gives ``Page`` objects, shown through ``self._pages(...)``.
3. An attribute of both in ``subclients.py``, rows in ``docs/server-features.md``, and tests in
   ``tests/server`` with the ``client`` fixture, which runs one body over both colours.
"""

from .async_client import AsyncClient
from .client import Client
from .results import CollectionStats, DocumentResult, Plan, Result

__all__ = ["AsyncClient", "Client", "CollectionStats", "DocumentResult", "Plan", "Result"]
