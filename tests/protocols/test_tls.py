"""Reading a handshake off its records: real ones of every version, and any bytes at all."""

import ssl
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pki import RSA_AUTHORITY, client_context, server_context

from tokay.protocols.tls import HEADER, MAX_CONTENT, HandshakeMessage, HandshakeTracker, record_size

Passed = list[tuple[bool, bytes]]
"""The records of a handshake: whether the client sent it, and it."""


def split(data: bytes) -> list[bytes]:
    records = []
    while data:
        size = record_size(data)
        assert size > 0
        records.append(data[:size])
        data = data[size:]
    return records


def handshake(version: ssl.TLSVersion, *, ask: bool = False, resume: bool = False) -> Passed:
    """Let two ends of OpenSSL shake hands; return what passed between them."""
    server = server_context(RSA_AUTHORITY.good, old=True, ca=RSA_AUTHORITY.pem if ask else b"")
    client = client_context(RSA_AUTHORITY.good if ask else None, ca=b"", old=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.maximum_version = version
    session = None
    passed: Passed = []
    for _ in range(2 if resume else 1):
        passed = []
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = {
            True: client.wrap_bio(down, up, session=session),
            False: server.wrap_bio(up, down, server_side=True),
        }
        done = {True: False, False: False}
        while not all(done.values()):
            for is_client, end in ends.items():
                if done[is_client]:
                    continue
                try:
                    end.do_handshake()
                    done[is_client] = True
                except ssl.SSLWantReadError:
                    pass
                out = up if is_client else down
                data = out.read()
                passed += [(is_client, record) for record in split(data)]
                out.write(data)
        session = ends[True].session
    return passed


def states(passed: Passed) -> list[HandshakeMessage]:
    """Return the states that a handshake goes through."""
    walk = HandshakeTracker()
    seen: list[HandshakeMessage] = []
    for is_client, record in passed:
        walk.feed(record, client=is_client)
        if not seen or seen[-1] is not walk.state:
            seen.append(walk.state)
    return seen


CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"
FULL = [
    HandshakeMessage.CLIENT_HELLO,
    HandshakeMessage.SERVER_HELLO,
    HandshakeMessage.SERVER_CERTIFICATE,
    HandshakeMessage.SERVER_KEY_EXCHANGE,
    HandshakeMessage.SERVER_HELLO_DONE,
    HandshakeMessage.CLIENT_KEY_EXCHANGE,
    HandshakeMessage.CLIENT_CHANGE_CIPHER_SPEC,
    HandshakeMessage.CLIENT_FINISHED,
    HandshakeMessage.SERVER_CHANGE_CIPHER_SPEC,
    HandshakeMessage.SERVER_FINISHED,
]


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2"])
def test_a_full_handshake(version: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert states(handshake(ssl.TLSVersion[version])) == FULL


def test_a_client_certificate() -> None:
    assert states(handshake(ssl.TLSVersion.TLSv1_2, ask=True)) == [
        HandshakeMessage.CLIENT_HELLO,
        HandshakeMessage.SERVER_HELLO,
        HandshakeMessage.SERVER_CERTIFICATE,
        HandshakeMessage.SERVER_KEY_EXCHANGE,
        HandshakeMessage.CERTIFICATE_REQUEST,
        HandshakeMessage.SERVER_HELLO_DONE,
        HandshakeMessage.CLIENT_CERTIFICATE,
        HandshakeMessage.CLIENT_KEY_EXCHANGE,
        HandshakeMessage.CERTIFICATE_VERIFY,
        HandshakeMessage.CLIENT_CHANGE_CIPHER_SPEC,
        HandshakeMessage.CLIENT_FINISHED,
        HandshakeMessage.SERVER_CHANGE_CIPHER_SPEC,
        HandshakeMessage.SERVER_FINISHED,
    ]


def test_a_session_that_is_taken_up_again() -> None:
    assert states(handshake(ssl.TLSVersion.TLSv1_2, resume=True)) == [
        HandshakeMessage.CLIENT_HELLO,
        HandshakeMessage.SERVER_HELLO,
        HandshakeMessage.SERVER_CHANGE_CIPHER_SPEC,
        HandshakeMessage.SERVER_FINISHED,
        HandshakeMessage.CLIENT_CHANGE_CIPHER_SPEC,
        HandshakeMessage.CLIENT_FINISHED,
    ]


@pytest.mark.parametrize("ask", [False, True])
def test_tls_13_tells_the_hellos_and_that_the_client_has_answered(ask: bool) -> None:
    assert states(handshake(ssl.TLSVersion.TLSv1_3, ask=ask)) == [
        HandshakeMessage.CLIENT_HELLO,
        HandshakeMessage.SERVER_HELLO,
        HandshakeMessage.CLIENT_FINISHED,
    ]


def test_an_alert_of_tls_13_is_no_answer() -> None:
    walk = HandshakeTracker()
    for is_client, record in handshake(ssl.TLSVersion.TLSv1_3)[:3]:
        walk.feed(record, client=is_client)
    walk.feed(b"\x17\x03\x03\x00\x13" + bytes(19), client=True)
    assert walk.state is HandshakeMessage.SERVER_HELLO


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100, 1000])
def test_messages_in_any_pieces(size: int) -> None:
    """Messages need not begin where records do (RFC 5246 section 6.2.1)."""
    passed: Passed = []
    for is_client, record in handshake(ssl.TLSVersion.TLSv1_2):
        if record[0] != 22 or passed[-1:] == [(is_client, CHANGE_CIPHER_SPEC)]:
            passed.append((is_client, record))
            continue
        content = record[HEADER:]
        passed += [
            (is_client, record[:3] + len(piece).to_bytes(2) + piece)
            for piece in (content[at : at + size] for at in range(0, len(content), size))
        ]
    assert [
        state for state in states(passed) if state is not HandshakeMessage.HELLO_REQUEST
    ] == FULL


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (b"\x16", 0),
        (b"\x16\x03\x01\x00", 0),
        (b"\x16\x03\x01\x00\x00", 5),
        (b"\x17\x03\x03\x40\x18", 5 + 0x4018),
        (b"\x17\x03\x03\x48\x00", HEADER + MAX_CONTENT),
        (b"\x17\x03\x03\x48\x01", -1),
        (b"G", -1),
        (b"\x80\x2e\x01", -1),
        (b"\x16\x02", -1),
    ],
)
def test_where_a_record_ends(data: bytes, size: int) -> None:
    assert record_size(data) == size


