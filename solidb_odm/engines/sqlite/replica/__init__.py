"""A file that is a replica of a server: its edits are captured, and what arrives is mirrored."""

from .capture import captures, is_replica
from .performer import ReplicaStore

__all__ = ["ReplicaStore", "captures", "is_replica"]
