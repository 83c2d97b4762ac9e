import itertools
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokay.protocols import wpa
from tokay.protocols.wpa import (
    Authenticator,
    HandshakeState,
    KeyFrame,
    KeyInfo,
    Suite,
    Supplicant,
    keys,
)

AA, SPA = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ANONCE, SNONCE = b"A" * 32, b"S" * 32
RIGHT, WRONG = bytes(32), b"\x01" * 32


def ends(suite: Suite = Suite.RSN_CCMP, theirs: bytes = RIGHT) -> tuple[Authenticator, Supplicant]:
    return (
        Authenticator(RIGHT, suite, AA, SPA, ANONCE),
        Supplicant(theirs, suite, AA, SPA, SNONCE),
    )


# IEEE 802.11-2020 annex J.4.2.
@pytest.mark.parametrize(
    ("passphrase", "ssid", "expected"),
    [
        ("password", "IEEE", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
        (
            "ThisIsAPassword",
            "ThisIsASSID",
            "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
        ),
        (
            "a" * 32,
            "Z" * 32,
            "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62",
        ),
    ],
)
def test_the_pmk_vectors_of_the_standard(passphrase: str, ssid: str, expected: str) -> None:
    assert wpa.pmk(passphrase, ssid.encode()).hex() == expected
    assert wpa.pmk(expected.upper(), b"anything") == bytes.fromhex(expected)


# IEEE 802.11-2020 annex J.3.2.
@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        (
            b"\x0b" * 20,
            b"Hi There",
            (
                "bcd4c650b30b9684951829e0d75f9d54b862175ed9f00606e17d8da35402ffee"
                "75df78c3d31e0f889f012120c0862beb67753e7439ae242edb8373698356cf5a"
            ),
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            (
                "51f4de5b33f249adf81aeb713a3c20f4fe631446fabdfa58244759ae58ef9009"
                "a99abf4eac2ca5fa87e692c440eb40023e7babb206d61de7b92f41529092b8fc"
            ),
        ),
    ],
)
def test_the_prf_vectors_of_the_standard(key: bytes, data: bytes, expected: str) -> None:
    for length in (24, 32, 48, 64):
        assert wpa.prf(key, b"prefix", data, length).hex() == expected[: 2 * length]


# Message 2 of a real handshake: the public example of hashcat's mode 22000.
CAPTURED = {
    "mic": "024022795224bffca545276c3762686f",
    "ap": "6466b38ec3fc",
    "station": "225edc49b7aa",
    "ssid": "54502d4c494e4b5f484153484341545f54455354",
    "anonce": "10e3be3b005a629e89de088d6a2fdc489db83ad4764f2d186b9cde15446e972e",
    "frame": "0103007502010a0000000000000000000148ce2ccba9c1fda130ff2fbbfb4fd3b063d1a93920b0f7"
    "df54a5cbf787b16171" + "00" * 48 + "001630140100000fac040100000fac040100000fac028000",
}


def test_a_captured_handshake_proves_its_passphrase() -> None:
    raw = {key: bytes.fromhex(text) for key, text in CAPTURED.items()}
    message = replace(KeyFrame.decode(raw["frame"]), mic=raw["mic"])
    for passphrase, fits in (("hashcat!", True), ("hashcat?", False)):
        ptk = wpa.derive_ptk(
            wpa.pmk(passphrase, raw["ssid"]),
            Suite.RSN_CCMP,
            (raw["ap"], raw["station"]),
            (raw["anonce"], message.nonce),
        )
        assert message.is_signed(ptk.kck) is fits
        assert (message.signed(ptk.kck) == message.encode()) is fits


def test_equal_passphrases_are_derived_once() -> None:
    keys._derive_pmk.cache_clear()
    for _ in range(1000):
        wpa.pmk("correct horse", b"office")
    assert keys._derive_pmk.cache_info().misses == 1
    assert keys._derive_pmk.cache_info().maxsize == 1024


@pytest.mark.parametrize("passkey", ["", "short", "x" * 64, "caf\xe9", "\u20ac" * 8])
def test_what_is_no_passkey_is_refused_without_being_repeated(passkey: str) -> None:
    with pytest.raises(wpa.WpaError) as caught:
        wpa.pmk(passkey, b"office")
    assert not passkey or passkey not in str(caught.value)


@pytest.mark.parametrize("suite", Suite)
def test_four_messages_and_both_have_the_same_keys(suite: Suite) -> None:
    authenticator, supplicant = ends(suite)
    one = authenticator.start(0)
    two = supplicant.receive(one)
    assert two is not None
    three = authenticator.receive(two, 0)
    assert three is not None
    four = supplicant.receive(three)
    assert four is not None
    assert authenticator.receive(four, 0) is None
    assert authenticator.state is supplicant.state is HandshakeState.DONE
    assert authenticator.ptk == supplicant.ptk
    assert authenticator.ptk is not None
    assert len(authenticator.ptk.tk) == suite.key_length
    assert authenticator.get_timer() is None
    frames = [KeyFrame.decode(frame) for frame in (one, two, three, four)]
    assert [frame.replay for frame in frames] == [1, 1, 2, 2]
    assert [frame.nonce for frame in frames] == [ANONCE, SNONCE, ANONCE, bytes(32)]
    secure = 0x200 if suite.rsn else 0
    assert [frame.info - suite.version for frame in frames] == [
        0x088,
        0x108,
        0x1C8 + secure,
        0x108 + secure,
    ]


