"""``Link[User]`` holds a reference, and the document where it is known."""

import copy
import pickle

import pytest
from pydantic import BaseModel, ValidationError

from solidb_odm import Document, Edge, Registry, any_, contains, in_, select
from solidb_odm.errors import DocumentNotFound, UsageError
from solidb_odm.model import Link
from solidb_odm.model.links.link import reference_text
from solidb_odm.model.stored.codec import decode, encode_text, encode_value
from solidb_odm.model.type_inspection import link_target
from tests.identifiers import steady

WRITERS = Registry()


class Author(Document, collection="authors", registry=WRITERS):
    name: str = ""


class Staff(Author):
    desk: int = 0


class Note(BaseModel):
    by: Link[Author] | None = None


class Post(Document, collection="posts", registry=WRITERS):
    author: Link[Author]
    editor: Link[Author] | None = None
    readers: list[Link[Author]] = []
    note: Note = Note()
    parent: "Link[Post] | None" = None


ada = Author(key="ada", name="Ada")


@pytest.mark.parametrize("given", [ada, "authors/ada", Link(ada), Link[Author]("authors/ada")], ids=steady)
def test_a_link_takes_a_document_a_text_or_a_link(given: object) -> None:
    post = Post(author=given)  # type: ignore[arg-type]

    assert post.author == ada == Link(ada)
    assert (post.author.id, post.author.key, post.author.collection) == ("authors/ada", "ada", "authors")


def test_links_are_stored_as_text() -> None:
    post = Post(author=ada, editor=Link(ada), readers=["authors/bob"], note=Note(by=ada), key="p")  # type: ignore[arg-type, list-item]
    mapping = Post.__solidb_mapping__

    assert encode_value(mapping, post) == {
        "_key": "p",
        "author": "authors/ada",
        "editor": "authors/ada",
        "readers": ["authors/bob"],
        "note": {"by": "authors/ada"},
        "parent": None,
    }
    assert decode(mapping, "p", encode_text(mapping, post)) == post


@pytest.mark.parametrize(
    "wrong", ["ada", "posts/p", 5, "a/b/c", "/x", Post(author="authors/ada")], ids=steady
)  # type: ignore[arg-type]
def test_other_ends_are_refused(wrong: object) -> None:
    with pytest.raises(ValidationError, match="link"):
        Post(author=wrong)  # type: ignore[arg-type]


TEXTS = [
    "authors/ada", "authors/ä b", "authors/a\n", "authors/", "authors", "authors/a/b", "authors//a",
    "author/a", "authorsx/a", "/authors/a", " authors/a", "Authors/a", "posts/a", "", "/", ada,
    Link("posts/a"), Staff(key="s"), 5, None, b"authors/a",
]  # fmt: skip


def _ends() -> tuple[type[Document], type[Document]]:
    """Return a new class with a link, and a new class of edges, that have read nothing yet."""
    fresh = Registry()

    class Line(Document, collection="lines", registry=fresh):
        author: Link[Author]

    class Likes(Edge[Author, Author], collection="likes", registry=fresh):
        pass

    return Line, Likes


@pytest.mark.parametrize("given", TEXTS, ids=steady)
def test_an_id_is_judged_alike_before_and_after_others_were_read(given: object) -> None:
    outcomes: list[object] = []
    for is_first in (True, False):
        for model, name in zip(_ends(), ("author", "from_"), strict=True):
            more: dict[str, object] = {} if name == "author" else {"to": "authors/bob"}
            if not is_first:
                model.model_validate({name: "authors/eve", **more})
            for read in (model.model_validate, lambda values, model=model: model(**values)):
                try:
                    outcomes.append(
                        encode_value(model.__solidb_mapping__, read({name: given, "key": "k", **more}))
                    )
                except ValidationError as error:
                    outcomes.append([(problem["type"], problem["msg"]) for problem in error.errors()])
    half = len(outcomes) // 2
    assert outcomes[:half] == outcomes[half:]


def test_a_subclass_may_stand_for_its_parent() -> None:
    assert Post(author=Staff(key="s")).author.id == "authors/s"  # type: ignore[arg-type]


def test_a_link_gives_the_document_it_was_made_of() -> None:
    assert Post(author=ada).author.value is ada  # type: ignore[arg-type]


def test_reading_an_unloaded_link_says_how_to_load_it() -> None:
    link = Link[Author]("authors/ada")

    assert not link.is_loaded
    with pytest.raises(UsageError, match=r"session\.load\(posts, Post\.author\)"):
        link.value  # noqa: B018


def test_a_session_sets_the_document_and_no_other() -> None:
    link = Link[Author]("authors/ada")
    link.__solidb_set__(ada)

    assert link.value is ada
    with pytest.raises(UsageError, match="authors/bob is not the document authors/ada"):
        link.__solidb_set__(Author(key="bob"))


def test_a_link_follows_the_key_of_a_new_document() -> None:
    fresh = Author()
    link = Link(fresh)
    fresh.key = "later"

    assert link.id == "authors/later"


