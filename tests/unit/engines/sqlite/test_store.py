"""Files: whose they are, who may write them, and what is undone."""

import gc
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CountDocuments,
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    DropIndex,
    IndexSpec,
    Inserts,
    ListCollections,
    Release,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
    SetSchema,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver, parse_url
from solidb_odm.engines.sqlite.sql_functions import register
from solidb_odm.engines.sqlite.sql_names import table_sql
from solidb_odm.errors import (
    ClosedError,
    CollectionExists,
    ConfigurationError,
    IndexExists,
    IndexNotFound,
    QueryTimeout,
    SchemaViolation,
    SolidbError,
    StoreCorrupt,
    StoreLocked,
    StoreUnavailable,
    TransactionError,
)
from solidb_odm.language.parser import parse

from .conftest import Opener


def _insert(channel: FileChannel, *keys: str) -> None:
    channel.perform(Apply([Inserts("users", [(key, {"_key": key}) for key in keys])]))


def _count(channel: FileChannel) -> int:
    return channel.perform(CountDocuments("users"))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///app.db", "app.db"),
        ("sqlite:////data/a%20b.db", "/data/a b.db"),
        ("sqlite://", ""),
        ("sqlite:///:memory:", ""),
        ("sqlite:///a#b.db?timeout=1", "a#b.db"),
        ("sqlite:///a%3Fb.db", "a?b.db"),
        ("sqlite:///a%25b.db", "a%b.db"),
        ("sqlite:///a b.db", "a b.db"),
        ("sqlite:///100%.db", "100%.db"),
        ("sqlite:///%ff.db", "\udcff.db"),
    ],
)
def test_a_url_names_a_file_or_memory(url: str, path: str) -> None:
    assert parse_url(url).path == path


def test_a_url_carries_options() -> None:
    options = parse_url("sqlite:///a.db?timeout=1.5&durability=full&strict=true&create=false")
    assert (options.timeout, options.durability, options.strict, options.create) == (1.5, "full", True, False)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://host/a.db",
        "sqlite:/x.db",
        "sqlite:app.db",
        "sqlite:///a\tb.db",
        "sqlite:///a%00b.db",
        "sqlite:///a%0Ab.db",
        "sqlite:///\ud800.db",
        "sqlite:///a.db?tiemout=1",
        "sqlite:///a.db?timeout=soon",
        "sqlite:///a.db?strict=maybe",
        "solidb://x",
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_url(url)


@pytest.mark.parametrize("url", ["sqlite:/app.db", "sqlite:app.db"])
def test_a_url_without_its_slashes_is_told_with_them(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write sqlite:///app\.db for a relative path"):
        parse_url(url)


def test_another_file_is_not_touched(path: Path, open_channel: Opener) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    with pytest.raises(StoreCorrupt, match="not one of solidb_odm"):
        open_channel()


def test_a_file_that_is_no_database_is_refused(path: Path, open_channel: Opener) -> None:
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(StoreCorrupt):
        open_channel()


def test_a_file_of_a_newer_format_is_refused(channel: FileChannel, path: Path, open_channel: Opener) -> None:
    channel.close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreUnavailable, match="newer version"):
        open_channel()


def test_a_damaged_file_is_told(channel: FileChannel, path: Path, open_channel: Opener) -> None:
    _insert(channel, *(f"{n:05}" for n in range(2000)))
    channel.perform(Commit())
    channel._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[8192:40960] = b"\xff" * (40960 - 8192)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreCorrupt):
        open_channel().perform(RunQuery(parse("FOR u IN users RETURN u")))


def test_a_missing_file_is_not_made_when_told_so(open_channel: Opener, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_channel("?create=false")
    with pytest.raises(StoreUnavailable):
        FileDriver(f"sqlite:///{tmp_path}/no/such/folder/a.db").channel()


def test_writes_are_seen_by_others_after_the_commit_only(channel: FileChannel, open_channel: Opener) -> None:
    other = open_channel()
    _insert(channel, "a")
    assert (_count(channel), _count(other)) == (1, 0)
    channel.perform(Commit())
    assert _count(other) == 1


def test_rollback_and_savepoints_undo(channel: FileChannel) -> None:
    _insert(channel, "a")
    channel.perform(Savepoint('s"1'))
    _insert(channel, "b")
    channel.perform(Savepoint("kept"))
    _insert(channel, "c")
    channel.perform(Release("kept"))
    channel.perform(RollbackTo('s"1'))
    assert _count(channel) == 1
    channel.perform(Rollback())
    assert _count(channel) == 0
    with pytest.raises(TransactionError):
        channel.perform(Release('s"1'))


def test_a_second_writer_waits_and_is_told(channel: FileChannel, open_channel: Opener) -> None:
    other = open_channel("?timeout=0.05")
    _insert(channel, "a")
    with pytest.raises(StoreLocked):
        _insert(other, "b")
    channel.perform(Commit())
    _insert(other, "b")


def test_another_process_can_hold_the_lock(channel: FileChannel, path: Path, open_channel: Opener) -> None:
    hold = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreLocked):
            _insert(open_channel("?timeout=0"), "a")
        holder.communicate()
    _insert(channel, "a")


