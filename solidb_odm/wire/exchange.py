"""What an exchange with the server consists of: batches of requests, HTTP calls, pauses.

An exchange is an operation whose commands are these three, so that ``run`` and ``arun`` drive it over a
lease of a connection. It is written once; the blocking and the async lease only move bytes and wait.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias, TypeVar

from .._backoff import pause
from .._dataclasses import dataclass
from .._types import Json, JsonObject, is_map
from ..commands.command import Command, call
from ..errors import InvalidCommand, InvalidDocument, ProtocolError, QueryError, SolidbError
from .faults import NOWHERE, Subject, fault
from .frames import HEADER, MAX_FRAME, Answer, Refusal, decode, frame, pack, unsuitable
from .round_trips import RequestEvent

T = TypeVar("T")

_ABOUT_A_KEY = frozenset({"get", "update"})

Exchange: TypeAlias = Generator[Command[Any], Any, T]
"""An operation over batches of requests, HTTP calls and pauses."""

NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
"""A packed NaN or infinity; may also be part of a text, so a hit asks for a closer look."""


@dataclass(slots=True, eq=False)  # not frozen: one is made for every call, at a quarter of the cost
class RequestBatch(Command[list[Any]]):
    """Frames that are sent together, pipelined; the reply is as many answers.

    Each answer is read with ``read`` as it comes in, while the server works on the next.

    ``repeatable``: may be sent again if a connection from the pool turns out to be broken.
    ``timeout``: other seconds for an answer than the driver's; ``untimed``: no time limit, because
    the server may work for long without a word.
    ``light``: one repeatable request that the server answers at once; tasks may share its round trip.
    ``realm``: the database to log in to for this, if not the URL's. ``same_node``: only for the
    node that the exchange has spoken to before.
    ``keys``: of the documents that the answers carry, in their order, "" where that is not known; an answer
    with another document breaks the connection.
    ``label``, ``text`` and ``binds`` are for observers.
    """

    chunks: Sequence[bytes]
    count: int
    label: str
    read: Callable[[bytes], Any] = decode
    repeatable: bool = False
    untimed: bool = False
    light: bool = False
    timeout: float | None = None
    realm: str = ""
    same_node: bool = False
    text: str = ""
    binds: Mapping[str, Any] | None = None
    keys: Sequence[str] = ()

    @property
    def size(self) -> int:
        """The number of bytes to send."""
        return sum(map(len, self.chunks))

    def check(self, answers: Sequence[Any], address: str) -> None:
        """Raise ProtocolError unless there is an answer to each request, and about the document it named."""
        if len(answers) != self.count:
            raise ProtocolError(f"{address} gave {len(answers)} answers to {self.count} requests")
        if not self.keys:
            return
        for key, answer in zip(self.keys, answers, strict=True):
            data = answer.data if isinstance(answer, Answer) else answer
            if key and is_map(data) and data.get("_key") != key:
                raise ProtocolError(
                    f"{address} answered a request for the document {key!r} with {data.get('_key')!r}",
                    hint="an answer came twice, or one is missing: the connection is closed; ask again",
                )

    def time_limit(self, usual: float) -> float | None:
        """Return the seconds to wait for an answer, where ``usual`` are the driver's; None: for ever."""
        return None if self.untimed else self.timeout or usual


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer to an HTTP call; ``body`` is its JSON, or None; ``content`` its bytes.

    ``retry_after`` is what it says of when to come back, as its header says it, or nothing.
    """

    status: int
    body: Json
    content: bytes = b""
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class HttpCall(Command[HttpAnswer]):
    """A request over HTTP to the node the driver talks to, for what the driver protocol lacks.

    It sends ``body`` as JSON, or ``content`` as it is.
    """

    method: str
    path: str
    body: Json = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | Iterable[bytes] | AsyncIterable[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Delay(Command[None]):
    """Wait."""

    seconds: float


def event_of(
    batch: RequestBatch, begun: float, received: int, answers: Sequence[Any], error: str = ""
) -> RequestEvent:
    """Return the event for a batch that has just been answered, or has failed."""
    milliseconds = (time.perf_counter() - begun) * 1000
    rows = sum(part.rows for part in answers if isinstance(part, Answer))
    return RequestEvent(
        batch.label,
        batch.count,
        milliseconds,
        batch.size,
        received,
        rows,
        batch.text,
        dict(batch.binds or {}),
        error,
    )


def pauses(attempts: int, first: float = 0.05, most: float = 1.0) -> Iterator[float]:
    """Return the waits between attempts: doubled each time, and jittered so that clients spread."""
    for attempt in range(attempts):
        yield pause(attempt, first, most)


def packed(value: Json, what: str, refuse: Callable[..., SolidbError] = InvalidDocument) -> bytes:
    """Pack a value, or raise ``refuse`` saying what in it the server can't keep."""
    try:
        data = pack(value)
    except (TypeError, OverflowError, ValueError) as problem:
        raise refuse(f"{what}: {next(unsuitable(value), str(problem))}") from problem
    if NOT_FINITE.search(data):
        for reason in unsuitable(value):
            raise refuse(f"{what}: {reason}", hint="use None")
    return data


