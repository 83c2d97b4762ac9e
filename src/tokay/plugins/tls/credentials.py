"""The files that stand behind a TLS connection, and the context made of them."""

import ssl
from collections.abc import Callable
from typing import NamedTuple

from tokay.kernel.kernel import Kernel
from tokay.plugins.tls.ciphers import Range
from tokay.plugins.tls.errors import BAD_FILE, TlsError, reason_of
from tokay.plugins.tls.variables import CA_CERT, CLIENT_CERT, CLIENT_KEY, FACTORY_CA

MAX_PEM = 256 * 1024
"""Bytes that a file of certificates may have: what the CAs of all browsers take."""

MakeContext = Callable[[Range, bytes, bytes, bytes], ssl.SSLContext]


class Credentials(NamedTuple):
    """Names of files on the device; empty is none."""

    ca: str = ""
    cert: str = ""
    key: str = ""


def configured(kernel: Kernel) -> Credentials:
    """Return the files of `network.tls`. The CA named from the factory is none where it is not."""
    values = kernel.variables
    ca = values[CA_CERT]
    if ca == FACTORY_CA and kernel.storage.stat(ca) is None:
        ca = ""
    return Credentials(ca, values[CLIENT_CERT], values[CLIENT_KEY])


def load(
    make: MakeContext, kernel: Kernel, speaks: Range, files: Credentials, *, server: bool
) -> ssl.SSLContext:
    """Return the context for the content of files. Raises TlsError."""
    try:
        if server and not files.cert:
            raise OSError("no server certificate is set")
        return make(speaks, *(_read(kernel, name) for name in files))
    except (OSError, ValueError) as error:  # SSLError is an OSError
        reason = reason_of(error)
        if isinstance(error, ssl.SSLError):
            names = ", ".join(filter(None, files))
            reason = f"{names}: {reason if error.reason else 'not what it should be'}"
        raise TlsError(BAD_FILE, None, reason, server=server) from error


def _read(kernel: Kernel, name: str) -> bytes:
    """Return the content of a file; none without a name. Raises OSError."""
    if not name:
        return b""
    stored = kernel.storage.stat(name)
    if stored is None:
        raise OSError(f"no file {name}")
    if stored.size > MAX_PEM:
        raise OSError(f"{name} has more than {MAX_PEM} bytes")
    return kernel.storage.read(name, 0, stored.size)
