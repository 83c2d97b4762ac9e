"""How a handshake fails: one table from what OpenSSL says to the numbers that Gecko OS prints.

`Error with TLS handshake: <code> (state: <state>, code: <internal>)`. The codes are the public
list of WICED, the states those of mbedTLS, and so are the internal codes, in its own hexadecimal
way. Source: docs/protocol/network.md, section 12.
"""

import errno
import ssl
from collections.abc import Mapping
from typing import NamedTuple

from tokay.protocols.tls import HandshakeMessage


class Failure(NamedTuple):
    """One way to fail. ``at``: the state that the failure itself tells of; None asks the records.

    ``of_server`` is told instead by a server.
    """

    code: int
    internal: int
    at: HandshakeMessage | None = None
    of_server: HandshakeMessage | None = None


OUT_OF_MEMORY = Failure(5035, 0x7F00)
"""In the vendor's own example this is 5035 too, without the bracket."""
_AT_CERTIFICATE = HandshakeMessage.SERVER_CERTIFICATE, HandshakeMessage.CLIENT_CERTIFICATE
UNTRUSTED = Failure(5035, 0x2700, *_AT_CERTIFICATE)
EXPIRED = Failure(5036, 0x2700, *_AT_CERTIFICATE)
WRONG_NAME = Failure(5037, 0x2700, *_AT_CERTIFICATE)
REVOKED = Failure(5038, 0x2700, *_AT_CERTIFICATE)
NO_CLIENT_CERTIFICATE = Failure(5012, 0x7480, *_AT_CERTIFICATE)
"""A server asked for a certificate, and the client has none."""
CERTIFICATE_REQUIRED = Failure(5014, 0x7580)
"""The server wants a certificate that we do not have."""
NOTHING_IN_COMMON = Failure(5010, 0x7380)
VERSION = Failure(5010, 0x6E80)
FATAL_ALERT = Failure(5018, 0x7780)
CLOSED = Failure(5020, 0x7280)
NO_DATA = Failure(5039, 0x7280)
"""The peer closed and had not sent a byte: it may not speak TLS at all."""
RESET = Failure(5020, 0x0050)
TIMEOUT = Failure(5031, 0x6800)
BAD_FILE = Failure(5033, 0x3E00, HandshakeMessage.HELLO_REQUEST, HandshakeMessage.HELLO_REQUEST)
INVALID_RECORD = Failure(5032, 0x7200)
OTHER = Failure(5032, 0x6C00)

_BY_VERIFICATION: Mapping[int, Failure] = {
    9: EXPIRED,  # not yet valid
    10: EXPIRED,
    23: REVOKED,
    62: WRONG_NAME,
    64: WRONG_NAME,  # the certificate is not for this address
}
"""OpenSSL's X509_V_ERR numbers; the rest is untrusted."""

_BY_REASON: Mapping[str, Failure] = {
    "NO_SHARED_CIPHER": NOTHING_IN_COMMON,
    "NO_CIPHERS_AVAILABLE": NOTHING_IN_COMMON,
    "NO_SHARED_GROUP": NOTHING_IN_COMMON,
    "NO_SUITABLE_KEY_SHARE": NOTHING_IN_COMMON,
    "NO_SHARED_SIGNATURE_ALGORITHMS": NOTHING_IN_COMMON,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": NOTHING_IN_COMMON,
    "WRONG_CIPHER_RETURNED": NOTHING_IN_COMMON,
    "UNKNOWN_CIPHER_RETURNED": NOTHING_IN_COMMON,
    "UNKNOWN_PROTOCOL": VERSION,
    "UNSUPPORTED_PROTOCOL": VERSION,
    "NO_PROTOCOLS_AVAILABLE": VERSION,
    "WRONG_SSL_VERSION": VERSION,
    "VERSION_TOO_LOW": VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": VERSION,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": NOTHING_IN_COMMON,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": CERTIFICATE_REQUIRED,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": NO_CLIENT_CERTIFICATE,
    "WRONG_VERSION_NUMBER": INVALID_RECORD,
    "HTTP_REQUEST": INVALID_RECORD,
    "HTTPS_PROXY_REQUEST": INVALID_RECORD,
    "UNEXPECTED_EOF_WHILE_READING": CLOSED,
}
_REFUSED = "SSLV3_ALERT_HANDSHAKE_FAILURE"


def failure_of(error: Exception, state: HandshakeMessage, *, server: bool) -> Failure:
    """Return the row for what a handshake ended in; ``state`` is the last message that passed."""
    if isinstance(error, TlsError):
        return error.failure
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFICATION.get(error.verify_code, UNTRUSTED)
    if isinstance(error, TimeoutError):
        return TIMEOUT
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return CLOSED
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if reason == _REFUSED and not server:
            # The alert has one number for two things. Before ServerHello nothing was in common;
            # behind our Certificate message it was the want of one (RFC 5246 section 7.4.6).
            if state <= HandshakeMessage.CLIENT_HELLO:
                return NOTHING_IN_COMMON
            if state >= HandshakeMessage.CLIENT_CERTIFICATE:
                return CERTIFICATE_REQUIRED
        return _BY_REASON.get(reason) or (FATAL_ALERT if "_ALERT_" in reason else OTHER)
    return RESET if isinstance(error, OSError) else OTHER


class TlsError(OSError):
    """A handshake that failed. Its text is the documented line; ``failure`` has the numbers.

    ``reason`` says it in OpenSSL's words, for the log of whoever wants to know more.
    """

    def __init__(
        self, failure: Failure, state: HandshakeMessage | None, reason: str, *, server: bool = False
    ) -> None:
        super().__init__(errno.EPROTO, reason)
        self.failure = failure
        told = failure.of_server if server else failure.at
        self.state = told if told is not None else state
        self.reason = reason

    @property
    def line(self) -> str:
        """The documented line."""
        text = f"Error with TLS handshake: {self.failure.code}"
        if self.state is None:
            return text
        return f"{text} (state: {self.state:d}, code: -0x{self.failure.internal:04X})"

    def __str__(self) -> str:
        return self.line


def reason_of(error: Exception) -> str:
    """Return what OpenSSL or the system says of an error, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "the handshake took too long"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
