"""A real Redis Cluster of three masters, made without redis-cli."""

from __future__ import annotations

import time
from typing import Any

import redis

from tests.services.redis import RedisServer, find_redis

SLOTS = 16_384


class _Node(RedisServer):
    """A Redis in cluster mode; its bus listens 10,000 ports up."""

    port_offsets = (10_000,)

    def __init__(self, binary: str) -> None:
        super().__init__(
            binary,
            **{"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "cluster-node-timeout": "3000"},
        )


class RedisCluster:
    """Three masters, each with a third of the slots; `nodes` may be stopped and paused one by one."""

    def __init__(self, binary: str | None = None) -> None:
        binary = binary or find_redis()
        self.nodes = [_Node(binary) for _ in range(3)]

    @property
    def url(self) -> str:
        """Return the address of the first node; any node leads to the others."""
        return self.nodes[0].url

    def start(self) -> None:
        """Start the nodes, join them, and return when each of them calls the cluster whole."""
        try:
            for node in self.nodes:
                node.start()
            for index, node in enumerate(self.nodes):
                self._give_slots(index, node)
            self._wait_until_whole()
        except BaseException:
            self.close()
            raise

    def _give_slots(self, index: int, node: RedisServer) -> None:
        # ADDSLOTSRANGE and MEET by host name are Redis 7; the server in the wheel is 6.2.
        share = range(index * SLOTS // 3, (index + 1) * SLOTS // 3)
        with node.client() as client:
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            client.execute_command("CLUSTER", "ADDSLOTS", *share)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)

    def _wait_until_whole(self) -> None:
        deadline = time.monotonic() + 20
        while not all(map(_is_whole, self.nodes)):
            if time.monotonic() > deadline:
                raise RuntimeError("the Redis Cluster did not come together in 20 s")
            time.sleep(0.05)

    def client(self, **options: Any) -> redis.RedisCluster:
        """Return a cluster client; use it in `with`, or close it."""
        return redis.RedisCluster(host="127.0.0.1", port=self.nodes[0].port, **options)

    def close(self) -> None:
        """Stop all nodes and remove their directories."""
        for node in self.nodes:
            node.close()


def _is_whole(node: RedisServer) -> bool:
    with node.client() as client:
        said = client.execute_command("CLUSTER", "INFO").decode().split()
    return "cluster_state:ok" in said and "cluster_known_nodes:3" in said
