"""A process that stands by with everything loaded, and develops each video in a child of its own, which it forks.

    python -m workers.media.standby

Loading Python and FFmpeg takes three times the CPU that a short clip does. A child that was forked is as much by itself
as one that was started: it limits itself, may crash or hang, and leaves nothing behind for the next video.

It is told on standard input, a line of JSON for each: the program's module and its arguments. It answers with two: the
child's process, before that begins; and how it ended, with what it said. It ends with its input, or when nothing was
asked of it for half a minute.
"""

from __future__ import annotations

import gc
import json
import os
import select
import selectors
import sys
import traceback

from workers.media import develop, reprint

IDLE_SECONDS = 30.0

PROGRAMS = {develop.__spec__.name: develop.main, reprint.__spec__.name: reprint.main}

_MOST_COMPLAINT = 64 * 1024


def main() -> int:
    """Serve until there is no more to do; the exit code."""
    # A collection in a child would touch, and so copy, all that it has in common with this process.
    gc.freeze()
    while select.select([0], [], [], IDLE_SECONDS)[0]:
        line = _line()
        if not line:
            break
        module, arguments = json.loads(line)
        _say(_in_a_child(module, arguments))
    return 0


def _line() -> bytes:
    """The next line; without a buffer, in which `select` would not see what has come."""
    line = bytearray()
    while not line.endswith(b"\n"):
        come = os.read(0, 1)
        if not come:
            return b""
        line += come
    return bytes(line)


def _in_a_child(module: str, arguments: list[str]) -> dict[str, object]:
    said, complained = os.pipe(), os.pipe()
    go = os.pipe()
    pid = os.fork()
    if pid == 0:
        _develop(module, arguments, go, said[1], complained[1])
    for end in (said[1], complained[1], go[0]):
        os.close(end)
    # Nothing begins before it is known whom to end if it takes too long.
    _say({"pid": pid})
    os.close(go[1])
    output, complaint = _heard(said[0], complained[0])
    _, status = os.waitpid(pid, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "output": output.decode(errors="replace"),
        "complaint": complaint.decode(errors="replace"),
    }


def _develop(module: str, arguments: list[str], go: tuple[int, int], out: int, err: int) -> None:
    """In the child: run the program, and end."""
    code = 1
    try:
        os.close(go[1])
        os.read(go[0], 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        develop.limit_itself()
        code = PROGRAMS[module](arguments)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - a child that went on would serve in the place of its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def _heard(said: int, complained: int) -> tuple[bytes, bytes]:
    heard = {said: bytearray(), complained: bytearray()}
    with selectors.DefaultSelector() as selector:
        for end in heard:
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                come = os.read(key.fd, 65536)
                if not come:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                elif len(heard[key.fd]) < _MOST_COMPLAINT:
                    heard[key.fd] += come
    return bytes(heard[said]), bytes(heard[complained])


def _say(answer: dict[str, object]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
