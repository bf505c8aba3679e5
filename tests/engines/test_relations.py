"""What documents refer to comes with a statement, over any number of links, and back."""

import xml.etree.ElementTree as ET

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from solidb_odm import AsyncSession, Session, any_, outgoing, select, traverse, union
from solidb_odm.errors import UsageError

from .conftest import Store
from .library import Admires, Book, House, Writer, library


@pytest.fixture
def shelf(store: Store) -> Store:
    store.put(*library())
    return store


def test_a_select_brings_along_what_links_lead_to(shelf: Store, session: Session) -> None:
    books = session.scalars(select(Book).load(Book.author.value.house, Book.reviewers, Book.roles)).all()

    assert [book.author.value.name for book in books] == ["W0", "W1"] * 3
    assert {book.author.value.house.value.name for book in books} == {"H"}
    assert books[0].reviewers[1].value is books[0].roles["cover"].value
    assert session.statistics.statements == 4  # books, authors, houses, reviewers; the roles are among these
    assert session.dirty == []


def test_ways_go_through_lists_of_embedded_models(shelf: Store, session: Session) -> None:
    (book, *_) = session.scalars(select(Book).load(any_(Book.chapters).editor.house)).all()

    assert book.chapters[0].editor is None
    assert book.chapters[1].editor.value.house.value.name == "H"


def test_the_shorter_way_to_write_a_way(shelf: Store, session: Session) -> None:
    book = session.scalars(select(Book).load(Book.author.house, Book.reviewers.house).limit(1)).one()

    assert book.author.value.house.value is book.reviewers[0].value.house.value


def test_pages_streams_and_tuples_bring_it_along(shelf: Store, session: Session) -> None:
    page = session.page(select(Book).load(Book.author), size=2)
    assert [book.author.value.name for book in page] == ["W0", "W1"]

    titles = [book.author.value.name for book in session.stream(select(Book).load(Book.author), batch=4)]
    assert titles == ["W0", "W1"] * 3

    rows = session.execute(select(Book.title, Book).load(Book.author).limit(1)).all()
    assert rows[0][1].author.is_loaded
    both = session.scalars(union(select(Book), select(Book)).load(Book.author))
    assert all(book.author.is_loaded for book in both)
    found = session.scalars(traverse("writers/w0", Admires).load(Writer.house)).one()
    assert found.house.value.name == "H"


def test_back_references_are_loaded_for_many_documents_in_one_query(shelf: Store, session: Session) -> None:
    writers = session.scalars(select(Writer)).all()
    before = session.statistics.statements

    session.load(writers, Writer.books, Writer.reviewed)

    assert session.statistics.statements == before + 2
    assert [[book.title for book in each.books] for each in writers[:2]] == [
        ["B0", "B2", "B4"],
        ["B1", "B3", "B5"],
    ]
    assert [len(each.reviewed) for each in writers] == [0, 0, 6, 6]
    assert writers[0].books[0].author.value is writers[0]


def test_ways_go_on_from_back_references(shelf: Store, session: Session) -> None:
    house = session.scalars(select(House).load(House.writers.books.reviewers)).one()

    assert house.writers[0].books[1].reviewers[0].value is house.writers[2]


def test_ways_go_on_from_elements_of_back_references(shelf: Store, session: Session) -> None:
    way = any_(any_(any_(House.writers).books).reviewers).value
    house = session.scalars(select(House).load(way)).one()

    assert house.writers[0].books[0].reviewers[0].value.name == "W2"
    with pytest.raises(UsageError, match="can't follow the link"):
        select(House).where(any_(House.writers).name == "W0")


def test_an_unloaded_back_reference_names_the_call_to_make(shelf: Store, session: Session) -> None:
    writer = session.get_one(Writer, "w0")
    with pytest.raises(UsageError, match=r"Writer\.books is not loaded for Writer 'w0'") as caught:
        writer.books  # noqa: B018
    assert "session.load(documents, Writer.books)" in (caught.value.hint or "")


def test_back_references_see_the_unsent_changes_of_the_session(shelf: Store, session: Session) -> None:
    first, second = session.get_one(Writer, "w0"), session.get_one(Writer, "w1")
    session.add(Book(key="new", title="New", author=first))
    session.delete(session.get_one(Book, "b0"))
    session.get_one(Book, "b2").author = second

    session.load([first, second], Writer.books)

    assert [book.title for book in first.books] == ["B4", "New"]
    assert [book.title for book in second.books] == ["B1", "B2", "B3", "B5"]


