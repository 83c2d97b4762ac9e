"""The host's end of a console against the device's own: any command, any form, any chopping."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dialogue import PROFILES, Talk

from tokay.protocols import console_client as machine
from tokay.protocols.console_client import ConsoleClient, Form, Phase

ECHO, HEADERS, PROMPT, LEVEL = (
    "system.cmd.echo", "system.cmd.header_enabled", "system.cmd.prompt_enabled",
    "system.print_level",
)  # fmt: skip


class Host:
    """A client on the wire of a device; ``cuts`` says into what pieces its bytes fall, in turn."""

    def __init__(self, talk: Talk, client: ConsoleClient, cuts: Sequence[int] = ()) -> None:
        self.talk = talk
        self.client = client
        self.cuts = list(cuts) or [1 << 20]
        self.turn = 0
        self.notices: list[bytes] = []

    def pump(self, events: Sequence[machine.Event]) -> list[machine.Event]:
        """Carry bytes to and fro until nothing moves; return what happened."""
        happened = list(events)
        while True:
            if data := self.client.data_to_send():
                self.talk.send(*self._cut(data))
            heard = self.talk.heard()
            if not heard and not data:
                break
            for piece in self._cut(heard):
                happened += self.client.receive(piece, self.talk.loop.time())
        self.notices += [event.data for event in happened if isinstance(event, machine.Notice)]
        return [event for event in happened if not isinstance(event, machine.Notice)]

    def wait(self, events: Sequence[machine.Event]) -> list[machine.Event]:
        """The same, and let time pass while the client waits for an answer."""
        happened = self.pump(events)
        for _ in range(40):
            if happened or self.client.deadline is None:
                break
            self.talk.turn(max(0.0, self.client.deadline - self.talk.loop.time()) + 0.001)
            happened += self.pump(self.client.tick(self.talk.loop.time()))
        return happened

    def attach(self) -> None:
        assert self.wait(self.client.resume(self.talk.loop.time())) == [machine.Attached()]

    def ask(self, line: bytes, data: bytes = b"") -> machine.Reply:
        self.client.command(line, data)
        (reply,) = self.pump([])
        assert isinstance(reply, machine.Reply)
        return reply

    def detach(self) -> None:
        self.client.detach(self.talk.loop.time())
        assert self.wait([]) == [machine.Detached()]

    def _cut(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            size = self.cuts[self.turn % len(self.cuts)]
            self.turn += 1
            yield data[at : at + size]
            at += size


forms = st.fixed_dictionaries(
    {
        ECHO: st.sampled_from("01"),
        HEADERS: st.sampled_from("01"),
        PROMPT: st.sampled_from("01"),
        LEVEL: st.sampled_from(["0", "2", "all"]),
    }
)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=8)
lines = st.one_of(
    st.sampled_from(
        [
            b"get wlan.mac", b"get all", b"version", b"ls -v", b"help commands", b"stream_list",
            b"stream_poll all", b"nonsense", b"get nonsense", b"set bus.mode nonsense",
            b"get wlan.passkey", b"tokay", b"get system.cmd.header_enabled", b"network_down",
            b'get "wlan', b"file_delete nothing",
        ]
    ),
    # What is typed with control characters is edited, and an empty line is the console's own.
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
    .filter(lambda line: line.split()[:1] not in ([], ["sleep"]) and "#" not in line)
    .map(str.encode),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PROFILES), forms, cuts, st.lists(lines, max_size=4), st.binary(max_size=99))
def test_any_command_in_any_form_cut_anywhere(
    profile: str, form: dict[str, str], pieces: list[int], asked: list[bytes], data: bytes
) -> None:
    with Talk(profile, human=True, settings=form) as talk:
        host = Host(talk, ConsoleClient(), pieces)
        host.attach()
        for line in asked:
            expected = talk.run(talk.device.command(line))
            talk.heard()
            reply = host.ask(line)
            assert (reply.code, reply.data) == (expected.code, expected.data), line
        if data:
            assert host.ask(b"file_create a.bin %d" % len(data), data).code == 0
            handle = host.ask(b"file_open a.bin").data
            assert host.ask(b"stream_read %b 1000" % handle).data == data
        host.detach()
        assert {name: talk.run(talk.device.command(f"get {name}")).text for name in form} == form
        talk.errors.clear()


def reboot(talk: Talk) -> None:
    async def reboot() -> None:
        talk.device.reboot()
        await talk.device.steady()

    talk.run(reboot())


@pytest.fixture
def talk() -> Iterator[Talk]:
    with Talk(human=True) as talk:
        yield talk


def test_what_is_found_is_what_is_put_back(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    assert host.client.form == Form("1", "0", "1", "all", stream_mode=False)
    assert talk.run(talk.device.command(f"get {HEADERS}")).text == "1"
    host.detach()
    assert talk.run(talk.device.command(f"get {HEADERS}")).text == "0"


def test_an_unasked_line_inside_an_answer_is_told_and_is_part_of_its_log(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.client.command(b"get wlan.mac")
    events = host.client.receive(b"L000013\r\n[Closed: 3]\r\n", 0)
    assert events == [machine.Notice(b"[Closed: 3]", answering=True)]
    (reply,) = host.pump([])
    assert isinstance(reply, machine.Reply)
    assert reply.log == (b"[Closed: 3]",)


def test_a_late_answer_is_skipped(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.client.command(b"get wlan.mac")
    host.client.lose()
    host.attach()
    assert host.ask(b"get bus.mode").data == b"command"


@pytest.mark.parametrize("late", [b"R000003\r\n1\r\n", b"R300017\r\nUnknown command\r\n"])
def test_late_answers_that_look_like_those_awaited_are_skipped(talk: Talk, late: bytes) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.client.lose()
    events = host.client.resume(0)
    events += host.client.receive(late * 3, 0)
    assert host.wait(events) == [machine.Attached()]
    assert host.ask(b"get bus.mode").data == b"command"


def test_half_a_body_and_a_lying_header_are_left_behind(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.client.command(b"get wlan.mac")
    host.client.receive(b"R099999\r\nnot so much", 0)
    host.client.lose()
    host.attach()
    assert host.ask(b"get bus.mode").data == b"command"


def test_half_a_line_of_somebody_else_does_no_harm(talk: Talk) -> None:
    talk.send(b"get wlan.m")
    talk.heard()
    host = Host(talk, ConsoleClient())
    host.attach()
    assert host.ask(b"get bus.mode").data == b"command"


def test_a_restart_is_told_and_the_saved_form_is_found(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.client.command(b"reboot")
    events = host.pump([])
    assert events == [machine.Reply(0, b"Rebooting", (), safe=False), machine.Restarted()]
    host.attach()
    assert host.ask(b"get bus.mode").data == b"command"
    host.detach()


def test_a_restart_in_the_middle_of_a_command(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.client.command(b"get wlan.mac")
    host.client.data_to_send()
    reboot(talk)
    assert host.pump([]) == [machine.Restarted()]
    assert host.client.phase is Phase.LOST
    host.attach()


@pytest.mark.parametrize("form", [b"system.cmd.format human", b"system.cmd.header_enabled 0"])
def test_a_command_that_takes_the_headers_away(talk: Talk, form: bytes) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    assert host.ask(b"set " + form).data == b"Set OK"
    host.attach()
    assert host.ask(b"get bus.mode").data == b"command"


def test_save_keeps_the_form_that_was_found(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    host.ask(b"set wlan.ssid kept")
    host.client.save(b"save", talk.loop.time())
    assert host.pump([]) == [machine.Reply(0, b"Success", (), safe=False), machine.Attached()]
    reboot(talk)
    talk.heard()
    assert talk.run(talk.device.command(f"get {HEADERS}")).text == "0"
    assert talk.run(talk.device.command("get wlan.ssid")).text == "kept"


def test_a_port_in_stream_mode_is_broken_into_and_left_there() -> None:
    with Talk(human=True, settings={"bus.mode": "stream", "bus.log_bus": "none"}) as talk:
        host = Host(talk, ConsoleClient(quiet=True))
        host.attach()
        assert host.client.form.stream_mode
        assert host.ask(b"get bus.mode").data == b"stream"
        host.detach()
        talk.send(b"get bus.mode\r\n")
        assert talk.heard() == b""


def test_stream_mode_is_found_without_being_told() -> None:
    with Talk(settings={"bus.mode": "stream", "bus.log_bus": "none"}) as talk:
        host = Host(talk, ConsoleClient())
        host.attach()
        assert host.client.form.stream_mode


def test_safe_mode_is_seen() -> None:
    with Talk(human=True) as talk:
        mac = talk.device.mac
        talk.send(f"force_safemode {mac}\r\n".encode())
        talk.heard()
        host = Host(talk, ConsoleClient())
        host.attach()
        assert host.ask(b"get system.safemode.status").safe
        assert host.client.safe_mode


def test_noise_alone_is_no_console() -> None:
    client = ConsoleClient()
    client.resume(0)
    for number in range(100):
        assert client.receive(b"\xff\x00 login: incorrect\r\n", number / 100) == []
    assert client.phase is Phase.PROBE


@given(st.binary(max_size=4000), st.integers(1, 100))
def test_no_bytes_are_too_strange(data: bytes, size: int) -> None:
    client = ConsoleClient()
    client.resume(0)
    for at in range(0, len(data), size):
        client.receive(data[at : at + size], at / 100)
        client.tick(at / 100)
    assert client.data_to_send()
    assert len(client._hunted) <= machine.MAX_HUNTED


def test_a_command_is_one_line(talk: Talk) -> None:
    host = Host(talk, ConsoleClient())
    host.attach()
    with pytest.raises(ValueError, match="one line"):
        host.client.command(b"get wlan.mac\r\nfactory_reset")
