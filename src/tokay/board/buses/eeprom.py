"""A serial EEPROM on I2C, as the 24C parts are: page writes, and a busy time behind each."""

from tokay.board.buses.device import I2cDevice

ERASED = 0xFF


class Eeprom(I2cDevice):
    """An EEPROM. Sizes in bytes; ``busy`` is the seconds that a write takes, with no acknowledge.

    A write begins with the memory address, one byte or two. Its data stay within a page: behind
    the last byte it goes on at the page's first. They are stored at the stop. A read goes on from
    wherever the last one ended, and around at the end of the memory.
    """

    max_clock = 1_000_000

    def __init__(
        self,
        size: int = 4096,
        *,
        page: int = 32,
        address_bytes: int = 2,
        busy: float = 0.005,
        content: bytes = b"",
    ) -> None:
        if not 1 <= address_bytes <= 2 or not 1 <= size <= 1 << (8 * address_bytes):
            message = f"size: 1 to {1 << (8 * min(max(address_bytes, 1), 2))} bytes"
            raise ValueError(message)
        if not 1 <= page <= size or size % page:
            message = "page: a part of the size"
            raise ValueError(message)
        if len(content) > size:
            message = f"content: {len(content)} bytes are more than the size"
            raise ValueError(message)
        self.memory = bytearray(content.ljust(size, bytes((ERASED,))))
        self._page, self._address_bytes, self._busy = page, address_bytes, busy
        self._pointer = 0
        self._busy_until = 0.0
        self._address = bytearray()
        self._latch: dict[int, int] = {}
        """What the stop will store, by memory address."""

    def start(self, read: bool, now: float) -> bool:
        if now < self._busy_until:
            return False
        self._address.clear()
        self._latch.clear()
        return True

    def write(self, byte: int) -> bool:
        if len(self._address) < self._address_bytes:
            self._address.append(byte)
            self._pointer = int.from_bytes(self._address, "big") % len(self.memory)
            return True
        self._latch[self._pointer] = byte
        first = self._pointer - self._pointer % self._page
        self._pointer = first + (self._pointer + 1 - first) % self._page
        return True

    def read(self) -> int:
        byte = self.memory[self._pointer]
        self._pointer = (self._pointer + 1) % len(self.memory)
        return byte

    def stop(self, now: float) -> None:
        if not self._latch:
            return
        for address, byte in self._latch.items():
            self.memory[address] = byte
        self._latch.clear()
        self._busy_until = now + self._busy
