"""The sub-clients, as attributes of clients."""

from __future__ import annotations

from .api_keys import ApiKeys, AsyncApiKeys
from .calls import AsyncCaller, Caller
from .cluster import AsyncCluster, Cluster
from .collections import AsyncCollections, Collections
from .cron import AsyncCron, Cron
from .env import AsyncEnv, Env
from .jobs import AsyncJobs, Jobs
from .roles import AsyncRoles, Roles
from .scripts import AsyncScripts, Scripts
from .triggers import AsyncTriggers, Triggers
from .users import AsyncUsers, Users
from .vector import AsyncVector, Vector


class SubClients(Caller):
    """The sub-clients, blocking."""

    @property
    def api_keys(self) -> ApiKeys:
        """Keys to log in with instead of a password."""
        return ApiKeys.over(self._runner)

    @property
    def cluster(self) -> Cluster:
        """The nodes."""
        return Cluster.over(self._runner)

    @property
    def collections(self) -> Collections:
        """What is done to whole collections."""
        return Collections.over(self._runner)

    @property
    def cron(self) -> Cron:
        """Schedules of background jobs."""
        return Cron.over(self._runner)

    @property
    def env(self) -> Env:
        """Environment variables of scripts."""
        return Env.over(self._runner)

    @property
    def jobs(self) -> Jobs:
        """Background jobs."""
        return Jobs.over(self._runner)

    @property
    def roles(self) -> Roles:
        """Named sets of permissions."""
        return Roles.over(self._runner)

    @property
    def scripts(self) -> Scripts:
        """Lua scripts behind HTTP endpoints."""
        return Scripts.over(self._runner)

    @property
    def triggers(self) -> Triggers:
        """What runs after a document was written."""
        return Triggers.over(self._runner)

    @property
    def users(self) -> Users:
        """Who can log in."""
        return Users.over(self._runner)

    @property
    def vector(self) -> Vector:
        """Vector indexes and searches."""
        return Vector.over(self._runner)


class AsyncSubClients(AsyncCaller):
    """The sub-clients, awaited."""

    @property
    def api_keys(self) -> AsyncApiKeys:
        """Keys to log in with instead of a password."""
        return AsyncApiKeys.over(self._runner)

    @property
    def cluster(self) -> AsyncCluster:
        """The nodes."""
        return AsyncCluster.over(self._runner)

    @property
    def collections(self) -> AsyncCollections:
        """What is done to whole collections."""
        return AsyncCollections.over(self._runner)

    @property
    def cron(self) -> AsyncCron:
        """Schedules of background jobs."""
        return AsyncCron.over(self._runner)

    @property
    def env(self) -> AsyncEnv:
        """Environment variables of scripts."""
        return AsyncEnv.over(self._runner)

    @property
    def jobs(self) -> AsyncJobs:
        """Background jobs."""
        return AsyncJobs.over(self._runner)

    @property
    def roles(self) -> AsyncRoles:
        """Named sets of permissions."""
        return AsyncRoles.over(self._runner)

    @property
    def scripts(self) -> AsyncScripts:
        """Lua scripts behind HTTP endpoints."""
        return AsyncScripts.over(self._runner)

    @property
    def triggers(self) -> AsyncTriggers:
        """What runs after a document was written."""
        return AsyncTriggers.over(self._runner)

    @property
    def users(self) -> AsyncUsers:
        """Who can log in."""
        return AsyncUsers.over(self._runner)

    @property
    def vector(self) -> AsyncVector:
        """Vector indexes and searches."""
        return AsyncVector.over(self._runner)
