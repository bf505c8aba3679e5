"""The envelope of answers: ``{"status": ..}`` with data, or with an error."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from ..._types import Json
from ...errors import ProtocolError
from .packing import unpack


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

    @property
    def rows(self) -> int:
        """The number of rows it carries; 0 if it isn't a list."""
        return len(cast(list[Any], self.data)) if isinstance(self.data, list) else 0


def decode(payload: bytes) -> Answer:
    """Decode the answer in one frame."""
    return answer_of(unpack(payload))


def answer_of(reply: Json) -> Answer:
    """Read an answer that is unpacked already."""
    if not isinstance(reply, dict):
        raise ProtocolError(f"the server answered with a {type(reply).__name__} instead of a map")
    envelope = cast(dict[str, Any], reply)
    status = envelope.get("status")
    if status == "ok":
        return Answer(envelope.get("data"), envelope.get("count", 0), envelope.get("tx_id", ""))
    if status == "error":
        return Answer(refusal=_refusal(envelope.get("error")))
    if status == "batch":
        return Answer(parts=tuple(map(answer_of, envelope.get("responses") or ())))
    if status == "pong":
        return Answer(envelope.get("timestamp"))
    raise ProtocolError(f"the server answered with the unknown status {status!r}")


def _refusal(error: Json) -> Refusal:
    if isinstance(error, str):  # {"error": "MessageTooLarge"} is the one without a text
        return Refusal(error, "")
    if isinstance(error, dict) and len(cast(dict[str, Any], error)) == 1:
        ((variant, text),) = cast(dict[str, Any], error).items()
        return Refusal(str(variant), str(text))
    raise ProtocolError(f"the server answered with an error of unknown form: {error!r}")
