"""A file that is a replica of a server: its edits are captured, and what arrives is mirrored."""

from .performer import ReplicaStore
from .scope import captures, is_replica

__all__ = ["ReplicaStore", "captures", "is_replica"]
