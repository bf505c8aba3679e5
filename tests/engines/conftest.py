from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

import pytest

from solidb_odm import AsyncEngine, AsyncSession, Document, Engine, Session
from solidb_odm.testing import RecordingEngine

from .documents import MODELS, Person

D = TypeVar("D", bound=Document)


class Store:
    """An engine with the collections of the tests, and short ways to look into it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = RecordingEngine(engine)

    def session(self) -> Session:
        """Open a session whose commands are recorded from now on."""
        self.engine.clear()
        return Session(self.engine)

    def put(self, *documents: Document) -> None:
        """Store documents and forget them."""
        with Session(self.engine) as session:
            session.add_all(documents)
            session.commit()

    def get(self, document: D) -> D | None:
        """Read a document with a session of its own."""
        with Session(self.engine) as session:
            return session.get(type(document), document.key)

    def change(self, document: Document, **values: object) -> None:
        """Change a document as somebody else."""
        with Session(self.engine) as session:
            person = session.get_one(type(document), document.key)
            for name, value in values.items():
                setattr(person, name, value)
            session.commit()


@pytest.fixture
def store(engine: Engine) -> Store:
    engine.create_all(*MODELS)
    return Store(engine)


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as opened:
        yield opened


@pytest.fixture
def people(session: Session) -> list[Person]:
    persons = [Person(key=f"p{n}", name=f"n{n}", email=f"e{n}", age=n, tags=["t"]) for n in range(4)]
    session.add_all(persons)
    session.commit()
    return persons


@pytest.fixture
async def async_session(async_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    await async_engine.create_all(*MODELS)
    async with AsyncSession(async_engine) as opened:
        yield opened
