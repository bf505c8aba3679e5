"""Joins along links and ends of edges, links that are loaded, and elements of lists."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Index,
    Link,
    Session,
    any_,
    contains,
    create_engine,
    select,
)

from .area import OURS, Area, Row, Setting, Steps, at_most
from .timing import Side, contest

BY_HAND = "SQL on key columns"
IN_TEXTS = "the same SQL, values in JSON texts"
LOADED = "loading the documents"
TABLE = "a table of elements by hand"


class Author(Document, collection="authors"):
    name: str
    town: str = ""


class Post(Document, collection="posts"):
    title: str
    author: Annotated[Link[Author], Index()]
    reviewer: Annotated[Link[Author] | None, Index()] = None


class Follows(Edge[Author, Author], collection="follows"):
    since: int = 0


@contextmanager
def filled(size: int) -> Iterator[tuple[Engine, sqlite3.Connection, sqlite3.Connection]]:
    """Yield a file of so many authors, twice as many posts and edges, and the same by hand, twice."""
    chance = random.Random(6)
    with TemporaryDirectory() as folder, create_engine(f"sqlite:///{Path(folder) / 'ours.db'}") as engine:
        engine.create_all(Author, Post, Follows)
        authors = [Author(name=f"Author {number}", town=f"t{number % 50}") for number in range(size)]
        posts = [
            Post(title=f"Post {number}", author=chance.choice(authors), reviewer=chance.choice(authors))
            for number in range(2 * size)
        ]
        edges = [Follows(chance.choice(authors), chance.choice(authors)) for _ in range(2 * size)]
        with Session(engine) as session:
            session.add_all([*authors, *posts, *edges])
            session.commit()
        file = sqlite3.connect(Path(folder) / "hand.db")
        file.executescript(SCHEMA)
        file.executemany("INSERT INTO authors VALUES (?, ?, ?)", [(a.key, a.name, a.town) for a in authors])
        file.executemany(
            "INSERT INTO posts VALUES (?, ?, ?, ?)",
            [(p.key, p.title, p.author.key, p.reviewer.key if p.reviewer else None) for p in posts],
        )
        ends = [(e.key, e.from_.key, e.to.key) for e in edges]
        file.executemany("INSERT INTO follows VALUES (?, ?, ?)", ends)
        file.commit()
        texts = sqlite3.connect(Path(folder) / "texts.db")
        texts.executescript(TEXTS_SCHEMA)
        for table in ("authors", "posts", "follows"):
            rows = engine_rows(Path(folder) / "ours.db", table)
            texts.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        texts.commit()
        yield engine, file, texts
        texts.close()
        file.close()


def engine_rows(path: Path, table: str) -> list[tuple[str, ...]]:
    """Return the documents of a file of ours with the keys of what they refer to."""
    with closing(sqlite3.connect(path)) as ours:
        rows = ours.execute(f"SELECT key, doc FROM {table}").fetchall()
    found: list[tuple[str, ...]] = []
    for key, text in rows:
        named = json.loads(text)
        refers = [named[name].partition("/")[2] for name in REFERENCES[table]]
        found.append((key, text, *refers))
    return found


REFERENCES = {"authors": (), "posts": ("author", "reviewer"), "follows": ("_from", "_to")}
TEXTS_SCHEMA = """
    CREATE TABLE authors (key TEXT PRIMARY KEY, doc TEXT);
    CREATE TABLE posts (key TEXT PRIMARY KEY, doc TEXT, author TEXT, reviewer TEXT);
    CREATE INDEX by_author ON posts (author); CREATE INDEX by_reviewer ON posts (reviewer);
    CREATE TABLE follows (key TEXT PRIMARY KEY, doc TEXT, start TEXT, stop TEXT);
    CREATE INDEX by_start ON follows (start);
"""
TITLE, NAME, TOWN = "posts.doc ->> '$.title'", "authors.doc ->> '$.name'", "authors.doc ->> '$.town'"
SCHEMA = """
    CREATE TABLE authors (key TEXT PRIMARY KEY, name TEXT, town TEXT);
    CREATE TABLE posts (key TEXT PRIMARY KEY, title TEXT, author TEXT, reviewer TEXT);
    CREATE INDEX by_author ON posts (author); CREATE INDEX by_reviewer ON posts (reviewer);
    CREATE TABLE follows (key TEXT PRIMARY KEY, start TEXT, stop TEXT);
    CREATE INDEX by_start ON follows (start);
