"""The Kubernetes example and the systemd units: what they run exists, drains, and is told no more than it needs."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from compose_file import ROOT
from ruamel.yaml import YAML

from rushes.command import cli
from rushes.session import DRAIN_SECONDS
from workers.settings import load_settings

KUBERNETES = ROOT / "deploy/kubernetes/rushes.yaml"
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], dict[str, Any]]:
    parsed = YAML(typ="safe").load_all(KUBERNETES.read_text())
    return {(each["kind"], each["metadata"]["name"]): each for each in parsed}


def pods(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: each["spec"]["template"]["spec"] for (kind, name), each in objects.items() if kind == "Deployment"}


def parses(argv: list[str]) -> None:
    command = cli.commands[argv[0]]
    command.make_context(argv[0], list(argv[1:]), resilient_parsing=False)


def test_what_the_pods_run_are_commands(objects) -> None:
    assert set(pods(objects)) == {"rushes-worker", "rushes-flower", "rushes-webhooks"}
    for pod in pods(objects).values():
        [container] = pod["containers"]
        parses(container["args"])


def test_a_worker_has_the_time_to_finish_what_is_in_hand(objects) -> None:
    assert pods(objects)["rushes-worker"]["terminationGracePeriodSeconds"] >= DRAIN_SECONDS


def test_what_is_set_are_settings(objects, tmp_path: Path) -> None:
    values = objects["ConfigMap", "rushes"]["data"]
    settings = load_settings({**values, "RUSHES_WEBHOOKS_SECRET": "0" * 64}, tmp_path)
    assert settings.log_format == "json" and settings.webhooks_url is not None
    [worker] = pods(objects)["rushes-worker"]["containers"]
    assert settings.metrics_port == worker["ports"][0]["containerPort"]
    assert settings.provider("fal").seats == 2


def test_flower_is_told_no_key_and_nobody_is_root(objects) -> None:
    [flower] = pods(objects)["rushes-flower"]["containers"]
    assert "envFrom" not in flower
    assert {each["name"] for each in flower["env"]} == {"RUSHES_REDIS_URL", "RUSHES_FLOWER_AUTH"}
    [webhooks] = pods(objects)["rushes-webhooks"]["containers"]
    assert "envFrom" not in webhooks
    secrets = {each["name"] for each in webhooks["env"] if "valueFrom" in each}
    assert secrets == {"RUSHES_REDIS_URL", "RUSHES_WEBHOOKS_SECRET"}
    for pod in pods(objects).values():
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert not container["image"].endswith(":latest") and ":" in container["image"]
        mounted = {each["name"] for each in container["volumeMounts"]}
        assert mounted == {each["name"] for each in pod["volumes"]}


def test_labels_select_the_pods_that_are_meant(objects) -> None:
    for (kind, _), each in objects.items():
        if kind == "Deployment":
            assert each["spec"]["selector"]["matchLabels"] == each["spec"]["template"]["metadata"]["labels"]
    for name in ("rushes-flower", "rushes-webhooks"):
        selected = objects["Service", name]["spec"]["selector"]
        assert selected == objects["Deployment", name]["spec"]["template"]["metadata"]["labels"]
        [container] = pods(objects)[name]["containers"]
        [port] = objects["Service", name]["spec"]["ports"]
        assert port["targetPort"] in {each["name"] for each in container["ports"]}
        assert str(container["ports"][0]["containerPort"]) in container["args"]
    [rule] = objects["Ingress", "rushes-webhooks"]["spec"]["rules"]
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "rushes-webhooks", "port": {"name": "http"}}
    assert objects["ConfigMap", "rushes"]["data"]["RUSHES_WEBHOOKS_URL"] == f"https://{rule['host']}"


def test_what_flower_has_seen_outlives_its_pod(objects) -> None:
    pod = pods(objects)["rushes-flower"]
    [container] = pod["containers"]
    [claimed] = [each for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert ("PersistentVolumeClaim", claimed["persistentVolumeClaim"]["claimName"]) in objects
    [mounted] = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == claimed["name"]]
    assert container["args"][container["args"].index("--data") + 1].startswith(f"{mounted}/")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_of_ours(path: Path) -> None:
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    program, *argv = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "rushes"
    parses(argv)
    assert unit["Service"]["User"] == "rushes" and unit["Service"]["NoNewPrivileges"] == "true"


def test_the_workers_unit_tells_the_worker_alone_and_waits() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string((ROOT / "deploy/systemd/rushes-worker.service").read_text())
    assert unit["Service"]["KillMode"] == "mixed"
    minutes = int(unit["Service"]["TimeoutStopSec"].removesuffix("min"))
    assert minutes * 60 >= DRAIN_SECONDS


def test_a_command_that_there_is_not_would_be_found() -> None:
    with pytest.raises(KeyError):
        parses(["workers"])
    with pytest.raises(click.UsageError):
        parses(["worker", "--nothing"])
