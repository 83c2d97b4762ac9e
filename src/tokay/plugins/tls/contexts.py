"""OpenSSL contexts: made of the content of files, and shared by all devices that have the same.

A context with a CA store costs some 700 KB, so there is one for each different content. OpenSSL
takes certificates and keys from paths only, and those of a device lie in its storage: they are
handed over through files in memory that have no name, and a private key touches no disk.
"""

import os
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from tokay.plugins.tls.ciphers import SUITES_OF_13, Range

MAX_CONTEXTS = 64
"""Contexts that are kept for whoever asks next; those in use live on without it."""
_CRL = b"-----BEGIN X509 CRL-----"
_VERSIONS = {
    10: ssl.TLSVersion.TLSv1,
    11: ssl.TLSVersion.TLSv1_1,
    12: ssl.TLSVersion.TLSv1_2,
    13: ssl.TLSVersion.TLSv1_3,
}
# RFC 7919, appendix A.1: ffdhe2048. OpenSSL offers no DHE suite as a server without a group.
_FFDHE2048 = b"""-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""


@lru_cache(maxsize=MAX_CONTEXTS)
def client_context(spoken: Range, ca: bytes, cert: bytes, key: bytes) -> ssl.SSLContext:
    """Return a context that connects; with ``ca`` it verifies. Raises OSError (SSLError is one)."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, spoken)
    if ca:
        _trust(context, ca)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        _identify(context, cert, key)
    return context


@lru_cache(maxsize=MAX_CONTEXTS)
def server_context(spoken: Range, ca: bytes, cert: bytes, key: bytes) -> ssl.SSLContext:
    """Return a context that accepts; with ``ca`` it wants to see certificates. Raises OSError."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, spoken)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    with _path(_FFDHE2048) as path:
        context.load_dh_params(path)
    _identify(context, cert, key)
    if ca:
        _trust(context, ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _context(role: int, spoken: Range) -> ssl.SSLContext:
    context = ssl.SSLContext(role)
    with warnings.catch_warnings():
        # Python warns of versions that are out of use. Whoever asks for them is told in the log.
        warnings.simplefilter("ignore", DeprecationWarning)
        # What the machine's own configuration of OpenSSL allows is for its own programs.
        context.minimum_version = _VERSIONS[spoken.floor]
        context.maximum_version = _VERSIONS[spoken.ceiling]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    level = "@SECLEVEL=0" if spoken.old else "@SECLEVEL=2"
    if spoken.floor < SUITES_OF_13:
        named = [name for name in spoken.ciphers if not name.startswith("TLS_")]
        context.set_ciphers(":".join([*named, level]))
    return context


def _trust(context: ssl.SSLContext, ca: bytes) -> None:
    with _path(ca) as path:
        context.load_verify_locations(path)
    if _CRL in ca:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    # A server may send an intermediate that is in our file too; either is enough to trust.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _identify(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    with _path(cert) as cert_path, _path(key or cert) as key_path:
        # OpenSSL would ask the terminal for a password.
        context.load_cert_chain(cert_path, key_path, password=lambda: b"")


@contextmanager
def _path(content: bytes) -> Iterator[str]:
    """Yield a path to a file in memory with that content."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
