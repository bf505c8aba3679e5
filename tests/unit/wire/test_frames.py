import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import MessageTooLarge, ProtocolError
from solidb_odm.wire.frames import (
    MAX_FRAME,
    MAX_FRAME_BEFORE_LOGIN,
    FrameReader,
    decode,
    frame,
    pack,
    unpack,
    unsuitable,
)

payloads = st.lists(st.binary(max_size=40), max_size=5)


@given(payloads, st.lists(st.integers(min_value=1, max_value=9), min_size=1))
def test_any_split_of_the_bytes_gives_the_same_frames(parts: list[bytes], cuts: list[int]) -> None:
    stream, reader, found = b"".join(map(frame, parts)), FrameReader(), []
    while stream:
        size = cuts[len(found) % len(cuts)]
        found += reader.feed(stream[:size])
        stream = stream[size:]

    assert found == parts
    assert reader.pending == 0


def test_every_split_of_a_stream_in_two_gives_the_same_frames() -> None:
    parts = [b"", b"a", b"bc" * 200, b""]
    stream = b"".join(map(frame, parts))

    for cut in range(len(stream) + 1):
        reader = FrameReader()
        assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == parts


def test_a_frame_over_the_limit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(MessageTooLarge, match=r"the login takes 65,537 bytes") as raised:
        frame(b"x" * (MAX_FRAME_BEFORE_LOGIN + 1), limit=MAX_FRAME_BEFORE_LOGIN, what="the login")

    assert (raised.value.size, raised.value.limit) == (65_537, 65_536)


def test_a_frame_of_exactly_the_limit_passes() -> None:
    payload = bytes(MAX_FRAME)

    assert FrameReader().feed(frame(payload)) == [payload]


def test_an_announced_frame_over_the_limit_is_refused_at_once() -> None:
    with pytest.raises(ProtocolError, match="16,777,217"):
        FrameReader().feed((MAX_FRAME + 1).to_bytes(4, "big"))


def test_a_web_server_is_not_taken_for_a_database() -> None:
    with pytest.raises(ProtocolError, match="announced a frame") as raised:
        FrameReader().feed(b"HTTP/1.1 400 Bad Request\r\n")

    assert "TLS" in (raised.value.hint or "")


@given(st.binary(max_size=200))
def test_random_bytes_are_decoded_or_refused_but_never_crash(payload: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode(payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_what_is_packed_comes_back_equal(value: object) -> None:
    assert unpack(pack(value)) == value


@given(json_values, st.integers(min_value=0))
def test_a_truncated_answer_is_refused(value: object, cut: int) -> None:
    payload = pack({"status": "ok", "data": value})

    with pytest.raises(ProtocolError):
        decode(payload[: cut % len(payload)])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": float("nan")}, "a is nan"),
        ({"a": [1, {"b": float("-inf")}]}, "a[1].b is -inf"),
        ({"a": b"x"}, "a is a bytes"),
        ({"a": {1: 2}}, "a has the key 1"),
        ({"a": {1, 2}}, "a is a set"),
        ({"a": 2**64}, "does not fit in 64 bits"),
    ],
)
def test_what_json_lacks_is_named_with_its_place(value: object, reason: str) -> None:
    assert reason in next(unsuitable(value))


@pytest.mark.parametrize(
    "reply", [[], 1, None, {}, {"status": "odd"}, {"status": "error"}, {"status": "error", "error": {}}]
)
def test_an_envelope_of_another_form_is_a_protocol_error(reply: object) -> None:
    with pytest.raises(ProtocolError):
        decode(pack(reply))


def test_a_batch_has_its_answers_as_parts() -> None:
    answer = decode(pack({"status": "batch", "responses": [{"status": "ok", "data": 1}, {"status": "ok"}]}))

    assert [part.data for part in answer.parts] == [1, None]
