from __future__ import annotations

from collections import Counter

import httpx
import pytest

from workers.errors import SettingsError
from workers.sandbox.faults import Fault, Faults, UnknownFault, asked_for, die
from workers.sandbox.options import SandboxOptions


def billed(talk) -> tuple[int, int]:
    account = talk.sandbox.account
    return len(account.submissions()), len(account.billed())


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("500", 500)])
def test_a_refused_submission_costs_nothing_and_passes_the_next_time(talk, fault, status):
    refused = talk.submit(f"a cat [sandbox: {fault}]")
    assert refused.status_code == status
    assert refused.headers.get("Retry-After") == ("1" if status == 429 else None)
    assert billed(talk) == (0, 0)
    assert talk.submit(f"a cat [sandbox: {fault}]").status_code == 200
    assert billed(talk) == (1, 1)


@pytest.mark.parametrize(("fault", "accepted"), [("drop", 1), ("hangup", 0)])
def test_a_connection_closed_without_an_answer(talk, fault, accepted):
    with pytest.raises(httpx.RemoteProtocolError):
        talk.submit(f"a cat [sandbox: {fault}]")
    assert billed(talk) == (accepted, accepted)
    assert talk.submit(f"a cat [sandbox: {fault}]").status_code == 200
    assert billed(talk) == (accepted + 1, accepted + 1)


def test_a_fault_that_strikes_always(talk):
    assert [talk.submit("[sandbox: 500 always]").status_code for _ in range(3)] == [500] * 3
    assert [talk.submit("[sandbox:429 always]").status_code for _ in range(3)] == [429] * 3
    assert billed(talk) == (0, 0)


def test_garbage_for_an_accepted_submission(talk):
    answer = talk.submit("[sandbox: garbage-submit]")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert billed(talk) == (1, 1)


@pytest.mark.parametrize(("fault", "reason"), [("moderation", None), ("moderation-input", "partner_validation_failed")])
def test_moderation_shows_in_the_result_alone_and_costs_nothing(talk, fault, reason):
    job = talk.accepted(f"[sandbox: {fault}]")
    talk.finish()
    status = talk.client.get(job["status_url"])
    assert (status.status_code, status.json()["status"], "error" in status.json()) == (200, "COMPLETED", False)
    result = talk.client.get(job["response_url"])
    assert result.status_code == 422
    assert result.headers["x-fal-retryable"] == "false"
    (problem,) = result.json()["detail"]
    assert problem["type"] == "content_policy_violation"
    assert problem.get("ctx") == (reason and {"extra_info": {"reason": reason}})
    assert billed(talk) == (1, 0)


@pytest.mark.parametrize(("often", "statuses"), [("", [500, 500]), (" once", [500, 200]), (" always", [500, 500])])
def test_a_render_that_fails_costs_nothing(talk, often, statuses):
    seen = []
    for _ in statuses:
        job = talk.accepted(f"[sandbox: fail{often}]")
        talk.finish()
        seen.append(talk.client.get(job["response_url"]))
    assert [result.status_code for result in seen] == statuses
    assert seen[0].json()["detail"][0]["type"] == "internal_server_error"
    assert seen[0].headers["x-fal-retryable"] == "true"
    assert billed(talk) == (2, statuses.count(200))


def test_a_slow_render_takes_ten_times_as_long(start):
    talk = start(queue_seconds=0, render_seconds=10)
    job = talk.accepted("[sandbox: slow]")
    talk.clock.time += 99
    assert talk.client.get(job["status_url"]).json()["status"] == "IN_PROGRESS"
    talk.clock.time += 1
    assert talk.client.get(job["status_url"]).json()["status"] == "COMPLETED"


@pytest.mark.parametrize(("fault", "status"), [("poll-429", 429), ("poll-500", 500)])
def test_a_poll_that_fails_says_nothing_of_the_job(talk, fault, status):
    job = talk.accepted(f"[sandbox: {fault}]")
    assert [talk.client.get(job["status_url"]).status_code for _ in range(2)] == [status, 202]
    assert billed(talk) == (1, 1)


def test_a_poll_that_is_answered_with_garbage(talk):
    job = talk.accepted("[sandbox: garbage]")
    with pytest.raises(ValueError):
        talk.client.get(job["status_url"]).json()
    assert talk.client.get(job["status_url"]).json()["status"] == "IN_QUEUE"


