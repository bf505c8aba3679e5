"""Who can log in, and what they may do: roles, users and API keys.

Over HTTP: the commands of the driver protocol leave rows behind, or do nothing.
"""

from __future__ import annotations

from .roles import AsyncRoles, Roles
from .users import ApiKeys, AsyncApiKeys, AsyncUsers, Users

__all__ = ["ApiKeys", "AsyncApiKeys", "AsyncRoles", "AsyncUsers", "Roles", "Users"]
