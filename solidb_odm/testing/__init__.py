"""What helps to test programs that use this package."""

from .queries import max_queries
from .recording import RecordingEngine, Written

__all__ = ["RecordingEngine", "Written", "max_queries"]
