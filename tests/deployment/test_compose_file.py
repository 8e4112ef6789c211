"""The distributed set-up as docker-compose.yml describes it."""

from __future__ import annotations

from typing import Any

import pytest
from compose_file import ROOT, SECRETS, Missing, read

from workers.settings import CONVENTIONS, load_settings

REQUIRED = {"REDIS_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "RUSHES_FLOWER_AUTH"}
SERVICES = {"redis", "s3", "bucket", "worker", "flower", "webhooks", "sandbox"}
ENDING = {"bucket"}
"""Services that do their work and end."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read(SECRETS)


@pytest.fixture(params=sorted(SERVICES))
def service(request: pytest.FixtureRequest, compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"][request.param]


def test_the_services_are_those_of_the_distributed_set_up(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_variable_has_a_default_or_is_required(name: str) -> None:
    without = {other: value for other, value in SECRETS.items() if other != name}
    if name in REQUIRED:
        with pytest.raises(Missing, match=name):
            read(without)
    else:
        read(without)


def test_every_service_that_stays_has_a_health_check(compose: dict[str, Any]) -> None:
    for name in SERVICES - ENDING:
        check = compose["services"][name]["healthcheck"]
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(check), name
        assert check["test"][0] in ("CMD", "CMD-SHELL"), name


def test_what_is_needed_is_waited_for(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in ENDING else "service_healthy"
            assert how["condition"] == expected, f"{name} on {needed}"
            if "profiles" in compose["services"][needed]:
                assert how["required"] is False, f"{name} could not start without {needed}"


def test_a_secret_stands_in_the_environment_alone(service: dict[str, Any]) -> None:
    rest = repr({key: value for key, value in service.items() if key != "environment"})
    for value in SECRETS.values():
        assert value not in rest


def test_no_secret_is_written_out_or_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in SECRETS:
        assert f"${{{name}:-}}" in text or f"${{{name}:?" in text
        assert f"{name}: ${{" in text or f"${{{name}:?" in text


def test_each_service_is_given_no_more_secrets_than_it_needs(compose: dict[str, Any]) -> None:
    known = {
        name: {secret for secret, value in SECRETS.items() if value in repr(service["environment"])}
        for name, service in compose["services"].items()
        if "environment" in service
    }
    bucket = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert known == {
        "redis": {"REDIS_PASSWORD"},
        "s3": bucket,
        "bucket": bucket,
        "worker": {"REDIS_PASSWORD", "FAL_KEY", "RUSHES_WEBHOOKS_SECRET"} | bucket,
        "webhooks": {"REDIS_PASSWORD", "RUSHES_WEBHOOKS_SECRET"},
        "flower": {"REDIS_PASSWORD", "RUSHES_FLOWER_AUTH"},
    }


def test_a_container_has_no_more_rights_than_it_needs(service: dict[str, Any]) -> None:
    assert service["init"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    # Ours run as the image's user, which tests/deployment/test_image.py looks at.
    assert "build" not in service or "user" not in service


def test_ports_are_open_to_this_machine_alone(service: dict[str, Any]) -> None:
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_images_of_others_are_pinned(service: dict[str, Any]) -> None:
    if "build" not in service:
        assert any(digit.isdigit() for digit in service["image"].partition(":")[2]), service["image"]


def test_redis_is_open_to_no_machine(compose: dict[str, Any]) -> None:
    assert "ports" not in compose["services"]["redis"]


def test_what_must_not_be_lost_lies_in_a_named_volume(compose: dict[str, Any]) -> None:
    for name in ("redis", "s3", "flower", "sandbox"):
        volumes = [volume.partition(":")[0] for volume in compose["services"][name]["volumes"]]
        assert volumes and set(volumes) <= set(compose["volumes"])


def test_there_are_as_many_workers_as_are_asked_for(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker"]["deploy"]["replicas"] == "2"
    assert read({**SECRETS, "RUSHES_WORKERS": "7"})["services"]["worker"]["deploy"]["replicas"] == "7"


def test_the_sandbox_is_there_for_rehearsals_alone(compose: dict[str, Any]) -> None:
    assert compose["services"]["sandbox"]["profiles"] == ["sandbox"]
    assert compose["services"]["webhooks"]["profiles"] == ["webhooks"]
    assert all("profiles" not in compose["services"][name] for name in SERVICES - {"sandbox", "webhooks"})


def test_the_workers_settings_are_right_as_they_stand(compose: dict[str, Any], tmp_path: Any) -> None:
    settings = load_settings(compose["services"]["worker"]["environment"], tmp_path)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == f"redis://:{SECRETS['REDIS_PASSWORD']}@redis:6379/0"
    assert settings.store == "s3://rushes/renders"


@pytest.mark.parametrize("provider", CONVENTIONS)
def test_the_workers_can_be_pointed_at_the_sandbox_for_every_provider(provider: str, tmp_path: Any) -> None:
    key, address = CONVENTIONS[provider].key_variable, f"RUSHES_{provider.upper()}_URL"
    given = {**SECRETS, address: "http://sandbox:8787", key: "rehearsal:rehearsal", "RUSHES_NAMESPACE": "rehearsal"}
    settings = load_settings(read(given)["services"]["worker"]["environment"], tmp_path)
    assert settings.provider(provider).url == "http://sandbox:8787"
    assert settings.provider(provider).key is not None
    assert settings.namespace == "rehearsal"
    assert load_settings(read(SECRETS)["services"]["worker"]["environment"], tmp_path).provider(provider).url == (
        CONVENTIONS[provider].url
    )
