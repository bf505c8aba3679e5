"""Sessions and engines: where documents become lasting."""

from .engine import AsyncEngine, Engine, create_async_engine, create_engine
from .result import MultipleResultsError, NoResultError, Result
from .session import AsyncSession, Session

__all__ = [
    "AsyncEngine",
    "AsyncSession",
    "Engine",
    "MultipleResultsError",
    "NoResultError",
    "Result",
    "Session",
    "create_async_engine",
    "create_engine",
]
