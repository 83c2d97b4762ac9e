"""Bundles: what an update consists of, and how it is known to be the owner's.

A bundle is a signed manifest and the files that it names. The signed manifest is 64 bytes of
Ed25519 signature (RFC 8032) and then the manifest, JSON::

    {"product": "WGM160P", "version": "1.4.0", "id": "kitchen-2026-11",
     "files": [{"name": "webapp/index.html", "size": 1853, "sha256": "9f86...", "version": "1.0.0",
                "type": 254, "unprotected": true}],
     "remove": ["webapp/old.html"]}

The public key is a file on the device. The signature is checked before anything is parsed, and each
file's size and hash before anything is changed. docs/update.md shows how to make one.
"""

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from tokay.kernel.files import Location, parse_version
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError
from tokay.kernel.settings import BUNDLE

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_FILE = "ota_key.pem"
"""The file on the device that holds the public key."""
SIGNATURE = 64
"""Bytes."""
LARGEST = 64 * 1024
"""Bytes of a signed manifest."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[!-~]{0,64}")


class BundleError(Exception):
    """A bundle that is not taken, and why, in one line."""


class BundleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a bundle. ``type`` None is the product's usual one."""

    name: str
    size: int
    sha256: str
    version: str = ""
    type: int | None = None
    unprotected: bool = False
    essential: bool = False


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle is for and what it changes. Not before ``check`` is anything of it true."""

    product: str
    version: str
    id: str = ""
    files: list[BundleFile] = []
    remove: list[str] = []


class Installed(msgspec.Struct, frozen=True):
    """The bundle on the device."""

    version: str = "0"
    id: str = ""


def installed(kernel: Kernel) -> Installed:
    """Return which bundle is on the device."""
    version, _, name = kernel.storage.facts().get(BUNDLE, "").partition(" ")
    return Installed(version, name) if version else Installed()


def opened(kernel: Kernel, signed: bytes) -> Manifest:
    """Return the manifest in a signed one, checked. Raises BundleError."""
    content = _verified(kernel, signed)
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"the manifest is not valid: {error}") from None
    _check(kernel, manifest)
    return manifest


def is_newer(kernel: Kernel, manifest: Manifest) -> bool:
    """Whether a bundle is newer than the one on the device."""
    return _number(manifest.version) > _number(installed(kernel).version)


def holds(kernel: Kernel, file: BundleFile) -> bool:
    """Whether a file is on the device already, byte for byte."""
    stored = kernel.storage.stat(file.name)
    if stored is None or stored.size != file.size:
        return False
    return _hash(kernel.storage.read(file.name, 0, file.size)) == file.sha256


def check_content(file: BundleFile, content: bytes) -> None:
    """Raise BundleError unless these are the bytes that were signed."""
    if len(content) != file.size:
        raise BundleError(f"{file.name}: {len(content)} of {file.size} bytes came")
    if _hash(content) != file.sha256:
        raise BundleError(f"{file.name}: the content is not the one that was signed")


def install(kernel: Kernel, manifest: Manifest, contents: "Mapping[str, bytes]") -> None:
    """Change the files, all at once: after a power cut they are the old ones or the new ones.

    ``contents`` has the files that are not on the device already. Raises OSError.
    """
    storage, rules = kernel.storage, kernel.profile.files
    with storage.group():
        for name in manifest.remove:
            if storage.stat(name) is not None:
                storage.delete(name)
        for file in manifest.files:
            content = contents.get(file.name)
            if content is None:
                content = storage.read(file.name, 0, file.size)
            flags = rules.valid_flag
            flags |= rules.unprotected_flag if file.unprotected else 0
            flags |= rules.essential_flag if file.essential else 0
            storage.replace(
                file.name, content,
                type=rules.default_type if file.type is None else file.type,
                flags=flags,
                version=parse_version(file.version or rules.default_version),
                location=Location.EXTENDED,
            )  # fmt: skip
        storage.set_facts({BUNDLE: f"{parse_version(manifest.version)} {manifest.id}"})


def _verified(kernel: Kernel, signed: bytes) -> bytes:
    # Seldom needed, and slow to import.
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_public_key,
    )

    stored = kernel.storage.stat(KEY_FILE)
    if stored is None:
        raise BundleError(f"there is no {KEY_FILE} to check the signature with")
    try:
        key = load_pem_public_key(kernel.storage.read(KEY_FILE, 0, stored.size))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{KEY_FILE} is no Ed25519 public key")
    signature, content = signed[:SIGNATURE], signed[SIGNATURE:]
    try:
        key.verify(signature, content)
    except InvalidSignature:
        raise BundleError("the signature is not that of the key") from None
    return content


def _check(kernel: Kernel, manifest: Manifest) -> None:
    if manifest.product != kernel.profile.product:
        raise BundleError(f"the bundle is for {manifest.product!r}, not {kernel.profile.product}")
    if not _ID.fullmatch(manifest.id):
        raise BundleError("the bundle's id is not 0-64 printable characters")
    names = [file.name for file in manifest.files] + manifest.remove
    if len(set(names)) != len(names):
        raise BundleError("the manifest names a file twice")
    if not names:
        raise BundleError("the bundle changes nothing")
    try:
        parse_version(manifest.version)
        for name in names:
            kernel.files.check_name(name)
        for file in manifest.files:
            parse_version(file.version or "1")
    except CommandError as error:
        raise BundleError(f"the manifest is not valid: {error}") from None
    for file in manifest.files:
        if file.size < 1 or not _SHA256.fullmatch(file.sha256) or not 0 <= (file.type or 0) <= 255:
            raise BundleError(f"the manifest is not valid: {file.name!r}")
    _check_room(kernel, manifest, set(names))


def _check_room(kernel: Kernel, manifest: Manifest, changed: set[str]) -> None:
    """Raise BundleError when the device cannot hold what it would have."""
    rules = kernel.profile.files
    stays = [one for one in kernel.files.list() if one.name not in changed]
    size = sum(one.size for one in stays if one.location == Location.EXTENDED)
    if size + sum(file.size for file in manifest.files) > rules.extended_size:
        raise BundleError("no room for the bundle")
    if len(stays) + len(manifest.files) > rules.most_files:
        raise BundleError(f"the bundle makes more than {rules.most_files} files")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in parse_version(version).split("."))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
