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
    """The sub-clients for data, blocking."""

    @property
    def blobs(self) -> Blobs:
        """Files."""
        return Blobs.over(self._runner)

    @property
    def changes(self) -> Changes:
        """Subscriptions to writes."""
        return Changes.over(self._runner)

    @property
    def columnar(self) -> Columnar:
        """Columnar tables for analysis."""
        return Columnar.over(self._runner)

    @property
    def geo(self) -> Geo:
        """Geo indexes and searches."""
        return Geo.over(self._runner)

    @property
    def graph(self) -> Graph:
        """Traversals along edges, and communities."""
        return Graph.over(self._runner)

    @property
    def search(self) -> Searches:
        """Fulltext search, and hybrid search by words and a vector."""
        return Searches.over(self._runner)

    @property
    def ttl(self) -> TTL:
        """Documents that expire."""
        return TTL.over(self._runner)


class AsyncDataSubClients(AsyncCaller):
    """The sub-clients for data, async."""

    @property
    def blobs(self) -> AsyncBlobs:
        """Files."""
        return AsyncBlobs.over(self._runner)

    @property
    def changes(self) -> AsyncChanges:
        """Subscriptions to writes."""
        return AsyncChanges.over(self._runner)

    @property
    def columnar(self) -> AsyncColumnar:
        """Columnar tables for analysis."""
        return AsyncColumnar.over(self._runner)

    @property
    def geo(self) -> AsyncGeo:
        """Geo indexes and searches."""
        return AsyncGeo.over(self._runner)

    @property
    def graph(self) -> AsyncGraph:
        """Traversals along edges, and communities."""
        return AsyncGraph.over(self._runner)

    @property
    def search(self) -> AsyncSearches:
        """Fulltext search, and hybrid search by words and a vector."""
        return AsyncSearches.over(self._runner)

    @property
    def ttl(self) -> AsyncTTL:
        """Documents that expire."""
        return AsyncTTL.over(self._runner)


class SubClients(Caller):
    """The sub-clients, blocking."""

    @property
    def api_keys(self) -> ApiKeys:
        """API keys, which replace a user name and password."""
        return ApiKeys.over(self._runner)

    @property
    def cluster(self) -> Cluster:
        """The nodes of a cluster."""
        return Cluster.over(self._runner)

    @property
    def collections(self) -> Collections:
        """Statistics, schemas, export and import of whole collections."""
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
        """Roles: named sets of permissions."""
        return Roles.over(self._runner)

    @property
    def scripts(self) -> Scripts:
        """Lua scripts behind HTTP endpoints."""
        return Scripts.over(self._runner)

    @property
    def triggers(self) -> Triggers:
        """Triggers, which run after a document was written."""
        return Triggers.over(self._runner)

    @property
    def users(self) -> Users:
        """Users and their roles."""
        return Users.over(self._runner)

    @property
    def vector(self) -> Vector:
        """Vector indexes and searches."""
        return Vector.over(self._runner)


class AsyncSubClients(AsyncCaller):
    """The sub-clients, async."""

    @property
    def api_keys(self) -> AsyncApiKeys:
        """API keys, which replace a user name and password."""
        return AsyncApiKeys.over(self._runner)

    @property
    def cluster(self) -> AsyncCluster:
        """The nodes of a cluster."""
        return AsyncCluster.over(self._runner)

    @property
    def collections(self) -> AsyncCollections:
        """Statistics, schemas, export and import of whole collections."""
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
        """Roles: named sets of permissions."""
        return AsyncRoles.over(self._runner)

    @property
    def scripts(self) -> AsyncScripts:
        """Lua scripts behind HTTP endpoints."""
        return AsyncScripts.over(self._runner)

    @property
    def triggers(self) -> AsyncTriggers:
        """Triggers, which run after a document was written."""
        return AsyncTriggers.over(self._runner)

    @property
    def users(self) -> AsyncUsers:
        """Users and their roles."""
        return AsyncUsers.over(self._runner)

    @property
    def vector(self) -> AsyncVector:
        """Vector indexes and searches."""
        return AsyncVector.over(self._runner)
