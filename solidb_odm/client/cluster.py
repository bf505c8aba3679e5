"""``client.cluster``: the nodes. Over HTTP."""

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
    """How the cluster is. ``mode`` is ``standalone`` or ``cluster``; the node asked is counted too."""

    mode: str
    node_count: int
    node_id: str = ""
    status: str = ""
    peers: list[JsonObject] = field(default_factory=list[JsonObject])
    current_sequence: int = 0
    log_entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInfo(ClientResult):
    """The node that was asked, and its configuration."""

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
    """What came of a change to the cluster."""

    success: bool = False
    message: str = ""


class Cluster(Caller):
    """The cluster, blocking. The login must be an administrator's."""

    def status(self) -> ClusterStatus:
        """Return the state of the cluster: ``mode``, ``node_count``, peers."""
        return self._run(status())

    def info(self) -> ClusterInfo:
        """Describe the node that answers."""
        return self._run(info())

    def remove_node(self, node_id: str) -> ClusterAction:
        """Take a node out of the cluster; the server knows nodes by their ``host:port``."""
        return self._run(remove_node(node_id))

    def rebalance(self) -> ClusterAction:
        """Spread the data again."""
        return self._run(rebalance())

    def cleanup(self) -> None:
        """Raise NotSupportedByServerError: nodes ask each other for this."""
        self._run(cleanup())

    def reshard(self, shards: int | None = None) -> None:  # noqa: ARG002 - the call's own argument
        """Raise NotSupportedByServerError: shards can't be reached over the driver protocol."""
        self._run(reshard())


class AsyncCluster(AsyncCaller):
    """The cluster, awaited. The login must be an administrator's."""

    async def status(self) -> ClusterStatus:
        """Return the state of the cluster: ``mode``, ``node_count``, peers."""
        return await self._run(status())

    async def info(self) -> ClusterInfo:
        """Describe the node that answers."""
        return await self._run(info())

    async def remove_node(self, node_id: str) -> ClusterAction:
        """Take a node out of the cluster; the server knows nodes by their ``host:port``."""
        return await self._run(remove_node(node_id))

    async def rebalance(self) -> ClusterAction:
        """Spread the data again."""
        return await self._run(rebalance())

    async def cleanup(self) -> None:
        """Raise NotSupportedByServerError: nodes ask each other for this."""
        await self._run(cleanup())

    async def reshard(self, shards: int | None = None) -> None:  # noqa: ARG002 - the call's own argument
        """Raise NotSupportedByServerError: shards can't be reached over the driver protocol."""
        await self._run(reshard())


def status() -> Exchange[ClusterStatus]:
    """Return the state of the cluster."""
    row = yield from rest("GET", at("cluster", "status"))
    peers: list[JsonObject] = row.get("peers") or []
    return ClusterStatus.of(row, mode="cluster" if peers else "standalone", node_count=1 + len(peers))


def info() -> Exchange[ClusterInfo]:
    """Describe the node."""
    return ClusterInfo.of((yield from rest("GET", at("cluster", "info"))))


def remove_node(node: str) -> Exchange[ClusterAction]:
    """Take a node out of the cluster, by its ``host:port``."""
    body = {"node_address": node}
    return ClusterAction.of((yield from rest("POST", at("cluster", "remove-node"), body)))


def rebalance() -> Exchange[ClusterAction]:
    """Spread the data again."""
    return ClusterAction.of((yield from rest("POST", at("cluster", "rebalance"))))


def cleanup() -> Exchange[None]:
    """Refuse: nodes ask each other for this, with their key file."""
    yield from ()
    raise unsupported(
        "cleanup for clients",
        "its nodes ask each other, with their key file",
        "cluster.rebalance() starts it",
    )


def reshard() -> Exchange[None]:
    """Refuse: what shards hold can't be reached over the driver protocol."""
    yield from ()
    raise unsupported(
        "reshard for clients",
        "its nodes ask each other, and sharded collections can't be read over the driver protocol",
        "leave collections unsharded; every node holds them whole",
    )
