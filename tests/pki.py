"""Certificates for tests, good and bad: all of one authority, made once a run."""

import datetime as dt
import ssl
import warnings
from dataclasses import dataclass
from functools import cached_property

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.peers import ask
from tokay.device import Device

NAME = "printer.lab"
"""Whom good certificates name, beside 127.0.0.1."""
ADDRESS = "127.0.0.1"
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as PEM."""

    cert: bytes
    key: bytes

    @classmethod
    def of(cls, leaf: trustme.LeafCert) -> "Identity":
        return cls(
            b"".join(blob.bytes() for blob in leaf.cert_chain_pems), leaf.private_key_pem.bytes()
        )


class Authority:
    """One CA and what it issues."""

    def __init__(self, kind: trustme.KeyType = trustme.KeyType.ECDSA) -> None:
        self._ca = trustme.CA(key_type=kind)
        self._kind = kind
        self.pem = self._ca.cert_pem.bytes()

    def issue(
        self, *names: str, begins: dt.timedelta = -_DAY, ends: dt.timedelta = 100 * _DAY
    ) -> Identity:
        """Issue a certificate that is good from and to so long from now."""
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        leaf = self._ca.issue_cert(
            *names, not_before=now + begins, not_after=now + ends, key_type=self._kind
        )
        return Identity.of(leaf)

    @cached_property
    def good(self) -> Identity:
        return self.issue(NAME, ADDRESS)

    @cached_property
    def expired(self) -> Identity:
        return self.issue(NAME, ADDRESS, begins=-2 * _DAY, ends=-_DAY)

    @cached_property
    def early(self) -> Identity:
        return self.issue(NAME, ADDRESS, begins=_DAY)

    @cached_property
    def elsewhere(self) -> Identity:
        return self.issue("elsewhere.example", "192.0.2.1")

    def revoking(self, identity: Identity) -> bytes:
        """Return a CA file with a list that revokes a certificate."""
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        now = dt.datetime.now(dt.UTC)
        revoked = x509.load_pem_x509_certificate(identity.cert)
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(x509.load_pem_x509_certificate(self.pem).subject)
            .last_update(now - _DAY)
            .next_update(now + _DAY)
            .add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(revoked.serial_number)
                .revocation_date(now - _DAY)
                .build()
            )
            .sign(key, hashes.SHA256())
        )
        return self.pem + crl.public_bytes(serialization.Encoding.PEM)


AUTHORITY = Authority()
STRANGER = Authority()
RSA_AUTHORITY = Authority(trustme.KeyType.RSA)


def server_context(
    identity: Identity | None = None, *, ca: bytes = b"", old: bool = False
) -> ssl.SSLContext:
    """Return what a peer serves with: with ``ca`` it wants to see certificates.

    ``old``: it speaks every version that there is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old:
        _make_old(context)
    _configure(context, identity or AUTHORITY.good, ca)
    if ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    identity: Identity | None = None, *, ca: bytes = AUTHORITY.pem, old: bool = False
) -> ssl.SSLContext:
    """Return what a peer connects with; without ``ca`` it believes everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if old:
        _make_old(context)
    if not ca:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _configure(context, identity, ca)
    return context


def _make_old(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def _configure(context: ssl.SSLContext, identity: Identity | None, ca: bytes) -> None:
    if identity is not None:
        with trustme.Blob(identity.cert + identity.key).tempfile() as path:
            context.load_cert_chain(path)
    if ca:
        context.load_verify_locations(cadata=ca.decode())


async def put(device: Device, name: str, content: bytes) -> None:
    """Put a file on a device, in the place of one of that name."""
    await ask(device, f"file_delete {name}")
    assert (await ask(device, f"file_create {name} {len(content)}", content))[-1] == "Success"
