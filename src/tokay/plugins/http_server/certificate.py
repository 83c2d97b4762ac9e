"""The certificate that a device signs itself, for HTTPS without further ado.

It is made when HTTPS is switched on and no files are named, and kept: a browser that was told once
to trust it finds the same again. It carries the names that the device answers to, and is made anew
when they change. Its key is a credentials file, which the server never hands out.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tokay.kernel.files import Location
from tokay.kernel.kernel import Kernel
from tokay.plugins.discovery import host_name
from tokay.plugins.http_server.files import CREDENTIALS
from tokay.plugins.softap import DNS_URL as SOFTAP_NAMES
from tokay.plugins.softap import host_names

CERT, KEY = "http_server_cert.pem", "http_server_key.pem"
TLS_CERTIFICATE = 0x41
"""The file type of certificates (docs/protocol/commands.md, section 4.6)."""
LIFETIME = timedelta(days=30 * 365)
"""From when the product's clock begins: a device may never learn what time it is."""


def own(kernel: Kernel, address: str) -> tuple[str, str]:
    """Return the file names of certificate and key, made where they do not fit. Raises OSError."""
    names = host_names_of(kernel)
    if kernel.storage.stat(KEY) is None or not _fits(kernel, names):
        cert, key = make(kernel, address, names)
        rules = kernel.profile.files
        for name, content, kind in ((KEY, key, CREDENTIALS), (CERT, cert, TLS_CERTIFICATE)):
            kernel.storage.replace(
                name,
                content,
                type=kind,
                flags=rules.valid_flag | rules.essential_flag,
                version="1.0.0.0",
                location=Location.EXTENDED,
            )
        kernel.log.line(f"Certificate made: {CERT}")
    return CERT, KEY


def host_names_of(kernel: Kernel) -> list[str]:
    """Return the names of a device: its own, with .local and bare, and its portal's."""
    own = host_name(kernel)
    local = [f"{own}.local", own] if own else []
    portal = host_names(kernel.variables[SOFTAP_NAMES])
    return list(dict.fromkeys(name for name in (*local, *portal) if name.isascii()))


def _fits(kernel: Kernel, names: list[str]) -> bool:
    """Return whether there is a certificate for these names, or one that is not of our making."""
    stored = kernel.storage.stat(CERT)
    if stored is None:
        return False
    try:
        cert = x509.load_pem_x509_certificate(kernel.storage.read(CERT, 0, stored.size))
        maker = cert.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
        if cert.issuer != cert.subject or [one.value for one in maker] != [_common_name(kernel)]:
            return True
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return True  # somebody put it there
    return found.get_values_for_type(x509.DNSName) == names


def _common_name(kernel: Kernel) -> str:
    return f"{kernel.profile.name_prefix.replace(' ', '_')}{kernel.mac.replace(':', '')[-3:]}"


def make(kernel: Kernel, address: str, names: list[str]) -> tuple[bytes, bytes]:
    """Return certificate and key as PEM, for the device's names and present address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _common_name(kernel))])
    start = datetime.fromtimestamp(kernel.profile.clock_start, UTC)
    alternatives = [*map(x509.DNSName, names), x509.IPAddress(IPv4Address(address))]
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return cert.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
