"""What runs on a node of a Ray cluster: an actor that has one shard as its child.

It carries the control connection and nothing else: the devices have a process and an event loop of
their own. The child ends with its pipe, so it goes when the actor's process does. An agent that
nobody has asked for anything for a while ends itself: its run is gone.
"""

import queue
import struct
import subprocess
import sys
import threading
import time

IDLE_LIMIT = 30.0
"""Seconds without a word from the run after which an agent ends."""
MAX_WAITING = 10_000
"""Frames that wait for the run."""
_LENGTH = struct.Struct(">I")


class Agent:
    """Starts a shard's program and passes frames to and fro. Its methods are called in threads."""

    def __init__(self, name: str, namespace: str) -> None:
        self._name = name
        self._namespace = namespace
        self._child: subprocess.Popen[bytes] | None = None
        self._frames: queue.Queue[bytes] = queue.Queue(MAX_WAITING)
        self._asked = time.monotonic()
        threading.Thread(target=self._watch, daemon=True).start()

    def start(self) -> str:
        """Start the program, once more if need be; return the node's id."""
        import ray  # noqa: PLC0415

        self.stop()
        self._asked = time.monotonic()
        frames: queue.Queue[bytes] = queue.Queue(MAX_WAITING)
        child = subprocess.Popen(
            (sys.executable, "-m", "tokay.fleet.shard.program"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._child, self._frames = child, frames
        threading.Thread(target=_read, args=(child, frames), daemon=True).start()
        return str(ray.get_runtime_context().get_node_id())

    def send(self, frame: bytes) -> bool:
        """Pass a frame to the shard; whether it took it."""
        self._asked = time.monotonic()
        child = self._child
        if child is None or child.stdin is None:
            return False
        try:
            child.stdin.write(frame)
            child.stdin.flush()
        except OSError:
            return False
        return True

    def receive(self, limit: float) -> list[bytes]:
        """Return the frames that have come, waiting for one; an empty one is the end."""
        self._asked = time.monotonic()
        frames = []
        try:
            frames.append(self._frames.get(timeout=limit))
            while frames[-1]:
                frames.append(self._frames.get_nowait())
        except queue.Empty:
            pass
        self._asked = time.monotonic()
        return frames

    def stop(self) -> None:
        """End the program."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()

    def _watch(self) -> None:
        import ray  # noqa: PLC0415

        while time.monotonic() - self._asked < IDLE_LIMIT:
            time.sleep(1)
        self.stop()
        ray.kill(ray.get_actor(self._name, self._namespace), no_restart=True)


def _read(child: "subprocess.Popen[bytes]", frames: "queue.Queue[bytes]") -> None:
    """Cut what a shard says into frames."""
    pipe = child.stdout
    assert pipe is not None  # noqa: S101 - asked for
    while len(head := pipe.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        body = pipe.read(length)
        if len(body) < length:
            break
        frames.put(body)
    frames.put(b"")
