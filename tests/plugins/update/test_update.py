"""ota and dfu_*: what is taken, what is refused, and that nothing is ever half there."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.peers import ask, get
from tests.plugins.update.source import HOST, Source, described, update_source

from tokay.board.air.airspace import Airspace
from tokay.board.storage import DeviceStore, Storage
from tokay.device import Device
from tokay.plugins.update import bundle

Settings = dict[str, str]
FILES = {"webapp/index.html": b"<h1>new</h1>", "a b.bin": bytes(range(256)) * 40}


@pytest.fixture
def lab(lab: Settings, air: Airspace) -> Settings:
    air.ap("lab").hosts[HOST] = "127.0.0.1"
    return lab | {"ota.host": HOST, "network.tls.ca_cert": "ca.pem"}


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    async with update_source() as source:
        yield source


@pytest.fixture
async def device(air: Airspace, lab: Settings, source: Source) -> AsyncIterator[Device]:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await source.trusted_by(device)
        yield device


def contents(device: Device) -> dict[str, bytes]:
    storage = device.kernel.storage
    return {file.name: storage.read(file.name, 0, file.size) for file in storage.files()}


def updated(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("Update")]


# What is taken.


async def test_an_update(device: Device, source: Source) -> None:
    old = b"<h1>old</h1> and longer"
    await ask(device, f"file_create webapp/index.html {len(old)}", old)
    await ask(device, "file_create webapp/old.html 3", b"old")
    index, other = FILES.items()
    source.put(
        {},
        files=[
            described(*index, type=254, unprotected=True, version="2.1"),
            described(*other, essential=True),
        ],
        remove=["webapp/old.html", "webapp/never.html"],
    )
    source.pages["/WGM160P/webapp/index.html"] = FILES["webapp/index.html"]
    source.pages["/WGM160P/a%20b.bin"] = FILES["a b.bin"]
    kernel = device.kernel
    said = await ask(device, "ota")
    assert updated(said) == [
        "Update: bundle 1.4.0, 2 files",
        "Update: 2 files fetched, bundle 1.4.0 is there",
    ]
    assert said[-1] == "Success"
    await device.steady()
    assert device.kernel is not kernel
    kept = {"ca.pem": source.authority.cert_pem.bytes(), "ota_key.pem": source.public_key}
    assert contents(device) == FILES | kept
    first = device.kernel.files.stat("webapp/index.html")
    assert (first.type, first.flags, first.version) == (254, 0x81, "2.1.0.0")
    second = device.kernel.files.stat("a b.bin")
    assert (second.type, second.flags, second.version) == (0x44, 0x41, "1.0.0.0")
    assert await get(device, "dms.bundle_id") == ["kitchen"]


async def test_only_what_is_newer_is_fetched(device: Device, source: Source) -> None:
    source.put({"a": b"1", "b": b"2"})
    assert (await ask(device, "ota"))[-1] == "Success"
    await device.steady()
    kernel = device.kernel
    said = await ask(device, "ota")
    assert updated(said) == ["Update: bundle 1.4.0 is not newer"]
    assert said[-1] == "Success"
    source.put({"a": b"1", "b": b"3"}, version="1.3.9")
    said = await ask(device, "ota")
    assert updated(said) == ["Update: bundle 1.3.9 is not newer"]
    assert device.kernel is kernel
    source.asked.clear()
    await ask(device, "ota -f")
    assert source.asked == ["/WGM160P/manifest.signed", "/WGM160P/b"]
    await device.steady()
    assert contents(device)["b"] == b"3"


async def test_a_bundle_by_name(device: Device, source: Source) -> None:
    source.put({"a": b"1"}, folder="kitchen-7")
    assert (await ask(device, "ota -b kitchen-7"))[-1] == "Success"
    await device.steady()
    assert contents(device)["a"] == b"1"
    for name in ("../x", "a/b", ".", "a b", "x" * 65):
        assert (await ask(device, f'ota -b "{name}"'))[-1] == "Invalid argument"


async def test_a_factory_reset_keeps_the_files_and_knows_whose_they_are(
    device: Device, source: Source
) -> None:
    source.put({"a": b"1"})
    await ask(device, "ota")
    await device.steady()
    await ask(device, f"factory_reset {device.mac}")
    await device.steady()
    assert contents(device)["a"] == b"1"
    assert await get(device, "dms.bundle_id", "ota.host") == ["kitchen", ""]


# What is refused.

NOT_VALID = "the manifest is not valid: "
BAD: list[tuple[dict[str, Any], str]] = [
    ({"product": "AMW007"}, "the bundle is for 'AMW007', not WGM160P"),
    ({"files": []}, "the bundle changes nothing"),
    ({"remove": ["a"]}, "the manifest names a file twice"),
    ({"remove": ["sys/kernel.bin"]}, f"{NOT_VALID}sys/ is the firmware's"),
    ({"version": "1.x"}, f"{NOT_VALID}1.x is no version"),
    ({"id": "a b"}, "the bundle's id is not 0-64 printable characters"),
    (
        {"files": [described("x" * 65, b"1")]},
        f"{NOT_VALID}a file name has 1-64 printable characters",
    ),
    ({"files": [described("a", b"1", sha256="00")]}, f"{NOT_VALID}'a'"),
    ({"files": [described("a", b"")]}, f"{NOT_VALID}'a'"),
    ({"files": [described("a", b"1", type=256)]}, f"{NOT_VALID}'a'"),
    ({"files": [described("a", b"1", size=9 << 20)]}, "no room for the bundle"),
    ({"files": "a"}, f"{NOT_VALID}Expected `array`, got `str` - at `$.files`"),
    ({"more": 1}, f"{NOT_VALID}Object contains unknown field `more`"),
    ({"files": [described("a", b"2")]}, "a: the content is not the one that was signed"),
    ({"files": [described("a", b"12")]}, "a: 1 of 2 bytes came"),
    ({"files": [described("b", b"1")]}, "b: the server answers 404"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD, ids=[reason[:60] for _, reason in BAD])
async def test_a_bundle_that_is_refused_changes_nothing(
    device: Device, source: Source, changes: dict[str, Any], reason: str
) -> None:
    before = contents(device)
    kernel = device.kernel
    source.put({"a": b"1"}, **changes)
    said = await ask(device, "ota -f")
    assert updated(said)[-1] == f"Update failed: {reason}"
    assert said[-1] == "Command failed"
    assert contents(device) == before
    assert await get(device, "dms.bundle_id") == [""]
    assert device.kernel is kernel


async def test_a_bundle_of_too_many_files(air: Airspace, lab: Settings, source: Source) -> None:
    async with Device.simulated(profile="gecko-os-2", airspace=air, settings=lab) as device:
        await source.trusted_by(device)
        source.put({f"a{n}": b"1" for n in range(31)}, product="AMW007", folder="AMW007")
        assert updated(await ask(device, "ota")) == [
            "Update failed: the bundle makes more than 32 files"
        ]


async def test_a_file_that_is_longer_than_was_signed(device: Device, source: Source) -> None:
    source.put({"a": b"1"})
    source.pages["/WGM160P/a"] = b"1" * 1_000_000
    said = await ask(device, "ota")
    assert updated(said)[-1].startswith("Update failed: ")
    assert said[-1] == "Command failed"
    assert "a" not in contents(device)


async def test_signatures(device: Device, source: Source) -> None:
    manifest = json.dumps(source.put({"a": b"1"})).encode()
    where = "/WGM160P/manifest.signed"
    stranger = Ed25519PrivateKey.generate()
    for signed in (
        stranger.sign(manifest) + manifest,
        source.key.sign(manifest) + manifest + b" ",
        source.key.sign(manifest)[:-1] + manifest,
        bytes(64) + manifest,
        manifest,
        b"x",
        b"",
    ):
        source.pages[where] = signed
        assert updated(await ask(device, "ota")) == [
            "Update failed: the signature is not that of the key"
        ]
    source.pages[where] = source.signed(b"{")
    assert updated(await ask(device, "ota"))[0].startswith("Update failed: the manifest is not")
    source.pages[where] = source.signed(b'{"a": "' + b"\xff" * 9)
    assert updated(await ask(device, "ota"))[0].startswith("Update failed: the manifest is not")
    source.pages[where] = source.signed(b" " * (65 << 10))
    assert updated(await ask(device, "ota"))[0].startswith("Update failed: ")
    assert "a" not in contents(device)


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"\xff" * 100])
async def test_a_key_that_is_none(device: Device, source: Source, pem: bytes) -> None:
    source.put({"a": b"1"})
    await ask(device, "file_delete ota_key.pem")
    assert updated(await ask(device, "ota")) == [
        "Update failed: there is no ota_key.pem to check the signature with"
    ]
    if pem:
        await ask(device, f"file_create ota_key.pem {len(pem)}", pem)
        assert updated(await ask(device, "ota")) == [
            "Update failed: ota_key.pem is no Ed25519 public key"
        ]


async def test_a_server_that_is_another(device: Device, source: Source) -> None:
    source.put({"a": b"1"})
    await ask(device, "set ota.host 127.0.0.1")
    said = await ask(device, "ota")
    assert said[-1] == "Command failed"
    assert any(line.startswith("Error with TLS handshake: ") for line in said)
    assert source.asked == []


async def test_without_a_source(air: Airspace, lab: Settings) -> None:
    del lab["ota.host"]
    async with Device.simulated(airspace=air, settings=lab) as device:
        failed = ["Update failed: ota.host is not set", "Command failed"]
        assert await ask(device, "ota") == failed
        assert await ask(device, "dfu_update") == failed
        assert await ask(device, "dfu_query") == ["0,ota.host is not set"]


@pytest.mark.parametrize(
    "line", ["ota -a 1234 secret", "dms_activate 1234", "dms_activate 1234 update", "dms_claim abc"]
)
async def test_there_is_no_cloud(line: str) -> None:
    async with Device.simulated() as device:
        assert await ask(device, line) == [
            "The vendor's cloud is gone: set ota.host to a source of your own",
            "Command failed",
        ]


# With a host in between.


async def test_looking_first(device: Device, source: Source) -> None:
    assert (await ask(device, "dfu_query"))[-1] == "0,manifest.signed: the server answers 404"
    source.put({"a": b"1"})
    assert (await ask(device, "dfu_query"))[-1] == "1,1.4.0"
    assert (await ask(device, "dfu_update -b 2.0.0"))[-1] == "Command failed"
    assert (await ask(device, "dfu_update -b 1.4.0"))[-1] == "Success"
    await device.steady()
    assert contents(device)["a"] == b"1"
    assert (await ask(device, "dfu_query"))[-1] == "2"
    source.put({"a": b"1"}, product="AMW007")
    said = await ask(device, "dfu_query")
    assert said[-1] == "0,the bundle is for 'AMW007', not WGM160P"


async def test_a_host_that_carries_the_manifest(device: Device, source: Source) -> None:
    source.put({"a": b"1"})
    assert json.loads((await ask(device, "dfu_request"))[-1]) == {
        "product": "WGM160P", "version": "0", "id": "",
    }  # fmt: skip
    signed = source.pages.pop("/WGM160P/manifest.signed")
    forged = signed[:-1] + b" "
    assert (await ask(device, f"dfu_response {len(forged)}", forged)) == [
        "0,the signature is not that of the key"
    ]
    assert (await ask(device, "dfu_update"))[-1] == "Command failed"
    assert (await ask(device, f"dfu_response {len(signed)}", signed)) == ["1,1.4.0"]
    assert (await ask(device, "dfu_update"))[-1] == "Success"
    await device.steady()
    assert json.loads((await ask(device, "dfu_request"))[-1]) == {
        "product": "WGM160P", "version": "1.4.0.0", "id": "kitchen",
    }  # fmt: skip
    assert (await ask(device, f"dfu_response {len(signed)}", signed)) == ["2"]
    assert (await ask(device, "dfu_response 65537", b""))[-1] == "Invalid argument"


# Old or new.


async def test_a_disk_that_fills_up_leaves_the_old_files(
    device: Device, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(device, "file_create a 3", b"old")
    before = contents(device)
    source.put({"a": b"1", "b": b"2", "c": b"3"}, remove=["kept.txt"])
    real = DeviceStore.replace

    def replace(self: DeviceStore, name: str, *args: Any, **more: Any) -> Any:
        if name == "c":
            raise OSError("no space left on the storage")
        return real(self, name, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(DeviceStore, "replace", replace)
        said = await ask(device, "ota")
    assert updated(said)[-1] == "Update failed: no space left on the storage"
    assert said[-1] == "Command failed"
    assert contents(device) == before
    assert (await ask(device, "ota"))[-1] == "Success"
    await device.steady()
    assert contents(device)["a"] == b"1"


async def test_a_file_that_changes_meanwhile(device: Device, source: Source) -> None:
    """What is there already is not fetched; it must still be there when all is changed."""
    await ask(device, "file_create a 3", b"new")
    before = contents(device)
    source.put({"a": b"new", "b": b"1"})
    real = bundle.check_content

    def meddle(file: bundle.BundleFile, content: bytes) -> None:
        real(file, content)
        device.kernel.storage.delete("a")
        device.kernel.storage.create(
            "a", b"odd", type=1, flags=1, version="1.0.0.0", location="extended"
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "check_content", meddle)
        said = await ask(device, "ota")
    assert updated(said)[-1] == "Update failed: a: the content is not the one that was signed"
    assert contents(device) == before | {"a": b"odd"}


async def test_what_is_there_survives_a_power_cut(
    air: Airspace, lab: Settings, source: Source, tmp_path: Path
) -> None:
    source.put({"a": b"1"})
    with Storage(tmp_path) as storage:
        async with Device.simulated(airspace=air, settings=lab, state=storage) as device:
            await source.trusted_by(device)
            await ask(device, "ota")
            await device.steady()
    with Storage(tmp_path) as storage:
        async with Device.simulated(airspace=air, state=storage) as device:
            assert contents(device)["a"] == b"1"
            assert await get(device, "dms.bundle_id") == ["kitchen"]
