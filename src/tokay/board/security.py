"""Wi-Fi security types."""

from enum import Enum, StrEnum, unique

from tokay.protocols.wpa import Suite


class Sae(Enum):
    """WPA3: a password is proved before the handshake, by simultaneous authentication of equals."""

    CCMP = "SAE with CCMP"


@unique
class Security(StrEnum):
    """How a network is protected, in the words that the device prints."""

    OPEN = "Open"
    WEP = "WEP"
    WPA_AES = "WPA-AES"
    WPA_TKIP = "WPA-TKIP"
    WPA2_AES = "WPA2-AES"
    WPA2_TKIP = "WPA2-TKIP"
    WPA2_MIXED = "WPA2-Mixed"
    WPA3_SAE = "WPA3-SAE"
    WPA3_MIXED = "WPA3-Mixed"

    @property
    def has_psk(self) -> bool:
        """Whether keys come from a pre-shared key (every WPA), not Open and not WEP."""
        return bool(SUITES[self])

    def accepts(self, asked: "Security") -> bool:
        """Return whether a station set to `asked` can join a network with this security."""
        return self is asked or self.suite(asked) is not None

    def suite(self, asked: "Security") -> Suite | Sae | None:
        """Return the best suite that this network and a station set to `asked` share, or None.

        Open and WEP have none: nothing is agreed on there.
        """
        return next((suite for suite in SUITES[self] if suite in SUITES[asked]), None)


SUITES: dict[Security, tuple[Suite | Sae, ...]] = {
    Security.OPEN: (),
    Security.WEP: (),
    Security.WPA_AES: (Suite.WPA_CCMP,),
    Security.WPA_TKIP: (Suite.WPA_TKIP,),
    Security.WPA2_AES: (Suite.RSN_CCMP,),
    Security.WPA2_TKIP: (Suite.RSN_TKIP,),
    Security.WPA2_MIXED: (Suite.RSN_CCMP, Suite.RSN_TKIP, Suite.WPA_CCMP, Suite.WPA_TKIP),
    Security.WPA3_SAE: (Sae.CCMP,),
    Security.WPA3_MIXED: (Sae.CCMP, Suite.RSN_CCMP),
}
"""What each side of a join can do, best first. WPA2-Mixed is WPA and WPA2 with both ciphers,
WPA3-Mixed is WPA3 and WPA2, on either side."""
