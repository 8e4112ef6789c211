"""Starts a worker, or the command, as `python -m` would, after it has been made ready to be struck.

    python launcher.py workers worker -c 8 ...
    python launcher.py rushes submit --wait night.yaml

`RUSHES_CHAOS` says in JSON how (`Orders`). What is changed here is where the process may die, what it takes the time to
be, how large a file it may write, and how long it is patient: leases and deadlines keep their order and are shorter, so
that a scenario takes seconds where a night would take minutes. In the nursery's processes, which exist to be cheap,
videos are developed by a thread and not by a process of their own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strikes import POINTS, Strike, Striker

VARIABLE = "RUSHES_CHAOS"

LEASES_FASTER = 20.0
SHORT_SUBMISSION, LONG_SUBMISSION = 2.0, 4.0
"""Deadlines of a POST, in seconds: of one that a thread waits for, and of one that it doesn't."""

PATIENCE: dict[str, Any] = {
    "BEGIN_SECONDS": 0.5,
    "INTENT_SECONDS": 6.0,
    "FILING_SECONDS": 4.0,
    "LEASE_MARGIN": 0.5,
    "LONGEST_WAIT": 3.0,
    "POLL_SECONDS": 1.5,
    "PAGE_SECONDS": 1.0,
    "LISTED_SECONDS": 0.5,
    "AGAIN_SECONDS": 0.5,
    "UNREACHABLE_SECONDS": 1.0,
    "RATE_SECONDS": 1.0,
    "STORE_SECONDS": 1.0,
    "BETWEEN_PAGES": 0.1,
    "RECORDED_SECONDS": 0.3,
    "_LOCK_SECONDS": 4.0,
    "LOOKS": (0.5, 1.0, 1.0, 2.0, 3.0),
}


@dataclass(frozen=True)
class Orders:
    """How a process is to be changed. `clock` is in seconds by which its clock is wrong, `largest_file` in bytes.

    `twice` are the steps of which each message is sent twice. `develops` says that videos are developed in it. `log` is
    the file in which strikes are written down.
    """

    log: str
    strike: Strike | None = None
    clock: float = 0.0
    largest_file: int | None = None
    twice: tuple[str, ...] = ()
    quick: bool = True
    develops: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Orders:
        values = json.loads(text)
        strike = values.pop("strike")
        twice = tuple(values.pop("twice"))
        return cls(**values, twice=twice, strike=None if strike is None else Strike(**strike))


def carry_out(orders: Orders) -> None:
    """Change this process, before it has begun."""
    import workers.tasks

    if orders.quick:
        _hurry()
    if orders.develops:
        _develop_here()
    if orders.clock:
        _set_clock(orders.clock)
    if orders.twice:
        _send_twice(workers.tasks.app, orders.twice)
    if orders.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders.largest_file, orders.largest_file))
    if orders.strike is not None:
        POINTS[orders.strike.point](Striker(orders.strike, Path(orders.log)).here)


def _hurry() -> None:
    from workers.engine.room import Leases
    from workers.providers import PROVIDERS, adapter

    defaults = Leases.__init__.__defaults__
    assert defaults is not None
    Leases.__init__.__defaults__ = tuple(seconds / LEASES_FASTER for seconds in defaults)
    for provider in PROVIDERS:
        one = adapter(provider)
        long = one.submit_timeout > 60.0
        object.__setattr__(one, "submit_timeout", LONG_SUBMISSION if long else SHORT_SUBMISSION)
    changed = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("workers."):
            for constant, value in PATIENCE.items():
                if hasattr(module, constant):
                    setattr(module, constant, value)
                    changed.add(constant)
    missing = set(PATIENCE) - changed
    assert not missing, f"no module of workers has {', '.join(sorted(missing))} any more"


def _develop_here() -> None:
    from workers.media import darkroom, develop

    alone = threading.Lock()

    def run(command: list[str], video: Path, timeout: float) -> dict[str, Any]:
        program = command.index("-m")
        assert command[program + 1] == develop.__name__, f"it is {command[program + 1]} that develops videos now"
        said = io.StringIO()
        with alone, contextlib.redirect_stdout(said):
            code = develop.main(command[program + 2 :])
        return darkroom._answer(code, said.getvalue().encode(), b"", video)

    darkroom._run = run


def _set_clock(wrong_by: float) -> None:
    from workers.clock import SystemClock

    right = SystemClock.now
    SystemClock.now = lambda self: right(self) + wrong_by  # type: ignore[method-assign]


def _send_twice(app: Any, steps: tuple[str, ...]) -> None:
    send = app.send_task

    def twice(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in steps:
            send(name, *args, **kwargs)
        return send(name, *args, **kwargs)

    app.send_task = twice


def main() -> None:
    program, *arguments = sys.argv[1:]
    carry_out(Orders.from_json(os.environ[VARIABLE]))
    sys.argv = [program, *arguments]
    if program == "workers":
        from workers.celery import app

        app.start(argv=arguments)
    elif program == "rushes":
        from rushes.command import main as command

        command()
    else:
        raise SystemExit(f"there is no program {program!r}: workers or rushes")


if __name__ == "__main__":
    main()
