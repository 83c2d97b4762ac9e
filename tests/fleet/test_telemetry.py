"""OpenTelemetry, asked for by its environment variables."""

import http.server
import threading
from pathlib import Path

import pytest
from tests.fleet.test_faults import scenario
from tests.fleet.test_run import fleet


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted."""

    posted: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posted.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_run_exports_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Collector.posted = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
        path = scenario(tmp_path, "", 1)
        status, _, err = fleet("run", path, "--out", str(tmp_path / "out"), "--shards", "1")
        server.shutdown()
        thread.join()
    assert (status, err) == (0, "")
    assert {path for path, _ in Collector.posted} == {"/v1/metrics"}
    last = Collector.posted[-1][1]
    for word in (b"tokay.fleet.devices", b"joined", b"tokay.fleet.duration", b"pumps", b"join"):
        assert word in last
