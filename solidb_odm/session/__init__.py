"""Sessions and engines: where documents become lasting."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..engine.engine import AsyncEngine, Engine, create_async_engine, create_engine
    from ..engine.events import QueryEvent
    from ..engine.statistics import Statistics
    from ..work import AttributeChange, AttributeConflict, Change, Conflict, Inspection, inspect
    from .async_session import AsyncSession
    from .explanation import Explanation
    from .factories import async_sessionmaker, sessionmaker
    from .paging import Page
    from .result import Result
    from .session import Session
else:
    __getattr__ = lazily(
        __name__,
        {
            "..work": ("AttributeChange", "AttributeConflict", "Change", "Conflict", "Inspection", "inspect"),
            ".async_session": ("AsyncSession",),
            "..engine.engine": ("AsyncEngine", "Engine", "create_async_engine", "create_engine"),
            ".explanation": ("Explanation",),
            ".factories": ("async_sessionmaker", "sessionmaker"),
            "..engine.events": ("QueryEvent",),
            ".paging": ("Page",),
            ".result": ("Result",),
            ".session": ("Session",),
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