def test_threads_write_one_after_another(channel: FileChannel, open_channel: Opener) -> None:
    channels = [open_channel() for _ in range(4)]

    def work(number: int) -> None:
        for n in range(10):
            _insert(channels[number], f"{number}-{n}")
            channels[number].perform(Commit())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _count(channel) == 40


def test_channels_of_one_memory_driver_share_it() -> None:
    driver = FileDriver("sqlite://", timeout=0)
    one, two = driver.channel(), driver.channel()
    one.perform(CreateCollection("users"))
    _insert(one, "a")
    with pytest.raises(StoreLocked):
        _insert(two, "b")
    one.perform(Commit())
    assert _count(two) == 1
    assert FileDriver("sqlite://").channel().perform(ListCollections()) == []


def test_closing_undoes_and_gives_back(channel: FileChannel, open_channel: Opener) -> None:
    _insert(channel, "a")
    channel.close()
    channel.close()
    assert _count(open_channel()) == 0
    with pytest.raises(ClosedError):
        _count(channel)


def test_definitions_are_described_and_dropped(channel: FileChannel, open_channel: Opener) -> None:
    specs = (
        IndexSpec("bio", "fulltext", ("bio",)),
        IndexSpec("city", "persistent", ("address.city", "age")),
        IndexSpec("face", "vector", ("face",), dimension=3),
        IndexSpec("home", "geo", ("home",)),
        IndexSpec("seen", "ttl", ("seen",), seconds=5),
    )
    for spec in specs:
        channel.perform(CreateIndex("users", spec))
    found = open_channel().perform(DescribeCollection("users"))
    assert found is not None
    assert found.indexes == specs
    for spec in specs:
        channel.perform(DropIndex("users", spec))
    channel.perform(DropCollection("users"))
    tables = channel._connection.execute(
        "SELECT name FROM sqlite_master WHERE name NOT GLOB '*_solidb_*'"
    ).fetchall()
    assert tables == []


def test_what_exists_or_is_missing_is_told(channel: FileChannel) -> None:
    spec = IndexSpec("a", "persistent", ("a",))
    channel.perform(CreateIndex("users", spec))
    with pytest.raises(IndexExists):
        channel.perform(CreateIndex("users", spec))
    with pytest.raises(CollectionExists):
        channel.perform(CreateCollection("users"))
    with pytest.raises(IndexNotFound):
        channel.perform(DropIndex("users", IndexSpec("b", "persistent", ("b",))))


def test_definitions_in_a_rolled_back_transaction_are_undone(channel: FileChannel) -> None:
    _insert(channel, "a")
    channel.perform(CreateCollection("more"))
    channel.perform(Rollback())
    assert channel.perform(ListCollections()) == ["users"]


def test_a_query_that_writes_is_undone_whole_when_it_fails(channel: FileChannel) -> None:
    _insert(channel, "b")
    with pytest.raises(Exception, match="already exists"):
        channel.perform(RunQuery(parse('FOR k IN ["a", "b", "c"] INSERT {_key: k} INTO users')))
    channel.perform(Commit())
    assert _count(channel) == 1


def test_a_strict_schema_holds_for_queries(channel: FileChannel) -> None:
    pytest.importorskip("jsonschema")
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    channel.perform(SetSchema("users", schema, "strict"))
    channel.perform(RunQuery(parse("INSERT {age: 3} INTO users")))
    with pytest.raises(SchemaViolation, match="age"):
        channel.perform(RunQuery(parse('INSERT {age: "x"} INTO users')))


@pytest.mark.parametrize(
    "text",
    [
        "FOR a IN users FOR b IN users FOR c IN users FOR d IN users FILTER a.x + b.x + c.x == 1 RETURN d.x",
        "FOR a IN 1..3000 FOR b IN 1..3000 FILTER a * b == -1 RETURN 1",
    ],
)
def test_a_query_that_runs_too_long_is_stopped(path: Path, text: str) -> None:
    channel = FileDriver(f"sqlite:///{path}?query_timeout=0.05").channel()
    channel.perform(CreateCollection("users"))
    _insert(channel, *map(str, range(200)))
    channel.perform(Commit())
    with pytest.raises(QueryTimeout):
        channel.perform(RunQuery(parse(text)))
    assert _count(channel) == 200


def test_an_observer_is_told_each_statement(path: Path) -> None:
    seen: list[tuple[str, int, float, int]] = []
    channel = FileDriver(f"sqlite:///{path}", on_statement=lambda *told: seen.append(told)).channel()
    channel.perform(CreateCollection("users"))
    _insert(channel, "a", "b")
    channel.perform(RunQuery(parse("FOR u IN users RETURN u._key")))
    sql, _, milliseconds, rows = seen[-1]
    assert sql.startswith("SELECT")
    assert rows == 2
    assert milliseconds >= 0


