"""Web servers of others at the far end of a wire: nginx, lighttpd, aiohttp."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from tests.interop.namespaces import SERVER, Process, Wire, closing
from tests.interop.peers import Peer

HOWDY = '{\r\n  "response": "howdy!"\r\n}'
LARGE = 20_000_000

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr notice; user root;
events {{ worker_connections 64; }}
http {{
  access_log off; default_type text/plain; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen {address}:80;
    listen {address}:443 ssl;
    listen {address}:8443 ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    ssl_client_certificate {folder}/ca.pem; ssl_verify_client optional;
    root {folder}/www;
    location / {{ }}
    # A page that goes through SSI has no length: it is sent in chunks.
    location /hello {{ ssi on; ssi_types *; error_page 405 =200 $uri; }}
    location /slow {{ limit_rate 2000; limit_rate_after 1; }}
    location /moved {{ return 302 /hello; }}
    location /empty {{ return 204; }}
    location /who {{ return 200 "$ssl_client_s_dn|$ssl_protocol"; }}
    location /headers {{ return 200 "$http_x_one|$http_user_agent|$http_host|$http_connection"; }}
  }}
}}
"""

LIGHTTPD = """
server.document-root = "{folder}/www"
server.bind = "{address}"
server.port = 80
index-file.names = ( "index.html" )
server.errorlog = "/dev/stderr"
server.upload-dirs = ( "{folder}" )
mimetype.assign = ( "" => "text/plain" )
"""

UPLOADS = """
import asyncio, hashlib, sys
from aiohttp import web

async def upload(request):
    form = await request.multipart()
    part = await form.next()
    digest, size = hashlib.sha256(), 0
    while piece := await part.read_chunk():
        digest.update(piece)
        size += len(piece)
    print("upload", part.name, part.filename, size, digest.hexdigest(), flush=True)
    return web.Response(status=201)

async def echo(request):
    answer = web.StreamResponse(headers={"Content-Type": request.content_type})
    await answer.prepare(request)
    async for piece in request.content.iter_any():
        await answer.write(piece)
    return answer

async def about(request):
    return web.json_response({"length": request.content_length, "body": await request.text()})

async def endless(request):
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        while True:
            await answer.write(bytes(65536))
    finally:
        print("gone", flush=True)

async def main():
    app = web.Application(client_max_size=1 << 30)
    app.add_routes([web.post("/upload", upload), web.post("/echo", echo),
                    web.post("/about", about), web.get("/endless", endless)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, sys.argv[1], 8080).start()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Site:
    """What is served, and the certificates for it, in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        server = self.ca.issue_cert(name)
        client = self.ca.issue_cert("device.example")
        self.client_cert = b"".join(blob.bytes() for blob in client.cert_chain_pems)
        self.client_key = client.private_key_pem.bytes()
        chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
        self.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        (folder / "server.pem").write_bytes(chain)
        (folder / "server.key").write_bytes(server.private_key_pem.bytes())
        www = folder / "www"
        www.mkdir()
        (www / "index.html").write_text("It works\n")
        (www / "hello").write_bytes(HOWDY.encode())
        (www / "slow").write_bytes(bytes(5000))
        (www / "zero").write_bytes(b"")
        (www / "file").write_bytes(bytes(range(256)) * 256)
        with (www / "large").open("wb") as large:
            large.truncate(LARGE)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text.format(folder=self.folder, address=SERVER))
        return str(path)


@contextmanager
def nginx(wire: Wire, peer: Peer, site: Site) -> Iterator[Process]:
    """Start nginx at ports 80 and 443."""
    conf = site.write("nginx.conf", NGINX)
    command = [*peer.command, "-p", str(site.folder), "-c", conf, "-e", "stderr"]
    with closing(Process(wire.peer, *command)) as server:
        server.expect("start worker|using the|built by|OS: Linux")
        yield server


@contextmanager
def lighttpd(wire: Wire, peer: Peer, site: Site) -> Iterator[Process]:
    """Start lighttpd at port 80."""
    conf = site.write("lighttpd.conf", LIGHTTPD)
    modules = [path for path in peer.libraries if path.endswith("/lighttpd")]
    where = ["-m", modules[0]] if modules else []
    with closing(Process(wire.peer, *peer.command, "-D", "-f", conf, *where)) as server:
        server.expect("server started")
        yield server


@contextmanager
def aiohttp(wire: Wire) -> Iterator[Process]:
    """Start a server of aiohttp at port 8080: it takes uploads and echoes."""
    with closing(Process(wire.peer, sys.executable, "-c", UPLOADS, SERVER)) as server:
        server.expect("ready")
        yield server
