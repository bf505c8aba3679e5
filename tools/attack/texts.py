"""What takes a text from users: each is called with texts that are almost right.

The answer may be anything; what is raised is an error of ours, or Pydantic's about the values of a model. The
tests try some of each, and ``make attack`` many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import ValidationError

from solidb_odm import (
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Registry,
    Session,
    attribute,
    create_async_engine,
    create_engine,
    func,
    like,
    matches,
    sdbql,
    select,
)
from solidb_odm.client import AsyncClient, Client
from solidb_odm.client.columnar.selects import order_from, read_select
from solidb_odm.client.cron import next_run
from solidb_odm.client.ttl import expires_at
from solidb_odm.errors import SolidbError
from solidb_odm.language.functions.built_in import catalogue
from solidb_odm.migrations import Migrator
from solidb_odm.migrations.paths import parse_path
from solidb_odm.offline import OfflineSyncManager, SyncConfig
from solidb_odm.wire import names

REVISION = """\
revision = "a1"
down_revision = None


def upgrade(op):
    op.create_collection("heard")
"""
OURS = (SolidbError, ValidationError)
"""What may be raised."""


class Heard(Document, collection="heard"):
    """What the texts are about."""

    name: Annotated[str, Index(unique=True)] = ""
    about: Annotated[str, FulltextIndex()] = ""
    home: Annotated[GeoPoint | None, GeoIndex()] = None
    price: Decimal = Decimal(0)
    at: datetime | None = None


class Tells(Edge[Heard, Heard], collection="tells"):
    """An edge between them."""


@dataclass(frozen=True, slots=True)
class Taker:
    """A function of a text, and texts that it takes."""

    take: Callable[[str], object]
    seeds: Sequence[str]


class Takers:
    """All that takes a text, on one database in memory."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._folder = folder
        self.engine = self._stack.enter_context(create_engine("sqlite://?query_timeout=10"))
        self.engine.create_all(Heard, Tells)
        home = GeoPoint(lat=1, lon=2)
        with Session(self.engine) as session:
            session.add_all(Heard(key=f"k{n}", name=f"n{n}", about="a harbour", home=home) for n in range(5))
            session.commit()
        revisions = folder / "revisions"
        revisions.mkdir(exist_ok=True)
        (revisions / "20260101_a1_first.py").write_text(REVISION)
        self._migrator = Migrator(self.engine, revisions, models=[Heard])
        self.takers = self._of_queries() | self._of_conditions() | self._of_documents() | self._of_addresses()
        self.takers |= self._of_stores()

    def close(self) -> None:
        """Close the database."""
        self._stack.close()

    def _of_queries(self) -> dict[str, Taker]:
        return {
            "sdbql": Taker(self._run, QUERIES),
            "sdbql, a condition": Taker(self._filter, CONDITIONS),
            "sdbql, compiled": Taker(lambda text: sdbql(text).compile().text, QUERIES),
            "sdbql, explained": Taker(lambda text: self._in_session(lambda s: s.explain(text)), QUERIES),
            "sync_filter": Taker(lambda text: _config(sync_filter=text).filters(), QUERIES),
            "bind": Taker(
                lambda text: self._run("FOR d IN heard FILTER d.name == @b RETURN d", b=text), NAMES
            ),
            "bind of any use": Taker(lambda text: self._run("RETURN [@b, @b + 1, @b < 'x']", b=text), NAMES),
            "cursor": Taker(self._page, [str(self._page(None).next)]),
            "columnar": Taker(lambda text: read_select(text, {"b": 1}), COLUMNAR),
            "columnar order": Taker(order_from, ["a", "a DESC", "a, b"]),
            **{name: Taker(partial(self._call, name), CALLED) for name in _functions()},
        }

    def _of_conditions(self) -> dict[str, Taker]:
        return {
            "like": Taker(lambda text: self._ask(like(Heard.name, text)), ["n%", "n_", "%"]),
            "matches": Taker(lambda text: self._ask(matches(Heard.about, text)), ["harbour", '"a b"']),
            "startswith": Taker(lambda text: self._ask(Heard.name.startswith(text)), NAMES),
            "comparison": Taker(lambda text: self._ask(Heard.name > text), NAMES),
            "attribute": Taker(lambda text: self._ask(attribute(Heard, text) == "x"), PATHS),
            "attribute, sorted": Taker(lambda text: self._ordered(attribute(Heard, text)), PATHS),
            "function": Taker(self._function, ["upper", "length"]),
        }

    def _of_documents(self) -> dict[str, Taker]:
        return {
            "key": Taker(lambda text: self._store(Heard(key=text, name=text)), KEYS),
            "key, read": Taker(lambda text: self._in_session(lambda s: s.get(Heard, text)), KEYS),
            "keys, read": Taker(
                lambda text: self._in_session(lambda s: s.get_many(Heard, ["k1", text])), KEYS
            ),
            "end of an edge": Taker(lambda text: self._store(Tells(text, "heard/k1")), ["heard/k1", "k1"]),
            "value": Taker(lambda text: self._store(Heard(name=text, about=text)), NAMES),
            "time": Taker(lambda text: self._store(_made(name=text, at=text)), TIMES),
            "decimal": Taker(lambda text: self._store(_made(name=text, price=text)), ["1.50", "1e5", "-0.1"]),
            "collection": Taker(_declared, ["users", "a_b", "a-b", "A1"]),
            "index path": Taker(_indexed, PATHS),
            "index name": Taker(lambda text: _indexed("name", text), NAMES),
            "index condition": Taker(lambda text: Index("n", unique=True, where={text: text}), PATHS),
            "quoted name": Taker(names.quoted, NAMES),
            "checked name": Taker(names.checked, NAMES),
            "expiry": Taker(expires_at, TIMES),
        }

    def _of_addresses(self) -> dict[str, Taker]:
        return {
            "URL": Taker(lambda text: create_engine(self._here(text), create=False).dispose(), URLS),
            "URL, async": Taker(lambda text: create_async_engine(self._here(text), create=False).url, URLS),
            "URL, client": Taker(lambda text: repr(Client(text)), SERVERS),
            "URL, async client": Taker(lambda text: repr(AsyncClient(text)), SERVERS),
            "URL, offline": Taker(lambda text: OfflineSyncManager(text, _config()).address, SERVERS),
            "schedule": Taker(lambda text: next_run(text, "UTC", 0.0), ["* * * * *", "0 */2 1-5 * mon"]),
            "time zone": Taker(lambda text: next_run("0 * * * *", text, 0.0), ["UTC", "Europe/Paris"]),
        }

    def _of_stores(self) -> dict[str, Taker]:
        targets = ["base", "head", "a1", "+1", "-1", "a1:head"]
        return {
            "target": Taker(self._migrator.plan, targets),
            "target of a script": Taker(self._migrator.script, targets),
            "target to require": Taker(self._migrator.require, targets),
            "migration path": Taker(parse_path, [*PATHS, "rooms{}.size", "pet[kind=dog].name"]),
            "offline collection": Taker(lambda text: self._saved(text, "k"), ["notes", "a-b"]),
            "offline key": Taker(lambda text: self._saved("notes", text), KEYS),
        }

    # --- how they are taken ----------------------------------------------------------------------

    def _in_session(self, work: Callable[[Session], Any]) -> Any:
        with Session(self.engine) as session:
            return work(session)

    def _run(self, text: str, **binds: Any) -> object:
        return self._in_session(lambda session: session.execute(sdbql(text, **binds)).all())

    def _filter(self, text: str) -> object:
        return self._run(f"FOR d IN heard FILTER {text} RETURN d")

    def _ask(self, condition: Any) -> object:
        return self._in_session(lambda session: session.scalars(select(Heard).where(condition)).all())

    def _ordered(self, expression: Any) -> object:
        return self._in_session(lambda session: session.scalars(select(Heard).order_by(expression)).all())

    def _function(self, text: str) -> None:
        with suppress(AttributeError):  # as of any attribute that there is not
            self._in_session(lambda s: s.execute(select(getattr(func, text)(Heard.name))).all())

    def _call(self, name: str, text: str) -> None:
        for arguments in ("@b", "@b, @b", "@b, 1, @b"):
            with suppress(SolidbError):  # of another number of arguments
                self._run(f"RETURN {name}({arguments})", b=text)

    def _page(self, text: str | None) -> Any:
        statement = select(Heard).order_by(Heard.name)
        return self._in_session(lambda session: session.page(statement, size=2, after=text))

    def _store(self, document: Document) -> None:
        with Session(self.engine) as session:
            session.add(document)
            session.flush()
            session.rollback()

    def _saved(self, collection: str, key: str) -> object:
        config = _config(local_storage_path=self._folder / "store")
        with OfflineSyncManager("solidb://127.0.0.1:1", config).initialize() as opened:
            opened.save_document(collection, key, {"n": 1})
            return opened.get_document(collection, key)

    def _here(self, text: str) -> str:
        """Keep the files that a URL names in the folder."""
        return text.replace("sqlite:///", f"sqlite:///{self._folder}/", 1)


