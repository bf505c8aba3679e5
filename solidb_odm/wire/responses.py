"""The envelope of answers: ``{"status": ..}`` with data, or with an error."""

from __future__ import annotations

from typing import NamedTuple

from .._types import Json, is_list, is_map
from ..errors import ProtocolError
from .frames import UNPACKING, unpackb, unreadable


class Refusal(NamedTuple):
    """What the server said no with: the name of its error variant, and its text."""

    variant: str
    text: str


class Answer(NamedTuple):
    """One answer: what it carries, or the refusal."""

    data: Json = None
    total: int = 0
    tx_id: str = ""
    refusal: Refusal | None = None
    parts: tuple[Answer, ...] = ()
    is_plain: bool = True
    """Whether it is an "ok", not the answer to a batch or a ping."""

    @property
    def rows(self) -> int:
        """The number of rows it carries; 0 if it isn't a list."""
        return len(self.data) if is_list(self.data) else 0


def decode(payload: bytes) -> Answer:
    """Decode the answer in one frame."""
    try:
        reply = unpackb(payload)
    except UNPACKING as problem:
        raise unreadable(problem) from problem
    if is_map(reply) and len(reply) == 2 and "data" in reply and reply.get("status") == "ok":
        return Answer(reply["data"])  # as most are
    return answer_of(reply)


def decode_data(payload: bytes) -> Json | Answer:
    """Decode the answer in one frame to what it carries, if that is all there is to it."""
    try:
        reply = unpackb(payload)
    except UNPACKING as problem:
        raise unreadable(problem) from problem
    if is_map(reply) and len(reply) == 2 and "data" in reply and reply.get("status") == "ok":
        return reply["data"]
    return answer_of(reply)


def answer_of(reply: Json) -> Answer:
    """Read an answer that is unpacked already."""
    if not is_map(reply):
        raise ProtocolError(f"the server answered with a {type(reply).__name__} instead of a map")
    status = reply.get("status")
    if status == "ok":
        count, tx_id = reply.get("count", 0), reply.get("tx_id", "")
        if not isinstance(count, int) or not isinstance(tx_id, str):
            raise ProtocolError("the server answered with a count, or a transaction, of another type")
        return Answer(reply.get("data"), count, tx_id)
    if status == "error":
        return Answer(refusal=_refusal(reply.get("error")))
    if status == "batch":
        responses = reply.get("responses")
        if not is_list(responses):
            raise ProtocolError("the server answered a batch without a list of responses")
        return Answer(parts=tuple(map(answer_of, responses)), is_plain=False)
    if status == "pong":
        return Answer(reply.get("timestamp"), is_plain=False)
    raise ProtocolError(f"the server answered with the unknown status {status!r}")


def _refusal(error: Json) -> Refusal:
    if isinstance(error, str):  # {"error": "MessageTooLarge"} is the one without a text
        return Refusal(error, "")
    if is_map(error) and len(error) == 1:
        ((variant, text),) = error.items()
        return Refusal(str(variant), str(text))
    raise ProtocolError(f"the server answered with an error of unknown form: {error!r}")
