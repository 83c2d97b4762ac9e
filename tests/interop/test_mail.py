"""Exim takes a device's mail: plain, behind STARTTLS, and over TLS, with a login by challenge."""

import email
import email.policy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme
from tests.interop.namespaces import SERVER, Console, Process, Wire, closing, device, dnsmasq
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")

USER, UID = "Debian-exim", 40001
# The server wants a user of its own: it gets one in a mount namespace, and the machine none.
START = """
mount --bind passwd /etc/passwd
mount --bind group /etc/group
exec "$@"
"""
CONFIG = """
primary_hostname = post.test
exim_path = @FOLDER@/exim
deliver_drop_privilege
keep_environment =
spool_directory = @FOLDER@/spool
log_file_path = @FOLDER@/logs/%s
local_interfaces = @SERVER@
daemon_smtp_ports = 2525 : 587 : 465
tls_on_connect_ports = 465
tls_advertise_hosts = ${if ={$received_port}{587}{*}}
tls_certificate = @FOLDER@/cert.pem
tls_privatekey = @FOLDER@/key.pem
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
rcpt:
  deny    message   = a login behind TLS is wanted here
          condition = ${if !={$received_port}{2525}}
          !encrypted = *
  deny    message   = a login is wanted here
          condition = ${if !={$received_port}{2525}}
          !authenticated = *
  accept  domains   = example.net
  deny    message   = no such domain

begin routers
keep:
  driver = accept
  transport = keep

begin transports
keep:
  driver = appendfile
  directory = @FOLDER@/mails
  maildir_format
  user = @USER@

begin authenticators
challenge:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{thing}{s3cret}fail}
  server_set_id = $auth1
"""


class Server:
    """A running server."""

    def __init__(self, folder: Path, authority: trustme.CA, process: Process) -> None:
        self._folder, self.process = folder / "mails" / "new", process
        self.ca = authority.cert_pem.bytes()

    def mail(self) -> EmailMessage:
        """Wait until a mail is delivered; return it, and forget it."""
        self.process.expect(r"=> you <you@example\.net> R=keep T=keep")
        (path,) = self._folder.iterdir()
        parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        path.unlink()
        assert isinstance(parsed, EmailMessage)
        return parsed


@contextmanager
def exim(wire: Wire, peer: Peer, folder: Path) -> Iterator[Server]:
    """Run Exim at the other end of the wire."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    for name in ("mails", "logs", "spool"):
        (folder / name).mkdir()
        os.chown(folder / name, UID, UID)
    authority = trustme.CA()
    certificate = authority.issue_cert("post.test")
    (folder / "cert.pem").write_bytes(certificate.cert_chain_pems[0].bytes())
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    os.chown(folder / "key.pem", UID, UID)
    config = CONFIG
    for word, value in (
        ("FOLDER", folder), ("SERVER", SERVER), ("USER", USER),
    ):  # fmt: skip
        config = config.replace(f"@{word}@", str(value))
    (folder / "exim.conf").write_text(config, "utf-8")
    # It starts itself anew for each delivery, in an environment that it has cleaned.
    program = folder / "exim"
    program.write_text(f'#!/bin/sh\nexec {" ".join(peer.command)} "$@"\n', "utf-8")
    program.chmod(0o755)
    for name, row in (("passwd", f"{USER}:x:{UID}:{UID}::/:/bin/false\n"),
                      ("group", f"{USER}:x:{UID}:\n")):  # fmt: skip
        (folder / name).write_text(Path("/etc", name).read_text("utf-8") + row, "utf-8")
    command = ("unshare", "-m", "sh", "-c", f"cd {folder}\n{START}", "sh", str(program))
    process = Process(wire.peer, *command, "-bdf", "-v", "-C", str(folder / "exim.conf"))
    with closing(process):
        process.expect("daemon started")
        yield Server(folder, authority, process)


@contextmanager
def ready(
    wire: Wire, peer: Callable[[str], Peer], folder: Path
) -> Iterator[tuple[Server, Console]]:
    """Start server and device."""
    with (
        dnsmasq(wire, peer("dnsmasq"), f"--address=/post.test/{SERVER}"),
        exim(wire, peer("exim4"), folder) as server,
        device(wire) as (_, console),
    ):
        for name, value in (
            ("system.print_level", "all"),
            ("email.smtp.host", "post.test"),
            ("email.name_address", '"Boiler <thing@example.com>"'),
        ):
            console.do(f"set {name} {value}")
        yield server, console


def test_mail_is_delivered(wire: Wire, peer: Callable[[str], Peer], tmp_path: Path) -> None:
    text = "Überdruck: 3 bar\r\n.\r\nQUIT\r\n".encode()
    with ready(wire, peer, tmp_path) as (server, console):
        console.do("set email.smtp.port 2525")
        line = f'smtp_send you@example.net "Überdruck" {len(text)}'
        assert console.do(line, text) == "Success"
        mail = server.mail()
        assert (mail["From"], mail["To"]) == ("Boiler <thing@example.com>", "you@example.net")
        assert mail["Subject"] == "Überdruck"
        assert mail.get_content().splitlines() == text.decode().splitlines()
        assert console.ask("smtp_send you@elsewhere.org Hi 2", b"hi") == (1, "Command failed")
        assert any("SMTP error 550" in line for line in console.logs)

        # As most servers want it: a login behind TLS.
        console.do("set network.tls.ca_cert ca.pem")
        console.do(f"file_create ca.pem {len(server.ca)}", server.ca)
        for port in (587, 465):
            console.do(f"set email.smtp.port {port}")
            console.do("set email.smtp.username thing")
            console.do("set email.smtp.password wrong")
            assert console.ask("smtp_send you@example.net Hi 2", b"hi") == (1, "Command failed")
            assert any("SMTP error 535" in line for line in console.logs)
            console.logs.clear()
            console.do("set email.smtp.password s3cret")
            assert console.do("smtp_send you@example.net Hi 2", b"hi") == "Success"
            assert server.mail().get_content().strip() == "hi"
