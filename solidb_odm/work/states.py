"""The states of a document in a session, and the refusal of moves that it can't make from there.

Hooks on models: plain methods that a class defines under the names of the events.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .._tracing import get_logger
from .._types import shown
from ..errors import StateError
from ..model.declaration.checks import hooks_in
from ..model.document import Document
from ..model.document_state import State, state_of, state_or_none
from ..model.mixins import SoftDelete
from ..model.stored.codec import body_value

if TYPE_CHECKING:
    from .links import Reference
    from .members import Holdings

_logger = get_logger("solidb_odm.engine")

StateName: TypeAlias = Literal["transient", "pending", "persistent", "deleted", "detached"]

_MEANINGS: dict[StateName, str] = {
    "transient": "transient: not in this session, not a stored document",
    "pending": "pending: added, and not a stored document before the commit",
    "persistent": "persistent in this session",
    "deleted": "deleted: the next flush removes it",
    "detached": "detached: stored, but not in this session",
}


def state_in(document: Document, work: Holdings | None) -> StateName:
    """Return the state of a document, as the session with these holdings sees it."""
    state = state_or_none(document)
    held = None if work is None or state is None or work.is_over or state.owner is not work else work
    if held is None:
        return "detached" if state is not None and state.is_stored else "transient"
    if id(document) in held.deleted:
        return "deleted"
    return "pending" if id(document) in held.new else "persistent"


def refusal(document: Document, work: Holdings, move: str, hint: str | None) -> StateError:
    """Make the error of a move that a document can't make: it names both, and the way out."""
    state, meaning = state_in(document, work), ""
    other: Any = getattr(state_or_none(document), "owner", None)
    if other is not None and other is not work and not getattr(other, "is_over", False):
        state = state_in(document, other)
        meaning = f"{state} in another session"
        hint = "use that session, or expunge it there first, or session.merge() a copy here"
    return StateError(
        f"can't {move} {name_of(document)}, which is {meaning or _MEANINGS[state]}",
        state=state,
        move=move,
        hint=hint,
    )


def gone(document: Document) -> StateError:
    """Make the error of adding a document that was deleted and committed."""
    return StateError(
        f"can't add {name_of(document)}, which was deleted",
        state="deleted",
        move="add",
        hint="session.add(document.model_copy()) stores its values as a new document, under the same key",
    )


def outdated(document: Document) -> StateError:
    """Make the error of a changed object whose class was declared again."""
    return StateError(
        f"the session holds {name_of(document)} with uncommitted changes, of a class that was declared again",
        state="persistent",
        move="load",
        hint="session.commit() first, or session.expunge() the old object",
    )


def loose_reference(document: Document, reference: Reference) -> StateError:
    """Make the error of a link to a document that will not be stored."""
    target = reference.document
    return StateError(
        f"{name_of(document)} refers by {reference.field!r} to {name_of(target)}, "
        "which is neither stored nor in this session",
        state="transient",
        move="link to",
        hint=f"session.add() it too, or declare that it is added too: "
        f'{reference.field}: Annotated[Link[{type(target).__name__}], Cascade("save")]',
    )


def check_document(document: object, move: str) -> None:
    """Raise StateError for what is no document."""
    if not isinstance(document, Document):
        raise StateError(
            f"a session can only {move} documents, not {shown(document)}",
            state="foreign",
            move=move,
            hint=_way_of(document, move),
        )


def _way_of(value: object, move: str) -> str:
    """Return what to write in the place of a value that is no document."""
    if isinstance(value, (list, tuple, set)):
        return "session.add_all(documents)" if move == "add" else f"{move} one document after the other"
    if isinstance(value, type) and issubclass(value, Document):
        return f"pass an object of the class: {value.__name__}(..)"
    return "pass an object of a Document class"


def checked(document: object, move: str) -> State | None:
    """Return the notes on a document; StateError for what is none."""
    check_document(document, move)
    return state_or_none(document)


def name_of(document: Document) -> str:
    """Return what to call a document in a message."""
    return f"{type(document).__name__} {document.key!r}"


def hooks_of(model: Any) -> frozenset[str]:
    """Return the events for which a document class, or a base of it, defines a method."""
    hooks: frozenset[str] | None = model.__dict__.get("__solidb_hooks__")
    if hooks is None:
        hooks = hooks_in(model)
        type.__setattr__(model, "__solidb_hooks__", hooks)
    return hooks


def is_marked_now(document: Document) -> bool:
    """Return whether a stored document is marked as deleted, and was not when it was stored."""
    if not isinstance(document, SoftDelete) or document.deleted_at is None:
        return False
    body = state_of(document).body
    return body is not None and body_value(body).get("deleted_at") is None


def run_late(work: Callable[[], object], what: str) -> None:
    """Do what comes after a commit, and can't make it fail: its error is logged, and warned of."""
    try:
        work()
    except Exception as problem:  # noqa: BLE001  it is reported
        report_late(problem, what)


def report_late(problem: Exception, what: str) -> None:
    """Log an error that came after a commit, and warn of it."""
    _logger.error("%s failed after a commit", what, exc_info=problem)
    with suppress(Warning):  # which may be errors here
        warnings.warn(
            f"{what} failed; the commit before it is done: {problem!r}", RuntimeWarning, stacklevel=2
        )


def run_hook(document: Document, event: str) -> None:
    """Call the method of a document for an event, if its class defines one."""
    if event in hooks_of(type(document)):
        getattr(document, event)()


def run_hook_late(document: Document, event: str) -> None:
    """Call the method of a document for an event, whose commit is done."""
    run_late(partial(run_hook, document, event), f"{event} of {name_of(document)}")