def _functions() -> list[str]:
    """Return the functions of the language, without those that are slow on purpose."""
    return [function.name for function in catalogue() if not function.name.startswith("ARGON2")]


def _made(**values: Any) -> Heard:
    return Heard(**values)


def _config(**settings: Any) -> SyncConfig:
    values: dict[str, Any] = {"database": "d", "local_storage_path": "unused", "auto_sync": False}
    return SyncConfig(**values | settings)


def _declared(text: str) -> object:
    return type("Declared", (Document,), {"__module__": __name__}, collection=text, registry=Registry())


def _indexed(path: str, name: str | None = None) -> object:
    settings = type("Settings", (), {"indexes": [Index(path, name=name)]})
    body = {"__module__": __name__, "__annotations__": {"name": str}, "Settings": settings}
    return type("Indexed", (Document,), body, collection="indexed", registry=Registry())


QUERIES = (
    "FOR d IN heard RETURN d",
    "FOR d IN heard FILTER d.name LIKE 'n%' AND d.price > 0 SORT d.name DESC LIMIT 1, 2 RETURN {a: d.name}",
    "FOR d IN heard COLLECT n = d.name INTO g RETURN [n, LENGTH(g)]",
    "FOR v, e, p IN 1..2 OUTBOUND 'heard/k1' tells RETURN v",
    "LET x = (FOR d IN heard RETURN d.name) RETURN x[* FILTER CURRENT != 'a'][0] ?? 'none'",
    "FOR d IN heard FILTER d.name =~ '^[a-z]+$' RETURN CASE WHEN d.name > 'n1' THEN 1 ELSE 2 END",
    "INSERT {_key: 'new', name: 'x'} INTO heard RETURN NEW",
    "FOR d IN heard FILTER d._key == 'k1' UPDATE d WITH {about: 'y'} IN heard RETURN OLD",
    "RETURN 1 UNION RETURN 2",
    "WITH RECURSIVE t AS (RETURN 1 UNION ALL FOR x IN t FILTER x < 3 RETURN x + 1) FOR x IN t RETURN x",
)
CONDITIONS = (
    "d.name == 'n1'",
    "d.name IN ['a', 'b']",
    "LENGTH(d.about) > 3 || !d.home",
    "d.home.lat BETWEEN 1 AND 2",
)
NAMES = ("ada", "n1", "Zürich", "a b", "O'Hara")
KEYS = ("new", "k1", "heard/k1", "a-b_c", "01a2267b-e302-7a36-b1cb-814acceae5f0")
PATHS = ("name", "home.lat", "tags[]", "a.b.c", "`a b`.c")
TIMES = (
    "2024-02-29T12:30:00Z",
    "2024-02-29T12:30:00.123456789+02:00",
    "2024-02-29",
    "1709209800",
    "20240229T123000Z",
)
SERVERS = (
    "solidb://u:p@host:6745/db?pool_size=2&timeout=3",
    "solidbs://u:p@[::1]:6745,other/db?verify=false",
    "solidb://host/db?api_key=k",
)
URLS = ("sqlite:///a%20b.db?timeout=1", "sqlite://", *SERVERS)
COLUMNAR = (
    "SELECT a, b FROM t WHERE a > 1 AND NOT (b = 'x' OR b IN ('y', @b)) ORDER BY a DESC LIMIT 3",
    "SELECT * FROM t WHERE a IS NOT NULL AND b BETWEEN 1 AND 2",
)
CALLED = (
    *NAMES, *TIMES, "P1Y2M3DT4H", "^a(b|c)*$", "[1, 2]", '{"type": "Point", "coordinates": [1, 2]}', "1.5",
    "%Y-%m-%d", "heard/k1", "u09tvw0f6szy", "10.0.0.1", "a,b;c", "aGVsbG8=", "user@host.org", "yyyy-MM-dd",
)  # fmt: skip