def test_the_elements_are_those_of_real_beacons() -> None:
    assert Suite.RSN_CCMP.element.hex() == "30140100000fac040100000fac040100000fac020000"
    assert Suite.WPA_TKIP.element.hex() == "dd160050f20101000050f20201000050f20201000050f202"


def test_a_wrong_passphrase_is_a_timeout_after_four_attempts() -> None:
    authenticator, supplicant = ends(theirs=WRONG)
    frame: bytes | None = authenticator.start(0)
    moments = []
    while frame is not None:
        answer = supplicant.receive(frame)
        assert answer is not None
        assert authenticator.receive(answer, 0) is None
        assert authenticator.state is HandshakeState.WAITING_2
        due = authenticator.get_timer()
        assert due is not None
        assert authenticator.handle_timer(due - 0.01) is None
        moments.append(due)
        frame = authenticator.handle_timer(due)
    assert moments == pytest.approx([0.1, 1.1, 2.1, 3.1])
    assert (authenticator.state, authenticator.reason) == (HandshakeState.FAILED, 15)
    assert authenticator.get_timer() is None
    assert supplicant.state is HandshakeState.WAITING_3


@pytest.mark.parametrize("lost", range(4))
def test_any_one_lost_message_is_made_good(lost: int) -> None:
    authenticator, supplicant = ends()
    sent = 0
    frame: bytes | None = authenticator.start(0)
    while authenticator.state not in (HandshakeState.DONE, HandshakeState.FAILED):
        if frame is None:
            due = authenticator.get_timer()
            assert due is not None
            frame = authenticator.handle_timer(due)
            continue
        answer = supplicant.receive(frame) if sent != lost else None
        sent += 1
        frame = None
        if answer is not None:
            if sent != lost:
                frame = authenticator.receive(answer, 0)
            sent += 1
    assert authenticator.state is supplicant.state is HandshakeState.DONE
    assert authenticator.ptk == supplicant.ptk


def test_an_element_that_differs_ends_the_handshake() -> None:
    authenticator, supplicant = ends()
    one = authenticator.start(0)
    two = supplicant.receive(one)
    assert two is not None
    picky = Authenticator(RIGHT, Suite.RSN_CCMP, AA, SPA, ANONCE, element=b"0\0")
    picky.start(0)
    assert picky.receive(two, 0) is None
    assert (picky.state, picky.reason) == (HandshakeState.FAILED, 17)
    three = authenticator.receive(two, 0)
    assert three is not None
    careful = Supplicant(RIGHT, Suite.RSN_CCMP, AA, SPA, SNONCE, element=b"0\0")
    careful.receive(one)
    assert careful.receive(three) is None
    assert (careful.state, careful.reason) == (HandshakeState.FAILED, 17)


def test_replays_and_strangers_are_dropped() -> None:
    authenticator, supplicant = ends()
    one = authenticator.start(0)
    two = supplicant.receive(one)
    assert two is not None
    three = authenticator.receive(two, 0)
    assert three is not None
    assert authenticator.receive(two, 0) is None  # an old counter
    assert supplicant.receive(two) is None  # a frame of our own
    assert authenticator.receive(three, 0) is None
    forged = replace(KeyFrame.decode(three), mic=bytes(16)).encode()
    assert supplicant.receive(forged) is None
    assert supplicant.state is HandshakeState.WAITING_3
    four = supplicant.receive(three)
    assert four is not None
    assert supplicant.receive(three) is None
    assert supplicant.receive(one) is None
    authenticator.receive(four, 0)
    assert authenticator.receive(four, 0) is None
    for suite, other in itertools.permutations(Suite, 2):
        assert ends(suite)[1].receive(ends(other)[0].start(0)) is None


def test_a_nonce_has_32_bytes() -> None:
    with pytest.raises(wpa.WpaError, match="nonce"):
        Supplicant(RIGHT, Suite.RSN_CCMP, AA, SPA, b"")


@given(st.binary(max_size=300) | st.binary(min_size=95).map(lambda b: b"\1\3\0\x5f\2" + b))
def test_any_bytes_are_a_frame_or_a_named_error(data: bytes) -> None:
    try:
        frame = KeyFrame.decode(data)
    except wpa.WpaError:
        pass
    else:
        assert data.startswith(frame.encode())
    for suite in Suite:
        authenticator, supplicant = ends(suite)
        authenticator.start(0)
        authenticator.receive(data, 0)
        supplicant.receive(data)
        assert authenticator.state is HandshakeState.WAITING_2
        assert supplicant.state in (HandshakeState.IDLE, HandshakeState.WAITING_3)


@settings(max_examples=200)
@example(Suite.RSN_CCMP, 2, 5, 1)  # message 3 looks like message 1 again
@given(
    st.sampled_from(Suite),
    st.integers(0, 3),
    st.integers(0, 120),
    st.integers(1, 255),
)
def test_no_flipped_byte_of_a_handshake_gives_different_keys(
    suite: Suite, which: int, where: int, flip: int
) -> None:
    authenticator, supplicant = ends(suite)
    frame: bytes | None = authenticator.start(0)
    for number in itertools.count():
        if frame is None:
            break
        if number == which:
            broken = bytearray(frame)
            broken[where % len(broken)] ^= flip
            frame = bytes(broken)
        frame = supplicant.receive(frame) if number % 2 == 0 else authenticator.receive(frame, 0)
    if authenticator.state is HandshakeState.DONE:
        assert supplicant.state is HandshakeState.DONE
        assert authenticator.ptk == supplicant.ptk


def test_info_bits_have_the_standards_places() -> None:
    assert KeyInfo.MIC | KeyInfo.PAIRWISE | 2 == 0x010A
