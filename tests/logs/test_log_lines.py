"""What a line of the log says, as text and as JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from workers.logs.subject import Subject, about, current, subject_of
from workers.logs.writing import LogFormat, dress

SECRET = "falsecret0123456789"
NIGHT = Subject("night", "opening/0007-wheat", 2)


@pytest.fixture
def written() -> Iterator[Callable[[LogFormat], tuple[logging.Logger, io.StringIO]]]:
    """Makes a logger of one's own, and what it writes."""
    log = logging.Logger("workers.steps.here", logging.DEBUG)

    def make(form: LogFormat) -> tuple[logging.Logger, io.StringIO]:
        lines = io.StringIO()
        handler = logging.StreamHandler(lines)
        dress([handler], form, [SECRET])
        log.addHandler(handler)
        return log, lines

    yield make
    log.handlers.clear()


def test_a_line_of_json_says_which_take_it_is_about(written: Any) -> None:
    log, lines = written("json")
    with about(NIGHT):
        log.warning("the store fails: %s", "späť")
    log.info("the pump waits")
    first, second = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", first.pop("time"))
    assert isinstance(first.pop("pid"), int)
    assert first == {
        "level": "WARNING",
        "logger": "workers.steps.here",
        "message": "the store fails: späť",
        "batch": "night",
        "shot": "opening",
        "take": "opening/0007-wheat",
        "attempt": 2,
    }
    assert set(second) == {"time", "pid", "level", "logger", "message"}


def test_a_line_of_text_says_it_at_its_end(written: Any) -> None:
    log, lines = written("text")
    with about(NIGHT):
        log.warning("the store fails")
    with about(Subject("night")):
        log.warning("the store fails")
    log.warning("the store fails")
    told = [line.partition(" WARNING ")[2] for line in lines.getvalue().splitlines()]
    assert told == [
        "the store fails [night/opening/0007-wheat attempt 2]",
        "the store fails [night]",
        "the store fails",
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_written(written: Any, form: LogFormat) -> None:
    log, lines = written(form)
    with about(NIGHT):
        try:
            raise ValueError(f"Authorization: Key id:{SECRET}")
        except ValueError:
            log.exception("a call with %s broke off", SECRET, stack_info=True)
    assert "ValueError" in lines.getvalue() and "test_log_lines" in lines.getvalue(), "the traceback is there"
    assert SECRET not in lines.getvalue()


def test_a_traceback_stays_within_its_line_of_json(written: Any) -> None:
    log, lines = written("json")
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        log.exception("a defect")
    [line] = lines.getvalue().splitlines()
    assert json.loads(line)["exception"].startswith("Traceback") and "one\ntwo" in json.loads(line)["exception"]


def test_what_celery_says_of_a_message_is_told_of_its_take_without_its_arguments(written: Any) -> None:
    log, lines = written("json")
    data = {"id": "night/opening/0007-wheat:submit:2.12", "name": "submit", "args": "arguments"}
    log.info("Task %(name)s[%(id)s] received", data, extra={"data": data})
    line = json.loads(lines.getvalue())
    assert (line["batch"], line["take"], line["attempt"]) == ("night", "opening/0007-wheat", 2)
    assert "data" not in line and "arguments" not in lines.getvalue()


@pytest.mark.parametrize(
    ("task_id", "subject"),
    [
        ("night/opening/0007-wheat:submit:2.12", NIGHT),
        ("night/opening/0007-wheat:collect:12", Subject("night", "opening/0007-wheat")),
        ("night/opening/0007.orphan-1a2b:poll:3", Subject("night", "opening/0007.orphan-1a2b")),
        ("night/opening/0007-wheat+49:poll:12", Subject("night")),
        ("night:recover", Subject("night")),
        ("9c1f7e6a-3f5e-4d2b-8f1e-0a1b2c3d4e5f", None),
        ("", None),
    ],
)
def test_a_message_names_what_it_is_about(task_id: str, subject: Subject | None) -> None:
    assert subject_of(task_id) == subject


def test_each_thread_is_at_work_on_its_own_take() -> None:
    seen = []
    with about(NIGHT):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
        with about(Subject("morning")):
            assert current() == Subject("morning")
        assert current() == NIGHT
    assert seen == [None] and current() is None
