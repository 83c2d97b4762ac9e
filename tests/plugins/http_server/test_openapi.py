"""docs/openapi.json says what the server does, and all that it does."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.plugins.http_server.conftest import Serve, Web

from tokay.kernel.results import Result
from tokay.plugins.http_server import api

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text("utf-8"))
ORIGIN = {"http.server.cors_origin": "http://app.example"}
LOGIN = {"http.server.username": "a", "http.server.password": "b"}
CALL = '{"command":"ver"}'
# How each status of each operation comes about.
ASKED: dict[tuple[str, str, str], tuple[dict[str, str], str, str | None]] = {
    ("/command/{line}", "get", "200"): ({}, "/command/ver", None),
    ("/command/{line}", "get", "400"): ({}, "/command/a%00", None),
    ("/command/{line}", "get", "401"): (LOGIN, "/command/ver", None),
    ("/command/{line}", "get", "500"): ({"http.server.api_enabled": "0"}, "/command/ver", None),
    ("/command", "post", "200"): ({}, "/command", CALL),
    ("/command", "post", "400"): ({}, "/command", "{"),
    ("/command", "post", "401"): (LOGIN, "/command", CALL),
    ("/command", "post", "413"): ({}, "/command", "x" * 200_000),
    ("/command", "post", "500"): ({"http.server.api_enabled": "0"}, "/command", CALL),
    ("/log", "get", "200"): ({}, "/log", None),
    ("/log", "get", "401"): (LOGIN, "/log", None),
    ("/log", "get", "500"): ({"http.server.api_enabled": "0"}, "/log", None),
    ("/stream", "post", "200"): ({}, "/stream", "raw"),
    ("/stream", "post", "401"): (LOGIN, "/stream", "raw"),
    ("/stream", "post", "413"): ({}, "/stream", "x" * 200_000),
    ("/stream", "post", "500"): ({"http.server.api_enabled": "0"}, "/stream", "raw"),
    ("/stream", "post", "503"): ({}, "/stream", "raw"),
}


def operations() -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (path, method, status): answer
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        for status, answer in operation["responses"].items()
    }


def test_every_route_is_described() -> None:
    paths = set(DOCUMENT["paths"])
    assert paths == set(api.ROUTES) | {"/command/{line}"}
    assert operations().keys() == ASKED.keys()


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": DOCUMENT["components"]}


@pytest.mark.parametrize("operation", ASKED, ids=" ".join)
async def test_what_is_described_happens(serve: Serve, operation: tuple[str, str, str]) -> None:
    _, method, status = operation
    settings, target, body = ASKED[operation]
    async with serve(settings) as web:
        if status == "503":
            for _ in range(8):
                assert (await web.ask("POST", "/stream", body="x")).status == 200
        answer = await web.ask(method.upper(), target, body=body)
        assert answer.status == int(status)
        described = operations()[operation].get("content")
        if described is None:
            assert answer.body == b""
            return
        ((kind, content),) = described.items()
        assert answer.headers["content-type"] == kind
        if kind == "application/json":
            jsonschema_rs.Draft202012Validator(resolve(content["schema"])).validate(answer.json)


async def test_methods_that_are_not_described(web: Web) -> None:
    for path, item in DOCUMENT["paths"].items():
        for method in ("get", "post", "put", "delete", "options"):
            if method not in item:
                answer = await web.ask(method.upper(), path.replace("{line}", "ver"))
                # GET /stream is for WebSockets.
                assert answer.status == (426 if (path, method) == ("/stream", "get") else 405)


def test_the_codes() -> None:
    code = DOCUMENT["components"]["schemas"]["Answer"]["properties"]["code"]
    assert code["enum"] == [int(result) for result in Result]
    names = "; ".join(f"{int(result)} {result.name.lower()}" for result in Result)
    assert names in code["description"].replace("\n", " ")
    flags = DOCUMENT["components"]["schemas"]["Call"]["properties"]["flags"]
    assert (flags["minimum"], flags["maximum"]) == (0, api.ALL_FLAGS)
