"""The sub-clients, as attributes of clients."""

from __future__ import annotations

from .access.roles import AsyncRoles, Roles
from .access.users import ApiKeys, AsyncApiKeys, AsyncUsers, Users
from .blobs import AsyncBlobs, Blobs
from .calls import AsyncCaller, Caller
from .changes import AsyncChanges, Changes
from .cluster import AsyncCluster, Cluster
from .collections import AsyncCollections, Collections
from .columnar.columnar import AsyncColumnar, Columnar
from .cron import AsyncCron, Cron
from .geo import AsyncGeo, Geo
from .graph.graph import AsyncGraph, Graph
from .jobs import AsyncJobs, Jobs
from .scripts import AsyncEnv, AsyncScripts, Env, Scripts
from .search import AsyncSearches, Searches
from .triggers import AsyncTriggers, Triggers
from .ttl import TTL, AsyncTTL
from .vector import AsyncVector, Vector


class DataSubClients(Caller):
    """The sub-clients about data, blocking."""

    @property
    def blobs(self) -> Blobs:
        """Files."""
        return Blobs.over(self._runner)

    @property
    def changes(self) -> Changes:
        """What is written, as it happens."""
        return Changes.over(self._runner)

    @property
    def columnar(self) -> Columnar:
        """Tables for analysis."""
        return Columnar.over(self._runner)

    @property
    def geo(self) -> Geo:
        """Geo indexes and searches."""
        return Geo.over(self._runner)

    @property
    def graph(self) -> Graph:
        """Walks along edges."""
        return Graph.over(self._runner)

    @property
    def search(self) -> Searches:
        """Searches by words, and by words and a vector at once."""
        return Searches.over(self._runner)

    @property
    def ttl(self) -> TTL:
        """Documents that expire."""
        return TTL.over(self._runner)


class AsyncDataSubClients(AsyncCaller):
    """The sub-clients about data, awaited."""

    @property
    def blobs(self) -> AsyncBlobs:
        """Files."""
        return AsyncBlobs.over(self._runner)

    @property
    def changes(self) -> AsyncChanges:
        """What is written, as it happens."""
        return AsyncChanges.over(self._runner)

    @property
    def columnar(self) -> AsyncColumnar:
        """Tables for analysis."""
        return AsyncColumnar.over(self._runner)

    @property
    def geo(self) -> AsyncGeo:
        """Geo indexes and searches."""
        return AsyncGeo.over(self._runner)

    @property
    def graph(self) -> AsyncGraph:
        """Walks along edges."""
        return AsyncGraph.over(self._runner)

    @property
    def search(self) -> AsyncSearches:
        """Searches by words, and by words and a vector at once."""
        return AsyncSearches.over(self._runner)

    @property
    def ttl(self) -> AsyncTTL:
        """Documents that expire."""
        return AsyncTTL.over(self._runner)


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