def test_an_observer_is_told_once_of_rows_that_are_read_in_parts(path: Path) -> None:
    seen: list[tuple[str, int]] = []
    driver = FileDriver(f"sqlite:///{path}", on_statement=lambda sql, *told: seen.append((sql, told[-1])))
    channel = driver.channel()
    channel.perform(CreateCollection("users"))
    _insert(channel, *(f"u{number}" for number in range(2500)))
    channel.perform(RunQuery(parse("FOR u IN users RETURN SOUNDEX(u._key)")))
    assert [rows for sql, rows in seen if sql.startswith("SELECT") and '"users"' in sql] == [2500]
    driver.close()


@pytest.mark.parametrize("seen", [1, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5+02:00"])
def test_expired_documents_are_removed(channel: FileChannel, seen: object) -> None:
    channel.perform(CreateIndex("users", IndexSpec("seen", "ttl", ("seen",), seconds=60)))
    kept = [9_999_999_999, "2999-01-01T00:00:00Z", None, 1.5, "soon", -1, True]
    rows = [(str(n), {"_key": str(n), "seen": value}) for n, value in enumerate([*kept, seen])]
    channel.perform(Apply([Inserts("users", rows)]))
    channel.perform(Commit())
    assert channel.remove_expired() == 1
    assert _count(channel) == len(kept)


def test_expired_documents_go_when_a_channel_is_opened(channel: FileChannel, open_channel: Opener) -> None:
    channel.perform(CreateIndex("users", IndexSpec("seen", "ttl", ("seen",))))
    channel.perform(Apply([Inserts("users", [("a", {"_key": "a", "seen": 1})])]))
    channel.perform(Commit())
    assert _count(open_channel()) == 0


def test_documents_expire_by_the_time_they_were_made(channel: FileChannel) -> None:
    channel.perform(CreateIndex("users", IndexSpec("made", "ttl", ("_created_at",), seconds=60)))
    _insert(channel, "new", "old")
    channel._connection.execute("UPDATE users SET created = '2020-01-01T00:00:00+00:00' WHERE key = 'old'")
    channel.perform(Commit())
    assert channel.remove_expired() == 1
    assert channel.perform(RunQuery(parse("FOR u IN users RETURN u._key"))) == ["new"]


@pytest.mark.parametrize("seconds", [0, 10**12])
def test_what_comes_after_a_commit_can_not_fail_it(
    path: Path, open_channel: Opener, seconds: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = open_channel()
    first.perform(CreateCollection("users"))
    first.perform(CreateIndex("users", IndexSpec("ends", "ttl", ("ends",), seconds=seconds)))
    refuse = f"CREATE TRIGGER kept BEFORE DELETE ON {table_sql('users')} BEGIN SELECT RAISE(ABORT, 'no'); END"
    connection = sqlite3.connect(path)
    register(connection)
    connection.execute(refuse)
    connection.close()
    channel = open_channel("?sweep=0")
    channel.perform(Apply([Inserts("users", [("a", {"_key": "a", "ends": 1})])]))
    channel.perform(Commit())
    assert _count(open_channel()) == 1
    assert ("were not removed" in caplog.text) == (seconds == 0)


def test_a_file_that_several_processes_open_first_is_laid_out_once(tmp_path: Path) -> None:
    """Between two looks at a file that is new, another process may have laid it out."""
    wrong: list[Exception] = []

    def open_one(path: Path, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            driver = FileDriver(f"sqlite:///{path}")
            driver.channel().close()
            driver.close()
        except SolidbError as problem:
            wrong.append(problem)

    for turn in range(30):
        barrier = threading.Barrier(4)
        arguments = (tmp_path / f"{turn}.db", barrier)
        threads = [threading.Thread(target=open_one, args=arguments) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize("name", ["a#b.db", "a?b.db", "a%b.db", "a b.db", "a%20b.db", "ä.db"])
def test_the_file_has_the_name_that_was_given(tmp_path: Path, name: str) -> None:
    driver = FileDriver(f"sqlite:///{quote(str(tmp_path / name))}")
    driver.channel().close()
    driver.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_relative_path_is_that_of_when_the_engine_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    driver = FileDriver("sqlite:///here.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    driver.channel().close()
    driver.close()
    assert (tmp_path / "here.db").exists()


def test_a_file_in_a_directory_that_can_not_be_written_is_read(
    path: Path, channel: FileChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _insert(channel, "a")
    channel.perform(Commit())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    monkeypatch.setattr(os, "access", lambda *_: False)  # as for anybody but root
    driver = FileDriver(f"sqlite:///{path}")
    reader = driver.channel()
    assert _count(reader) == 1
    with pytest.raises(StoreUnavailable, match="can't be written"):
        _insert(reader, "b")
    reader.close()
    driver.close()


def test_what_a_traceback_holds_stops_nothing_after_an_interrupt(channel: FileChannel) -> None:
    """SQLite stops every statement until the last of those that ran at the interrupt has ended."""
    query = RunQuery(parse("FOR u IN users FILTER u.n > 1 RETURN u.n"))
    gc.disable()
    try:
        cursor = channel._connection.execute("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3")
        assert cursor.fetchone() == (1,)
        holder: list[object] = [cursor]
        holder.append(holder)  # only the collector ends it
        del cursor, holder
        channel.interrupt()
        channel.resume()
        assert channel.perform(query) == []
    finally:
        gc.enable()
