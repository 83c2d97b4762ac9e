"""A certificate and a key for each device, from a CA that is given, or made from the seed.

All of it follows from the seed and the index: keys are scalars of P-256 that a hash gives, and
signatures are deterministic (RFC 6979). Whoever knows the seed knows every key: these certificates
are for tests, and say so in their names. They hold for all times that a simulated clock may show.
"""

import datetime as dt
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokay.fleet.errors import FleetError
from tokay.fleet.scenario import Scenario

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256 (FIPS 186-4, D.1.2.3)."""
_FROM = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2099, 12, 31, tzinfo=dt.UTC)


class Certificates:
    """Issues the certificates of a fleet; the CA is read or made when the first one is."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._folder = folder
        self._authority: tuple[x509.Certificate, Any, str] | None = None

    @property
    def authority_pem(self) -> str:
        """The CA's certificate. Raises FleetError."""
        return self._ca()[2]

    def issue(self, index: int, serial: str) -> dict[str, str]:
        """Return `certificate`, `key` and `ca` of a device, in PEM. Raises FleetError."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 60 ms

        ca, ca_key, ca_pem = self._ca()
        key = _key(f"{self._scenario.seed} {index} key")
        certificate = _certificate(serial, key, ca.subject, ca_key, f"{serial} certificate")
        key_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        return {"certificate": _pem(certificate), "key": key_pem.decode(), "ca": ca_pem}

    def server(self, names: list[str]) -> tuple[str, str]:
        """Return a certificate and a key in PEM for the server that comes with Tokay."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

        ca, ca_key, _ = self._ca()
        key = _key(f"{self._scenario.seed} server key")
        certificate = _certificate(
            names[0], key, ca.subject, ca_key, "server certificate", names=names
        )
        key_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _pem(certificate), key_pem.decode()

    def _ca(self) -> tuple["x509.Certificate", Any, str]:
        if self._authority is None:
            self._authority = self._read() if self._scenario.ca.certificate else self._make()
        return self._authority

    def _make(self) -> tuple["x509.Certificate", Any, str]:
        key = _key(f"{self._scenario.seed} ca key")
        name = f"Tokay fleet {self._scenario.seed} test CA"
        certificate = _certificate(name, key, None, key, "ca certificate", authority=True)
        return certificate, key, _pem(certificate)

    def _read(self) -> tuple["x509.Certificate", Any, str]:
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

        given = self._scenario.ca
        try:
            pem = (self._folder / given.certificate).read_bytes()
            certificate = x509.load_pem_x509_certificate(pem)
            key = serialization.load_pem_private_key((self._folder / given.key).read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise FleetError(f"ca: cannot be read: {error}") from None
        if certificate.public_key() != key.public_key():
            raise FleetError(f"ca: {given.key} is not the key of {given.certificate}")
        return certificate, key, pem.decode("ascii", "replace")


def _key(purpose: str) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    digest = hashlib.sha512(purpose.encode()).digest()
    scalar = int.from_bytes(digest) % (_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def _certificate(
    common_name: str,
    key: "EllipticCurvePrivateKey",
    issuer: "x509.Name | None",
    issuer_key: Any,
    number: str,
    *,
    authority: bool = False,
    names: list[str] | None = None,
) -> "x509.Certificate":
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    serial = int.from_bytes(hashlib.sha256(f"{common_name} {number}".encode()).digest()[:16]) >> 1
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(_alternative_names(names), critical=False)
    deterministic = True if isinstance(issuer_key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=deterministic)


def _alternative_names(names: list[str]) -> "x509.SubjectAlternativeName":
    import ipaddress  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415

    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(general)


def _pem(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    return certificate.public_bytes(serialization.Encoding.PEM).decode()
