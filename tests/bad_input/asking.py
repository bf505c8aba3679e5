"""Asks a query in the two ways there are on a file: through a session, and of the evaluator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solidb_odm import Engine, Session, sdbql
from solidb_odm.commands import Apply, Commit, CreateCollection, Inserts
from solidb_odm.language.interpreter import Limits, MemorySource, evaluate
from solidb_odm.language.parser import parse

Ask = Callable[..., list[Any]]

DOCUMENTS = [{"_key": f"d{i}", "n": i, "s": "a" * 40 + "!"} for i in range(300)]
SECONDS = 1.0
"""How long a query may run here."""
MOMENT = 0.2
"""How long a query may run that has no end."""


def fill(engine: Engine) -> None:
    """Store the documents in the collection ``docs``."""
    channel = engine.driver.channel()
    channel.perform(CreateCollection("docs"))
    channel.perform(Apply([Inserts("docs", [(str(document["_key"]), document) for document in DOCUMENTS])]))
    channel.perform(Commit())
    channel.close()


def through_session(engine: Engine) -> Ask:
    """Return what asks the file engine."""

    def ask(text: str, **binds: Any) -> list[Any]:
        with Session(engine) as session:
            return session.execute(sdbql(text, **binds)).all()

    return ask


def of_evaluator(seconds: float = SECONDS) -> Ask:
    """Return what asks the evaluator, over the same documents in memory."""
    source = MemorySource({"docs": DOCUMENTS})

    def ask(text: str, **binds: Any) -> list[Any]:
        return evaluate(parse(text), source, binds, limits=Limits(seconds=seconds))

    return ask
