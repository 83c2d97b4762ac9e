"""The manifest, by the schemas of Kubernetes."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

MANIFEST = Path(__file__).parents[2] / "deploy" / "kubernetes" / "fleet.yaml"
VERSION = "1.31"
"""`pod-index` labels are on by default since 1.28."""


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFEST.read_text("utf-8")))


def test_it_fits_the_schemas() -> None:
    for document in documents():
        kubernetes_validate.validate(document, VERSION, strict=True)


def test_the_validator_would_tell() -> None:
    stateful_set = documents()[1]
    stateful_set["spec"]["replicas"] = "four"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(stateful_set, VERSION, strict=True)


def test_there_are_as_many_shards_as_replicas_and_all_start_at_once() -> None:
    spec = documents()[1]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["SHARDS"] == str(spec["replicas"])
    assert spec["podManagementPolicy"] == "Parallel"
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] in {one["name"] for one in container["volumeMounts"]}