RECORDS = st.lists(
    st.tuples(
        st.booleans(),
        st.builds(
            lambda kind, content: bytes([kind]) + b"\x03\x03" + len(content).to_bytes(2) + content,
            st.sampled_from([20, 21, 22, 22, 22, 23]),
            st.one_of(
                st.binary(max_size=64),
                st.builds(
                    lambda message, size, body: bytes([message]) + size.to_bytes(3) + body,
                    st.sampled_from([0, 1, 2, 2, 4, 11, 12, 13, 14, 15, 16, 20, 99]),
                    st.one_of(st.integers(0, 80), st.integers(0, 0xFFFFFF)),
                    st.binary(max_size=80),
                ),
            ),
        ),
    ),
    max_size=20,
)


@given(RECORDS)
def test_any_records_give_a_state_in_bounded_memory(passed: Passed) -> None:
    walk = HandshakeTracker()
    for is_client, record in passed:
        walk.feed(record, client=is_client)
        assert walk.state in HandshakeMessage
        for messages in (walk._client, walk._server):
            assert len(messages._kept) <= 1024
            assert len(messages._head) <= 4
    # All at once or one by one: the same.
    again = HandshakeTracker()
    for is_client, record in passed:
        for piece in split(record):
            again.feed(memoryview(piece), client=is_client)
    assert again.state is walk.state


@given(st.binary(max_size=300))
def test_any_bytes_are_records_or_not(data: bytes) -> None:
    walk = HandshakeTracker()
    walk.feed(data, client=True)
    assert walk.state in HandshakeMessage
    assert record_size(data) >= -1
