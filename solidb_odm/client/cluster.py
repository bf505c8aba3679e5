"""``client.cluster``: the nodes, in both colours."""

from __future__ import annotations

from .calls import AsyncCaller, Caller
from .operations import cluster as operations
from .operations.cluster import ClusterAction, ClusterInfo, ClusterStatus


class Cluster(Caller):
    """The cluster, blocking. The login must be an administrator's."""

    def status(self) -> ClusterStatus:
        """Say how the cluster is: ``mode``, ``node_count``, peers."""
        return self._run(operations.status())

    def info(self) -> ClusterInfo:
        """Describe the node that answers."""
        return self._run(operations.info())

    def remove_node(self, node_id: str) -> ClusterAction:
        """Take a node out of the cluster; the server knows nodes by their ``host:port``."""
        return self._run(operations.remove_node(node_id))

    def rebalance(self) -> ClusterAction:
        """Spread the data again."""
        return self._run(operations.rebalance())

    def cleanup(self) -> None:
        """Raise NotSupportedByServerError: nodes ask each other for this."""
        self._run(operations.cleanup())

    def reshard(self, shards: int | None = None) -> None:  # noqa: ARG002 - the call's own argument
        """Raise NotSupportedByServerError: shards can't be reached over the driver protocol."""
        self._run(operations.reshard())


class AsyncCluster(AsyncCaller):
    """The cluster, awaited. The login must be an administrator's."""

    async def status(self) -> ClusterStatus:
        """Say how the cluster is: ``mode``, ``node_count``, peers."""
        return await self._run(operations.status())

    async def info(self) -> ClusterInfo:
        """Describe the node that answers."""
        return await self._run(operations.info())

    async def remove_node(self, node_id: str) -> ClusterAction:
        """Take a node out of the cluster; the server knows nodes by their ``host:port``."""
        return await self._run(operations.remove_node(node_id))

    async def rebalance(self) -> ClusterAction:
        """Spread the data again."""
        return await self._run(operations.rebalance())

    async def cleanup(self) -> None:
        """Raise NotSupportedByServerError: nodes ask each other for this."""
        await self._run(operations.cleanup())

    async def reshard(self, shards: int | None = None) -> None:  # noqa: ARG002 - the call's own argument
        """Raise NotSupportedByServerError: shards can't be reached over the driver protocol."""
        await self._run(operations.reshard())
