"""S3 servers to test against: moto's in this process, and rclone's, which checks signatures."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

ACCESS = "rushes-access"
SECRET = "rushes-very-secret"


@dataclass(frozen=True)
class S3Server:
    """A running server. `wire` is a client of our own, to look behind the store's back."""

    endpoint: str
    bucket: str
    stop: Callable[[], None]

    def wire(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


def start_moto() -> S3Server:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    started = S3Server(f"http://{host}:{port}", f"films-{port}", server.stop)
    started.wire().create_bucket(Bucket=started.bucket)
    return started


def start_rclone(folder: Path) -> S3Server:
    """Serve the folders in `folder` as buckets, of which there is one. It says at which port it listens."""
    (folder / "films").mkdir(parents=True)
    program = Path(sysconfig.get_path("scripts")) / "rclone"
    log = folder.parent / f"{folder.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", f"{ACCESS},{SECRET}", folder],
            env={"PATH": os.environ["PATH"], "RCLONE_CONFIG": os.devnull, "HOME": str(folder.parent)},
            stderr=out,
        )

    def stop() -> None:
        process.kill()
        process.wait()

    deadline = time.monotonic() + 300
    while not (told := re.search(r"Starting s3 server on \[(http://[\d.:]+)/\]", log.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            stop()
            raise AssertionError(f"rclone did not start: {log.read_text()}")
        time.sleep(0.02)
    return S3Server(told[1], "films", stop)


def point_at(patch: pytest.MonkeyPatch, endpoint: str, *, secret: str = SECRET) -> None:
    """Set the environment that a person would set."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    patch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
