"""The devices of simulated buses, driven without a bus: time is a number."""

import pytest

from tokay.board.buses import I2cDevice, SpiDevice
from tokay.board.buses.eeprom import Eeprom
from tokay.board.buses.flash import PAGE, Flash, Op
from tokay.board.buses.registers import Curve, I2cRegisters, RegisterMap, SpiRegisters, measured


def write(device: I2cDevice, data: bytes, now: float = 0) -> list[bool]:
    """Write in one transaction; return the acknowledges, the address's first."""
    acknowledges = [device.start(False, now)]
    if acknowledges[0]:
        acknowledges += [device.write(byte) for byte in data]
    device.stop(now)
    return acknowledges


def read(device: I2cDevice, size: int, now: float = 0, head: bytes = b"") -> bytes:
    """Read in one transaction, behind a repeated start if there is a head."""
    if head:
        assert device.start(False, now)
        assert all(device.write(byte) for byte in head)
    assert device.start(True, now)
    data = bytes(device.read() for _ in range(size))
    device.stop(now)
    return data


def shift(device: SpiDevice, data: bytes, now: float = 0) -> bytes:
    device.select(now)
    came = bytes(device.exchange(byte) for byte in data)
    device.deselect(now)
    return came


# Registers.


def test_registers_go_on_behind_each_other() -> None:
    device = I2cRegisters(RegisterMap({0: b"\1", 1: b"\2\3", 2: b"\4"}, read_only=[2]))
    assert read(device, 4, head=b"\0") == b"\1\2\3\4"
    assert write(device, b"\0\x0a\x0b\x0c\x0d") == [True] * 6
    assert read(device, 4, head=b"\0") == b"\x0a\x0b\x0c\x04"
    assert read(device, 2, head=b"\2") == b"\x04\xff"


def test_a_pointer_stays_and_one_to_nothing_is_refused() -> None:
    device = I2cRegisters(RegisterMap({5: b"\7\x08"}, increment=False))
    assert write(device, b"\5") == [True, True]
    assert read(device, 3) == b"\7\x08\7"
    assert write(device, b"\6") == [True, False]
    assert read(device, 1) == b"\7"


def test_registers_on_spi() -> None:
    device = SpiRegisters(RegisterMap({1: b"\x10", 2: b"\x20"}))
    assert shift(device, b"\x81\0\0") == b"\xff\x10\x20"
    assert shift(device, b"\x01\x11\x22") == b"\xff\xff\xff"
    assert shift(device, b"\x81\0\0") == b"\xff\x11\x22"
    assert shift(device, b"\x93\0") == b"\xff\xff"


def test_a_sensor_follows_its_curve() -> None:
    curve = Curve([(0, 20.0), (10, 25.0), (20, 20.0)])
    values = [curve.at(now) for now in (-1, 0, 5, 10, 15, 20, 25, 45)]
    assert values == [20, 20, 22.5, 25, 22.5, 20, 22.5, 22.5]
    assert Curve([(0, 1), (1, 2)], repeat=False).at(9) == 2
    measure = measured(curve, step=32)
    device = I2cRegisters(RegisterMap({0: bytes(2)}, increment=False, measured={0: measure}))
    assert read(device, 2, now=5) == bytes((22, 0x80))
    assert read(device, 2, now=5.1) == bytes((22, 0x80))
    assert write(device, b"\0\x55", now=5) == [True] * 3
    assert read(device, 2, now=10, head=b"\0") == bytes((25, 0))


def test_a_sensor_below_zero_and_out_of_range() -> None:
    assert measured(Curve([(0, -0.5)]))(0) == b"\xff\x80"
    assert measured(Curve([(0, 1000)]))(0) == b"\x7f\xff"
    assert measured(Curve([(0, -1000)]), size=1, scale=1)(0) == b"\x80"


@pytest.mark.parametrize("points", [[], [(1, 1), (1, 2)], [(2, 1), (1, 2)]])
def test_a_curve_that_cannot_be(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="curve: points of rising time"):
        Curve(points)


# EEPROM.


def test_an_eeprom_is_busy_after_a_write() -> None:
    device = Eeprom()
    assert write(device, b"\0\x10hello", now=1) == [True] * 8
    assert write(device, b"\0\x10", now=1.004) == [False]
    assert read(device, 6, now=1.006, head=b"\0\x10") == b"hello\xff"
    assert read(device, 1, now=1.006) == b"\xff"


def test_a_page_write_stays_in_its_page() -> None:
    device = Eeprom(256, page=8, address_bytes=1)
    write(device, b"\x0eabcd")
    assert bytes(device.memory[8:18]) == b"cd\xff\xff\xff\xffab\xff\xff"


def test_an_address_alone_stores_nothing_and_is_not_busy() -> None:
    device = Eeprom(content=b"xyz")
    write(device, b"\0\1", now=1)
    assert read(device, 2, now=1) == b"yz"


def test_a_read_goes_around_the_end() -> None:
    device = Eeprom(256, page=8, address_bytes=1, content=b"first")
    assert read(device, 3, head=b"\xfe") == b"\xff\xfff"


