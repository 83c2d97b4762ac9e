"""A certificate and a key for each device, and TLS with them."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.fleet.conftest import Load
from tests.fleet.test_run import fleet, total

from tokay.fleet import report
from tokay.fleet.certificates import Certificates

GROUP = '[[group]]\nname = "a"\ncount = 2\n'
STAGE = '[[stage]]\ndo = "ramp"\n'
TLS = """
seed = 3
[[group]]
name = "pumps"
count = 4
settings = { "broadcast.interval" = 0 }
files = { "ca.pem" = "{ca}", "device.pem" = "{certificate}", "key.pem" = "{key}" }
[[group.command]]
name = "report"
on = "network_up"
run = [
  "http_get https://{https_host}:{https_port}/ ca.pem device.pem key.pem",
  "http_read_status {handle}",
]
expect = "200"
[[stage]]
do = "ramp"
duration = 5
"""


def test_the_same_seed_gives_the_same_keys(scenario: Load, tmp_path: Path) -> None:
    made = [
        Certificates(scenario(GROUP + STAGE, seed=1), tmp_path).issue(7, "AB") for _ in range(2)
    ]
    assert made[0] == made[1]
    other = Certificates(scenario(GROUP + STAGE, seed=2), tmp_path).issue(7, "AB")
    assert other["key"] != made[0]["key"]
    assert (
        Certificates(scenario(GROUP + STAGE, seed=1), tmp_path).issue(8, "AC")["key"]
        != other["key"]
    )


def test_the_ca_has_signed_them(scenario: Load, tmp_path: Path) -> None:
    certificates = Certificates(scenario(GROUP + STAGE), tmp_path)
    made = certificates.issue(0, "0123456789ABCDEF")
    certificate = x509.load_pem_x509_certificate(made["certificate"].encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(made["ca"].encode()))
    key = load_pem_private_key(made["key"].encode(), None)
    assert key.public_key() == certificate.public_key()
    assert certificate.subject.rfc4514_string() == "CN=0123456789ABCDEF"


def test_a_ca_may_be_given(scenario: Load, tmp_path: Path) -> None:
    ours = Certificates(scenario(GROUP + STAGE, seed=9), tmp_path)
    authority = ours.issue(0, "CA")  # any certificate and its key will do
    (tmp_path / "ca.pem").write_text(authority["certificate"], "ascii")
    (tmp_path / "ca.key").write_text(authority["key"], "ascii")
    given = '[ca]\ncertificate = "ca.pem"\nkey = "ca.key"\n'
    made = Certificates(scenario(GROUP + STAGE + given), tmp_path).issue(1, "X")
    assert made["ca"] == authority["certificate"]


def test_devices_speak_tls_with_theirs(tmp_path: Path) -> None:
    path = tmp_path / "tls.toml"
    path.write_text(TLS, "utf-8")
    out = tmp_path / "out"
    assert fleet("run", str(path), "--out", str(out), "--shards", "1")[0] == 0
    made, _ = report.read(out)
    assert total(made, "report").count == total(made, "tls").count == 4
    assert total(made, "report").errors == 0
