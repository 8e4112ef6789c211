"""`jobs` knows nobody: no workers, no network, no Redis."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import jobs

FORBIDDEN = ("workers", "rushes", "redis", "celery", "httpx", "aiohttp", "boto3")


def test_jobs_imports_nothing_of_the_engine() -> None:
    modules = [module.name for module in pkgutil.walk_packages(jobs.__path__, "jobs.")]
    assert {"jobs.takes.expansion", "jobs.reading.loading", "jobs.capabilities.table"} <= set(modules)
    program = f"import sys, {', '.join(modules)}; print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
