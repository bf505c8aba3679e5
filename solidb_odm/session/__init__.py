"""Sessions and engines: where documents become lasting."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..work import Change, Conflict, Inspection, inspect
    from .async_session import AsyncSession
    from .engine import AsyncEngine, Engine, create_async_engine, create_engine
    from .explaining import Explanation
    from .making import async_sessionmaker, sessionmaker
    from .observing import QueryEvent
    from .paging import Page
    from .result import Result
    from .session import Session
    from .statistics import Statistics
else:
    __getattr__ = lazily(
        __name__,
        {
            "..work": ("Change", "Conflict", "Inspection", "inspect"),
            ".async_session": ("AsyncSession",),
            ".engine": ("AsyncEngine", "Engine", "create_async_engine", "create_engine"),
            ".explaining": ("Explanation",),
            ".making": ("async_sessionmaker", "sessionmaker"),
            ".observing": ("QueryEvent",),
            ".paging": ("Page",),
            ".result": ("Result",),
            ".session": ("Session",),
            ".statistics": ("Statistics",),
        },
    )

__all__ = [
    "AsyncEngine",
    "AsyncSession",
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
