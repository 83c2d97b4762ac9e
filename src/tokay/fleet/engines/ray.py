"""Shards over the nodes of a Ray cluster: the extra `tokay[ray]`.

A detached named actor a shard, spread over the nodes and restarted by Ray without end. It starts
the same program as the local engine and carries its control connection; see ``ray_agent``. Without
an address a cluster of one node is started here, and ended with the run by its own process ids.
"""

import asyncio
import contextlib
import os
import uuid
from typing import Any

from tokay.fleet.control import AnyMessage, decode, encode
from tokay.fleet.engines.ray_agent import Agent
from tokay.fleet.errors import FleetError

POLL = 5.0
"""Seconds that one question for frames waits at the agent."""
START_LIMIT = 120.0
"""Seconds that an actor has to be there (again): Ray takes some to see that a node has died."""
PAUSE = 0.5


class RayChannel:
    """The control connection of a shard, by way of its agent."""

    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._waiting: list[bytes] = []
        self._closed = False

    def send(self, message: AnyMessage) -> None:
        self._agent.send.remote(encode(message))

    async def receive(self) -> AnyMessage | None:
        while not self._waiting and not self._closed:
            try:
                self._waiting = list(await self._agent.receive.remote(POLL))
            except Exception:  # noqa: BLE001 - Ray's errors have no base of their own; the actor died
                return None
        if self._closed or not self._waiting[0]:
            return None
        return decode(self._waiting.pop(0))

    def close(self) -> None:
        self._closed = True


class RayEngine:
    """Starts agents on a cluster. ``address``: `auto`, or that of a cluster; empty starts one."""

    def __init__(self, address: str, shards: int) -> None:
        self._address = address
        self._shards = shards
        self._ray: Any = None
        self._namespace = f"tokay-fleet-{uuid.uuid4().hex[:12]}"
        self._agents: dict[int, Any] = {}
        self.nodes: dict[int, str] = {}
        """On which node each shard is."""
        self.server_host = "127.0.0.1"
        """The address of this machine that the nodes reach."""

    async def open(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray  # noqa: PLC0415
        except ImportError:
            raise FleetError("--engine ray: needs the extra: pip install 'tokay[ray]'") from None
        self._ray = ray
        options: dict[str, Any] = (
            {"address": self._address}
            if self._address
            else {"num_cpus": self._shards, "include_dashboard": False}
        )
        try:
            await asyncio.to_thread(
                ray.init, namespace=self._namespace, log_to_driver=False, **options
            )
        except Exception as error:  # noqa: BLE001 - as above
            reason = str(error).strip().splitlines()[0]
            raise FleetError(f"--address {self._address or '(none)'}: {reason}") from None
        self.server_host = str(self._ray.util.get_node_ip_address())

    async def start(self, shard: int) -> RayChannel:
        agent = self._agents.get(shard)
        if agent is None:
            agent = self._agents[shard] = self._make(shard)
        deadline = asyncio.get_running_loop().time() + START_LIMIT
        while True:
            try:
                self.nodes[shard] = await agent.start.remote()
            except Exception as error:  # noqa: BLE001 - as above
                # Between the death of its node and its restart nobody answers.
                if asyncio.get_running_loop().time() > deadline:
                    raise FleetError(f"ray: shard {shard} does not start: {error!r}") from None
                await asyncio.sleep(PAUSE)
            else:
                return RayChannel(agent)

    def _make(self, shard: int) -> Any:
        name = f"shard-{shard}"
        actor = self._ray.remote(Agent).options(
            name=name,
            lifetime="detached",
            num_cpus=1,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=8,
            scheduling_strategy="SPREAD",
        )
        return actor.remote(name, self._namespace)

    async def kill(self, shard: int) -> None:
        agent = self._agents.get(shard)
        if agent is not None:
            with contextlib.suppress(Exception):  # its node may be dead
                await asyncio.wait_for(agent.stop.remote(), POLL)

    async def close(self) -> None:
        if self._ray is None:
            return
        for agent in self._agents.values():
            with contextlib.suppress(Exception):
                self._ray.kill(agent, no_restart=True)
        await asyncio.to_thread(self._ray.shutdown)
