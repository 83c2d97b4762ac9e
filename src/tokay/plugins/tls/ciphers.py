"""The cipher suites that devices speak, in the order in which they prefer them: one table.

The profile's `tls_floor` and `tls_ciphers` choose from it. Source: docs/protocol/network.md,
section 12.3.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tokay.kernel.profile import Profile

VERSIONS = {10: "TLS 1.0", 11: "TLS 1.1", 12: "TLS 1.2", 13: "TLS 1.3"}
"""What `network.tls.version` can say: the version without its dot."""
SUITES_OF_13 = 13
STRONG = 12
"""The version from which on no key or digest of old is needed."""


class Cipher(NamedTuple):
    """One suite. ``least`` is the oldest version that has it."""

    name: str
    exchange: str
    encryption: str
    hash: str
    least: int


CIPHERS = (
    Cipher("TLS_AES_256_GCM_SHA384", "any", "AES-256 GCM", "SHA-384", 13),
    Cipher("TLS_CHACHA20_POLY1305_SHA256", "any", "ChaCha20-Poly1305", "SHA-256", 13),
    Cipher("TLS_AES_128_GCM_SHA256", "any", "AES-128 GCM", "SHA-256", 13),
    Cipher("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE, ECDSA", "AES-128 GCM", "SHA-256", 12),
    Cipher("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE, RSA", "AES-128 GCM", "SHA-256", 12),
    Cipher("ECDHE-ECDSA-AES128-SHA256", "ECDHE, ECDSA", "AES-128 CBC", "SHA-256", 12),
    Cipher("ECDHE-RSA-AES128-SHA256", "ECDHE, RSA", "AES-128 CBC", "SHA-256", 12),
    Cipher("ECDHE-RSA-AES256-SHA", "ECDHE, RSA", "AES-256 CBC", "SHA-1", 10),
    Cipher("ECDHE-RSA-AES128-SHA", "ECDHE, RSA", "AES-128 CBC", "SHA-1", 10),
    Cipher("DHE-RSA-AES256-SHA256", "DHE, RSA", "AES-256 CBC", "SHA-256", 12),
    Cipher("DHE-RSA-AES128-SHA256", "DHE, RSA", "AES-128 CBC", "SHA-256", 12),
    Cipher("DHE-RSA-AES256-SHA", "DHE, RSA", "AES-256 CBC", "SHA-1", 10),
    Cipher("DHE-RSA-AES128-SHA", "DHE, RSA", "AES-128 CBC", "SHA-1", 10),
    Cipher("AES256-SHA256", "RSA", "AES-256 CBC", "SHA-256", 12),
    Cipher("AES128-SHA256", "RSA", "AES-128 CBC", "SHA-256", 12),
    Cipher("AES256-SHA", "RSA", "AES-256 CBC", "SHA-1", 10),
    Cipher("AES128-SHA", "RSA", "AES-128 CBC", "SHA-1", 10),
)


class Range(NamedTuple):
    """The versions that are spoken, both ends included, and the names of the suites."""

    floor: int
    ceiling: int
    ciphers: tuple[str, ...]

    @property
    def old(self) -> bool:
        """Whether versions are spoken that are no longer safe."""
        return self.floor < STRONG


def spoken(profile: Profile, version: int, least: int | None = None) -> Range:
    """Return what a device speaks when `network.tls.version` is ``version``.

    That is the highest one. The floor is ``least``, that of `network.tls.min_version`; without it
    the profile's, which gives way only as far as it must.
    """
    floor = min(profile.tls_floor if least is None else least, version)
    return Range(floor, version, tuple(one.name for one in suites(profile, floor, version)))


def suites(profile: Profile, floor: int, ceiling: int) -> Iterator[Cipher]:
    """Return the suites that a profile has in any version of a range."""
    for one in CIPHERS:
        if one.least > ceiling:
            continue
        if one.least == SUITES_OF_13 or (floor < SUITES_OF_13 and one.name in profile.tls_ciphers):
            yield one
