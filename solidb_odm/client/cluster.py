"""``client.cluster``: the nodes of a cluster. All calls use HTTP."""

from __future__ import annotations

from dataclasses import field

from .._dataclasses import dataclass
from .._types import JsonObject
from ..wire.exchange import Exchange
from .calls import AsyncCaller, Caller
from .requests import at, rest, unsupported
from .results import ClientResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus(ClientResult):
    """The state of a cluster.

    ``mode`` is ``standalone`` or ``cluster``; ``node_count`` includes the node that answered.
    """

    mode: str
    node_count: int
    node_id: str = ""
    status: str = ""
    peers: list[JsonObject] = field(default_factory=list[JsonObject])
    current_sequence: int = 0
    log_entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInfo(ClientResult):
    """The node that answered, and its configuration."""

    node_id: str = ""
    is_cluster_mode: bool = False
    cluster_config: JsonObject = field(default_factory=dict[str, object])
    hostname: str = ""
    num_cpus: int = 0
    memory_total: int = 0
    memory_usage: int = 0
    cpu_usage: float = 0.0
    uptime: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAction(ClientResult):
    """The outcome of a change to the cluster."""

    success: bool = False
    message: str = ""


class Cluster(Caller):
    """Calls for the cluster, blocking. They require an administrator's login."""

    def status(self) -> ClusterStatus:
        """Return the state of the cluster: ``mode``, ``node_count``, peers."""
        return self._run(status())

    def info(self) -> ClusterInfo:
        """Return the node that answered, and its configuration."""
        return self._run(info())

    def remove_node(self, node_id: str) -> ClusterAction:
        """Remove a node, named by its ``host:port``, from the cluster."""
        return self._run(remove_node(node_id))

    def rebalance(self) -> ClusterAction:
        """Distribute the data over the nodes again."""
        return self._run(rebalance())

    def cleanup(self) -> None:
        """Raise NotSupportedByServerError: only nodes can request this."""
        self._run(cleanup())

    def reshard(self, shards: int | None = None) -> None:  # noqa: ARG002 - the call's own argument
        """Raise NotSupportedByServerError: the driver protocol cannot read sharded collections."""
        self._run(reshard())


class AsyncCluster(AsyncCaller):
    """Calls for the cluster, async. They require an administrator's login."""

    async def status(self) -> ClusterStatus:
        """Return the state of the cluster: ``mode``, ``node_count``, peers."""
        return await self._run(status())

    async def info(self) -> ClusterInfo:
        """Return the node that answered, and its configuration."""
        return await self._run(info())

    async def remove_node(self, node_id: str) -> ClusterAction:
        """Remove a node, named by its ``host:port``, from the cluster."""
        return await self._run(remove_node(node_id))

    async def rebalance(self) -> ClusterAction:
        """Distribute the data over the nodes again."""
        return await self._run(rebalance())

    async def cleanup(self) -> None:
        """Raise NotSupportedByServerError: only nodes can request this."""
        await self._run(cleanup())

    async def reshard(self, shards: int | None = None) -> None:  # noqa: ARG002 - the call's own argument
        """Raise NotSupportedByServerError: the driver protocol cannot read sharded collections."""
        await self._run(reshard())


def status() -> Exchange[ClusterStatus]:
    """Return the state of the cluster."""
    row = yield from rest("GET", at("cluster", "status"))
    peers: list[JsonObject] = row.get("peers") or []
    return ClusterStatus.of(row, mode="cluster" if peers else "standalone", node_count=1 + len(peers))


def info() -> Exchange[ClusterInfo]:
    """Return the node that answered."""
    return ClusterInfo.of((yield from rest("GET", at("cluster", "info"))))


def remove_node(node: str) -> Exchange[ClusterAction]:
    """Remove a node, named by its ``host:port``, from the cluster."""
    body = {"node_address": node}
    return ClusterAction.of((yield from rest("POST", at("cluster", "remove-node"), body)))


def rebalance() -> Exchange[ClusterAction]:
    """Distribute the data over the nodes again."""
    return ClusterAction.of((yield from rest("POST", at("cluster", "rebalance"))))


def cleanup() -> Exchange[None]:
    """Raise NotSupportedByServerError: only nodes can request this, with the key file of the cluster."""
    yield from ()
    raise unsupported(
        "cleanup for clients",
        "its nodes ask each other, with their key file",
        "cluster.rebalance() starts it",
    )


def reshard() -> Exchange[None]:
    """Raise NotSupportedByServerError: the driver protocol cannot read sharded collections."""
    yield from ()
    raise unsupported(
        "reshard for clients",
        "its nodes ask each other, and sharded collections can't be read over the driver protocol",
        "leave collections unsharded; every node holds them whole",
    )