"""
JOINS: dict[str, tuple[Any, str, str]] = {
    "link": (
        select(Post.title, Author.name).join(Author, Post.author == Author.id),
        "SELECT title, name FROM posts JOIN authors ON authors.key = author",
        f"SELECT {TITLE}, {NAME} FROM posts JOIN authors ON authors.key = author",
    ),
    "end": (
        select(Author.name, Follows.since).join(Follows, Follows.from_ == Author.id),
        "SELECT name, 0 FROM follows JOIN authors ON authors.key = start",
        f"SELECT {NAME}, follows.doc ->> '$.since' FROM follows JOIN authors ON authors.key = start",
    ),
    "two": (
        select(Post.title).join(Author, Post.author == Author.id).where(Post.reviewer == Post.author),
        "SELECT title FROM posts JOIN authors ON authors.key = author WHERE reviewer = author",
        f"SELECT {TITLE} FROM posts JOIN authors ON authors.key = author WHERE reviewer = author",
    ),
    "some": (
        select(Post.title).join(Author, Post.author == Author.id).where(Author.town == "t7"),
        "SELECT title FROM posts JOIN authors ON authors.key = author WHERE town = 't7'",
        f"SELECT {TITLE} FROM posts JOIN authors ON authors.key = author WHERE {TOWN} = 't7'",
    ),
}


def measure(setting: Setting) -> Steps:
    """Time joins, and links that are loaded."""
    with filled(setting.size) as (engine, file, texts), Session(engine) as session:
        return {
            step: contest(
                {
                    OURS: Side(lambda statement=statement: session.execute(statement).all()),
                    BY_HAND: Side(lambda sql=sql: file.execute(sql).fetchall()),
                    IN_TEXTS: Side(lambda sql=sql_of_texts: texts.execute(sql).fetchall()),
                },
                setting.repetitions,
            )
            for step, (statement, sql, sql_of_texts) in JOINS.items()
        }


TEXT = """
As many authors as the size says and twice as many posts, each with two indexed links, and edges. Rows of
the whole join are read. By hand the same rows stand in columns, the keys as texts with indexes; or the keys
of links alone do, beside the documents as JSON texts, as ours has them. To read values out of texts is most
of what a join costs: SQLite needs about a microsecond for the two of a row, and joins the row of two columns
in half of that. Ours reads the links out of texts as well: all that two equal links consist of.
"""
TITLES = {
    "link": "`Post.author == Author.id`",
    "end": "`Follows.from_ == Author.id`",
    "two": "two links that are equal",
    "some": "the posts of the authors of one town",
}
AREA = Area(
    "joins",
    "Joins along links and edges",
    TEXT,
    (1_000, 4_000, 16_000),
    measure,
    (
        *(Row(step, title, IN_TEXTS, at_most(1.5)) for step, title in TITLES.items()),
        *(Row(step, title, BY_HAND, at_most(1.5)) for step, title in TITLES.items()),
    ),
    of="authors",
)


def measure_links(setting: Setting) -> Steps:
    """Time what it takes to load a link of each document, beside loading the documents."""
    sessions: list[Session] = []

    with filled(max(1, setting.size // 2)) as (engine, _, _):

        def fresh() -> None:
            while sessions:
                sessions.pop().close()
            sessions.append(Session(engine))

        def loaded() -> None:
            fresh()
            posts = sessions[0].scalars(select(Post)).all()
            waiting[:] = posts

        waiting: list[Post] = []
        sides = {
            OURS: Side(lambda: sessions[0].load(waiting, Post.author), loaded),
            LOADED: Side(lambda: sessions[0].scalars(select(Post)).all(), fresh),
        }
        contests = {"links": contest(sides, setting.repetitions)}
        while sessions:
            sessions.pop().close()
    return contests


LINKS_AREA = Area(
    "links",
    "Loading links",
    "`session.load(posts, Post.author)` of posts that were just read; half as many authors.",
    (1_000, 10_000, 40_000),
    measure_links,
    (Row("links", "a link of each document", LOADED, at_most(1.3)),),
    of="posts",
)

# --- elements of lists ---------------------------------------------------------------------------


def _tagged(chosen: list[Index]) -> type[Any]:
    """Return a class with a list, and these indexes."""

    class Tagged(Document, collection="tagged"):
        name: str
        tags: list[str]

        class Settings:
            indexes = chosen

    return Tagged


def measure_elements(setting: Setting) -> Steps:
    """Time a search by an element of a list, which about a hundred documents have."""
    chance, model = random.Random(2), _tagged([Index("tags[]")])
    names = [f"tag{number}" for number in range(max(1, setting.size // 50))]
    tags = [chance.sample(names, min(2, len(names))) for _ in range(setting.size)]
    with TemporaryDirectory() as folder, create_engine(f"sqlite:///{Path(folder) / 'ours.db'}") as engine:
        engine.create_all(model)
        with Session(engine) as session:
            session.add_all([model(name="n", tags=list_of_tags) for list_of_tags in tags])
            session.commit()
        file = sqlite3.connect(Path(folder) / "hand.db")
        file.executescript("CREATE TABLE tagged (name TEXT); CREATE TABLE tags (tag TEXT, document INTEGER);")
        file.executemany("INSERT INTO tagged VALUES ('n')", [()] * len(tags))
        elements = [(tag, at) for at, row in enumerate(tags, 1) for tag in row]
        file.executemany("INSERT INTO tags VALUES (?, ?)", elements)
        file.execute("CREATE INDEX by_tag ON tags (tag)")
        file.commit()
        sql = "SELECT name FROM tagged WHERE rowid IN (SELECT document FROM tags WHERE tag = ?)"
        forms = {
            "contains": select(model.name).where(contains(model.tags, names[0])),
            "any": select(model.name).where(any_(model.tags) == names[0]),
        }
        with Session(engine) as session:
            contests = {
                step: contest(
                    {
                        OURS: Side(lambda form=form: session.execute(form).all()),
                        TABLE: Side(lambda: file.execute(sql, (names[0],)).fetchall()),
                    },
                    3 * setting.repetitions,
                )
                for step, form in forms.items()
            }
        file.close()
    return contests


ELEMENTS_AREA = Area(
    "elements",
    "Elements of lists",
    'The names of the about one hundred documents that have a tag, with `Index("tags[]")`.',
    (1_000, 10_000, 100_000),
    measure_elements,
    (
        Row("contains", '`contains(User.tags, "x")`', TABLE),
        Row("any", '`any_(User.tags) == "x"`', TABLE),
    ),
)
