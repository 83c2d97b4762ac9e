"""A virtual machine that is thrown away: this machine's files, and a kernel with radios.

A stock Debian kernel has simulated radios (mac80211_hwsim) and an I2C bus (i2c-stub), and QEMU
runs it without privileges. The guest sees this machine's root read-only, with a file system in
memory over it, so every program, the checkout and the virtual environment are there under the
same paths. It has no network card: nothing that it does can leave it.

    python tests/vm/machine.py                   fetch and unpack what is needed, into .peers/vm
    python tests/vm/machine.py COMMAND [ARG...]  run a command in the guest, as root
"""

import fcntl
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.interop import peers
from tests.vm import initramfs

FOLDER = peers.FOLDER / "vm"
PROGRAMS = ("hostapd", "iw", "wpa_supplicant", "dnsmasq")
TRANSPORT = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""The modules that reach this machine's files."""
APPLETS = ("modprobe", "insmod", "rmmod", "lsmod", "udhcpc", "ping")
LIMIT = 300.0

_STAGE2 = """\
export PATH={path} HOME=/root VM_OUT={out} LC_ALL=C.UTF-8 TOKAY_VM=1
export PYTHONDONTWRITEBYTECODE=1 TMPDIR=/run/tmp
mkdir -p /dev/pts /dev/shm; mount -t devpts p /dev/pts; mount -t tmpfs t /dev/shm
mount -t tmpfs t /run; mkdir /run/tmp  # /tmp stays: the checkout may be below it
mkdir -p {out} /lib/modules/{release} /lib/firmware
mount --bind /mnt {out}
mount --bind {modules} /lib/modules/{release}
cp {regdb}/regulatory.db-debian /lib/firmware/regulatory.db
cp {regdb}/regulatory.db.p7s-debian /lib/firmware/regulatory.db.p7s
echo {programs}/modprobe > /proc/sys/kernel/modprobe
modprobe configfs
mount -t debugfs d /sys/kernel/debug; mount -t configfs c /sys/kernel/config
hostname guest; ip link set lo up
cd {folder}
{command} < /dev/null
echo $? > {out}/.status
sync; echo o > /proc/sysrq-trigger; sleep 60
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a command. `status` is None if the guest did not get to its end."""

    status: int | None
    console: str
    out: Path
    seconds: float


def run(command: Sequence[str], out: Path, *, limit: float = LIMIT, cpus: int = 1) -> Outcome:
    """Run a command in a machine of its own; it may write into `out`. Raises PeerError."""
    machine = prepare()
    out.mkdir(parents=True, exist_ok=True)
    out = out.resolve()
    (out / ".status").unlink(missing_ok=True)
    (out / ".stage2").write_text(_stage2(machine, shlex.join(command), out))
    began = time.monotonic()
    with (out / "console").open("wb") as console:
        process = subprocess.Popen(
            _qemu(machine, out, cpus), stdin=subprocess.DEVNULL, stdout=console, stderr=console
        )
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
            process.wait()
    status = out / ".status"
    return Outcome(
        int(status.read_text()) if status.exists() else None,
        (out / "console").read_text(errors="replace"),
        out,
        time.monotonic() - began,
    )


@dataclass(frozen=True)
class _Machine:
    qemu: list[str]
    firmware: list[Path]
    kernel: Path
    initrd: Path
    modules: Path
    regdb: Path
    programs: Path


