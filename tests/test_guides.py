"""What the guides in docs/ show is what happens: their blocks are run as they stand."""

import re
from pathlib import Path

import pytest

from tokay import Device
from tokay.board.net.host_radio import HostRadio
from tokay.board.radio import Radio, RadioOptionError

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def _blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page in one language, without their indentation."""
    text = (DOCS / page).read_text("utf-8")
    return [
        re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        for indent, name, block in BLOCK.findall(text)
        if name == language
    ]


@pytest.mark.parametrize("page", ["add-a-front-end.md", "add-a-stream-type.md"])
async def test_the_program_of_a_guide_runs(page: str) -> None:
    (program,) = _blocks(page, "python")
    namespace = {"__name__": "guide"}
    exec(compile(program, page, "exec"), namespace)
    main = namespace["main"]
    assert callable(main)
    await main()


async def test_the_profile_of_the_guide_is_a_device(tmp_path: Path) -> None:
    (text,) = _blocks("add-a-profile.md", "toml")
    path = tmp_path / "meter.toml"
    path.write_text(text, "utf-8")
    async with Device.simulated(profile=str(path)) as device:
        assert (await device.command("version")).text.startswith("METER-1.0.0, ")
        assert (await device.command("wps")).code == 3
        assert (await device.command("get softap.ssid")).text == "Meter-#"


def test_the_opener_of_the_guide_reads_its_options() -> None:
    (program,) = _blocks("add-a-radio.md", "python")
    namespace = {"Radio": Radio, "RadioOptionError": RadioOptionError, "ModemRadio": HostRadio}
    exec(compile(program, "add-a-radio.md", "exec"), namespace)
    opener = namespace["open_modem"]
    assert isinstance(opener("/dev/ttyUSB2", ""), HostRadio)
    with pytest.raises(RadioOptionError, match="use modem:DEVICE"):
        opener("", "")
