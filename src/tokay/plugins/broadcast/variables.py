"""Variables of announcements."""

import re
from collections.abc import Sequence
from typing import Any

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import bad_args
from tokay.kernel.value_types import NOWHERE, Choice, Integer, Ipv4, PortNumber, Scope, Text, Words
from tokay.kernel.variables import Variable, computed
from tokay.plugins.http_client import parse_url
from tokay.plugins.network import SERVICE_INTERFACES

ITEMS = (
    "bssid", "channel", "ip", "mac", "remote_terminal_port", "rssi", "ssid", "time", "uuid",
    "version",
)  # fmt: skip
PIN = re.compile(r"(?P<kind>adc|gpio)(?P<number>\d{1,3})")
FACTORY = (
    "mac", "bssid", "channel", "ip", "ssid", "rssi", "remote_terminal_port", "time", "uuid",
    "version",
)  # fmt: skip


class Items(Words):
    """What an announcement says, in that order: names of items, and pins as `gpio3`, `adc3`."""

    def __init__(self) -> None:
        super().__init__("|".join((*ITEMS, PIN.pattern)))
        self.hint = "items, comma-separated"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> tuple[str, ...]:
        items = super().parse(words, scope)
        if len(set(items)) != len(items):
            raise bad_args("an item stands there twice")
        for item in items:
            if match := PIN.fullmatch(item):
                scope.pin(match["number"])
        return items


class Host(Text):
    """Where something is posted: [https://]host[:port], and a path if there must be one."""

    hint = "[https://]host[:port]"

    def check(self, text: str) -> None:
        super().check(text)
        parse_url(text)


DATA = Variable(
    "broadcast.data", "br d", Items(), FACTORY,
    doc="What an announcement says, in that order.",
)  # fmt: skip
HTTP_HOST = Variable(
    "broadcast.http.host", "br h h", Host(), "",
    doc="Where announcements are posted too: [https://]host[:port]; empty for nowhere.",
)  # fmt: skip
INTERFACE = Variable(
    "broadcast.interface", "br i", Choice(*SERVICE_INTERFACES), "default",
    doc="The interface that is announced, and over which.",
)  # fmt: skip
INTERVAL = Variable(
    "broadcast.interval", "br v", Integer(0, 65535, unit="s"), 10,
    doc="How long it is from one announcement to the next; 0 is never.",
)  # fmt: skip
UDP_IP = Variable(
    "broadcast.udp.ip", "br u i", Ipv4(), "255.255.255.255",
    doc="Where announcements are sent.",
)  # fmt: skip
UDP_PORT = Variable(
    "broadcast.udp.port", "br u p", PortNumber(any_port=True), 55555,
    doc="The port that they are sent to, and from; 0 sends none.",
)  # fmt: skip


def _set_port(kernel: Kernel, words: Sequence[str]) -> None:
    kernel.variables.set([UDP_PORT.name, *words])


REMOTE_PORT = computed(
    "broadcast.udp.remote_port", "", lambda kernel, _: kernel.variables.get([UDP_PORT.name]),
    setter=_set_port, doc="The same as broadcast.udp.port, by its later name.",
)  # fmt: skip
SETTINGS: tuple[Variable[Any], ...] = (DATA, HTTP_HOST, INTERFACE, INTERVAL, UDP_IP, UDP_PORT)
VARIABLES: tuple[Variable[Any], ...] = (*SETTINGS, REMOTE_PORT)
