"""Links and ends of edges: added along, loaded for many documents at once, never by accident."""

import pytest

from solidb_odm import AsyncSession, Session, select
from solidb_odm.errors import UsageError

from .conftest import Store
from .documents import Author, Credits, Knows, Person, Post, Team


def posts() -> list[Post]:
    team = Team(key="t", name="T")
    ada, bob = Author(key="ada", name="Ada", team=team), Author(key="bob", name="Bob")
    return [
        Post(key=f"p{number}", title="P", author=(ada, bob)[number % 2], readers=[ada, bob])
        for number in range(6)
    ] + [Post(key="q", title="Q", author=bob, credits=Credits(editor=ada))]


def test_linked_documents_are_added_along(store: Store, session: Session) -> None:
    session.add_all(posts())
    session.commit()
    assert {each.key for each in session.scalars(select(Author))} == {"ada", "bob"}
    assert session.get(Team, "t") is not None


def test_links_of_many_documents_are_loaded_by_one_query_a_path(store: Store, session: Session) -> None:
    store.put(*posts())
    found = session.scalars(select(Post)).all()
    with pytest.raises(UsageError, match="not loaded"):
        assert found[0].author.value
    before = session.statistics.statements

    session.load(found, Post.author, Author.team, Post.readers)

    assert session.statistics.statements == before + 2  # the readers are there by then
    assert [each.author.value.name for each in found] == ["Ada", "Bob"] * 3 + ["Bob"]
    assert found[0].author.value.team.value.name == "T"
    assert found[0].readers[1].value is found[1].author.value
    assert (session.dirty, session.deleted) == ([], [])


def test_links_in_embedded_models_and_ends_of_edges_are_loaded(store: Store, session: Session) -> None:
    store.put(*posts(), Knows(Person(name="Ada"), Person(name="Bob"), key="k"))
    post, edge = session.get_one(Post, "q"), session.get_one(Knows, "k")

    session.load([post], Post.credits.editor)
    session.load([edge], Knows.to, Knows.from_)

    assert post.credits.editor.value.name == "Ada"
    assert (edge.from_.name, edge.to.name) == ("Ada", "Bob")
    assert session.dirty == []


def test_a_link_that_leads_nowhere_stays_unloaded(store: Store, session: Session) -> None:
    store.put(Post(key="p", title="P", author="authors/nobody"))
    post = session.get_one(Post, "p")
    session.load([post], Post.author)
    assert not post.author.is_loaded
    with pytest.raises(UsageError, match="takes fields"):
        session.load([post], "author")


@pytest.mark.anyio
async def test_links_are_loaded_when_awaited(async_session: AsyncSession) -> None:
    async_session.add_all(posts())
    await async_session.commit()
    async with AsyncSession(async_session.engine) as other:
        found = (await other.scalars(select(Post))).all()
        await other.load(found, Post.author)
        assert found[0].author.value.name == "Ada"


def test_a_path_must_begin_at_one_of_the_documents(session: Session) -> None:
    author = Author(name="Ada")
    session.add(author)

    with pytest.raises(UsageError, match="a path from Post, but no Post to start from"):
        session.load([author], Post.author)
    session.load([], Post.author)