def request_frame(request: JsonObject, context: Subject | None = None) -> bytes:
    """Pack a request and put it into a frame, or raise what keeps it from being sent."""
    try:
        data = pack(request)
    except (TypeError, OverflowError, ValueError):
        data = b""
    if not data or len(data) > MAX_FRAME or NOT_FINITE.search(data):
        what, refuse = _naming(request, context)
        return frame(packed(request, what, refuse), what=what)
    return len(data).to_bytes(HEADER, "big") + data


def _naming(request: JsonObject, context: Subject | None) -> tuple[str, Callable[..., SolidbError]]:
    """Return what to call a request in an error, and which error it is if it can't be packed."""
    context = context or context_of(request)
    what = f"{request['cmd']} {context.collection}".rstrip()
    return what, QueryError if context.query else InvalidDocument


def send(
    request: JsonObject,
    context: Subject | None = None,
    *,
    repeatable: bool = False,
    untimed: bool = False,
    light: bool = False,
    timeout: float | None = None,
    realm: str = "",
    same_node: bool = False,
    made: bytes = b"",
) -> Exchange[Answer]:
    """Send one request; return its answer, or raise what the server refused it with.

    ``context`` is for errors and observers, where the request itself does not say it all. ``made`` is its
    frame, where that was made before.
    """
    batch = RequestBatch(
        (made or request_frame(request, context),),
        1,
        request["cmd"],
        decode,
        repeatable,
        untimed,
        light,
        timeout,
        realm,
        same_node,
    )
    if context is not None:
        batch.text, batch.binds = context.query, context.binds
    if request["cmd"] in _ABOUT_A_KEY:
        batch.keys = (str(request["key"]),)
    answer: Answer = (yield batch)[0]
    if answer.refusal is None:
        return answer
    try:
        raise fault(answer.refusal, context or context_of(request))
    except InvalidCommand as problem:
        what, refuse = _naming(request, context)
        for reason in unsuitable(request):  # the server does not say where
            raise refuse(f"{what}: {reason}") from problem
        raise


def context_of(request: JsonObject) -> Subject:
    """Return what a request is about, as it says itself."""
    inner = request.get("command")
    asked = inner if is_map(inner) else request
    database, collection, key, query = (
        str(asked.get(name, "")) for name in ("database", "collection", "key", "sdbql")
    )
    return Subject(database, collection, key, query)


def send_all(
    requests: Sequence[JsonObject],
    *,
    label: str,
    repeatable: bool = False,
    text: str = "",
    binds: Mapping[str, Any] | None = None,
) -> Exchange[list[Answer]]:
    """Send requests in one round trip; return their answers, refusals among them."""
    if not requests:
        return []
    batch = batch_of(requests, label)
    batch.repeatable, batch.text, batch.binds = repeatable, text, binds
    return (yield from call(batch))


def batch_of(
    requests: Sequence[JsonObject], label: str, read: Callable[[bytes], Any] = decode
) -> RequestBatch:
    """Return the batch of many requests; each answer is read with ``read``."""
    return RequestBatch((b"".join(map(request_frame, requests)),), len(requests), label, read)


def accepted(answer: Answer, context: Subject = NOWHERE) -> Answer:
    """Return the answer unless it is a refusal, which is raised."""
    if answer.refusal is not None:
        raise fault(answer.refusal, context)
    return answer


def over_http(method: str, path: str, body: Json = None, context: Subject = NOWHERE) -> Exchange[Json]:
    """Make an HTTP call; return the body of its answer, or raise what it was refused with."""
    answer = yield from call(HttpCall(method, path, body))
    if answer.status < 400:
        return answer.body
    raise http_fault(answer, context)


def http_fault(answer: HttpAnswer, context: Subject = NOWHERE) -> SolidbError:
    """Return the error for an HTTP answer that is a refusal."""
    body: JsonObject = answer.body if is_map(answer.body) else {}
    text = str(body.get("error", ""))
    variant = "AuthError" if answer.status in (401, 403) else "DatabaseError"
    if answer.status == 403 and not text.startswith("Forbidden"):
        text = f"Forbidden: {text or 'the user may not do this'}"
    return fault(Refusal(variant, text or f"HTTP status {answer.status}"), context)


def is_planned(problem: BaseException) -> bool:
    """Return whether an exchange that ended with this has left its connection in order.

    After an interrupt a transaction may be open on it; after a breach of the protocol it may owe answers.
    """
    return isinstance(problem, SolidbError) and type(problem) is not ProtocolError


def misshapen(problem: BaseException) -> ProtocolError | None:
    """Return our error for one of Python's that an answer of another shape than ours has led to.

    Only for what was raised by this package itself; what a caller's own code raises is the caller's.
    """
    if not isinstance(problem, SHAPE_ERRORS):
        return None
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not str(trace.tb_frame.f_globals.get("__name__")).startswith("solidb_odm."):
        return None
    return ProtocolError(
        f"the server's answer has another shape than the protocol says: {type(problem).__name__}: {problem}",
        hint="is this a SoliDB server of version 2.6, and nothing in between that changes answers?",
    )


SHAPE_ERRORS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What Python raises where an answer is taken for what it is not."""


def query_request(text: str, binds: Mapping[str, Any], database: str) -> JsonObject:
    """Return the request for a query; uncached, because the cache mixes up databases at times."""
    request: JsonObject = {"cmd": "query", "database": database, "sdbql": text, "cache": False}
    if binds:
        request["bind_vars"] = dict(binds)
    return request
