"""What helps to test programs that use this package."""

from .recording import RecordingEngine, Written

__all__ = ["RecordingEngine", "Written"]