def test_a_repeated_start_drops_what_no_stop_stored() -> None:
    device = Eeprom(256, page=8, address_bytes=1)
    assert device.start(False, 0)
    assert all(device.write(byte) for byte in b"\0ab")
    assert device.start(True, 0)
    device.stop(0)
    assert device.memory[0] == 0xFF


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": 0}, "size: 1 to 65536"),
        ({"size": 512, "address_bytes": 1}, "size: 1 to 256"),
        ({"address_bytes": 3}, "size: 1 to 65536"),
        ({"size": 100, "page": 32}, "page: a part of the size"),
        ({"size": 32, "content": bytes(33)}, "content: 33 bytes"),
    ],
)
def test_an_eeprom_that_cannot_be(options: dict[str, int], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Eeprom(**options)  # type: ignore[arg-type]


# Flash.


def test_a_flash_tells_who_it_is() -> None:
    device = Flash()
    assert shift(device, b"\x9f\0\0\0\0") == b"\xff\xef\x40\x14\xef"
    assert shift(device, b"\xab\0\0\0\0") == b"\xff\xff\xff\xff\x13"
    assert shift(device, b"\x42\0\0") == b"\xff\xff\xff"


def enabled(device: Flash, data: bytes, now: float) -> None:
    shift(device, bytes((Op.WRITE_ENABLE,)), now)
    shift(device, data, now)


def flash_read(device: Flash, address: int, size: int, now: float) -> bytes:
    head = bytes((Op.READ,)) + address.to_bytes(3, "big")
    return shift(device, head + bytes(size), now)[4:]


def test_a_program_clears_bits_and_an_erase_sets_them() -> None:
    device = Flash()
    program = bytes((Op.PROGRAM, 0, 0x10, 0xFE))
    shift(device, program + b"lost", 0)
    assert flash_read(device, 0x10FE, 2, 0) == b"\xff\xff"  # not enabled
    enabled(device, program + b"\xf0\x0f\x33", 1)
    assert shift(device, b"\x05\0", 1)[1] == 0x01
    assert shift(device, b"\x9f\0", 1) == b"\xff\xff"  # busy: the status only
    assert shift(device, b"\x05\0", 2)[1] == 0
    assert flash_read(device, 0x10FE, 3, 2) == b"\xf0\x0f\xff"
    assert flash_read(device, 0x1000, 1, 2) == b"\x33"  # around the end of the page
    enabled(device, program + b"\x0f", 3)
    assert flash_read(device, 0x10FE, 1, 4) == b"\0"
    enabled(device, bytes((Op.ERASE_SECTOR, 0, 0x1F, 0xFF)), 5)
    assert shift(device, b"\x05\0", 5.04)[1] == 1
    assert flash_read(device, 0x10FE, 2, 6) == b"\xff\xff"
    fast = bytes((Op.FAST_READ, 0, 0, 0, 0))
    assert shift(Flash(content=b"ab"), fast + bytes(2)) == b"\xff" * 5 + b"ab"


@pytest.mark.parametrize(
    ("op", "gone", "kept"),
    [(Op.ERASE_32K, 0x7FFF, 0x8000), (Op.ERASE_64K, 0xFFFF, 0x10000), (Op.ERASE_CHIP, 0x10000, -1)],
)
def test_erases(op: Op, gone: int, kept: int) -> None:
    device = Flash(content=bytes(0x10002))
    address = b"" if op is Op.ERASE_CHIP else b"\0\0\x05"
    enabled(device, bytes((op,)) + address, 0)
    assert device.byte(gone) == 0xFF
    if kept >= 0:
        assert device.byte(kept) == 0


def test_an_erase_without_its_whole_address_does_nothing() -> None:
    device = Flash(content=b"\0")
    enabled(device, bytes((Op.ERASE_SECTOR, 0)), 0)
    assert device.byte(0) == 0
    assert shift(device, b"\x05\0")[1] == 0x02
    shift(device, bytes((Op.WRITE_DISABLE,)))
    assert shift(device, b"\x05\0")[1] == 0


def test_protection_and_power_down() -> None:
    device = Flash(content=bytes(PAGE))
    enabled(device, b"\x01\xff", 0)
    assert shift(device, b"\x05\0", 1)[1] == 0x1C
    enabled(device, bytes((Op.ERASE_SECTOR, 0, 0, 0)), 1)
    assert device.byte(0) == 0
    shift(device, b"\xb9", 2)
    assert shift(device, b"\x9f\0", 2) == b"\xff\xff"
    shift(device, b"\xab", 2)
    assert shift(device, b"\x9f\0", 2) == b"\xff\xef"


@pytest.mark.parametrize(
    "options", [{"size": 5000}, {"size": 1 << 25}, {"id": b""}, {"content": bytes(1 << 21)}]
)
def test_a_flash_that_cannot_be(options: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(options))}: "):
        Flash(**options)  # type: ignore[arg-type]
