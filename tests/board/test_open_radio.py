from collections.abc import Callable
from pathlib import Path

import pytest

from tokay.board.air.airspace import Airspace
from tokay.board.air.cable import Cable
from tokay.board.air.radio import SimulatedRadio
from tokay.board.net.capabilities import missing_capabilities
from tokay.board.net.host_radio import HostRadio
from tokay.board.open_radio import open_ethernet, open_radio
from tokay.board.radio import RadioError, next_mac
from tokay.board.wired import open as wired_open

MAC = "4C:55:CC:00:00:01"


def test_the_simulated_radio_is_the_one_with_an_airspace() -> None:
    radio = open_radio("simulated", MAC, airspace=Airspace.default())
    assert isinstance(radio, SimulatedRadio)
    assert radio.mac == MAC
    assert isinstance(open_radio("simulated", MAC), SimulatedRadio)
    with pytest.raises(RadioError, match="only a simulated radio has an airspace"):
        open_radio("host", MAC, airspace=Airspace.default())


def test_the_host_radio_needs_nothing() -> None:
    assert isinstance(open_radio("host", MAC), HostRadio)


@pytest.mark.parametrize(
    "form", ["", "ether", "wired", "wired:", "wired:a,", "wired:a,b,c", "wired:a b", "wired:a/b",
             "wired:sixteencharacter", "wired:a,a", "host:x", "simulated:x"]
)  # fmt: skip
def test_a_form_that_is_none_is_one_line(form: str) -> None:
    with pytest.raises(RadioError) as caught:
        open_radio(form, MAC)
    assert str(caught.value).startswith(f"radio {form}: ")
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_radios() -> None:
    with pytest.raises(RadioError) as caught:
        open_radio("ether:eth0", MAC)
    text = str(caught.value)
    assert text.startswith("radio ether:eth0: no such radio (there is ")
    assert {"host", "simulated", "wired"} <= set(text.partition("there is ")[2][:-1].split(", "))


def test_another_package_registers_a_radio(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class Point:
        name, value = "modem", "toy.radio:open_modem"

        def load(self) -> Callable[[str, str], HostRadio]:
            def open_modem(options: str, mac: str) -> HostRadio:
                opened.append((options, mac))
                return HostRadio(mac)

            return open_modem

    class Broken:
        name, value = "broken", "toy.broken:open"

        def load(self) -> None:
            raise ImportError("no module named toy")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point(), Broken()])
    assert isinstance(open_radio("modem:/dev/a:1", MAC), HostRadio)
    assert opened == [("/dev/a:1", MAC)]
    with pytest.raises(RadioError, match=r"^radio broken: toy.broken:open cannot be loaded: no "):
        open_radio("broken", MAC)


def test_missing_privileges_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        wired_open, "missing_capabilities", lambda: ["CAP_NET_ADMIN", "CAP_NET_RAW"]
    )
    with pytest.raises(RadioError, match="needs CAP_NET_ADMIN and CAP_NET_RAW"):
        open_radio("wired:eth0", MAC)


@pytest.mark.parametrize(
    ("bits", "missing"),
    [
        ("0000000000000000", ["CAP_NET_ADMIN", "CAP_NET_RAW"]),
        ("0000000000001000", ["CAP_NET_RAW"]),
        ("0000000000003000", []),
        ("000001ffffffffff", []),
    ],
)
def test_capabilities_are_read_from_the_kernel(
    tmp_path: Path, bits: str, missing: list[str]
) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\ttokay\nCapPrm:\t0000000000000000\nCapEff:\t{bits}\nCapBnd:\tff\n")
    assert missing_capabilities(status=status) == missing


def test_an_interface_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wired_open, "missing_capabilities", list)
    with pytest.raises(RadioError, match=r"^nosuch0: no Ethernet interface here"):
        open_radio("wired:nosuch0", MAC)
    with pytest.raises(RadioError, match=r"^lo: no Ethernet interface here"):
        open_radio("wired:lo", MAC)


# Ethernet.


def test_a_simulated_cable_has_any_number_of_ends() -> None:
    cable = Cable()
    ends = [open_ethernet(cable, mac) for mac in (MAC, next_mac(MAC))]
    assert [end.mac for end in ends] == ["4C:55:CC:00:00:01", "4C:55:CC:00:00:02"]


@pytest.mark.parametrize(
    ("mac", "after"),
    [("4C:55:CC:00:00:FF", "4C:55:CC:00:01:00"), ("FF:FF:FF:FF:FF:FF", "00:00:00:00:00:00")],
)
def test_the_next_address(mac: str, after: str) -> None:
    assert next_mac(mac) == after


@pytest.mark.parametrize("form", ["", "a b", "a/b", "a,b", "wired:a", "sixteencharacter"])
def test_a_form_of_ethernet_that_is_none_is_one_line(form: str) -> None:
    with pytest.raises(RadioError) as caught:
        open_ethernet(form, MAC)
    assert str(caught.value) == f"ethernet {form}: use simulated or the name of an interface"


def test_an_interface_is_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for radio in ("wired:nosuch0", "wired:a,nosuch0"):
        with pytest.raises(RadioError, match=r"^ethernet nosuch0: the radio has that interface$"):
            open_ethernet("nosuch0", MAC, radio=radio)
    monkeypatch.setattr(wired_open, "missing_capabilities", list)
    with pytest.raises(RadioError, match=r"^nosuch0: no Ethernet interface here"):
        open_ethernet("nosuch0", MAC, radio="wired:a")
    monkeypatch.setattr(wired_open, "missing_capabilities", lambda: ["CAP_NET_RAW"])
    with pytest.raises(RadioError, match=r"^ethernet nosuch0: needs CAP_NET_RAW$"):
        open_ethernet("nosuch0", MAC)
