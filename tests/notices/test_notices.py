"""Telling people who don't watch: once, again when it fails, and never more often than that."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from scripted_fal import ScriptedFal
from told_people import Listener, Postman
from workbench import Bench, Make

from workers.engine.states import State, Step
from workers.errors import SettingsError
from workers.notices.notifier import Notifier
from workers.notices.outbox import LEASE_SECONDS, MOST_TRIES, Outbox
from workers.settings import NOTICES, load_settings
from workers.steps import submit


def notifier(bench: Bench) -> Notifier:
    return Notifier(bench.context, bench.room.scripts)


def refused(make: Make, fal: ScriptedFal, takes: int = 2, **environ: str) -> Bench:
    """A batch of which the first take is refused."""
    fal.posts = [lambda asked: asked.say(422, {"detail": [{"msg": "no", "type": "x"}]})]
    bench = make(fal.url, **environ)
    bench.open(takes=takes)
    works = bench.all_due(Step.SUBMIT)
    submit(bench.context, works[0])
    bench.works = works[1:]
    return bench


def finish(bench: Bench) -> None:
    for work in bench.all_due(Step.SUBMIT):
        submit(bench.context, work)


def test_the_first_failure_and_the_end_are_told_once_each(make: Make, fal: ScriptedFal, listener: Listener) -> None:
    bench = refused(make, fal, RUSHES_NOTIFY_WEBHOOK=listener.url)
    teller = notifier(bench)
    assert teller.once() == 1
    assert [(each["event"], each["batch"]) for each in listener.got] == [("failure", "b")]
    assert listener.got[0]["report"]["failures"][0]["kind"] == "invalid"
    finish(bench)
    assert teller.once() == 1
    assert notifier(bench).once() == 0, "whoever looks next"
    assert [each["event"] for each in listener.got] == ["failure", "end"]
    assert listener.got[1]["report"]["over"]
    assert len({each["id"] for each in listener.got}) == 2


def test_a_batch_that_is_only_looked_at_wakes_nobody(make: Make, fal: ScriptedFal, listener: Listener) -> None:
    bench = make(fal.url, RUSHES_NOTIFY_WEBHOOK=listener.url)
    bench.open()
    assert notifier(bench).once() == 0


def test_a_doubt_and_a_pause_for_money_are_told_and_told_again_when_they_come_back(
    make: Make, fal: ScriptedFal, listener: Listener
) -> None:
    fal.posts = [lambda asked: asked.hang_up()]
    bench = make(fal.url, RUSHES_NOTIFY_WEBHOOK=listener.url, RUSHES_NOTIFY_ON="doubt, paused")
    bench.open(takes=3)
    bench.works = bench.all_due(Step.SUBMIT)
    first = bench.works.pop(0)
    submit(bench.context, first)
    assert notifier(bench).once() == 0, "it is being settled"
    bench.clock.forward(60)
    for work in bench.all_due(Step.SETTLE):
        bench.room.move(work, State.DOUBT, State.DOUBT)
    assert notifier(bench).once() == 1
    bench.room.pause("fal", kind="quota", reason="out of money")
    assert notifier(bench).once() == 1
    assert notifier(bench).once() == 0
    bench.room.set_limits("fal", bench.context.limits("fal"))
    assert notifier(bench).once() == 0
    bench.clock.forward(1)
    bench.room.pause("fal", kind="quota", reason="out of money")
    assert notifier(bench).once() == 1
    assert [each["event"] for each in listener.got] == ["doubt", "paused", "paused"]
    assert "out of money" in listener.got[1]["report"]["waits_for"]


def test_what_fails_is_tried_again_ever_more_slowly_and_given_up_at_last(
    make: Make, fal: ScriptedFal, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.statuses = [503]
    bench = refused(make, fal, RUSHES_NOTIFY_WEBHOOK=listener.url, RUSHES_NOTIFY_ON="failure")
    tries = 0
    with caplog.at_level(logging.WARNING):
        for _ in range(MOST_TRIES * 2):
            notifier(bench).once()
            notifier(bench).once()
            tries += 1
            assert len(listener.got) == min(tries, MOST_TRIES)
            bench.clock.forward(2000)
    assert len({each["id"] for each in listener.got}) == 1
    assert "127.0.0.1 answered 503; trying again in 5 s" in caplog.text
    assert "it is given up" in caplog.text
    assert "s3cr3t-path" not in caplog.text


def test_one_channel_that_fails_holds_up_no_other(
    make: Make, fal: ScriptedFal, listener: Listener, postman: Postman
) -> None:
    bench = refused(
        make,
        fal,
        RUSHES_NOTIFY_WEBHOOK="http://127.0.0.1:9/x",
        RUSHES_NOTIFY_SLACK=listener.url,
        RUSHES_NOTIFY_SMTP=f"smtp://127.0.0.1:{postman.port}",
        RUSHES_NOTIFY_EMAIL="ada@example.com",
        RUSHES_NOTIFY_ON="failure",
    )
    assert notifier(bench).once() == 2
    [slack], [mail] = listener.got, postman.mails
    assert slack["text"].startswith("b has its first failure: b: 0 of 2 takes done, ")
    assert "1 invalid: " in slack["text"]
    assert "Subject: b has its first failure" in mail
    assert "To: ada@example.com" in mail


def test_a_worker_that_falls_silent_with_a_notice_loses_none(make: Make, fal: ScriptedFal, listener: Listener) -> None:
    bench = refused(make, fal, RUSHES_NOTIFY_WEBHOOK=listener.url, RUSHES_NOTIFY_ON="failure")
    standing = bench.room.standing("b")
    assert standing is not None
    outbox = Outbox(bench.room.scripts)
    assert outbox.look(standing, ["webhook"], NOTICES) == 1
    assert outbox.take() is not None
    assert notifier(bench).once() == 0, "another has it in hand"
    bench.clock.forward(LEASE_SECONDS + 1)
    assert notifier(bench).once() == 1


def test_a_password_is_not_sent_without_encryption(
    make: Make, fal: ScriptedFal, postman: Postman, caplog: pytest.LogCaptureFixture
) -> None:
    bench = refused(
        make,
        fal,
        RUSHES_NOTIFY_SMTP=f"smtp://ada:hunter2222@127.0.0.1:{postman.port}",
        RUSHES_NOTIFY_EMAIL="ada@example.com",
        RUSHES_NOTIFY_ON="failure",
    )
    assert notifier(bench).once() == 0
    assert postman.mails == []
    assert "offers no encryption" in caplog.text
    assert "hunter2222" not in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RUSHES_NOTIFY_WEBHOOK", "ftp://s3cr3t", "must begin with http"),
        ("RUSHES_NOTIFY_SMTP", "s3cr3t", "must be smtp://"),
        ("RUSHES_NOTIFY_ON", "end,lunch", "'lunch' is none of end, failure"),
        ("RUSHES_NOTIFY_EMAIL", "ada@example.com", "wants RUSHES_NOTIFY_SMTP"),
    ],
)
def test_settings_that_make_no_sense_are_told_without_secrets(name: str, value: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        load_settings({name: value, "RUSHES_REDIS_URL": "redis://:pa55word@x"}, tmp_path)
    assert "s3cr3t" not in str(caught.value)
    assert "pa55word" not in str(caught.value)


def test_where_notices_go_is_a_secret_everywhere(tmp_path: Path) -> None:
    hook, mail = "https://hooks.example/s3cr3t", "smtp://ada:hunter2222@mail.example"
    settings = load_settings({"RUSHES_NOTIFY_SLACK": hook, "RUSHES_NOTIFY_SMTP": mail}, tmp_path)
    assert {hook, mail} <= set(settings.secret_values())
    assert "s3cr3t" not in repr(settings)
    assert "hunter2222" not in repr(settings)