def test_links_are_values() -> None:
    link = Link[Author]("authors/ada")

    assert {link, Link(ada)} == {link}
    assert link == "authors/ada"
    assert link != Link("authors/bob")
    assert pickle.loads(pickle.dumps(link)) == link == copy.deepcopy(link)
    assert repr(link) == "Link('authors/ada')"


def test_queries_compare_links_with_documents_links_and_texts() -> None:
    for same in (ada, Link(ada), "authors/ada"):
        assert select(Post).where(Post.author == same).compile().bind_vars == {"p0": "authors/ada"}
    statement = select(Post).where(
        in_(Post.editor, [ada]), contains(Post.readers, ada), any_(Post.readers) == ada
    )
    assert list(statement.compile().bind_vars.values()) == [["authors/ada"], "authors/ada"]


def test_a_link_joins_with_the_id_of_its_document() -> None:
    text = str(select(Post, Author).where(Post.author == Author.id))

    assert 'CONCAT("authors/", `_v1`.`_key`)' in text


def test_links_do_not_make_a_field_watched() -> None:
    assert Post.__solidb_watched__ == {"readers", "note"}


def test_the_target_of_links_is_known() -> None:
    fields = Post.model_fields

    assert link_target(fields["readers"].annotation) is Author
    assert link_target(fields["parent"].annotation) is Post
    assert link_target(fields["note"].annotation) is None


def test_the_schema_of_a_link_is_text() -> None:
    properties = Post.model_json_schema()["properties"]

    assert properties["author"]["type"] == "string"


def test_what_is_assigned_where_a_link_belongs_becomes_one() -> None:
    post = Post(author="authors/bob")

    post.author = ada
    assert post.author.value is ada
    post.editor = ada
    assert post.editor.value is ada
    post.editor = None
    post.author = "authors/eve"
    assert (post.editor, post.author) == (None, Link("authors/eve"))


def test_what_is_put_among_links_becomes_one() -> None:
    post = Post(author=ada, readers=["authors/bob"])

    post.readers.append(ada)
    post.readers += ["authors/eve"]
    post.note.by = ada

    assert [type(each) for each in post.readers] == [Link] * 3
    assert post.readers[1].value is ada
    assert post.note.by.value is ada


@pytest.mark.parametrize("wrong", [5, "ada", "posts/p", Post(author="authors/ada")], ids=steady)
def test_assigning_what_is_no_such_link_says_where(wrong: object) -> None:
    post = Post(author=ada)
    with pytest.raises(UsageError, match=r"^Post\.author: .*link"):
        post.author = wrong
    assert post.author == ada


def test_a_copy_links_to_the_same_document() -> None:
    assert Post(author=ada).model_copy(deep=True).author.value is ada


class _Text(str):
    __slots__ = ()


def test_a_link_holds_one_thing_whichever_it_leads_by() -> None:
    """An id, a document, or an id that nothing is behind: what a link says of each, and copies of it."""
    named, held, lost = Link[Author](_Text("authors/ada")), Link(ada), Link[Author]("authors/ada")
    lost.__solidb_missed__()

    assert Link.__slots__ == ("_to",)
    assert {type(link.id) for link in (named, held, lost)} == {str}
    assert {link.id for link in (named, held, lost)} == {"authors/ada"}
    assert [link.is_loaded for link in (named, held, lost)] == [False, True, False]
    assert [link.is_dangling for link in (named, held, lost)] == [False, False, True]
    assert [repr(link) for link in (named, held, lost)] == [
        "Link('authors/ada')", "Link('authors/ada', loaded)", "Link('authors/ada', dangling)"
    ]  # fmt: skip
    again = pickle.loads(pickle.dumps(lost))
    assert (again, again.is_dangling, copy.copy(lost).is_dangling) == (lost, True, False)
    assert encode_value(Post.__solidb_mapping__, Post(key="p", author=lost))["author"] == "authors/ada"
    with pytest.raises(DocumentNotFound, match="there is no document authors/ada"):
        lost.value  # noqa: B018
    lost.__solidb_set__(ada)
    assert (lost.value, lost.is_dangling) == (ada, False)


def test_links_are_written_as_links_made_of_them_would_be_and_none_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named, held, lost = Link[Author](_Text("authors/ada")), Link(ada), Link[Author]("authors/ada")
    lost.__solidb_missed__()
    again = [Link(link).id for link in (named, held, lost)]
    posts = [
        Post(author=link, editor=link, readers=[link], note=Note(by=link)) for link in (named, held, lost)
    ]
    with monkeypatch.context() as patch:
        patch.setattr(Link, "__init__", lambda *_: pytest.fail("a link was made"))
        stored = [encode_value(Post.__solidb_mapping__, post) for post in posts]
    assert [body["author"] for body in stored] == again
    assert [(body["editor"], body["readers"], body["note"]) for body in stored] == [
        (reference, [reference], {"by": reference}) for reference in again
    ]
    assert {type(reference_text(value)) for value in (named, held, lost, ada, "authors/ada")} == {str}
    for wrong in (5, "ada", None):
        with pytest.raises(UsageError):
            reference_text(wrong)
