"""The bus file: what it may say, and the one line that each mistake is worth."""

from pathlib import Path

import pytest

from tokay.board.buses import BusError, open_buses
from tokay.board.buses.file import load

I2C = '[[i2c]]\ndevice = "{}"\naddress = 0x21\n'
SPI = '[[spi]]\ndevice = "{}"\n'
REGISTERS = I2C.format("registers")
SENSOR = I2C.format("sensor")
EEPROM = I2C.format("eeprom")


def test_every_device_and_fault(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(
        "seed = 1\nready = true\n"
        + REGISTERS + 'registers = { "0x10" = "01 02" }\nread_only = [16]\n'
        + '[[i2c]]\ndevice = "sensor"\nport = 1\naddress = 0x21\ncurve = [[0, 1.5]]\n'
        + '[[i2c]]\ndevice = "eeprom"\naddress = 0x51\nsize = 256\naddress_bytes = 1\npage = 8\n'
        + SPI.format("flash") + "select = 3\n"
        + SPI.format("sensor") + "port = 1\ncurve = [[0, 1], [1, 2]]\n"
        + SPI.format("registers") + 'select = 4\nregisters = { "1" = "ff" }\n'
        + '[[i2c_fault]]\ndo = "stretch"\nseconds = 0.1\n'
        + '[[i2c_fault]]\ndo = "stuck"\nport = 1\n'
        + '[[i2c_fault]]\ndo = "bit_errors"\nprobability = 0.5\n'
        + '[[spi_fault]]\ndo = "silent"\nselect = 3\n'
    )  # fmt: skip
    buses = load(file)
    assert set(buses.i2c(0).devices) == {0x20, 0x21, 0x48, 0x50, 0x51}
    assert set(buses.i2c(1).devices) == {0x21}
    assert set(buses.spi(0).devices) == {None, 3, 4, 10}
    assert len(buses.i2c(0).faults) == 2
    assert len(buses.i2c(1).faults) == len(buses.spi(0).faults) == 1


MISTAKES = {
    "x = ": "*",
    "sead = 1\n": "Object contains unknown field `sead`",
    '[[i2c]]\ndevice = "toaster"\naddress = 1\n': "i2c[0].device: *",
    '[[i2c]]\ndevice = "flash"\naddress = 1\n': "i2c[0].device: *",
    '[[i2c]]\ndevice = "eeprom"\n': "i2c[0].address: is missing",
    '[[i2c]]\ndevice = "eeprom"\naddress = "x"\n': "i2c[0].address: *",
    '[[i2c]]\ndevice = "eeprom"\naddress = 0x80\n': "i2c[0].address: 0x80 is not in *",
    EEPROM + "select = 1\n": "i2c[0].select: I2C has none",
    EEPROM + "port = 2\n": "i2c[0].port: 0 to 1",
    EEPROM + "colour = 2\n": "i2c[0]: *colour*",
    EEPROM + "page = 33\n": "i2c[0].page: a part of the size",
    EEPROM + 'content = "0g"\n': "i2c[0].content: '0g' is not hexadecimal bytes",
    EEPROM + EEPROM: "i2c[1].address: 0x21 is taken",
    REGISTERS: "i2c[0]: *registers*",
    REGISTERS + 'registers = { "x" = "00" }\n': "i2c[0].registers.x: a register is a number",
    REGISTERS + 'registers = { "256" = "00" }\n': "i2c[0].registers.256: 0 to 255",
    REGISTERS + 'registers = { "1" = "" }\n': "i2c[0].registers.1: 1 to 256 bytes",
    SENSOR + "curve = []\n": "i2c[0].curve: points of rising time, one at least",
    SENSOR + "curve = [[0, 1]]\nsize = 9\n": "i2c[0].size: 1 to 8",
    SENSOR + "curve = [[0, 1]]\nstep = 0\n": "i2c[0].step: *",
    SPI.format("flash") + "address = 1\n": "spi[0].address: SPI has none",
    SPI.format("flash") + "select = -1\n": "spi[0].select: 0 to 255",
    SPI.format("flash") + "size = 5\n": "spi[0].size: a power of two *",
    SPI.format("flash") * 2: "spi[1].select: the own one is taken",
    '[[i2c_fault]]\ndo = "silent"\n': "i2c_fault[0].do: I2C has no silent",
    '[[spi_fault]]\ndo = "stuck"\n': "spi_fault[0].do: SPI has no stuck",
    '[[i2c_fault]]\ndo = "stuck"\nprobability = 2\n': "i2c_fault[0]*probability*",
    '[[i2c_fault]]\ndo = "stretch"\n': "i2c_fault[0]: *seconds*",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_with_its_key(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(BusError) as caught:
        load(file)
    line = str(caught.value)
    assert "\n" not in line
    head, *parts = MISTAKES[text].split("*")
    assert line.startswith(f"{file}: {head}")
    assert all(part in line for part in parts)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BusError, match=r"gone.toml: No such file or directory$"):
        load(tmp_path / "gone.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(BusError, match=r"odd.toml: "):
        load(tmp_path / "odd.toml")


async def test_real_buses_that_cannot_be_had() -> None:
    with pytest.raises(BusError, match="i2c 97: /dev/i2c-97: No such file or directory"):
        open_buses(i2c=["97"])
    with pytest.raises(BusError, match=r"spi 97.0: /dev/spidev97.0: No such file or directory"):
        open_buses(spi=["97.0"])
    with pytest.raises(BusError, match="i2c lpt1: use a number or /dev/i2c-N"):
        open_buses(i2c=["lpt1"])
    with pytest.raises(BusError, match=r"spi 1: use B\.C or /dev/spidevB\.C"):
        open_buses(spi=["1"])


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "smbus2", None)
    monkeypatch.setitem(__import__("sys").modules, "periphery", None)
    with pytest.raises(BusError, match=r"^--i2c needs smbus2: install tokay\[hardware\]$"):
        open_buses(i2c=["1"])
    with pytest.raises(BusError, match=r"^--spi needs periphery: install tokay\[hardware\]$"):
        open_buses(spi=["0.0"])


def test_the_file_of_the_documentation(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "buses.md"
    file = tmp_path / "buses.toml"
    file.write_text(page.read_text("utf-8").split("```toml")[1].split("```")[0])
    buses = load(file)
    assert set(buses.i2c(0).devices) == {0x21, 0x40, 0x51}
    assert set(buses.spi(0).devices) == {4}
