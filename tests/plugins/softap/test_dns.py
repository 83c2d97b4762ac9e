"""The DNS server of the soft AP, asked over real sockets."""

import random
import socket
import struct
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from tests.dialogue import Talk

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import Airspace
from tokay.board.net import sockets
from tokay.plugins.softap import SoftAp

NXDOMAIN = 3


@pytest.fixture
def airspace(tmp_path: Path) -> Airspace:
    return Airspace.default(locks=AddressLocks(tmp_path / "claims"))


def question(name: str, id: int = 0x1234) -> bytes:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    return struct.pack("!6H", id, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


class Asker:
    """A client's socket, and the device that is given time to answer."""

    def __init__(self, talk: Talk) -> None:
        running = talk.kernel.plugin(SoftAp).running
        assert running is not None
        self._talk = talk
        self.device = running.interface.address.address
        self.port = running.interface.ports[53]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((self.device, self.port))

    def send(self, *datagrams: bytes) -> list[bytes]:
        """Send some, and return what came back."""
        for datagram in datagrams:
            self.socket.send(datagram)
        self._talk.turn(0)
        answers = []
        while True:
            try:
                answers.append(self.socket.recv(2048))
            except BlockingIOError:
                return answers

    def address(self, name: str) -> str | int:
        """Return what a name resolves to, or the code of the refusal."""
        (answer,) = self.send(question(name))
        assert answer[:2] == b"\x12\x34"
        code = answer[3] & 0xF
        return code or str(IPv4Address(answer[-4:]))


CHECKS = (
    "captive.apple.com",
    "www.msftconnecttest.com",
    "www.msftncsi.com",
    "detectportal.firefox.com",
    "nmcheck.gnome.org",
    "connectivity-check.ubuntu.com",
    "networkcheck.kde.org",
    "play.googleapis.com",
    "connectivitycheck.gstatic.com",
    "connectivitycheck.android.com",
    "connectivitycheck.platform.hicloud.com",
)


def test_it_knows_its_own_names_and_no_others(airspace: Airspace) -> None:
    settings = {"softap.dns_server.url": "my.device, http://Other.Device/page,not a.name..x,"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        asker = Asker(talk)
        assert asker.address("my.device") == asker.device
        assert asker.address("MY.dEVICE") == asker.device
        assert asker.address("other.device") == asker.device
        for name in ("example.com", "setup.com", *CHECKS):
            assert asker.address(name) == NXDOMAIN
        asker.socket.close()


def test_the_portal_leads_the_probes_here(airspace: Airspace) -> None:
    settings = {"softap.captive_portal_enabled": "1"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        asker = Asker(talk)
        for name in ("gecko-os.com", *CHECKS):
            assert asker.address(name) == asker.device
        assert asker.address("example.com") == NXDOMAIN
        asker.socket.close()


def test_setup_has_names_of_its_own_and_ends_its_server(airspace: Airspace) -> None:
    settings = {"setup.web.url": "http://setup.com", "softap.dns_server.enabled": "0"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.ask("setup_web")
        asker = Asker(talk)
        assert asker.address("setup.com") == asker.device
        assert asker.address("captive.apple.com") == asker.device
        assert asker.address("gecko-os.com") == NXDOMAIN
        talk.ask("setup_web stop")
        asker.socket.send(question("setup.com"))
        with pytest.raises(ConnectionRefusedError):
            asker.socket.recv(512)
        asker.socket.close()


def test_off_it_does_not_listen(airspace: Airspace) -> None:
    settings = {"softap.dns_server.enabled": "0"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        running = talk.kernel.plugin(SoftAp).running
        assert running is not None
        assert running.dns is None
        assert 53 not in running.interface.ports


def test_a_flood_is_answered_as_far_as_it_makes_sense(airspace: Airspace) -> None:
    dice = random.Random(7)
    with Talk(airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        asker = Asker(talk)
        for _ in range(20):
            junk = [dice.randbytes(dice.randrange(1, 600)) for _ in range(100)]
            assert all(len(answer) <= 512 for answer in asker.send(*junk))
        answers = asker.send(*(question(f"n{number}.example", number) for number in range(200)))
        assert [answer[:2] for answer in answers] == [struct.pack("!H", n) for n in range(200)]
        assert asker.address("gecko-os.com") == asker.device
        asker.socket.close()


def test_a_low_port_that_is_not_ours_moves_and_stations_find_it(
    airspace: Airspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sockets.bind

    def bind(sock: socket.socket, address: str, port: int) -> int:
        if 0 < port < 1024:
            raise PermissionError(13, "Permission denied")
        return real(sock, address, port)

    monkeypatch.setattr(sockets, "bind", bind)
    with Talk(human=True, airspace=airspace) as talk:
        heard = talk.ask("network_up -i softap")
        assert b"Port 53 needs privileges: listening on 8053\r\n" in heard
        asker = Asker(talk)
        assert asker.port == 8053
        assert asker.address("gecko-os.com") == asker.device
        asker.socket.close()
