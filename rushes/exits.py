"""The exit codes, which the reference tells people to rely on."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended. Where several hold, the one named first here is told, but for `DONE`."""

    DONE = 0
    """Everything that was asked for is there."""

    DEFECT = 1
    """Something that Rushes did not foresee."""

    WRONG_INPUT = 2
    """The manifest, a setting or an argument is wrong; nothing was sent."""

    PROVIDER = 4
    """The provider is paused or can't be reached, and takes are still waiting for it."""

    TROUBLE = 5
    """Redis or the store failed for longer than we wait; nothing that was paid for is lost."""

    DOUBT = 6
    """Takes are in doubt: they may have been paid for, and a person has to decide."""

    STOPPED = 7
    """Stopped by a limit that was set, or by a person; what is under way was finished."""

    FAILED = 3
    """Some takes have failed; all others are done."""

    INTERRUPTED = 130
    """Stopped by Ctrl-C. The same command carries on."""
