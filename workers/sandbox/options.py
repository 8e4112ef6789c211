"""How a sandbox behaves: how fast it renders, how much at once, and what goes wrong how often."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from workers.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What a sandbox is told at its start; all but `cache` and `state` may be changed while it runs.

    `cache`            folder in which the videos are kept; it is made when it is missing.
    `state`            file in which accepted jobs outlive the sandbox. None forgets them with it.
    `seed`             decides every die: the same seed, requests and options bring the same trouble.
    `key`              the only API key that is let in. None lets in any key, but not its absence.
    `locked`           whether the account has run out of money: nothing more is accepted.
    `queue_seconds`    seconds that every job waits before it may start.
    `render_seconds`   seconds that a render takes, give or take the share `jitter` of it.
    `spread`           above 0, renders are lognormal about `render_seconds` instead: the standard deviation of the
                       logarithm, 0.35 say.
    `seats`            how many jobs of one provider render at once; the others wait in its queue.
    `link_seconds`     seconds after the end of a render for which its file can be had. None is for ever.
    `late_validation`  accept a body that breaks the schema and refuse it in the job's result instead.
    `pad_to`           bytes up to which every video is padded, as a real one is larger than ours.
    `retry_after`      seconds named in `Retry-After`.
    `anyfast_hang_seconds`  seconds for which AnyFast holds back the answer to what it has accepted.
    `cloudflare_envelope`  whether Cloudflare's answers come as its pages show them (`raw`) or in the envelope
                       that the rest of its API has (`wrapped`); its pages don't say.

    The rates are shares between 0 and 1; `workers.sandbox.faults` says what each fault does.

    Raises:
        SettingsError: a number is out of its range.
    """

    cache: Path
    state: Path | None = None
    seed: int = 0
    key: str | None = None
    locked: bool = False
    queue_seconds: float = 0.5
    render_seconds: float = 3.0
    jitter: float = 0.2
    spread: float = 0.0
    seats: int = 40
    link_seconds: float | None = None
    late_validation: bool = False
    pad_to: int | None = None
    retry_after: int = 1
    anyfast_hang_seconds: float = 0.0
    cloudflare_envelope: str = "raw"
    rate_limit_rate: float = 0.0
    error_rate: float = 0.0
    hangup_rate: float = 0.0
    drop_rate: float = 0.0
    moderation_rate: float = 0.0
    fail_rate: float = 0.0
    garbage_rate: float = 0.0
    cut_rate: float = 0.0
    html_rate: float = 0.0
    truncated_rate: float = 0.0

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            share = option.name.endswith("_rate") or option.name == "jitter"
            if isinstance(value, float) and not math.isfinite(value):
                raise SettingsError(f"sandbox {option.name}: {value} is not a finite number")
            if share and not 0 <= value <= 1:
                raise SettingsError(f"sandbox {option.name}: {value} is not a share between 0 and 1")
            if option.name.endswith("_seconds") and value is not None and value < 0:
                raise SettingsError(f"sandbox {option.name}: {value} is below 0 seconds")
        if not 0 <= self.spread <= 3:
            raise SettingsError(f"sandbox spread: {self.spread} is not between 0 and 3")
        if self.cloudflare_envelope not in ("raw", "wrapped"):
            raise SettingsError(f"sandbox cloudflare_envelope: {self.cloudflare_envelope!r} is neither raw nor wrapped")
        if self.seats < 1:
            raise SettingsError(f"sandbox seats: {self.seats} is below 1; nothing would ever be rendered")
