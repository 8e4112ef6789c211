from __future__ import annotations

import json

import pytest

from workers.errors import SettingsError
from workers.sandbox.account import Account, Footage, Stage, Submission, digest
from workers.sandbox.server import SandboxOptions, running_sandbox


def submission(id: str, *, starts: float = 2, ends: float = 12, **fields) -> Submission:
    return Submission(
        **{
            "id": id,
            "provider": "fal",
            "endpoint": "video",
            "body": {"prompt": "ö"},
            "prompt": "ö",
            "digest": digest("video", {"prompt": "ö"}),
            "accepted": 0,
            "ready": 1,
            "starts": starts,
            "ends": ends,
            "outcome": "video",
            "footage": Footage(seconds=5, width=864, height=496, audio=True, look=0),
            **fields,
        }
    )


def test_the_account_is_what_was_billed(talk):
    talk.accepted("a cat", duration="15")
    talk.accepted("a cat", duration="15")
    talk.accepted("a dog [sandbox: moderation]")
    talk.accepted("a dog [sandbox: fail]")
    talk.submit("a cat", duration="99")
    account = talk.client.get("/sandbox/account").json()
    assert {name: account[name] for name in ("submissions", "billed", "billed_seconds")} == {
        "submissions": 4,
        "billed": 2,
        "billed_seconds": 30,
    }
    assert [job["billed"] for job in account["jobs"]] == [True, True, False, False]
    assert [job["outcome"] for job in account["jobs"]] == ["video", "video", "refused", "failed"]
    twice = account["jobs"][0]
    assert twice["digest"] == account["jobs"][1]["digest"]
    assert twice["id"] != account["jobs"][1]["id"]
    assert twice["endpoint"] == "bytedance/seedance-2.0/fast/text-to-video"
    assert twice["body"]["prompt"] == "a cat"
    assert twice["accepted"] == talk.clock.time
    assert (twice["stage"], twice["cancelled"]) == ("waiting", None)
    assert talk.sandbox.account.report(talk.clock.time) == account


def test_health(talk):
    assert talk.client.get("/sandbox/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("now", "stage"), [(0, Stage.WAITING), (2, Stage.RENDERING), (11.9, Stage.RENDERING), (12, Stage.OVER)]
)
def test_the_stages_of_a_job(now, stage):
    assert submission("a").stage(now) is stage
    assert submission("a", cancelled=1.0).stage(now) is Stage.OVER


def test_a_digest_knows_no_order_of_keys():
    assert digest("video", {"a": 1, "b": [2]}) == digest("video", {"b": [2], "a": 1})
    assert digest("video", {"a": 1}) != digest("image", {"a": 1})
    assert digest("video", {"a": 1}) != digest("video", {"a": "1"})


def test_seats_are_those_of_one_provider():
    account = Account()
    account.add(submission("a", starts=0, ends=10))
    account.add(submission("b", starts=0, ends=20))
    account.add(submission("c", starts=0, ends=99, provider="ark"))
    assert [account.start("fal", 5, seats=seats) for seats in (1, 2, 3)] == [20, 10, 5]


def test_how_many_a_provider_had_at_once_counts_what_it_queues_and_no_two_that_only_meet():
    account = Account()
    for number, (accepted, ends, provider) in enumerate(
        [(0, 10, "fal"), (5, 20, "fal"), (10, 30, "fal"), (0, 99, "ark"), (1, 2, "ark"), (2, 3, "ark")]
    ):
        account.add(submission(str(number), accepted=accepted, starts=ends - 1, ends=ends, provider=provider))
    account.add(submission("6", accepted=6, ends=99, starts=90, cancelled=7.0))
    assert account.report(9.0)["most_at_once"] == {"fal": 3, "ark": 2}
    account.add(submission("7", accepted=7, ends=99, starts=90))
    assert account.report(9.0)["most_at_once"] == {"fal": 3, "ark": 2}


def test_requests_are_counted_by_their_path(talk):
    job = talk.accepted("a cat")
    for _ in range(2):
        talk.client.get(job["status_url"].removeprefix(talk.sandbox.url))
    counted = talk.client.get("/sandbox/requests").json()
    assert {path: times for path, times in counted.items() if "{owner" in path} == {
        "POST /{owner}/{alias}/{path}": 1,
        "GET /{owner}/{alias}/requests/{id}/status": 2,
    }


