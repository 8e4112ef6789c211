from __future__ import annotations

import math
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from workers.errors import SettingsError
from workers.sandbox.server import SandboxOptions, running_sandbox

PROGRAM = """
import sys
from pathlib import Path
from workers.sandbox.server import SandboxOptions, serve

cache, state = map(Path, sys.argv[1:])
serve(SandboxOptions(cache=cache, state=state), "127.0.0.1", 0, lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_program_serves_until_it_is_told_to_end(tmp_path: Path, cache: Path, ending: signal.Signals):
    command = [sys.executable, "-c", PROGRAM, str(cache), str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        with httpx.Client(base_url=url, headers={"Authorization": "Key k"}) as client:
            accepted = client.post("/bytedance/seedance-2.0/text-to-video", json={"prompt": "a cat"})
            assert accepted.status_code == 200
            assert client.get("/sandbox/account").json()["billed"] == 1
            program.send_signal(ending)
            out, err = program.communicate(timeout=300)
    assert (out, err, program.returncode) == ("ended\n", "", 0)
    with running_sandbox(SandboxOptions(cache=cache, state=tmp_path / "state")) as sandbox:
        assert [job.id for job in sandbox.account.billed()] == [accepted.json()["request_id"]]


def test_a_port_that_is_taken(cache):
    options = SandboxOptions(cache=cache)
    with running_sandbox(options) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with (
            pytest.raises(SettingsError, match=rf"can't listen on 127\.0\.0\.1:{port}: .*; name another port"),
            running_sandbox(options, port=port),
        ):
            pass
        assert httpx.get(f"{sandbox.url}/sandbox/health").status_code == 200


def test_a_sandbox_that_was_stopped_answers_no_more(cache):
    with running_sandbox(SandboxOptions(cache=cache)) as sandbox:
        assert httpx.get(f"{sandbox.url}/sandbox/health").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{sandbox.url}/sandbox/health")


def test_a_cache_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(SettingsError, match=r"sandbox cache .*; name another folder"),
        running_sandbox(SandboxOptions(cache=tmp_path / "file" / "cache")),
    ):
        pass


def test_renders_differ_in_length_by_the_jitter(start):
    talk = start(render_seconds=10.0, jitter=0.5, queue_seconds=0)
    for number in range(40):
        talk.accepted(f"cat {number}")
    lengths = [job.ends - job.starts for job in talk.sandbox.account.submissions()]
    assert 5 <= min(lengths) < 8
    assert 12 < max(lengths) <= 15


def test_renders_are_lognormal_where_a_spread_is_given(start):
    talk = start(render_seconds=10.0, spread=0.5, queue_seconds=0)
    for number in range(200):
        talk.accepted(f"cat {number}")
    logs = sorted(math.log(job.ends - job.starts) for job in talk.sandbox.account.submissions())
    assert abs(statistics.median(logs) - math.log(10)) < 0.15
    assert 0.4 < statistics.stdev(logs) < 0.6
    with pytest.raises(SettingsError, match="sandbox spread"):
        talk.sandbox.change(spread=4.0)
