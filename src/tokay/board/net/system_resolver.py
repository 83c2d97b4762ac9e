"""The machine's resolver, for links whose network is the machine's."""

import asyncio
import contextlib
import socket
from ipaddress import AddressValueError, IPv4Address


async def system_resolve(name: str) -> list[str]:
    """Return a name's IPv4 addresses. Raises OSError (socket.gaierror: no such name)."""
    with contextlib.suppress(AddressValueError):
        return [str(IPv4Address(name))]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            name, None, family=socket.AF_INET, type=socket.SOCK_STREAM
        )
    except ValueError:  # what IDNA or C cannot take for a name, UnicodeError among it
        raise socket.gaierror(socket.EAI_NONAME, f"{name!r} is no host name") from None
    return list(dict.fromkeys(str(row[4][0]) for row in found))
