import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.board.air.airspace import Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.link import Link
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Radio, Security, mac_text


@given(st.binary(min_size=6, max_size=6), st.sampled_from(["", ":", "-"]), st.booleans())
def test_every_spelling_of_a_mac_address_reads_the_same(
    mac: bytes, separator: str, upper: bool
) -> None:
    text = mac.hex(separator) if separator else mac.hex()
    assert mac_text(text.upper() if upper else text) == mac.hex(":").upper()


@pytest.mark.parametrize("text", ["", "00:11:22:33:44", "00:11:22:33:44:5g", "0" * 13])
def test_what_is_no_mac_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a MAC address"):
        mac_text(text)


def test_each_mixed_type_goes_with_what_it_is_made_of_and_nothing_else_mixes() -> None:
    wpa2 = {Security.WPA_AES, Security.WPA_TKIP, Security.WPA2_AES, Security.WPA2_TKIP}
    made_of = {kind: {kind} for kind in Security} | {
        Security.WPA2_MIXED: wpa2 | {Security.WPA2_MIXED},
        Security.WPA3_MIXED: {Security.WPA3_SAE, Security.WPA2_AES, Security.WPA3_MIXED},
    }
    assert {kind for kind in Security if not kind.has_psk} == {Security.OPEN, Security.WEP}
    for ours in Security:
        for asked in Security:
            assert ours.accepts(asked) == bool(made_of[ours] & made_of[asked])


def test_a_passkey_is_in_no_repr_and_no_error() -> None:
    assert "tokay-lab" not in repr(JoinRequest("tokay", passkey="tokay-lab"))
    assert str(JoinError(JoinFailure.WRONG_PASSKEY)) == "wrong passkey"


async def test_the_simulated_radio_and_its_link_keep_the_contracts(airspace: Airspace) -> None:
    # What they must have is checked by mypy, by these two annotations.
    radio: Radio = SimulatedRadio(airspace, "020000000001")
    link: Link = await radio.join(JoinRequest("tokay", passkey="tokay-lab"))
    assert (radio.mac, link.mac) == ("02:00:00:00:00:01",) * 2
    link.close()
