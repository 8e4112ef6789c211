"""The forms in which a store may be named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workers.errors import SettingsError
from workers.store import open_store


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/srv/renders", "/srv/renders/a.mp4"),
        ("/srv/renders/", "/srv/renders/a.mp4"),
        ("file:///srv/my%20renders", "/srv/my renders/a.mp4"),
        ("file://localhost/srv/renders", "/srv/renders/a.mp4"),
        ("renders", str(Path.cwd() / "renders/a.mp4")),
        ("./renders", str(Path.cwd() / "renders/a.mp4")),
        ("~/renders", str(Path.home() / "renders/a.mp4")),
    ],
)
def test_a_folder(url: str, path: str) -> None:
    assert open_store(url).url("a.mp4") == path


@pytest.mark.parametrize("url", ["s3://films/night", "s3://films/night/", "S3://films/night"])
def test_a_bucket(url: str) -> None:
    assert open_store(url).url("a.mp4") == "s3://films/night/a.mp4"


@pytest.mark.parametrize(
    "url",
    ["", " ", "gs://films", "https://films.example/x", "file://elsewhere/srv", "file:relative", "redis://x", "a\0b"],
)
def test_anything_else_is_a_wrong_setting_and_names_the_forms(url: str) -> None:
    with pytest.raises(SettingsError, match="s3://bucket/prefix, file:///an/absolute/path") as caught:
        open_store(url)
    assert repr(url) in str(caught.value)


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        open_store("https://me:hunter2@films.example/x")
    assert "hunter2" not in str(caught.value)


def test_a_folder_does_not_cost_the_import_of_boto3() -> None:
    code = "import sys; from workers.store import open_store; open_store('/srv'); sys.exit('boto3' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
