"""The first example of docs/host.md, as it stands there, over each kind of link."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.host.test_script import reached, web_server

PAGE = Path(__file__).parents[2] / "docs" / "host.md"


@pytest.mark.parametrize("kind", ["pty", "telnet", "http", "ws"])
async def test_the_first_example(kind: str) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    async with reached(kind) as (device, url), web_server() as page:
        names: dict[str, Any] = {}
        exec(code[1].replace("http://example.com/", page), names)
        await names["main"](url)
        assert "page.html" in (await device.command("ls")).text
