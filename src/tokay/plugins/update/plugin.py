"""The commands that look for an update and bring it.

    ota          fetch the manifest, and the files if it is newer; change them; reboot
    dfu_query    only fetch the manifest
    dfu_request, dfu_response    the same with a host that carries it
    dfu_update   bring what was offered by one of these

The vendor's cloud is gone. What only it could do fails, and the log says so.
"""

import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote

import msgspec

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result, bad_args, failed
from tokay.plugins.http_client import HttpClient
from tokay.plugins.network import Network
from tokay.plugins.update import bundle
from tokay.plugins.update.variables import OTA_HOST, OTA_PORT, VARIABLES

if TYPE_CHECKING:
    from tokay.plugins.update.bundle import Manifest

MANIFEST = "manifest.signed"
LIMIT = 900.0
"""Seconds that an update may take."""
OK = 200
NO_CLOUD = "The vendor's cloud is gone: set ota.host to a source of your own"

_BUNDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Offer(NamedTuple):
    """A bundle that could be installed, and the folder that its files lie in."""

    folder: str
    manifest: "Manifest"


class Source:
    """The server of `ota.host`, as far as one command talks to it."""

    def __init__(self, call: Call) -> None:
        self._call, self._kernel = call, call.kernel

    async def offer(self, folder: str) -> Offer:
        """Fetch and check a manifest. Raises BundleError, OSError, CommandError."""
        signed = await self._get(folder, MANIFEST, bundle.LARGEST)
        return Offer(folder, bundle.opened(self._kernel, signed))

    async def install(self, offer: Offer) -> None:
        """Fetch what is not there yet, and change everything at once."""
        manifest = offer.manifest
        self._call.log(f"Update: bundle {manifest.version}, {len(manifest.files)} files")
        contents = {}
        for file in manifest.files:
            if not bundle.holds(self._kernel, file):
                content = await self._get(offer.folder, file.name, file.size)
                bundle.check_content(file, content)
                contents[file.name] = content
        bundle.install(self._kernel, manifest, contents)
        self._call.log(f"Update: {len(contents)} files fetched, bundle {manifest.version} is there")

    async def _get(self, folder: str, name: str, most: int) -> bytes:
        values = self._kernel.variables
        if not values[OTA_HOST]:
            raise bundle.BundleError("ota.host is not set")
        interface = await self._kernel.plugin(Network).need()
        url = f"https://{values[OTA_HOST]}:{values[OTA_PORT]}/{folder}/{quote(name)}"
        fetched = await self._kernel.plugin(HttpClient).fetch(interface, url, most=most)
        if fetched.status != OK:
            raise bundle.BundleError(f"{name}: the server answers {fetched.status}")
        return fetched.body


def _folder(call: Call) -> str:
    name = call.get("bundle") or call.kernel.profile.product
    if not _BUNDLE.fullmatch(name):
        raise bad_args(f"{name} is no bundle")
    return name


async def _told(call: Call, work: Awaitable[Any]) -> Any:
    """Do a part of an update; what goes wrong is logged and fails the command."""
    try:
        return await work
    except (bundle.BundleError, OSError) as error:
        reason = _reason(error)
        call.log(f"Update failed: {reason}")
        raise failed(reason) from error


def _reason(error: Exception) -> str:
    return str(error) or "timed out"


@command("ota", "ota", "[-f] [-b bundle] [-a activation_id] [password]", limit=LIMIT)
async def ota(call: Call) -> None:
    """Update from ota.host if it has a newer bundle, or with -f any, and reboot."""
    if "activation_id" in call:
        call.log(NO_CLOUD)
        raise failed("activation is the cloud's")
    if "password" in call:
        raise CommandError(Result.TOO_MANY_ARGS)
    source = Source(call)
    offer = await _told(call, source.offer(_folder(call)))
    if not bundle.is_newer(call.kernel, offer.manifest) and "-f" not in call:
        call.log(f"Update: bundle {offer.manifest.version} is not newer")
        return
    await _told(call, source.install(offer))
    call.reboot()  # once `Success` is out


@command("dfu_query", "", "[-b bundle]")
async def dfu_query(call: Call) -> str:
    """Ask ota.host for a newer bundle: `1,<version>`, `2` for none, or `0,<error>`."""
    plugin = call.kernel.plugin(Update)
    plugin.offer = None
    try:
        return plugin.offered(await Source(call).offer(_folder(call)))
    except (bundle.BundleError, OSError) as error:
        return f"0,{_reason(error)}"


@command("dfu_request")
def dfu_request(call: Call) -> bytes:
    """Print what a host may bring to a source of updates: which bundle this device has."""
    has = bundle.installed(call.kernel)
    wants = {"product": call.kernel.profile.product, "version": has.version, "id": has.id}
    return msgspec.json.encode(wants)


@command("dfu_response", "", "size", data="size")
async def dfu_response(call: Call) -> str:
    """Take the signed manifest that a host has brought; the response is that of dfu_query."""
    signed = await call.data(call.number("size", 1, bundle.LARGEST))
    plugin = call.kernel.plugin(Update)
    plugin.offer = None
    try:
        return plugin.offered(
            Offer(call.kernel.profile.product, bundle.opened(call.kernel, signed))
        )
    except bundle.BundleError as error:
        return f"0,{error}"


@command("dfu_update", "", "[-b version]", limit=LIMIT)
async def dfu_update(call: Call) -> None:
    """Bring the bundle that was offered, or look for one, and reboot."""
    plugin, source = call.kernel.plugin(Update), Source(call)
    offer = plugin.offer or await _told(call, source.offer(call.kernel.profile.product))
    wanted = call.get("version", offer.manifest.version)
    if wanted != offer.manifest.version:
        call.log(f"Update failed: {offer.manifest.version} is offered, not {wanted}")
        raise failed(f"{wanted} is not offered")
    await _told(call, source.install(offer))
    call.reboot()  # once `Success` is out


@command("dms_activate", "", "code [update]")
def dms_activate(call: Call) -> None:
    """Fail: activation needs the vendor's cloud."""
    call.log(NO_CLOUD)
    raise failed("activation is the cloud's")


@command("dms_claim", "", "token")
def dms_claim(call: Call) -> None:
    """Fail: claiming needs the vendor's cloud."""
    call.log(NO_CLOUD)
    raise failed("claiming is the cloud's")


class Update(Plugin):
    """Updates from a source that the user names."""

    name = "update"
    variables = VARIABLES
    commands: ClassVar = (
        ota, dfu_query, dfu_request, dfu_response, dfu_update, dms_activate, dms_claim,
    )  # fmt: skip
    after = ("network", "http_client", "files")

    __slots__ = ("_kernel", "offer")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin without an offer."""
        self._kernel = kernel
        self.offer: Offer | None = None

    def offered(self, offer: Offer) -> str:
        """Remember an offer that is newer; return what the host is told of it."""
        if not bundle.is_newer(self._kernel, offer.manifest):
            return "2"
        self.offer = offer
        return f"1,{offer.manifest.version}"
