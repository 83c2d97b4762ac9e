"""Wi-Fi security types."""

from enum import StrEnum, unique


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

    @property
    def has_psk(self) -> bool:
        """Whether keys come from a pre-shared key (every WPA), not Open and not WEP."""
        return self not in (Security.OPEN, Security.WEP)

    def accepts(self, asked: "Security") -> bool:
        """Whether a station set to `asked` can join a network with this security.

        Mixed is all four WPA modes at once on either side; everything else must be equal.
        """
        if Security.WPA2_MIXED in (self, asked):
            return self.has_psk and asked.has_psk
        return self is asked
