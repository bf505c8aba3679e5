"""Record anew what a running server answers to the queries of tests/fixtures/sdbql-cases.json.

``--observe FILE`` asks the queries of a file, one a line, over the same data, and adds them with their
answers to sdbql-observed.json; ``--observe -`` records those that are there anew.

``python -m tools.record_cases`` starts the server that is found; ``--only NAME`` asks for some cases, and
``--check`` changes nothing and says which answers are no longer the recorded ones. A case keeps its
query, and where both agree, the words of its expected error.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx

from .server import LocalServer, find_server, running_server

CASES = Path(__file__).parents[1] / "tests" / "fixtures" / "sdbql-cases.json"
OBSERVED = CASES.with_name("sdbql-observed.json")
DATABASE = "t"
"""Names matter: an ``_id`` begins with the database's."""

Case = dict[str, Any]
_PLAIN_INDEXES = ("persistent", "hash", "fulltext", "bloom", "cuckoo")
_BATCH = 10_000
_WRITES = re.compile(r"\b(INSERT|UPDATE|REPLACE|REMOVE|UPSERT) ")
_VARYING = ("_rev", "_created_at", "_updated_at")
_MISSING = {"CollectionNotFound": "Collection", "DocumentNotFound": "Document"}


class Recorder:
    """A server with the data set in a database of its own, made anew after a case that changes it."""

    def __init__(self, server: LocalServer, collections: list[dict[str, Any]]) -> None:
        self._server = server
        self._http: httpx.Client = server.http
        self._collections = collections
        self._is_fresh = False

    def answer(self, case: Case) -> dict[str, Any]:
        """Return what the server answers, as a case expects it: rows, or an error with its kind."""
        if not self._is_fresh:
            self._fill()
        self._is_fresh = not any(case.get(key) for key in ("mutates", "indexes", "setup", "after"))
        for index in case.get("indexes", []):
            self._declare(index)
        for step in case.get("setup", []):
            self._ask(step["query"], step.get("bind_vars"))
        return self._ask(case["query"], case["bind_vars"])

    def after(self, case: Case) -> list[Any]:
        """Return the rows of the query that looks at what a case has left."""
        rows: list[Any] = self._ask(case["after"]["query"])["rows"]
        return rows

    def close(self) -> None:
        """Drop the database."""
        self._server.drop_database(DATABASE)

    def _fill(self) -> None:
        self._server.drop_database(DATABASE)
        self._server.create_database(DATABASE)
        for collection in self._collections:
            made = {"name": collection["name"], "type": collection["type"]}
            self._post("collection", made).raise_for_status()
            self._ask(f"FOR d IN @docs INSERT d INTO `{made['name']}`", {"docs": collection["docs"]})

    def _declare(self, index: dict[str, Any]) -> None:
        kind, collection = index["type"], index["collection"]
        made = {"name": index["name"], "field": index["fields"][0]}
        if kind in _PLAIN_INDEXES:
            made |= {"fields": index["fields"], "type": kind, "unique": bool(index.get("unique"))}
            self._post(f"index/{collection}", made).raise_for_status()
        else:
            made |= {key: index[key] for key in ("dimension", "metric") if index.get(key)}
            self._post(f"{kind}/{collection}", made).raise_for_status()

    def _ask(self, query: str, binds: dict[str, Any] | None = None) -> dict[str, Any]:
        asked = {"query": query, "bind_vars": binds or {}, "cache": False, "batch_size": _BATCH}
        reply = self._post("cursor", asked)
        answer = reply.json()
        if reply.is_success:
            return {"rows": answer["result"]}
        kind, words = str(answer["type"]), str(answer["error"])
        if kind in _MISSING:  # over HTTP these name the thing alone
            words = f"{_MISSING[kind]} '{words}' not found"
        return {"error": words, "kind": kind}

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self._http.post(f"/_api/database/{DATABASE}/{path}", json=body)


def agrees(answer: dict[str, Any], case: Case) -> bool:
    """Return whether an answer is the recorded one, by the case's own idea of a match."""
    wanted, match = case["expect"], case.get("match", "exact")
    if "error" in wanted or "error" in answer:
        return "error" in wanted and "error" in answer and _means_the_same(answer, wanted)
    if tolerance := case.get("tolerance"):
        pairs = zip(answer["rows"], wanted["rows"], strict=False)
        return all(math.isclose(one, two, rel_tol=tolerance) for one, two in pairs)
    return _comparable(answer["rows"], match) == _comparable(wanted["rows"], match)


