"""What a factory reset forgets is in no file any more, while the device still runs."""

from pathlib import Path

import pytest
from tests.dialogue import Talk

from tokay.board.storage import Storage

OLD, NEW = b"very-secret-first", b"very-secret-second"


def places(folder: Path, secret: bytes) -> list[str]:
    """Return the files of a folder that hold a secret."""
    return [path.name for path in folder.iterdir() if secret in path.read_bytes()]


def test_what_is_forgotten_is_in_no_file(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        device = storage.device("kitchen")
        for secret in (OLD, NEW):
            device.save({"wlan.passkey": secret.decode()})
        device.create("key.pem", NEW, type=0, flags=0, version="1.0.0", location="extended")
        assert len(places(tmp_path, NEW)) >= 2
        device.save({})
        device.delete("key.pem")
        device.forget()
        assert places(tmp_path, OLD) == places(tmp_path, NEW) == []


@pytest.mark.parametrize("profile", ["gecko-os-4", "wiconnect-2"])
def test_a_factory_reset_forgets(tmp_path: Path, profile: str) -> None:
    with Storage(tmp_path) as storage, Talk(profile=profile, storage=storage) as talk:
        talk.ask(b"set wlan.passkey " + OLD)
        talk.ask("save")
        assert places(tmp_path, OLD)
        mac = talk.answer("get wlan.mac")[1]
        assert talk.answer(f"factory_reset {mac}")[0] == 0
        assert places(tmp_path, OLD) == []