def test_several_faults_in_one_prompt(talk):
    prompt = "[sandbox: 429] a cat [sandbox: 500]"
    assert [talk.submit(prompt).status_code for _ in range(3)] == [429, 500, 200]


def test_once_is_once_for_each_body(talk):
    assert [talk.submit("[sandbox: 500]", seed=seed).status_code for seed in (1, 2, 1, 2)] == [500, 500, 200, 200]


def statuses(talk, rounds: int) -> list[tuple[int, ...]]:
    return [tuple(talk.submit(f"cat {n}").status_code for _ in range(rounds)) for n in range(30)]


def test_the_dice_follow_the_seed_and_not_the_order(start):
    options = {"rate_limit_rate": 0.3, "error_rate": 0.3}
    first = statuses(start(seed=1, **options), 3)
    assert {status for row in first for status in row} == {200, 429, 500}
    assert statuses(start(seed=1, **options), 3) == first
    assert statuses(start(seed=2, **options), 3) != first
    backwards = start(seed=1, **options)
    rows = [tuple(backwards.submit(f"cat {n}").status_code for _ in range(3)) for n in reversed(range(30))]
    assert rows[::-1] == first


def test_the_dice_of_the_render(start):
    talk = start(moderation_rate=0.3, fail_rate=0.3)
    for number in range(60):
        talk.accepted(f"cat {number}")
    outcomes = Counter(job.outcome for job in talk.sandbox.account.submissions())
    assert set(outcomes) == {"video", "refused", "failed"}
    assert len(talk.sandbox.account.billed()) == outcomes["video"]


def test_the_dice_of_a_lost_answer(start):
    talk = start(drop_rate=1.0)
    with pytest.raises(httpx.RemoteProtocolError):
        talk.submit()
    talk.sandbox.change(drop_rate=0.0, hangup_rate=1.0)
    with pytest.raises(httpx.RemoteProtocolError):
        talk.submit()
    assert billed(talk) == (1, 1)


def test_a_fault_that_the_dice_choose_strikes_the_first_request_about_a_job(start):
    talk = start(garbage_rate=1.0, html_rate=1.0)
    job = talk.accepted()
    with pytest.raises(ValueError):
        talk.client.get(job["status_url"]).json()
    assert talk.client.get(job["status_url"]).json()["status"] == "IN_QUEUE"
    talk.finish()
    url = talk.client.get(job["response_url"]).json()["video"]["url"]
    types = [httpx.get(url).headers["content-type"] for _ in range(2)]
    assert types == ["text/html", "video/mp4"]


def test_a_die_is_fair_enough_and_always_falls_the_same():
    rolls = [die(7, "x", number) for number in range(2_000)]
    assert rolls == [die(7, "x", number) for number in range(2_000)]
    assert all(0 <= roll < 1 for roll in rolls)
    assert 0.2 < sum(roll < 0.25 for roll in rolls) / len(rolls) < 0.3


def test_a_prompt_names_its_faults():
    assert asked_for("a cat") == {}
    assert asked_for("[sandbox: cut] [sandbox:fail once][sandbox: 429 always]") == {
        Fault.CUT: False,
        Fault.FAIL: False,
        Fault.RATE_LIMIT: True,
    }
    assert asked_for("[sandbox: expired]") == {Fault.EXPIRED: True}
    with pytest.raises(UnknownFault, match=r"\[sandbox: flood\] is no fault; they are 429, 500"):
        asked_for("[sandbox: flood]")


def test_every_fault_is_told_of_in_the_module():
    import workers.sandbox.faults as module

    told = {line.split()[0]: line.split()[-1] for line in module.__doc__.splitlines() if line.startswith("      ")}
    assert told == {fault.value: "always" if asked_for(f"[sandbox: {fault}]")[fault] else "once" for fault in Fault}


def test_no_rate_and_no_word_is_no_fault():
    faults = Faults()
    assert not any(faults.strikes(fault, "subject", "a cat") for fault in Fault)


@pytest.mark.parametrize(
    ("option", "value"),
    [("fail_rate", 1.5), ("cut_rate", -0.1), ("jitter", 2.0), ("seats", 0), ("render_seconds", -1.0)],
)
def test_an_option_out_of_its_range(tmp_path, option, value):
    with pytest.raises(SettingsError, match=f"sandbox {option}: {value}"):
        SandboxOptions(cache=tmp_path, **{option: value})
