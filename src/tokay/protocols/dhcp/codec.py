"""DHCPv4 messages as bytes: the wire format of RFC 2131 section 2 and RFC 2132.

A message is the fixed BOOTP header (236 octets), a magic cookie and a list of options, each
a code, a length and a value. Three things make the list harder than it looks:

- An option may come in pieces; the pieces are joined in order (RFC 3396).
- The list may run on into the two header fields that BOOTP used for names, `file` and then
  `sname`, when option 52 says so (RFC 2132 section 9.3). Where a value stood is of no
  interest to anyone above, so option 52 itself never shows in `DhcpMessage.options`.
- Everything comes from strangers. Decoding is one pass over each field whatever the bytes
  say, and ends in a `DhcpMessage` or in `DhcpError`.

An option whose value has the wrong size reads as absent, as in dnsmasq: one careless option
must not cost a client its address. A list that is cut off in the middle of an option is an
error: what was lost may be the server's name.

Addresses are plain ints here: making an `IPv4Address` costs as much as decoding five options.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Self

__all__ = [
    "BOOTREPLY",
    "BOOTREQUEST",
    "INFINITE",
    "DhcpError",
    "DhcpMessage",
    "DhcpOption",
    "MessageType",
]

BOOTREQUEST = 1
BOOTREPLY = 2

INFINITE = 0xFFFFFFFF
"""The lease time, in seconds, that means for ever (RFC 2131 section 3.3)."""

_COOKIE = b"\x63\x82\x53\x63"
# op htype hlen hops | xid | secs flags | ciaddr yiaddr siaddr giaddr | chaddr sname file | cookie
_HEADER = Struct("!4BI2H4I16s64s128s4s")
_BROADCAST_FLAG = 0x8000
_ETHERNET = 1  # RFC 1700 hardware type; Wi-Fi uses it too

_PAD = 0
_OVERLOAD = 52
_END = 255

# Relays and old servers discard what is shorter than the BOOTP message (RFC 1542 section 2.1).
_MIN_MESSAGE = 300
# Two full Ethernet frames and some. A datagram of 64 KB would be nothing but an attempt to
# keep us busy: 30,000 empty options, or one name that fills the log.
_MAX_MESSAGE = 4096


class DhcpError(ValueError):
    """The bytes are not a DHCP message."""


class MessageType(IntEnum):
    """Option 53, what a message is for (RFC 2132 section 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


_MESSAGE_TYPES = {bytes((kind,)): kind for kind in MessageType}


class DhcpOption(IntEnum):
    """Codes of the options in use here (RFC 2132)."""

    NETMASK = 1
    ROUTERS = 3
    DNS = 6
    HOSTNAME = 12
    DOMAIN = 15
    BROADCAST_ADDRESS = 28
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    MESSAGE_TYPE = 53
    SERVER_ID = 54
    PARAMETER_LIST = 55
    MESSAGE = 56
    MAX_SIZE = 57
    T1 = 58
    T2 = 59
    CLIENT_ID = 61


@dataclass(frozen=True, slots=True)
class DhcpMessage:
    """One DHCP message.

    `op` is `BOOTREQUEST` or `BOOTREPLY` (other values survive a decode), `xid` and the four
    addresses are unsigned 32-bit ints, `secs` is 0-65535 seconds, `chaddr` the hardware
    address of the client, 0-16 octets of hardware type `htype`. `options` maps a code, 1-254
    without 52, to its whole value.
    """

    op: int
    xid: int
    chaddr: bytes
    options: Mapping[int, bytes] = field(default_factory=dict)
    secs: int = 0
    broadcast: bool = False
    ciaddr: int = 0
    yiaddr: int = 0
    siaddr: int = 0
    giaddr: int = 0
    htype: int = _ETHERNET

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a datagram; raise `DhcpError`, and nothing else, when it is not DHCP."""
        if not _HEADER.size <= len(data) <= _MAX_MESSAGE:
            raise DhcpError(f"{len(data)} octets are no DHCP message")
        # hops counts relays, and matters to relays only.
        (op, htype, hlen, _, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, *rest) = (
            _HEADER.unpack_from(data)
        )
        chaddr, sname, file, cookie = rest
        if cookie != _COOKIE:
            raise DhcpError("no magic cookie: plain BOOTP or something else")
        if hlen > 16:
            raise DhcpError(f"hardware address of {hlen} octets")
        options = _read_all_options(data, sname, file)
        return cls(
            op,
            xid,
            chaddr[:hlen],
            options,
            secs,
            flags >= _BROADCAST_FLAG,
            ciaddr,
            yiaddr,
            siaddr,
            giaddr,
            htype,
        )

    def encode(self) -> bytes:
        """Write the datagram, at least 300 octets long.

        Options keep their order; one longer than 255 octets is cut in pieces (RFC 3396).
        Raises `ValueError` where a field does not fit: that is a mistake of the caller.
        """
        if len(self.chaddr) > 16:
            raise ValueError("a hardware address has at most 16 octets")
        out = bytearray(_HEADER.size)
        try:
            _HEADER.pack_into(
                out,
                0,
                self.op,
                self.htype,
                len(self.chaddr),
                0,
                self.xid,
                self.secs,
                _BROADCAST_FLAG if self.broadcast else 0,
                self.ciaddr,
                self.yiaddr,
                self.siaddr,
                self.giaddr,
                self.chaddr,
                b"",
                b"",
                _COOKIE,
            )
        except Exception as error:  # struct.error is not a ValueError
            raise ValueError(str(error)) from error
        _write_options(out, self.options)
        if len(out) > _MAX_MESSAGE:
            raise ValueError(f"a message of {len(out)} octets is too long")
        return bytes(out.ljust(_MIN_MESSAGE, b"\0"))

    @property
    def message_type(self) -> MessageType | None:
        """Option 53; `None` when absent (BOOTP) or not a type of RFC 2131."""
        return _MESSAGE_TYPES.get(self.options.get(DhcpOption.MESSAGE_TYPE, b""))

    @property
    def server_id(self) -> int | None:
        """Option 54, the address that names the server."""
        return self._number(DhcpOption.SERVER_ID)

    @property
    def requested_address(self) -> int | None:
        """Option 50, the address the client would like."""
        return self._number(DhcpOption.REQUESTED_ADDRESS)

    @property
    def lease_time(self) -> int | None:
        """Option 51 in seconds, 0-`INFINITE`."""
        return self._number(DhcpOption.LEASE_TIME)

    @property
    def t1(self) -> int | None:
        """Option 58, seconds until the lease should be renewed."""
        return self._number(DhcpOption.T1)

    @property
    def t2(self) -> int | None:
        """Option 59, seconds until any server should be asked."""
        return self._number(DhcpOption.T2)

    @property
    def netmask(self) -> int | None:
        """Option 1."""
        return self._number(DhcpOption.NETMASK)

    @property
    def routers(self) -> tuple[int, ...]:
        """Option 3, gateways in order of preference."""
        return self._numbers(DhcpOption.ROUTERS)

    @property
    def dns(self) -> tuple[int, ...]:
        """Option 6, name servers in order of preference."""
        return self._numbers(DhcpOption.DNS)

    @property
    def hostname(self) -> str:
        """Option 12, the client's name; safe to print, empty when absent."""
        return self._text(DhcpOption.HOSTNAME)

    @property
    def domain(self) -> str:
        """Option 15, the domain of the network; safe to print, empty when absent."""
        return self._text(DhcpOption.DOMAIN)

    @property
    def message(self) -> str:
        """Option 56, why a server refused or a client declined; safe to print."""
        return self._text(DhcpOption.MESSAGE)

    @property
    def client_id(self) -> bytes | None:
        """Option 61, opaque, at least two octets (RFC 2132 section 9.14)."""
        value = self.options.get(DhcpOption.CLIENT_ID, b"")
        return value if len(value) >= 2 else None

    @property
    def parameter_list(self) -> tuple[int, ...]:
        """Option 55, the options the client asks for."""
        return tuple(self.options.get(DhcpOption.PARAMETER_LIST, b""))

    def _number(self, code: DhcpOption) -> int | None:
        value = self.options.get(code, b"")
        return int.from_bytes(value) if len(value) == 4 else None

    def _numbers(self, code: DhcpOption) -> tuple[int, ...]:
        value = self.options.get(code, b"")
        return tuple(int.from_bytes(value[at : at + 4]) for at in range(0, len(value) - 3, 4))

    def _text(self, code: DhcpOption) -> str:
        # Some clients count a closing NUL; nobody may send an escape sequence to a terminal.
        text = self.options.get(code, b"").rstrip(b"\0").decode("utf-8", "replace")
        return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _read_all_options(data: bytes, sname: bytes, file: bytes) -> dict[int, bytes]:
    """Return the options of a message, also those in the fields that option 52 names."""
    options: dict[int, bytes] = {}
    pieces: dict[int, list[bytes]] = {}
    _read_options(data, _HEADER.size, options, pieces)
    overload = options.pop(_OVERLOAD, b"\0")
    if overload != b"\0":
        # RFC 3396 section 5 fixes the order: options, file, sname. A second option 52
        # found in there would be a joke, and is not followed.
        where = overload[0] if overload else 0
        if where & 1:
            _read_options(file, 0, options, pieces)
        if where & 2:
            _read_options(sname, 0, options, pieces)
        options.pop(_OVERLOAD, None)
    if pieces:
        pieces.pop(_OVERLOAD, None)
        for code, values in pieces.items():
            options[code] = b"".join(values)
    return options


def _write_options(out: bytearray, options: Mapping[int, bytes]) -> None:
    """Append options and the end option. Raises ValueError for a code that can have no value."""
    for code, value in options.items():
        if code == _OVERLOAD or not _PAD < code < _END:
            raise ValueError(f"{code} is not the code of an option with a value")
        if len(value) < 256:  # nearly all
            out += b"%c%c%b" % (code, len(value), value)
            continue
        for start in range(0, len(value) or 1, 255):
            piece = value[start : start + 255]
            out += bytes((code, len(piece)))
            out += piece
    out.append(_END)


def _read_options(
    data: bytes, at: int, options: dict[int, bytes], pieces: dict[int, list[bytes]]
) -> None:
    """Add the options of one field; values that come in several pieces also go to `pieces`."""
    end = len(data)
    while at < end:
        code = data[at]
        if code == _PAD:
            at += 1
            continue
        if code == _END:
            return
        # No end option before the end of the field is common, and harmless.
        start = at + 2
        if start > end or (at := start + data[start - 1]) > end:
            raise DhcpError(f"option {code} is cut off")
        value = data[start:at]
        if code not in options:
            options[code] = value
        elif code in pieces:
            pieces[code].append(value)
        else:
            pieces[code] = [options[code], value]
