"""The report: its schema, its tables, its page."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from tests.fleet.test_run import fleet

from tokay.fleet import report
from tokay.fleet.errors import FleetError
from tokay.fleet.report.document import schema


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "out"
    words = ("run", "power-cut", "--turned", "--devices", "40", "--out", str(out))
    assert fleet(*words)[0] == 0
    return out


def test_the_schema_beside_it_is_that_of_the_code(folder: Path) -> None:
    kept = json.loads((files("tokay.fleet.report") / "report.schema.json").read_text("utf-8"))
    assert kept == schema()
    jsonschema.validate(json.loads((folder / "report.json").read_text("utf-8")), kept)


def test_the_tables_have_a_line_each(folder: Path) -> None:
    made, _ = report.read(folder)
    rows = list(csv.DictReader(io.StringIO((folder / "metrics.csv").read_text("utf-8"))))
    assert len(rows) == len(made.metrics)
    joins = [
        row for row in rows if (row["group"], row["stage"], row["metric"]) == ("*", "*", "join")
    ]
    assert joins[0]["count"] == "80"
    times = list(csv.DictReader(io.StringIO((folder / "timeline.csv").read_text("utf-8"))))
    assert len(times) == len(made.timeline)
    assert max(int(row["power_cuts.count"]) for row in times) == 40


def test_junit_has_a_case_a_threshold(folder: Path) -> None:
    made, _ = report.read(folder)
    suite = ET.parse(folder / "junit.xml").getroot()
    assert [case.get("name") for case in suite.iter("testcase")] == [
        threshold.text for threshold in made.thresholds
    ]


def test_the_page_needs_nothing_else_and_tells_the_story(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert "http://" not in page.replace("http://{http_host}", "").replace("http://www.w3.org", "")
    assert page.count("<svg") == page.count("</svg>") >= 5
    for word in ("Devices by state", "Latency, 99th percentile", "evening", "power-cut", "night"):
        assert word in page


def test_no_secret_is_in_a_report(folder: Path) -> None:
    for name in ("report.json", "report.html"):
        assert "town-lights" not in (folder / name).read_text("utf-8")


def test_what_is_no_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="no report: No such file"):
        report.read(tmp_path)
    (tmp_path / "report.json").write_text("{}", "utf-8")
    with pytest.raises(FleetError, match="not a report"):
        report.read(tmp_path)
