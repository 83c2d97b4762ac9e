"""WPA and WPA2 with a pre-shared key, without I/O: keys and the 4-way handshake.

A passphrase and an SSID make the PMK, once and slowly. Each time a station joins, the access
point (the authenticator) and the station (the supplicant) prove to one another that they have
the same PMK and make fresh keys of it, in four EAPOL-Key frames (IEEE 802.11-2020, 12.7.6)::

    authenticator                                     supplicant
    1  ANonce                                    ->   derives the PTK
       derives the PTK, checks the MIC           <-   2  SNonce, element, MIC
    3  ANonce, element, MIC                      ->   checks the MIC: both have the key
       checks the MIC: done                      <-   4  MIC

Who has a wrong passphrase sends a message 2 whose MIC does not fit. The authenticator drops
it, sends message 1 again until its attempts are used up, and deauthenticates with reason 15:
on the air, too, a wrong passphrase shows only as a time-out.

Frames go in and out as bytes; the time is an argument, `get_timer` says when `handle_timer`
wants to be called. The group key is left out: it would be the encrypted part of message 3,
and on this air nothing is encrypted.
"""

from tokay.protocols.wpa.frame import NONCE_LENGTH, KeyFrame, KeyInfo
from tokay.protocols.wpa.handshake import (
    REASON_ELEMENT_DIFFERS,
    REASON_HANDSHAKE_TIMEOUT,
    TIMEOUTS,
    Authenticator,
    HandshakeState,
    Supplicant,
)
from tokay.protocols.wpa.keys import (
    Ptk,
    Suite,
    WpaError,
    derive_ptk,
    is_passphrase,
    is_psk,
    pmk,
    prf,
)

__all__ = [
    "NONCE_LENGTH",
    "REASON_ELEMENT_DIFFERS",
    "REASON_HANDSHAKE_TIMEOUT",
    "TIMEOUTS",
    "Authenticator",
    "HandshakeState",
    "KeyFrame",
    "KeyInfo",
    "Ptk",
    "Suite",
    "Supplicant",
    "WpaError",
    "derive_ptk",
    "is_passphrase",
    "is_psk",
    "pmk",
    "prf",
]
