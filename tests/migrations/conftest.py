"""Migrations over every engine, with short ways to look at the documents."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Engine, Session, sdbql
from solidb_odm.migrations import Migrator

MigratorFor = Callable[..., Migrator]


class Place:
    """A folder of revisions and a database."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder

    def migrator(self, *models: Any) -> Migrator:
        return Migrator(self.engine, self.folder, models=models)

    def go(self, *models: Any, **decisions: Any) -> Migrator:
        """Generate a revision to these models, and run it."""
        migrator = self.migrator(*models)
        migrator.revision("next", autogenerate=True, **decisions)
        migrator.upgrade()
        return migrator

    def write(self, revision: str, down: str | None, body: str, back: str = "pass", head: str = "") -> Path:
        """Write a revision by hand."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"20260101_0000_{revision}_x.py"
        text = f'revision = "{revision}"\ndown_revision = {down!r}\n\n{textwrap.dedent(head)}\n\n'
        text += f"def upgrade(op):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n\n"
        text += f"def downgrade(op):\n{textwrap.indent(textwrap.dedent(back), '    ')}\n"
        path.write_text(text)
        return path

    def put(self, collection: str, *documents: dict[str, Any]) -> None:
        with Session(self.engine) as session:
            for document in documents:
                session.execute(sdbql(f"INSERT @d INTO {collection}", d=document))
            session.commit()

    def stored(self, collection: str, *, system: bool = False) -> list[dict[str, Any]]:
        """Return the documents by key, without what the engine adds."""
        with Session(self.engine) as session:
            rows = session.scalars(sdbql(f"FOR d IN {collection} SORT d._key RETURN d")).all()
        if system:
            return rows
        hidden = ("_id", "_rev", "_created_at", "_updated_at")
        return [{name: value for name, value in row.items() if name not in hidden} for row in rows]

    def times(self, collection: str) -> dict[str, str]:
        return {row["_key"]: row["_created_at"] for row in self.stored(collection, system=True)}


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Place:
    return Place(engine, tmp_path / "migrations")
