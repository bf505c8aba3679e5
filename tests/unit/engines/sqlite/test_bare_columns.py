"""Columns read without JSON tell the same values as those read with it, whatever comes to stand in them."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from solidb_odm.commands import Apply, Commit, Inserts, RunQuery
from solidb_odm.engines.sqlite import FileChannel
from solidb_odm.language.parser import parse

PLAIN: list[Any] = ["a", "", "é", '\n"\\', "10", "a [b] {c}", "𝄞", None, 2, -7, 2**53, 10**15]
ODD: list[Any] = [
    True,
    False,
    0,
    1,
    -0.0,
    1.0,
    2.5,
    0.1,
    1e300,
    [],
    [1],
    ["a"],
    {},
    {"x": 1},
    "[",
    "{x",
    "[1]",
]
ODD += [2**63 - 1, 2**63, -(2**63), 2**70, "\0", "a\0b", [True, None]]
FORMS = (
    "FOR d IN users RETURN d.a",
    "FOR d IN users RETURN [d.a, d.b]",
    "FOR d IN users RETURN {y: d.b, x: d.a.x, k: d._key}",
    "FOR d IN users FILTER d.b != 'z' SORT d.a DESC LIMIT 5 RETURN [d._key, d.b, d.a == d.b, LENGTH(d._key)]",
    "FOR d IN users FOR e IN users FILTER d.link == e._key RETURN [d.a, e.a, e.link]",
    "FOR d IN users RETURN [[d.a], d.b]",
    "FOR d IN users RETURN DISTINCT d.a",
)


def rows_of(channel: FileChannel, text: str, *, are_loaded: bool = False) -> list[Any]:
    """Return the rows of a query, of which nothing is known yet if its text is new."""
    return channel.perform(RunQuery(parse(text), are_loaded=are_loaded))


def told(values: Any) -> str:
    """Return values as text that tells 1 from 1.0 and from true, and null from what is not there."""
    return json.dumps(values, sort_keys=False)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(4))
def test_a_repeated_query_gives_what_its_first_run_gives(channel: FileChannel, form: str, seed: int) -> None:
    chance = random.Random(f"{form}{seed}")
    for number in range(12):
        values = PLAIN if number < 5 else PLAIN + ODD
        document = {name: chance.choice(values) for name in ("a", "b") if chance.random() < 0.9}
        document["link"] = f"k{chance.randrange(number + 1)}"
        channel.perform(Apply([Inserts("users", [(f"k{number}", {"_key": f"k{number}", **document})])]))
        channel.perform(Commit())
        fresh = rows_of(channel, f"{form.replace('d.', f'd{number}.').replace('FOR d ', f'FOR d{number} ')}")
        for _ in range(2):
            assert told(rows_of(channel, form)) == told(fresh)
            known = channel.known_rows(parse(form), {}, False, False)
            assert known is None or told(known) == told(fresh)
        loaded = rows_of(channel, form, are_loaded=True)
        assert told([list(row) if isinstance(row, tuple) else row for row in loaded]) == told(fresh)


def test_texts_and_integers_are_read_without_json(channel: FileChannel) -> None:
    documents: list[Any] = [(f"k{n}", {"_key": f"k{n}", "a": f"t{n}", "b": n + 5}) for n in range(3)]
    channel.perform(Apply([Inserts("users", documents)]))
    asked: list[str] = []
    channel._connection.set_trace_callback(asked.append)  # pyright: ignore[reportPrivateUsage]
    for _ in range(2):
        assert rows_of(channel, FORMS[1]) == [["t0", 5], ["t1", 6], ["t2", 7]]
    channel.perform(Apply([Inserts("users", [("k9", {"_key": "k9", "a": "t9", "b": True})])]))
    for _ in range(2):
        assert rows_of(channel, FORMS[1])[-1] == ["t9", True]
    reads = [" ".join(sql.split()[1:6]) for sql in asked if sql.startswith("SELECT t1.doc")]
    assert [read.count("->>") for read in reads] == [0, 2, 2, 1, 1]


def test_the_values_of_a_known_query_are_read_without_json(channel: FileChannel) -> None:
    documents: list[Any] = [(f"k{n}", {"_key": f"k{n}", "a": f"t{n}"}) for n in range(3)]
    channel.perform(Apply([Inserts("users", documents)]))
    channel.perform(Commit())
    query = parse(FORMS[0])
    assert channel.perform(RunQuery(query)) == ["t0", "t1", "t2"]
    asked: list[str] = []
    channel._connection.set_trace_callback(asked.append)  # pyright: ignore[reportPrivateUsage]
    assert channel.known_rows(query, {}, True, False) == ["t0", "t1", "t2"]
    assert ["->>" in sql for sql in asked if sql.startswith("SELECT t1.doc")] == [True]
    channel.perform(Apply([Inserts("users", [("k9", {"_key": "k9", "a": [1]})])]))
    channel.perform(Commit())
    assert channel.known_rows(query, {}, True, False) is None  # the rest of what is to be done
    assert channel.perform(RunQuery(query)) == ["t0", "t1", "t2", [1]]
    assert channel.known_rows(query, {}, True, False) == ["t0", "t1", "t2", [1]]
