"""Field notes on a device: written without a network, synced when a server can be reached.

Without arguments it runs without a server. With one: ``python field_notes.py solidb://user:password@host:6745``.
"""

import sys
from typing import Annotated

from pydantic import Field

from solidb_odm import Document, Edge, Index, Session, select
from solidb_odm.errors import ConnectionFailed, RequestTimeout
from solidb_odm.offline import Change, ChangeType, ConflictStrategy, OfflineSyncManager, SyncConfig


class Place(Document, collection="places"):
    name: Annotated[str, Index()]


class Note(Document, collection="field_notes"):
    species: str
    number: Annotated[int, Field(ge=1)] = 1
    remark: str = ""


class SeenAt(Edge[Note, Place], collection="seen_at"):
    pass


def open_notes(url: str) -> OfflineSyncManager:
    config = SyncConfig(
        database="fieldwork",
        local_storage_path="field_notes",
        models=[Place, Note, SeenAt],
        conflict_strategy=ConflictStrategy.MergeFields,
        auto_sync=False,
    )
    return OfflineSyncManager(url, config).initialize()


def write_notes(manager: OfflineSyncManager) -> None:
    with Session(manager.engine) as session:
        weir = Place(name="weir")
        for species, number in (("heron", 2), ("kingfisher", 1), ("heron", 1)):
            session.add(SeenAt(Note(species=species, number=number), weir))
        session.commit()  # one transaction on the device, with its place in the queue


def tell(change: Change) -> None:
    if change.change_type in (ChangeType.RemoteInsert, ChangeType.RemoteUpdate):
        print("from the others:", change.document)


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "solidb://nobody:nothing@127.0.0.1:1"
    with open_notes(url) as manager:
        manager.on_change(tell)
        write_notes(manager)
        herons = manager.query("FOR n IN field_notes FILTER n.species == 'heron' RETURN n.number")
        print("herons:", sum(herons))
        try:
            result = manager.sync_now()
            print(f"pushed {result.pushed}, pulled {result.pulled}")
        except (ConnectionFailed, RequestTimeout):
            print("no server: kept", manager.sync_status().pending_changes, "edits for later")
        with Session(manager.engine) as session:
            print("notes:", len(session.scalars(select(Note)).all()))


if __name__ == "__main__":
    main()
