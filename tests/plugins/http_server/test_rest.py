"""The REST API, after the tables of web-and-discovery, sections 1.2 to 1.7."""

from tests.plugins.http_server.conftest import Web

VERSION = "SILABS-WGM160P-4.0.0, Gecko_OS-STANDARD-4.0.12-1198, WGM160P\r\n"


async def test_a_command_by_get(web: Web) -> None:
    answer = await web.get("/command/version")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["connection"] == "close"
    assert answer.json == {"id": 1, "code": 0, "flags": 0, "response": VERSION}
    assert (await web.get("/command/ver")).json["id"] == 2
