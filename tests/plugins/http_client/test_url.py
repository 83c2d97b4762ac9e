"""Where URLs lead."""

import pytest

from tokay.kernel.results import CommandError
from tokay.plugins.http_client.url import SOCKETS, parse_url


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("example.com", ("http", "example.com", 80, "/"), "example.com"),
        ("http://example.com:80/x", ("http", "example.com", 80, "/x"), "example.com"),
        ("HTTPS://Example.com", ("https", "example.com", 443, "/"), "example.com"),
        ("https://example.com:443/x?y=/#z", ("https", "example.com", 443, "/x?y=/"), "example.com"),
        ("https://example.com:80", ("https", "example.com", 80, "/"), "example.com:80"),
        ("http://a_b.example:8443?c", ("http", "a_b.example", 8443, "/?c"), "a_b.example:8443"),
    ],
)
def test_a_url(url: str, target: tuple[str, str, int, str], authority: str) -> None:
    parsed = parse_url(url)
    assert parsed == target
    assert parsed.authority == authority
    assert parsed.secure is (target[0] == "https")


def test_a_url_of_a_websocket() -> None:
    assert parse_url("a.example/x", SOCKETS) == ("ws", "a.example", 80, "/x")
    assert parse_url("wss://a.example", SOCKETS) == ("wss", "a.example", 443, "/")
    with pytest.raises(CommandError):
        parse_url("http://a.example", SOCKETS)


@pytest.mark.parametrize(
    "url", ["a\r\nX: y", "a b", "a\t", "a\0", "\u2603.example", "a/\xe9", "", "://", "a" * 300]
)
def test_a_url_cannot_add_to_the_request(url: str) -> None:
    with pytest.raises(CommandError):
        parse_url(url)