def prepare() -> _Machine:
    """Fetch and unpack what is not there yet. Raises PeerError."""
    if platform.machine() != "x86_64":
        raise peers.PeerError(f"the virtual machine needs x86_64, not {platform.machine()}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:  # two runs at once prepare one after the other
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _prepare()


def _prepare() -> _Machine:
    qemu = peers.find("qemu-system-x86_64").command
    data, bios = peers.unpack("qemu-system-data"), peers.unpack("seabios")
    busybox = peers.unpack("busybox-static") / "bin/busybox"
    image = peers.unpack(peers.depends("linux-image-amd64", "linux-image-"))
    (modules,) = (image / "lib/modules").iterdir()
    if not (modules / "modules.dep").exists():
        peers.run([str(busybox), "depmod", "-b", str(image), modules.name])
    initrd = FOLDER / f"initrd-{modules.name}.gz"
    if not initrd.exists():
        initrd.write_bytes(initramfs.build(busybox, _modules(modules, TRANSPORT)))
    return _Machine(
        qemu,
        [data / "usr/share/qemu", bios / "usr/share/seabios"],
        image / "boot" / f"vmlinuz-{modules.name}",
        initrd,
        modules,
        peers.unpack("wireless-regdb") / "lib/firmware",
        _programs(busybox),
    )


def _modules(root: Path, wanted: Sequence[str]) -> list[Path]:
    """Return modules and those that they need, in the order in which they can be loaded."""
    needs: dict[str, tuple[Path, list[Path]]] = {}
    for line in (root / "modules.dep").read_text().splitlines():
        module, _, others = line.partition(":")
        name = Path(module).stem.replace("-", "_")
        needs[name] = root / module, [root / other for other in others.split()]
    ordered: list[Path] = []

    def add(name: str) -> None:
        module, others = needs[name]
        if module not in ordered:
            for other in others:
                add(other.stem.replace("-", "_"))
            ordered.append(module)

    for name in wanted:
        add(name.replace("-", "_"))
    return ordered


def _programs(busybox: Path) -> Path:
    """Fill a folder with what the guest finds first on its path."""
    folder = FOLDER / "bin"
    folder.mkdir(exist_ok=True)
    for program in PROGRAMS:
        words = shlex.join(peers.find(program).command)
        _script(folder / program, f'#!/bin/sh\nexec {words} "$@"\n')
    for applet in APPLETS:
        _script(folder / applet, f'#!/bin/sh\nexec {busybox} {applet} "$@"\n')
    return folder


def _script(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o755)


def _stage2(machine: _Machine, command: str, out: Path) -> str:
    path = os.pathsep.join(
        [str(machine.programs), os.environ["PATH"], "/usr/sbin:/usr/bin:/sbin:/bin"]
    )
    return _STAGE2.format(
        path=shlex.quote(path),
        out=shlex.quote(str(out)),
        release=machine.modules.name,
        modules=shlex.quote(str(machine.modules)),
        regdb=shlex.quote(str(machine.regdb)),
        programs=shlex.quote(str(machine.programs)),
        folder=shlex.quote(str(Path.cwd())),
        command=command,
    )


def _qemu(machine: _Machine, out: Path, cpus: int) -> list[str]:
    fast = _hardware_virtualisation()
    firmware = [word for folder in machine.firmware for word in ("-L", str(folder))]
    return [
        *machine.qemu, *firmware, "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
        "-machine", f"q35,accel={'kvm' if fast else 'tcg'}", "-cpu", "host" if fast else "max",
        "-smp", str(cpus), "-m", "1024",
        "-kernel", str(machine.kernel), "-initrd", str(machine.initrd),
        "-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on tsc=reliable no_timer_check",
        "-serial", "stdio", "-monitor", "none", "-device", "virtio-rng-pci",
        "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
        "-virtfs", f"local,path={out},mount_tag=out,security_model=none",
    ]  # fmt: skip


def _hardware_virtualisation() -> bool:
    """Whether KVM can be used: in a cloud guest /dev/kvm may open, and a stock kernel not boot."""
    return os.access("/dev/kvm", os.W_OK) and any(
        Path("/sys/module", name).exists() for name in ("kvm_intel", "kvm_amd")
    )


def main() -> int:
    """Prepare, and run a command if there is one."""
    try:
        if not sys.argv[1:]:
            print(f"vm: {prepare().kernel}")
            return 0
        out = Path(tempfile.mkdtemp(prefix="tokay-vm-"))
        outcome = run(sys.argv[1:], out)
    except peers.PeerError as error:
        print(f"vm: {error}", file=sys.stderr)
        return 0
    print(outcome.console)
    print(f"vm: status {outcome.status} after {outcome.seconds:.1f} s", file=sys.stderr)
    shutil.rmtree(out)
    return 125 if outcome.status is None else outcome.status


if __name__ == "__main__":
    sys.exit(main())