def _means_the_same(answer: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if wanted.get("kind") == answer["kind"] == "ParseError":
        return True
    return any(part.lower() in answer["error"].lower() for part in wanted["error"].split("|"))


def _comparable(rows: list[Any], match: str) -> list[Any]:
    if match == "keys":
        return [row["_key"] if isinstance(row, dict) else row for row in rows]
    texts = [json.dumps(row, sort_keys=True) for row in rows]
    return sorted(texts) if match == "bag" else texts


def record(recorder: Recorder, cases: Iterable[Case]) -> Iterator[tuple[Case, bool]]:
    """Ask every case and yield it with its present answer, and whether that is another one."""
    for case in cases:
        answer = recorder.answer(case)
        left = recorder.after(case) if case.get("after") else None
        changed = not agrees(answer, case) or (left is not None and left != case["after"]["rows"])
        if not changed:
            yield case, False
            continue
        fresh = {**case, "expect": answer, "origin": "recorded"}
        if left is not None:
            fresh["after"] = {**case["after"], "rows": left}
        if case.get("match") == "keys" and "rows" in answer:
            fresh["expect"] = {"rows": _comparable(answer["rows"], "keys")}
        yield fresh, True


def write(path: Path, fixture: dict[str, Any], cases: list[Case]) -> None:
    """Write the fixture, a case a line."""
    head = {key: value for key, value in fixture.items() if key != "cases"}
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    opening = json.dumps(head, ensure_ascii=False, indent=1).rsplit("\n}", 1)[0]
    path.write_text(f'{opening},\n "cases": [\n{lines}\n]\n}}\n', encoding="utf-8")


def observe(recorder: Recorder, queries: Iterable[str]) -> Iterator[Case]:
    """Ask queries without binds, each over fresh data, and yield them with their rows or the error."""
    for query in queries:
        answer = recorder.answer({"query": query, "bind_vars": {}, "mutates": bool(_WRITES.search(query))})
        if "error" in answer:
            yield {"query": query, "error": answer["error"][:60]}
        else:
            yield {"query": query, "rows": _lasting(answer["rows"])}


def _lasting(value: Any) -> Any:
    """Return a value without the attributes that every write makes anew."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _lasting(item) for key, item in items if key not in _VARYING}
    return list(map(_lasting, cast(Any, value))) if isinstance(value, list) else value


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.record_cases", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if an answer is another")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="ask this case alone")
    parser.add_argument("--observe", metavar="FILE", help="add the queries of a file, one a line; - for none")
    return parser.parse_args()


def main() -> int:
    """Record, and say what changed."""
    options = arguments()
    binary = find_server()
    if binary is None:
        print("no solidb server in SOLIDB_BIN, PATH or cargo's bin; `make server` installs it")
        return 2
    fixture: dict[str, Any] = json.loads(CASES.read_text("utf-8"))
    if options.observe:
        return _observe(binary, fixture["dataset"]["collections"], options.observe)
    cases: list[Case] = fixture["cases"]
    chosen = [case for case in cases if not options.only or case["name"] in options.only]
    fresh: dict[str, Case] = {}
    with tempfile.TemporaryDirectory() as folder, running_server(binary, Path(folder)) as server:
        recorder = Recorder(server, fixture["dataset"]["collections"])
        for case, changed in record(recorder, chosen):
            if changed:
                fresh[case["name"]] = case
                print(f"{case['name']}: {json.dumps(case['expect'], ensure_ascii=False)[:200]}")
    print(f"{len(chosen)} cases asked, {len(fresh)} answers are new")
    if options.check:
        return int(bool(fresh))
    if fresh:
        write(CASES, fixture, [fresh.get(case["name"], case) for case in cases])
    return 0


def _observe(binary: Path, collections: list[dict[str, Any]], file: str) -> int:
    known: dict[str, Any] = json.loads(OBSERVED.read_text("utf-8"))
    queries = [case["query"] for case in known["cases"]]
    if file != "-":
        lines = Path(file).read_text("utf-8").splitlines()
        queries += [line for line in lines if line and line not in queries]
    with tempfile.TemporaryDirectory() as folder, running_server(binary, Path(folder)) as server:
        cases = list(observe(Recorder(server, collections), queries))
    write(OBSERVED, known, cases)
    print(f"{len(cases)} queries asked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
