"""Helpers for tests of programs that use this package."""

from .recording import RecordingEngine, Written, max_queries

__all__ = ["RecordingEngine", "Written", "max_queries"]
