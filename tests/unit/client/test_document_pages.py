"""How many documents a page has: as many as asked for, or as many as their weight allows."""

import random
import re
from typing import Any

import msgpack
import pytest

from solidb_odm.client.documents import PAGE, PAGE_BYTES, pages
from solidb_odm.errors import ConnectionLost
from solidb_odm.wire.frames import Answer

Stored = list[dict[str, Any]]


def read(stored: Stored, size: int | None = None, limit: int = 16 * 1024 * 1024) -> tuple[Stored, list[int]]:
    """Read all pages; return the documents, and how many were asked for each time.

    The answers come from a list in the order of keys; one over the limit is a lost connection.
    """
    documents, wanted = Stored(), list[int]()
    exchange = pages("base", "things", size=size)
    while True:
        batch: Any = next(exchange)
        try:
            while True:
                request = msgpack.unpackb(batch.chunks[0][4:])
                wanted.append(int(re.findall(r"LIMIT (\d+)", request["sdbql"])[0]))
                after = request.get("bind_vars", {}).get("after", "")
                rows = [document for document in stored if document["_key"] > after][: wanted[-1]]
                if len(msgpack.packb(rows)) > limit:
                    batch = exchange.throw(ConnectionLost("lost"))
                else:
                    batch = exchange.send([Answer(rows)])
        except StopIteration as stop:
            page = stop.value
        documents += page.items
        if page.more is None:
            return documents, wanted
        exchange = page.more()


def stored(count: int, weights: Any = lambda: 10) -> Stored:
    return [{"_key": f"k{number:06}", "text": "x" * weights()} for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE, 30 * PAGE])
def test_all_documents_come_once_and_in_order(count: int) -> None:
    documents = stored(count)
    assert read(documents)[0] == documents


def test_pages_of_light_documents_grow() -> None:
    assert read(stored(21_500))[1] == [1000, 4000, 16_000, 64_000]
    assert read(stored(7), size=2)[1] == [2, 2, 2, 2]


def test_pages_of_heavy_documents_do_not_weigh_more_than_they_should() -> None:
    documents = stored(3_000, lambda: 20_000)
    all_of_them, wanted = read(documents, limit=100 * 1024 * 1024)
    assert all_of_them == documents
    assert max(wanted[1:]) <= PAGE_BYTES / 20_000


def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages() -> None:
    chance = random.Random(5)
    documents = stored(2_500, lambda: chance.choice((5, 5, 5, 90_000)) if chance.random() < 0.1 else 5)
    for size in (None, 700):
        assert read(documents, size, limit=600_000)[0] == documents
    with pytest.raises(ConnectionLost):
        read(stored(1, lambda: 700_000), limit=600_000)
