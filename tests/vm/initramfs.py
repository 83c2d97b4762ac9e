"""The first file system of the virtual machine: busybox, a few modules, one script.

It reaches this machine's root over 9p, lays a file system in memory over it, and goes there.
"""

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

_FILE, _FOLDER = 0o100755, 0o040755

INIT = b"""#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for k in /m/*.ko; do $B insmod $k || echo "insmod $k failed"; done
O=trans=virtio,version=9p2000.L,msize=512000
$B mount -t 9p -o ro,cache=loose,$O root /host || { echo "no root over 9p"; $B poweroff -f; }
$B mount -t tmpfs -o size=75% t /up; $B mkdir /up/u /up/w
$B mount -t overlay -o lowerdir=/host,upperdir=/up/u,workdir=/up/w o /new
$B mount -t 9p -o rw,cache=none,$O out /new/mnt || echo "no folder for results over 9p"
for d in proc sys dev; do $B mount --move /$d /new/$d; done
exec $B switch_root /new /bin/sh /mnt/.stage2
"""


def build(busybox: Path, modules: Iterable[Path]) -> bytes:
    """Return the archive; the modules are loaded in the order given."""
    files = {"bin/busybox": busybox.read_bytes(), "init": INIT}
    for number, module in enumerate(modules):
        files[f"m/{number:02}-{module.name}"] = module.read_bytes()
    folders = ("bin", "m", "proc", "sys", "dev", "host", "up", "new")
    return gzip.compress(_archive(folders, files), 1)


def _archive(folders: Iterable[str], files: Mapping[str, bytes]) -> bytes:
    entries = [(name, _FOLDER, b"") for name in folders]
    entries += [(name, _FILE, data) for name, data in files.items()]
    entries.append(("TRAILER!!!", 0, b""))
    return b"".join(
        _entry(number, name, mode, data) for number, (name, mode, data) in enumerate(entries)
    )


def _entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    """Return one file in the `newc` format (Documentation/driver-api/early-userspace)."""
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