def test_moving_up_leaves_no_seat_twice_taken():
    account = Account()
    for number in range(20):
        start = account.start("fal", 0, seats=3)
        account.add(submission(str(number), starts=start, ends=start + 10 + number, ready=0))
    for job, now in (("9", 5.0), ("5", 7.0), ("15", 30.0)):
        assert account.cancel(job, now, seats=3)
    left = [job for job in account.submissions() if job.cancelled is None]
    assert len(left) == 17
    for job in left:
        assert sum(other.starts <= job.starts < other.ends for other in left) <= 3
        assert job.ends - job.starts == 10 + int(job.id)
    assert not account.cancel("9", 40.0, seats=3)
    assert not account.cancel("0", 40.0, seats=3)
    assert not account.cancel("nobody", 40.0, seats=3)


def test_what_had_begun_is_billed_though_it_stops_and_its_seat_is_free_from_then_on():
    account = Account()
    for number, (starts, ends) in enumerate([(1, 21), (1, 31), (21, 41), (31, 51)]):
        account.add(submission(str(number), starts=starts, ends=ends))
    assert not account.cancel("1", 5.0, seats=2)
    assert account.cancel("1", 5.0, seats=2, rendering=True)
    assert not account.cancel("1", 6.0, seats=2, rendering=True)
    jobs = {job.id: job for job in account.submissions()}
    assert (jobs["1"].over, jobs["1"].begun, jobs["1"].billed) == (5.0, True, True)
    assert [(jobs[id].starts, jobs[id].ends) for id in ("0", "2", "3")] == [(1, 21), (5, 25), (21, 41)]
    # What waits costs nothing, whatever else would stop.
    assert account.cancel("3", 6.0, seats=2, rendering=True)
    waited = account.submissions()[3]
    assert (waited.over, waited.begun, waited.billed) == (6.0, False, False)
    assert account.start("fal", 6.0, seats=2) == 21
    report = account.report(6.0)
    assert (report["submissions"], report["cancelled"], report["billed"]) == (4, 2, 3)
    assert [job["cancelled"] for job in report["jobs"]] == [None, 5.0, None, 6.0]


def test_jobs_survive_a_restart(start, tmp_path):
    state = tmp_path / "deep" / "state.jsonl"
    options = {"state": state, "seats": 1, "queue_seconds": 0, "render_seconds": 10}
    first = start(**options)
    jobs = [first.accepted(f"cat {number}") for number in range(4)]
    first.client.put(jobs[1]["cancel_url"])
    before = first.client.get("/sandbox/account").json()

    second = start(**options)
    assert second.client.get("/sandbox/account").json() == before
    assert [job["cancelled"] is not None for job in before["jobs"]] == [False, True, False, False]
    path = jobs[2]["status_url"].removeprefix(first.sandbox.url)
    assert second.client.get(path).json()["queue_position"] == 0
    second.finish()
    result = second.client.get(path.removesuffix("/status")).json()
    assert second.client.get(result["video"]["url"]).status_code == 200
    assert second.accepted("cat 0")["request_id"] not in {job["id"] for job in before["jobs"]}


def test_each_acceptance_is_on_the_disk_before_it_is_answered(start, tmp_path):
    state = tmp_path / "state.jsonl"
    talk = start(state=state)
    for number in range(3):
        talk.accepted(f"cat {number}")
        assert len(state.read_text(encoding="utf-8").splitlines()) == number + 1


def test_half_a_line_is_dropped(tmp_path):
    state = tmp_path / "state.jsonl"
    account = Account(state)
    account.add(submission("a"))
    with state.open("a", encoding="utf-8") as file:
        file.write('{"id": "b", "prov')
    again = Account(state)
    assert [job.id for job in again.submissions()] == ["a"]
    again.add(submission("c"))
    assert [job.id for job in Account(state).submissions()] == ["a", "c"]


def test_a_state_that_is_no_account(tmp_path, cache):
    state = tmp_path / "state.jsonl"
    state.write_text(json.dumps({"id": "a"}) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"state\.jsonl, line 1: not a submission"):
        Account(state)
    with (
        pytest.raises(SettingsError, match=r"sandbox state .*: Is a directory"),
        running_sandbox(SandboxOptions(cache=cache, state=tmp_path)),
    ):
        pass
