"""What a bulk insert sends: the bytes of the request as it would be packed whole, in messages that fit."""

from collections import OrderedDict, UserDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
import pytest

from solidb_odm.client import requests
from solidb_odm.client.documents import insert_many
from solidb_odm.errors import InvalidDocument
from solidb_odm.wire.exchange import request_frame
from solidb_odm.wire.frames import Answer

DOCUMENTS: list[Mapping[str, Any]] = [
    {"_key": "a", "n": 1, "f": 1.5, "deep": {"list": [1, [2, {"x": None}], "ü" * 40]}},
    {},
    OrderedDict(b=2, a=1),
    UserDict({"z": [True, False]}),
    {"text": "x" * 300, "big": 2**63},
    {"looks": "\xcb\x7f\xf0 is no number", "bytes": [9.0, -0.0]},
]


def sent(documents: Sequence[Mapping[str, Any]]) -> tuple[list[bytes], int]:
    """Return the frames of a bulk insert whose every message is answered with 1, and the sum."""
    exchange, frames = insert_many("base", "things", documents), list[bytes]()
    try:
        batch = next(exchange)
        while True:
            frames += batch.chunks  # type: ignore[attr-defined]
            batch = exchange.send([Answer(None, 1)])
    except StopIteration as stop:
        count: int = stop.value
        return frames, count


def whole(documents: Sequence[Mapping[str, Any]]) -> bytes:
    return request_frame(
        {
            "cmd": "bulk_insert",
            "database": "base",
            "collection": "things",
            "documents": list(map(dict, documents)),
        }
    )


@pytest.mark.parametrize("count", range(1, len(DOCUMENTS) + 1))
def test_a_message_is_the_request_packed_whole(count: int) -> None:
    assert sent(DOCUMENTS[:count]) == ([whole(DOCUMENTS[:count])], 1)


def test_many_documents_are_one_array() -> None:
    for count in (15, 16, 70_000):  # where the head of an array grows
        documents = [{"n": number} for number in range(count)]
        assert sent(documents) == ([whole(documents)], 1)


def test_nothing_sends_nothing() -> None:
    assert sent([]) == ([], 0)


def test_messages_are_cut_by_their_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BULK_BYTES", 100)
    documents = [{"n": number, "text": "x" * (number % 70)} for number in range(60)]
    frames, count = sent(documents)
    assert count == len(frames) > 10
    received = [msgpack.unpackb(frame[4:])["documents"] for frame in frames]
    assert [document for message in received for document in message] == documents
    assert all(sum(len(msgpack.packb(one)) for one in message) <= 100 for message in received)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"n": float("nan")}, "n is nan"),
        ({"deep": [{"n": float("inf")}]}, r"deep\[0\].n is inf"),
        ({"deep": {"n": object()}}, "deep.n is a object"),
        ({"n": 2**64}, "does not fit in 64 bits"),
        ([1], "must be a dict"),
    ],
)
def test_what_cannot_be_kept_is_named_before_anything_is_sent(wrong: Any, reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason):
        sent([{"n": 1}, wrong])
    assert sent([{"n": 1}]) == ([whole([{"n": 1}])], 1)  # nothing of it is left over
