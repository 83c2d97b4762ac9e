"""The pages of the package: there from the first boot, hidden, deleted, and brought back."""

import gzip
from collections.abc import Iterator

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.board.storage import Storage
from tokay.kernel.files import REMOVED
from tokay.plugins.webapp import PAGES, pages

DONE = (0, "Success")
FAILED = (1, "Command failed")
PAGE = "webapp/index.html.gz"
MOST = 150 * 1024


@pytest.fixture
def storage() -> Iterator[Storage]:
    with Storage(None) as storage:
        yield storage


@pytest.fixture
def talk(storage: Storage) -> Iterator[Talk]:
    with Talk(storage=storage) as talk:
        yield talk


def content(talk: Talk, name: str) -> bytes:
    stored = talk.kernel.files.stat(name)
    return talk.kernel.files.read(name, 0, stored.size)


@pytest.mark.parametrize("product", PROFILES)
def test_every_product_has_them(product: str) -> None:
    with Talk(product) as talk:
        listing = talk.answer("ls -v")[1]
        assert PAGE in listing
        assert ".recovery.html" in listing
        rules = talk.profile.files
        unprotected = [f.name for f in talk.kernel.files.list() if f.flags & rules.unprotected_flag]
        assert unprotected == ["webapp/unauthorized.html"]


def test_they_fit_a_device() -> None:
    assert sum(page.size for page in pages(1, 2).values()) < MOST


def test_they_are_what_the_package_holds(talk: Talk) -> None:
    assert gzip.decompress(content(talk, PAGE)) == (PAGES / "index.html").read_bytes()
    assert talk.answer(f"file_open {PAGE}") == (0, "0")
    assert talk.kernel.streams.find(0).available == talk.kernel.files.stat(PAGE).size


def test_they_take_no_room(talk: Talk) -> None:
    before = talk.kernel.storage.used("extended")
    assert before == 0
    assert talk.kernel.storage.stat(PAGE) is None


def test_a_page_is_there_until_it_is_deleted(talk: Talk) -> None:
    assert talk.answer(f"fcr {PAGE} 3", b"own") == FAILED  # delete it first, as on the device
    assert talk.answer(f"fde {PAGE}") == DONE
    assert talk.answer(f"file_open {PAGE}") == FAILED
    assert talk.answer(f"fde {PAGE}") == FAILED
    assert talk.answer(f"fcr {PAGE} 3", b"own") == DONE
    assert content(talk, PAGE) == b"own"
    assert talk.answer(f"fde {PAGE}") == DONE
    assert talk.answer(f"file_open {PAGE}") == FAILED


def test_what_is_deleted_stays_so_after_a_reboot(talk: Talk) -> None:
    talk.ask(f"fde {PAGE}")
    talk.ask("reboot")
    assert PAGE not in talk.answer("ls")[1]


def test_a_factory_reset_brings_them_back(talk: Talk, storage: Storage) -> None:
    talk.ask(f"fde {PAGE}")
    talk.answer(f"fcr {PAGE} 3", b"own")
    talk.ask("fde webapp/app.js.gz")
    talk.answer("fcr own.txt 3", b"own")
    talk.ask(f"factory_reset {talk.device.mac}")
    assert content(talk, PAGE) != b"own"
    assert talk.kernel.files.find("webapp/app.js.gz") is not None
    assert content(talk, "own.txt") == b"own"
    assert REMOVED not in talk.kernel.storage.facts()


def test_the_recovery_page_brings_them_back(talk: Talk) -> None:
    talk.ask("set wlan.ssid kept")
    talk.ask(f"fde {PAGE}")
    assert talk.answer("webapp_restore") == DONE
    assert talk.kernel.files.find(PAGE) is not None
    assert talk.answer("get wlan.ssid") == (0, "kept")


def test_formatting_takes_them_too(talk: Talk) -> None:
    assert talk.answer(f"format extended {talk.device.mac}") == DONE
    assert talk.kernel.files.list() == []
    assert talk.answer("webapp_restore") == DONE
    assert talk.kernel.files.find(PAGE) is not None


def test_no_page_says_what_a_policy_would_stop() -> None:
    """No script and no style in the markup, no markup from the device, nothing from elsewhere."""
    for page in PAGES.iterdir():
        text = page.read_text("utf-8")
        assert "innerHTML" not in text, page.name
        assert "insertAdjacentHTML" not in text, page.name
        if page.suffix == ".html":
            assert "<script>" not in text, page.name
            assert "style=" not in text, page.name
            assert "https://" not in text, page.name