def test_neighbours_come_over_edges_at_any_depth(shelf: Store, session: Session) -> None:
    query = select(Writer).load(Writer.admires, Writer.admired_by, Writer.circle, Writer.admirations)
    first, second, *_, last = session.scalars(query).all()

    assert (first.admires, first.admired_by) == ((second,), ())
    assert (last.admires, [each.name for each in last.admired_by]) == ((), ["W2"])
    assert [each.name for each in second.circle] == ["W0", "W2", "W3"]
    assert [edge.since for edge in second.admirations] == [1]


def test_neighbours_need_no_declaration(shelf: Store, session: Session) -> None:
    near = outgoing(Admires, depth=(2, 3))
    writers = session.scalars(select(Writer)).all()

    session.load(writers, near.house)

    assert [[each.name for each in near.of(writer)] for writer in writers] == [["W2", "W3"], ["W3"], [], []]
    assert outgoing(Admires, depth=(2, 3)).of(writers[0])[0].house.value.name == "H"


def test_the_same_way_twice_goes_on_from_what_the_first_found(shelf: Store, session: Session) -> None:
    first = session.get_one(Writer, "w0")
    session.load([first], Writer.admires, Writer.admires)
    assert first.admires[0].admires[0].name == "W2"
    with pytest.raises(UsageError, match="not loaded"):
        first.admires[0].admires[0].admires  # noqa: B018


@pytest.mark.parametrize("wrong", [Book.title, "author", Book, Book.author.value.name], ids=repr)
def test_what_is_no_way_to_documents_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match="load\\(\\) takes fields that hold links"):
        select(Book).load(wrong)


def test_values_have_nothing_to_load(session: Session) -> None:
    with pytest.raises(UsageError, match="the rows of this statement are values"):
        session.execute(select(Book.title).load(Book.author))


def test_a_query_does_not_follow_links() -> None:
    with pytest.raises(UsageError, match=r"can't follow the link Book\.author") as caught:
        select(Book).where(Book.author.value.name == "W0")
    assert "join" in (caught.value.hint or "")
    assert select(Book).where(Book.author.id == "writers/w0").compile().bind_vars == {"p0": "writers/w0"}


def test_a_response_model_reads_what_links_lead_to(shelf: Store, session: Session) -> None:
    class WriterOut(BaseModel):
        model_config = ConfigDict(from_attributes=True)
        name: str

    class BookOut(BaseModel):
        model_config = ConfigDict(from_attributes=True)
        title: str
        author: WriterOut
        reviewers: list[WriterOut]

    book = session.get_one(Book, "b0")
    with pytest.raises(ValidationError, match=r"writers/w0 of this link is not loaded\s+hint: session\.load"):
        BookOut.model_validate(book)

    session.load([book], Book.author, Book.reviewers)
    out = BookOut.model_validate(book)
    assert (out.author.name, [each.name for each in out.reviewers]) == ("W0", ["W2", "W3"])


def test_a_notebook_draws_edges_and_the_documents_at_their_ends(shelf: Store, session: Session) -> None:
    session.add(Admires("writers/w3", "writers/w0", key="back"))
    session.commit()
    edges = session.scalars(select(Admires).load(Admires.from_, Admires.to))
    drawn = edges._repr_html_()
    picture = ET.fromstring(drawn[: drawn.index("<table>")])

    boxes = [each for each in picture.iter() if each.tag.endswith("rect")]
    assert sorted(int(box.get("x") or 0) for box in boxes) == [10, 200, 390, 580]
    assert len([each for each in picture.iter() if each.tag.endswith("line")]) == 4
    pairs = session.execute(select(Writer, Admires).where(Admires.from_ == Writer.id))
    assert pairs._repr_html_().startswith("<svg")
    assert session.scalars(select(Admires.since))._repr_html_().startswith("<table>")


@pytest.mark.anyio
async def test_relations_are_loaded_when_awaited(async_session: AsyncSession) -> None:
    async_session.add_all(library())
    await async_session.commit()
    async with AsyncSession(async_session.engine) as other:
        found = (await other.scalars(select(Writer).load(Writer.books, Writer.admires.house))).all()
        assert [len(each.books) for each in found] == [3, 3, 0, 0]
        assert found[0].admires[0].house.value.name == "H"
        pages = [book async for book in other.stream(select(Book).load(Book.author), batch=4)]
        assert all(book.author.is_loaded for book in pages)
