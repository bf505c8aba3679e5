"""Running SDBQL on the file: as one SQL statement where that is exact, else in Python."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ..._collector import AS_EVER, AT_LEAST, HeldOff
from ..._types import Json, Stored
from ...commands import ExplainQuery, FetchDocuments, RunQuery
from ...errors import QueryError, QueryLimitError, QueryTimeout
from ...language import interpreter, nodes
from ...language.interpreter import Limits
from ...language.walk import writes
from . import library
from .catalogue import Catalogue
from .document_source import HeadGaveUp, SqliteSource, head_rows, stored_form
from .documents import Writer, get_many, now
from .explain import explain
from .file_transaction import Transaction
from .file_url import StoreOptions
from .hit_queries import HitQuery, hit_query
from .index_ranking import by_key
from .interrupts import Ticks, raise_interrupt
from .library import code_of
from .nearest_rows import NearestRows, constant, count_of
from .nearness import Nearness, source_of_documents
from .order_key import NotReversible
from .pace import Turn
from .plan_cache import Analyses, Known, PlanCache, Steady, Way
from .searches import Matches, Searcher, take_out
from .sql.bare_columns import bare_form
from .sql.bulk_writes import BulkWrite, bulk_write
from .sql.candidates import Narrowings
from .sql.heads import split
from .sql.parameters import Signature, signature
from .sql.plans import Plan, along_links
from .sql.plans import plan as make_plan
from .sql.row_shapes import Columns, distinct_values
from .sql.terms import DOCUMENT_COLUMNS, NotInSql
from .text_ranking import TextRanking
from .vector_index import VectorCache, VectorIndexes

if TYPE_CHECKING:
    from ...language.interpreter import Prepared

_INSTRUCTIONS_A_TICK: Final = 20_000
_MOST_ROWS: Final = Limits().max_rows
_WIDTH: Final = len(DOCUMENT_COLUMNS)


class _SchemaMoved(Exception):  # a signal, never seen by callers
    """The schema of the file is not the one that a plan was made for."""


class Queries:
    """Runs queries on one connection, keeping their plans while the schema stays."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalogue: Catalogue,
        transaction: Transaction,
        writer: Writer,
        options: StoreOptions,
        plans: PlanCache,
        vectors: VectorCache,
    ) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._transaction = transaction
        self._writer = writer
        self._options = options
        self._plans = plans
        indexes = VectorIndexes(connection, vectors, lambda: transaction.is_writing)
        self._searcher = Searcher(connection, catalogue, indexes)
        self._nearest = NearestRows(connection, catalogue, indexes, plans)
        self._hits = plans.analyses.get(hit_query) or plans.seen_by(hit_query)
        self._prepared = Analyses(_prepared)
        self.ticks = Ticks()
        connection.set_progress_handler(self.ticks.handler(), _INSTRUCTIONS_A_TICK)

    def is_cancelled(self) -> bool:
        """Tell whether what runs is to stop."""
        return self.ticks.cancelled

    def run(self, command: RunQuery) -> list[Json]:
        """Return the rows of a query."""
        wanted = self._nearest.of(command.query)
        entry = self._expected(command.query, command.binds) if wanted is None else None
        if entry is not None and entry.is_plain:
            return self._run_planned(command, entry)
        if wanted is not None and (nearest := self._by_nearness(command, wanted)) is not None:
            return nearest
        hits = self._hits.of(command.query)
        if hits is not None and (values := self._by_hits(command, hits)) is not None:
            return values
        return self._run_planned(command, entry)

    def _run_planned(self, command: RunQuery, entry: Known | None) -> list[Json]:
        if entry is not None and entry.bare is not None and not entry.trust.rests:
            try:
                bare = self._run_bare(entry, command.binds, are_loaded=command.are_loaded)
            except _SchemaMoved:
                bare = entry = None
            if bare is not None:
                return bare
        entry, rows = self._by_plan(command.query, command.binds, entry)
        if rows is not None:
            values = self._read(entry, rows, are_loaded=command.are_loaded)
            if values is not None:
                return values
        if entry.bulk is not None and entry.trust.holds():
            written = self._write_at_once(entry, entry.bulk, command.binds)
            if written is not None:
                return written
        return self._evaluate(entry, command.query, command.binds)

    def _run_bare(self, entry: Known, binds: Mapping[str, Any], *, are_loaded: bool) -> list[Json] | None:
        """Return the values of a plan with columns read without JSON; None where that can't tell any more."""
        while (bare := entry.bare) is not None:
            rows = self._rows(entry, bare.sql, bare.plan.parameters.values(binds))
            if not rows:
                return rows
            with HeldOff() if len(rows) >= AT_LEAST else AS_EVER:
                columns: Columns = list(zip(*rows, strict=True))
                odd = bare.odd(columns)
                try:
                    if not odd:
                        return bare.values(columns, rows, are_loaded=are_loaded)
                    entry.bare = bare.without(odd)
                except NotReversible:
                    entry.bare = None
        return None

    def fetch(self, command: FetchDocuments) -> list[Stored | None]:
        """Return the rows of a query over documents as they are stored."""
        wanted = self._nearest.of(command.query)
        hits = self._hits.of(command.query) if wanted is None else None
        entry = self._expected(command.query, command.binds) if wanted is hits is None else None
        if entry is not None and entry.is_plain:
            plan = entry.plan
            if plan is not None and plan.is_documents and not entry.trust.rests:
                try:  # as below, with fewer calls, as it is so with most
                    rows = self._rows(entry, plan.sql, plan.parameters.values(command.binds))
                    if rows and len(rows[0]) == _WIDTH:
                        return rows
                    return self._trimmed(command, rows)
                except _SchemaMoved:
                    entry = None
            return self._fetch_planned(command, entry)
        values = None
        if wanted is not None:
            if (nearest := self._documents_by_nearness(command, wanted)) is not None:
                return nearest
            values = self._by_nearness(command, wanted)
        elif hits is not None and (documents := self._documents_by_hits(command, hits)) is not None:
            return documents
        return self._fetch_planned(command, entry) if values is None else self._documents(command, values)

    def known_rows(
        self, query: nodes.Query, binds: Mapping[str, Any], is_steady: bool, are_documents: bool
    ) -> list[Any] | None:
        """Return what ``fetch`` or ``run`` do of a query that ran before, with fewer calls.

        None where there is more to do. ``is_steady``: the types of its values are the same each time.
        """
        catalogue = self._catalogue
        if catalogue.is_private:
            return None
        same = self._plans.steady.get((catalogue.version, id(query))) if is_steady else None
        if same is None and (same := self._steady(query, binds, is_steady)) is None:
            return None
        _, entry, plan, as_it_is = same
        if entry.trust.rests or (are_documents and not plan.is_documents):
            return None
        try:
            if not are_documents and entry.bare is not None:
                return self._run_bare(entry, binds, are_loaded=False)
            rows = self._rows(entry, plan.sql, binds if as_it_is else plan.parameters.values(binds))
        except _SchemaMoved:
            return None
        if not are_documents:
            return None if rows is None else self._read(entry, rows, are_loaded=False)
        return rows if not rows or len(rows[0]) == _WIDTH else [row[:_WIDTH] for row in rows]

    def _steady(self, query: nodes.Query, binds: Mapping[str, Any], is_steady: bool) -> Steady | None:
        """Return how the plan of a query runs, if there is one."""
        entry = self._expected(query, binds)
        if entry is None or not entry.is_plain or entry.plan is None:
            return None
        if entry.takes_binds is None:
            entry.takes_binds = entry.plan.parameters.are_binds
        steady = query, entry, entry.plan, entry.takes_binds
        if is_steady:
            self._plans.keep_steady(self._catalogue.version, steady)
        return steady

    def _fetch_planned(self, command: FetchDocuments, entry: Known | None) -> list[Stored | None]:
        return self._trimmed(command, self._by_plan(command.query, command.binds, entry, documents=True)[1])

    def _trimmed(self, command: FetchDocuments, rows: list[Any] | None) -> list[Stored | None]:
        if rows is None:
            return self._documents(command, self.run(RunQuery(command.query, command.binds)))
        return [row[:_WIDTH] for row in rows] if rows and len(rows[0]) > _WIDTH else rows

    def _documents(self, command: FetchDocuments, values: list[Json]) -> list[Stored | None]:
        try:
            return self._stored(command.query, values)
        except (TypeError, KeyError, AttributeError) as exc:
            raise QueryError(
                "the query does not return whole documents",
                hint="return the variable of its FOR, or run it for its rows",
            ) from exc

    def _stored(self, query: nodes.Query, values: list[Json]) -> list[Stored | None]:
        """Return documents as they are stored: read again, which is faster than to write their texts."""
        source = self._catalogue.find(source_of_documents(query))
        if source is None:
            return list(map(stored_form, values))
        rows = get_many(self._connection, source.table, [value["_key"] for value in values])
        known = {(row[0], row[1]): row for row in rows}
        return [known.get((value["_key"], value["_rev"])) or stored_form(value) for value in values]

    def explain(self, command: ExplainQuery) -> Json:
        """Say which SQL a query becomes, which indexes that uses, and what runs in Python and why."""
        entry = self._entry(command.query, command.binds)
        if entry.trust.reason:
            entry = _in_python(entry, entry.trust.reason)
        try:
            return self._explained(entry, command)
        except library.operational_errors() as exc:  # nested deeper than SQLite's parser goes, or as wide
            if code_of(exc) != sqlite3.SQLITE_ERROR:
                raise
            return self._explained(_in_python(entry, str(exc)), command)

    def _explained(self, entry: Known, command: ExplainQuery) -> Json:
        way = None if entry.plan is not None else self._way(entry, command.query, with_head=True)
        answer = explain(self._connection, self._catalogue, entry, way, command.binds)
        wanted = self._nearest.of(command.query)
        index = None
        if wanted is not None:
            narrowings = self._narrowings(wanted, command.query, command.binds)
            index = self._nearest.index_of(wanted, command.binds, narrowings)
        if (hits := self._hits.of(command.query)) is not None:
            matches, ranked = self._searcher.matches(hits, command.binds, self._narrowed), int(hits.ranked)
            wanted, index = hits.best if matches else None, matches[ranked].index if matches else None
        if wanted is not None and index is not None:
            chosen = f"{wanted.collection}.{index.spec.name}"
            answer = {**answer, "indexes": [chosen, *answer["indexes"]]}
            answer["python"] = {
                "what": "the documents that the index chooses, sorted",
                "why": "",
                "reads": [],
            }
        return answer

    # --- plans -----------------------------------------------------------------------------------

    def _entry(self, query: nodes.Query, binds: Mapping[str, Any]) -> Known:
        key = (self._catalogue.refresh(), query, signature(binds))
        if self._catalogue.is_private:  # by a change of the schema that may yet be rolled back
            return self._plan(*key[1:])
        known = self._plans.get(key)
        if known is None:
            known = self._plan(*key[1:])
            self._plans.put(key, known)
        return known

    def _expected(self, query: nodes.Query, binds: Mapping[str, Any]) -> Known | None:
        """Return what is known of a query if the schema has not changed, and there is a plan."""
        if self._catalogue.is_private:
            return None
        version, types = self._catalogue.version, signature(binds)
        same = self._plans.same.get((version, id(query), types))
        known = self._plans.get((version, query, types)) if same is None else same[1]
        return known if known is not None and known.plan is not None else None

    def _plan(self, query: nodes.Query, types: Signature) -> Known:
        database, strict, find = self._options.database_name, self._options.strict, self._catalogue.find
        entry = Known(writes(query), narrowings=Narrowings(types, database))
        names = self._catalogue.names
        try:
            if entry.writes:
                entry.bulk = bulk_write(query, types, find, database=database, strict=strict)
                raise NotInSql("it writes")
            entry.plan = self._better(make_plan(query, types, find, names, database=database, strict=strict))
            entry.is_plain = self._nearest.of(query) is None and self._hits.of(query) is None
            entry.bare = bare_form(entry.plan) if entry.is_plain else None
        except NotInSql as exc:
            entry.reason = str(exc)
            entry.head = split(query, types, find, names, database=database, strict=strict)
        except RecursionError:
            entry.reason = "it is nested too deep"
        return entry

    def _better(self, plan: Plan) -> Plan:
        """Let documents be read after they are sorted, where no index has their order.

        Of a link nothing is read twice where it is known which way SQLite goes along it. Documents of a join
        are not sorted where all of the table whose keys come first is read.
        """
        if not plan.late and plan.links is None and plan.by_keys is None:
            return plan
        unknown = dict.fromkeys(plan.parameters.getters)
        try:
            rows = self._connection.execute(f"EXPLAIN QUERY PLAN {plan.sql}", unknown).fetchall()
        except library.operational_errors():
            return plan  # whoever runs it will hear why
        steps = [row[3] for row in rows]
        if plan.links is not None:
            return along_links(plan, plan.links, steps)
        if plan.by_keys is not None:
            table, by_keys = plan.by_keys
            return replace(plan, sql=by_keys) if steps[0].split()[:2] == ["SCAN", table] else plan
        return replace(plan, sql=plan.late) if any("TEMP B-TREE" in step for step in steps) else plan

    # --- SQL -------------------------------------------------------------------------------------

    def _by_plan(
        self,
        query: nodes.Query,
        binds: Mapping[str, Any],
        entry: Known | None,
        *,
        documents: bool = False,
    ) -> tuple[Known, list[Any] | None]:
        """Run a query's plan. There are no rows without one, or if SQL gave up, which is then noted.

        ``entry`` is what is expected to be known; ``documents``: run it only if its rows are documents as
        they are stored.
        """
        while True:
            entry = entry or self._entry(query, binds)
            plan, trust = entry.plan, entry.trust
            if plan is None or (documents and not plan.is_documents) or (trust.rests and not trust.holds()):
                return entry, None
            try:
                return entry, self._rows(entry, plan.sql, plan.parameters.values(binds))
            except _SchemaMoved:
                entry = None

    def _rows(self, entry: Known, sql: str, values: Mapping[str, Any]) -> list[Any] | None:
        """Return the rows of a plan; None if SQL gave up. _SchemaMoved if it was made for another schema.

        That is asked while the statement reads: of the same state of the file, and for half the price.
        """
        cursor: sqlite3.Cursor | None = None
        self.ticks.deadline = time.monotonic() + self._options.query_timeout
        try:
            cursor = self._connection.execute(sql, values)
            if self._catalogue.has_moved():
                raise _SchemaMoved
            rows = cursor.fetchmany(_MOST_ROWS + 1)
            if len(rows) > _MOST_ROWS:
                raise QueryLimitError(
                    f"the query returns more than {_MOST_ROWS} rows",
                    hint="filter earlier, or read the collection in pages",
                )
            if entry.trust.reason:
                entry.trust.restore()
            return rows
        except library.operational_errors() as exc:
            self._check_error(exc)
            if self._catalogue.has_moved():
                raise _SchemaMoved from exc
            entry.trust.lower(str(exc))
            return None
        except BaseException:
            if cursor is not None:  # whoever keeps the error would have it read on
                cursor.close()
            raise
        finally:
            self.ticks.deadline = math.inf

    def _check_error(self, error: sqlite3.OperationalError) -> None:
        """Raise an error of SQLite's that does not just say that SQL can't tell."""
        raise_interrupt(error)
        if code_of(error) == sqlite3.SQLITE_INTERRUPT and not self.ticks.cancelled:
            raise self._too_long() from error
        if code_of(error) != sqlite3.SQLITE_ERROR:
            raise error

    def _read(self, entry: Known, rows: list[Any], *, are_loaded: bool) -> list[Json] | None:
        """Return the values of the rows of a plan; None if they can't be told from their order keys."""
        plan = entry.plan
        if not rows or plan is None:
            return []
        try:
            with HeldOff() if len(rows) >= AT_LEAST else AS_EVER:
                columns: Columns = list(zip(*rows, strict=True))
                load = plan.shape.load if are_loaded and not plan.distinct else None
                values = (load or plan.shape.read)(columns)
        except NotReversible as exc:
            entry.trust.lower(str(exc))
            return None
        return distinct_values(values) if plan.distinct else values

    def _too_long(self) -> QueryTimeout:
        return QueryTimeout(
            f"the query ran longer than {self._options.query_timeout:g} s",
            hint="add an index, ask for less, or raise ?query_timeout=",
        )

    def _write_at_once(self, entry: Known, bulk: BulkWrite, binds: Mapping[str, Any]) -> list[Json] | None:
        """Return what a bulk write returns; None, with nothing written, if SQL gave up."""
        values, version = bulk.values(binds, now()), self._catalogue.version
        if values is None:
            return None
        with self._transaction.step():
            if self._catalogue.version != version:
                return None
            self.ticks.deadline = time.monotonic() + self._options.query_timeout
            try:
                cursor = self._connection.execute(bulk.sql, values)
                written: list[Json] = [key for (key,) in cursor] if bulk.returns_keys else [cursor.rowcount]
            except library.integrity_errors():
                return None
            except library.operational_errors() as exc:
                self._check_error(exc)
                entry.trust.lower(str(exc))
                return None
            finally:
                self.ticks.deadline = math.inf
        entry.trust.restore()
        return written

    # --- Python ----------------------------------------------------------------------------------

    def _evaluate(self, entry: Known, query: nodes.Query, binds: Mapping[str, Any]) -> list[Json]:
        with_head = entry.head is not None and entry.trust.holds()
        try:
            return self._evaluate_by(entry, self._way(entry, query, with_head), binds)
        except HeadGaveUp as exc:
            entry.trust.lower(str(exc))
        return self._evaluate_by(entry, self._way(entry, query, with_head=False), binds)

    def _evaluate_by(self, entry: Known, way: Way, binds: Mapping[str, Any]) -> list[Json]:
        with self._transaction.step() if entry.writes else self._transaction.snapshot():
            self.ticks.deadline = time.monotonic() + self._options.query_timeout
            try:
                rows = self._run_prepared(entry, way, binds)
            finally:
                self.ticks.deadline = math.inf
        if way.head is not None:
            entry.trust.restore()
        return rows

    def _way(self, entry: Known, query: nodes.Query, with_head: bool) -> Way:
        """Return what Python runs; made once, whichever thread comes first."""
        with_head = with_head and entry.head is not None
        way = entry.ways.get(with_head)
        if way is None:
            head = entry.head if with_head else None
            rest = query if head is None else head.rest
            rewritten = take_out(rest)
            way = entry.ways.setdefault(
                with_head, Way(rest, head, rewritten, interpreter.prepare(rewritten.query))
            )
        return way

    def _run_prepared(self, entry: Known, way: Way, binds: Mapping[str, Any]) -> list[Json]:
        prepared, answers = way.prepared, None
        name = self._options.database_name
        source = SqliteSource(self._connection, self._catalogue, self._writer, name, entry.narrowings)
        if way.head is not None:
            source.rows = head_rows(self._connection, way.head.plan, binds)
        if way.rewritten.searches:
            answers = self._searcher.answer(way.rewritten, binds, self._narrowed)
            prepared = interpreter.prepare(way.query) if answers is None else prepared
        turn = Turn(lambda: self.ticks.cancelled)
        cancelled = (lambda: self.ticks.cancelled) if entry.writes else turn.look
        limits = Limits(seconds=self._options.query_timeout, cancelled=cancelled)
        run = prepared.run(source, binds, answers, strict=self._options.strict, limits=limits)
        try:
            return list(run)
        finally:
            turn.end()

    def _by_nearness(self, command: RunQuery | FetchDocuments, wanted: Nearness) -> list[Json] | None:
        """Return the rows of a query for what is nearest; None where no index can choose the documents."""
        query, binds = command.query, command.binds
        with self._transaction.snapshot():
            narrowings = self._narrowings(wanted, query, binds)
            limits = Limits(seconds=self._options.query_timeout, cancelled=self.is_cancelled)
            prepared = self._prepared.of(query)

            def run(rowids: Sequence[int]) -> list[Json]:
                source = self._narrowed(wanted.collection, rowids)
                return list(prepared.run(source, binds, strict=self._options.strict, limits=limits))

            return self._nearest.rows(wanted, binds, narrowings, run, approximate=command.approximate)

    def _documents_by_nearness(self, command: FetchDocuments, wanted: Nearness) -> list[Stored | None] | None:
        """Return the documents of a query for what is nearest; None where an index alone can't sort them."""
        query, binds = command.query, command.binds
        if not wanted.is_plain:
            return None
        with self._transaction.snapshot():
            narrowings = self._narrowings(wanted, query, binds)
            return self._nearest.documents(wanted, binds, narrowings, approximate=command.approximate)

    def _by_hits(self, command: RunQuery, hits: HitQuery) -> list[Json] | None:
        """Return the rows of a query on the hits of searches; None where indexes alone can't rank them."""
        binds = command.binds
        with self._searched(hits, binds) as (matches, ranking):
            if not matches:
                return None
            if ranking is None or hits.best is None:
                return self.run(RunQuery(hits.query, self._searcher.answered(matches, None, binds)))
            limits = Limits(seconds=self._options.query_timeout, cancelled=self.is_cancelled)
            prepared, collection = self._prepared.of(hits.query), matches[hits.ranked].collection

            def run(rowids: Sequence[int]) -> list[Json]:
                given = self._searcher.answered(matches, rowids, binds)
                source = self._narrowed(collection, rowids)
                return list(prepared.run(source, given, strict=self._options.strict, limits=limits))

            count, limit = count_of(hits.best, binds), constant(hits.best.limit, binds)
            return ranking.rows(count or 0, limit, run)

    def _documents_by_hits(self, command: FetchDocuments, hits: HitQuery) -> list[Stored | None] | None:
        """Return the documents of a query on hits of searches; None where the language must sort them."""
        binds = command.binds
        with self._searched(hits, binds) as (matches, ranking):
            if not matches:
                return None
            if hits.all_of == matches[0].collection:
                return by_key(self._connection, self._catalogue.need(hits.all_of).table, matches[0].scores)
            if ranking is None or hits.best is None:
                return self.fetch(FetchDocuments(hits.query, self._searcher.answered(matches, None, binds)))
            if not hits.best.is_plain:
                return None
            offset = 0 if hits.best.offset is None else constant(hits.best.offset, binds)
            return ranking.documents(count_of(hits.best, binds) or 0, offset)

    @contextmanager
    def _searched(
        self, hits: HitQuery, binds: Mapping[str, Any]
    ) -> Generator[tuple[list[Matches], TextRanking | None], None, None]:
        """Read what searches find, and what ranks it, from one state of the file."""
        for search in hits.searches:
            self._searcher.prepare(search.call, binds)
        with self._transaction.snapshot():
            self._catalogue.refresh()
            matches = self._searcher.matches(hits, binds, self._narrowed)
            yield matches, self._text_ranking(hits, matches, binds) if matches else None

    def _text_ranking(
        self, hits: HitQuery, matches: Sequence[Matches], binds: Mapping[str, Any]
    ) -> TextRanking | None:
        """Return what ranks the documents that were found; None where others are asked for, or too many."""
        wanted, ranked = hits.best, matches[hits.ranked]
        if wanted is None or wanted.collection != ranked.collection or count_of(wanted, binds) is None:
            return None
        if any(match.collection != ranked.collection for match in matches):
            return None
        scores = ranked.scores
        for other in (matches[number].scores for number in hits.also):
            scores = {rowid: score for rowid, score in scores.items() if rowid in other}
        collection, allowed = self._catalogue.need(ranked.collection), None
        if wanted.conditions:
            binds = self._searcher.answered(matches, scores, binds)
            narrowings = self._entry(hits.query, binds).narrowings
            allowed = self._nearest.allowed(collection, wanted, narrowings)
        return TextRanking(self._connection, collection, ranked.index, wanted, allowed, binds, scores)

    def _narrowings(
        self, wanted: Nearness, query: nodes.Query, binds: Mapping[str, Any]
    ) -> Narrowings | None:
        if not wanted.conditions:
            self._catalogue.refresh()
            return None
        return self._entry(query, binds).narrowings

    def _narrowed(self, collection: str, rowids: Sequence[int]) -> SqliteSource:
        name = self._options.database_name
        return SqliteSource(
            self._connection, self._catalogue, self._writer, name, rowids=(collection, rowids)
        )


def _prepared(query: nodes.Query) -> Prepared:
    """Compile a query for the evaluator, which is loaded when the first one comes."""
    return interpreter.prepare(query)


def _in_python(entry: Known, reason: str) -> Known:
    """Return how a query runs that SQL gives up."""
    return Known(entry.writes, reason=f"SQL gave up: {reason}", narrowings=entry.narrowings)
