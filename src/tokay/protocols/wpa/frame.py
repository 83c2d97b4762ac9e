"""The EAPOL-Key frame and its MIC (IEEE 802.11-2020, 12.7.2)."""

import hmac
import struct
from dataclasses import dataclass

from tokay.protocols.wpa.keys import WpaError

__all__ = ["NONCE_LENGTH", "KeyFrame", "KeyInfo"]

NONCE_LENGTH = 32

_EAPOL_KEY = 3
_HEADER = struct.Struct("!BBH")
_BODY = struct.Struct("!BHHQ32s16s8s8s16sH")
_MIC_OFFSET = _HEADER.size + _BODY.size - 18
_MIC_LENGTH = 16
_NO_MIC = bytes(_MIC_LENGTH)


class KeyInfo:
    """Key Information bits (figure 12-33); the lowest three are the descriptor version.

    Plain numbers: a fleet joins faster without the arithmetic of an `IntFlag`.
    """

    VERSION = 0x0007
    PAIRWISE = 0x0008
    INSTALL = 0x0040
    ACK = 0x0080
    MIC = 0x0100
    SECURE = 0x0200
    ERROR = 0x0400
    REQUEST = 0x0800
    ENCRYPTED = 0x1000


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """An EAPOL-Key frame (12.7.2), from the EAPOL version on."""

    descriptor: int
    """2 RSN, 254 WPA."""
    info: int
    key_length: int
    replay: int
    nonce: bytes = bytes(NONCE_LENGTH)
    mic: bytes = _NO_MIC
    data: bytes = b""
    iv: bytes = bytes(16)
    rsc: bytes = bytes(8)
    reserved: bytes = bytes(8)
    eapol_version: int = 1

    @classmethod
    def decode(cls, frame: bytes) -> "KeyFrame":
        """Read a frame; padding behind it is ignored. Raises WpaError."""
        if len(frame) < _HEADER.size + _BODY.size:
            raise WpaError("too short for an EAPOL-Key frame")
        version, kind, length = _HEADER.unpack_from(frame)
        if kind != _EAPOL_KEY or length < _BODY.size or _HEADER.size + length > len(frame):
            raise WpaError("not an EAPOL-Key frame")
        (descriptor, info, key_length, replay, nonce, iv, rsc, reserved, mic, data_length) = (
            _BODY.unpack_from(frame, _HEADER.size)
        )
        if descriptor not in (2, 254):
            raise WpaError(f"key descriptor type {descriptor}")
        if _BODY.size + data_length != length:
            raise WpaError("key data do not fill the frame")
        start = _HEADER.size + _BODY.size
        data = bytes(frame[start : start + data_length])
        return cls(
            descriptor, info, key_length, replay, nonce, mic, data, iv, rsc, reserved, version
        )

    def encode(self) -> bytes:
        """Write the frame."""
        return self._encode(self.mic)

    def signed(self, kck: bytes) -> bytes:
        """Write the frame with its MIC."""
        blank = self._encode(_NO_MIC)
        end = _MIC_OFFSET + _MIC_LENGTH
        return blank[:_MIC_OFFSET] + self._mic(kck, blank) + blank[end:]

    def is_signed(self, kck: bytes) -> bool:
        """Return whether the MIC fits. One of an unknown descriptor version never does."""
        if self.info & KeyInfo.VERSION not in (1, 2):
            return False
        return hmac.compare_digest(self.mic, self._mic(kck, self._encode(_NO_MIC)))

    def _encode(self, mic: bytes) -> bytes:
        header = _HEADER.pack(self.eapol_version, _EAPOL_KEY, _BODY.size + len(self.data))
        body = _BODY.pack(
            self.descriptor,
            self.info,
            self.key_length,
            self.replay,
            self.nonce,
            self.iv,
            self.rsc,
            self.reserved,
            mic,
            len(self.data),
        )
        return header + body + self.data

    def _mic(self, kck: bytes, blank: bytes) -> bytes:
        digest = "md5" if self.info & KeyInfo.VERSION == 1 else "sha1"
        return hmac.digest(kck, blank, digest)[:_MIC_LENGTH]
