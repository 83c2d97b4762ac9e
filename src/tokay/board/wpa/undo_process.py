"""Undo what a radio changed on this machine: a program of its own, that outlives the device.

It reads lines of JSON from the device, each a list of steps that takes the place of the one before.
When the pipe ends, because the device closed it, was killed or crashed, it carries the last list
out, and ends. Signals do not stop it. A step is one of::

    ["end", PID]               terminate a process, and kill it if it does not go
    ["netlink", FAMILY, HEX]   send a netlink request
    ["remove", FOLDER]         remove a folder

It imports nothing of ours, so that it is small: it is there as long as the radio is.
"""

import json
import os
import select
import shutil
import signal
import socket
import sys

LIMIT_MS = 3000


def main() -> None:
    """Wait for the end of the device, then carry out the steps."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    steps: list[list[object]] = []
    processes: dict[int, int] = {}
    for line in sys.stdin.buffer:
        steps = json.loads(line)
        pids = [int(str(step[1])) for step in steps if step[0] == "end"]
        # A descriptor stays that of the process, though its number may be given to another.
        for pid in pids:
            if pid not in processes:
                try:
                    processes[pid] = os.pidfd_open(pid)
                except OSError:
                    continue
        for pid in set(processes) - set(pids):
            os.close(processes.pop(pid))
    for descriptor in processes.values():
        _end(descriptor)
    for step in steps:
        _undo(step)


def _end(descriptor: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(descriptor, number)
        except OSError:
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if poll.poll(LIMIT_MS):
            return


def _undo(step: list[object]) -> None:
    kind, *rest = step
    try:
        if kind == "netlink":
            family, request = rest
            _send(int(str(family)), bytes.fromhex(str(request)))
        elif kind == "remove":
            shutil.rmtree(str(rest[0]), ignore_errors=True)
    except OSError:
        return  # gone already, with its interface


def _send(family: int, request: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as kernel:
        kernel.settimeout(LIMIT_MS / 1000)
        kernel.send(request)
        kernel.recv(65536)


if __name__ == "__main__":
    main()
