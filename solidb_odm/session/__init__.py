"""Sessions and engines: where documents become lasting."""

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
