"""The real server with the face of the model server, so that the simulator runs on it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from solidb_odm import create_engine
from solidb_odm.client import Client
from solidb_odm.commands import CommitBatches, Get, Inserts, Patch, Patches, call
from solidb_odm.offline.remote import RemoteCommand
from solidb_odm.offline.server import ServerRemote
from solidb_odm.wire.url import parse_url
from tests.unit.offline.model_server import plain


class RealServer:
    """Requests go to the server; hooks before and after them may raise or write."""

    def __init__(self, url: str, http: httpx.Client, database: str) -> None:
        self._remote = ServerRemote(parse_url(url))
        self._client = Client(url)
        self._engine = create_engine(url)
        self._http, self._database = http, database
        self.before: Callable[[RemoteCommand[Any]], None] = lambda command: None
        self.after: Callable[[RemoteCommand[Any]], None] = lambda command: None
        self.between: Callable[[], None] = lambda: None

    def perform(self, command: RemoteCommand[Any]) -> Any:
        self.before(command)
        reply = self._remote.perform(command)
        self.after(command)
        return reply

    def close(self) -> None:
        pass

    def end(self) -> None:
        self._remote.close()
        self._client.close()
        self._engine.dispose()

    def make(self, name: str) -> None:
        self._client.create_collection(self._database, name)

    def put(self, collection: str, key: str, **values: Any) -> None:
        self._http.post(self._at(collection), json={**values, "_key": key}).raise_for_status()

    def update(self, collection: str, key: str, *, staged: float = 0.0, **values: Any) -> None:
        """Merge attributes into a document: plainly, or in a transaction."""
        if staged:
            self._in_transaction(collection, key, values)
        elif self._http.put(f"{self._at(collection)}/{key}", json=values).status_code == 404:
            self.put(collection, key, **values)

    def _in_transaction(self, collection: str, key: str, values: dict[str, Any]) -> None:
        row = self._engine.run(call(Get(collection, key)))
        batches: list[Any] = [Inserts(collection, [(key, {**values, "_key": key})])]
        if row is not None:
            batches = [Patches(collection, [Patch(key, row[1], values)])]
        self._engine.run(call(CommitBatches(batches)))

    def delete(self, collection: str, key: str) -> None:
        self._http.delete(f"{self._at(collection)}/{key}").raise_for_status()

    def all(self, collection: str) -> dict[str, dict[str, Any]]:
        rows = self._client.query(self._database, f"FOR d IN {collection} RETURN d")
        return {row["_key"]: plain(dict(row)) for row in rows}

    def _at(self, collection: str) -> str:
        return f"/_api/database/{self._database}/document/{collection}"
