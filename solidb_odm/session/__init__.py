"""Sessions and engines: where documents become lasting."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..engine.engine import AsyncEngine, Engine, create_async_engine, create_engine
    from ..engine.events import QueryEvent
    from ..engine.statistics import Statistics
    from ..work import AttributeChange, AttributeConflict, Change, Conflict, Inspection, inspect
    from .async_session import AsyncSession, async_sessionmaker
    from .explanation import Explanation
    from .paging import Page
    from .result import Result
    from .session import Session, sessionmaker
else:
    __getattr__ = lazily(
        __name__,
        {
            "..work": ("AttributeChange", "AttributeConflict", "Change", "Conflict", "Inspection", "inspect"),
            ".async_session": ("AsyncSession", "async_sessionmaker"),
            "..engine.engine": ("AsyncEngine", "Engine", "create_async_engine", "create_engine"),
            ".explanation": ("Explanation",),
            "..engine.events": ("QueryEvent",),
            ".paging": ("Page",),
            ".result": ("Result",),
            ".session": ("Session", "sessionmaker"),
            "..engine.statistics": ("Statistics",),
        },
    )

__all__ = [
    "AsyncEngine",
    "AsyncSession",
    "AttributeChange",
    "AttributeConflict",
    "Change",
    "Conflict",
    "Engine",
    "Explanation",
    "Inspection",
    "Page",
    "QueryEvent",
    "Result",
    "Session",
    "Statistics",
    "async_sessionmaker",
    "create_async_engine",
    "create_engine",
    "inspect",
    "sessionmaker",
]
